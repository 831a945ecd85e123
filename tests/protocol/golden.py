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
from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.attention import MapInfo, Overview, Pattern
from xai_widgets.core.lens import LensGrid
from xai_widgets.core.parts import LogitShares
from xai_widgets.core.patching import PatchGrid
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.attention import encode_attention
from xai_widgets.protocol.codec import encode
from xai_widgets.protocol.direct import encode_direct
from xai_widgets.protocol.lens import encode_lens
from xai_widgets.protocol.patching import encode_patching
from xai_widgets.protocol.schema import ArrayHeader

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
        expect = _expected(packed["buffers"], **headers)
        out[name] = _file(snapshot, packed["buffers"], expect)
    return out | {"attention": attention(), "lens": lens(), "patching": patching(), "direct": direct()}


def lens() -> dict[str, Any]:
    """Two streams over all kinds of tokens, of which only the last position was read."""
    tokens = text_tokens()
    n = len(tokens)
    known = np.arange(n) == n - 1
    top = np.where(known[:, None], np.arange(4).reshape(2, 1, 2), -1).astype(np.int32)
    prob = np.where(known[:, None], np.array([[[0.75, 0.25]], [[0.5, 1e-9]]]), -1).astype(np.float32)
    grid = LensGrid(("embedding", "layer 0"), top, prob, known, 0.5)
    packed = encode_lens(
        Ask(source=tokens.text), tokens, grid, {0: "<b>", 1: " 😀", 2: "\n", 3: ""}, [], None, revision=4, code="xw.LogitLens(lm)"
    )  # fmt: skip
    s = packed["snapshot"]
    return _file(
        s,
        packed["buffers"],
        _expected(packed["buffers"], top=s["top"], prob=s["prob"], known=s["known"], ids=s["vocabulary"]),
    )


def patching() -> dict[str, Any]:
    """Two layers, one of them an estimate; a position without a counterpart is not a number."""
    tokens = text_tokens()
    n = len(tokens)
    pairs = [None, *range(1, n)]
    values = np.linspace(-1, 1, 2 * n, dtype=np.float32).reshape(2, n)
    values[:, 0] = np.nan
    grid = PatchGrid(np.where([[True], [False]], values, np.nan).astype(np.float32), -0.5, 2.0, np.array([True, False]))
    estimate = PatchGrid(values * 2, -0.5, 2.0, np.array([False, False]))
    ask = Ask(source=tokens.text)
    target, other = NextToken(3, " Paris", 0.5, 2.0), NextToken(4, "<i>", 0.25, 1.0)
    packed = encode_patching(
        (ask, ask), "noise", "resid", (tokens, tokens), pairs, grid, estimate, 0.75, (target, other), ([target], [other]), None,
        revision=5, code="xw.Patching(lm)",
    )  # fmt: skip
    s = packed["snapshot"]
    return _file(
        s, packed["buffers"],
        _expected(packed["buffers"], values=s["values"], estimate=s["estimate"], exact=s["exact"], pairs=s["pairs"]),
    )  # fmt: skip


def direct() -> dict[str, Any]:
    """An embedding, an attention block of two heads that can't be split, an MLP and a bias."""
    tokens = text_tokens()
    values = np.array([[0.5, 1.5, -0.25, 0.25]], dtype=np.float32)
    shares = LogitShares(
        len(tokens) - 1, (3,), (), ("embedding", "attn 0", "mlp 0", "bias"), ("embedding", "attn", "mlp", "bias"), (-1, 0, 0, -1),
        values, values.sum(1), np.full((1, 1, 2), np.nan, dtype=np.float32), np.zeros((1, 1), dtype=np.float32),
        {0: "by hand"}, {}, 30.0, 1e-8, 0.5,
    )  # fmt: skip
    packed = encode_direct(
        Ask(source=tokens.text), tokens, shares, (NextToken(3, " Paris", 0.5, 2.0), None), [], None, revision=6,
        code="xw.DirectLogitAttribution(lm)",
    )  # fmt: skip
    s = packed["snapshot"]
    return _file(s, packed["buffers"], _expected(packed["buffers"], values=s["values"], heads=s["heads"]))


def attention() -> dict[str, Any]:
    """Two versions of a text whose second head has no chance at a pattern; with the means that a saved page holds."""
    tokens = text_tokens()
    packed = encode_attention(
        Ask(source=tokens.text), [("one", tokens, None, overview(len(tokens))), ("two", tokens, None, overview(len(tokens)))],
        [], None, revision=3, code="xw.Attention(lm)", with_mean=True,
    )  # fmt: skip
    snapshot, buffers = packed["snapshot"], packed["buffers"]
    return _file(
        snapshot, buffers,
        _expected(
            buffers, most=snapshot["most"], mean=snapshot["mean"], patterns=snapshot["pattern_scores"],
            id=snapshot["queries"]["id"],
        ),
    )  # fmt: skip


def overview(n: int) -> Overview:
    """Two heads of one layer: rows of one, and rows shared evenly."""
    maps = np.stack([np.eye(n), np.tril(np.ones((n, n))) / np.arange(1, n + 1)[:, None]]).astype(np.float32)
    pattern = Pattern("local", "local", "near", "none", 0.5)
    info = MapInfo(2, 0, "decoder", 0, 2, n, n, causal=True, how="by hand")
    scores = np.array([[0.75], [np.nan]], dtype=np.float32)
    return Overview((info,), {0: "nothing"}, 1, maps, maps / 2, (pattern,), scores, ("local", ""), 0.0, 0.5)


def _expected(buffers: list[bytes], **headers: ArrayHeader | None) -> dict[str, list[Any]]:
    """What a reader gets of these arrays, not-a-number by name."""
    return {
        key: [value if value == value else "NaN" for value in get(header, buffers).ravel().tolist()]  # noqa: PLR0124 - NaN test
        for key, header in headers.items()
        if header is not None
    }


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
