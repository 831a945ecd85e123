"""How units are taken out of an input, and what can't be."""

from __future__ import annotations

import pytest

from xai_widgets.adapters.base import ModelAdapter, Variant
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.errors import CapabilityError, ValueRefusedError
from xai_widgets.explainers.gradient.integrated_gradients import IntegratedGradients
from xai_widgets.explainers.perturbation.leave_one_out import LeaveOneOut
from xai_widgets.explainers.perturbation.occlusion import Occlusion
from xai_widgets.explainers.perturbation.removal import Removal, replacement_id
from xai_widgets.explainers.perturbation.shapley_values import ShapleyValues
from xai_widgets.testing import ask


@pytest.fixture(scope="module")
def lm() -> ModelAdapter:
    """One token a byte, so ids and positions are known."""
    return tiny("llama", tokenizer=byte_tokenizer())


def test_whole_units_go(lm: ModelAdapter) -> None:
    """All positions of a unit, in each of the three ways."""
    question = ask(lm, "ab cd", [5], unit="word")
    a, b, space, c, d = (int(i) for i in question.tokens.ids)
    assert question.units.groups == ((0, 1, 2), (3, 4))
    assert Removal(question, "replace", (7,) * 5).without([1]) == Variant((a, b, space, 7, 7))
    assert Removal(question, "delete").without([0]) == Variant((c, d))
    assert Removal(question, "mask").without([0]) == Variant((a, b, space, c, d), frozenset({0, 1, 2}))
    assert Removal(question, "replace", (7,) * 5).without([]) == Variant((a, b, space, c, d))


def test_replacement(lm: ModelAdapter) -> None:
    """A newline by default; a text of one token; an id; nothing else."""
    assert lm.token_text(replacement_id(lm, "")) == "\n"
    assert replacement_id(lm, "x") == lm.continuation("x")[0]
    assert replacement_id(lm, 2) == 2
    for wrong in ("xy", lm.d_vocab, -1):
        with pytest.raises(ValueRefusedError):
            replacement_id(lm, wrong)


def test_the_choice_is_told(lm: ModelAdapter) -> None:
    """Words for people, and a parameter that gives the same again."""
    found = LeaveOneOut().explain(lm, ask(lm, "abc", [5]))
    newline = lm.continuation("\n")[0]
    assert found.baseline == f"replaced by '\\n' (token {newline})"
    assert found.provenance.params == {"mode": "replace", "replacement": newline}
    assert LeaveOneOut(mode="mask").explain(lm, ask(lm, "abc", [5])).baseline == "hidden from attention"


def test_the_replacement_itself_is_taken_away_too(lm: ModelAdapter) -> None:
    """A newline put in a newline's place would score zero whatever it does; a space stands in for it, and this is told."""
    newline, space = lm.continuation("\n")[0], lm.continuation(" ")[0]
    question = ask(lm, "a\nb", [5])
    removal = LeaveOneOut().removal(lm, question)
    assert removal.replacements == (newline, space, newline)
    found = LeaveOneOut().explain(lm, question)
    assert found.scores[0, 1] != 0 and f"(token {space})" in (found.baseline or "")
    assert found.provenance.params == {"mode": "replace", "replacement": ""}
    assert LeaveOneOut(replacement=newline).explain(lm, question).scores[0, 1] == 0


@pytest.mark.parametrize("explainer", [LeaveOneOut(mode="delete"), Occlusion(mode="delete", window=3)])
def test_nothing_left(lm: ModelAdapter, explainer: LeaveOneOut | Occlusion) -> None:
    """A model needs a token; the way out is named."""
    with pytest.raises(ValueRefusedError, match="mode='replace'"):
        explainer.explain(lm, ask(lm, "a", [5]))


def test_too_many_units_for_exact_shapley(lm: ModelAdapter) -> None:
    """Eleven units are refused before anything runs, by cost and by explain, naming what to use."""
    question = ask(lm, "abcdefghijk", [5])
    for act in (ShapleyValues().cost, ShapleyValues().explain):
        with pytest.raises(CapabilityError, match="shapley_sampling"):
            act(lm, question)


def test_baselines_refused(lm: ModelAdapter) -> None:
    """A text of two tokens, an empty one, and the pad token of a tokenizer without one."""
    for wrong in ("ab", "", "pad"):
        with pytest.raises(ValueRefusedError, match="zero"):
            IntegratedGradients(baseline=wrong).explain(lm, ask(lm, "abc", [5]))
