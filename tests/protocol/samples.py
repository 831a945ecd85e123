"""Findings that exercise the wire: every token kind, units, several targets, errors, NaN, other axes."""

from __future__ import annotations

import numpy as np

from xai_widgets.core.ask import Ask, Finding, Generated, NextToken
from xai_widgets.core.explanation import Explanation, Quality, Row
from xai_widgets.core.provenance import Provenance
from xai_widgets.core.tokens import Token, Tokens

PROVENANCE = Provenance(
    "integrated_gradients",
    {"n_steps": 8},
    "tiny",
    "aa11",
    "bb22",
    "cpu",
    "float32",
    3,
    {"torch": "2"},
    0.25,
    "2026-01-01T00:00:00Z",
    "paper",
)


def text_tokens() -> Tokens:
    """A leading special, an emoji cut into bytes, a newline, right-to-left text, markup, a generated token."""
    items = (
        Token(0, "", None, "special", kind="special", raw="<s>"),
        Token(1, "Hi", (0, 2), raw="Hi"),
        Token(2, " 😀", (2, 4), kind="byte", raw="Ġð"),
        Token(3, "", (3, 4), kind="byte", raw="Ł"),
        Token(4, "\n", (4, 5), raw="Ċ"),
        Token(5, "שלום", (5, 9), raw="שלום"),
        Token(6, "<script>", (9, 17), "user", raw="<script>", turn=1),
        Token(7, " yes", (17, 21), "assistant", "generated", raw="Ġyes", turn=2),
    )
    return Tokens(items, "Hi 😀\nשלום<script> yes")


def findings() -> dict[str, Finding]:
    """By name; used for golden files and round trips."""
    tokens = text_tokens()
    rows = (Row(" Paris", 9, " Rome", 2.25, -1.5), Row(" is", 10, " was", None, None))
    scores = np.array([np.linspace(-1, 1, 8), [0.5, np.nan, 0, 0, -2, 1e-9, 3e9, -0.0]], dtype=np.float32)
    plain = Explanation(
        scores,
        ("target", "pos"),
        tokens,
        tokens.units(),
        rows,
        unit="logit",
        baseline="zero embedding",
        quality=Quality(False, (0.5, 0.0), 5, np.abs(scores) / 4),
        provenance=PROVENANCE,
    )
    units = tokens.units("turn")
    turns = Explanation(
        np.ones((1, len(units)), dtype=np.float32),
        ("target", "pos"),
        tokens,
        units,
        rows[:1],
        unit="prob",
        signed=False,
    )
    layers = Explanation(
        np.arange(16, dtype=np.float32).reshape(2, 8),
        ("layer", "pos"),
        tokens,
        tokens.units(),
        labels={"layer": ("0", "1")},
        unit="norm",
    )
    few = (NextToken(9, " Paris", 0.75, 12.5), NextToken(10, "\n", 0.125, 3.0))
    return {
        "plain": Finding(
            Ask(
                "Hi 😀\nשלום<script>",
                (7, 7),
                Generated(1),
                " Rome",
                method="integrated_gradients",
                params={"n_steps": 8},
                seed=3,
            ),
            plain,
            few,
            (NextToken(7, " yes", 0.5, 1.0), NextToken(7, " yes", 0.25, 0.5)),
            "logit_diff",
            "tiny",
        ),
        "turns": Finding(
            Ask((("user", "Hi"), ("assistant", "yes")), target=(" a", 3), unit="turn"), turns, few, (), "prob", "tiny"
        ),
        "given": Finding(Ask("abc", method="given"), layers),
        "ids": Finding(
            Ask((1, 2, 3), target=7, quantity="entropy", each=False), plain.reduce("target"), few, (), "entropy", "tiny"
        ),
    }
