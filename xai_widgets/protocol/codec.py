"""Findings to snapshots and back: what is pushed to the browser, written to a file and put into a page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from xai_widgets.core.ask import Ask, Finding, Generated, NextToken, TargetChoice
from xai_widgets.core.errors import FileError, XaiError
from xai_widgets.core.explanation import Explanation, Quality, Row
from xai_widgets.core.provenance import Provenance
from xai_widgets.core.tokens import Kind, Part, Role, Token, Tokens, Units
from xai_widgets.protocol.arrays import get, put
from xai_widgets.protocol.schema import (
    PROTOCOL_VERSION,
    PUSH_LIMIT,
    ArrayHeader,
    CandidateRow,
    ErrorInfo,
    Input,
    Message,
    MethodInfo,
    ModelInfo,
    Packed,
    Snapshot,
    TargetRow,
    TargetSpec,
    TokenColumns,
)


def encode(
    finding: Finding,
    *,
    revision: int = 0,
    method: MethodInfo | None = None,
    code: str = "",
    with_scores: bool = True,
    push_limit: int = PUSH_LIMIT,
) -> Packed:
    """The snapshot of a finding and its buffers.

    Args:
        finding: what to show.
        revision: number of the question it answers.
        method: description of its method; None for numbers a person brought.
        code: the cell that computes it again.
        with_scores: False for a first picture in which nothing is known yet.
        push_limit: bytes above which scores are summed over targets (the rows can then be fetched one by one).
    """
    e = finding.explanation
    buffers: list[bytes] = []
    scores, rows, axes, error = e.scores, e.rows, e.axes, e.quality.standard_error
    if scores.nbytes > push_limit and "target" in axes and scores.shape[axes.index("target")] > 1:
        total = e.reduce("target")
        scores, axes, error = total.scores, total.axes, None  # the rows stay: each can be fetched
    p = e.provenance
    snapshot: Snapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "input": encode_input(finding.ask),
        "text": e.tokens.text,
        "tokens": encode_tokens(e.tokens, _unit_of_position(e), buffers),
        "unit_kind": e.units.kind,
        "unit_labels": list(e.units.labels),
        "axes": list(axes),
        "scores": put(scores, buffers) if with_scores else None,
        "labels": {axis: list(labels) for axis, labels in e.labels.items()},
        "rows": [_row(row) for row in rows],
        "quantity": finding.quantity,
        "each": finding.ask.each,
        "unit": e.unit,
        "signed": e.signed,
        "baseline": e.baseline,
        "quality": {
            "exact": e.quality.exact,
            "relative_gap": _finite(e.relative_gap),
            "n_samples": e.quality.n_samples,
            "standard_error": put(error, buffers) if error is not None else None,
        },
        "method": method,
        "model": _model(finding),
        "candidates": [encode_candidate(c) for c in finding.candidates],
        "generated": [encode_candidate(c) for c in finding.generated],
        "target": encode_target(finding.ask.target),
        "contrast": encode_target(finding.ask.contrast),
        "n_prompt": e.tokens.n_prompt,
        "seconds": _finite(p.seconds),
        "seed": p.seed,
        "created": p.created,
        "code": code,
    }
    return {"snapshot": snapshot, "buffers": buffers}


def encode_tokens(tokens: Tokens, unit: np.ndarray, buffers: list[bytes]) -> TokenColumns:
    """Tokens by column; `unit` [pos] says to which entry of the position axis each belongs."""
    starts = [t.span[0] if t.span else -1 for t in tokens]
    ends = [t.span[1] if t.span else -1 for t in tokens]
    return {
        "text": list(tokens.texts),
        "raw": [t.raw for t in tokens],
        "kind": [t.kind for t in tokens],
        "role": [t.role for t in tokens],
        "part": [t.part for t in tokens],
        "id": put(tokens.ids, buffers),
        "start": put(np.array(starts, dtype=np.int32), buffers),
        "end": put(np.array(ends, dtype=np.int32), buffers),
        "unit": put(unit, buffers),
        "turn": put(np.array([t.turn for t in tokens], dtype=np.int32), buffers),
    }


def decode(packed: Packed | Mapping[str, Any], extra: Mapping[str, Any]) -> Finding:
    """The finding of a snapshot. `extra` carries what only Python reads (see `encode_extra`).

    Raises:
        FileError: fields are missing, of the wrong kind, or do not fit together.
    """
    try:
        snapshot, buffers = cast("Snapshot", packed["snapshot"]), packed["buffers"]
        columns = snapshot["tokens"]
        start, end = get(columns["start"], buffers), get(columns["end"], buffers)
        ids, unit, turn = (get(columns[name], buffers) for name in ("id", "unit", "turn"))
        items = tuple(
            Token(
                int(ids[i]),
                text,
                (int(start[i]), int(end[i])) if start[i] >= 0 else None,
                cast("Role", columns["role"][i]),
                cast("Part", columns["part"][i]),
                cast("Kind", columns["kind"][i]),
                int(turn[i]),
                columns["raw"][i],
            )
            for i, text in enumerate(columns["text"])
        )
        labels = snapshot["unit_labels"]
        groups = tuple(tuple(int(p) for p in np.flatnonzero(unit == i)) for i in range(len(labels)))
        quality, error = snapshot["quality"], snapshot["quality"]["standard_error"]
        explanation = Explanation(
            scores=get(cast("ArrayHeader", snapshot["scores"]), buffers),
            axes=tuple(snapshot["axes"]),
            tokens=Tokens(items, snapshot["text"]),
            units=Units(snapshot["unit_kind"], groups, tuple(labels)),  # type: ignore[arg-type]
            rows=tuple(
                Row(r["text"], r["id"], r["contrast"], r["value"], r["baseline_value"]) for r in snapshot["rows"]
            ),
            labels={axis: tuple(texts) for axis, texts in snapshot["labels"].items()},
            unit=snapshot["unit"],
            signed=snapshot["signed"],
            baseline=snapshot["baseline"],
            quality=Quality(
                quality["exact"],
                tuple(extra["convergence_gap"]) if extra["convergence_gap"] is not None else None,
                quality["n_samples"],
                get(error, buffers) if error else None,
            ),
            provenance=Provenance(**extra["provenance"]),
        )
        ask = extra["ask"]
        return Finding(
            Ask(
                source=decode_input(snapshot["input"]) if snapshot["input"]["kind"] != "ids" else tuple(ask["ids"]),
                generated=tuple(ask["generated"]),
                target=decode_target(snapshot["target"]),
                contrast=decode_target(snapshot["contrast"]),
                quantity=ask["quantity"],
                each=snapshot["each"],
                method=ask["method"],
                params=ask["params"],
                unit=snapshot["unit_kind"],  # type: ignore[arg-type]
                spans=tuple(tuple(s) for s in ask["spans"]) if ask["spans"] else None,
                reference=ask["reference"],
                seed=ask["seed"],
            ),
            explanation,
            tuple(NextToken(**c) for c in snapshot["candidates"]),
            tuple(NextToken(**c) for c in snapshot["generated"]),
            snapshot["quantity"],
            extra["model_name"],
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, XaiError) as error:
        raise FileError(
            "The saved answer does not fit together.",
            given=f"{type(error).__name__}: {error}"[:300],
            accepted="a file written by Answer.save",
            hint="the file is damaged; save it again",
        ) from error


def encode_extra(finding: Finding) -> dict[str, Any]:
    """What a saved file keeps beside the snapshot, as plain JSON."""
    e, ask = finding.explanation, finding.ask
    return {
        "convergence_gap": list(e.quality.convergence_gap) if e.quality.convergence_gap is not None else None,
        "provenance": e.provenance.to_dict(),
        "model_name": finding.model_name,
        "ask": {
            "ids": list(ask.source) if ask.kind == "ids" else [],
            "generated": list(ask.generated),
            "quantity": ask.quantity,
            "method": ask.method,
            "params": dict(ask.params),
            "spans": ask.spans,
            "reference": ask.reference,
            "seed": ask.seed,
        },
    }


def encode_input(ask: Ask) -> Input:
    """What was typed."""
    if isinstance(ask.source, str):
        return {"kind": "text", "text": ask.source}
    if ask.kind == "chat":
        return {"kind": "chat", "messages": cast("list[Message]", ask.messages)}
    return {"kind": "ids"}


def decode_input(value: Input) -> str | tuple[tuple[str, str], ...]:
    """Text or messages."""
    if value["kind"] == "text":
        return str(value["text"])
    return tuple((str(m["role"]), str(m["content"])) for m in value["messages"])


def encode_target(choice: TargetChoice) -> TargetSpec | None:
    """A target as the browser names it (a sequence goes as its joined text, and comes back so)."""
    if choice is None:
        return None
    if isinstance(choice, Generated):
        return {"kind": "generated", "index": choice.index}
    if isinstance(choice, int):
        return {"kind": "token", "id": choice}
    if isinstance(choice, str):
        return {"kind": "text", "text": choice}
    return {"kind": "tokens", "parts": list(choice)}


def decode_target(spec: TargetSpec | None) -> TargetChoice:
    """The choice a spec names."""
    if spec is None:
        return None
    if spec["kind"] == "generated":
        return Generated(int(spec["index"]))
    if spec["kind"] == "token":
        return int(spec["id"])
    if spec["kind"] == "tokens":
        return tuple(spec["parts"])
    return str(spec["text"])


def encode_candidate(candidate: NextToken) -> CandidateRow:
    """One row of the next-token list."""
    return {"id": candidate.id, "text": candidate.text, "prob": float(candidate.prob), "logit": float(candidate.logit)}


def encode_error(error: BaseException) -> ErrorInfo:
    """A refusal as it is shown; anything that is no refusal of ours is a fault, named by its type."""
    if isinstance(error, XaiError):
        return {
            "code": error.code,
            "problem": error.problem,
            "given": error.given,
            "accepted": error.accepted,
            "hint": error.hint,
        }
    return {
        "code": "fault",
        "problem": f"{type(error).__name__}: {error}"[:2000],
        "given": "",
        "accepted": "",
        "hint": "this is a fault in xai_widgets or in the model's own code; the traceback is in the kernel's log",
    }


def _row(row: Row) -> TargetRow:
    return {
        "text": row.text,
        "id": row.id,
        "contrast": row.contrast,
        "value": _finite(row.value),
        "baseline_value": _finite(row.baseline_value),
    }


def _model(finding: Finding) -> ModelInfo | None:
    p = finding.explanation.provenance
    if not finding.model_name:
        return None
    return {"name": finding.model_name, "fingerprint": p.model_fingerprint, "device": p.device, "dtype": p.dtype}


def _unit_of_position(e: Explanation) -> np.ndarray:
    index = np.full(len(e.tokens), -1, dtype=np.int32)
    index[: len(e.units.of_position)] = e.units.of_position[: len(e.tokens)]
    return index


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
