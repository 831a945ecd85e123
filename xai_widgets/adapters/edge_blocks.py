"""A block by itself: what its heads write when each reads streams of its own, and what its MLP writes when it reads another.

A block is run on a batch with a row for each different stream that its heads read; where attention is called, queries, keys and values
are taken from the rows they belong to. What single heads write comes out of the same run: the output projection is given one
head in each row. So rotary angles, norms on queries and keys, shared keys, windows, sinks and soft caps are the model's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from xai_widgets.adapters import attention, memory, passes
from xai_widgets.adapters.base import AttentionCall
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.hooks import first, hooked
from xai_widgets.adapters.parts import Lender
from xai_widgets.core.errors import CapabilityError

Call = tuple[tuple[Any, ...], dict[str, Any]]
"""How a block is called in a pass: the arguments after the stream, and the named ones."""


@dataclass(frozen=True)
class Wiring:
    """Where a block's parts come out.

    Attributes:
        writer: path of the module that gives what attention adds: the output projection of its heads, or, where they can't be told
            apart (`whole`: a norm follows), what comes after; "" where the block has none.
        n_heads: how many write apart; 1 where attention writes as a whole, whose heads then read the same.
        mlp: path of the module that gives what its MLP adds; "" where it has none.
        factors: what each of the two is multiplied with before it is added. dtype: of the stream. parallel: the MLP does not read what the heads wrote.
    """

    writer: str
    n_heads: int
    mlp: str
    factors: tuple[float, float]
    dtype: torch.dtype
    whole: bool = False
    parallel: bool = False


class _EnoughError(Exception):
    """Ends a block's run: what was wanted of it is there."""


def heads_of(
    view: nn.Module,
    layer: int,
    wiring: Wiring,
    call: Call,
    rows: Tensor,
    pick: Tensor,
    live: Sequence[int],
) -> tuple[Tensor, Tensor]:
    """What heads write, float32 [live head, pos, d_model], and what attention adds whatever they say, [pos, d_model].

    Args:
        view, layer, wiring, call: the block, and how it was called in a pass of the model.
        rows: [row, pos, d_model], streams; the first ones those that live heads read as queries, in order: gates read them too.
        pick: [3, head], the row that each head reads as query, key and value. live: which heads.

    Where attention writes as a whole it is the one head.
    """
    n_rows = max(len(rows), len(live) + 1)
    if len(rows) < n_rows:
        rows = torch.cat([rows, rows[:1].expand(n_rows - len(rows), -1, -1)])
    made: list[Tensor] = []

    def instead(tapped: attention.Tapped, run: attention.Run) -> Tensor:
        heads = range(tapped.n_heads)
        rows_of = (pick.expand(-1, tapped.n_heads) if wiring.whole else pick).tolist()
        shared = tapped.key.shape[1]
        group = tapped.n_heads // shared
        query = torch.stack([tapped.query[rows_of[0][h], h] for h in heads])[None]
        key, value = (
            torch.stack(
                [torch.stack([given[rows_of[path][g * group + j], g] for g in range(shared)]) for j in range(group)]
            )
            for path, given in ((1, tapped.key), (2, tapped.value))
        )
        found = run(query.expand(group, -1, -1, -1), key, value)  # head h is right in row h % group
        if found.ndim != 4 or found.shape[1:3] != (tapped.n_query, tapped.n_heads):
            raise refuse(f"attention gives its heads in the form {list(found.shape)}")
        every = torch.arange(tapped.n_heads, device=found.device)
        right = found[every % group, :, every]  # [head, pos, d_value]
        if wiring.whole:
            own = right.movedim(0, 1)[None]
            return torch.cat([own, own.new_zeros(n_rows - 1, *own.shape[1:])])
        chosen = torch.tensor(list(live), dtype=torch.long, device=found.device)
        at = torch.arange(len(live), device=found.device), torch.arange(tapped.n_query, device=found.device)
        alone = found.new_zeros(n_rows, *found.shape[1:])
        return alone.index_put((at[0][:, None], at[1][None], chosen[:, None]), right[chosen])

    block = blocks_of(view)[layer]
    writer = block.get_submodule(wiring.writer)
    with hooked(writer.register_forward_hook(ending(made))):
        run_block(view, layer, call, rows.to(wiring.dtype), instead, expected=True)
    out = made[0].reshape(n_rows, *rows.shape[1:]).float() * wiring.factors[0]
    rest = out[len(live)]
    return out[: len(live)] - rest, rest


def mlp_of(view: nn.Module, layer: int, wiring: Wiring, call: Call, stream: Tensor, constant: Tensor) -> Tensor:
    """What the MLP writes when it reads this stream [pos, d_model], float32. `constant`: what attention adds whatever its heads say."""
    made: list[Tensor] = []

    def silent(tapped: attention.Tapped, _run: attention.Run) -> Tensor:
        shape = (tapped.query.shape[0], tapped.n_query, tapped.n_heads, tapped.value.shape[-1])
        return tapped.query.new_zeros(shape)

    block = blocks_of(view)[layer]
    entering = stream if wiring.parallel else stream - constant
    with hooked(block.get_submodule(wiring.mlp).register_forward_hook(ending(made))):
        run_block(
            view,
            layer,
            call,
            entering[None].to(wiring.dtype),
            silent,
            expected=bool(wiring.writer) and not wiring.parallel,
        )
    return made[0].reshape(stream.shape).float() * wiring.factors[1]


def run_block(
    view: nn.Module, layer: int, call: Call, rows: Tensor, instead: attention.Instead, *, expected: bool
) -> None:
    """One block by itself, as a pass of the model calls it, with other streams and another attention (which is `expected` to be called)."""
    rest, options = call
    seen: list[AttentionCall] = []
    try:
        with attention.watched(view, [layer], seen.append, instead=instead):
            blocks_of(view)[layer](rows, *rest, **options)
    except _EnoughError:
        if seen or not expected:
            return
        raise refuse(f"block {layer} does not ask transformers for its attention function") from None
    except (RuntimeError, TypeError, ValueError) as error:
        if memory.ran_out(error):
            raise
        raise refuse(f"its blocks can't be run on several streams at once ({str(error)[:100]})") from error
    raise refuse(f"block {layer} did not run the parts it should")


def ending(made: list[Tensor]) -> Callable[[nn.Module, Any, Any], None]:
    """A hook that keeps what a module gives, and ends the run."""

    def enough(_module: nn.Module, _args: Any, output: Any) -> None:  # noqa: ANN401 - a hook
        made.append(first(output))
        raise _EnoughError

    return enough


def calls_of(adapter: Lender, view: nn.Module, ids: Sequence[int], streams: list[Tensor] | None = None) -> list[Call]:
    """How each block is called in a pass: arguments after the stream, and named ones. `streams` is told what enters each."""
    calls: list[Call] = []

    def kept(_module: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        calls.append((args[1:], {k: v for k, v in options.items() if k not in ("past_key_values", "use_cache")}))
        if streams is not None:
            streams.append(args[0])

    inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs)
    with hooked(*(b.register_forward_pre_hook(kept, with_kwargs=True) for b in blocks_of(view))):
        passes.run(adapter, view, inputs, torch.tensor([len(ids) - 1], device=inputs.device))
    return calls


def refuse(reason: str) -> CapabilityError:
    """The error for a model whose blocks can't be run so."""
    return CapabilityError("Circuits", reason=reason, hint="use xw.Patching: it needs no edges")
