"""One pass in which every block's sums are noted, and which of what they add comes from other positions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn

from xai_widgets.adapters import passes
from xai_widgets.adapters.additions import Factor, Ledger, Term, Watch
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.hooks import first, hooked
from xai_widgets.core.context import Context

MOVED: Final = 1e-4
"""Relative change of what a part writes from which it counts as having read what was changed."""


@dataclass(eq=False)
class Written:
    """What a block adds to its stream in one go.

    Attributes:
        made: float32 [pos, d_model]. factor: what it is multiplied with before it is added (a multiplier, a norm's scale).
        name: the module that made it, in the block; numbered where it made several.
        linear, given: path of the linear map it comes out of, and what that read, [pos, n]; "" and None where there is none.
        heads: (heads, width of a value) where that linear map is an attention's output projection.
        attends: attention ran in the module that made it. constant: nothing in it comes from the stream (a bias).
    """

    made: Tensor
    factor: Factor
    name: str
    linear: str
    given: Tensor | None
    heads: tuple[int, int] | None
    attends: bool
    constant: bool

    @property
    def value(self) -> Tensor:
        """float32 [pos, d_model], as it is added."""
        return self.made * self.factor


@dataclass(eq=False)
class Block:
    """What one block made of its stream at some positions.

    Attributes:
        entered, left: float32 [pos, d_model]. carried: what is left of what entered; None where what leaves is no such sum.
        written: what was added. sums: how often.
    """

    entered: Tensor
    left: Tensor
    carried: Factor | None
    written: list[Written]
    sums: int


@contextmanager
def recording(
    view: nn.Module,
    context: Context,
    done: Callable[[int, Block], None],
    at: Sequence[int] | None = None,
    streams: Sequence[Tensor] | None = None,
    shake: tuple[int, Callable[[Tensor], None]] | None = None,
) -> Iterator[None]:
    """Inside, a pass of the view (one row) hands over each block as it ends.

    Args:
        view: a private view; its hooks are taken off again. context: asked at each block.
        done: called with (index, block).
        at: positions that are kept; None: all.
        streams: what shall enter each block in place of what comes, [1, pos, d_model]. shake: see `Ledger`; sum 0 is what enters.
    """
    recorder = _Recorder(context, done, at, streams, shake)
    handles: list[Any] = []
    seen: set[int] = set()
    for layer, block in enumerate(blocks_of(view)):
        handles.append(block.register_forward_pre_hook(partial(recorder.enters, layer)))
        handles.append(block.register_forward_hook(partial(recorder.leaves, layer)))
        for path, module in block.named_modules():
            if path and id(module) not in seen:  # blocks may share modules
                seen.add(id(module))
                handles.append(module.register_forward_pre_hook(partial(recorder.goes_in, path)))
                handles.append(module.register_forward_hook(partial(recorder.comes_out, path)))
    with hooked(*handles), recorder.watch:
        yield


class _Recorder:
    """The hooks of one pass; see `recording`."""

    def __init__(
        self,
        context: Context,
        done: Callable[[int, Block], None],
        at: Sequence[int] | None,
        streams: Sequence[Tensor] | None,
        shake: tuple[int, Callable[[Tensor], None]] | None,
    ) -> None:
        self.watch = Watch()
        self._context, self._done, self._at, self._streams, self._shake = context, done, at, streams, shake
        self._entered = torch.empty(0)

    def enters(self, layer: int, _module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """A block begins."""
        self._context.check()
        self.watch.ledger = None
        stream = args[0] if self._streams is None else self._streams[layer].clone()
        if self._shake is not None and self._shake[0] == 0:
            self._shake[1](stream)
        self._entered = _rows(stream, self._at)
        self.watch.ledger = Ledger(stream, self._shake)
        return (stream, *args[1:])

    def leaves(self, layer: int, _module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        """A block ends."""
        ledger, self.watch.ledger = self.watch.ledger, None
        if ledger is not None:
            self._done(layer, _block(ledger, self._entered, first(output), self._at))

    def goes_in(self, path: str, _module: nn.Module, _args: tuple[Any, ...]) -> None:
        """A module inside a block begins."""
        if self.watch.ledger is not None:
            self.watch.ledger.path.append(path)

    def comes_out(self, path: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        """A module inside a block ends."""
        if self.watch.ledger is not None:
            self.watch.ledger.path.pop()
            self.watch.ledger.leave(path, module, args, output)


def _rows(stream: Tensor, at: Sequence[int] | None) -> Tensor:
    """Positions of a stream, float32 [pos, d_model], a copy."""
    rows = stream.detach().reshape(-1, stream.shape[-1])
    return rows.float().clone() if at is None else rows[list(at)].float()


def _block(ledger: Ledger, entered: Tensor, stream: Tensor, at: Sequence[int] | None) -> Block:
    """The form of what leaves, with its terms at the positions that are kept."""
    form = ledger.form(stream)
    n_pos = ledger.size // ledger.d_model
    rows = list(range(n_pos) if at is None else at)

    def of(factor: Factor) -> Factor:
        return factor[rows] if isinstance(factor, Tensor) and factor.shape[0] == n_pos > 1 else factor

    names: Counter[str] = Counter()
    written = []
    for factor, term in form.terms if form else ():
        names[term.path] += 1
        name = term.path if names[term.path] == 1 else f"{term.path} ({names[term.path]})"
        made = term.tensor.detach().reshape(-1, ledger.d_model)
        made = made.expand(len(rows), -1) if made.shape[0] == 1 else made[rows]
        given = None if term.given is None else term.given.detach().reshape(-1, term.given.shape[-1])[rows].clone()
        attends = any(_within(place, term.path) or _within(term.path, place) for place in ledger.attended)
        written.append(
            Written(
                made.float(), of(factor), name, term.linear, given, _heads(ledger, term), attends, not ledger.depends(term.tensor)
            )
        )  # fmt: skip
    carried = None if form is None or form.own is None else of(form.own)
    return Block(entered, _rows(stream, at), carried, written, ledger.sums)


def _heads(ledger: Ledger, term: Term) -> tuple[int, int] | None:
    """Sizes of the attention a linear map is the output projection of: one that ran in the same module, and just as wide."""
    if term.given is None:
        return None
    owner = term.linear.rpartition(".")[0]
    for place, (n_heads, width) in ledger.attended.items():
        if _within(place, owner) and n_heads * width == term.given.shape[-1]:
            return n_heads, width
    return None


def _within(path: str, module: str) -> bool:
    return bool(module) and f"{path}.".startswith(f"{module}.")


def kinds(adapter: passes.Lender, view: nn.Module, ids: Sequence[int]) -> list[dict[str, bool]]:
    """For each block, by the name of what writes: whether what it writes at a position comes from other positions too.

    Found by changing the stream at the first position after each of the block's sums: what a part reads directly is the last
    such change it notices, and a part that looks at other positions notices it there. One pass for each sum a block makes.
    """
    usual = _pass(adapter, view, ids, None, None)
    streams = [block.entered[None].to(getattr(torch, adapter.dtype)) for block in usual]
    found: list[dict[str, bool]] = [{} for _ in usual]

    def change(stream: Tensor) -> None:
        first_one = stream.reshape(-1, stream.shape[-1])[0]
        noise = torch.randn(first_one.shape, generator=torch.Generator().manual_seed(7)).to(first_one)
        first_one += noise * stream.float().std().to(first_one)

    for nth in reversed(range(max(block.sums for block in usual))):
        for layer, (block, other) in enumerate(
            zip(usual, _pass(adapter, view, ids, streams, (nth, change)), strict=True)
        ):
            if len(block.written) != len(other.written):
                continue
            for mine, theirs in zip(block.written, other.written, strict=True):
                moved = (mine.made - theirs.made).norm(dim=-1) > MOVED * mine.made.norm(dim=-1)
                if bool(moved.any()):
                    found[layer].setdefault(mine.name, bool(moved[1:].any()))
    return found


def _pass(
    adapter: passes.Lender,
    view: nn.Module,
    ids: Sequence[int],
    streams: Sequence[Tensor] | None,
    shake: tuple[int, Callable[[Tensor], None]] | None,
) -> list[Block]:
    blocks: list[Block] = []
    inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs)
    with torch.no_grad(), recording(view, Context(), lambda _, block: blocks.append(block), None, streams, shake):
        passes.run(adapter, view, inputs, torch.tensor([len(ids) - 1], device=inputs.device))
    return blocks
