"""What a block's output at each position loses when another position's values are zero: attention with its meaning attached.

Mohebbi et al. 2023 (arXiv 2301.12971). The block is run once more for each key, as a batch, with that key's values
taken out of what attention gives; queries, keys and weights stay. So everything after attention counts too: the output
projection, the residual stream, norms and the MLP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from xai_widgets.adapters import attention, memory
from xai_widgets.adapters.blocks import blocks_of, loops
from xai_widgets.adapters.hooks import first, hooked
from xai_widgets.core.context import Context
from xai_widgets.core.errors import OutOfMemoryError, ValueRefusedError

LONGEST: Final = 1024
"""Positions: the layer runs once a position, so the price grows with the square."""
TOKENS: Final = 2048
"""Positions of one batch."""


def value_zeroing(adapter: attention.Reader, ids: Sequence[int], layer: int, context: Context) -> Tensor:
    """1 - cosine between each position's output of the block with and without each key's values: float32 [query, key].

    Raises:
        ValueRefusedError: no such layer, or a text longer than `LONGEST`.
        CapabilityError: the block can't be run by itself, or does not ask transformers for its attention function.
    """
    n = len(ids)
    if n > LONGEST:
        raise ValueRefusedError(
            "value zeroing", given=f"{n:,} positions", accepted=f"at most {LONGEST:,}",
            hint="use weights times the length of values, which takes any length",
        )  # fmt: skip
    with adapter.session() as view, torch.inference_mode():
        if loops(view):
            raise attention.refuse(adapter, "its blocks run more than once in a pass")
        blocks = blocks_of(view)
        if not 0 <= layer < len(blocks):
            raise ValueRefusedError(
                "layer", given=str(layer), accepted=f"0 to {len(blocks) - 1}", hint="layers are counted from 0"
            )
        given, usual = _as_called(adapter, view, blocks[layer], ids, layer)
        found = torch.zeros(n, n, device=usual.device)
        size = max(1, TOKENS // n)
        for start in range(0, n, size):
            context.step(start, n, "values zeroed")
            keys = torch.arange(start, min(start + size, n), device=usual.device)
            changed = _without(adapter, view, blocks[layer], given, keys, layer)
            found[:, keys] = (1 - torch.cosine_similarity(changed.float(), usual.float(), dim=-1)).clamp_min(0).T
        context.step(n, n, "values zeroed")
        return found


def _as_called(
    adapter: attention.Reader, view: nn.Module, block: nn.Module, ids: Sequence[int], layer: int
) -> tuple[tuple[tuple[Any, ...], dict[str, Any]], Tensor]:
    """Arguments of the block in a pass over ids, and its output [1, pos, d_model]."""
    kept: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    outputs: list[Tensor] = []
    handles = [
        block.register_forward_pre_hook(lambda _m, a, k: kept.append((a, k)), with_kwargs=True),
        block.register_forward_hook(lambda _m, _a, output: outputs.append(first(output))),
    ]
    inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs)
    with hooked(*handles), attention.watched(view, [layer], lambda _call: None):
        adapter.read(view, inputs)
    return kept[0], outputs[0]


def _without(
    adapter: attention.Reader,
    view: nn.Module,
    block: nn.Module,
    given: tuple[tuple[Any, ...], dict[str, Any]],
    keys: Tensor,
    layer: int,
) -> Tensor:
    """Output of the block [key, pos, d_model] with the values of each of `keys` zero in its row of the batch."""
    touched: list[bool] = []

    def edit(call: attention.Tapped, output: Tensor) -> Tensor:
        touched.append(True)
        weights = torch.nn.functional.pad(rows := call.rows(0, call.n_query), (0, call.n_key - rows.shape[-1]))
        value = call.value[0].repeat_interleave(call.n_heads // call.value.shape[1], 0)  # [head, key, d]
        lost = torch.einsum("hqk,hkd->kqhd", weights[:, :, keys], value[:, keys].float())
        return output - lost.to(output.dtype)

    (hidden, *rest), options = given
    options = {name: value for name, value in options.items() if name not in ("past_key_values", "use_cache")}
    try:
        with attention.watched(view, [layer], lambda _call: None, edit):
            changed = first(block(hidden.expand(len(keys), -1, -1), *rest, **options))
    except (RuntimeError, TypeError, ValueError, MemoryError) as error:
        if memory.ran_out(error):
            raise OutOfMemoryError("one layer in a batch", n_tokens=hidden.shape[1] * len(keys)) from error
        raise attention.refuse(adapter, f"its block can't be run by itself ({str(error)[:100]})") from error
    if not touched:
        raise attention.refuse(adapter, f"layer {layer} does not ask transformers for its attention function")
    return changed
