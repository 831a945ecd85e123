"""What every residual stream of a text would say next, at every position: plain values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class LensGrid:
    """The most probable tokens of each stream at each position.

    Attributes:
        streams: their names in order: what enters the first block, then what leaves each; the last is the model's own answer.
        top: int32 [stream, pos, candidate], ids, most probable first; -1 where a position was not read yet.
        prob: float32 of the same shape; probability over the whole vocabulary.
        known: bool [pos], whether it was read.
        seconds: how long it took so far.
    """

    streams: tuple[str, ...]
    top: np.ndarray
    prob: np.ndarray
    known: np.ndarray
    seconds: float


@dataclass(frozen=True, eq=False)
class Followed:
    """One token in every stream at one position.

    Attributes:
        token: its id. rank: int64 [stream], 0 is the most probable. prob: float32 [stream].
    """

    token: int
    rank: np.ndarray
    prob: np.ndarray
