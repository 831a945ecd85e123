"""What is known about a text's attention maps before anybody looks closer: one entry a head, plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

TILE: Final = 256
"""Cells of a tile's side."""


@dataclass(frozen=True)
class Pattern:
    """Something a head may do.

    Attributes:
        name, title: for code and for people. doc: the definition. source: where it comes from.
        threshold: from this score on the head is called by it.
    """

    name: str
    title: str
    doc: str
    source: str
    threshold: float


@dataclass(frozen=True)
class MapInfo:
    """One call of attention. `first_head` is its place in arrays over all heads; see `adapters.base.AttentionCall` for the rest."""

    layer: int
    nth: int
    stack: Literal["decoder", "encoder", "cross"]
    first_head: int
    n_heads: int
    n_query: int
    n_key: int
    causal: bool
    how: str


@dataclass(frozen=True, eq=False)
class Overview:
    """All heads at a glance.

    Attributes:
        maps: the calls of attention in order. missing: blocks without weights, and what stands there.
        cell: positions of a square's side. most, mean: float32 [head, row, column], largest and mean weight of each square.
        patterns: what was looked for. scores: float32 [head, pattern], NaN where the text gives it no chance.
        labels: a pattern's name for each head, or "".
        sinks: largest share of a row that no key gets (0 where rows sum to 1).
        seconds: how long it took.
    """

    maps: tuple[MapInfo, ...]
    missing: Mapping[int, str]
    cell: int
    most: np.ndarray
    mean: np.ndarray
    patterns: tuple[Pattern, ...]
    scores: np.ndarray
    labels: tuple[str, ...]
    sinks: float
    seconds: float

    def place(self, head: int) -> tuple[int, int]:
        """(index of the map, head within it) of an index over all heads."""
        for index, info in enumerate(self.maps):
            if info.first_head <= head < info.first_head + info.n_heads:
                return index, head - info.first_head
        raise IndexError(head)


def shape_at(n_query: int, n_key: int, level: int, *, rest: bool) -> tuple[int, int]:
    """Rows and columns of a map whose cells are 2**level positions a side; the rest of each row has a column of its own."""
    return -(-n_query // 2**level), -(-n_key // 2**level) + rest


def levels_of(n_query: int, n_key: int, *, rest: bool) -> int:
    """How many levels a map has; one tile holds the coarsest, level 0 is exact."""
    level = 0
    while max(shape_at(n_query, n_key, level, rest=rest)) > TILE:
        level += 1
    return level + 1
