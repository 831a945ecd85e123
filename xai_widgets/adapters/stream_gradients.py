"""The derivative of a number by every residual stream of a pass: one forward and one backward pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from xai_widgets.adapters import memory, passes
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.hooks import first
from xai_widgets.adapters.resuming import Trace, begin_at
from xai_widgets.core.context import Context
from xai_widgets.core.errors import OutOfMemoryError


def stream_gradients(
    adapter: passes.Lender, base: Trace, number: Callable[[Tensor], Tensor], context: Context
) -> list[Tensor]:
    """[stream][pos, ...] in the stream's dtype, detached.

    Args:
        adapter, base: the model and what it made of the text.
        number: of the logits [wanted, d_vocab] a differentiable number.
        context: asked between the two passes.

    Raises:
        OutOfMemoryError: the two passes don't fit.
    """
    ids = torch.tensor([base.ids], device=adapter.device_of_inputs)
    start = time.perf_counter()
    streams: list[Tensor] = []

    def enters(_module: nn.Module, args: tuple[Any, ...]) -> None:
        streams.append(args[0])

    def leaves(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        streams.append(first(output))

    try:
        with adapter.session() as view, torch.inference_mode(False), torch.enable_grad():
            leaf = base.states[0].detach().clone().requires_grad_()
            begin_at(view, base.outputs, 0, leaf)
            blocks = blocks_of(view)
            for block in blocks:
                block.register_forward_pre_hook(enters)
            blocks[-1].register_forward_hook(leaves)
            logits, _ = passes.run(adapter, view, ids, torch.tensor(base.wanted, device=ids.device))
            context.check()
            found = torch.autograd.grad(number(logits), streams)
    except (RuntimeError, MemoryError) as error:
        if not memory.ran_out(error):
            raise
        raise OutOfMemoryError("the backward pass", n_tokens=len(base.ids)) from error
    adapter.speed.record(ids.numel(), 1, time.perf_counter() - start, backward=True)
    axis = base.pos_axis
    return [g.detach().movedim((axis - 1, axis), (0, 1))[0] for g in found]
