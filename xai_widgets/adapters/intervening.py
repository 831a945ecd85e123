"""A pass, or a text written token by token, while some activations are changed as interventions say.

Each change is one hook on a private view: on a block for the stream, on the modules `places` found for what a part adds, for heads and
for neurons. Passes begin at the lowest changed layer where a pass of the unchanged text is given. While the model writes, keys and
values of what was read under the same changes are kept: no later token changes them. Models whose cache can't be trusted are
run again from the start for each token.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from xai_widgets.adapters import memory, passes
from xai_widgets.adapters.blocks import blocks_of, loops
from xai_widgets.adapters.forward import last_logits
from xai_widgets.adapters.generation import stop_ids, write
from xai_widgets.adapters.hooks import first, hooked
from xai_widgets.adapters.parts import Lender as PartsLender
from xai_widgets.adapters.places import Input, Output, Places, places
from xai_widgets.adapters.resuming import Trace, begin_at
from xai_widgets.core.context import Context
from xai_widgets.core.directions import Direction
from xai_widgets.core.errors import CapabilityError, OutOfMemoryError, TooLongError, ValueRefusedError
from xai_widgets.core.interventions import Intervention, What
from xai_widgets.core.patching import aligned
from xai_widgets.core.sites import Sites
from xai_widgets.core.tokens import Tokens

KEPT: Final = 32
"""Activations of other texts that are kept, so that a slider moved beside a swap does not read them again."""


class Lender(PartsLender, Protocol):
    """What intervening needs of an adapter."""

    tokenizer: Any

    @property
    def fingerprint(self) -> str:
        """Of the weights now."""
        ...

    @property
    def reuses_prefix(self) -> bool:
        """Whether keys and values of a prompt can be used for a longer one."""
        ...

    def tokenize(self, source: str | Sequence[int]) -> Tokens:
        """Tokens of a text or of ids."""
        ...

    def continuation(self, text: str) -> tuple[int, ...]:
        """Ids of a text that follows the prompt."""
        ...


@dataclass(frozen=True, eq=False)
class Change:
    """One intervention, ready: what it makes of rows of its activation.

    Attributes:
        of: the intervention. n_prompt: tokens of the prompt.
        make: `make(rows [n, width], positions)`: the same rows, changed.
    """

    of: Intervention
    n_prompt: int
    make: Callable[[Tensor, list[int]], Tensor]


def sites(adapter: Lender) -> Sites:
    """What can be changed in this model."""
    with adapter.session() as view:
        if loops(view):
            raise CapabilityError(
                "Changing activations",
                reason="its blocks run more than once in a pass",
                hint="look at its attention instead",
            )
        n_layers = len(blocks_of(view))
    return places(adapter).sites(n_layers, adapter.d_model)


def intervened(
    adapter: Lender,
    ids: Sequence[int],
    interventions: Sequence[Intervention],
    context: Context,
    wanted: Sequence[int] | None = None,
    base: Trace | None = None,
) -> Tensor:
    """See `adapters.base.ModelAdapter.intervened`."""
    at = [len(ids) - 1] if wanted is None else list(wanted)
    changes = prepared(adapter, ids, interventions, context)
    context.check()
    begin = None if base is None or base.ids != tuple(ids) or not changes else base
    lowest = min((c.of.layer for c in changes), default=0)
    found = places(adapter)
    tokens = torch.tensor([list(ids)], device=adapter.device_of_inputs)
    with _sized(len(ids)), adapter.session() as view, torch.no_grad():
        blocks = list(blocks_of(view))
        if begin is not None:
            lowest = min(lowest, len(blocks) - 1)
            begin_at(view, begin.outputs, lowest, begin.states[lowest])
        with _changing(blocks, found, changes, range(len(ids))):
            logits, _ = passes.run(adapter, view, tokens, torch.tensor(at, device=tokens.device))
    _usable(logits)
    return logits.detach()


def written(
    adapter: Lender, ids: Sequence[int], interventions: Sequence[Intervention], max_new_tokens: int, context: Context
) -> list[int]:
    """See `adapters.base.ModelAdapter.written`."""
    if max_new_tokens < 0:
        raise ValueRefusedError(
            "max_new_tokens", given=str(max_new_tokens), accepted="at least 0", hint="20 is a sentence"
        )
    if len(ids) >= adapter.max_length:
        raise TooLongError(len(ids) + 1, adapter.max_length)
    changes = prepared(adapter, ids, interventions, context)
    kept: list[Any] = [None, 0]

    def logits_of(sequence: Sequence[int]) -> Tensor:
        past, done = kept if kept[0] is not None else (None, 0)
        found = places(adapter)
        with (
            _sized(len(sequence)),
            adapter.session() as view,
            torch.inference_mode(),
            _changing(list(blocks_of(view)), found, changes, range(done, len(sequence))),
        ):
            logits, grown = last_logits(
                view, sequence, adapter.device_of_inputs, past=past, start=done, keep_cache=adapter.reuses_prefix
            )
        kept[:] = [grown, len(sequence)]
        _usable(logits)
        return logits.float().cpu()

    steps = min(max_new_tokens, adapter.max_length - len(ids))
    ends = stop_ids(adapter.model, adapter.tokenizer)
    return list(write(logits_of, list(ids), steps, context, temperature=0.0, stop_ids=ends))


def recorded(
    adapter: Lender, ids: Sequence[int], what: What, layer: int, index: int | None, context: Context
) -> Tensor:
    """See `adapters.base.ModelAdapter.recorded`."""
    one = Intervention(what=what, layer=layer, index=index, how="set", value=0.0)
    sites(adapter).check(one)
    return _recorded(adapter, ids, one, context).float()


def prepared(
    adapter: Lender, ids: Sequence[int], interventions: Sequence[Intervention], context: Context
) -> list[Change]:
    """Interventions that are on, with their directions and other texts looked up.

    Raises:
        ValueRefusedError, CapabilityError: one that this model or this prompt has no place for.
    """
    found = []
    known = sites(adapter) if interventions else None
    for one in interventions:
        assert known is not None
        known.check(one)
        one.positions(len(ids))
        if one.on:
            found.append(Change(one, len(ids), _made(adapter, ids, one, context)))
    return found


def _made(
    adapter: Lender, ids: Sequence[int], one: Intervention, context: Context
) -> Callable[[Tensor, list[int]], Tensor]:
    if one.how == "set":
        fixed = torch.tensor(one.value, dtype=torch.float32)
        return lambda rows, _: fixed.to(rows).expand_as(rows)
    if one.how == "scale":
        factor = _number(one)
        return lambda rows, _: rows * factor
    if one.how == "add":
        step = torch.tensor(_number(one))
        if one.direction is not None:
            step = direction(adapter, one.direction, context) * step
        return lambda rows, _: rows + step.to(rows)
    other, pairs = _other(adapter, ids, one, context)
    return lambda rows, at: torch.stack(
        [rows[i] if pairs[p] is None else other[pairs[p]].to(rows) for i, p in enumerate(at)]
    )


def _number(one: Intervention) -> float:
    assert isinstance(one.value, float)
    return one.value


def _other(adapter: Lender, ids: Sequence[int], one: Intervention, context: Context) -> tuple[Tensor, list[int | None]]:
    """The activation in the other text, [pos, width], and for each position of the prompt its counterpart there."""
    assert one.source is not None
    source = adapter.tokenize(one.source).ids.tolist()
    pairs = aligned(list(ids), source)
    lonely = [p for p in one.positions(len(ids)) if pairs[p] is None]
    if lonely and (one.at is not None or len(lonely) == len(one.positions(len(ids)))):
        raise ValueRefusedError(
            "position of an intervention", given=f"{lonely[0]}, which has no counterpart in {one.source!r}",
            accepted="positions that go with one of the other text", hint="give texts of the same number of tokens",
        )  # fmt: skip
    return _recorded(adapter, source, one, context), pairs


_RECORDED: WeakKeyDictionary[Any, OrderedDict[Any, Tensor]] = WeakKeyDictionary()


def _recorded(adapter: Lender, ids: Sequence[int], one: Intervention, context: Context) -> Tensor:
    """One activation at every position of a text, [pos, width], in the model's own dtype."""
    kept = _RECORDED.setdefault(adapter, OrderedDict())
    key = (adapter.fingerprint, tuple(ids), one.what, one.layer, one.index)
    if key not in kept:
        context.check()
        seen: list[Tensor] = []

        def look(rows: Tensor, _at: list[int]) -> Tensor:
            seen.append(rows.detach().clone())
            return rows

        change = Change(one.changed(at=None, start=None), len(ids), look)
        tokens = torch.tensor([list(ids)], device=adapter.device_of_inputs)
        found = places(adapter)
        with (
            _sized(len(ids)),
            adapter.session() as view,
            torch.no_grad(),
            _changing(list(blocks_of(view)), found, [change], range(len(ids))),
        ):
            passes.run(adapter, view, tokens, torch.tensor([len(ids) - 1], device=tokens.device))
        if len(seen) != 1 or len(seen[0]) != len(ids):
            raise CapabilityError(
                f"The {one.what} of layer {one.layer}",
                reason="it is not there once in a pass",
                hint="use resid instead",
            )
        kept[key] = seen[0]
        while len(kept) > KEPT:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]


def direction(adapter: Lender, wanted: Direction, context: Context) -> Tensor:
    """See `adapters.base.ModelAdapter.direction`."""
    from xai_widgets.adapters.directions import found

    return found(adapter, wanted, context, lambda ids, layer: recorded(adapter, ids, "resid", layer, None, context))


# -- hooks -------------------------------------------------------------------------------------------------------------


@contextmanager
def _changing(blocks: Sequence[nn.Module], found: Places, changes: Sequence[Change], span: range) -> Iterator[None]:
    """Inside, a pass that reads the positions `span` is changed."""
    now = [-1]

    def begins(layer: int, *_: Any) -> None:  # noqa: ANN401
        now[0] = layer

    handles = [block.register_forward_pre_hook(partial(begins, layer)) for layer, block in enumerate(blocks)]
    with hooked(*handles, *(_hook(blocks, found, change, span, now) for change in changes)):
        yield


def _hook(blocks: Sequence[nn.Module], found: Places, change: Change, span: range, now: list[int]) -> Any:  # noqa: ANN401
    one = change.of
    if one.what == "resid":
        if one.layer == len(blocks):
            return blocks[-1].register_forward_hook(lambda _m, _a, out: _put(out, _stream(change, first(out), span)))
        return blocks[one.layer].register_forward_pre_hook(lambda _m, args: (_stream(change, args[0], span), *args[1:]))
    if one.what in ("attn_out", "mlp_out"):
        output = found.outputs[one.what][one.layer]
        assert isinstance(output, Output)

        def leaves(_module: nn.Module, _args: Any, out: Any) -> Any:  # noqa: ANN401
            return out if now[0] != one.layer else _put(out, _added(change, output, first(out), span))

        return blocks[one.layer].get_submodule(output.path).register_forward_hook(leaves)
    place = found.inputs[one.what][one.layer]
    assert isinstance(place, Input)
    assert one.index is not None
    part = slice(one.index * place.width, (one.index + 1) * place.width)

    def enters(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if now[0] != one.layer:
            return None
        given = args[0].clone()
        flat = given.view(-1, given.shape[-1])
        flat[:, part] = _rows(change, flat[:, part], span)
        return (given, *args[1:])

    return blocks[one.layer].get_submodule(place.path).register_forward_pre_hook(enters)


def _stream(change: Change, stream: Tensor, span: range) -> Tensor:
    if stream.ndim != 3 or stream.shape[0] != 1:
        raise CapabilityError(
            "Changing the residual stream",
            reason="its streams are not one state a position",
            hint="look at its attention instead",
        )
    return _rows(change, stream[0], span)[None]


def _added(change: Change, place: Output, out: Tensor, span: range) -> Tensor:
    """A module's output such that what is added is changed."""
    flat = out.reshape(-1, out.shape[-1])
    if place.factor == 1.0 and place.offset is None:
        return _rows(change, flat, span).view_as(out)
    rest = 0.0 if place.offset is None else place.offset.to(flat)
    return ((_rows(change, flat * place.factor + rest, span) - rest) / place.factor).view_as(out)


def _rows(change: Change, rows: Tensor, span: range) -> Tensor:
    """Rows of the positions a pass reads, [n, width]: a copy in which those concerned are changed."""
    one, n_prompt = change.of, change.n_prompt
    if len(rows) != len(span):
        raise CapabilityError(
            f"Changing the {one.what} of layer {one.layer}",
            reason=f"it has {len(rows)} rows for {len(span)} tokens, so which is whose can't be told",
            hint="look at its attention instead",
        )
    inside = set(one.positions(n_prompt))
    at = [p for p in span if (p in inside if p < n_prompt else one.concerns(p, n_prompt))]
    if not at:
        return rows
    picked = torch.tensor([p - span.start for p in at], device=rows.device)
    changed = rows.clone()
    changed[picked] = change.make(rows[picked], at)
    return changed


def _put(output: Any, stream: Tensor) -> Any:  # noqa: ANN401 - modules return tensors, tuples or lists
    return stream if torch.is_tensor(output) else type(output)([stream, *output[1:]])


@contextmanager
def _sized(n_tokens: int) -> Iterator[None]:
    """Say what was too large."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not memory.ran_out(error):
            raise
        raise OutOfMemoryError("the changed text", n_tokens=n_tokens) from error


def _usable(logits: Tensor) -> None:
    """Refuse changes after which nothing can be said."""
    if bool(torch.isnan(logits).any()) or bool((logits == torch.inf).any()):
        raise ValueRefusedError(
            "interventions", given="changes after which the model's logits are not numbers", accepted="smaller ones",
            hint="bring the values nearer to what the activation was",
        )  # fmt: skip


__all__ = ["Change", "direction", "intervened", "prepared", "recorded", "sites", "written"]
