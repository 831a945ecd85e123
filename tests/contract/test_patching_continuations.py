"""A number of several tokens is the log-probability of the whole continuation, each token read after those before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.patching import Ablation, Contrast, Noise, Number
from xai_widgets.explainers.patching.activation_patching import ActivationPatching, Part
from xai_widgets.explainers.patching.reading import readings

CLEAN, CORRUPTED = "The cat sat on it", "The dog sat on it"
TARGET, OTHER = (65, 66, 67), (70, 71)
kinds = pytest.mark.parametrize("kind", ["llama", "gpt2"])


def opened(kind: str, number: Number | Contrast, corrupted: str | Noise | Ablation = CORRUPTED) -> ActivationPatching:
    """Both prompts of a tiny model."""
    lm = tiny(kind, tokenizer=byte_tokenizer())
    against = lm.tokenize(corrupted) if isinstance(corrupted, str) else corrupted
    return ActivationPatching(lm, lm.tokenize(CLEAN), against, number)


def by_hand(kind: str, patching: ActivationPatching, ids: tuple[int, ...], layer: int, pos: int) -> tuple[float, float]:
    """Log-probability of a continuation in the base's pass as it is, and with one state of the source's put in."""
    model = tiny_model(kind, vocab_size=len(byte_tokenizer()))
    block = blocks_of(model)[layer]
    kept: list[torch.Tensor] = []

    def log_prob(prompt: list[int]) -> float:
        with torch.no_grad():
            logits = model(torch.tensor([[*prompt, *ids]]), use_cache=False).logits[0].log_softmax(-1)
        return float(sum(logits[len(prompt) - 1 + i, token] for i, token in enumerate(ids)))

    handle = block.register_forward_pre_hook(lambda _module, args: kept.append(args[0].clone()))
    log_prob(patching.source.ids.tolist())
    handle.remove()
    usual = log_prob(patching.base.ids.tolist())

    def put(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        stream = args[0].clone()
        stream[:, pos] = kept[0][:, pos]
        return (stream, *args[1:])

    block.register_forward_pre_hook(put)
    return usual, log_prob(patching.base.ids.tolist())


@kinds
@pytest.mark.parametrize("other", [(), OTHER, (65, 90)])
def test_whole_continuations(kind: str, other: tuple[int, ...]) -> None:
    """Alone, against another of its own pass, and against one that begins alike."""
    patching = opened(kind, Number(TARGET, other, "log_prob"))
    grid = patching.grid(Context())
    n_layers, n = grid.values.shape
    assert n == len(CLEAN), "columns are the prompt's, not the continuation's"
    for layer, pos in ((0, 4), (1, 5), (n_layers - 1, n - 1)):
        found = [by_hand(kind, patching, ids, layer, pos) for ids in (TARGET, other) if ids]
        signs = (1, -1)[: len(found)]
        assert grid.base == pytest.approx(sum(s * usual for s, (usual, _) in zip(signs, found, strict=True)), abs=3e-5)
        value = sum(s * patched for s, (_, patched) in zip(signs, found, strict=True))
        assert grid.values[layer, pos] == pytest.approx(value, abs=3e-5)
    assert patching.cell(1, 5, Context())[2] == pytest.approx(float(grid.values[1, 5]), abs=1e-5)


@kinds
@pytest.mark.parametrize("part", ["resid", "attn_out", "head"])
def test_the_estimate_is_the_derivative(kind: str, part: Part) -> None:
    """Over all passes of the number: of a small change it is nearly exact."""
    patching = opened(kind, Number(TARGET, OTHER, "log_prob"), Noise("cat", scale=0.01, samples=2, window=1))
    exact, estimate = patching.grid(Context(), part=part), patching.estimate(Context(), part)
    assert estimate.base == pytest.approx(exact.base, abs=1e-5)
    span = np.abs(exact.values - exact.base).max()
    assert span > 1e-3, "and that is far above rounding"
    assert np.abs(exact.values - estimate.values).max() < 0.1 * span


def test_one_token_against_another_is_the_same_by_logits_and_log_probs() -> None:
    """And a probability is the exponential of a log-probability."""
    logit = opened("llama", Contrast(65, 90)).grid(Context())
    log_prob = opened("llama", Number((65,), (90,), "log_prob")).grid(Context())
    assert logit.values == pytest.approx(log_prob.values, abs=1e-5)
    alone = opened("llama", Number(TARGET, (), "log_prob")).grid(Context())
    prob = opened("llama", Number(TARGET, (), "prob"))
    prob_ends = prob._draws[0].reading(prob._draws[0].base.trace(Context()).logits)
    assert float(prob_ends) == pytest.approx(np.exp(alone.base), rel=1e-4)


def test_as_few_passes_as_hold_the_number() -> None:
    """A continuation that begins another is read with it."""
    assert [r.read for r in readings(Number((1,), (2,), "logit"))] == [()]
    assert [r.read for r in readings(Number((1, 2, 3), (4,), "log_prob"))] == [(1, 2)]
    assert [r.read for r in readings(Number((4,), (1, 2, 3), "log_prob"))] == [(1, 2)]
    assert [r.read for r in readings(Number((1, 2), (1, 3), "log_prob"))] == [(1,)]
    assert sorted(r.read for r in readings(Number((1, 2), (3, 4), "log_prob"))) == [(1,), (3,)]
    with pytest.raises(ValueRefusedError, match="log_prob"):
        Number((1, 2), (), "logit")


@pytest.mark.parametrize(
    "corrupted", [Noise("cat", samples=2), Ablation("zero"), Ablation("mean"), Ablation("resample", samples=2)]
)
def test_with_noise_and_ablations(corrupted: Noise | Ablation) -> None:
    """One pass for each continuation: numbers are the difference of those of each alone."""
    both, one, two = (
        opened("llama", Number(target, other, "log_prob"), corrupted).grid(Context(), [1], part="mlp_out")
        for target, other in ((TARGET, OTHER), (TARGET, ()), (OTHER, ()))
    )
    assert both.values[1] == pytest.approx(one.values[1] - two.values[1], abs=3e-5, nan_ok=True)
    assert both.base == pytest.approx(one.base - two.base, abs=1e-5)
