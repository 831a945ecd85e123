"""Shares of a logit as the snapshot of the view of direct logit attribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.parts import HeadSources, LogitShares, Neuron
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.attention import gaps
from xai_widgets.protocol.codec import encode_candidate, encode_input, encode_tokens
from xai_widgets.protocol.schema import PROTOCOL_VERSION, ModelInfo
from xai_widgets.protocol.wire.direct import DirectPacked, DirectSnapshot, DirectVersion, HeadRow, NeuronRow, Unsplit


@dataclass(frozen=True, eq=False)
class Version:
    """The other side of a comparison: `shares` of the same tokens (`target`, `other`) by `model`, called `name`.

    `difference`: the first's shares less these at the first's scale of the last norm.
    """

    name: str
    shares: LogitShares
    difference: LogitShares
    target: NextToken
    other: NextToken | None
    model: ModelInfo | None


def encode_direct(
    ask: Ask,
    tokens: Tokens,
    shares: LogitShares,
    number: tuple[NextToken, NextToken | None],
    candidates: Sequence[NextToken],
    model: ModelInfo | None,
    *,
    name: str = "",
    versus: Version | None = None,
    revision: int = 0,
    created: str = "",
    code: str = "",
) -> DirectPacked:
    """The snapshot and its buffers.

    Args:
        ask: what was typed. tokens: what the model read.
        shares: of one target. number: target and contrast.
        candidates: next tokens. model: whose they are. name: of this version, where two are compared; versus: the other.
        revision, created, code: as in every snapshot.
    """
    buffers: list[bytes] = []
    target, other = number
    snapshot: DirectSnapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "kind": "direct",
        "input": encode_input(ask),
        "text": tokens.text,
        "tokens": encode_tokens(tokens, np.arange(len(tokens), dtype=np.int32), buffers),
        "components": list(shares.components),
        "kinds": list(shares.kinds),
        "layers": list(shares.layers),
        "values": put(shares.values[0], buffers),
        "heads": put(shares.heads[0], buffers),
        "gaps": gaps(shares.missing, " can't be split over heads: {}."),
        "unsplit": _unsplit(shares),
        "mlps": [
            layer
            for kind, layer in zip(shares.kinds, shares.layers, strict=True)
            if kind == "mlp" and layer not in shares.neurons
        ],
        "logit": float(shares.logits[0]),
        "softcap": shares.softcap,
        "gap": shares.gap,
        "target": encode_candidate(target),
        "other": None if other is None else encode_candidate(other),
        "name": name,
        "versus": None if versus is None else _version(versus, buffers),
        "candidates": [encode_candidate(c) for c in candidates],
        "model": model,
        "seconds": shares.seconds,
        "created": created,
        "code": code,
    }
    return {"snapshot": snapshot, "buffers": buffers}


def _version(version: Version, buffers: list[bytes]) -> DirectVersion:
    shares = version.shares
    return {
        "name": version.name,
        "values": put(shares.values[0], buffers),
        "heads": put(shares.heads[0], buffers),
        "unsplit": _unsplit(shares),
        "logit": float(shares.logits[0]),
        "softcap": shares.softcap,
        "gap": shares.gap,
        "target": encode_candidate(version.target),
        "other": None if version.other is None else encode_candidate(version.other),
        "model": version.model,
        "scale": shares.scale / version.difference.scale,
        "difference": {
            "components": list(version.difference.components),
            "kinds": list(version.difference.kinds),
            "layers": list(version.difference.layers),
            "values": put(version.difference.values[0], buffers),
            "heads": put(version.difference.heads[0], buffers),
        },
    }


def _unsplit(shares: LogitShares) -> list[Unsplit]:
    """Layers that can't be split; what a layer does not have at all needs no reason."""
    has = set(zip(shares.kinds, shares.layers, strict=True))
    rows: list[Unsplit] = [
        {
            "layer": layer,
            "heads": shares.missing.get(layer, "") if ("attn", layer) in has else "",
            "neurons": shares.neurons.get(layer, "") if ("mlp", layer) in has else "",
        }
        for layer in sorted({*shares.missing, *shares.neurons})
    ]
    return [row for row in rows if row["heads"] or row["neurons"]]


def encode_head(found: HeadSources, longest: int, buffers: list[bytes]) -> HeadRow:
    """Where a head looks; its arrays go to `buffers`."""
    return {
        "share": found.share,
        "weights": put(found.weights, buffers),
        "shares": None if found.shares is None else put(found.shares, buffers),
        "reason": found.reason,
        "pattern": None if found.pattern is None else put(found.pattern.astype(np.float16), buffers),
        "longest": longest,
    }


def encode_neuron(neuron: Neuron, texts: Mapping[int, str]) -> NeuronRow:
    """One row; `texts` has the words by id."""
    return {
        "index": neuron.index,
        "activation": neuron.activation,
        "share": neuron.share,
        "top": [texts[int(i)] for i in neuron.top],
        "bottom": [texts[int(i)] for i in neuron.bottom],
    }
