"""What all tests share: no network, one loaded model, and a reason for everything left out."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import hypothesis
import pytest

# a deadline would make a test fail because the machine is busy; the same examples every time, so that a red gate is
# red again
hypothesis.settings.register_profile("here", deadline=None, derandomize=True)
hypothesis.settings.load_profile("here")

# before anything imports huggingface_hub, which reads it once. `make test` fetches the model beforehand; a test that
# needs the network fails here with the loader's own words instead of passing on one machine only
os.environ.setdefault("XAI_WIDGETS_OFFLINE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a CUDA device the tests marked `gpu` are skipped, and say so."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        skip = pytest.mark.skip(reason="needs a CUDA device; on a machine with one: make test-gpu PY=python3")
        for item in marked:
            item.add_marker(skip)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With `make test`, how long all of it took, installing included, above pytest's own last line."""
    began = os.environ.get("XAI_TESTS_BEGAN")
    if began:
        minutes, seconds = divmod(int(time.time() - float(began)), 60)
        terminalreporter.write_line(f"make test: {minutes} min {seconds} s in all, installing and fetching included")


@pytest.fixture(scope="session")
def lm() -> ModelAdapter:
    """The default model, a real one, from the user's cache (`make model` fetches it). Loaded once for all tests."""
    import xai_widgets as xw

    return xw.load()
