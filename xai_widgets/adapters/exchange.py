"""What leaves each block when its attention (a head of it, its MLP) had written at a position what it writes in another text.

A block's parts are told apart by `parts`. What the part writes in the other text is put in the place of what it writes here, by
adding the difference to the stream where the block adds the part; what comes after it in the block is run. Attention looks at what
enters the block, and what follows it works position by position, so all positions (and all layers, each over its own stream of
the unchanged pass) are done in one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import torch
from torch import Tensor

from xai_widgets.adapters import passes
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.parts import Kind, Lender, PartsTrace, record_parts
from xai_widgets.adapters.recording import Block, recording
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError

Part = Literal["attn_out", "mlp_out", "head"]
_KINDS: Final[dict[Part, Kind]] = {"attn_out": "attn", "mlp_out": "mlp", "head": "attn"}


def exchanged(
    adapter: Lender,
    ids: Sequence[int],
    source: Sequence[int],
    pairs: Sequence[int | None],
    part: Part,
    context: Context,
) -> list[Tensor]:
    """What leaves each block, float32 [layer, pos, d_model]; one entry, or of `head` one for each head.

    Args:
        adapter, ids: the model and the text. source: the other text.
        pairs: for each position its counterpart there; where there is none the stream stays.
        part: what is exchanged. Layers without it are not a number. context: asked between passes.

    Raises:
        CapabilityError: this model's blocks, or the heads of all of them, can't be told apart. CancelledError.
    """
    here, there = (record_parts(adapter, text, context) for text in (ids, source))
    kind = _KINDS[part]
    if part == "head":
        changes = _of_heads(here, there, pairs, context)
    else:
        changes = [_paired(here.outputs[kind], there.outputs[kind], pairs)]
    found = []
    for change in changes:
        context.check()
        found.append(_left(adapter, here, kind, change, context))
    return found


def _paired(here: Tensor, there: Tensor, pairs: Sequence[int | None]) -> Tensor:
    """Differences [layer, pos, d_model]; 0 where a position has no counterpart."""
    change = torch.zeros_like(here)
    own = [p for p, q in enumerate(pairs) if q is not None]
    change[:, own] = there[:, [q for q in pairs if q is not None]] - here[:, own]
    return change


def _of_heads(here: PartsTrace, there: PartsTrace, pairs: Sequence[int | None], context: Context) -> list[Tensor]:
    """For each head its differences [layer, pos, d_model]; not a number where a layer can't be split over heads."""
    layers = [layer for layer in here.layers if not here.no_heads(layer) and _plain(here, layer)]
    if not layers:
        reason = here.no_heads(here.layers[0]) or "what its heads add is scaled by a norm that changes with them"
        raise CapabilityError("Exchanging heads", reason=reason, hint="exchange whole attention blocks")
    n_heads = max(len(here.heads(layer, 0)[0]) for layer in layers)
    change = here.attn_out.new_full((n_heads, *here.attn_out.shape), torch.nan)
    for layer in layers:
        context.check()
        row = here.layers.index(layer)
        for pos, other in enumerate(pairs):
            own, _ = here.heads(layer, pos)
            new = own if other is None else there.heads(layer, other)[0]
            change[: len(own), row, pos] = new - own
    return list(change)


def _plain(here: PartsTrace, layer: int) -> bool:
    """Whether heads are added as they are, not through a norm."""
    return all(not isinstance(factor, Tensor) for factor in here.factors(layer, "attn"))


class _Adding:
    """Changes the stream of each block of a pass after its nth sum."""

    def __init__(self, sums: Sequence[int], nth: int, change: Tensor) -> None:
        self._known = [n == nth and bool(torch.isfinite(c).all()) for n, c in zip(sums, change, strict=True)]
        self._change, self._layer = change, -1

    def begins(self, *_: object) -> None:
        """A block begins."""
        self._layer += 1

    def concerns(self, layer: int) -> bool:
        """Whether this pass changes that block."""
        return self._known[layer]

    def __call__(self, stream: Tensor) -> None:
        """The nth sum is done."""
        if self._known[self._layer]:
            flat = stream.reshape(-1, stream.shape[-1])
            flat += self._change[self._layer].to(flat)


def _left(adapter: Lender, here: PartsTrace, kind: Kind, change: Tensor, context: Context) -> Tensor:
    """What leaves each block with this change after the sum in which it adds the part."""
    out = torch.full_like(here.resid_post, torch.nan)
    sums = [here.sum_of(layer, kind) for layer in here.layers]
    inputs = torch.tensor([here.ids], device=adapter.device_of_inputs)
    streams = [stream[None].to(getattr(torch, adapter.dtype)) for stream in here.resid_pre]
    for nth in sorted(set(sums) - {0}):
        adding = _Adding(sums, nth, change)
        blocks: dict[int, Block] = {}
        with adapter.session() as view, torch.no_grad():
            for block in blocks_of(view):
                block.register_forward_pre_hook(adding.begins)
            with recording(view, context, blocks.__setitem__, None, streams, (nth, adding)):
                passes.run(adapter, view, inputs, torch.tensor([len(here.ids) - 1], device=inputs.device))
        for layer, done in blocks.items():
            if adding.concerns(layer):
                out[layer] = done.left.to(out.device)
    return out
