"""A steered text as the steering view's snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.interventions import Intervention, to_json
from xai_widgets.core.sites import Sites
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import encode_candidate, encode_input, encode_tokens
from xai_widgets.protocol.schema import PROTOCOL_VERSION, ModelInfo
from xai_widgets.protocol.wire.steer import InterventionSpec, SteerPacked, SteerSites, SteerSnapshot


def encode_steered(
    ask: Ask,
    tokens: Tokens,
    interventions: Sequence[Intervention],
    now: Sequence[np.ndarray],
    lengths: Sequence[float | None],
    sites: Sites,
    norms: Sequence[float],
    candidates: tuple[Sequence[NextToken], Sequence[NextToken]],
    kl: float | None,
    count: int,
    model: ModelInfo | None,
    *,
    seconds: float | None = None,
    revision: int = 0,
    created: str = "",
    code: str = "",
) -> SteerPacked:
    """The snapshot and its buffers.

    Args:
        ask, tokens: as typed, and as read. interventions: in order; `now` (float32 [pos]) and `lengths` of each, see `wire.steer.SteerRow`.
        sites, norms: what can be changed, and how long streams are. candidates: next tokens before and after. kl: between both.
        count: tokens to be written. model: whose they are. seconds, revision, created, code: as in every snapshot.
    """
    buffers: list[bytes] = []
    snapshot: SteerSnapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "kind": "steer",
        "input": encode_input(ask),
        "tokens": encode_tokens(tokens, np.arange(len(tokens), dtype=np.int32), buffers),
        "interventions": [cast("InterventionSpec", one.to_json()) for one in interventions],
        "rows": [
            {
                "at": list(one.positions(len(tokens))),
                "now": put(values.astype(np.float32), buffers),
                "width": sites.width(one.what, one.layer),
                "length": length,
            }
            for one, values, length in zip(interventions, now, lengths, strict=True)
        ],
        "sites": _sites(sites),
        "norms": [float(x) for x in norms],
        "before": [encode_candidate(c) for c in candidates[0]],
        "after": [encode_candidate(c) for c in candidates[1]],
        "kl": kl,
        "count": count,
        "model": model,
        "seconds": seconds,
        "created": created,
        "code": code,
        "json": to_json(ask.typed, interventions, model["name"] if model else ""),
    }
    return {"snapshot": snapshot, "buffers": buffers}


def _sites(sites: Sites) -> SteerSites:
    return {
        "n_layers": sites.n_layers,
        "heads": list(sites.heads),
        "neurons": list(sites.neurons),
        "lacks": {what: list(reasons) for what, reasons in sites.lacks.items() if any(reasons)},
    }


__all__ = ["encode_steered"]
