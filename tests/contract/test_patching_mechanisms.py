"""On models of known mechanism causal tracing and ablation find the planted cell, and estimates miss what they must."""

from __future__ import annotations

import numpy as np
import pytest

from xai_widgets.core.context import Context
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.patching import Ablation, Contrast, Noise, Number
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.testing.mechanisms import MECHANISMS

PARTS = {
    "induction": "attn_out",
    "copy": "attn_out",
    "lookup": "attn_out",
    "negation": "mlp_out",
    "saturated": "mlp_out",
}
"""Mechanisms one cell of a kind of which carries all of the answer. What each planted part brings is in `test_planted`."""


def cell_of(name: str) -> tuple[str, tuple[int, ...]]:
    """The kind, and the planted cell."""
    (cell,) = [p.cell for p in MECHANISMS[name].planted if p.kind == PARTS[name]]
    return PARTS[name], cell


@pytest.mark.parametrize("name", ["induction", "copy", "lookup"])
def test_the_planted_part_is_traced_from_a_noised_cause(name: str) -> None:
    """Causal tracing: noise on the word that causes the answer; the planted cell restored brings back all of it."""
    mechanism = MECHANISMS[name]
    part, planted = cell_of(name)
    question, lm = mechanism.question, mechanism.adapter
    (cause,) = mechanism.cause[0]
    number = Number(question.target.ids[:1], question.target.contrast_ids[:1], "logit")
    tracing = INSPECTORS["activation_patching"](lm, question.tokens, Noise((cause,), samples=4, window=1), number)
    grid = tracing.grid(Context(), part=part)
    assert grid.recovered[planted] == pytest.approx(1.0, abs=1e-3)
    stream = tracing.grid(Context(), [0]).recovered[0]
    assert stream[cause] == pytest.approx(1.0, abs=1e-3), "the noised word itself, before the first layer"
    assert np.abs(np.delete(stream, cause)).max() == 0


def test_noise_that_changes_nothing_is_said() -> None:
    """A saturated unit stays on: noise of three deviations on the word that saturates it does not reach the number."""
    mechanism = MECHANISMS["saturated"]
    question = mechanism.question
    noise = Noise(tuple(mechanism.cause[0]), samples=4)
    tracing = INSPECTORS["activation_patching"](
        mechanism.adapter, question.tokens, noise, Number(question.target.ids[:1])
    )
    with pytest.raises(ValueRefusedError, match="nothing to explain"):
        tracing.grid(Context())


@pytest.mark.parametrize("name", PARTS)
def test_without_the_planted_part_all_is_lost(name: str) -> None:
    """Zero ablation: the whole number, at the planted cell and at the one that feeds it (the previous-token head), and nothing elsewhere."""
    mechanism = MECHANISMS[name]
    part, planted = cell_of(name)
    question, lm = mechanism.question, mechanism.adapter
    number = Number(question.target.ids[:1], question.target.contrast_ids[:1], "logit")
    grid = INSPECTORS["activation_patching"](lm, question.tokens, Ablation("zero"), number).grid(Context(), part=part)
    feeders = {"induction": {(0, 2)}, "copy": {(0, 3)}}.get(name, set())
    needed = {tuple(map(int, cell)) for cell in np.argwhere(np.abs(np.nan_to_num(grid.lost)) > 1e-3)}
    assert needed == {planted} | feeders
    for cell in needed:
        assert grid.lost[cell] == pytest.approx(grid.base, abs=1e-3)


def test_the_estimate_misses_a_saturated_unit() -> None:
    """Where a unit is flat the gradient is zero: the estimate says nothing of what exact patching finds."""
    mechanism = MECHANISMS["saturated"]
    lm, question = mechanism.adapter, mechanism.question
    patching = INSPECTORS["activation_patching"](
        lm, question.tokens, lm.tokenize("there was a smoke today"), Contrast(question.target.ids[0])
    )
    with pytest.raises(ValueRefusedError, match="nothing to explain"):
        patching.grid(Context())
    noise = INSPECTORS["activation_patching"](
        lm, question.tokens, lm.tokenize(mechanism.corrupted), Contrast(question.target.ids[0]), "noise"
    )
    exact, estimate = noise.grid(Context()), noise.estimate(Context())
    assert np.nanmax(exact.recovered) == pytest.approx(1.0, abs=1e-4)
    assert np.nanmax(np.abs(estimate.recovered)) < 0.5
