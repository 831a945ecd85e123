"""Batches of whole inputs, or of what follows a shared stretch of the base: for models that can't be packed.

Pure arithmetic on numpy arrays, like `packing`, and with the same result type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

BLOCK: Final = 16
"""Inputs in one batch of the `prefix` plan start at most so many positions apart: what lies between is run for nothing."""


class Reading(NamedTuple):
    """An input as the model reads it: target tokens included, the last one not.

    Attributes:
        ids: token ids. hidden: positions no later one sees.
        first: the first predicting position; it and all after it are predicting.
    """

    ids: tuple[int, ...]
    hidden: frozenset[int]
    first: int

    @property
    def sees_nothing(self) -> bool:
        """Whether the first predicting position is hidden and so is everything before it."""
        return self.first in self.hidden and all(i in self.hidden for i in range(self.first))


@dataclass(frozen=True)
class Batch:
    """What one pass of the model gets, and what its logits are for.

    Attributes:
        ids, positions: int64 [row, pos].
        visible: bool. [row, key]: an ordinary mask under causal attention. [row, pos, key]: each query's own. Keys are
            `base` positions of the base input, then the row's own. None: plain causal attention.
        base: how many positions of the base precede the rows.
        wanted: int64 flat indices into [row, pos] of the predicting positions.
        serves: (reading, its first target token served, indices into `wanted` for that token and those after it).
    """

    ids: np.ndarray
    positions: np.ndarray
    visible: np.ndarray | None
    base: int
    wanted: np.ndarray
    serves: list[tuple[int, int, list[int]]]


class _Piece(NamedTuple):
    """Part of a reading run by itself: target tokens from `token`, `n` of them (None: all that are left)."""

    of: int
    reading: Reading
    token: int
    n: int | None


def shared_length(base: Reading, reading: Reading) -> int:
    """How many positions from the start are the base's own: same ids, none hidden, none predicting."""
    limit = min(len(base.ids), len(reading.ids), reading.first, min(reading.hidden, default=len(reading.ids)))
    a, b = base.ids, reading.ids
    if a[:limit] == b[:limit]:
        return limit
    return next(i for i in range(limit) if a[i] != b[i])


def whole(readings: Sequence[Reading], todo: Sequence[int], budget: int, *, pad: bool) -> Iterator[Batch]:
    """Whole inputs, longest first; padded on the right, or (pad=False) only with others of the same length."""
    pieces = list(_pieces(readings, todo))
    for group in by_length([len(p.reading.ids) for p in pieces], budget, pad=pad):
        yield _batch([pieces[i] for i in group], 0)


def by_length(lengths: Sequence[int], budget: int, *, pad: bool) -> Iterator[list[int]]:
    """Indices of inputs of these lengths, in groups that hold `budget` tokens at most (or one input)."""
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        width = lengths[group[0]] if group else 0
        if group and (width * (len(group) + 1) > budget or (not pad and lengths[i] != width)):
            yield group
            group = []
        group.append(i)
    if group:
        yield group


def on_prefix(base: Reading, readings: Sequence[Reading], todo: Sequence[int], budget: int) -> Iterator[Batch]:
    """What follows the stretch of the base that all inputs of the batch share, padded on the right."""
    pieces = list(_pieces(readings, todo))
    shapes = [(shared_length(base, p.reading), len(p.reading.ids)) for p in pieces]
    for group in by_prefix(shapes, budget):
        yield _batch([pieces[i] for i in group], shapes[group[0]][0])


def by_prefix(shapes: Sequence[tuple[int, int]], budget: int) -> Iterator[list[int]]:
    """Indices of inputs of these (shared, length), in groups run from the first one's shared length on."""
    group: list[int] = []
    start = longest = 0
    for i in sorted(range(len(shapes)), key=lambda i: shapes[i][0]):
        shared, length = shapes[i]
        wide = max(longest, length) - start
        if group and (shared - start > BLOCK or wide * (len(group) + 1) > budget):
            yield group
            group = []
        if not group:
            start, longest = shared, 0
        group.append(i)
        longest = max(longest, length)
    if group:
        yield group


def _pieces(readings: Sequence[Reading], todo: Sequence[int]) -> Iterator[_Piece]:
    for i in todo:
        reading = readings[i]
        if reading.sees_nothing:  # alone with itself for its own prediction, hidden for those that follow
            alone = Reading(reading.ids[: reading.first + 1], reading.hidden - {reading.first}, reading.first)
            yield _Piece(i, alone, 0, 1)
            if len(reading.ids) > reading.first + 1:
                yield _Piece(i, reading, 1, None)
        else:
            yield _Piece(i, reading, 0, None)


def _batch(group: Sequence[_Piece], start: int) -> Batch:
    width = max(len(p.reading.ids) for p in group) - start
    ids = np.zeros((len(group), width), dtype=np.int64)
    visible = np.zeros((len(group), start + width), dtype=bool)
    wanted: list[int] = []
    serves: list[tuple[int, int, list[int]]] = []
    for r, piece in enumerate(group):
        reading = piece.reading
        ids[r, : len(reading.ids) - start] = reading.ids[start:]
        visible[r, : len(reading.ids)] = True
        visible[r, list(reading.hidden)] = False
        places = range(reading.first + piece.token, len(reading.ids))
        if piece.n is not None:
            places = places[: piece.n]
        serves.append((piece.of, piece.token, list(range(len(wanted), len(wanted) + len(places)))))
        wanted += [r * width + place - start for place in places]
    positions = np.arange(start, start + width, dtype=np.int64)[None]
    return Batch(ids, positions, None if visible.all() else visible, start, np.array(wanted, dtype=np.int64), serves)
