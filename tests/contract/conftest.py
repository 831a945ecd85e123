"""Tiny models of three architectures, made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.adapters.tiny import tiny

KINDS = ("llama", "gpt2", "gpt_neox")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Operations this small only wait for each other on several threads: on busy cores 24 minutes instead of one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_models() -> dict[str, ModelAdapter]:
    """An adapter by architecture; with SmolLM2's tokenizer where the default model is in the cache."""
    return {kind: tiny(kind) for kind in KINDS}


@pytest.fixture(scope="session", params=KINDS)
def tiny_lm(request: pytest.FixtureRequest, tiny_models: dict[str, ModelAdapter]) -> ModelAdapter:
    """Each of them in turn."""
    return tiny_models[request.param]
