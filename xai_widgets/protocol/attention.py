"""A text's attention overview as the attention view's snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.attention import Overview
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import encode_candidate, encode_input, encode_tokens
from xai_widgets.protocol.schema import PROTOCOL_VERSION, AttentionPacked, AttentionSnapshot, ModelInfo


def encode_attention(
    ask: Ask,
    tokens: Tokens,
    overview: Overview,
    candidates: Sequence[NextToken],
    model: ModelInfo | None,
    *,
    revision: int = 0,
    created: str = "",
    code: str = "",
    with_mean: bool = False,
) -> AttentionPacked:
    """The snapshot and its buffers. `with_mean`: for a saved page, where nothing can be fetched later."""
    buffers: list[bytes] = []
    positions = np.arange(len(tokens), dtype=np.int32)
    snapshot: AttentionSnapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "kind": "attention",
        "input": encode_input(ask),
        "text": tokens.text,
        "queries": encode_tokens(tokens, positions, buffers),
        "keys": None,
        "maps": [
            {
                "layer": m.layer,
                "nth": m.nth,
                "stack": m.stack,  # type: ignore[typeddict-item]  # one of the three words
                "first_head": m.first_head,
                "n_heads": m.n_heads,
                "n_query": m.n_query,
                "n_key": m.n_key,
                "causal": m.causal,
                "how": m.how,
            }
            for m in overview.maps
        ],
        "missing": gaps(overview.missing),
        "cells": int(overview.most.shape[-1]),
        "cell": overview.cell,
        "most": put(squares(overview.most), buffers),
        "mean": put(squares(overview.mean), buffers) if with_mean else None,
        "patterns": [
            {"name": p.name, "title": p.title, "doc": p.doc, "source": p.source, "threshold": p.threshold}
            for p in overview.patterns
        ],
        "pattern_scores": put(overview.scores, buffers),
        "labels": list(overview.labels),
        "sinks": overview.sinks > 0,
        "model": model,
        "candidates": [encode_candidate(c) for c in candidates],
        "seconds": overview.seconds,
        "created": created,
        "code": code,
    }
    return {"snapshot": snapshot, "buffers": buffers}


def squares(weights: np.ndarray) -> np.ndarray:
    """Weights as the overview carries them: uint8 of 255 * sqrt(weight), so that small ones still show."""
    coded: np.ndarray = np.rint(255 * np.sqrt(np.clip(weights, 0.0, 1.0))).astype(np.uint8)
    return coded


def gaps(missing: Mapping[int, str]) -> list[str]:
    """A sentence for each kind of block that has no attention weights."""
    by_kind: dict[str, list[int]] = {}
    for layer, kind in missing.items():
        by_kind.setdefault(kind, []).append(layer)
    return [
        f"{'Layer' if len(layers) == 1 else 'Layers'} {', '.join(map(str, layers))}: {kind}, which has no attention weights"
        for kind, layers in by_kind.items()
    ]
