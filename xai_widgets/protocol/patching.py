"""Patched cells of two prompts as the patching view's snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.patching import PatchGrid
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import encode_candidate, encode_input, encode_tokens
from xai_widgets.protocol.schema import PROTOCOL_VERSION, ModelInfo, TokenColumns
from xai_widgets.protocol.wire.patching import PatchingPacked, PatchingSnapshot

ROWS: Final = {"resid": "into layer", "attn_out": "attention", "mlp_out": "MLP", "head": "layer"}
"""What a row is, before its number."""


def encode_patching(
    prompts: tuple[Ask, Ask],
    direction: Literal["denoise", "noise"],
    part: Literal["resid", "attn_out", "mlp_out", "head"],
    texts: tuple[Tokens, Tokens],
    pairs: Sequence[int | None],
    grid: PatchGrid,
    estimate: PatchGrid,
    agreement: float,
    number: tuple[NextToken, NextToken | None],
    candidates: tuple[Sequence[NextToken], Sequence[NextToken]],
    model: ModelInfo | None,
    *,
    seconds: float | None = None,
    revision: int = 0,
    created: str = "",
    code: str = "",
) -> PatchingPacked:
    """The snapshot and its buffers.

    Args:
        prompts: clean and corrupted, as typed. direction: which is patched. part: what is exchanged.
        texts: of the pass that is patched and of the one that states come from. pairs: counterparts in the second, by position.
        grid, estimate, agreement: see `core.patching.PatchGrid` and `jobs.patching.Patched`.
        number: target and contrast. candidates: next tokens of both texts. model: whose they are.
        seconds, revision, created, code: as in every snapshot.
    """
    buffers: list[bytes] = []
    target, other = number
    snapshot: PatchingSnapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "kind": "patching",
        "clean": encode_input(prompts[0]),
        "corrupted": encode_input(prompts[1]),
        "direction": direction,
        "part": part,
        "columns": [f"head {i}" for i in range(grid.values.shape[1])] if part == "head" else [],
        "base": _columns(texts[0], buffers),
        "source": _columns(texts[1], buffers),
        "pairs": put(np.array([-1 if p is None else p for p in pairs], dtype=np.int32), buffers),
        "rows": [f"{ROWS[part]} {i}" for i in range(len(grid.values))],
        "values": put(grid.values, buffers),
        "exact": put(grid.exact, buffers),
        "estimate": put(estimate.values, buffers),
        "agreement": agreement if np.isfinite(agreement) else None,
        "target": encode_candidate(target),
        "other": None if other is None else encode_candidate(other),
        "base_value": grid.base,
        "source_value": grid.source,
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
