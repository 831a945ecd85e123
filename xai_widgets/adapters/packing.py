"""Which tokens have to be computed for a set of changed inputs, and how they are laid into rows.

A changed input differs from the base input from some position on; before it, the base's keys and values serve. What is
left of all inputs forms a trie (inputs that agree further share those tokens too). Its nodes are laid into rows, many
branches beside one another, each token with its own position number and a mask that shows it its own ancestors only:
tree attention. Pure arithmetic on numpy arrays; nothing here knows a model.

A hidden position keeps its place in the numbering, but nothing after it sees it. So it is not computed at all, unless it is the one
that predicts: then its query sees what is visible before it and not itself, or itself alone if there is nothing else.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from xai_widgets.adapters.batching import Batch, Reading, shared_length

ROW_TOKENS: Final = 128
"""Length a row is aimed at. Longer rows spend more on masked pairs, shorter ones more on padding."""


TRIE_TOKENS: Final = 1 << 18
"""Tokens of the inputs laid out at once (some hundred bytes each)."""


class Trie:
    """Nodes below the base input, one for each distinct (place, token, hidden).

    Attributes (lists by node):
        token, depth: its id and position number.
        parent: node before it; -1 - b where that is the base's position b - 1 (b positions of the base are visible).
        hidden: whether later nodes can't see it. computed: whether the model has to run it.
    paths: for each sequence (by its index), its nodes from the first that is not the base's to its last.
    """

    def __init__(self, base: Reading, sequences: Sequence[Reading], which: Iterable[int]) -> None:
        """Insert those of the sequences whose indices are given."""
        self.token: list[int] = []
        self.depth: list[int] = []
        self.parent: list[int] = []
        self.hidden: list[bool] = []
        self.computed: list[bool] = []
        self.paths: dict[int, list[int]] = {}
        self._sequences = sequences
        self._children: dict[tuple[int, int, bool], int] = {}
        for i in which:
            self.paths[i] = self._insert(sequences[i], shared_length(base, sequences[i]))

    def _insert(self, sequence: Reading, shared: int) -> list[int]:
        at, path = -1 - shared, []
        for depth in range(shared, len(sequence.ids)):
            hidden, predicts = depth in sequence.hidden, depth >= sequence.first
            token = sequence.ids[depth] if predicts or not hidden else -1  # what a hidden token is does not matter
            key = (at, token, hidden)
            node = self._children.get(key)
            if node is None:
                node = self._children[key] = len(self.token)
                self.token.append(token)
                self.depth.append(depth)
                self.parent.append(at)
                self.hidden.append(hidden)
                self.computed.append(predicts or not hidden)
            path.append(node)
            at = node
        return path

    def predicting(self, i: int) -> list[int]:
        """Nodes of sequence `i` whose logits are wanted, in order."""
        sequence = self._sequences[i]
        return self.paths[i][sequence.first - len(sequence.ids) :]


def tries(base: Reading, sequences: Sequence[Reading], todo: Sequence[int]) -> Iterator[Trie]:
    """The sequences `todo` as one trie, or several where one would take much memory."""
    part: list[int] = []
    size = 0
    for i in todo:
        if part and size + len(sequences[i].ids) > TRIE_TOKENS:
            yield Trie(base, sequences, part)
            part, size = [], 0
        part.append(i)
        size += len(sequences[i].ids)
    if part:
        yield Trie(base, sequences, part)


@dataclass
class Row:
    """Sequences laid into one row, and the nodes computed for them, parents before children."""

    sequences: list[int]
    nodes: list[int]


def packed(
    base: Reading, sequences: Sequence[Reading], todo: Sequence[int], budget: int, row_tokens: int | None = None
) -> Iterator[Batch]:
    """Batches of `budget` tokens at most (or one sequence); rows of about `row_tokens`, `ROW_TOKENS` if not given."""
    for trie in tries(base, sequences, todo):
        for group in batches(rows(trie, row_tokens or ROW_TOKENS, budget), budget):
            yield pack(trie, group)


def sizes(
    base: Reading, sequences: Sequence[Reading], todo: Sequence[int], budget: int, row_tokens: int | None = None
) -> list[int]:
    """Tokens of each of these batches, padding included, without making them."""
    return [
        len(group) * len(group[0].nodes)
        for trie in tries(base, sequences, todo)
        for group in batches(rows(trie, row_tokens or ROW_TOKENS, budget), budget)
    ]


def rows(trie: Trie, row_tokens: int, budget: int) -> list[Row]:
    """Lay the sequences of a trie into rows of about `row_tokens` nodes and `budget` at most, longest row first.

    Sequences that share nodes stay together as far as a row's length allows; a sequence longer than that gets a row
    of its own length.
    """
    pieces = sorted(_pieces(trie, min(row_tokens, budget), budget), key=lambda p: -len(p.nodes))
    total = sum(len(p.nodes) for p in pieces)
    longest = len(pieces[0].nodes)
    allowed = max(longest, min(row_tokens * 5 // 4, budget))
    n = max(1, min(len(pieces), round(total / max(row_tokens, longest))))
    while True:
        bins: list[tuple[int, int, Row]] = [(0, i, Row([], [])) for i in range(n)]
        for piece in pieces:  # the emptiest row takes the longest piece left
            load, i, row = bins[0]
            row.sequences += piece.sequences
            row.nodes += piece.nodes
            heapq.heapreplace(bins, (load + len(piece.nodes), i, row))
        if max(load for load, _, _ in bins) <= allowed:
            return sorted((row for _, _, row in bins), key=lambda row: -len(row.nodes))
        n = min(len(pieces), n + 1 + n // 20)


def _pieces(trie: Trie, row_tokens: int, budget: int) -> list[Row]:
    """Cut the trie into parts of about a row's length; what two parts share is computed in both.

    A part may grow to four rows where that saves computing most of the next sequence again.
    """
    pieces: list[Row] = []
    last: list[int] = []
    for i, path in sorted(trie.paths.items(), key=lambda item: item[1]):
        limit = min(len(path), len(last))
        same = next((j for j in range(limit) if path[j] != last[j]), limit)
        nodes = [node for node in path if trie.computed[node]]
        fresh = [node for node in path[same:] if trie.computed[node]]
        allowed = min(4 * row_tokens, budget) if 2 * len(fresh) <= len(nodes) else row_tokens
        if same and len(pieces[-1].nodes) + len(fresh) <= allowed:
            pieces[-1].sequences.append(i)
            pieces[-1].nodes += fresh
        else:
            pieces.append(Row([i], nodes))
        last = path
    return pieces


def batches(rows_: Sequence[Row], budget: int) -> list[list[Row]]:
    """Group rows (longest first) so that a group, padded to its longest row, holds `budget` tokens at most.

    Groups are of about equal size rather than all full but the last. A row longer than the budget is a group of its own.
    """
    total = sum(len(row.nodes) for row in rows_)
    equal = -(-total // max(1, -(-total // budget)))
    budget = min(budget, equal + len(rows_[0].nodes) // 2)
    groups: list[list[Row]] = []
    for row in rows_:
        if groups and len(groups[-1][0].nodes) * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def pack(trie: Trie, group: Sequence[Row]) -> Batch:
    """Arrays for a group of rows."""
    width = len(group[0].nodes)
    base = max((_root(trie, trie.paths[i]) for row in group for i in row.sequences), default=0)
    ids = np.zeros((len(group), width), dtype=np.int64)
    positions = np.zeros_like(ids)
    visible = np.zeros((len(group), width, base + width), dtype=bool)
    wanted: list[int] = []
    serves: list[tuple[int, int, list[int]]] = []
    for r, row in enumerate(group):
        n = len(row.nodes)
        ids[r, :n] = [trie.token[node] for node in row.nodes]
        positions[r, :n] = [trie.depth[node] for node in row.nodes]
        column = {node: c for c, node in enumerate(row.nodes)}
        _show(trie, row.nodes, visible[r], base)
        slot_of: dict[int, int] = {}
        for i in row.sequences:
            slots: list[int] = []
            for node in trie.predicting(i):
                if node not in slot_of:
                    slot_of[node] = len(wanted)
                    wanted.append(r * width + column[node])
                slots.append(slot_of[node])
            serves.append((i, 0, slots))
    return Batch(ids, positions, visible, base, np.array(wanted, dtype=np.int64), serves)


def _root(trie: Trie, path: Sequence[int]) -> int:
    return -1 - trie.parent[path[0]]


def _show(trie: Trie, nodes: Sequence[int], visible: np.ndarray, base: int) -> None:
    """Fill one row's mask: each node sees what its parent leaves visible, and itself unless hidden."""
    after: dict[int, np.ndarray] = {}  # by node: what its children may see of keys before them

    def seen_below(node: int) -> np.ndarray:
        while node >= 0 and node not in after:  # hidden and not computed: what it would have seen stays visible
            node = trie.parent[node]
        if node >= 0:
            return after[node]
        start = np.zeros(visible.shape[1], dtype=bool)
        start[: -1 - node] = True
        return start

    for c, node in enumerate(nodes):
        before = seen_below(trie.parent[node])
        visible[c] = before
        if not trie.hidden[node]:
            visible[c, base + c] = True
            after[node] = visible[c]
        else:
            after[node] = before
            visible[c, base + c] = not before.any()
    for c in range(len(nodes), visible.shape[0]):  # padding looks at itself, so that no row of the softmax is empty
        visible[c, base + c] = True
