"""The recipe for a new method in CONTRIBUTING.md works as printed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from xai_widgets.adapters.tiny import tiny
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.testing import ask

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def recipe() -> Iterator[None]:
    """The code block of the recipe, run as the module it says it is, and forgotten afterwards."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("\n## Add a method\n")[1]
    found = re.search(r"`xai_widgets/(explainers/\w+/\w+)\.py`:\n\n```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    module = ModuleType("xai_widgets." + found[1].replace("/", "."))
    sys.modules[module.__name__] = module  # dataclasses look the module up by name
    EXPLAINERS.load()
    exec(compile(found[2], "CONTRIBUTING.md", "exec"), module.__dict__)
    yield
    del sys.modules[module.__name__]
    del EXPLAINERS._items["gradient_peak"]


@pytest.mark.usefixtures("recipe")
def test_the_printed_method_works() -> None:
    lm = tiny("llama")
    question = ask(lm, "The capital of France is")
    found = EXPLAINERS["gradient_peak"].build(power=2).explain(lm, question)
    single = EXPLAINERS["gradient_peak"].build().explain(lm, question)
    assert found.axes == ("target", "pos")
    assert found.scores.min() > 0
    np.testing.assert_allclose(found.scores, single.scores**2, rtol=1e-5)
