"""What leaves each block when its attention (a head of it, its MLP) had written something else at a position.

A block's parts are told apart by `parts`. What shall be written is put in the place of what the part writes here, by
adding the difference to the stream where the block adds the part; what comes after it in the block is run. Attention looks at what
enters the block, and what follows it works position by position, so all positions (and all layers, each over its own stream of
the unchanged pass) are done in one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from xai_widgets.adapters import passes
from xai_widgets.adapters.base import PartName
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.parts import Kind, Lender, PartsTrace, record_parts
from xai_widgets.adapters.recording import Block, recording
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError

_KINDS: Final[dict[PartName, Kind]] = {"attn_out": "attn", "mlp_out": "mlp", "head": "attn"}


@dataclass(frozen=True, eq=False)
class Outputs:
    """See `adapters.base.PartOutputs`."""

    trace: PartsTrace = field(repr=False)
    part: PartName
    outputs: list[Tensor] = field(repr=False)

    @property
    def ids(self) -> tuple[int, ...]:
        """What was read."""
        return self.trace.ids

    def made(self, layer: int) -> tuple[str, Tensor] | None:
        """The module whose output the part is, and that output [pos, d_model]."""
        return None if self.part == "head" else self.trace.made(layer, _KINDS[self.part])


def part_outputs(
    adapter: Lender, ids: Sequence[int], part: PartName, context: Context, embeddings: Tensor | None = None
) -> Outputs:
    """What a part of each block adds at each position.

    Args:
        adapter, ids: the model and the text. part: which. context: asked between passes.
        embeddings: [pos, d_model] that are read in place of those of the ids.

    Raises:
        CapabilityError: this model's blocks, or the heads of all of them, can't be told apart. CancelledError.
    """
    found = record_parts(adapter, ids, context, embeddings=embeddings)
    return Outputs(found, part, _heads(found, context) if part == "head" else [_whole(found, _KINDS[part])])


def exchanged(adapter: Lender, here: Outputs, new: Sequence[Tensor], context: Context) -> list[Tensor]:
    """What leaves each block, float32 [layer, pos, d_model]; one entry, or of heads one for each.

    Args:
        adapter, here: the model and what its parts add. new: what they shall add, as `here.outputs`.
        context: asked between passes.

    Raises:
        CancelledError.
    """
    found = []
    for own, other in zip(here.outputs, new, strict=True):
        context.check()
        found.append(_left(adapter, here.trace, _KINDS[here.part], other.to(own) - own, context))
    return found


def _whole(found: PartsTrace, kind: Kind) -> Tensor:
    outputs = found.outputs[kind].clone()
    outputs[[not there for there in found.has[kind]]] = torch.nan
    return outputs


def _heads(found: PartsTrace, context: Context) -> list[Tensor]:
    """For each head what it adds, [layer, pos, d_model]; not a number where a layer can't be split over heads."""
    layers = [layer for layer in found.layers if not found.no_heads(layer) and _plain(found, layer)]
    if not layers:
        reason = found.no_heads(found.layers[0]) or "what its heads add is scaled by a norm that changes with them"
        raise CapabilityError("Exchanging heads", reason=reason, hint="exchange whole attention blocks")
    n_heads = max(len(found.heads(layer, 0)[0]) for layer in layers)
    outputs = found.attn_out.new_full((n_heads, *found.attn_out.shape), torch.nan)
    for layer in layers:
        context.check()
        row = found.layers.index(layer)
        for pos in found.at:
            own, _ = found.heads(layer, pos)
            outputs[: len(own), row, pos] = own
    return list(outputs)


def _plain(found: PartsTrace, layer: int) -> bool:
    """Whether heads are added as they are, not through a norm."""
    return all(not isinstance(factor, Tensor) for factor in found.factors(layer, "attn"))


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
