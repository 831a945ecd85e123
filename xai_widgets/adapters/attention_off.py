"""Logits of the next token without a head, a layer's attention or one edge: one row of a batch for each.

Where a layer asks transformers for its attention function, that function's output is edited. Other families are edited at
the input of the layer's output projection, head by head; which key was seen can't be changed there, so edges are refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from xai_widgets.adapters import attention, memory, passes
from xai_widgets.adapters.base import AttentionCall, Off
from xai_widgets.adapters.blocks import blocks_of, n_layers_of
from xai_widgets.adapters.hooks import hooked
from xai_widgets.core.context import Context
from xai_widgets.core.errors import OutOfMemoryError, ValueRefusedError

CPU_TOKENS: Final = 512
GPU_TOKENS: Final = 16384


class Lender(passes.Lender, Protocol):
    """What switching off needs of an adapter."""

    n_heads: int

    def attention_gaps(self) -> Mapping[int, str]:
        """Blocks without attention weights, and what stands there instead."""
        ...


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
            found.append(_batch(adapter, ids, part, context).cpu())
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
        attention.check_layers(switch.layers, n_layers_of(view))
        with (
            hooked(*switch.at_projections(view)),
            attention.watched(view, switch.layers, switch.look, switch.edit),
        ):
            logits, _ = passes.run(adapter, view, inputs, last)
    untouched = set(switch.layers) - switch.seen
    if untouched:
        raise attention.refuse(adapter, f"layer {min(untouched)} was not run in this pass")
    if logits.is_cuda:
        torch.cuda.synchronize(logits.device)
    adapter.speed.record(inputs.numel(), 1, time.perf_counter() - start)
    return logits.float()


class _Switch:
    """What is off in each row of a batch, and the layers where that happens."""

    def __init__(self, adapter: Lender, offs: Sequence[Off | None], context: Context) -> None:
        self._adapter, self._context = adapter, context
        self._rows = [(row, off) for row, off in enumerate(offs) if off]
        self.layers = sorted({off.layer for _, off in self._rows})
        self.seen: set[int] = set()

    def at_projections(self, view: nn.Module) -> list[Any]:
        """Hooks of the layers that don't ask transformers for their attention function."""
        blocks, gaps, handles = blocks_of(view), self._adapter.attention_gaps(), []
        for layer in self.layers:
            if layer in gaps:
                raise attention.refuse(self._adapter, f"layer {layer} has no attention but {gaps[layer]}")
            if layer >= len(blocks) or any(attention.tappable(m) for m in blocks[layer].modules()):
                continue
            projection = _projection(blocks[layer], self._adapter.n_heads)
            if projection is None:
                raise attention.refuse(
                    self._adapter,
                    f"layer {layer} does not ask transformers for its attention function, and has no plain output projection",
                )
            for _, off in self._rows:
                if off.layer == layer:
                    _check_head(off, self._adapter)
            handles.append(projection.register_forward_pre_hook(self._silence(layer)))
        return handles

    def _silence(self, layer: int) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
        """A hook that sets heads' slices of an output projection's input to zero."""

        def before(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            self._context.check()
            self.seen.add(layer)
            heads = args[0].clone().unflatten(-1, (self._adapter.n_heads, -1))
            for row, off in self._rows:
                if off.layer == layer:
                    heads[row, ..., slice(None) if off.head is None else off.head, :] = 0
            return heads.flatten(-2), *args[1:]

        return before

    def look(self, call: AttentionCall) -> None:
        self._context.check()
        if isinstance(call, attention.Given):
            return  # edited at its output projection
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


def _check_head(off: Off, adapter: Lender) -> None:
    """A head of a layer that is edited at its output projection."""
    if off.head is not None and not 0 <= off.head < adapter.n_heads:
        raise ValueRefusedError(
            "head", given=str(off.head), accepted=f"0 to {adapter.n_heads - 1}", hint="counted from 0"
        )
    if off.query is not None or off.key is not None:
        reason = (
            "its layers compute attention in their own way: heads and layers can be switched off, single edges can't"
        )
        raise attention.refuse(adapter, reason)


def _projection(block: nn.Module, n_heads: int) -> nn.Module | None:
    """The output projection of a block's attention: the last linear part of it whose input is all heads side by side."""
    for module in block.modules():
        named = "attention" in type(module).__name__.lower()
        linear = [m for m in module.children() if isinstance(m, nn.Linear) or type(m).__name__ == "Conv1D"]
        if named and linear:
            last = linear[-1]
            width = last.in_features if isinstance(last, nn.Linear) else last.get_parameter("weight").shape[0]
            return last if int(width) % n_heads == 0 else None
    return None


def _cut(call: attention.Tapped, output: Tensor, row: int, off: Off) -> None:
    """The head's output at the query (all queries) when it may not see the key; nothing at all where it saw only that."""
    assert off.head is not None
    start, stop = (0, call.n_query) if off.query is None else (off.query, off.query + 1)
    call = call.of_row(row) if call.query.shape[0] > 1 else call
    lowest = torch.finfo(call.query.dtype).min
    mask = call.additive_mask(start, stop)
    if mask is None:
        mask = call.query.new_zeros(1, 1, stop - start, call.n_key)
    mask = torch.nn.functional.pad(mask, (0, call.n_key - mask.shape[-1]), value=lowest)
    mask = mask.expand(1, call.n_heads, stop - start, call.n_key).clone()
    mask[:, off.head, :, slice(None) if off.key is None else off.key] = lowest
    found, _ = call.weigh(call.query[:, :, start:stop], call.key, call.value, mask, start)
    blind = (mask[0, off.head] <= lowest / 2).all(-1)
    output[row, start:stop, off.head] = found[0, :, off.head].masked_fill(blind[:, None], 0)
