"""Every registered method keeps the contract on every tiny architecture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.scoring import Scorer
from xai_widgets.adapters.tiny import small_tokenizer, tiny_model
from xai_widgets.core.context import Context, Partial
from xai_widgets.core.errors import CapabilityError
from xai_widgets.core.methods import make
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Explainer
from xai_widgets.testing import ask, contracts

QUICK: dict[str, dict[str, Any]] = {
    "integrated_gradients": {"n_steps": 5},
    "gradient_shap": {"n_samples": 5},
    "shapley_sampling": {"n_samples": 3},
}
"""Fewer draws for the tests; other methods run with their defaults."""
MORE: list[tuple[str, dict[str, Any]]] = [
    ("leave_one_out", {"mode": "mask"}), ("leave_one_out", {"mode": "delete"}), ("occlusion", {"mode": "mask", "stride": 2}),
    ("occlusion", {"mode": "delete", "window": 2}), ("shapley_values", {"mode": "mask"}),
    ("shapley_sampling", {"n_samples": 2, "mode": "mask", "antithetic": True}),
    ("gradient_norm", {"norm": "l1"}), ("gradient_norm", {"smooth": 3}), ("saliency", {"smooth": 3}),
    ("input_x_gradient", {"smooth": 3}), ("integrated_gradients", {"n_steps": 4, "smooth": 2, "baseline": "mean"}),
    ("gradient_shap", {"n_samples": 4, "baseline": "zero", "noise": 0.1}),
]  # fmt: skip
"""Other settings that take other ways through the code."""
ALL = [(name, QUICK.get(name, {})) for name in EXPLAINERS] + MORE


def made(case: tuple[str, dict[str, Any]]) -> Explainer:
    """The explainer of a case."""
    found: Explainer = make(EXPLAINERS[case[0]], case[1])
    return found


def label(case: tuple[str, dict[str, Any]]) -> str:
    """For a test's id."""
    return "-".join([case[0], *(f"{k}={v}" for k, v in case[1].items())])


cases = pytest.mark.parametrize("case", ALL, ids=label)


def short(lm: ModelAdapter, **how: Any) -> Question:
    """Four words, two target tokens: few enough units for every method."""
    return ask(lm, "We saw it go", [40, 50], **how)


@cases
def test_explanation(tiny_lm: ModelAdapter, case: tuple[str, dict[str, Any]]) -> None:
    """Axes, shapes, finite numbers, values, gap, provenance that gives the same again."""
    contracts.check_explanation(made(case), tiny_lm, short(tiny_lm))


@cases
@pytest.mark.parametrize("quantity", ["logit", "log_prob", "prob", "logit_diff", "entropy", "kl"])
def test_quantities(tiny_models: dict[str, ModelAdapter], case: tuple[str, dict[str, Any]], quantity: Any) -> None:
    """Every quantity; `kl` here against another text, since gradients of it are zero at its own reference."""
    lm = tiny_models["llama"]
    contrast = [60, 70] if quantity in ("logit_diff", "prob") else None
    reference = "They were not" if quantity == "kl" else None
    contracts.check_explanation(made(case), lm, short(lm, quantity=quantity, contrast=contrast, reference=reference))


@cases
def test_one_row(tiny_models: dict[str, ModelAdapter], case: tuple[str, dict[str, Any]]) -> None:
    """The whole span as one number: for a method that is linear in the number, the sum of the rows."""
    lm, explainer = tiny_models["gpt2"], made(case)
    one = short(lm, each=False)
    contracts.check_explanation(explainer, lm, one)
    if explainer.signed:
        rows = explainer.explain(lm, short(lm)).scores.sum(0)
        whole = explainer.explain(lm, one).scores[0]
        assert np.allclose(rows, whole, atol=1e-4 * np.abs(whole).max() + 1e-6)


@cases
def test_seed(tiny_lm: ModelAdapter, case: tuple[str, dict[str, Any]]) -> None:
    """Same seed, same scores; the seed is named if and only if it matters."""
    contracts.check_seed(made(case), tiny_lm, short(tiny_lm))


@cases
def test_units(tiny_models: dict[str, ModelAdapter], case: tuple[str, dict[str, Any]]) -> None:
    """Tokens, words, sentences, turns and spans."""
    explainer, lm = made(case), tiny_models["gpt_neox"]
    text = "We go. I see it"
    question = ask(lm, text, [40])
    if getattr(explainer, "mode", "") != "delete":
        contracts.check_units(explainer, lm, question)
        return
    # one unit that is everything can't be deleted; two can
    units = question.tokens.units("sentence")
    assert len(units) == 2
    if case[0] == "leave_one_out":
        assert explainer.explain(lm, Question(question.tokens, units, question.target)).scores.shape == (1, 2)


class Rebatched:
    """An adapter that carries so many steps and tokens in a batch."""

    def __init__(self, adapter: Any, steps: int, tokens: int) -> None:
        self._adapter, self._steps = adapter, steps
        self._scorer = Scorer(adapter, tokens)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def steps_per_batch(self, _question: Question) -> int:
        return self._steps

    def score(self, *given: Any) -> np.ndarray:
        return self._scorer.score(*given)


@cases
def test_batches(tiny_lm: ModelAdapter, case: tuple[str, dict[str, Any]]) -> None:
    """One step and one sequence a batch, or everything at once."""
    small, large = Rebatched(tiny_lm, 1, 1), Rebatched(tiny_lm, 64, 100_000)
    contracts.check_batches(made(case), small, large, short(tiny_lm))


@cases
def test_cancel(tiny_models: dict[str, ModelAdapter], case: tuple[str, dict[str, Any]]) -> None:
    """At every place where it can be cancelled, in small batches so that there are many."""
    lm = Rebatched(tiny_models["llama"], 2, 6)
    assert contracts.check_cancel(made(case), lm, short(lm)) > 1


@cases
def test_error(tiny_models: dict[str, ModelAdapter], case: tuple[str, dict[str, Any]]) -> None:
    """At every report of progress."""
    lm = Rebatched(tiny_models["gpt2"], 2, 6)
    contracts.check_error(made(case), lm, short(lm))


class _BrokenError(RuntimeError):
    pass


@cases
def test_error_inside_the_model(case: tuple[str, dict[str, Any]], bombs: Any) -> None:
    """An error in the middle of a forward pass, at its first and at its second call."""
    lm, arm = bombs
    question = short(lm)
    usual = made(case).explain(lm, question).scores
    for call in (1, 2):
        arm(call)
        try:
            contracts.check_no_trace(lm, lambda: made(case).explain(lm, question))
        except _BrokenError:
            pass
        else:
            assert call > 1, "the model was not called"
    arm(0)
    assert np.array_equal(made(case).explain(lm, question).scores, usual)


@pytest.fixture(scope="module")
def bombs() -> Any:
    """A model in training mode with a hook of the user's own that breaks the n-th forward pass once armed."""
    tokenizer = small_tokenizer()
    model = tiny_model("llama", vocab_size=len(tokenizer))
    left = 0

    def hook(*_given: Any) -> None:
        nonlocal left
        if left:
            left -= 1
            if not left:
                raise _BrokenError

    def arm(n: int) -> None:
        nonlocal left
        left = n

    model.model.layers[1].register_forward_hook(hook)
    model.train()
    return HuggingFaceAdapter(model, tokenizer, "tiny llama with a hook"), arm


@cases
def test_second_thread(tiny_models: dict[str, ModelAdapter], case: tuple[str, dict[str, Any]]) -> None:
    """Another thread uses the model meanwhile."""
    assert contracts.check_second_thread(made(case), tiny_models["gpt2"], short(tiny_models["gpt2"])) > 0


@cases
def test_cost_is_said(tiny_lm: ModelAdapter, case: tuple[str, dict[str, Any]]) -> None:
    """Counted before the run, with seconds once the speed is known, and without running the model."""
    lm = tiny_lm
    made(case).explain(lm, short(lm))
    cost = made(case).cost(lm, short(lm))
    assert cost.passes > 0
    assert cost.tokens >= 4
    assert cost.peak_bytes
    assert cost.seconds is not None
    assert cost.seconds > 0


@pytest.fixture(scope="module")
def halves() -> ModelAdapter:
    """The tiny Llama in bfloat16."""
    tokenizer = small_tokenizer()
    return HuggingFaceAdapter(
        tiny_model("llama", vocab_size=len(tokenizer)).bfloat16(), tokenizer, "tiny llama bfloat16"
    )


@cases
def test_bfloat16(halves: ModelAdapter, tiny_models: dict[str, ModelAdapter], case: tuple[str, dict[str, Any]]) -> None:
    """Finite float32 scores; and near those of float32 (2^-8 a rounding) where no path multiplies the rounding."""
    question = short(halves)
    scores = made(case).explain(halves, question).scores
    assert scores.dtype == np.float32
    if case[0] in ("leave_one_out", "occlusion", "gradient_norm", "saliency", "shapley_values"):
        exact = made(case).explain(tiny_models["llama"], question).scores
        assert np.abs(scores - exact).max() < 0.1 * np.abs(exact).max()


@pytest.mark.parametrize("name", [n for n in EXPLAINERS if "gradients" in EXPLAINERS[n].needs])
def test_gradient_of_kl_to_itself_is_refused(tiny_lm: ModelAdapter, name: str) -> None:
    """It is zero by definition; the reason says so, before and when it is asked."""
    question = short(tiny_lm, quantity="kl")
    for act in (EXPLAINERS[name]().explain, EXPLAINERS[name]().cost):
        with pytest.raises(CapabilityError, match="zero"):
            act(tiny_lm, question)


@cases
def test_partial_answers(tiny_lm: ModelAdapter, case: tuple[str, dict[str, Any]]) -> None:
    """Parts have the final shape; what is called known and exact is what comes out in the end."""
    lm = Rebatched(tiny_lm, 2, 6)
    parts: list[Partial] = []
    context = Context(on_partial=parts.append)
    final = made(case).explain(lm, short(lm), context).scores
    close = 1e-5 * np.abs(final).max() + 1e-6
    for part in parts:
        known = part.known
        assert part.scores.shape == final.shape
        assert known.shape == final.shape[-1:]
        assert np.isfinite(part.scores).all()
        assert np.allclose(part.scores[:, known], final[:, known], atol=close)
        if part.total is not None:
            assert part.estimate
            assert np.allclose(part.total[known], final.sum(0)[known], atol=len(final) * close)
    if case == ("leave_one_out", {}):
        assert parts[0].estimate, "the estimate comes first"
        assert not parts[0].known.any()
        counts = [int(part.known.sum()) for part in parts]
        assert counts == sorted(counts)
        assert counts[-1] == final.shape[-1]


def test_estimate_of_several_rows_is_of_their_sum(tiny_lm: ModelAdapter) -> None:
    """It takes one backward pass; it is the sum over rows of the gradient of each times the change of the embedding."""
    question = short(tiny_lm)
    assert question.target.n_rows > 1
    parts: list[Partial] = []
    EXPLAINERS["leave_one_out"]().explain(tiny_lm, question, Context(on_partial=parts.append))
    first = parts[0]
    assert first.total is not None
    assert not first.known.any()
    removal = EXPLAINERS["leave_one_out"]().removal(tiny_lm, question)
    here = tiny_lm.embed([int(i) for i in question.tokens.ids])
    there = tiny_lm.embed(removal.replacements)
    grads = tiny_lm.gradient(question, here[None], Context()).grads[:, 0]
    by_row = ((here - there) * grads).sum(-1).cpu().numpy()
    wanted = question.units.add_up(by_row.astype(np.float64)).sum(0)
    assert np.allclose(first.total, wanted, atol=1e-4 * np.abs(wanted).max())
