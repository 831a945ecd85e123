"""Patched cells as the patching view's snapshot, and what is held against a prompt, to the wire and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.patching import Ablation, Noise, Number, PatchGrid
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import encode_candidate, encode_input, encode_tokens
from xai_widgets.protocol.schema import PROTOCOL_VERSION, ModelInfo, TokenColumns
from xai_widgets.protocol.wire.patching import (
    AblationSpec,
    NoiseSpec,
    PatchingAsked,
    PatchingPacked,
    PatchingSnapshot,
)  # fmt: skip

ROWS: Final = {"resid": "into layer", "attn_out": "attention", "mlp_out": "MLP", "head": "layer"}
"""What a row is, before its number."""
Against = Literal["prompt", "noise", "ablation"]
Direction = Literal["denoise", "noise"]
Part = Literal["resid", "attn_out", "mlp_out", "head"]


def encode_patching(
    prompts: tuple[Ask, Ask | Noise | Ablation],
    direction: Direction,
    part: Part,
    texts: tuple[Tokens, Tokens],
    pairs: Sequence[int | None],
    grid: PatchGrid,
    estimate: PatchGrid,
    agreement: float,
    number: tuple[Number, NextToken, NextToken | None],
    candidates: tuple[Sequence[NextToken], Sequence[NextToken]],
    model: ModelInfo | None,
    *,
    positions: Sequence[int] = (),
    template: bool = False,
    window: int = 1,
    seconds: float | None = None,
    revision: int = 0,
    created: str = "",
    code: str = "",
) -> PatchingPacked:
    """The snapshot and its buffers.

    Args:
        prompts: clean as typed, and what it is held against. direction: which is patched. part: what is exchanged.
        texts: of the pass that is patched and of the one that states come from. pairs: counterparts in the second, by position.
        grid, estimate, agreement: see `core.patching.PatchGrid` and `jobs.patching.Patched`.
        number: what is followed, in ids and as listed. candidates: next tokens of both passes. model: whose they are.
        positions: of a noised subject. template: an ablation's texts are taken position by position. window: layers a cell stands for.
        seconds, revision, created, code: as in every snapshot.
    """
    buffers: list[bytes] = []
    followed, target, other = number
    snapshot: PatchingSnapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "kind": "patching",
        "clean": encode_input(prompts[0]),
        **_against(prompts[1], positions, template=template),  # type: ignore[typeddict-item]  # four of its fields
        "together": window,
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
        "error": None if grid.error is None else put(grid.error, buffers),
        "quantity": followed.quantity,
        "target": encode_candidate(target),
        "target_ids": list(followed.target),
        "other": None if other is None else encode_candidate(other),
        "other_ids": list(followed.other),
        "base_value": grid.base,
        "source_value": grid.source if np.isfinite(grid.source) else None,
        "base_candidates": [encode_candidate(c) for c in candidates[0]],
        "source_candidates": [encode_candidate(c) for c in candidates[1]],
        "model": model,
        "seconds": seconds,
        "created": created,
        "code": code,
    }
    return {"snapshot": snapshot, "buffers": buffers}


def encode_asked(clean: Ask, corrupted: Ask | Noise | Ablation, direction: Direction, part: Part) -> PatchingAsked:
    """What was asked, before there is a picture."""
    return {
        "clean": encode_input(clean), **_against(corrupted, (), template=False), "direction": direction, "part": part,  # type: ignore[typeddict-item]
    }  # fmt: skip


def decode_noise(spec: Mapping[str, Any], now: Noise | None) -> Noise:
    """Noise as a request says it; what it leaves out stays.

    Raises:
        ValueRefusedError: no such noise.
    """
    subject: str | tuple[int, ...] = now.subject if now else ""
    if "positions" in spec:
        subject = tuple(int(p) for p in spec["positions"])
    if spec.get("subject"):
        subject = str(spec["subject"])
    given = {name: spec[name] for name in ("scale", "samples", "seed") if name in spec}
    window = spec.get("together", now.window if now else None)
    return replace(now or Noise(subject), subject=subject, window=window, **given)


def decode_ablation(spec: Mapping[str, Any], now: Ablation | None) -> Ablation:
    """The same of an ablation.

    Raises:
        UnknownNameError, ValueRefusedError: no such ablation.
    """
    given = {name: spec[name] for name in ("kind", "texts", "samples", "seed") if name in spec}
    return replace(now or Ablation("mean"), **given)


def _against(corrupted: Ask | Noise | Ablation, positions: Sequence[int], *, template: bool) -> dict[str, Any]:
    """The fields `against`, `corrupted`, `noise` and `ablation`."""
    fields: dict[str, Any] = {"against": "prompt", "corrupted": None, "noise": None, "ablation": None}
    if isinstance(corrupted, Noise):
        subject = corrupted.subject if isinstance(corrupted.subject, str) else None
        at = list(positions) or ([] if isinstance(corrupted.subject, str) else list(corrupted.subject))
        noise: NoiseSpec = {
            "subject": subject, "positions": at, "scale": corrupted.scale, "samples": corrupted.samples,
            "seed": corrupted.seed, "together": corrupted.window,
        }  # fmt: skip
        return {**fields, "against": "noise", "noise": noise}
    if isinstance(corrupted, Ablation):
        ablation: AblationSpec = {
            "kind": corrupted.kind, "texts": list(corrupted.texts), "samples": corrupted.samples,
            "seed": corrupted.seed, "template": template,
        }  # fmt: skip
        return {**fields, "against": "ablation", "ablation": ablation}
    return {**fields, "corrupted": encode_input(corrupted)}


def _columns(tokens: Tokens, buffers: list[bytes]) -> TokenColumns:
    return encode_tokens(tokens, np.arange(len(tokens), dtype=np.int32), buffers)
