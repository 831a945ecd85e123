"""What every explainer must keep on every adapter: checks that raise AssertionError with the reason.

For whoever adds a method or an adapter: call them from a test.

>>> from xai_widgets.adapters.tiny import tiny
>>> from xai_widgets.explainers.gradient.saliency import Saliency
>>> from xai_widgets.testing import ask
>>> from xai_widgets.testing.contracts import check_explanation
>>> lm = tiny("llama")
>>> check_explanation(Saliency(), lm, ask(lm, "The capital of France is"))
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, get_args

import numpy as np

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError
from xai_widgets.core.methods import param_values
from xai_widgets.core.targets import Question
from xai_widgets.core.tokens import UnitKind
from xai_widgets.explainers.base import Explainer
from xai_widgets.testing.traces import differences, snapshot

ROUNDING = 2e-4
"""Largest difference over largest score that another order of float32 sums may make."""


def check_explanation(explainer: Explainer, adapter: ModelAdapter, question: Question) -> None:
    """One run gives finite float32 scores (target, pos) over the question's units, with values, unit and provenance."""
    found = explainer.explain(adapter, question)
    assert found.axes == ("target", "pos"), f"axes are {found.axes}"
    assert found.scores.shape == (question.target.n_rows, len(question.units)), f"shape is {found.scores.shape}"
    assert found.scores.dtype == np.float32
    assert np.isfinite(found.scores).all(), "scores are not finite"
    assert found.tokens is question.tokens
    assert found.units is question.units
    assert len(found.rows) == question.target.n_rows
    value = adapter.value(question, Context())
    given = np.array([row.value for row in found.rows])
    assert _close(given, value), f"rows say the number is {given}, the model says {value}"
    assert found.unit, "no unit"
    assert found.signed or (found.scores >= 0).all(), "negative scores in a method that says it has no sign"
    provenance = found.provenance
    assert provenance.method == explainer.name
    assert set(provenance.params) == set(param_values(explainer)), "provenance does not list every parameter"
    assert provenance.model_fingerprint == adapter.fingerprint
    assert provenance.versions
    assert provenance.seconds is not None
    error = found.quality.standard_error
    assert error is None or error.shape == found.scores.shape
    gap = found.quality.convergence_gap
    if gap is not None:
        change = np.array([row.value - row.baseline_value for row in found.rows])
        real = np.abs(found.scores.astype(np.float64).sum(-1) - change)
        assert np.allclose(real, gap, atol=1e-4 + 1e-5 * np.abs(found.scores).sum()), f"gap is {real}, it says {gap}"
    again = type(explainer).build(**provenance.params).explain(adapter, question)
    assert again == found or _close(again.scores, found.scores), "the parameters in the provenance give other scores"


def check_seed(explainer: Explainer, adapter: ModelAdapter, question: Question) -> None:
    """The same seed gives the same scores; another seed does not, if the method says it draws random numbers."""
    first = explainer.explain(adapter, question, Context(seed=7))
    second = explainer.explain(adapter, question, Context(seed=7))
    assert np.array_equal(first.scores, second.scores), "the same seed gave other scores"
    other = explainer.explain(adapter, question, Context(seed=8))
    if first.provenance.seed is None:
        assert np.array_equal(first.scores, other.scores), "scores depend on a seed that the provenance does not name"
    else:
        assert first.provenance.seed == 7
        assert not np.array_equal(first.scores, other.scores), "the provenance names a seed that changes nothing"


def check_units(explainer: Explainer, adapter: ModelAdapter, question: Question) -> None:
    """Every kind of unit is a partition of the positions, and has one finite score a unit."""
    for kind in get_args(UnitKind):
        spans = [(0, max(1, len(question.tokens.text) // 2))] if kind == "spans" else None
        units = question.tokens.units(kind, spans)
        assert sorted(p for group in units.groups for p in group) == list(range(question.n_pos)), (
            f"{kind}: not a partition"
        )
        found = explainer.explain(adapter, Question(question.tokens, units, question.target))
        assert found.scores.shape[-1] == len(units)
        assert np.isfinite(found.scores).all()


def check_batches(explainer: Explainer, small: ModelAdapter, large: ModelAdapter, question: Question) -> None:
    """Two adapters of one model that batch differently give the same scores up to rounding."""
    a, b = explainer.explain(small, question).scores, explainer.explain(large, question).scores
    assert _close(a, b), f"batch size changes scores by {np.abs(a - b).max()} of {np.abs(b).max()}"


def check_no_trace(adapter: ModelAdapter, act: Callable[[], Any]) -> None:
    """After `act`, whether it returns or raises, the model and tokenizer are as before."""
    before = snapshot(adapter.model, adapter.tokenizer)
    try:
        act()
    finally:
        left = differences(before, snapshot(adapter.model, adapter.tokenizer))
        assert not left, "left behind: " + "; ".join(left)


def check_cancel(explainer: Explainer, adapter: ModelAdapter, question: Question) -> int:
    """Cancelled at each place it can be, it raises `CancelledError`; uncancelled or cancelled it leaves no trace.

    Returns how many places there are.
    """
    check_no_trace(adapter, lambda: explainer.explain(adapter, question))
    usual = explainer.explain(adapter, question).scores

    def run(stop_at: int | None) -> int:
        asked = 0

        def cancelled() -> bool:
            nonlocal asked
            asked += 1
            return asked == stop_at

        def act() -> None:
            context = Context(is_cancelled=cancelled, on_partial=lambda _partial: None)
            explainer.explain(adapter, question, context)

        if stop_at is None:
            act()
            return asked
        try:
            check_no_trace(adapter, act)
        except CancelledError:
            return asked
        raise AssertionError(f"cancelled at place {stop_at}, it went on and answered")

    places = run(None)
    assert places > 0, "it never asks whether it was cancelled"
    for place in range(1, places + 1):
        run(place)
    assert np.array_equal(explainer.explain(adapter, question).scores, usual), "after the cancels the scores are others"
    return places


def check_error(explainer: Explainer, adapter: ModelAdapter, question: Question) -> int:
    """An error at each report of progress comes out as it is and leaves no trace; returns how many places.

    Errors inside a forward pass are for the adapter's tests, where a hook can be put on the lent model.
    """
    check_no_trace(adapter, lambda: explainer.explain(adapter, question))
    usual = explainer.explain(adapter, question).scores
    places = _steps(explainer, adapter, question)
    for place in range(1, places + 1):
        seen = 0

        def break_here(_done: int, _total: int, _note: str, place: int = place) -> None:
            nonlocal seen
            seen += 1
            if seen == place:
                raise _BrokenOnPurposeError

        def attempt(on_step: Callable[[int, int, str], None] = break_here) -> None:
            explainer.explain(adapter, question, Context(on_step=on_step))

        try:
            check_no_trace(adapter, attempt)
        except _BrokenOnPurposeError:
            continue
        raise AssertionError(f"an error at place {place} was swallowed")
    assert np.array_equal(explainer.explain(adapter, question).scores, usual), "after the errors the scores are others"
    return places


def check_second_thread(explainer: Explainer, adapter: ModelAdapter, question: Question, rounds: int = 3) -> int:
    """While the method runs, another thread calls the lent model and gets its usual numbers; returns its number of calls.

    Runs the method `rounds` times and until the other thread has made a call during it.
    """
    import torch

    model = adapter.model
    ids = torch.tensor([[int(i) for i in question.tokens.ids]], device=adapter.device)

    def numbers() -> torch.Tensor:
        with torch.no_grad():
            return model(ids).logits

    usual = numbers()
    calls, wrong = 0, []
    done, called = threading.Event(), threading.Event()

    def other() -> None:
        nonlocal calls
        while not done.is_set():
            now = numbers()
            calls += 1
            called.set()
            if not torch.allclose(now, usual, atol=1e-5, rtol=1e-5):
                wrong.append(float((now - usual).abs().max()))

    thread = threading.Thread(target=other, name="uses the model meanwhile")
    thread.start()
    try:
        for _ in range(rounds):
            called.clear()
            explainer.explain(adapter, question)
            assert called.wait(60), "the other thread made no call"
    finally:
        done.set()
        thread.join()
    assert not wrong, f"{len(wrong)} of {calls} calls in the other thread gave other numbers, by up to {max(wrong)}"
    return calls


class _BrokenOnPurposeError(Exception):
    """Raised by `check_error` and by nothing else."""


def _steps(explainer: Explainer, adapter: ModelAdapter, question: Question) -> int:
    places = 0

    def count(_done: int, _total: int, _note: str) -> None:
        nonlocal places
        places += 1

    explainer.explain(adapter, question, Context(on_step=count))
    assert places > 0, "it reports no progress"
    return places


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    top = float(np.abs(b).max()) if b.size else 0.0
    return bool(np.abs(np.asarray(a, dtype=np.float64) - b).max() <= ROUNDING * top + 1e-6)
