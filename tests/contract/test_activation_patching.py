"""Patched numbers equal those of whole passes with a hook; the estimate is the derivative; what can't be compared is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from xai_widgets.adapters.base import Edit
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, CapabilityError, ValueRefusedError
from xai_widgets.core.patching import Contrast, aligned
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.explainers.patching.activation_patching import ActivationPatching, Direction

CLEAN = "The cat sat on the mat."
CORRUPTED = "The dog sat on the rug."
WANTED = Contrast(65, 90)
kinds = pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "gpt_neox", "bloom"])


def opened(kind: str, direction: Direction = "denoise", corrupted: str = CORRUPTED) -> ActivationPatching:
    """Both prompts of a tiny model."""
    lm = tiny(kind, tokenizer=byte_tokenizer())
    found = INSPECTORS["activation_patching"](lm, lm.tokenize(CLEAN), lm.tokenize(corrupted), WANTED, direction)
    assert isinstance(found, ActivationPatching)
    return found


def by_hand(kind: str, patching: ActivationPatching, layer: int, pos: int) -> float:
    """A loop's step: record with one hook, replace with another, run whole."""
    model = tiny_model(kind, vocab_size=len(byte_tokenizer()))
    block = blocks_of(model)[layer]
    kept: list[torch.Tensor] = []
    handle = block.register_forward_pre_hook(lambda _module, args: kept.append(args[0].clone()))
    with torch.no_grad():
        model(torch.tensor([patching.source.ids.tolist()]), use_cache=False)
        handle.remove()

        def put(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            stream = args[0].clone()
            stream[:, pos] = kept[0][:, pos]
            return (stream, *args[1:])

        block.register_forward_pre_hook(put)
        last = model(torch.tensor([patching.base.ids.tolist()]), use_cache=False).logits[0, -1]
    return float(last[WANTED.target] - last[WANTED.other])


@kinds
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_every_cell_is_a_pass_with_a_hook(kind: str, direction: Direction) -> None:
    """Both directions; where both prompts read the same so far, a patch changes nothing."""
    patching = opened(kind, direction)
    assert len(patching.base) == len(patching.source)
    rows: list[int] = []
    grid = patching.grid(Context(), on_row=lambda layer, _: rows.append(layer))
    n_layers = grid.values.shape[0]
    assert rows == list(range(n_layers))
    assert grid.exact.all()
    n = len(patching.base)
    for layer, pos in ((0, 5), (1, 5), (1, n - 1), (n_layers - 1, n - 1), (n_layers - 1, 8)):
        assert grid.values[layer, pos] == pytest.approx(by_hand(kind, patching, layer, pos), abs=2e-5)
    first = next(i for i in range(n) if patching.base.ids[i] != patching.source.ids[i])
    assert np.abs(grid.values[:, :first] - grid.base).max() < 2e-5
    usual, patched = patching.patched(1, 5, Context())
    assert patched[WANTED.target] - patched[WANTED.other] == pytest.approx(float(grid.values[1, 5]), abs=2e-5)
    assert usual[WANTED.target] - usual[WANTED.other] == pytest.approx(grid.base, abs=1e-6)


def test_patching_everything_brings_everything() -> None:
    """`recovered` is 0 for the base and 1 for the source: the last layer's last position has the whole answer only after it."""
    patching = opened("llama")
    grid = patching.grid(Context(), [1])
    assert grid.exact.tolist() == [False, True, False]
    assert np.isnan(grid.values[0]).all()
    whole = patching.traces(Context())
    assert grid.base == pytest.approx(patching.number(whole[0].logits))
    assert grid.source == pytest.approx(patching.number(whole[1].logits))
    assert grid.recovered[1, 0] == pytest.approx(0.0, abs=1e-4)


@kinds
def test_the_estimate_is_the_derivative(kind: str) -> None:
    """Against finite differences: a small step towards the source moves the number as the estimate says."""
    patching = opened(kind)
    estimate = patching.estimate(Context())
    assert not estimate.exact.any()
    base, source = patching.traces(Context())
    step = 1e-2
    for layer, pos in ((1, 5), (2, len(patching.base) - 1)):
        own, other = base.streams(layer)[pos : pos + 1], source.streams(layer)[pos : pos + 1]
        edits = [Edit(layer, (pos,), own + sign * step * (other - own)) for sign in (1, -1)]
        up, down = (patching.number(logits) for _, logits in patching.adapter.resumed(base, edits, Context()))
        slope = (up - down) / (2 * step)
        assert estimate.values[layer, pos] - estimate.base == pytest.approx(slope, rel=0.02, abs=2e-3)


@kinds
def test_one_pass_gives_streams_and_their_gradients(kind: str) -> None:
    """Those of two passes; nothing holds on to the graph, and passes are taken up from it as from any other."""
    lm = tiny(kind, tokenizer=byte_tokenizer())
    ids = lm.tokenize(CLEAN).ids.tolist()
    plain = lm.trace(ids, Context())
    slopes = lm.stream_gradients(plain, lambda logits: logits[-1, 65] - logits[-1, 90], Context())
    both, found = lm.traced_gradients(ids, lambda logits: logits[-1, 65] - logits[-1, 90], Context())
    assert torch.allclose(both.logits, plain.logits, atol=1e-6)
    for layer in range(plain.n_streams):
        assert torch.allclose(both.streams(layer), plain.streams(layer), atol=1e-6)
        assert torch.allclose(found[layer], slopes[layer], atol=1e-5)
        assert not both.streams(layer).requires_grad
    assert not any(
        torch.is_tensor(value) and value.requires_grad
        for kept in getattr(both.cache, "layers", ())  # type: ignore[attr-defined]
        for value in vars(kept).values()
    )
    edits = [Edit(1, (5,), plain.streams(1)[7:8])]
    (a,), (b,) = (list(lm.resumed(of, edits, Context())) for of in (plain, both))
    assert torch.allclose(a[1], b[1], atol=1e-6)


def test_lengths_that_differ_are_aligned() -> None:
    """Equal runs go together; what has no counterpart is not run and is no number."""
    assert aligned([1, 2, 3], [1, 9, 3]) == [0, 1, 2]
    assert aligned([1, 2, 3, 4], [1, 3, 4]) == [0, None, 1, 2]
    assert aligned([1, 5, 6, 3], [0, 1, 7, 8, 3]) == [1, 2, 3, 4]
    patching = opened("llama", corrupted="The small dog sat on the rug.")
    gaps = [p for p, q in enumerate(patching.pairs) if q is None]
    assert gaps
    grid = patching.grid(Context(), [1])
    assert np.isnan(grid.values[1, gaps]).all()
    assert np.isfinite(np.delete(grid.values[1], gaps)).all()
    with pytest.raises(ValueRefusedError, match="counterpart"):
        patching.patched(1, gaps[0], Context())
    assert np.isnan(patching.estimate(Context()).values[:, gaps]).all()


def test_refusals() -> None:
    """The same prompt twice; layers out of range; cancelled."""
    with pytest.raises(ValueRefusedError, match="nothing to explain"):
        opened("llama", corrupted=CLEAN).grid(Context())
    with pytest.raises(ValueRefusedError, match="layer"):
        opened("llama").grid(Context(), [99])
    with pytest.raises(CancelledError):
        opened("llama").grid(Context(is_cancelled=lambda: True))


ATTENTION = {
    "llama": "self_attn", "gpt2": "attn", "gpt_neox": "attention", "gemma2": "post_attention_layernorm"
}  # fmt: skip
"""The module whose output a block adds as its attention's."""
MLP = {"llama": "mlp", "gpt2": "mlp", "gpt_neox": "mlp", "gemma2": "post_feedforward_layernorm"}
PROJECTION = {"llama": "self_attn.o_proj", "gpt2": "attn.c_proj", "gpt_neox": "attention.dense"}


def swapped(
    patching: ActivationPatching, kind: str, layer: int, path: str, pos: list[int], *, entry: slice | None
) -> float:
    """One module's output (or a slice of its input) recorded in the source's pass and put into the base's."""
    model = tiny_model(kind, vocab_size=len(byte_tokenizer()))
    module = blocks_of(model)[layer].get_submodule(path)
    kept: list[torch.Tensor] = []

    def first(output: Any) -> torch.Tensor:
        found: torch.Tensor = output[0] if isinstance(output, tuple) else output
        return found

    def change(mine: torch.Tensor, part: slice) -> torch.Tensor:
        mine = mine.clone()
        mine[:, pos, part] = kept[0][:, pos, part]
        return mine

    if entry is None:
        handle = module.register_forward_hook(lambda _m, _a, output: kept.append(first(output).clone()))
    else:
        handle = module.register_forward_pre_hook(lambda _m, args: kept.append(args[0].clone()))
    with torch.no_grad():
        model(torch.tensor([patching.source.ids.tolist()]), use_cache=False)
        handle.remove()
        if entry is None:
            module.register_forward_hook(
                lambda _m, _a, output: (
                    (change(output[0], slice(None)), *output[1:])
                    if isinstance(output, tuple)
                    else change(output, slice(None))
                )
            )
        else:
            module.register_forward_pre_hook(lambda _m, args: (change(args[0], entry), *args[1:]))
        last = model(torch.tensor([patching.base.ids.tolist()]), use_cache=False).logits[0, -1]
    return float(last[WANTED.target] - last[WANTED.other])


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gpt_neox", "gemma2"])
@pytest.mark.parametrize("part", ["attn_out", "mlp_out"])
def test_parts_are_passes_with_a_hook(kind: str, part: str) -> None:
    """Attention's and MLP's outputs, blocks in sequence and in parallel, and with a norm behind them; the estimate is close by."""
    patching = opened(kind)
    path = (ATTENTION if part == "attn_out" else MLP)[kind]
    grid = patching.grid(Context(), part=part)  # type: ignore[arg-type]
    for layer, pos in ((0, 5), (1, 8), (2, len(patching.base) - 1)):
        truth = swapped(patching, kind, layer, path, [pos], entry=None)
        assert grid.values[layer, pos] == pytest.approx(truth, abs=3e-5)
    estimate = patching.estimate(Context(), part)  # type: ignore[arg-type]
    last = [len(patching.base) - 1]
    assert estimate.values.shape == grid.values.shape
    assert np.abs(estimate.values[-1, :-1] - grid.base).max() < 1e-4, (
        "after the last block only the last position speaks"
    )
    assert np.isfinite(estimate.values[:, last]).all()


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gpt_neox"])
def test_heads_are_passes_with_a_hook(kind: str) -> None:
    """A head's slice of what the output projection reads, at all positions."""
    patching = opened(kind)
    grid = patching.grid(Context(), part="head")
    n_layers, n_heads = grid.values.shape
    assert n_heads == patching.adapter.n_heads
    width = patching.adapter.d_model // n_heads
    for layer, head in ((0, 0), (1, 2), (n_layers - 1, n_heads - 1)):
        entry = slice(head * width, (head + 1) * width)
        every = list(range(len(patching.base)))
        truth = swapped(patching, kind, layer, PROJECTION[kind], every, entry=entry)
        assert grid.values[layer, head] == pytest.approx(truth, abs=3e-5)
    usual, changed = patching.patched(1, 2, Context(), "head")
    assert changed[WANTED.target] - changed[WANTED.other] == pytest.approx(float(grid.values[1, 2]), abs=3e-5)
    assert usual.shape == changed.shape


def test_parts_that_can_not_be_told_apart_are_refused() -> None:
    """gemma2's heads pass a norm that changes with them: exact exchange of one head is not what a sum gives."""
    with pytest.raises(CapabilityError, match="norm"):
        opened("gemma2").grid(Context(), part="head")
