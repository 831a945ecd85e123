"""Induction heads of SmolLM2, found by their score on random tokens given twice, are what it repeats them with (Olsson et al. 2022).

Heads are chosen on two texts and switched off together on three others. Several heads at once are switched off by hooks here; that
one head at a time is the same as the package's own `without_attention` is tested too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter, Off
from xai_widgets.core.context import Context

N = 40
"""Tokens that are given twice."""
K = 8
"""Heads that are switched off, of 270."""
DRAWS = 10
TEXTS = (10, 11, 12)
"""Seeds of what is measured; heads are found on others."""
Head = tuple[int, int]

pytestmark = pytest.mark.slow


def twice(seed: int) -> list[int]:
    """Random tokens, and the same again."""
    half = np.random.default_rng(seed).integers(200, 40_000, N).tolist()
    return half + half


@contextmanager
def without(lm: ModelAdapter, heads: Sequence[Head]) -> Iterator[None]:
    """The user's model with these heads' outputs set to zero before the output projection."""

    def silence(layer: int) -> Callable[..., Any]:
        mine = [head for at, head in heads if at == layer]

        def before(_module: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            parts = args[0].clone().unflatten(-1, (lm.n_heads, -1))
            parts[..., mine, :] = 0
            return (parts.flatten(-2), *args[1:])

        return before

    layers = lm.model.model.layers
    handles = [layers[i].self_attn.o_proj.register_forward_pre_hook(silence(i)) for i in {layer for layer, _ in heads}]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def losses(lm: ModelAdapter, ids: Sequence[int]) -> np.ndarray:
    """Mean of -log p (nats) over the tokens of the first half, and of the second."""
    with torch.no_grad():
        log_probs = lm.model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    each = -log_probs[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    return np.array([float(each[: N - 1].mean()), float(each[N:].mean())])


@pytest.fixture(scope="module")
def ranked(lm: ModelAdapter) -> list[tuple[float, Head]]:
    """Every head with its mean induction score over two texts, the highest first."""
    found: dict[Head, float] = {}
    for seed in (0, 1):
        for row in xw.Attention(lm, twice(seed)).heads():
            head = (row["layer"], row["head"])
            found[head] = found.get(head, 0.0) + row["induction"] / 2
    return sorted(((score, head) for head, score in found.items()), reverse=True)


def risen(lm: ModelAdapter, plain: np.ndarray, heads: Sequence[Head]) -> np.ndarray:
    """How much the losses of the texts rise without these heads, [text, half]."""
    with without(lm, heads):
        return np.array([losses(lm, twice(seed)) for seed in TEXTS]) - plain


def drawn(others: Sequence[Head], seed: int) -> list[Head]:
    """As many other heads."""
    return [others[i] for i in np.random.default_rng(seed).choice(len(others), K, replace=False)]


def test_the_highest_scores_are_what_repeats(lm: ModelAdapter, ranked: list[tuple[float, Head]]) -> None:
    """Without them the second half is as surprising as new tokens, and the first half as it was.

    Measured (nats, three texts): 1.8 to 2.8 with all heads, 11.9 to 12.2 without the eight. Without eight others, ten times: 0.2 less to 7.5
    more, 1.7 more on average (those that help elsewhere, as the previous-token heads of early layers do, are among them); without
    eight others of the same layers: 0.05 less to 1.2 more.
    """
    top = [head for _, head in ranked[:K]]
    others = [head for _, head in ranked[K:]]
    near = [head for head in others if head[0] in {layer for layer, _ in top}]
    plain = np.array([losses(lm, twice(seed)) for seed in TEXTS])
    rose = risen(lm, plain, top)
    anywhere = np.array([risen(lm, plain, drawn(others, seed)) for seed in range(DRAWS)])
    beside = np.array([risen(lm, plain, drawn(near, seed)) for seed in range(DRAWS)])
    uniform = math.log(lm.d_vocab)
    assert plain[:, 1].max() < 3
    assert (plain + rose)[:, 1].min() > uniform, "some of it is still repeated"
    assert np.abs(rose[:, 0]).max() < 0.2, "what can't be repeated is not theirs"
    assert rose[:, 1].min() > anywhere[..., 1].max() + 1
    assert rose[:, 1].min() > 4 * anywhere[..., 1].mean()
    assert rose[:, 1].min() > 4 * beside[..., 1].max()


def test_one_head_is_what_the_package_switches_off(lm: ModelAdapter, ranked: list[tuple[float, Head]]) -> None:
    """The hook above and `without_attention` give the same logits, and the highest score loses most alone (5.9 nats; others 0.2 to 3)."""
    *ids, answer = twice(TEXTS[0])
    heads = [head for _, head in ranked[:K]]
    theirs = lm.without_attention(ids, [None, *(Off(*head) for head in heads)], Context())
    for row, head in enumerate(heads, start=1):
        with without(lm, [head]), torch.no_grad():
            ours = lm.model(torch.tensor([ids])).logits[0, -1].float()
        assert float((ours - theirs[row]).abs().max()) < 5e-4
    lost = (theirs[0].log_softmax(-1) - theirs[1:].log_softmax(-1))[:, answer]
    assert float(lost.min()) > 0
    assert int(lost.argmax()) == 0
