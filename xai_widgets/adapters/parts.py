"""What the embedding, every attention and every MLP put into the residual stream of one text, and what single heads and neurons put.

Found by following the sums each block makes while it runs (`additions`), not by names: the parts of a block add up to what leaves it
by construction, and this is checked on every run. What each part *is* is found by changing the stream and seeing who notices
(`recording.kinds`): `attn` takes something from other positions by attention, `mixer` in some other way (convolution, recurrence),
`mlp` takes nothing from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from xai_widgets.adapters import memory, passes
from xai_widgets.adapters.additions import Factor
from xai_widgets.adapters.blocks import blocks_of, loops
from xai_widgets.adapters.hooks import module_ids
from xai_widgets.adapters.recording import Block, Written, kinds, recording
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, ModelError, OutOfMemoryError, ValueRefusedError

Kind = Literal["attn", "mixer", "mlp"]
KINDS: Final[tuple[Kind, ...]] = ("attn", "mixer", "mlp")
NEAR: Final = {torch.float32: 1e-4, torch.float64: 1e-4, torch.float16: 2e-2}
"""How far a sum may be from what leaves a block, relative to its largest entry, by dtype (0.1 for others): each sum is rounded."""
_SHORT: Final = 6


class Lender(passes.Lender, Protocol):
    """What taking apart needs of an adapter."""

    @property
    def model(self) -> nn.Module:
        """The user's own."""
        ...


@dataclass(eq=False)
class PartsTrace:
    """One pass, and what was added to the residual stream at some positions.

    `resid_post = carried * resid_pre + attn_out + mixer_out + mlp_out` at every layer and position; `carried` is 1 but for the few
    families that scale their stream.

    Attributes:
        ids: what was read. at: positions that were kept. layers: blocks that were kept, ascending.
        resid_pre, resid_post: float32 [layer, pos, d_model], what enters and leaves each of these blocks.
        outputs: by kind, float32 [layer, pos, d_model]; 0 where a block has no such part. has: which blocks have one.
        carried: for each layer what is left of what entered: broadcasts against [pos, d_model].
        logits: at these positions, [pos, d_vocab].
    """

    ids: tuple[int, ...]
    at: tuple[int, ...]
    layers: tuple[int, ...]
    resid_pre: Tensor
    resid_post: Tensor
    outputs: dict[Kind, Tensor]
    has: dict[Kind, tuple[bool, ...]]
    carried: list[Factor]
    logits: Tensor
    _written: list[dict[Kind, list[Written]]] = field(repr=False)
    _order: list[list[Kind]] = field(repr=False)
    _sums: list[int] = field(repr=False)
    """Of each block: kinds in the order in which they are added, and how many sums it makes."""
    _adapter: Lender = field(repr=False)
    _view: nn.Module = field(repr=False)
    """The view that was read: its maps are asked again, over the user's own weights."""

    @property
    def attn_out(self) -> Tensor:
        """What attention adds, float32 [layer, pos, d_model]."""
        return self.outputs["attn"]

    @property
    def mlp_out(self) -> Tensor:
        """What MLPs add, float32 [layer, pos, d_model]."""
        return self.outputs["mlp"]

    def no_heads(self, layer: int) -> str:
        """Why a layer's attention can't be split over heads; "" where it can."""
        return _unsplit(self._of(layer)["attn"], "attention", heads=True)

    def no_neurons(self, layer: int) -> str:
        """Why a layer's MLP can't be split over neurons; "" where it can."""
        return _unsplit(self._of(layer)["mlp"], "MLP", heads=False)

    def factors(self, layer: int, kind: Kind) -> list[Factor]:
        """What the parts of a kind are multiplied with before they are added; a tensor where that differs by position."""
        return [w.factor for w in self._of(layer)[kind]]

    def maker(self, layer: int, kind: Kind) -> str:
        """The module of a block that makes its one part of a kind (of attention, the projection of its heads); "" where that can't be told."""
        varying = [w for w in self._of(layer)[kind] if not w.constant]
        if len(varying) != 1 or (kind == "attn" and varying[0].heads is None):
            return ""
        return varying[0].linear if kind == "attn" else varying[0].name

    def made(self, layer: int, kind: Kind) -> tuple[str, Tensor] | None:
        """The module whose output is all that differs in a kind, and what it gave, [pos, d_model]; None where there is no one such."""
        varying = [w for w in self._of(layer)[kind] if not w.constant]
        if len(varying) != 1 or varying[0].name not in dict(blocks_of(self._view)[layer].named_modules()):
            return None
        return varying[0].name, varying[0].made

    def sum_of(self, layer: int, kind: Kind) -> int:
        """Which of the sums of a block (from 1) adds its parts of a kind; 0 where it has none, or that can't be told."""
        there = [k for k in self._order[self.layers.index(layer)] if self._of(layer)[k]]
        if kind not in there:
            return 0
        n_sums = self._sums[self.layers.index(layer)]
        if n_sums == 1:
            return 1
        later = there[there.index(kind) + 1 :]
        return there.index(kind) + 1 if n_sums == len(there) and set(later) <= {"mlp"} else 0

    def heads(self, layer: int, pos: int) -> tuple[Tensor, Tensor]:
        """What each head adds at a position, float32 [head, d_model], and what is added whatever the heads say (a bias), [d_model].

        A head's part is its slice of what the output projection reads, projected alone; where a norm or a multiplier follows,
        with this run's scale. All together are `attn_out`.

        Raises:
            CapabilityError: this layer can't be split. ModelError: the weights changed since.
        """
        main, rest = self._main(layer, "attn", pos, self.no_heads(layer))
        assert main.given is not None
        assert main.heads is not None
        row = main.given[self._row(pos)]
        n_heads, width = main.heads
        alone = torch.zeros(n_heads + 1, n_heads, width, dtype=row.dtype, device=row.device)
        alone[range(n_heads), range(n_heads)] = row.view(n_heads, width)
        made = self._projected(layer, main, alone.flatten(1))
        factor = at_row(main.factor, self._row(pos))
        bias = made[-1] * factor
        heads = made[:-1] * factor - bias
        self._same(heads.sum(0) + bias, main.value[self._row(pos)])
        return heads, bias + rest

    def neurons(self, layer: int, pos: int) -> Tensor:
        """Activation of every neuron of an MLP at a position, as its output projection reads it (gated): float32 [neuron]."""
        main, _ = self._main(layer, "mlp", pos, self.no_neurons(layer))
        assert main.given is not None
        return main.given[self._row(pos)].float()

    def value_vectors(self, layer: int, pos: int, neurons: Sequence[int]) -> Tensor:
        """What one unit of activation of each of these neurons adds at a position: float32 [neuron, d_model]."""
        main, _ = self._main(layer, "mlp", pos, self.no_neurons(layer))
        assert main.given is not None
        one = torch.zeros(len(neurons) + 1, main.given.shape[-1], dtype=main.given.dtype, device=main.given.device)
        one[range(len(neurons)), list(neurons)] = 1
        made = self._projected(layer, main, one)
        return (made[:-1] - made[-1]) * at_row(main.factor, self._row(pos))

    def split(self, layer: int, kind: Literal["attn", "mlp"], pos: int, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Share of each head or neuron in the product of what the layer adds with some directions.

        Args:
            layer, kind, pos: what is split, and where. directions: float32 [direction, d_model].

        Returns:
            float32 [direction, head] or [direction, neuron], and the rest that is there whatever they say, [direction].
        """
        main, rest, row, slope, whole = self._sloped(layer, kind, pos, directions)
        shares = slope * row
        left = whole - shares.sum(-1) + directions @ rest
        if kind == "attn":
            assert main.heads is not None
            shares = shares.view(len(shares), *main.heads).sum(-1)
        return shares, left

    def read_of_heads(self, layer: int, pos: int, directions: Tensor) -> tuple[Tensor, Tensor]:
        """What the output projection reads of each head, float32 [head, d_head], and the slope of some directions by it.

        The slope, [direction, head, d_head], is what one unit of each entry adds along each direction; a head's share is the sum of
        the products.
        """
        main, _, row, slope, _ = self._sloped(layer, "attn", pos, directions)
        assert main.heads is not None
        return row.view(*main.heads), slope.view(len(slope), *main.heads)

    def _sloped(
        self, layer: int, kind: Literal["attn", "mlp"], pos: int, directions: Tensor
    ) -> tuple[Written, Tensor, Tensor, Tensor, Tensor]:
        """How what comes out of heads or neurons adds to some directions.

        Returns:
            what comes out of them, the constants beside it [d_model], what the output projection reads [width], what a unit of that
            adds along each direction [direction, width], and what all of it adds [direction].
        """
        reason = self.no_heads(layer) if kind == "attn" else self.no_neurons(layer)
        main, rest = self._main(layer, kind, pos, reason)
        assert main.given is not None
        row, factor = main.given[self._row(pos)], at_row(main.factor, self._row(pos))
        with torch.inference_mode(mode=False), torch.enable_grad():
            wanted = directions.clone() * factor  # the caller's may be of inference mode
            project = blocks_of(self._view)[layer].get_submodule(main.linear)
            leaf = row.clone()[None].expand(len(directions), -1).clone().requires_grad_()
            made = project(leaf[None])[0]
            (slope,) = torch.autograd.grad((made.float() * wanted.to(made.device)).sum(), leaf)
        made = made.detach().float()
        self._same(made[0] * factor, main.value[self._row(pos)])
        return main, rest, row.float().detach(), slope.float().detach(), (made * wanted).sum(-1)

    def _of(self, layer: int) -> dict[Kind, list[Written]]:
        if layer not in self.layers:
            raise ValueRefusedError(
                "layer", given=str(layer), accepted=f"one of {list(self.layers)}", hint="blocks are counted from 0"
            )
        return self._written[self.layers.index(layer)]

    def _row(self, pos: int) -> int:
        if pos not in self.at:
            raise ValueRefusedError(
                "position", given=str(pos), accepted=f"one of {list(self.at)}", hint="record it too"
            )
        return self.at.index(pos)

    def _main(self, layer: int, kind: Kind, pos: int, reason: str) -> tuple[Written, Tensor]:
        """What of a layer's part comes out of heads or neurons, and the sum of the constants beside it, [d_model]."""
        if reason:
            raise CapabilityError(f"Splitting layer {layer}", reason=reason, hint="look at the whole layer")
        written = self._of(layer)[kind]
        row = self._row(pos)
        main = next(w for w in written if not w.constant)
        rest = [w.value[row] for w in written if w is not main]
        return main, torch.stack(rest).sum(0) if rest else torch.zeros_like(main.made[row])

    def _projected(self, layer: int, main: Written, given: Tensor) -> Tensor:
        """The linear map itself on rows [n, width]: float32 [n, d_model]."""
        with torch.no_grad():
            made: Tensor = blocks_of(self._view)[layer].get_submodule(main.linear)(given[None])[0]
        return made.float()

    def _same(self, now: Tensor, then: Tensor) -> None:
        if far(now, then, near(self._adapter)):
            raise ModelError(
                "The model changed since this text was read.", given="weights that give other numbers now",
                accepted="the same weights", hint="read the text again",
            )  # fmt: skip


def record_parts(
    adapter: Lender,
    ids: Sequence[int],
    context: Context,
    layers: Sequence[int] | None = None,
    at: Sequence[int] | None = None,
    embeddings: Tensor | None = None,
) -> PartsTrace:
    """Read a text once, with what each block adds at each position.

    Args:
        adapter, ids: the model and the text. context: asked at each block.
        layers: blocks to keep; None: all. at: positions to keep; None: all. What is kept takes
            `layers * positions * (5 * d_model + widths of heads and neurons)` numbers.
        embeddings: [pos, d_model] that are read in place of those of the ids.

    Raises:
        CapabilityError: what leaves a block is not what enters it and what was added.
        ValueRefusedError: no such layer or position. OutOfMemoryError. CancelledError.
    """
    places = tuple(range(len(ids))) if at is None else tuple(at)
    _check_range("position", places, len(ids))
    named = _kinds(adapter)
    wanted = range(len(named)) if layers is None else sorted(set(layers))
    _check_range("layer", wanted, len(named))
    blocks: dict[int, Block] = {}

    def done(layer: int, block: Block) -> None:
        context.step(layer, len(named), "layers")
        if reason := unlike_sum(layer, block, near(adapter)):
            raise _refuse(reason)
        if layer in wanted:
            blocks[layer] = block

    inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs)
    with adapter.session() as view, torch.no_grad():
        try:
            with recording(view, context, done, places):
                at_ids = torch.tensor(places, device=inputs.device)
                given = None if embeddings is None else embeddings[None]
                logits, _ = passes.run(adapter, view, inputs, at_ids, embeddings=given)
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
            raise OutOfMemoryError("the text", n_tokens=len(ids)) from error
    by_kind = [_sorted(blocks[layer], named[layer]) for layer in wanted]
    device = blocks[wanted[0]].left.device
    return PartsTrace(
        tuple(map(int, ids)), places, tuple(wanted),
        torch.stack([blocks[i].entered.to(device) for i in wanted]), torch.stack([blocks[i].left.to(device) for i in wanted]),
        {kind: torch.stack([_sum(parts[kind], blocks[i].left).to(device) for i, parts in zip(wanted, by_kind, strict=True)]) for kind in KINDS},
        {kind: tuple(bool(parts[kind]) for parts in by_kind) for kind in KINDS},
        [_carried(blocks[i]) for i in wanted], logits.detach(), by_kind,
        [_order(blocks[i], parts) for i, parts in zip(wanted, by_kind, strict=True)], [blocks[i].sums for i in wanted],
        adapter, view,
    )  # fmt: skip


def unlike_sum(layer: int, block: Block, tolerance: float) -> str:
    """Why what leaves a block is not `carried * what entered + what was written`; "" where it is."""
    if block.carried is None:
        return f"what leaves block {layer} is not what enters it with something added"
    total = block.entered * block.carried + _sum(block.written, block.left)
    if total.shape != block.left.shape or far(total, block.left, tolerance):
        return f"what block {layer} adds does not sum to what leaves it"
    return ""


def why_not(adapter: Lender, view: nn.Module) -> str:
    """Why a model's stream can't be taken apart, found on a short text; "" where it can."""
    if loops(view):
        return "its blocks run more than once in a pass"
    blocks: list[Block] = []
    inputs = torch.tensor([[(7 + 31 * i) % adapter.d_vocab for i in range(_SHORT)]], device=adapter.device_of_inputs)
    with torch.no_grad(), recording(view, Context(), lambda _, block: blocks.append(block)):
        passes.run(adapter, view, inputs, torch.tensor([_SHORT - 1], device=inputs.device))
    if len(blocks) != len(blocks_of(view)):
        return f"of its {len(blocks_of(view))} blocks {len(blocks)} run in a pass"
    tolerance = near(adapter)
    for layer, block in enumerate(blocks):
        if block.left.shape != (_SHORT, adapter.d_model):
            return f"block {layer} has streams of its own form, not one state of width {adapter.d_model} a position"
        if reason := unlike_sum(layer, block, tolerance):
            return reason
        if layer and far(block.entered, blocks[layer - 1].left, tolerance):
            return f"what enters block {layer} is not what left the one before"
    return ""


_FOUND: WeakKeyDictionary[Any, tuple[tuple[int, ...], list[dict[str, bool]]]] = WeakKeyDictionary()
"""Kinds of what blocks write, by adapter, with the modules they were found in: found at first use."""


def _kinds(adapter: Lender) -> list[dict[str, bool]]:
    with adapter.session() as view:
        modules = module_ids(adapter.model)
        known = _FOUND.get(adapter)
        if known is None or known[0] != modules:
            if reason := why_not(adapter, view):
                raise _refuse(reason)
            ids = [(7 + 31 * i) % adapter.d_vocab for i in range(_SHORT)]
            known = _FOUND[adapter] = (modules, kinds(adapter, view, ids))
    return known[1]


def _sorted(block: Block, named: dict[str, bool]) -> dict[Kind, list[Written]]:
    """What a block wrote, by kind. What is the same whatever the stream holds goes with what was written before it."""
    found: dict[Kind, list[Written]] = {kind: [] for kind in KINDS}
    kind: Kind | None = None
    waiting: list[Written] = []
    for written in block.written:
        if not written.constant:
            # what gave the same on the short text whatever stood there (neurons that are all off) is told by whether attention ran
            mixes = named.get(written.name, written.attends)
            kind = ("attn" if written.attends else "mixer") if mixes else "mlp"
        if kind is None:
            waiting.append(written)
        else:
            found[kind] += [*waiting, written]
            waiting = []
    found["mlp"] += waiting
    return found


def _order(block: Block, by_kind: dict[Kind, list[Written]]) -> list[Kind]:
    """Kinds in the order in which their last parts are written."""
    places = {id(w): i for i, w in enumerate(block.written)}
    return sorted((k for k in KINDS if by_kind[k]), key=lambda k: max(places[id(w)] for w in by_kind[k]))


def _unsplit(written: Sequence[Written], what: str, *, heads: bool) -> str:
    """Why a part can't be split; a constant beside it does not matter."""
    if not written:
        return f"it has no {what}"
    varying = [w for w in written if not w.constant]
    if len(varying) == 1 and varying[0].given is not None and (varying[0].heads is not None or not heads):
        return ""
    if heads:
        return "what it adds is not the projection of its heads side by side"
    return "what it adds is not one projection of its neurons: it has experts, or more than one part"


def _sum(written: Sequence[Written], like: Tensor) -> Tensor:
    total = torch.zeros_like(like)
    for w in written:
        total = total + w.value.to(like.device)
    return total


def _carried(block: Block) -> Factor:
    assert block.carried is not None
    return block.carried


def at_row(factor: Factor, row: int) -> Factor:
    """A factor at one of the positions: a number, or something that broadcasts against [d_model]."""
    return factor[row if factor.shape[0] > 1 else 0] if isinstance(factor, Tensor) else factor


def near(adapter: Lender) -> float:
    """How far sums may be off on this model, relative to their largest entry."""
    return NEAR.get(getattr(torch, adapter.dtype), 0.1)


def far(a: Tensor, b: Tensor, tolerance: float) -> bool:
    """Whether two differ by more than this share of the larger one's largest entry."""
    return not float((a - b.to(a)).abs().max()) <= tolerance * max(float(b.abs().max()), 1e-30)


def _refuse(reason: str) -> CapabilityError:
    return CapabilityError(
        "Splitting what the model writes into parts", reason=reason, hint="patch or ablate its layers instead"
    )


def _check_range(what: str, given: Sequence[int], size: int) -> None:
    for i in given:
        if not 0 <= i < size:
            raise ValueRefusedError(what, given=str(i), accepted=f"0 to {size - 1}", hint="counted from 0")
    if not given:
        raise ValueRefusedError(what, given="none", accepted="at least one", hint=f"leave {what}s out for all")
