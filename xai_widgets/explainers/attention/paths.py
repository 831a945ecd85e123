"""How much of each position reaches one position through all layers, if attention were all that moves information.

Both ways of Abnar and Zuidema 2020 (arXiv 2005.00928) see a layer as the graph (A + I) / 2: A the mean over its heads, I the
residual stream (the half is a parameter here). Rollout multiplies along all paths; flow is the largest amount that fits through the graph at once, with
weights as capacities. Neither looks at values, at the MLPs or at whether the output depends on it: read them
beside an ablation.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import AttentionCall, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, ValueRefusedError
from xai_widgets.explainers.attention.rows import in_blocks

RESIDUAL_DOC: Final = "share of a position that its residual stream keeps in each layer, the rest is attention's"
FLOW_EDGES: Final = 120_000
"""Edges of the graph up to which the largest flow is worked out; a run for each position, half a minute at the limit."""
SECONDS_AN_EDGE: Final = 3e-6
"""Of one run, measured with networkx 3.6 on a CPU; for estimates."""


def calls_of(adapter: ModelAdapter, ids: Sequence[int], context: Context) -> list[AttentionCall]:
    """Every attention call of one pass; queries and keys are kept, no maps."""
    kept: list[AttentionCall] = []

    def found(call: AttentionCall) -> None:
        context.check()  # no report from inside a pass: who reads reports may let other work go first
        kept.append(call)

    adapter.attention(ids, found, context)
    if len({call.stack for call in kept}) > 1 or any(call.n_query != call.n_key for call in kept):
        raise CapabilityError(
            "Paths", reason="they are for one text that looks at itself", hint="use attention_weights"
        )
    return kept


def rollout(
    adapter: ModelAdapter, ids: Sequence[int], at: Sequence[int], context: Context, *, residual: float = 0.5
) -> np.ndarray:
    """Share of each position in the positions `at`, by rollout: float32 [at, layer + 1, pos]; the input first.

    Rows sum to 1 where the maps' rows do. A block that attends twice counts as two layers; one without weights as none.
    """
    calls = calls_of(adapter, ids, context)
    levels = [_start(at, len(ids), calls)]
    for done, call in enumerate(reversed(calls)):
        context.step(done, len(calls), "rollout")
        levels.append(residual * levels[-1] + (1 - residual) * _through(levels[-1], call))
    context.step(len(calls), len(calls), "rollout")
    return torch.stack(levels[::-1], 1).cpu().numpy().astype(np.float32)


def flow(
    adapter: ModelAdapter, ids: Sequence[int], at: Sequence[int], context: Context, *, residual: float = 0.5
) -> np.ndarray:
    """Largest flow from each position of the input to the positions `at`: float32 [at, pos], at most 1.

    Raises:
        ValueRefusedError: the text is too long for it (the graph has layers x positions squared / 2 edges).
    """
    calls = calls_of(adapter, ids, context)
    n = len(ids)
    edges = len(calls) * n * (n + 1) // 2
    if edges > FLOW_EDGES:
        longest = int((2 * FLOW_EDGES / max(1, len(calls))) ** 0.5)
        raise ValueRefusedError(
            "attention flow", given=f"{n} positions ({edges:,} edges)", accepted=f"at most {longest} positions for this model",
            hint="use attention_rollout, which is a product and takes any length",
        )  # fmt: skip
    graphs = [(1 - residual) * _mean(call) + residual * np.eye(n) for call in calls]
    found = np.zeros((len(at), n), dtype=np.float32)
    for row, end in enumerate(at):
        for position in range(n):
            context.step(row * n + position, len(at) * n, "flow")
            found[row, position] = _largest(graphs, position, end)
    context.step(len(at) * n, len(at) * n, "flow")
    return found


def _start(at: Sequence[int], n: int, calls: Sequence[AttentionCall]) -> Tensor:
    device = calls[0].rows(0, 1).device
    start = torch.zeros(len(at), n, device=device)
    start[torch.arange(len(at)), torch.tensor(list(at))] = 1.0
    return start


def _through(shares: Tensor, call: AttentionCall) -> Tensor:
    """shares [at, query] to [at, key] through the mean of a layer's heads."""
    found = torch.zeros_like(shares)
    for start, weights in in_blocks(call):
        part = shares[:, start : start + weights.shape[1]] @ weights.mean(0).to(shares.device)
        found[:, : part.shape[1]] += part
    return found


def _mean(call: AttentionCall) -> np.ndarray:
    whole = np.zeros((call.n_query, call.n_key))
    for start, weights in in_blocks(call):
        whole[start : start + weights.shape[1], : weights.shape[2]] = weights.mean(0).cpu().numpy()
    return whole


def _largest(graphs: Sequence[np.ndarray], position: int, end: int) -> float:
    """Largest flow from a position of the input to a position after the last layer, over what can be reached."""
    import networkx as nx

    reached = [{position}]
    for graph in graphs:
        reached.append({int(i) for j in reached[-1] for i in np.flatnonzero(graph[:, j])})
    wanted = [{end} & reached[-1]]
    for graph, here in zip(reversed(graphs), reversed(reached[:-1]), strict=True):
        wanted.append({int(j) for i in wanted[-1] for j in np.flatnonzero(graph[i])} & here)
    wanted.reverse()
    if not wanted[0]:
        return 0.0
    net = nx.DiGraph()
    for layer, ((below, above), graph) in enumerate(zip(pairwise(wanted), graphs, strict=True)):
        net.add_edges_from(
            ((layer, j), (layer + 1, i), {"capacity": float(graph[i, j])})
            for i in above
            for j in below
            if graph[i, j] > 0
        )
    return float(nx.maximum_flow_value(net, (0, position), (len(graphs), end)))
