"""Logits of the next token without a head, a layer's attention or one edge: one row of a batch for each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from xai_widgets.adapters import attention, memory, passes
from xai_widgets.adapters.base import AttentionCall, Off
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.passes import Lender
from xai_widgets.core.context import Context
from xai_widgets.core.errors import OutOfMemoryError, ValueRefusedError

CPU_TOKENS: Final = 512
GPU_TOKENS: Final = 16384


def without(adapter: Lender, ids: Sequence[int], offs: Sequence[Off | None], context: Context) -> Tensor:
    """See `adapters.base.ModelAdapter.without_attention`."""
    device = adapter.device_of_inputs
    budget = CPU_TOKENS if torch.device(device).type == "cpu" else GPU_TOKENS
    size = max(1, budget // len(ids))
    found: list[Tensor] = []
    done = 0
    while done < len(offs):
        part = offs[done : done + size]
        context.step(done, len(offs), "switched off")
        try:
            found.append(_batch(adapter, ids, part, context))
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
            if size == 1:
                raise OutOfMemoryError("the forward pass", n_tokens=len(ids)) from error
            size = (size + 1) // 2
            continue
        done += len(part)
    context.step(len(offs), len(offs), "switched off")
    return torch.cat(found) if found else torch.zeros(0, adapter.d_vocab)


def _batch(adapter: Lender, ids: Sequence[int], offs: Sequence[Off | None], context: Context) -> Tensor:
    switch = _Switch(adapter, offs, context)
    inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs).repeat(len(offs), 1)
    last = torch.arange(1, len(offs) + 1, device=inputs.device) * len(ids) - 1
    start = time.perf_counter()
    with adapter.session() as view, torch.inference_mode():
        n_layers = len(blocks_of(view))
        for layer in switch.layers:
            if not 0 <= layer < n_layers:
                raise ValueRefusedError(
                    "layer", given=str(layer), accepted=f"0 to {n_layers - 1}", hint="layers are counted from 0"
                )
        with attention.watched(view, switch.layers, switch.look, switch.edit):
            logits, _ = passes.run(adapter, view, inputs, last)
    untouched = set(switch.layers) - switch.seen
    if untouched:
        reason = f"layer {min(untouched)} does not ask transformers for its attention function, so it can't be switched"
        raise attention.refuse(adapter, reason)
    adapter.speed.record(inputs.numel(), 1, time.perf_counter() - start)
    return logits.float()


class _Switch:
    """What is off in each row of a batch, and the layers where that happens."""

    def __init__(self, adapter: Lender, offs: Sequence[Off | None], context: Context) -> None:
        self._adapter, self._context = adapter, context
        self._rows = [(row, off) for row, off in enumerate(offs) if off]
        self.layers = sorted({off.layer for _, off in self._rows})
        self.seen: set[int] = set()

    def look(self, call: AttentionCall) -> None:
        self._context.check()
        self.seen.add(call.layer)
        for _, off in self._rows:
            if off.layer == call.layer:
                _check(off, call)

    def edit(self, call: attention.Tapped, output: Tensor) -> Tensor:
        if output.ndim != 4 or output.shape[1:3] != (call.n_query, call.n_heads):
            raise attention.refuse(self._adapter, f"its attention gives its heads in the form {list(output.shape)}")
        output = output.clone()
        for row, off in self._rows:
            if off.layer != call.layer:
                continue
            if off.head is None:
                output[row] = 0
            elif off.query is None and off.key is None:
                output[row, :, off.head] = 0
            else:
                _cut(call, output, row, off)
        return output


def _check(off: Off, call: AttentionCall) -> None:
    for name, given, size in (
        ("head", off.head, call.n_heads), ("query", off.query, call.n_query), ("key", off.key, call.n_key)
    ):  # fmt: skip
        if given is not None and not 0 <= given < size:
            raise ValueRefusedError(name, given=str(given), accepted=f"0 to {size - 1}", hint="counted from 0")
    if isinstance(call, attention.Given):
        raise ValueRefusedError(
            "layer",
            given=f"layer {off.layer}",
            accepted="a layer that asks transformers for its attention function",
            hint="this family computes attention in its own way; its heads can be looked at, not switched off",
        )


def _cut(call: attention.Tapped, output: Tensor, row: int, off: Off) -> None:
    """The head's output at the query (all queries) when it may not see the key; nothing at all where it saw only that."""
    start, stop = (0, call.n_query) if off.query is None else (off.query, off.query + 1)
    lowest = torch.finfo(call.query.dtype).min
    mask = call.additive_mask(start, stop)
    if mask is None:
        mask = call.query.new_zeros(1, 1, stop - start, call.n_key)
    mask = mask[row : row + 1] if mask.shape[0] > 1 else mask
    mask = mask.expand(1, call.n_heads, stop - start, call.n_key).clone()
    mask[:, off.head, :, slice(None) if off.key is None else off.key] = lowest
    found, _ = call.weigh(
        call.query[row : row + 1, :, start:stop], call.key[row : row + 1], call.value[row : row + 1], mask
    )
    blind = (mask[0, off.head] <= lowest / 2).all(-1)
    assert off.head is not None
    output[row, start:stop, off.head] = found[0, :, off.head].masked_fill(blind[:, None], 0)
