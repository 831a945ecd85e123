"""A text's attention overview as the attention view's snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.attention import Overview
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import encode_candidate, encode_input, encode_tokens
from xai_widgets.protocol.schema import PROTOCOL_VERSION, ModelInfo, TokenColumns
from xai_widgets.protocol.wire.attention import AttentionMap, AttentionPacked, AttentionSnapshot


def encode_attention(
    ask: Ask,
    versions: Sequence[tuple[str, Tokens, Tokens | None, Overview]],
    candidates: Sequence[NextToken],
    model: ModelInfo | None,
    *,
    revision: int = 0,
    created: str = "",
    code: str = "",
    with_mean: bool = False,
) -> AttentionPacked:
    """The snapshot and its buffers.

    Args:
        ask: what was typed.
        versions: name, tokens, what a decoder of its own reads (or None) and overview of what is shown: one, or two that are
            compared; all pooled to the same squares.
        candidates: next tokens of the first. model: the first's.
        revision, created, code: as in every snapshot.
        with_mean: for a saved page, where nothing can be fetched later.
    """
    buffers: list[bytes] = []
    _, tokens, output, first = versions[0]
    others = [v[1] for v in versions[1:] if v[1].ids.tolist() != tokens.ids.tolist()]
    overviews = [overview for *_, overview in versions]
    snapshot: AttentionSnapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "kind": "attention",
        "input": encode_input(ask),
        "text": tokens.text,
        "versions": [name for name, *_ in versions],
        "queries": _columns(output or tokens, buffers),
        "keys": _columns(tokens, buffers) if output else None,
        "other": _columns(others[0], buffers) if others else None,
        "maps": _maps(overviews),
        "missing": gaps(first.missing),
        "cells": max(int(o.most.shape[-1]) for o in overviews),
        "cell": first.cell,
        "most": put(squares([o.most for o in overviews]), buffers),
        "mean": put(squares([o.mean for o in overviews]), buffers) if with_mean else None,
        "patterns": [
            {"name": p.name, "title": p.title, "doc": p.doc, "source": p.source, "threshold": p.threshold}
            for p in first.patterns
        ],
        "pattern_scores": put(np.concatenate([o.scores for o in overviews]), buffers),
        "labels": [label for o in overviews for label in o.labels],
        "sinks": any(o.sinks > 0 for o in overviews),
        "model": model,
        "candidates": [encode_candidate(c) for c in candidates],
        "seconds": sum(o.seconds for o in overviews),
        "created": created,
        "code": code,
    }
    return {"snapshot": snapshot, "buffers": buffers}


def _columns(tokens: Tokens, buffers: list[bytes]) -> TokenColumns:
    return encode_tokens(tokens, np.arange(len(tokens), dtype=np.int32), buffers)


def _maps(overviews: Sequence[Overview]) -> list[AttentionMap]:
    starts = np.cumsum([0, *(sum(m.n_heads for m in o.maps) for o in overviews)])
    return [
        {
            "version": version,
            "layer": m.layer,
            "nth": m.nth,
            "stack": m.stack,
            "first_head": int(starts[version]) + m.first_head,
            "n_heads": m.n_heads,
            "n_query": m.n_query,
            "n_key": m.n_key,
            "causal": m.causal,
            "how": m.how,
        }
        for version, overview in enumerate(overviews)
        for m in overview.maps
    ]


def squares(weights: Sequence[np.ndarray]) -> np.ndarray:
    """Pooled maps [head, row, column] as the overview carries them: uint8 of 255 * sqrt(weight), so that small ones show.

    One after the other; smaller maps leave the rest of their square empty.
    """
    side = max(max(w.shape[1:]) for w in weights)
    padded = [np.pad(w, ((0, 0), (0, side - w.shape[1]), (0, side - w.shape[2]))) for w in weights]
    coded: np.ndarray = np.rint(255 * np.sqrt(np.clip(np.concatenate(padded), 0.0, 1.0))).astype(np.uint8)
    return coded


def gaps(missing: Mapping[int, str], words: str = ": {}, which has no attention weights") -> list[str]:
    """A sentence for each thing that is said of some layers: which layers, then `words` around it."""
    by_kind: dict[str, list[int]] = {}
    for layer, kind in missing.items():
        by_kind.setdefault(kind, []).append(layer)
    return [
        f"{'Layer' if len(layers) == 1 else 'Layers'} {', '.join(map(str, layers))}{words.format(kind)}"
        for kind, layers in by_kind.items()
    ]
