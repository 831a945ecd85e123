"""How alike the residual streams of two models are, layer by layer, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Per = Literal["position", "text"]
"""What is one sample: a position of a text, or a text (the mean over its positions)."""


@dataclass(frozen=True, eq=False)
class LayerCKA:
    """Centred kernel alignment (CKA) between every stream of one model and every stream of another, over the same samples.

    1: the same up to rotation and one scale. 0: nothing in common. Not a number where a stream is the same at all samples.

    Attributes:
        rows, columns: names of the streams of each model, in order: "embedding", then "layer 0", ...: what leaves each block.
        debiased: float32 [row, column], with unbiased estimates of all three terms; about 0 for what is independent, however few the
            samples, and then also a little below.
        plain: float32 [row, column], the usual estimate; biased up where samples are few beside the width.
        by_chance: what `plain` would be about for independent streams of these widths with all directions alike:
            sqrt(p q / ((n + p)(n + q))) for n samples of widths p and q. Streams that use few directions have less.
        loudest: of the rows' and of the columns' streams, float32 [layer]: the part of all variance that is one sample's, the largest
            such. Above a half, CKA of that stream is mostly about that sample.
        n: samples. per: what one is. n_texts: texts they are of. widths: of the two streams.
        seconds: how long it took.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    debiased: np.ndarray
    plain: np.ndarray
    by_chance: float
    loudest: tuple[np.ndarray, np.ndarray]
    n: int
    per: Per
    n_texts: int
    widths: tuple[int, int]
    seconds: float

    @property
    def diagonal(self) -> np.ndarray:
        """`debiased` of streams at the same place, float32 [layer]; as many as the shorter model has."""
        return np.diagonal(self.debiased).copy()

    def of(self, row: str, column: str) -> tuple[float, float]:
        """Debiased and plain CKA of two streams by name."""
        at = self.rows.index(row), self.columns.index(column)
        return float(self.debiased[at]), float(self.plain[at])
