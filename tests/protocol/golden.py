"""Golden files: snapshots as Python writes them, with the values a reader must get back.

`python -m tests.protocol.golden` writes them; a test compares, and the browser's tests decode them.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.protocol.samples import findings, text_tokens
from xai_widgets.core.ask import Ask
from xai_widgets.core.attention import MapInfo, Overview, Pattern
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.attention import encode_attention
from xai_widgets.protocol.codec import encode

FOLDER = Path(__file__).parent / "golden"


def golden() -> dict[str, dict[str, Any]]:
    """File stem to content. NaN and infinities are written as texts under `expect`, never as JSON numbers."""
    out = {}
    for name, finding in findings().items():
        packed = encode(finding, revision=7, code="xw.explain(lm)")
        snapshot = packed["snapshot"]
        headers = {
            "scores": snapshot["scores"],
            "id": snapshot["tokens"]["id"],
            "unit": snapshot["tokens"]["unit"],
            "start": snapshot["tokens"]["start"],
            "standard_error": snapshot["quality"]["standard_error"],
        }
        expect = {
            key: [value if value == value else "NaN" for value in get(header, packed["buffers"]).ravel().tolist()]  # noqa: PLR0124 - NaN test
            for key, header in headers.items()
            if header is not None
        }
        out[name] = _file(snapshot, packed["buffers"], expect)
    return out | {"attention": attention()}


def attention() -> dict[str, Any]:
    """Two versions of a text whose second head has no chance at a pattern; with the means that a saved page holds."""
    tokens = text_tokens()
    packed = encode_attention(
        Ask(source=tokens.text), [("one", tokens, None, overview(len(tokens))), ("two", tokens, None, overview(len(tokens)))],
        [], None, revision=3, code="xw.Attention(lm)", with_mean=True,
    )  # fmt: skip
    snapshot, buffers = packed["snapshot"], packed["buffers"]
    headers = {
        "most": snapshot["most"],
        "mean": snapshot["mean"],
        "patterns": snapshot["pattern_scores"],
        "id": snapshot["queries"]["id"],
    }
    expect = {
        key: [value if value == value else "NaN" for value in get(header, buffers).ravel().tolist()]  # noqa: PLR0124 - NaN test
        for key, header in headers.items()
        if header is not None
    }
    return _file(snapshot, buffers, expect)


def overview(n: int) -> Overview:
    """Two heads of one layer: rows of one, and rows shared evenly."""
    maps = np.stack([np.eye(n), np.tril(np.ones((n, n))) / np.arange(1, n + 1)[:, None]]).astype(np.float32)
    pattern = Pattern("local", "local", "near", "none", 0.5)
    info = MapInfo(2, 0, "decoder", 0, 2, n, n, causal=True, how="by hand")
    scores = np.array([[0.75], [np.nan]], dtype=np.float32)
    return Overview((info,), {0: "nothing"}, 1, maps, maps / 2, (pattern,), scores, ("local", ""), 0.0, 0.5)


def _file(snapshot: Any, buffers: list[bytes], expect: dict[str, Any]) -> dict[str, Any]:
    coded = [base64.b64encode(b).decode() for b in buffers]
    return {"packed": {"snapshot": snapshot, "buffers": coded}, "expect": expect}


def text(content: dict[str, Any]) -> str:
    """How a golden file is written."""
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for stem, content in golden().items():
        (FOLDER / f"{stem}.json").write_text(text(content), encoding="utf-8")
