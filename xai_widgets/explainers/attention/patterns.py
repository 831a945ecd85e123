"""What does a head do? Scores from 0 to 1 for patterns with names, each by its published definition.

All are means over the queries at which the pattern is possible, of the weight that falls where the pattern says; so they
compare between texts of different length. Where no query allows it (nothing repeats: no induction) the score is NaN:
not known, not zero.
"""

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import AttentionCall
from xai_widgets.core.attention import Pattern
from xai_widgets.explainers.attention.rows import in_blocks

MOST_PAIRS: Final = 2_000_000
"""In a text with more pairs of equal tokens, only every n-th query of a token counts for the two patterns of copies."""
ENTROPY_QUERIES: Final = 128
"""In a longer text every n-th query stands for all in the score of broad heads, so that about so many count."""
LOCAL: Final = 4
"""How far back a local head looks, itself not counted."""


PATTERNS: Final = (
    Pattern(
        "induction",
        "induction",
        "weight on tokens that followed an earlier copy of the token it stands at",
        "Olsson et al. 2022, arXiv 2209.11895 (prefix matching)",
        0.3,
    ),
    Pattern(
        "duplicate_token",
        "duplicate token",
        "weight on earlier copies of the token it stands at",
        "Wang et al. 2022, arXiv 2211.00593",
        0.3,
    ),
    Pattern(
        "previous_token",
        "previous token",
        "weight on the position just before",
        "Vig and Belinkov 2019, arXiv 1906.04284",
        0.4,
    ),
    Pattern(
        "punctuation",
        "punctuation",
        "weight on punctuation, itself and the first position not counted",
        "Clark et al. 2019, arXiv 1906.04341",
        0.4,
    ),
    Pattern(
        "local",
        "local",
        f"weight on itself and the {LOCAL} positions before, at queries with more than twice as many to choose from",
        "Vig and Belinkov 2019, arXiv 1906.04284 (attention distance)",
        0.7,
    ),
    Pattern(
        "broad",
        "broad",
        "entropy of its weights over the largest possible at that query",
        "Clark et al. 2019, arXiv 1906.04341; Ghader and Monz 2017, arXiv 1710.03348",
        0.8,
    ),
    Pattern(
        "first_token",
        "first-token sink",
        "weight on the first position, where heads put what they don't need",
        "Xiao et al. 2023, arXiv 2309.17453",
        0.5,
    ),
)
"""In the order in which they give a head its name: what is rarer comes first."""

NAMES: Final = tuple(pattern.name for pattern in PATTERNS)


class Counter:
    """Adds up the patterns of maps over one text while their rows pass by.

    Args:
        ids: token ids of the positions (queries and keys are the same text). punctuation: which of them are punctuation.
    """

    def __init__(self, ids: Sequence[int], punctuation: Sequence[bool]) -> None:
        """Find the places each pattern points at."""
        self.same, self.after = _copies(ids)
        self.marks = np.flatnonzero(np.asarray(punctuation, dtype=bool))
        self.marks = self.marks[self.marks > 0]
        self._cells: dict[tuple[int, int, int, bool, str], _Cells] = {}

    def scores(self, call: AttentionCall) -> np.ndarray:
        """float32 [head, pattern] of a call, NaN where the text gives a pattern no chance."""
        total = Total(self, call)
        for start, weights in in_blocks(call):
            total.add(start, weights)
        return total.scores()

    def cells(self, start: int, weights: Tensor, *, causal: bool) -> _Cells:
        """Where in a block of rows the patterns point; the same for every layer, so worked out once."""
        key = (start, weights.shape[1], weights.shape[2], causal, str(weights.device))
        if key not in self._cells:
            self._cells[key] = self._find(start, weights.shape[1], weights.shape[2], weights.device, causal=causal)
        return self._cells[key]

    def _find(self, start: int, n_rows: int, n_keys: int, device: torch.device, *, causal: bool) -> _Cells:
        queries = np.arange(start, start + n_rows)
        later = queries[queries >= 1]
        n_choices = queries + 1 if causal else np.full(n_rows, n_keys)
        far = queries[n_choices > 2 * (LOCAL + 1)]
        near = far[:, None] + np.arange(-LOCAL, 1 if causal else LOCAL + 1)
        able = (
            queries[queries > self.marks[0]]
            if causal and len(self.marks)
            else queries[: n_rows * bool(len(self.marks))]
        )
        found = {
            "previous_token": (later, later - 1, len(later)),
            "first_token": (later, np.zeros_like(later), len(later)),
            "local": (np.repeat(far, near.shape[1]), near.ravel(), len(far)),
            "punctuation": (np.repeat(able, len(self.marks)), np.tile(self.marks, len(able)), len(able)),
            "duplicate_token": (*_within(self.same, start, n_rows), 0),
            "induction": (*_within(self.after, start, n_rows), 0),
        }
        flat, counts = [], {}
        for name, (query, key, count) in found.items():
            kept = (key >= 0) & (key < n_keys) & ((name != "punctuation") | (key != query))
            flat.append((query[kept] - start) * n_keys + key[kept])
            counts[name] = (len(flat[-1]), count or len(np.unique(query[kept])))
        return _Cells(torch.from_numpy(np.concatenate(flat)).to(device), counts)


@dataclass(frozen=True)
class _Cells:
    """Flat places [row * keys + key] of all patterns one after the other, and for each how many places and queries."""

    flat: Tensor
    counts: dict[str, tuple[int, int]]


class Total:
    """The sums of one map so far."""

    def __init__(self, counter: Counter, call: AttentionCall) -> None:
        """Nothing is added up yet."""
        self._of, self._call = counter, call
        self._stride = max(1, call.n_query // ENTROPY_QUERIES)
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = defaultdict(int)

    def add(self, start: int, weights: Tensor) -> None:
        """Rows from `start` on: weights [head, row, key]."""
        n_rows, n_keys = weights.shape[1:]
        if self._call.stack == "cross":  # places of one text say nothing about places of the other
            self._add("broad", -torch.xlogy(weights, weights).sum((1, 2)) / math.log(max(2, n_keys)), n_rows)
            return
        cells = self._of.cells(start, weights, causal=self._call.causal)
        found = weights.reshape(weights.shape[0], -1).index_select(1, cells.flat)
        sizes = [size for size, _ in cells.counts.values()]
        for part, (name, (_, count)) in zip(found.split(sizes, 1), cells.counts.items(), strict=True):
            if count:
                self._add(name, part.sum(-1), count)
        # logarithms of all weights would be a third of the whole overview's price
        first = int(start == 0)
        some = weights[:, first :: self._stride]
        if some.shape[1]:
            entropy = -torch.xlogy(some, some).sum(-1)
            queries = torch.arange(start + first, start + n_rows, self._stride, device=weights.device)
            choices = queries + 1 if self._call.causal else torch.full_like(queries, self._call.n_key)
            # what a window hides is exactly 0 in every head
            visible = torch.minimum(choices, (some > 0).any(0).sum(-1)).clamp_min(2).float()
            self._add("broad", (entropy / visible.log()).sum(-1), len(queries))

    def _add(self, name: str, found: Tensor, count: int) -> None:
        self._sums[name] = self._sums.get(name, 0) + found
        self._counts[name] += count

    def scores(self) -> np.ndarray:
        """float32 [head, pattern]."""
        found = np.full((self._call.n_heads, len(PATTERNS)), np.nan, dtype=np.float32)
        for i, name in enumerate(NAMES):
            if self._counts[name]:
                found[:, i] = (self._sums[name] / self._counts[name]).float().cpu().numpy()
        return found


def labels(scores: np.ndarray) -> list[str]:
    """A pattern's name for each head of scores [head, pattern], or "": the first that reaches its threshold."""
    named = []
    for head in scores:
        reached = (p.name for p, s in zip(PATTERNS, head, strict=True) if not math.isnan(s) and s >= p.threshold)
        named.append(next(reached, ""))
    return named


def is_punctuation(text: str) -> bool:
    """Whether a token is made of punctuation and symbols alone."""
    kept = text.strip()
    return bool(kept) and all(unicodedata.category(c)[0] in "PS" for c in kept)


def _copies(ids: Sequence[int]) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Pairs (query, key): earlier copies of the query's token, and the positions right after those (the query itself left out)."""
    where: dict[int, list[int]] = defaultdict(list)
    for position, token in enumerate(ids):
        where[token].append(position)
    groups = [np.array(p, dtype=np.int64) for p in where.values() if len(p) > 1]
    total = sum(len(p) * (len(p) - 1) // 2 for p in groups)
    stride = -(-total // MOST_PAIRS) or 1
    queries, keys = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for positions in groups:
        for i in range(len(positions) - 1, 0, -stride):
            queries.append(np.full(i, positions[i]))
            keys.append(positions[:i])
    query, key = np.concatenate(queries), np.concatenate(keys)
    follows = key + 1 < query
    return (query, key), (query[follows], key[follows] + 1)


def _within(pairs: tuple[np.ndarray, np.ndarray], start: int, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (query, key) whose query is one of these rows."""
    here = (pairs[0] >= start) & (pairs[0] < start + n_rows)
    return pairs[0][here], pairs[1][here]
