"""Examples in docstrings give what they say.

Those marked SKIP are shown and not run: they load a model by name or take the reader's own. The flows in tests/browser and
the quickstart notebook do what they do.
"""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.architecture.arrows import REPOSITORY, python_sources

NAMES = [
    path.relative_to(REPOSITORY).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for path in python_sources()
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", NAMES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(example, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_most_examples_run() -> None:
    texts = [path.read_text(encoding="utf-8") for path in python_sources()]
    shown = sum(text.count(">>> ") for text in texts)
    assert shown > 40
    assert sum(text.count("doctest: +SKIP") for text in texts) < shown / 4
