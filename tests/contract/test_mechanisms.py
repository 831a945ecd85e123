"""Every method finds what causes the answer of models that do one known thing, or misses it for the reason given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xai_widgets.core.methods import make
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.explainers.gradient.integrated_gradients import IntegratedGradients
from xai_widgets.explainers.perturbation.leave_one_out import LeaveOneOut
from xai_widgets.explainers.perturbation.shapley_values import ShapleyValues
from xai_widgets.testing import modular_addition
from xai_widgets.testing.mechanisms import MECHANISMS, Mechanism

every = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)


def finds(mechanism: Mechanism, scores: np.ndarray) -> bool:
    """Whether the first group of causes, and nothing else, has the largest scores, by a clear margin."""
    cause = mechanism.cause[0]
    others = [score for position, score in enumerate(scores) if position not in cause]
    return bool(min(scores[list(cause)]) > max(others) + 0.01 * np.abs(scores).max())


@every
@pytest.mark.parametrize("name", list(EXPLAINERS))
def test_finds_or_misses(mechanism: Mechanism, name: str) -> None:
    """What a method claims holds, and what it is said to miss it does miss."""
    scores = make(EXPLAINERS[name], {}).explain(mechanism.adapter, mechanism.question).scores[0]
    if name in mechanism.misses:
        assert not finds(mechanism, scores), f"it finds it after all: {scores}"
    else:
        assert finds(mechanism, scores), f"{mechanism.does}; cause {mechanism.cause}; scores {scores}"


@every
def test_misses_name_real_methods(mechanism: Mechanism) -> None:
    """A method that was renamed would otherwise claim everything."""
    assert set(mechanism.misses) <= set(EXPLAINERS)


@every
def test_model_does_what_it_says(mechanism: Mechanism) -> None:
    """The target is what the model answers, and the prompt is read as its words."""
    assert len(mechanism.question.tokens) == len(mechanism.prompt.split())
    best = mechanism.adapter.candidates(mechanism.question.tokens, 1)[0]
    assert best.text.strip() == mechanism.target


@pytest.mark.parametrize("name", [m.name for m in MECHANISMS.values() if m.left_out is not None])
def test_leave_one_out_by_hand(name: str) -> None:
    """Scores that were worked out on paper."""
    mechanism = MECHANISMS[name]
    found = LeaveOneOut(replacement=0).explain(mechanism.adapter, mechanism.question)
    assert np.allclose(found.scores[0], mechanism.left_out, atol=2e-6)


@pytest.mark.parametrize("name", ["copy", "induction", "lookup"])
def test_second_causes(name: str) -> None:
    """Where attention has to find the place first, what it matches comes right after what it brings."""
    mechanism = MECHANISMS[name]
    scores = LeaveOneOut().explain(mechanism.adapter, mechanism.question).scores[0]
    rest = [p for p in range(len(scores)) if not any(p in group for group in mechanism.cause)]
    assert min(scores[list(mechanism.cause[1])]) > max(scores[rest], default=0) + 0.5


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("leave_one_out", {"replacement": 0}), ("shapley_values", {"replacement": 0}),
        ("shapley_sampling", {"replacement": 0, "n_samples": 2}), ("input_x_gradient", {}),
        ("integrated_gradients", {"n_steps": 2, "baseline": "zero"}),
        ("gradient_shap", {"n_samples": 2, "baseline": "zero"}),
    ],
)  # fmt: skip
def test_linear_model_in_closed_form(name: str, params: dict[str, object]) -> None:
    """On a weighted bag of words every method that divides the number up gives each word its weight over the length."""
    mechanism = MECHANISMS["bag_of_words"]
    found = make(EXPLAINERS[name], params).explain(mechanism.adapter, mechanism.question)
    assert mechanism.shares is not None
    assert np.allclose(found.scores[0], mechanism.shares, atol=2e-6)


def test_saturated_gradient_is_zero() -> None:
    """Why local gradients miss it: at the one word that matters nothing changes with a small change."""
    mechanism = MECHANISMS["saturated"]
    for name in ("gradient_norm", "saliency", "input_x_gradient"):
        assert name in mechanism.misses
        assert abs(make(EXPLAINERS[name], {}).explain(mechanism.adapter, mechanism.question).scores[0, 3]) < 1e-5
    along = IntegratedGradients(n_steps=64).explain(mechanism.adapter, mechanism.question)
    assert along.scores[0, 3] > 0.9


def test_redundant_words_share() -> None:
    """Leave-one-out gives both nothing; Shapley values give each half."""
    mechanism = MECHANISMS["redundant"]
    found = ShapleyValues(replacement=0).explain(mechanism.adapter, mechanism.question)
    assert np.allclose(found.scores[0], [0, 0, 0.5, 0.5, 0, 0], atol=2e-6)


def test_every_sum_is_right() -> None:
    """All 49 of them, each logit by the formula: a product of waves made of bends is exact."""
    mechanism, n = MECHANISMS["modular_addition"], modular_addition.P
    answers = [mechanism.circuit.id(str(c)) for c in range(n)]
    for a in range(n):
        for b in range(n):
            ids = torch.tensor([[mechanism.circuit.id(word) for word in (str(a), "+", str(b), "=")]])
            with torch.no_grad():
                logits = mechanism.model(ids, attention_mask=torch.ones_like(ids)).logits[0, -1]
            by_hand = [modular_addition.logit(a, b, c) for c in range(n)]
            assert logits[answers].numpy() == pytest.approx(np.array(by_hand), abs=5e-6)
            assert logits.argmax() == mechanism.circuit.id(str((a + b) % n))


def test_decoy_waves_are_as_large_as_the_key_ones() -> None:
    """What tells them apart is not how active they are: nothing reads them."""
    circuit, model = MECHANISMS["modular_addition"].circuit, MECHANISMS["modular_addition"].model
    embedding, head = model.transformer.wte.weight, model.lm_head.weight
    k = modular_addition.DECOY
    for wave in (1, k):
        assert float(embedding[:, circuit.slices[f"wave{wave}"]].detach().norm()) == pytest.approx(7**0.5)
    assert not head[:, circuit.slices[f"sum{k}"]].any()
    assert all(head[:, circuit.slices[f"sum{key}"]].any() for key in modular_addition.KEY)
