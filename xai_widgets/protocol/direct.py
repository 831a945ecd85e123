"""Shares of a logit as the snapshot of the view of direct logit attribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.parts import LogitShares, Neuron
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.attention import gaps
from xai_widgets.protocol.codec import encode_candidate, encode_input, encode_tokens
from xai_widgets.protocol.schema import PROTOCOL_VERSION, ModelInfo
from xai_widgets.protocol.wire.direct import DirectPacked, DirectSnapshot, NeuronRow


def encode_direct(
    ask: Ask,
    tokens: Tokens,
    shares: LogitShares,
    number: tuple[NextToken, NextToken | None],
    candidates: Sequence[NextToken],
    model: ModelInfo | None,
    *,
    revision: int = 0,
    created: str = "",
    code: str = "",
) -> DirectPacked:
    """The snapshot and its buffers.

    Args:
        ask: what was typed. tokens: what the model read.
        shares: of one target. number: target and contrast.
        candidates: next tokens. model: whose they are.
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
        "candidates": [encode_candidate(c) for c in candidates],
        "model": model,
        "seconds": shares.seconds,
        "created": created,
        "code": code,
    }
    return {"snapshot": snapshot, "buffers": buffers}


def encode_neuron(neuron: Neuron, texts: Mapping[int, str]) -> NeuronRow:
    """One row; `texts` has the words by id."""
    return {
        "index": neuron.index,
        "activation": neuron.activation,
        "share": neuron.share,
        "top": [texts[int(i)] for i in neuron.top],
        "bottom": [texts[int(i)] for i in neuron.bottom],
    }
