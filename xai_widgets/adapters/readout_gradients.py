"""The derivative, by each stream, of a number taken from what the model would say if that stream left its last block.

The same readout as the lens (`resuming.readout`): final norm, head, scales and soft caps are the model's own code, whose weights
are detached, so nothing is computed for them and nothing is left on them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xai_widgets.adapters import memory, passes
from xai_widgets.adapters.resuming import Trace, begin_at
from xai_widgets.core.context import Context
from xai_widgets.core.errors import OutOfMemoryError


def readout_gradients(
    adapter: passes.Lender,
    base: Trace,
    states: Tensor,
    number: Callable[[int, Tensor], Tensor],
    context: Context,
    chunk: int,
) -> Tensor:
    """Of the shape of `states`, float32, detached. The model is held for a chunk at a time: others get their turn between.

    Args:
        adapter, base: the model and any text it read.
        states: [state, d_model].
        number: `number(first index, logits [n, d_vocab])` gives a differentiable number; those of all chunks are added up.
        context: asked between chunks. chunk: states at once.

    Raises:
        OutOfMemoryError: a chunk does not fit.
    """
    axis = base.pos_axis
    out = torch.empty(states.shape, dtype=torch.float32, device=states.device)
    for start in range(0, len(states), chunk):
        context.check()
        part = states[start : start + chunk]
        try:
            with adapter.session() as view, torch.inference_mode(mode=False), torch.enable_grad():
                # a copy, so that it is a leaf outside inference mode whatever it came from
                leaf = part.detach().clone().requires_grad_()
                stream = leaf.to(base.states[-1])[:, None].movedim((0, 1), (axis - 1, axis))
                begin_at(view, base.outputs, base.n_streams - 1, stream)
                ids = torch.tensor([[base.ids[0]]] * len(part), device=adapter.device_of_inputs)
                logits, _ = passes.run(adapter, view, ids, torch.arange(len(part), device=ids.device))
                (slope,) = torch.autograd.grad(number(start, logits), leaf)
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
            raise OutOfMemoryError("the lens backwards", n_tokens=len(part)) from error
        out[start : start + chunk] = slope
    return out
