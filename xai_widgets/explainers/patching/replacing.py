"""What is put into a pass: states of another pass, nothing at all, or a mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from xai_widgets.adapters.base import PartName, PartOutputs
from xai_widgets.core.context import Context
from xai_widgets.explainers.patching.passes import Pass


class Replacement(ABC):
    """States for positions of a pass.

    Attributes:
        pairs: for each position where its state comes from; None: nothing is put in.
        first: the states of positions before this one are those that are there.
    """

    pairs: Sequence[int | None]
    first: int = 0

    @abstractmethod
    def streams(self, layer: int, own: Tensor, context: Context) -> Tensor:
        """What shall enter a layer, [pos, d_model] like `own`; where nothing is put in it is anything."""

    @abstractmethod
    def outputs(self, own: PartOutputs, context: Context) -> list[Tensor]:
        """What parts shall add, in the form of `own.outputs`; where nothing is put in, what they add."""

    def made(self, layer: int, part: PartName, context: Context) -> tuple[str, Tensor] | None:
        """See `PartOutputs.made`; None where what is put in is not one module's output."""
        del layer, part, context
        return None


class OfPass(Replacement):
    """Of another pass, by counterparts."""

    def __init__(self, other: Pass, pairs: Sequence[int | None], first: int = 0) -> None:
        """See `Replacement`."""
        self.other, self.pairs, self.first = other, pairs, first
        self._at = [0 if q is None else q for q in pairs]

    def streams(self, layer: int, own: Tensor, context: Context) -> Tensor:
        """Of the same layer."""
        return self.other.trace(context).streams(layer)[self._at].to(own)

    def outputs(self, own: PartOutputs, context: Context) -> list[Tensor]:
        """Of the same layer, head by head."""
        alone = [p for p, q in enumerate(self.pairs) if q is None]
        found = []
        for here, there in zip(own.outputs, self.other.outputs(own.part, context).outputs, strict=True):
            new = there[:, self._at].to(here)
            new[:, alone] = here[:, alone]
            found.append(new)
        return found

    def made(self, layer: int, part: PartName, context: Context) -> tuple[str, Tensor] | None:
        """The module's output in the other pass, at the counterparts."""
        made = self.other.outputs(part, context).made(layer)
        return None if made is None else (made[0], made[1][self._at])


class Zero(Replacement):
    """Nothing: zeros."""

    def __init__(self, n: int) -> None:
        """At every one of n positions."""
        self.pairs = range(n)

    def streams(self, layer: int, own: Tensor, context: Context) -> Tensor:
        """Zeros."""
        del layer, context
        return torch.zeros_like(own)

    def outputs(self, own: PartOutputs, context: Context) -> list[Tensor]:
        """Zeros, where there is such a part."""
        del context
        return [here * 0 for here in own.outputs]


class Mean(Replacement):
    """The mean over some passes, of each position, or (`pooled`) of all positions after the first."""

    def __init__(self, passes: Sequence[Pass], n: int, *, pooled: bool) -> None:
        """At every one of n positions; passes that are not pooled have as many."""
        self.pairs, self._passes, self._pooled = range(n), passes, pooled

    def streams(self, layer: int, own: Tensor, context: Context) -> Tensor:
        """Of the same layer."""
        return self._mean([p.trace(context).streams(layer).float() for p in self._passes], 0, own)

    def outputs(self, own: PartOutputs, context: Context) -> list[Tensor]:
        """Of the same layer, head by head."""
        found = zip(*(p.outputs(own.part, context).outputs for p in self._passes), strict=True)
        return [self._mean(list(of), 1, here) for of, here in zip(found, own.outputs, strict=True)]

    def _mean(self, states: list[Tensor], axis: int, like: Tensor) -> Tensor:
        if not self._pooled:
            return torch.stack(states).mean(0).to(like)
        later = [s.narrow(axis, 1, s.shape[axis] - 1) if s.shape[axis] > 1 else s for s in states]
        return torch.cat(later, axis).mean(axis, keepdim=True).expand_as(like).to(like)


__all__ = ["Mean", "OfPass", "Replacement", "Zero"]
