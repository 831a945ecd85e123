"""What the model reads: tokens with exact character spans, and the units (words, turns, ...) they are grouped into.

Tokens are positions. The text of a token is a label: it may repeat, be empty (a later byte of one character)
or look like markup, and it is never used as a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from xai_widgets.core.errors import UnknownNameError, ValueRefusedError

Role = Literal["text", "system", "user", "assistant", "tool", "special"]
"""Who wrote a token: plain `text`, a chat role, or the template (`special`)."""

Part = Literal["prompt", "generated"]
"""Whether a token was given or written by the model."""

Kind = Literal["text", "byte", "special", "unknown", "pad"]
"""`byte`: the token holds only part of a character. `special`: an added control token."""

UnitKind = Literal["token", "word", "sentence", "turn", "spans"]
"""What the entries of a position axis are."""


@dataclass(frozen=True, slots=True)
class Token:
    """One position of the input.

    Attributes:
        id: index in the vocabulary.
        text: the piece of the source this token covers; joining all of them gives the source back. The first
            token of a character cut into bytes carries the whole character, the others the empty string.
        span: characters [start, end) of the source; None if the token stands for no source text.
        role, part, kind: see the types of the same name.
        turn: index of the chat message it belongs to (0 in plain text).
        raw: the vocabulary entry as the tokenizer writes it ("Ġcapital", "<0xF0>").
    """

    id: int
    text: str
    span: tuple[int, int] | None = None
    role: Role = "text"
    part: Part = "prompt"
    kind: Kind = "text"
    turn: int = 0
    raw: str = ""


@dataclass(frozen=True)
class Units:
    """A partition of positions: `groups[i]` are the positions of unit `i`, `labels[i]` its text."""

    kind: UnitKind
    groups: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        """A position in two units would be counted twice."""
        seen = [p for group in self.groups for p in group]
        if len(seen) != len(set(seen)) or len(self.groups) != len(self.labels):
            raise ValueRefusedError(
                "units",
                given=f"{len(self.groups)} groups, {len(self.labels)} labels",
                accepted="disjoint groups of positions, a label for each",
                hint="remove the overlap",
            )

    def __len__(self) -> int:
        """How many units there are: the length of the position axis."""
        return len(self.groups)

    @cached_property
    def of_position(self) -> np.ndarray:
        """Unit index for each position (int32, -1 where no unit covers it)."""
        size = 1 + max((p for group in self.groups for p in group), default=-1)
        index = np.full(size, -1, dtype=np.int32)
        for i, group in enumerate(self.groups):
            index[list(group)] = i
        return index

    def add_up(self, per_token: np.ndarray) -> np.ndarray:
        """Sum the last axis (positions) within each unit."""
        return np.stack([per_token[..., list(group)].sum(-1) for group in self.groups], axis=-1)


@dataclass(frozen=True)
class Tokens:
    """A sequence of tokens and the text they came from."""

    items: tuple[Token, ...]
    text: str

    @classmethod
    def of_texts(cls, texts: Sequence[str], ids: Sequence[int] | None = None) -> Tokens:
        """Tokens of which nothing but their texts (and perhaps their ids) is known."""
        items, at = [], 0
        for i, text in enumerate(map(str, texts)):
            items.append(Token(-1 if ids is None else int(ids[i]), text, (at, at + len(text)), raw=text))
            at += len(text)
        return cls(tuple(items), "".join(t.text for t in items))

    def __len__(self) -> int:
        """Number of positions."""
        return len(self.items)

    def __getitem__(self, index: int) -> Token:
        """The token at a position."""
        return self.items[index]

    def __iter__(self) -> Iterator[Token]:
        """Tokens in order."""
        return iter(self.items)

    @cached_property
    def ids(self) -> np.ndarray:
        """Vocabulary indices (int64, one a position)."""
        return np.array([t.id for t in self.items], dtype=np.int64)

    @property
    def texts(self) -> tuple[str, ...]:
        """Texts in order; joined they give the source."""
        return tuple(t.text for t in self.items)

    @property
    def n_prompt(self) -> int:
        """How many positions were given rather than generated."""
        return sum(t.part == "prompt" for t in self.items)

    def head(self, n: int) -> Tokens:
        """The first `n` tokens, with the text they cover."""
        items = self.items[:n]
        ends = [t.span[1] for t in items if t.span]
        return Tokens(items, self.text[: max(ends, default=0)])

    def extended(self, items: Sequence[Token]) -> Tokens:
        """These tokens followed by `items`, whose spans are re-based onto the joined text."""
        text, moved = self.text, []
        for item in items:
            start = len(text)
            text += item.text
            moved.append(replace(item, span=(start, len(text))))
        return Tokens(self.items + tuple(moved), text)

    def units(self, kind: UnitKind = "token", spans: Sequence[tuple[int, int]] | None = None) -> Units:
        """Group the positions.

        Args:
            kind: `token` (each position), `word`, `sentence`, `turn` (chat messages, template included), or
                `spans` for the character ranges given in `spans`; text between ranges forms units of its own.
            spans: half-open character ranges of the source, in order and disjoint; only with `kind="spans"`.

        A token belongs to the unit that holds its first character that is not a space. Special tokens are
        units of their own, except under `turn`.

        Raises:
            UnknownNameError: the kind is none of the five.
            ValueRefusedError: spans missing, out of the text, out of order or overlapping.
        """
        if kind not in get_args(UnitKind):
            raise UnknownNameError("unit", kind, get_args(UnitKind))
        if kind == "token":
            return Units("token", tuple((i,) for i in range(len(self))), self.texts)
        if kind == "turn":
            return self._grouped("turn", [("turn", t.turn) for t in self.items])
        cuts = _cuts(self.text, kind, spans)
        keys: list[tuple[str, int]] = []
        for i, token in enumerate(self.items):
            if token.kind in ("special", "pad") or token.span is None:
                keys.append(("single", i))
                continue
            start, end = token.span
            lead = len(self.text[start:end]) - len(self.text[start:end].lstrip())
            at = min(start + lead, max(end - 1, start))
            keys.append(("cut", int(np.searchsorted(cuts, at, side="right"))))
        return self._grouped(kind, keys)

    def _grouped(self, kind: UnitKind, keys: Sequence[tuple[str, int]]) -> Units:
        groups: list[list[int]] = []
        for i, key in enumerate(keys):
            if i and key == keys[i - 1]:
                groups[-1].append(i)
            else:
                groups.append([i])
        labels = tuple("".join(self.items[i].text for i in group) for group in groups)
        return Units(kind, tuple(tuple(g) for g in groups), labels)


_WORD = re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]+")  # noqa: RUF001 - the typographic apostrophe is meant
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"')\]]*\s+|\n+\s*")  # noqa: RUF001 - full-width marks are meant


def _cuts(text: str, kind: UnitKind, spans: Sequence[tuple[int, int]] | None) -> np.ndarray:
    """Characters at which a new unit starts."""
    if kind == "word":
        return np.array([m.start() for m in _WORD.finditer(text)], dtype=np.int64)
    if kind == "sentence":
        return np.array([m.end() for m in _SENTENCE_END.finditer(text)], dtype=np.int64)
    if not spans:
        raise ValueRefusedError(
            "spans",
            given="none",
            accepted="character ranges of the text",
            hint='for example unit="spans", spans=[(0, 12), (13, 30)]',
        )
    flat = [edge for span in spans for edge in span]
    if flat != sorted(flat) or flat[0] < 0 or flat[-1] > len(text) or any(a >= b for a, b in spans):
        raise ValueRefusedError(
            "spans",
            given=str(list(spans)),
            accepted=f"ordered, disjoint ranges within 0..{len(text)}",
            hint="sort them and cut the overlap",
        )
    return np.unique(np.array(flat, dtype=np.int64))
