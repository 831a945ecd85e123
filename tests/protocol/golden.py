"""Golden files: snapshots as Python writes them, with the values a reader must get back.

`python -m tests.protocol.golden` writes them; a test compares, and the browser's tests decode them.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.protocol.samples import findings, text_tokens
from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.attention import MapInfo, Overview, Pattern
from xai_widgets.core.circuit import Check, Circuit, Graph, Node
from xai_widgets.core.cka import LayerCKA
from xai_widgets.core.directions import Direction
from xai_widgets.core.interventions import Intervention
from xai_widgets.core.lens import LensDifference, LensGrid
from xai_widgets.core.parts import LogitShares
from xai_widgets.core.patching import Ablation, Number, PatchGrid
from xai_widgets.core.sites import Sites
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.attention import encode_attention
from xai_widgets.protocol.circuit import encode_circuit
from xai_widgets.protocol.cka import encode_cka
from xai_widgets.protocol.codec import encode
from xai_widgets.protocol.direct import Version, encode_direct
from xai_widgets.protocol.lens import encode_lens
from xai_widgets.protocol.patching import encode_patching
from xai_widgets.protocol.schema import ArrayHeader
from xai_widgets.protocol.steer import encode_steered

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
    return out | {
        "attention": attention(),
        "lens": lens(),
        "patching": patching(),
        "ablation": ablation(),
        "direct": direct(),
        "cka": cka(),
        "steer": steer(),
        "circuit": circuit(),
    }


def lens() -> dict[str, Any]:
    """Two streams over all kinds of tokens, of which only the last position was read, by a tuned lens and beside another model."""
    tokens = text_tokens()
    n = len(tokens)
    known = np.arange(n) == n - 1
    top = np.where(known[:, None], np.arange(4).reshape(2, 1, 2), -1).astype(np.int32)
    prob = np.where(known[:, None], np.array([[[0.75, 0.25]], [[0.5, 1e-9]]]), -1).astype(np.float32)
    grid = LensGrid(("embedding", "layer 0"), top, prob, known, 0.5)
    apart = np.where(known, np.array([[0.0], [1.5]]), np.nan).astype(np.float32)
    difference = LensDifference(grid, LensGrid(grid.streams, top[:, :, ::-1], prob, known, 0.5), apart, -apart)
    packed = encode_lens(
        Ask(source=tokens.text), tokens, grid, {0: "<b>", 1: " 😀", 2: "\n", 3: ""}, [], None, revision=4, code="xw.LogitLens(lm)",
        lens="tuned", lenses=("tuned", "logit"), lens_words="a lens", notes=["a note"], other=("other/model", difference),
    )  # fmt: skip
    s = packed["snapshot"]
    assert s is not None
    assert s["other"] is not None
    headers = {"top": s["top"], "prob": s["prob"], "known": s["known"], "ids": s["vocabulary"]}
    apart_by = {"other_top": s["other"]["top"], "kl": s["other"]["kl"], "change": s["other"]["change"]}
    return _file(s, packed["buffers"], _expected(packed["buffers"], **headers, **apart_by))


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
        (ask, ask), "noise", "resid", (tokens, tokens), pairs, grid, estimate, 0.75, (Number((3,), (4,)), target, other),
        ([target], [other]), None, revision=5, code="xw.Patching(lm)",
    )  # fmt: skip
    s = packed["snapshot"]
    return _file(
        s, packed["buffers"],
        _expected(packed["buffers"], values=s["values"], estimate=s["estimate"], exact=s["exact"], pairs=s["pairs"]),
    )  # fmt: skip


def ablation() -> dict[str, Any]:
    """Without a second pass: its number is null; several tokens are followed, and means have standard errors."""
    tokens = text_tokens()
    n = len(tokens)
    values = np.linspace(-4, -1, 2 * n, dtype=np.float32).reshape(2, n)
    values[:, 0] = np.nan
    exact = np.array([True, True])
    grid = PatchGrid(values, -1.5, math.nan, exact, values * 0 + 0.25)
    ask, target = Ask(source=tokens.text), NextToken(3, " New York", 0.5, 2.0)
    packed = encode_patching(
        (ask, Ablation("resample", ("a", "<b>"))), "denoise", "mlp_out", (tokens, tokens), [None, *range(1, n)], grid,
        PatchGrid(values, -1.5, math.nan, ~exact), math.nan, (Number((3, 4), (), "log_prob"), target, None), ([target], []), None,
        template=True, revision=6, code="xw.Patching(lm)",
    )  # fmt: skip
    s = packed["snapshot"]
    return _file(s, packed["buffers"], _expected(packed["buffers"], values=s["values"], error=s["error"]))


def direct() -> dict[str, Any]:
    """An embedding, an attention block of two heads that can't be split, an MLP and a bias; and another model, of one head."""
    tokens = text_tokens()
    values = np.array([[0.5, 1.5, -0.25, 0.25]], dtype=np.float32)
    shares = LogitShares(
        len(tokens) - 1, (3,), (), ("embedding", "attn 0", "mlp 0", "bias"), ("embedding", "attn", "mlp", "bias"), (-1, 0, 0, -1),
        values, values.sum(1), np.full((1, 1, 2), np.nan, dtype=np.float32), np.zeros((1, 1), dtype=np.float32),
        {0: "by hand"}, {}, 30.0, 1e-8, 0.5,
    )  # fmt: skip
    theirs = replace(
        shares, values=values / 2, logits=values.sum(1) / 2, heads=np.full((1, 1, 1), 0.75, np.float32), missing={}, neurons={0: "experts"}, scale=2.0
    )  # fmt: skip
    paris = NextToken(3, " Paris", 0.5, 2.0)
    packed = encode_direct(
        Ask(source=tokens.text), tokens, shares, (paris, None), [], None, revision=6,
        code="xw.DirectLogitAttribution(lm)", name="one", versus=Version("two", theirs, shares.minus(replace(theirs, scale=1.0)), paris, None, None),
    )  # fmt: skip
    s = packed["snapshot"]
    assert s["versus"] is not None
    also = {
        "versus_values": s["versus"]["values"],
        "versus_heads": s["versus"]["heads"],
        "difference": s["versus"]["difference"]["values"],
    }
    return _file(s, packed["buffers"], _expected(packed["buffers"], values=s["values"], heads=s["heads"], **also))


def steer() -> dict[str, Any]:
    """Three interventions of three kinds, of which one is off, on a model whose second layer has no heads."""
    tokens = text_tokens()
    n = len(tokens)
    interventions = [
        Intervention(what="head", layer=0, index=1, value=0, at=(-1, 0)),
        Intervention(
            what="resid", layer=2, how="add", value=1e-3, direction=Direction.between("<b>", "😀", layer=1), start=1
        ),
        Intervention(what="neuron", layer=1, index=3, how="swap", source=tokens.text, on=False),
    ]
    now = [np.linspace(0, 1, n, dtype=np.float32), np.full(n, 3.0, np.float32), np.linspace(-1, 1, n, dtype=np.float32)]
    sites = Sites(2, 6, (2, 0), (3, 0), (4, 4), {"head": ("", "by hand"), "attn_out": ("", "")})
    paris, bold = NextToken(3, " Paris", 0.5, 2.0), NextToken(4, "<i>", 0.25, 1.0)
    packed = encode_steered(
        Ask(source=tokens.text), tokens, interventions, now, [None, 0.5, None], sites, [1.0, 2.0, 3.0],
        ([paris, bold], [bold, paris]), 0.75, 12, None, revision=8, code="xw.Steer(lm)",
    )  # fmt: skip
    rows = {f"now_{i}": row["now"] for i, row in enumerate(packed["snapshot"]["rows"])}
    return _file(packed["snapshot"], packed["buffers"], _expected(packed["buffers"], **rows))


def circuit() -> dict[str, Any]:
    """Five edges between two heads of a layer, an MLP and both ends, of which three are kept; one was run, and two sizes."""
    tokens = text_tokens()
    nodes = [Node("embedding", -1), Node("head", 0, 0), Node("head", 0, 1), Node("mlp", 0), Node("logits", 1)]
    graph = Graph.of(
        nodes, np.array([0, 1, 3, 0, 2]), np.array([1, 3, 4, 2, 4]), np.array([3, 0, 0, 1, 0]), np.array([2.5, -1.5, 1.0, 0.5, 0.25])
    )  # fmt: skip
    graph.exact[0] = 2.25
    found = Circuit(
        graph, graph.strongest(3), 3, "eap_ig", 5, tokens, tokens, Ask(source=tokens.text), Ask(source=tokens.text),
        NextToken(3, " Paris", 0.5, 2.0), None, (2.0, -1.0), Check(3, 3, 0.75, 0.125), (Check(1, 0, 0.0, 1.0), Check(3, 3, 0.75, 0.125)),
    )  # fmt: skip
    packed = encode_circuit(found, ([], []), None, revision=9, code="xw.Circuit(lm)")
    s = packed["snapshot"]
    assert s is not None
    names = ("layers", "index", "sources", "targets", "paths", "scores", "exact", "kept", "curve")
    return _file(s, packed["buffers"], _expected(packed["buffers"], **{name: s[name] for name in names}))


def cka() -> dict[str, Any]:
    """Three streams beside two; one of the rows is the same at all samples."""
    debiased = np.array([[np.nan, np.nan], [0.5, -0.125], [0.25, 1]], dtype=np.float32)
    rows, columns = ("embedding", "layer 0", "layer 1"), ("embedding", "layer 0")
    loudest = (np.array([np.nan, 0.25, 0.75], np.float32), np.array([0.125, 0.5], np.float32))
    found = LayerCKA(rows, columns, debiased, debiased + 0.25, 0.75, loudest, 9, "position", 2, (4, 8), 0.5)
    packed = encode_cka(
        found, ("one", "<i>two</i>"), ["<b>\n", "x" * 200], (None, None), one=False, first=False, revision=8, code="xw.CKA(lm)"
    )  # fmt: skip
    s = packed["snapshot"]
    assert s is not None
    return _file(
        s,
        packed["buffers"],
        _expected(
            packed["buffers"],
            debiased=s["debiased"],
            plain=s["plain"],
            loudest=s["loudest"],
            columns=s["loudest_columns"],
        ),
    )


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
