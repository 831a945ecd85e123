"""How a unit is taken out of an input: replaced by another token, hidden from attention, or deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xai_widgets.adapters.base import ModelAdapter, Variant
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.methods import param
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Explainer

Mode = Literal["replace", "mask", "delete"]
"""`replace`: its tokens become the replacement token. `mask`: no later position attends to it; positions keep their
numbers. `delete`: the text without it; later positions move up."""

MODE_DOC = "what takes a unit away: another token in its place, no attention to it, or the text without it"
REPLACEMENT_DOC = (
    "token put in its place (a text of one token, or a token id); empty: a newline, and a space for newlines"
)


@dataclass(frozen=True, kw_only=True)
class RemovalMethod(Explainer):
    """Base of the methods that take units away; its two parameters say how.

    Special tokens (a begin-of-text token, the marks of a chat template) are units like any other and are taken away
    like any other, so the scores cover all that the model saw. A unit of several tokens goes as a whole.
    """

    mode: str = param("replace", MODE_DOC, choices=("replace", "mask", "delete"))
    replacement: str | int = param("", REPLACEMENT_DOC, also=(int,))

    def removal(self, adapter: ModelAdapter, question: Question) -> Removal:
        """How units of this question are taken away; refuses what can't be done."""
        if self.mode == "mask":
            adapter.require("attention_mask")
        if self.mode != "replace":
            return Removal(question, self.mode)
        token = replacement_id(adapter, self.replacement)
        other = token if self.replacement != "" else second_id(adapter, token)
        ids = tuple(other if int(i) == token else token for i in question.tokens.ids)
        words = f"replaced by {adapter.token_text(token)!r} (token {token})"
        if other in ids and other != token:
            words += f", and that itself by {adapter.token_text(other)!r} (token {other})"
        return Removal(question, self.mode, ids, words)


@dataclass(frozen=True)
class Removal:
    """Takes units of one question away.

    Attributes:
        question: whose input. mode: see `Mode`.
        replacements: what stands in for each position; empty for the other modes.
        replaced: the same in words.
    """

    question: Question
    mode: str
    replacements: tuple[int, ...] = ()
    replaced: str = ""

    def without(self, units: Iterable[int]) -> Variant:
        """The input without these units.

        Raises:
            ValueRefusedError: nothing would be left after deleting.
        """
        ids = [int(i) for i in self.question.tokens.ids]
        gone = {p for unit in units for p in self.question.units.groups[unit]}
        if self.mode == "mask":
            return Variant(tuple(ids), frozenset(gone))
        if self.mode == "replace":
            return Variant(tuple(self.replacements[i] if i in gone else token for i, token in enumerate(ids)))
        left = tuple(token for i, token in enumerate(ids) if i not in gone)
        if not left:
            raise ValueRefusedError(
                "mode",
                given="'delete' of the whole input",
                accepted="an input that still has a token without the unit",
                hint="use mode='replace' or mode='mask', or smaller units",
            )
        return Variant(left)

    @property
    def words(self) -> str:
        """What "absent" means, for people."""
        if self.mode == "replace":
            return self.replaced
        return "hidden from attention" if self.mode == "mask" else "deleted"

    @property
    def resolved(self) -> dict[str, str | int]:
        """The replacement that was chosen, as a parameter that gives the same again."""
        return {"replacement": self.replacements[0]} if len(set(self.replacements)) == 1 else {}


def replacement_id(adapter: ModelAdapter, replacement: str | int) -> int:
    """The token id meant by a `replacement` parameter.

    Empty text means the first of these that is one token of this tokenizer: a newline, pad, eos, unk, id 0.

    Raises:
        ValueRefusedError: a text of more or less than one token, or an id outside the vocabulary.
    """
    if isinstance(replacement, int):
        if not 0 <= replacement < adapter.d_vocab:
            raise ValueRefusedError(
                "replacement",
                given=f"token id {replacement}",
                accepted=f"0 to {adapter.d_vocab - 1}",
                hint='give an id of the vocabulary, or a text such as replacement=" the"',
            )
        return replacement
    ids = adapter.continuation(replacement or "\n")
    if len(ids) == 1:
        return int(ids[0])
    if replacement:
        raise ValueRefusedError(
            "replacement",
            given=f"{replacement!r}, which is {len(ids)} tokens",
            accepted="a text of one token, or a token id",
            hint='choose a short common word, a leading space included: replacement=" the"',
        )
    for name in ("pad_token_id", "eos_token_id", "unk_token_id"):
        found = getattr(adapter.tokenizer, name, None)
        if isinstance(found, int):
            return found
    return 0


def second_id(adapter: ModelAdapter, token: int) -> int:
    """What stands in for the replacement token itself, which could not be taken away by putting it in its own place."""
    for text in (" ", ",", "."):
        ids = adapter.continuation(text)
        if len(ids) == 1 and ids[0] != token:
            return int(ids[0])
    return 0 if token != 0 else 1


def score_all(
    adapter: ModelAdapter,
    question: Question,
    variants: Sequence[Variant],
    context: Context,
    on_value: Callable[[np.ndarray, np.ndarray], None] | None = None,
) -> np.ndarray:
    """The explained number under each variant, float64 [variant, row].

    `on_value` is called after each batch with (numbers so far [variant, row], which variants have one [variant]).
    """
    so_far = np.full((len(variants), question.target.n_rows), np.nan)
    known = np.zeros(len(variants), dtype=bool)

    def arrived(indices: np.ndarray, values: np.ndarray) -> None:
        so_far[indices], known[indices] = values, True
        if on_value is not None:
            on_value(so_far, known)

    return adapter.score(question, variants, context, arrived).astype(np.float64)


def count(
    adapter: ModelAdapter, question: Question, windows: Sequence[Sequence[int]], *, deleted: bool = False
) -> Cost:
    """Cost of scoring the unchanged input and, for each entry of `windows`, the input without these units."""
    groups, n = question.units.groups, question.n_pos
    shapes = []
    for window in windows:
        first = min(min(groups[unit]) for unit in window)
        shapes.append((first, n - sum(len(groups[unit]) for unit in window) if deleted else n))
    return adapter.score_cost(question, [(min(first, length), length) for first, length in shapes])
