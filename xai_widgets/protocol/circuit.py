"""A circuit as its view's snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from xai_widgets.core.ask import NextToken
from xai_widgets.core.circuit import Circuit
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import encode_candidate, encode_input, encode_tokens
from xai_widgets.protocol.schema import PROTOCOL_VERSION, ModelInfo, TokenColumns
from xai_widgets.protocol.wire.circuit import CircuitPacked, CircuitSnapshot

SENT: Final = 3000
"""Edges that go to the browser, at most: 54 kB."""


def encode_circuit(
    circuit: Circuit,
    candidates: tuple[Sequence[NextToken], Sequence[NextToken]],
    model: ModelInfo | None,
    *,
    seconds: float | None = None,
    revision: int = 0,
    created: str = "",
    code: str = "",
) -> CircuitPacked:
    """The snapshot and its buffers.

    Args:
        circuit: what is shown; of its edges the strongest `SENT`. candidates: next tokens of both prompts. model: whose it is.
        seconds, revision, created, code: as in every snapshot.
    """
    buffers: list[bytes] = []
    graph, nodes = circuit.graph.first(SENT), circuit.graph.nodes
    curve = [(c.asked, c.kept, c.faithfulness, c.completeness) for c in circuit.curve]
    snapshot: CircuitSnapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "kind": "circuit",
        "title": circuit.title,
        "clean": None if circuit.clean is None else encode_input(circuit.clean),
        "corrupted": None if circuit.corrupted is None else encode_input(circuit.corrupted),
        "base": _columns(circuit.base, buffers),
        "source": None if circuit.source is None else _columns(circuit.source, buffers),
        "method": circuit.method,
        "steps": circuit.steps,
        "threshold": circuit.threshold,
        "names": [n.name for n in nodes],
        "kinds": [n.kind for n in nodes],
        "layers": put(np.array([n.layer for n in nodes], dtype=np.int32), buffers),
        "index": put(np.array([n.index for n in nodes], dtype=np.int32), buffers),
        "pos": put(np.array([n.pos for n in nodes], dtype=np.int32), buffers),
        "labels": [n.label for n in nodes],
        "sources": put(graph.sources, buffers),
        "targets": put(graph.targets, buffers),
        "paths": put(graph.paths, buffers),
        "scores": put(graph.scores, buffers),
        "exact": put(graph.exact, buffers),
        "kept": put(circuit.kept[:SENT], buffers),
        "n_edges": max(circuit.n_edges, len(circuit.graph)),
        "size": circuit.size,
        "faithfulness": None if circuit.check is None else circuit.check.faithfulness,
        "completeness": None if circuit.check is None else circuit.check.completeness,
        "curve": put(np.array(curve, dtype=np.float32).reshape(-1, 4), buffers),
        "target": None if circuit.target is None else encode_candidate(circuit.target),
        "other": None if circuit.other is None else encode_candidate(circuit.other),
        "base_value": None if circuit.ends is None else circuit.ends[0],
        "source_value": None if circuit.ends is None else circuit.ends[1],
        "base_candidates": [encode_candidate(c) for c in candidates[0]],
        "source_candidates": [encode_candidate(c) for c in candidates[1]],
        "model": model,
        "seconds": seconds,
        "created": created,
        "code": code,
    }
    return {"snapshot": snapshot, "buffers": buffers}


def _columns(tokens: Tokens, buffers: list[bytes]) -> TokenColumns:
    return encode_tokens(tokens, np.arange(len(tokens), dtype=np.int32), buffers)
