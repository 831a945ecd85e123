"""What every adapter must keep, whatever library its models come from: checks that raise AssertionError with the reason.

>>> from xai_widgets.adapters.tiny import tiny
>>> from xai_widgets.testing import ask
>>> lm = tiny("gpt2")
>>> check_adapter(lm, ask(lm, "The capital of France is", target=" Paris"))
"""

from __future__ import annotations

import numpy as np
import torch

from xai_widgets.adapters.base import ModelAdapter, Variant
from xai_widgets.core.context import Context
from xai_widgets.core.targets import Question

ROUNDING = 2e-4
"""Largest difference over the largest number that another order of float32 sums may make."""
SLOPE = 2e-2
"""The same for a derivative against a difference quotient, which is cut off and rounded."""


def check_adapter(adapter: ModelAdapter, question: Question) -> None:
    """One number for one question, whichever call it comes from; its gradient is its slope; texts join to the source."""
    tokens = question.tokens
    assert "".join(tokens.texts) == tokens.text, "the texts of the tokens don't join to the source"
    ids = tuple(int(i) for i in tokens.ids)
    context = Context()
    value = adapter.value(question, context)
    assert value.shape == (question.target.n_rows,)
    other = Variant(tuple(reversed(ids)))
    scored = adapter.score(question, [Variant(ids), other, Variant(ids)], context)
    assert _close(scored[0], value), f"score of the unchanged input is {scored[0]}, value is {value}"
    assert np.array_equal(scored[0], scored[2]), "equal variants have other scores"
    assert _close(adapter.score(question, [other], context)[0], scored[1]), "a variant's score depends on its company"
    here = adapter.embed(ids)
    assert here.shape == (len(ids), adapter.d_model)
    assert torch.equal(adapter.embedding_table()[list(ids)], here), "embed and embedding_table differ"
    values = adapter.values_at(question, here[None].float(), context)
    assert _close(values[:, 0].cpu().numpy(), value), (
        f"values_at its own embeddings is {values[:, 0]}, value is {value}"
    )
    if adapter.capabilities["gradients"].works:
        _check_slope(adapter, question, here.float())


def _check_slope(adapter: ModelAdapter, question: Question, here: torch.Tensor) -> None:
    draws = np.random.default_rng(0).standard_normal(tuple(here.shape)).astype(np.float32)
    way = torch.from_numpy(draws).to(here) / here.numel() ** 0.5
    steps = torch.stack([here, here + way])
    found = adapter.gradient(question, steps, Context())
    rows = question.target.n_rows
    assert found.values.shape == (rows, 2)
    assert found.grads.shape == (rows, 2, *here.shape)
    again = adapter.values_at(question, steps, Context())
    assert _close(found.values.cpu().numpy(), again.cpu().numpy()), "gradient and values_at give other values"
    slope = (found.grads[:, 0] * way).sum((1, 2)).cpu().numpy()
    size = 1e-2
    ends = adapter.values_at(question, torch.stack([here + size * way, here - size * way]), Context())
    quotient = ((ends[:, 0] - ends[:, 1]) / (2 * size)).cpu().numpy()
    top = max(float(np.abs(quotient).max()), float(np.abs(slope).max()))
    rounding = 4e-7 * float(np.abs(ends.cpu().numpy()).max()) / size
    assert np.abs(slope - quotient).max() <= SLOPE * top + rounding, f"slope {slope}, difference quotient {quotient}"


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max() <= ROUNDING * max(1.0, float(np.abs(b).max())))
