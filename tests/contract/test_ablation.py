"""Ablated numbers equal those of whole passes with a hook that writes zeros, a mean, or another text's states."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import UnknownNameError, ValueRefusedError
from xai_widgets.core.patching import Ablation, Number
from xai_widgets.explainers.patching.activation_patching import ActivationPatching, Part

PROMPT = "The cat sat on it."
TEMPLATES = ("The dog lay by me.", "A mouse ran at us.")
OTHERS = ("Nothing of the kind.", "Rain")
NUMBER = Number((65,), (), "log_prob")
PLACES = {
    "llama": {"attn_out": "self_attn", "mlp_out": "mlp", "head": "self_attn.o_proj"},
    "gpt2": {"attn_out": "attn", "mlp_out": "mlp", "head": "attn.c_proj"},
}
Change = Callable[[torch.Tensor], torch.Tensor]


def opened(kind: str, ablation: Ablation, number: Number = NUMBER) -> ActivationPatching:
    """A tiny model and a prompt."""
    lm = tiny(kind, tokenizer=byte_tokenizer())
    return ActivationPatching(lm, lm.tokenize(PROMPT), ablation, number)


class ByHand:
    """A model of the user's own with one hook."""

    def __init__(self, kind: str) -> None:
        self.model = tiny_model(kind, vocab_size=len(byte_tokenizer()))
        self.kind, self.lm = kind, tiny(kind, tokenizer=byte_tokenizer())

    def run(self, text: str, layer: int, part: str, change: Change) -> torch.Tensor:
        """Logits [d_vocab]; `change` gets what the part is [pos, n] (of a head, what the projection reads) and gives what it shall be."""
        block = blocks_of(self.model)[layer]

        def before(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            return (change(args[0][0])[None], *args[1:])

        def after(_module: Any, _args: Any, output: Any) -> Any:
            if isinstance(output, tuple):
                return (change(output[0][0])[None], *output[1:])
            return change(output[0])[None]

        if part == "resid":
            handle = block.register_forward_pre_hook(before)
        elif part == "head":
            handle = block.get_submodule(PLACES[self.kind]["head"]).register_forward_pre_hook(before)
        else:
            handle = block.get_submodule(PLACES[self.kind][part]).register_forward_hook(after)
        with torch.no_grad():
            logits = self.model(torch.tensor([self.lm.tokenize(text).ids.tolist()]), use_cache=False).logits[0, -1]
        handle.remove()
        found: torch.Tensor = logits
        return found

    def states(self, text: str, layer: int, part: str) -> torch.Tensor:
        """What the part is in a text, [pos, n]."""
        kept: list[torch.Tensor] = []
        self.run(text, layer, part, lambda own: (kept.append(own.clone()), own)[1])
        return kept[0]

    def number(self, layer: int, part: str, at: int, new: torch.Tensor | None) -> float:
        """With new states [pos, n] (None: zeros) at a position, or of a head at all positions."""

        def change(own: torch.Tensor) -> torch.Tensor:
            own = own.clone()
            width = self.lm.d_model // self.lm.n_heads
            where: Any = (slice(None), slice(at * width, (at + 1) * width)) if part == "head" else (at,)
            own[where] = 0 if new is None else new[where]
            return own

        logits = self.run(PROMPT, layer, part, change)
        return float(logits.log_softmax(-1)[65])


cells = pytest.mark.parametrize("part", ["resid", "attn_out", "mlp_out", "head"])
kinds = pytest.mark.parametrize("kind", ["llama", "gpt2"])


def check(kind: str, ablation: Ablation, part: Part, new: Callable[[ByHand, int], torch.Tensor | None]) -> None:
    """The grid against one hook at some cells, and that something happens there."""
    ablating, truth = opened(kind, ablation), ByHand(kind)
    grid = ablating.grid(Context(), part=part)
    assert np.isnan(grid.source)
    assert grid.exact.all()
    last = grid.values.shape[1] - 1
    lost = []
    for layer, at in ((0, 1), (1, last), (2, last), (1, 2)):
        value = truth.number(layer, part, at, new(truth, layer))
        assert grid.values[layer, at] == pytest.approx(value, abs=3e-5)
        assert grid.lost[layer, at] == pytest.approx(grid.base - value, abs=3e-5)
        lost.append(abs(grid.base - value))
    assert max(lost) > 1e-3
    _, changed, value = ablating.cell(1, 2, Context(), part)
    assert value == pytest.approx(float(grid.values[1, 2]), abs=1e-5)
    log_probs = changed - np.logaddexp.reduce(changed.astype(np.float64))
    assert log_probs[65] == pytest.approx(value, abs=1e-5)


@kinds
@cells
def test_zero(kind: str, part: Part) -> None:
    """Zeros in the place of the part."""
    check(kind, Ablation("zero"), part, lambda _truth, _layer: None)


@kinds
@cells
def test_mean_over_filled_templates(kind: str, part: Part) -> None:
    """Texts of as many tokens: the mean of each position."""

    def new(truth: ByHand, layer: int) -> torch.Tensor:
        return torch.stack([truth.states(text, layer, part) for text in TEMPLATES]).mean(0)

    check(kind, Ablation("mean", TEMPLATES), part, new)


@kinds
@cells
@pytest.mark.parametrize("texts", [OTHERS, ()])
def test_mean_over_positions_after_the_first(kind: str, part: Part, texts: tuple[str, ...]) -> None:
    """Texts of other lengths, or none: the prompt itself."""

    def new(truth: ByHand, layer: int) -> torch.Tensor:
        found = torch.cat([truth.states(text, layer, part)[1:] for text in texts or (PROMPT,)])
        return found.mean(0, keepdim=True).expand(len(PROMPT), -1)

    check(kind, Ablation("mean", texts), part, new)


@kinds
@cells
def test_resample_from_templates_is_the_mean_of_their_numbers(kind: str, part: Part) -> None:
    """Numbers are averaged, not states; the spread between texts is kept."""
    ablating, truth = opened(kind, Ablation("resample", TEMPLATES)), ByHand(kind)
    grid = ablating.grid(Context(), part=part)
    for layer, at in ((0, 1), (2, grid.values.shape[1] - 1)):
        each = [truth.number(layer, part, at, truth.states(text, layer, part)) for text in TEMPLATES]
        assert grid.values[layer, at] == pytest.approx(np.mean(each), abs=3e-5)
        assert grid.error is not None
        assert grid.error[layer, at] == pytest.approx(np.std(each, ddof=1) / np.sqrt(2), abs=3e-5)


def test_resample_from_shuffled_positions() -> None:
    """Without texts: each position takes another's state, the first stays and is no cell; more draws, another mean."""
    ablating, truth = opened("llama", Ablation("resample", samples=3, seed=1)), ByHand("llama")
    grid = ablating.grid(Context(), part="mlp_out")
    assert np.isnan(grid.values[:, 0]).all()
    assert np.isfinite(grid.values[:, 1:]).all()
    own = truth.states(PROMPT, 1, "mlp_out")
    among = [truth.number(1, "mlp_out", 4, own[[q] * len(own)]) for q in range(1, len(own)) if q != 4]
    assert min(among) - 1e-5 <= grid.values[1, 4] <= max(among) + 1e-5
    assert (
        grid.values[1, 4]
        != opened("llama", Ablation("resample", samples=1, seed=1)).grid(Context(), part="mlp_out").values[1, 4]
    )
    again = opened("llama", Ablation("resample", samples=3, seed=1)).grid(Context(), part="mlp_out")
    assert np.array_equal(again.values, grid.values, equal_nan=True)


@pytest.mark.parametrize("part", ["resid", "mlp_out", "head"])
def test_the_estimate_is_the_gradient_times_the_change(part: Part) -> None:
    """What follows the last layer is one norm and the head: there the estimate has the right sign and size."""
    ablating = opened("gpt2", Ablation("mean"))
    exact, estimate = ablating.grid(Context(), part=part), ablating.estimate(Context(), part)
    assert estimate.values.shape == exact.values.shape
    assert np.corrcoef(exact.lost[-1].ravel(), estimate.lost[-1].ravel())[0, 1] > 0.9
    assert not estimate.exact.any()


def test_refused() -> None:
    """A kind that is none; a prompt that can't be shuffled."""
    with pytest.raises(UnknownNameError, match="zeros"):
        Ablation(partial(str, "zeros")())  # type: ignore[arg-type]
    lm = tiny("llama", tokenizer=byte_tokenizer())
    with pytest.raises(ValueRefusedError, match="shuffled"):
        ActivationPatching(lm, lm.tokenize("ab"), Ablation("resample"), NUMBER)
