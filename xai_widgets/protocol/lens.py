"""A text's lens grid as the lens view's snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.lens import IDENTITY, LensDifference, LensGrid
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import encode_candidate, encode_input, encode_tokens
from xai_widgets.protocol.schema import PROTOCOL_VERSION, ModelInfo
from xai_widgets.protocol.wire.lens import LensName, LensOther, LensPacked, LensSnapshot


def encode_lens(
    ask: Ask,
    tokens: Tokens,
    grid: LensGrid,
    texts: Mapping[int, str],
    candidates: Sequence[NextToken],
    model: ModelInfo | None,
    *,
    revision: int = 0,
    created: str = "",
    code: str = "",
    lens: LensName = "logit",
    lenses: Sequence[LensName] = ("logit",),
    lens_words: str = "",
    notes: Sequence[str] = (),
    other: tuple[str, LensDifference] | None = None,
) -> LensPacked:
    """The snapshot and its buffers.

    Args:
        ask: what was typed. tokens: what the model read.
        grid: tokens and probabilities. texts: how each id in it is written.
        candidates: next tokens. model: whose they are.
        revision, created, code: as in every snapshot.
        lens, lenses: by which it was read, and by which it can be. lens_words, notes: what that lens is, and what is to be said of it.
        other: name of another model, and the difference to it, whose `this` is `grid`.
    """
    buffers: list[bytes] = []
    snapshot: LensSnapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "kind": "lens",
        "input": encode_input(ask),
        "text": tokens.text,
        "tokens": encode_tokens(tokens, np.arange(len(tokens), dtype=np.int32), buffers),
        "streams": list(grid.streams),
        "k": int(grid.top.shape[-1]),
        "top": put(grid.top, buffers),
        "prob": put(grid.prob, buffers),
        "known": put(grid.known, buffers),
        "vocabulary": put(np.array(list(texts), dtype=np.int32), buffers),
        "texts": list(texts.values()),
        "lens": lens,
        "lenses": list(lenses),
        "lens_words": lens_words,
        "notes": list(notes),
        "other": None if other is None else _other(*other, buffers),
        "prompt": IDENTITY,
        "model": model,
        "candidates": [encode_candidate(c) for c in candidates],
        "seconds": grid.seconds,
        "created": created,
        "code": code,
    }
    return {"snapshot": snapshot, "buffers": buffers}


def _other(name: str, difference: LensDifference, buffers: list[bytes]) -> LensOther:
    return {
        "name": name,
        "top": put(difference.other.top, buffers),
        "prob": put(difference.other.prob, buffers),
        "kl": put(difference.kl, buffers),
        "change": put(difference.change, buffers),
    }
