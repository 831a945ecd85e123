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
