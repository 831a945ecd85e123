"""What the model makes of a residual stream: every stream of one pass, and the pass taken up again at any layer.

Blocks before the layer are replaced, in a private view, by stubs that hand on what was recorded; so whatever a family does around
its blocks (scales, soft caps, several streams, heads of its own) is done by its own code. Where a model was seen to read several
continuations of one text in a single row (`tree_packing`, see `scoring`), of each edited text only the positions from the first
edited one on are run, packed beside one another over the unedited text's keys and values.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn

from xai_widgets.adapters import cache as caches
from xai_widgets.adapters import memory, passes
from xai_widgets.adapters.base import Capability, Edit
from xai_widgets.adapters.blocks import blocks_of, loops
from xai_widgets.adapters.hooks import first, hooked
from xai_widgets.adapters.probing import TOLERANCE
from xai_widgets.adapters.rewriting import Rewrite, rewrite
from xai_widgets.adapters.running import additive
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, OutOfMemoryError

ROW_TOKENS: Final = 128
"""Tokens of a row of packed edits that are aimed at; see `packing.ROW_TOKENS`."""


@dataclass(eq=False)
class Trace:
    """One pass and all its residual streams.

    Attributes:
        ids: what was read.
        states: `n_layers + 1` streams as blocks hand them on, [1, pos, d_model] (some families have more axes): what enters each block,
            and what leaves the last.
        outputs: the form of what each block gives: None is the stream alone, else a sequence whose first entry is its place.
        cache: keys and values of all positions, where they were kept.
        logits: at the positions asked for, [n, d_vocab]; `wanted`: those positions.
    """

    ids: tuple[int, ...]
    states: list[Tensor]
    outputs: list[Any] = field(repr=False)
    cache: Any = field(repr=False)
    logits: Tensor
    wanted: tuple[int, ...]

    @property
    def n_streams(self) -> int:
        """What enters each block, and what leaves the last."""
        return len(self.states)

    @property
    def pos_axis(self) -> int:
        """Axis of positions in `states`."""
        return 1 if tuple(self.states[0].shape[:2]) == (1, len(self.ids)) else 2

    def streams(self, layer: int) -> Tensor:
        """The streams that enter a block (or leave the last), [pos, ...]."""
        axis = self.pos_axis
        return self.states[layer].movedim((axis - 1, axis), (0, 1))[0]


@dataclass(eq=False)
class Begin:
    """Where a pass begins, and with what: `stream` may be set anew before each pass of the same view."""

    stream: Tensor


class _Stub(nn.Module):
    """Stands in a block's place: hands on what comes in, or a stream of its own, in the form the block would."""

    def __init__(self, block: nn.Module, output: Any, begin: Begin | None = None) -> None:  # noqa: ANN401
        super().__init__()
        self.__dict__.update(block=block, output=output, begin=begin)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - models read a layer's settings
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["block"], name)

    def forward(self, *args: Any, **_: Any) -> Any:  # noqa: ANN401 - as the block's
        stream = args[0] if self.begin is None else self.begin.stream
        return stream if self.output is None else type(self.output)([stream, *self.output[1:]])


def begin_at(view: nn.Module, outputs: Sequence[Any], layer: int, stream: Tensor) -> Begin:
    """Let passes of a view begin at block `layer` with this stream (after the last: leave it with it). The view is used up."""
    blocks = blocks_of(view)
    begin = Begin(stream)
    stubs = {
        id(block): _Stub(block, outputs[i], begin if i == len(blocks) - 1 else None)
        for i, block in enumerate(blocks[:layer])
    }
    for module in list(view.modules()):
        for name, child in module._modules.items():
            if child is not None and id(child) in stubs:
                module._modules[name] = stubs[id(child)]
    if layer < len(blocks):
        blocks[layer].register_forward_pre_hook(lambda _module, args: (begin.stream, *args[1:]))
    return begin


def trace(
    adapter: passes.Lender,
    ids: Sequence[int],
    context: Context,
    wanted: Sequence[int] | None = None,
    *,
    keep_cache: bool = False,
    embeddings: Tensor | None = None,
) -> Trace:
    """Read a text once, with every residual stream. Arguments and errors are those of `traced`."""
    return traced(adapter, ids, context, wanted, keep_cache=keep_cache, embeddings=embeddings)[0]


def traced(
    adapter: passes.Lender,
    ids: Sequence[int],
    context: Context,
    wanted: Sequence[int] | None = None,
    *,
    keep_cache: bool = False,
    embeddings: Tensor | None = None,
    number: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Trace, list[Tensor]]:
    """Read a text once, with every residual stream, and the derivative of a number by each of them.

    Args:
        adapter, ids: the model and the text. context: asked between layers.
        wanted: positions whose logits are kept, by default the last. keep_cache: keep keys and values.
        embeddings: [pos, d_model] that are read in place of those of the ids.
        number: of the logits [wanted, d_vocab]; None: no derivatives (and none of the memory that they take).

    Returns:
        The pass, and its derivatives [stream][pos, ...] in the stream's dtype; empty without `number`.

    Raises:
        OutOfMemoryError: the text does not fit. CancelledError: between layers.
    """
    places = tuple(wanted) if wanted is not None else (len(ids) - 1,)
    states: list[Tensor] = []
    outputs: list[Any] = []
    inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs)
    start = time.perf_counter()
    given = None if embeddings is None else embeddings[None]
    gradients: list[Tensor] = []
    with adapter.session() as view, torch.inference_mode(False), torch.set_grad_enabled(number is not None):
        blocks = blocks_of(view)

        def enters(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
            context.check()
            stream = args[0] if states or number is None else args[0].detach().clone().requires_grad_()
            states.append(stream)
            return (stream, *args[1:]) if len(states) == 1 else None

        def leaves(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
            stream = first(output)
            outputs.append(None if torch.is_tensor(output) else type(output)([None, *output[1:]]))
            if len(outputs) == len(blocks):
                states.append(stream)

        handles = [h for b in blocks for h in (b.register_forward_pre_hook(enters), b.register_forward_hook(leaves))]
        try:
            with hooked(*handles):
                logits, kept = passes.run(
                    adapter,
                    view,
                    inputs,
                    torch.tensor(places, device=inputs.device),
                    keep_cache=keep_cache,
                    embeddings=given,
                )
                whole = len(states) == len(blocks) + 1
                if number is not None and whole:
                    context.check()
                    gradients = list(torch.autograd.grad(number(logits), states))
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
            raise OutOfMemoryError("the text", n_tokens=len(ids)) from error
    if not whole:
        raise CapabilityError(
            "Taking up a pass", reason=f"its blocks ran {len(outputs)} times, not once each", hint="look at its attention instead"
        )  # fmt: skip
    _wait(logits)
    adapter.speed.record(inputs.numel(), 1, time.perf_counter() - start, backward=number is not None)
    if number is not None:
        caches.detach(kept)
    found = Trace(tuple(map(int, ids)), [state.detach() for state in states], outputs, kept, logits.detach(), places)
    axis = found.pos_axis
    return found, [g.detach().movedim((axis - 1, axis), (0, 1))[0] for g in gradients]


def resumed(
    adapter: passes.Lender, base: Trace, edits: Sequence[Edit], context: Context, budget: int, *, packed: bool
) -> Iterator[tuple[int, Tensor]]:
    """(index of an edit, logits [n, d_vocab] at the base's positions `wanted`), edits of one layer after the other.

    Args:
        adapter, base: the model and what it made of the text.
        edits: whatever order; those of one layer share passes.
        context: asked between batches. budget: tokens of a batch.
        packed: run only what follows the first edited position, over the base's keys and values (which it must have).

    Raises:
        OutOfMemoryError: a single edit does not fit. CancelledError.
    """
    for layer in sorted({edit.layer for edit in edits}):
        todo = [i for i, edit in enumerate(edits) if edit.layer == layer]
        while todo:
            batch: list[int] = []
            size = 0
            for i in todo:
                more = len(base.ids) - (edits[i].at[0] if packed else 0)
                if batch and size + more > budget:
                    break
                batch.append(i)
                size += more
            context.check()
            chosen = [edits[i] for i in batch]
            try:
                logits = (_packed if packed else _whole)(adapter, base, layer, chosen)
            except (RuntimeError, MemoryError) as error:
                if not memory.ran_out(error):
                    raise
                if len(batch) == 1:
                    raise OutOfMemoryError("the pass", n_tokens=size) from error
                budget = max(1, size // 2)
                continue
            todo = todo[len(batch) :]
            yield from zip(batch, logits, strict=True)


def _whole(adapter: passes.Lender, base: Trace, layer: int, edits: Sequence[Edit]) -> list[Tensor]:
    """Each edited text as a row of its own."""
    n = len(base.ids)
    axis = base.pos_axis
    stream = base.states[layer].repeat_interleave(len(edits), axis - 1)
    for row, edit in enumerate(edits):
        _put(stream, axis, row, torch.tensor(edit.at), edit.states)
    ids = torch.tensor([base.ids] * len(edits), device=adapter.device_of_inputs)
    wanted = torch.tensor([row * n + at for row in range(len(edits)) for at in base.wanted], device=ids.device)
    rewrites = [Rewrite(row, edit.at, edit.made) for row, edit in enumerate(edits) if edit.made]
    logits = _run(adapter, base, layer, stream, ids, wanted, rewrites=rewrites)
    return list(logits.view(len(edits), len(base.wanted), -1))


def _packed(adapter: passes.Lender, base: Trace, layer: int, edits: Sequence[Edit]) -> list[Tensor]:
    """What follows the first edited position of each text, in rows; what comes before lends its keys and values."""
    n = len(base.ids)
    lengths = [n - edit.at[0] for edit in edits]
    rows = _rows(lengths)
    width = max(sum(lengths[i] for i in row) for row in rows)
    device = adapter.device_of_inputs
    place = torch.zeros(len(rows), width, dtype=torch.long)  # position in the text of each token
    visible = torch.zeros(len(rows), width, n + width, dtype=torch.bool)
    stream_at: list[tuple[int, int, Edit]] = []
    where: dict[int, tuple[int, int]] = {}
    for r, row in enumerate(rows):
        start = 0
        for i in row:
            begin, size = edits[i].at[0], lengths[i]
            own = slice(start, start + size)
            place[r, own] = torch.arange(begin, n)
            visible[r, own, :begin] = True
            visible[r, own, n + start : n + start + size] = torch.ones(size, size, dtype=torch.bool).tril()
            stream_at.append((r, start, edits[i]))
            where[i] = (r, start)
            start += size
        visible[r, range(start, width), range(n + start, n + width)] = True  # fillers see themselves
    axis = base.pos_axis
    source = base.streams(layer)
    stream = source[place.to(source.device)]
    for r, start, edit in stream_at:
        at = torch.tensor(edit.at, device=source.device) - edit.at[0] + start
        stream[r, at] = edit.states.to(stream)
    stream = stream.movedim((0, 1), (axis - 1, axis))
    rewrites = [
        Rewrite(r, [at - edit.at[0] + start for at in edit.at], edit.made) for r, start, edit in stream_at if edit.made
    ]
    wanted, slots = [], []
    for i, edit in enumerate(edits):
        r, start = where[i]
        mine = [(k, at - edit.at[0]) for k, at in enumerate(base.wanted) if at >= edit.at[0]]
        slots.append([k for k, _ in mine])
        wanted += [r * width + start + offset for _, offset in mine]
    logits = _run(
        adapter, base, layer, stream, torch.tensor(base.ids, device=device)[place.to(device)],
        torch.tensor(wanted, device=device), place.to(device), visible.to(device), rewrites,
    )  # fmt: skip
    out, done = [], 0
    for kept in slots:
        whole = base.logits.clone() if len(kept) < len(base.wanted) else base.logits.new_empty(base.logits.shape)
        whole[kept] = logits[done : done + len(kept)]
        done += len(kept)
        out.append(whole)
    return out


def _rows(lengths: Sequence[int]) -> list[list[int]]:
    """Indices laid into rows of about `ROW_TOKENS`, or of the longest: the emptiest row takes the longest one left."""
    total, longest = sum(lengths), max(lengths)
    n = max(1, round(total / max(ROW_TOKENS, longest)))
    rows: list[tuple[int, list[int]]] = [(0, []) for _ in range(n)]
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        at = min(range(n), key=lambda r: rows[r][0])
        rows[at] = (rows[at][0] + lengths[i], [*rows[at][1], i])
    return [row for size, row in rows if size]


def _run(
    adapter: passes.Lender, base: Trace, layer: int, stream: Tensor, ids: Tensor, wanted: Tensor,
    positions: Tensor | None = None, visible: Tensor | None = None, rewrites: Sequence[Rewrite] = (),
) -> Tensor:  # fmt: skip
    start = time.perf_counter()
    with adapter.session() as view, torch.no_grad():
        rewrite(blocks_of(view)[layer:], rewrites)
        begin_at(view, base.outputs, layer, stream)
        lent = mask = None
        if visible is not None:
            lent = caches.lent(base.cache, ids.shape[0], len(base.ids))
            mask = additive(visible, adapter.embedding_of(view))
        logits, _ = passes.run(adapter, view, ids, wanted, positions=positions, mask=mask, cache=lent)
    _wait(logits)
    share = 1 - layer / max(1, base.n_streams - 1)
    adapter.speed.record(max(1, round(ids.numel() * share)), 1, time.perf_counter() - start)
    return logits


def readout(
    adapter: passes.Lender,
    base: Trace,
    states: Tensor,
    use: Callable[[int, Tensor], None],
    context: Context,
    chunk: int,
) -> None:
    """What the model would say next if each of these streams left its last block: `use(first index, logits [n, d_vocab])`.

    Args:
        adapter, base: the model and any text it read.
        states: [state, d_model] (or with a family's further axes after the first).
        use: called in order. context: asked between chunks. chunk: states at once.
    """
    axis = base.pos_axis
    with adapter.session() as view, torch.no_grad():
        begin = begin_at(view, base.outputs, base.n_streams - 1, states[:1])
        for start in range(0, len(states), chunk):
            context.check()
            part = states[start : start + chunk]
            begin.stream = part[:, None].movedim((0, 1), (axis - 1, axis))
            ids = torch.tensor([[base.ids[0]]] * len(part), device=adapter.device_of_inputs)
            logits, _ = passes.run(adapter, view, ids, torch.arange(len(part), device=ids.device))
            use(start, logits)


def _put(stream: Tensor, axis: int, row: int, at: Tensor, states: Tensor) -> None:
    """Write [len(at), ...] into a row of a stream."""
    stream.movedim((axis - 1, axis), (0, 1))[row, at.to(stream.device)] = states.to(stream)


def _wait(tensor: Tensor) -> None:
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)


def probe(adapter: passes.Lender, *, packed: bool) -> Capability:
    """Whether a pass can be taken up in this model; see `check`."""
    try:
        reason = check(adapter, packed=packed)
    except Exception as error:  # noqa: BLE001 - whatever a model raises here is a "no", said with its reason
        reason = f"{type(error).__name__}: {str(error)[:200]}"
    return Capability(not reason, reason)


def check(adapter: passes.Lender, *, packed: bool) -> str:
    """Why a pass can't be taken up in this model, or "": tried on a short text at the first, a middle and behind the last block.

    Compared with a pass whose stream is replaced by a hook while all blocks run.
    """
    with adapter.session() as view:
        if loops(view):
            return "its blocks run more than once in a pass"
    ids = [(7 + 31 * i) % adapter.d_vocab for i in range(6)]
    base = trace(adapter, ids, Context(), (4, 5), keep_cache=packed)
    n, axis = base.n_streams - 1, base.pos_axis
    scale = (float(base.logits.float().std()) or 1.0) * TOLERANCE.get(base.logits.dtype, 0.15)

    def far(a: Tensor, b: Tensor) -> bool:
        return float((a.float() - b.float()).square().mean().sqrt()) > scale

    for layer in sorted({0, n // 2, n}):
        stream = base.states[layer].clone()
        moved = base.streams(layer)[3:5] * 1.5 + 0.1
        _put(stream, axis, 0, torch.tensor([3, 4]), moved)
        truth = _with_hook(adapter, ids, layer, stream)
        edits = [Edit(layer, (3, 4), moved)] * 2  # some families keep something of their own for each row
        found = dict(resumed(adapter, base, edits, Context(), 1 << 20, packed=packed))
        if far(found[0], truth) or far(found[1], truth):
            return f"taken up at layer {layer} it ends elsewhere"
    last: list[Tensor] = []
    readout(adapter, base, base.streams(n)[4:], lambda _, logits: last.append(logits), Context(), 1)
    return "what follows its last block mixes positions" if far(torch.cat(last), base.logits) else ""


def _with_hook(adapter: passes.Lender, ids: Sequence[int], layer: int, stream: Tensor) -> Tensor:
    """Logits at positions 4 and 5 of a pass of all blocks in which this stream enters block `layer` (or leaves the last)."""
    inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs)
    with adapter.session() as view, torch.no_grad():
        blocks = blocks_of(view)
        if layer < len(blocks):
            blocks[layer].register_forward_pre_hook(lambda _module, args: (stream, *args[1:]))
        else:
            blocks[-1].register_forward_hook(
                lambda _module, _args, own: stream if torch.is_tensor(own) else type(own)([stream, *own[1:]])
            )
        logits, _ = passes.run(adapter, view, inputs, torch.tensor([4, 5], device=inputs.device))
    return logits
