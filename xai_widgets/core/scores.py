"""Arithmetic on scores that has nothing to do with models: ranks, shares, agreement."""

from __future__ import annotations

import numpy as np


def dense_rank(scores: np.ndarray) -> np.ndarray:
    """Rank along the last axis, 1 for the largest; equal scores share a rank and no rank is left out."""
    scores = np.asarray(scores)
    flat = scores.reshape(-1, scores.shape[-1])
    ranks = np.empty(flat.shape, dtype=np.int64)
    for i, row in enumerate(flat):
        _, inverse = np.unique(-row, return_inverse=True)
        ranks[i] = inverse + 1
    return ranks.reshape(scores.shape)


def reciprocal_rank(scores: np.ndarray, evidence: list[int]) -> float:
    """1 / dense rank of the best-scored entry of `evidence` in a vector of scores."""
    return float(1.0 / dense_rank(scores)[evidence].min())


def strength(scores: np.ndarray) -> np.ndarray:
    """Scores divided by the largest magnitude (all zeros stay zeros; NaN stays NaN): what colour shows."""
    top = np.nanmax(np.abs(scores)) if scores.size and np.isfinite(scores).any() else 0.0
    return scores / top if top > 0 else np.zeros_like(scores)


def max_relative_difference(ours: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference over the largest reference magnitude: the figure agreement tests bound."""
    top = float(np.abs(reference).max())
    return float(np.abs(ours - reference).max() / (top if top > 0 else 1.0))


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation of two vectors, equal values sharing their mean rank; NaN where one has no spread.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 40.0]))
    1.0
    """
    ranks = [_mean_ranks(np.asarray(v, dtype=np.float64)) for v in (a, b)]
    x, y = (r - r.mean() for r in ranks)
    size = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return round(float((x * y).sum()) / size, 12) if size > 0 else float("nan")


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation over the entries both know; NaN where there are fewer than three or one has no spread.

    >>> correlation(np.array([1.0, 2.0, np.nan, 4.0]), np.array([2.0, 4.0, 9.0, 8.0]))
    1.0
    """
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3:
        return float("nan")
    x, y = (np.asarray(v[both], dtype=np.float64) for v in (a, b))
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return round(float((x * y).sum()) / size, 12) if size > 0 else float("nan")


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: np.ndarray = (last - (counts - 1) / 2)[inverse]
    return means
