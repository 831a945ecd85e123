"""Edge attribution patching: how much each edge between parts of a model matters to what two prompts differ in, and which suffice.

EAP (Syed et al. 2023, arXiv 2310.10348): the change of what a node writes between both prompts, times the slope of the number by
what the reader reads, at the clean prompt: one forward and one backward pass for all edges. EAP-IG (Hanna et al. 2024, arXiv
2403.17806): slopes are the mean over points between both prompts' embeddings, so that parts that are flat at the clean prompt are seen.
ACDC (Conmy et al. 2023, arXiv 2304.14997): edges are taken away one after the other, from the last reader to the first, while
the number stays. Every claim about a circuit is checked by a pass in which all other edges carry the corrupted prompt's.

Here a head reads a query, a key and a value, so an edge into a head is three; with keys shared between heads each head still has
its own. The number is a difference of logits, not a divergence. ACDC begins with the strongest edges by EAP-IG, not with all: on
a model of 30 layers those are 123,000, and each would be a pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import EdgeRun, ModelAdapter
from xai_widgets.core.circuit import PATHS, Check, Graph, Node
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ModelError, ValueRefusedError
from xai_widgets.core.patching import Contrast, aligned
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens

Method = Literal["eap", "eap_ig"]
LEAST: Final = 1e-3
"""Difference of the number between both prompts below which there is nothing to explain."""


@INSPECTORS.register("edge_attribution")
class EdgeAttribution:
    """Two prompts, one number, and every edge of the model. Serial, like the model it asks.

    Args:
        adapter: the model. clean, corrupted: the prompts; positions go together as `core.patching.aligned` says, and where a position has no
            counterpart, cut edges keep what they carry in the clean prompt.
        contrast: the number.

    Raises:
        CapabilityError: heads or MLPs of this model can't be run on streams of their own. ValueRefusedError: no position has one.
    """

    def __init__(self, adapter: ModelAdapter, clean: Tokens, corrupted: Tokens, contrast: Contrast) -> None:
        """Nothing runs yet."""
        adapter.require("edges")
        self.adapter, self.clean, self.corrupted, self.contrast = adapter, clean, corrupted, contrast
        self.fingerprint = adapter.fingerprint
        self.pairs = aligned(clean.ids.tolist(), corrupted.ids.tolist())
        if all(pair is None for pair in self.pairs):
            raise ValueRefusedError(
                "prompts", given=f"{len(clean)} and {len(corrupted)} tokens with none in common", accepted="prompts that can be aligned",
                hint="write both in as many tokens, or alike but for what matters",
            )  # fmt: skip
        self._run: EdgeRun | None = None
        self._ends: tuple[float, float] = (0.0, 0.0)
        self._readers: dict[tuple[int, str], int] = {}

    def run(self, context: Context) -> EdgeRun:
        """Both prompts, read once.

        Raises:
            ValueRefusedError: both give the same number, so there is nothing to explain. ModelError: the weights changed since.
        """
        if self._run is None:
            run = self.adapter.edges(self.clean.ids.tolist(), self.corrupted.ids.tolist(), self.pairs, context)
            ends = self.number(run.logits), self.number(run.cut(run.reads, context))
            if abs(ends[0] - ends[1]) < LEAST:
                raise ValueRefusedError(
                    "prompts", given=f"two whose number differs by {abs(ends[0] - ends[1]):.2g}",
                    accepted=f"a difference of {LEAST} at least",
                    hint="nothing to explain: choose a target that only one of them favours",
                )  # fmt: skip
            self._run, self._ends = run, ends
            self._readers = {reader: i for i, reader in enumerate(run.readers)}
        elif self.adapter.fingerprint != self.fingerprint:
            raise ModelError(
                "The model changed since these prompts were run.", given="other weights than those of the picture",
                accepted="the same weights", hint="run again: edit a prompt, or run the cell again",
            )  # fmt: skip
        return self._run

    @property
    def ends(self) -> tuple[float, float]:
        """The number of the clean prompt, and with every edge cut (of prompts of one length: the corrupted prompt's)."""
        return self._ends

    def number(self, logits: Tensor) -> float:
        """The number, of logits [d_vocab]."""
        return float(self._number(logits[None]))

    def _number(self, logits: Tensor) -> Tensor:
        last = logits[-1].float()
        other = 0 if self.contrast.other is None else last[self.contrast.other]
        return last[self.contrast.target] - other

    def graph(self, context: Context, method: Method = "eap_ig", steps: int = 5) -> Graph:
        """Every edge with its score, the strongest first. `steps`: of EAP-IG, at 1/steps, 2/steps ... of the way to the clean prompt."""
        run = self.run(context)
        points = [0.0] if method == "eap" else [1 - (k + 1) / steps for k in range(steps)]
        slopes = torch.zeros(run.reads.shape)
        for i, moved in enumerate(points):
            context.step(i, len(points), "passes")
            slopes += run.slopes(self._number, context, moved).cpu() / len(points)
        context.step(len(points), len(points), "passes")
        reader, source = (a.numpy() for a in run.reads.cpu().nonzero(as_tuple=True))
        nodes = [_node(*node) for node in run.nodes]
        nodes.append(Node("logits", self.adapter.n_layers))
        targets = np.array([node for node, _ in run.readers])
        paths = np.array([PATHS.index(path) for _, path in run.readers])
        return Graph.of(nodes, source, targets[reader], paths[reader], -slopes.numpy()[reader, source])

    def logits(self, graph: Graph, kept: np.ndarray, context: Context) -> Tensor:
        """Next token's logits [d_vocab] of a circuit alone: all edges but those that are kept (bool [edge]) carry the corrupted prompt's."""
        return self.run(context).cut(self._cuts(graph, kept), context)

    def check(self, graph: Graph, asked: int, kept: np.ndarray, context: Context) -> Check:
        """How much of the difference is in a circuit, and how much in the rest."""
        run = self.run(context)
        alone = self.logits(graph, kept, context)
        rest = run.cut(self._edges(graph, kept), context)
        return Check(asked, int(kept.sum()), self.share(alone), self.share(rest))

    def share(self, logits: Tensor) -> float:
        """Where logits are between the corrupted prompt's number (0) and the clean one's (1)."""
        clean, cut = self._ends
        return (self.number(logits) - cut) / (clean - cut)

    def edge(self, graph: Graph, index: int, context: Context) -> tuple[float, np.ndarray, np.ndarray]:
        """Path patching of one edge: what the number loses, and logits [d_vocab] before and after, float32."""
        if not 0 <= index < len(graph):
            raise ValueRefusedError(
                "edge", given=str(index), accepted=f"0 to {len(graph) - 1}", hint="the strongest is 0"
            )
        run = self.run(context)
        only = np.zeros(len(graph), dtype=bool)
        only[index] = True
        after = run.cut(self._edges(graph, only), context)
        lost = self.number(run.logits) - self.number(after)
        graph.exact[index] = lost  # so that it is saved with the graph
        return lost, run.logits.cpu().numpy(), after.cpu().numpy()

    def pruned(
        self,
        graph: Graph,
        kept: np.ndarray,
        threshold: float,
        context: Context,
        on_step: Callable[[np.ndarray], None] | None = None,
    ) -> np.ndarray:
        """Edges that remain when each is taken away that changes the number by less than `threshold` of the difference. bool [edge].

        From the last reader to the first, of each the weakest first. `on_step`: told what is kept after each reader.
        """
        run = self.run(context)
        clean, cut = self._ends
        kept = kept.copy()
        readers = np.array([self._reader(graph, i) for i in np.flatnonzero(kept).tolist()])
        todo = np.flatnonzero(kept)[np.lexsort((-np.flatnonzero(kept), -readers))]
        cuts = self._cuts(graph, kept)
        now = self.number(run.cut(cuts, context))
        with run.trying():
            last = -1
            for done, index in enumerate(todo.tolist()):
                context.step(done, len(todo), "edges")
                reader = self._reader(graph, index)
                if on_step is not None and reader != last >= 0:
                    on_step(graph.connected(kept))
                last = reader
                cuts[reader, graph.sources[index]] = True
                value = self.number(run.cut(cuts, context))
                if abs(value - now) < threshold * abs(clean - cut):
                    kept[index], now = False, value
                else:
                    cuts[reader, graph.sources[index]] = False
        context.step(len(todo), len(todo), "edges")
        return graph.connected(kept)

    def _reader(self, graph: Graph, index: int) -> int:
        return self._readers[int(graph.targets[index]), _PATH[int(graph.paths[index])]]

    def _edges(self, graph: Graph, chosen: np.ndarray) -> Tensor:
        """bool [reader, node]."""
        assert self._run is not None
        found = torch.zeros(self._run.reads.shape, dtype=torch.bool)
        for index in np.flatnonzero(chosen).tolist():
            found[self._reader(graph, index), int(graph.sources[index])] = True
        return found

    def _cuts(self, graph: Graph, kept: np.ndarray) -> Tensor:
        assert self._run is not None
        return self._run.reads.cpu() & ~self._edges(graph, kept)


_PATH: Final[tuple[Any, ...]] = PATHS


def _node(kind: str, layer: int, head: int) -> Node:
    return Node(kind, layer, head)  # type: ignore[arg-type]  # one of three


__all__ = ["EdgeAttribution"]
