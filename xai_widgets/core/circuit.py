"""A circuit: which parts of a model read which, how much each edge matters, and which of them are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.tokens import Tokens

NodeKind = Literal["embedding", "head", "attn", "mlp", "logits", "feature", "error", "token"]
PATHS: Final = ("", "q", "k", "v")
"""What a reader takes an edge in, by its number in `Graph.paths`: its whole input, or a head's query, key or value."""

_LAYERED: Final = {"attn": "attention", "mlp": "MLP", "error": "error"}


@dataclass(frozen=True)
class Node:
    """A part of a model (or a feature of it) that reads and writes.

    Attributes:
        kind: what it is. layer: -1 comes before the first, the number of layers after the last.
        index: head or feature, -1: none. pos: position in the text, -1: all. label: what a feature stands for.
    """

    kind: NodeKind
    layer: int
    index: int = -1
    pos: int = -1
    label: str = ""

    @property
    def name(self) -> str:
        """`embedding`, `head 12.7` (layer 12, head 7), `attention 3` (where heads can't be told apart), `MLP 3`, `logits`, `feature 4.1204`."""
        if self.kind in ("head", "feature"):
            return f"{self.kind} {self.layer}.{self.index}"
        if self.kind in _LAYERED:
            return f"{_LAYERED[self.kind]} {self.layer}"
        return self.kind


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes and weighted edges, the strongest edge first.

    Attributes:
        nodes: in the order of the pass.
        sources, targets: int32 [edge], indices of nodes: who writes, who reads. paths: uint8 [edge], see `PATHS`.
        scores: float32 [edge], what the number is estimated to lose without the edge; its sign says for or against.
        exact: float32 [edge], what it really loses when that edge alone is cut; NaN where it was not run.
    """

    nodes: tuple[Node, ...]
    sources: np.ndarray
    targets: np.ndarray
    paths: np.ndarray
    scores: np.ndarray
    exact: np.ndarray

    @classmethod
    def of(
        cls, nodes: Sequence[Node], sources: np.ndarray, targets: np.ndarray, paths: np.ndarray, scores: np.ndarray
    ) -> Graph:
        """A graph from edges in any order."""
        order = np.argsort(-np.abs(scores), kind="stable")
        return cls(
            tuple(nodes), sources[order].astype(np.int32), targets[order].astype(np.int32), paths[order].astype(np.uint8),
            scores[order].astype(np.float32), np.full(len(order), np.nan, dtype=np.float32),
        )  # fmt: skip

    def __len__(self) -> int:
        """Number of edges."""
        return len(self.scores)

    def strongest(self, size: int) -> np.ndarray:
        """Which edges are kept of the `size` strongest: those on a way from an input to an output. bool [edge]."""
        return self.connected(np.arange(len(self)) < size)

    def connected(self, chosen: np.ndarray) -> np.ndarray:
        """Of the chosen edges (bool [edge]) those on a way from an input to an output, all of it chosen.

        Inputs are the embedding and tokens, and nodes of a file that read nothing; outputs are logits.
        """
        kept = chosen.copy()
        reads = np.zeros(len(self.nodes), dtype=bool)
        reads[self.targets] = True
        inputs = np.array([n.kind in ("embedding", "token", "error") for n in self.nodes]) | ~reads
        outputs = np.array([n.kind == "logits" for n in self.nodes])
        while True:
            fed, read = inputs.copy(), outputs.copy()
            fed[self.targets[kept]] = True
            read[self.sources[kept]] = True
            left: np.ndarray = kept & fed[self.sources] & read[self.targets]
            if left.sum() == kept.sum():
                return left
            kept = left

    def first(self, n: int) -> Graph:
        """The n strongest edges."""
        return replace(
            self, sources=self.sources[:n], targets=self.targets[:n], paths=self.paths[:n], scores=self.scores[:n],
            exact=self.exact[:n],
        )  # fmt: skip

    def edge(self, source: str, target: str, path: str = "") -> int:
        """Index of the edge between two nodes by their names; -1 where there is none."""
        names = [n.name for n in self.nodes]
        if source not in names or target not in names or path not in PATHS:
            return -1
        found = np.flatnonzero(
            (self.sources == names.index(source))
            & (self.targets == names.index(target))
            & (self.paths == PATHS.index(path))
        )
        return int(found[0]) if len(found) else -1


@dataclass(frozen=True)
class Check:
    """What is left of the difference between two prompts in a circuit, and without it.

    Attributes:
        asked, kept: edges asked for, and those of them on a way from the input to the logits.
        faithfulness: 1 where the circuit alone gives the clean prompt's number, 0 where the corrupted one's; all other edges carry
            what they carry in the corrupted prompt. completeness: the same of the rest without the circuit: 0 where it is complete.
    """

    asked: int
    kept: int
    faithfulness: float
    completeness: float


@dataclass(frozen=True, eq=False)
class Circuit:
    """A graph of two prompts, what of it is kept, and how much that holds.

    Attributes:
        graph: every edge that is known. kept: bool [edge], the circuit: of the `size` strongest edges (by `acdc`: of those tried) those on a way
            from the input to the logits.
        method, steps: how edges were scored; `file`: by whoever wrote the file. title: of a file.
        clean, corrupted: prompts as typed, None of a file of another library. base, source: what the model read.
        target, other: the number is the logit of the first less that of the second. ends: with all edges and with none (of prompts of one
            length: of both prompts), None where unknown.
        check: of what is kept; None where it was not run. curve: of circuits of growing size.
        threshold: of `acdc`, the share of the difference below which an edge was taken away.
        n_edges: how many edges there are, if `graph` has not all of them. model: whose.
    """

    graph: Graph
    kept: np.ndarray
    size: int
    method: Literal["eap", "eap_ig", "acdc", "file"]
    steps: int
    base: Tokens
    source: Tokens | None = None
    clean: Ask | None = None
    corrupted: Ask | None = None
    target: NextToken | None = None
    other: NextToken | None = None
    ends: tuple[float, float] | None = None
    check: Check | None = None
    curve: tuple[Check, ...] = field(default=())
    n_edges: int = 0
    threshold: float = 0.01
    title: str = ""
    model: str = ""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Nodes with a kept edge, in the order of the pass."""
        there = {*self.graph.sources[self.kept].tolist(), *self.graph.targets[self.kept].tolist()}
        return tuple(self.graph.nodes[i] for i in sorted(there))
