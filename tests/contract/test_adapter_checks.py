"""The public checks of adapters pass on real ones and fail on wrong ones."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tests.contract.prompts import FEW, name
from xai_widgets.adapters.base import Gradient, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Attribution
from xai_widgets.explainers.gradient.gradient_norm import GradientNorm
from xai_widgets.explainers.gradient.saliency import Saliency
from xai_widgets.explainers.perturbation.leave_one_out import LeaveOneOut
from xai_widgets.testing import ask, contracts
from xai_widgets.testing.adapters import check_adapter
from xai_widgets.testing.mechanisms import MECHANISMS


@pytest.mark.parametrize("prompt", FEW, ids=name)
def test_tiny(tiny_lm: ModelAdapter, prompt: Any) -> None:
    """On three architectures, one and several targets, with and without contrast."""
    check_adapter(tiny_lm, ask(tiny_lm, prompt, [40, 50, 60]))
    check_adapter(tiny_lm, ask(tiny_lm, prompt, [40], [70], quantity="logit_diff"))
    check_adapter(tiny_lm, ask(tiny_lm, prompt, [40, 50], each=False))


def test_mechanisms() -> None:
    """On a model of hand-set weights."""
    mechanism = MECHANISMS["induction"]
    check_adapter(mechanism.adapter, mechanism.question)


class Wrong:
    """An adapter with one answer replaced."""

    def __init__(self, adapter: Any, **replaced: Any) -> None:
        self._adapter = adapter
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)


@pytest.fixture
def asked(tiny_models: dict[str, ModelAdapter]) -> tuple[ModelAdapter, Question]:
    """A model and a question."""
    lm = tiny_models["llama"]
    return lm, ask(lm, "We saw it go", [40, 50])


def test_wrong_value_is_found(asked: tuple[ModelAdapter, Question]) -> None:
    """Another number from `value` than from `score`."""
    lm, question = asked
    wrong = Wrong(lm, value=lambda q, c: lm.value(q, c) + 0.1)
    with pytest.raises(AssertionError, match="unchanged input"):
        check_adapter(wrong, question)


def test_wrong_gradient_is_found(asked: tuple[ModelAdapter, Question]) -> None:
    """A gradient that is 10 % too long."""
    lm, question = asked

    def longer(*given: Any) -> Gradient:
        found = lm.gradient(*given)
        return Gradient(found.values, found.grads * 1.1)

    with pytest.raises(AssertionError, match="slope"):
        check_adapter(Wrong(lm, gradient=longer), question)


class Broken(Saliency):
    """A method with one fault, by the name of its attribute `fault`."""

    fault = ""

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        found = super().attribute(adapter, question, context if self.fault != "deaf" else Context())
        if self.fault == "values":
            return Attribution(found.scores, found.values + 1)
        if self.fault == "random":
            return Attribution(found.scores * np.random.default_rng().uniform(), found.values)
        if self.fault == "negative":
            return Attribution(-found.scores, found.values)
        if self.fault == "trace":
            next(adapter.model.parameters()).requires_grad_(False)
        if self.fault == "swallows":
            with suppress(CancelledError):
                context.step(0, 1)
        return found


@pytest.mark.parametrize(
    ("fault", "check", "says"),
    [
        ("values", contracts.check_explanation, "the model says"),
        ("negative", contracts.check_explanation, "negative"),
        ("random", contracts.check_seed, "other scores"),
        ("deaf", contracts.check_error, "no progress"),
        ("swallows", contracts.check_cancel, "went on"),
        ("trace", contracts.check_cancel, "left behind"),
    ],
)
def test_faults_are_found(
    asked: tuple[ModelAdapter, Question], monkeypatch: pytest.MonkeyPatch, fault: str, check: Any, says: str
) -> None:
    """A check that can't fail is no check."""
    lm, question = asked
    monkeypatch.setattr(Broken, "fault", fault)
    try:
        with pytest.raises(AssertionError, match=says):
            check(Broken(), lm, question)
    finally:
        next(lm.model.parameters()).requires_grad_(True)


def test_batch_dependence_is_found(asked: tuple[ModelAdapter, Question]) -> None:
    """Scores that depend on how many go in a batch."""
    lm, question = asked
    other = Wrong(lm, score=lambda *given: lm.score(*given) * np.float32(1.01))
    with pytest.raises(AssertionError, match="batch size"):
        contracts.check_batches(LeaveOneOut(), other, lm, question)


def test_other_thread_is_watched(asked: tuple[ModelAdapter, Question]) -> None:
    """A method that changes the lent model while it runs is noticed by who uses it meanwhile."""
    lm, question = asked
    weight = lm.model.lm_head.weight

    called = threading.Event()

    def noticed(*_given: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            called.set()

    class Meddling(GradientNorm):
        def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
            weight.data.mul_(2)
            try:
                for _ in range(2):  # the first call may have begun before
                    called.clear()
                    assert called.wait(60)
                return super().attribute(adapter, question, context)
            finally:
                weight.data.mul_(0.5)

    handle = lm.model.register_forward_hook(noticed)
    try:
        with pytest.raises(AssertionError, match="other thread gave other"):
            contracts.check_second_thread(Meddling(), lm, question)
    finally:
        handle.remove()


def test_cancelled_is_no_assertion(asked: tuple[ModelAdapter, Question]) -> None:
    """A cancelled run raises the package's own error, not one of ours."""
    lm, question = asked
    with pytest.raises(CancelledError):
        LeaveOneOut().explain(lm, question, Context(is_cancelled=lambda: True))
