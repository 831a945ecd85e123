"""Who reads whom: one pass in which every head reads, as query, key and value, and every MLP reads, a stream of its own.

The residual stream is a sum of what the embedding, every head and every MLP (the nodes) wrote. A reader (a head's query, key or value, an
MLP, the logits) reads that sum; an edge is one addend of one reader. Cutting an edge puts what the node writes in another
text's pass in its place, for that reader alone (path patching, Goldowsky-Dill et al. 2023, arXiv 2304.05969).

How a block is run on several streams at once is in `edge_blocks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import torch
from torch import Tensor, nn

from xai_widgets.adapters import base, memory, passes
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.edge_blocks import Call, Wiring, calls_of, heads_of, mlp_of, refuse
from xai_widgets.adapters.edge_wiring import wiring_of
from xai_widgets.adapters.hooks import first
from xai_widgets.adapters.parts import Lender, far, near
from xai_widgets.adapters.resuming import Trace, begin_at
from xai_widgets.core.context import Context

PATHS: Final = ("q", "k", "v")


class Tracer(Lender, Protocol):
    """What cutting edges needs of an adapter."""

    def trace(
        self, ids: Sequence[int], context: Context, wanted: Sequence[int] | None = None, *, edits: bool = True
    ) -> base.Trace:
        """See `ModelAdapter.trace`."""
        ...


@dataclass(eq=False)
class Written:
    """What the nodes of one pass write, float32 [node, pos, d_model], and the streams that enter each block, [layer + 1][pos, d_model]."""

    nodes: Tensor
    streams: list[Tensor]


@dataclass(eq=False)
class Held:
    """A pass with cuts, so that another can begin where it differs.

    Attributes:
        cuts: bool [reader, node]. live: bool [node], nodes that were run. streams: what enters each block, [pos, d_model].
        lost: what a reader's stream gains for each node that is cut for it, [node, pos, d_model].
    """

    cuts: Tensor
    live: Tensor
    streams: list[Tensor]
    lost: Tensor


@dataclass(eq=False)
class EdgeRun:
    """A text of which edges can be cut.

    Nodes: embedding, then of each block its heads (or its attention, where heads can't be told apart) and its MLP. Readers: of each block all queries, keys and values of its heads,
    then its MLP; the logits last.

    Attributes:
        nodes: (kind, layer, head) of each; readers: (node, path) of each (the node after the last is the logits).
        change: what each node writes in the other text less what it writes here, float32 [node, pos, d_model]; 0 where a position has
            no counterpart.
        logits, other_logits: float32 [d_vocab], of both texts' next token.
    """

    nodes: tuple[tuple[str, int, int], ...]
    readers: tuple[tuple[int, str], ...]
    change: Tensor
    logits: Tensor
    other_logits: Tensor
    _adapter: Tracer = field(repr=False)
    _trace: Trace = field(repr=False)
    _calls: list[Call] = field(repr=False)
    _wiring: list[Wiring] = field(repr=False)
    _constants: list[Tensor] = field(repr=False)
    _own: Written = field(repr=False)
    _held: Held | None = field(default=None, repr=False)
    _keep: bool = field(default=True, repr=False)
    _reads: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Know which edges there are."""
        self._reads = torch.zeros(len(self.readers), len(self.nodes), dtype=torch.bool, device=self.change.device)
        for reader in range(len(self.readers)):
            self._reads[reader, : self._sources(reader)] = True

    @property
    def reads(self) -> Tensor:
        """Which edges there are, bool [reader, node]."""
        return self._reads

    def _sources(self, reader: int) -> int:
        """How many nodes, from the first on, a reader reads."""
        node, _ = self.readers[reader]
        if node == len(self.nodes):
            return node
        kind, layer, _ = self.nodes[node]
        first_head = self.nodes.index(next(n for n in self.nodes if n[1] == layer))
        return node if kind == "mlp" and not self._wiring[layer].parallel else first_head

    def cut(self, cuts: Tensor, context: Context) -> Tensor:
        """Logits of the next token, float32 [d_vocab], with these edges carrying what they carry in the other text.

        Args:
            cuts: bool [reader, node]. context: asked between blocks.

        What comes before the first reader with other cuts than the last time is not run again; nodes all of whose edges are cut are
        not run at all.
        """
        cuts = cuts.to(self.change.device) & self._reads
        if not bool(cuts.any()):
            return self.logits
        with self._adapter.session() as view, torch.no_grad(), memory.fitting("the pass", len(self._trace.ids)):
            logits, held = _Cutting(self, view, cuts, context).run(self._held)
        if self._keep:
            self._held = held
        return logits

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Inside, passes with cuts are compared with the one before: each begins where it differs from that one."""
        self._keep = False
        try:
            yield
        finally:
            self._keep = True

    def slopes(self, number: Callable[[Tensor], Tensor], context: Context, moved: float = 0.0) -> Tensor:
        """Derivative of `number(logits [1, d_vocab])` by what each reader reads, times each node's change: float32 [reader, node].

        So an entry says, to first order, what the number gains when that edge is cut. 0 where a reader does not read a node.

        Args:
            moved: the derivative is taken with the embedding so much of the way to the other text's (of integrated gradients).
        """
        with self._adapter.session() as view, memory.fitting("the backward pass", len(self._trace.ids)):
            return _Slopes(self, view, context).of(number, moved)


def edge_run(
    adapter: Tracer, ids: Sequence[int], other: Sequence[int], pairs: Sequence[int | None], context: Context
) -> EdgeRun:
    """Read two texts, for edges of the first to be cut.

    Args:
        adapter, ids: the model and the text. other: what cut edges carry comes from. Memory: up to four times
            nodes x positions x d_model in float32. pairs: for each position its counterpart there.

    Raises:
        CapabilityError: its heads can't read streams of their own, with the reason. OutOfMemoryError. CancelledError.
    """
    with torch.inference_mode(mode=False):  # derivatives are taken of what is kept
        wiring = wiring_of(adapter, context)
        own, far_one = (_read(adapter, text, wiring, context) for text in (ids, other))
        change = torch.zeros_like(own.written.nodes)
        here = [p for p, q in enumerate(pairs) if q is not None]
        change[:, here] = far_one.written.nodes[:, [q for q in pairs if q is not None]] - own.written.nodes[:, here]
        nodes, readers = _names(wiring)
        return EdgeRun(
            nodes, readers, change, own.trace.logits[-1].float(), far_one.trace.logits[-1].float(),
            adapter, own.trace, own.calls, wiring, own.constants, own.written,
        )  # fmt: skip


def _names(wiring: Sequence[Wiring]) -> tuple[tuple[tuple[str, int, int], ...], tuple[tuple[int, str], ...]]:
    nodes: list[tuple[str, int, int]] = [("embedding", -1, -1)]
    readers: list[tuple[int, str]] = []
    for layer, block in enumerate(wiring):
        readers += [(len(nodes) + h, path) for path in PATHS for h in range(block.n_heads)]
        nodes += [("attn", layer, -1)] if block.whole else [("head", layer, h) for h in range(block.n_heads)]
        if block.mlp:
            readers.append((len(nodes), ""))
            nodes.append(("mlp", layer, -1))
    return tuple(nodes), (*readers, (len(nodes), ""))


class _Cutting:
    """One pass with edges cut."""

    def __init__(self, run: EdgeRun, view: nn.Module, cuts: Tensor, context: Context) -> None:
        self._run, self._view, self._cuts, self._context = run, view, cuts, context
        self._first_reader: dict[int, int] = {}
        self._first_node: dict[int, int] = {}
        for i, (node, _) in enumerate(run.readers[:-1]):
            self._first_reader.setdefault(run.nodes[node][1], i)
        for i, (_, layer, _) in enumerate(run.nodes):
            self._first_node.setdefault(layer, i)
        self._live = (run.reads & ~cuts).any(0)

    def run(self, held: Held | None) -> tuple[Tensor, Held]:
        """Logits [d_vocab], and the pass to begin others from."""
        run = self._run
        n_layers = len(run._wiring)
        if held is None:
            held = Held(torch.zeros_like(self._cuts), torch.ones_like(self._live), run._own.streams, run.change)
        start = self._start(held)
        before = self._first_node.get(start, len(run.nodes)) if start < n_layers else len(run.nodes)
        lost = torch.zeros_like(run.change)
        lost[:before] = held.lost[:before]
        streams = held.streams[: start + 1]
        for layer in range(start, n_layers):
            self._context.check()
            streams.append(self._block(layer, streams[-1], lost))
        last = self._seen(len(run.readers) - 1, streams[-1], lost, len(run.nodes))
        return _logits(run, self._view, last)[-1].float(), Held(self._cuts, self._live, streams, lost)

    def _start(self, held: Held) -> int:
        """The first block that reads otherwise than in the pass that is held, or with a node that was not run in it."""
        run = self._run
        readers = (self._cuts != held.cuts).any(1).nonzero().flatten().tolist()
        nodes = [run.readers[r][0] for r in readers[:1]]
        nodes += (self._live & ~held.live).nonzero().flatten().tolist()
        layers = [len(run._wiring) if node == len(run.nodes) else max(0, run.nodes[node][1]) for node in nodes]
        return min(layers, default=len(run._wiring))

    def _seen(self, reader: int, stream: Tensor, lost: Tensor, n: int) -> Tensor:
        mask = self._cuts[reader, :n]
        return stream + torch.einsum("u,upd->pd", mask.float(), lost[:n]) if bool(mask.any()) else stream

    def _block(self, layer: int, stream: Tensor, lost: Tensor) -> Tensor:
        run, wiring = self._run, self._run._wiring[layer]
        at, reader = self._first_node.get(layer, len(run.nodes)), self._first_reader.get(layer, 0)
        n_heads = wiring.n_heads
        own = run._own.nodes
        after = stream
        if n_heads:
            live = self._live[at : at + n_heads].nonzero().flatten().tolist()
            constant = run._constants[layer]
            written = (
                own[at : at + n_heads] + run.change[at : at + n_heads]
            )  # of those nobody reads: as in the other text
            if live:
                masks = self._cuts[reader : reader + 3 * n_heads, :at].view(3, n_heads, at)[:, live]
                different, which = torch.unique(masks[1:].flatten(0, 1), dim=0, return_inverse=True)
                needed = torch.cat([masks[0], different])  # gates read what the query reads: each head's in its own row
                rows = stream[None] + torch.einsum("ru,upd->rpd", needed.float(), lost[:at])
                pick = torch.zeros(3, n_heads, dtype=torch.long, device=which.device)
                pick[0, live] = torch.arange(len(live), device=which.device)
                pick[1:, live] = len(live) + which.view(2, len(live))
                written[live] = heads_of(self._view, layer, wiring, run._calls[layer], rows, pick, live)[0]
            lost[at : at + n_heads] = own[at : at + n_heads] + run.change[at : at + n_heads] - written
            after = stream + written.sum(0) + constant
            at, reader = at + n_heads, reader + 3 * n_heads
        if wiring.mlp:
            written = own[at] + run.change[at]
            if bool(self._live[at]):
                base = stream if wiring.parallel else after
                seen = self._seen(reader, base, lost, run._sources(reader))
                written = mlp_of(self._view, layer, wiring, run._calls[layer], seen, run._constants[layer])
            lost[at] = own[at] + run.change[at] - written
            after = after + written
        return after


def _logits(run: EdgeRun, view: nn.Module, stream: Tensor) -> Tensor:
    """Logits [1, d_vocab] after the last position of a stream [pos, d_model] that leaves the last block."""
    own = run._trace
    states = own.states[-1]
    begin_at(view, own.outputs, own.n_streams - 1, stream.reshape(states.shape).to(states.dtype))
    ids = torch.tensor([own.ids], device=run._adapter.device_of_inputs)
    return passes.run(run._adapter, view, ids, torch.tensor([len(own.ids) - 1], device=ids.device))[0]


class _Slopes:
    """Derivatives by what every reader reads, block after block from the last: the graph of one block is held at a time."""

    def __init__(self, run: EdgeRun, view: nn.Module, context: Context) -> None:
        self._run, self._view, self._context = run, view, context

    def of(self, number: Callable[[Tensor], Tensor], moved: float) -> Tensor:
        """See `EdgeRun.slopes`."""
        run = self._run
        n_layers = len(run._wiring)
        out = torch.zeros(len(run.readers), len(run.nodes), device=run.change.device)
        with torch.inference_mode(mode=False):
            streams = [s.clone() for s in (self._streams(moved) if moved else run._own.streams)]
            change = run.change.flatten(1)
            with torch.enable_grad():
                leaf = streams[-1].requires_grad_()
                # a view of its own: its blocks are stood in for
                with run._adapter.session() as last:
                    (slope,) = torch.autograd.grad(number(_logits(run, last, leaf)), leaf)
            out[-1] = change @ slope.float().flatten()
            reader, at = len(run.readers) - 1, len(run.nodes)
            for layer in reversed(range(n_layers)):
                self._context.step(n_layers - 1 - layer, n_layers, "layers")
                wiring = run._wiring[layer]
                reader -= 3 * wiring.n_heads + bool(wiring.mlp)
                at -= wiring.n_heads + bool(wiring.mlp)
                slope = self._block(layer, streams[layer], slope, change, out, reader, at)
        return out

    def _streams(self, moved: float) -> list[Tensor]:
        """Streams of a pass whose embedding is so much of the way to the other text's."""
        run = self._run
        blocks = blocks_of(self._view)
        stream = run._own.streams[0] + moved * run.change[0]
        found = [stream]
        dtype = run._trace.states[0].dtype
        with torch.no_grad():
            for block, (rest, options) in zip(blocks, run._calls, strict=True):
                self._context.check()
                stream = first(block(stream[None].to(dtype), *rest, **options))[0].float()
                found.append(stream)
        return found

    def _block(
        self, layer: int, stream: Tensor, slope: Tensor, change: Tensor, out: Tensor, reader: int, at: int
    ) -> Tensor:
        """Fill in a block's readers; the derivative by what enters it."""
        run, wiring = self._run, self._run._wiring[layer]
        call, n_heads = run._calls[layer], wiring.n_heads
        constant = run._constants[layer].clone()
        with torch.enable_grad():
            written = torch.zeros_like(stream)
            if n_heads:
                rows = stream[None].repeat(3 * n_heads, 1, 1).requires_grad_()
                pick = torch.arange(3 * n_heads, device=stream.device).view(3, n_heads)
                written = heads_of(self._view, layer, wiring, call, rows, pick, range(n_heads))[0].sum(0)
            through_mlp = torch.zeros_like(slope)
            if wiring.mlp:
                middle = (stream if wiring.parallel else stream + written.detach() + constant).requires_grad_()
                (through_mlp,) = torch.autograd.grad(
                    mlp_of(self._view, layer, wiring, call, middle, constant), middle, slope
                )
                n = at if wiring.parallel else at + n_heads
                out[reader + 3 * n_heads, :n] = change[:n] @ through_mlp.flatten()
            total = slope + through_mlp
            if n_heads:
                (of_rows,) = torch.autograd.grad(written, rows, slope if wiring.parallel else total)
                out[reader : reader + 3 * n_heads, :at] = of_rows.flatten(1) @ change[:at].T
                total = total + of_rows.sum(0)
        return total.detach()


@dataclass(eq=False)
class _Read:
    trace: Trace
    calls: list[Call]
    written: Written
    constants: list[Tensor]


def _read(adapter: Tracer, ids: Sequence[int], wiring: Sequence[Wiring], context: Context) -> _Read:
    """One text: how its blocks are called, and what each node writes. Checked: together they are the model's own streams."""
    own = adapter.trace(ids, context, edits=False)
    assert isinstance(own, Trace)
    nodes, constants, streams = [], [], [own.streams(i).float() for i in range(own.n_streams)]
    nodes.append(streams[0])
    with adapter.session() as view, torch.no_grad(), memory.fitting("the text", len(ids)):
        calls = calls_of(adapter, view, ids)
        for layer, block in enumerate(wiring):
            context.check()
            stream, constant = streams[layer], torch.zeros_like(streams[layer])
            middle = stream
            if block.n_heads:
                pick = torch.zeros(3, block.n_heads, dtype=torch.long)
                written, constant = heads_of(view, layer, block, calls[layer], stream[None], pick, range(block.n_heads))
                nodes += list(written)
                middle = stream + written.sum(0) + constant
            if block.mlp:
                read = stream if block.parallel else middle
                nodes.append(mlp_of(view, layer, block, calls[layer], read, constant))
                middle = middle + nodes[-1]
            constants.append(constant)
            if far(middle, streams[layer + 1], near(adapter)):
                raise refuse(f"what its heads and MLP write in block {layer} does not sum to what leaves it")
    return _Read(own, calls, Written(torch.stack([n.to(streams[0].device) for n in nodes]), streams), constants)


def probe(adapter: Tracer) -> base.Capability:
    """Whether edges of this model can be cut, tried on two short texts: all of them cut, the first says what the second does."""
    ids, other = ([(start + 31 * i) % adapter.d_vocab for i in range(4)] for start in (7, 11))
    try:
        run = edge_run(adapter, ids, other, range(len(ids)), Context())
        ends = run.cut(run.reads, Context())
    except Exception as error:  # noqa: BLE001 - whatever a model raises here is a "no", said with its reason
        return base.Capability(False, getattr(error, "reason", "") or f"{type(error).__name__}: {str(error)[:200]}")
    reason = (
        "what its parts write does not account for what it says" if far(ends, run.other_logits, near(adapter)) else ""
    )
    return base.Capability(not reason, reason)
