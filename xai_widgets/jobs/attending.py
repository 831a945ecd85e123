"""One text's attention on its model's worker: who asks, what is under way, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.attention import Overview
from xai_widgets.core.context import Context
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.scores import rank_correlation
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.resolve import log_softmax, most_probable, read
from xai_widgets.jobs.versus import told_apart

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter, Off

PART_AFTER: Final = 0.25
"""Seconds after which the layers so far are shown, while the others are still looked at."""
LOWEST: Final = -1e4
"""Log-probability that stands for minus infinity, where only one of two passes rules a token out."""
OTHERS: Final = (
    "The museum opens at nine and closes at",
    "She put the keys on the table and went to the",
    "Water freezes at zero degrees and boils at",
    "def add(a, b):\n    return a +",
)
"""Texts on which a head's effect is measured too, unless others are given."""


@dataclass(frozen=True, eq=False)
class Attended:
    """A text whose attention was looked at.

    Attributes:
        name: of this version, where two are compared. ask: what was typed. tokens: what the model read. overview: all heads.
        candidates: next tokens. maps: answers more. other: the version it is compared with.
    """

    name: str
    ask: Ask
    tokens: Tokens
    overview: Overview
    candidates: tuple[NextToken, ...]
    maps: Any = field(repr=False)
    other: Attended | None = None

    @property
    def versions(self) -> tuple[Attended, ...]:
        """This one, and the one it is compared with."""
        return (self,) if self.other is None else (self, self.other)

    def of(self, index: int) -> tuple[Attended, int]:
        """The version that has a map of all, and the map's index there."""
        if self.other is not None and index >= len(self.overview.maps):
            return self.other, index - len(self.overview.maps)
        return self, index


@dataclass(frozen=True)
class Switched:
    """The next token with everything and without a part: the candidates of both, and KL(with || without) in nats."""

    before: tuple[NextToken, ...]
    after: tuple[NextToken, ...]
    kl: float


@dataclass(frozen=True, eq=False)
class Effects:
    """What heads matter for.

    Attributes:
        effects: float32 [head], log-probability that the most probable next token loses without the head: here.
        agreement: rank correlation over heads of |effect| with two measures of attention, by name: `looks`, how much the last
            position looks away from the first and itself; `takes`, the length of what it takes in from there.
    """

    effects: np.ndarray
    agreement: dict[str, float]


class Attending(Looking[Ask, Attended]):
    """A conversation about the attention of one text."""

    def __init__(
        self,
        adapter: ModelAdapter,
        ask: Ask,
        others: Sequence[str] = OTHERS,
        versus: tuple[ModelAdapter, Ask | None] | None = None,
    ) -> None:
        """Nothing runs yet. `versus`: another model (with no ask: over the same text) or text to compare with."""
        super().__init__(adapter, ask, lambda ask, context, on_part: look(adapter, ask, context, versus, on_part))
        self.others, self.versus = tuple(others), versus


def look(
    adapter: ModelAdapter,
    ask: Ask,
    context: Context,
    versus: tuple[ModelAdapter, Ask | None] | None = None,
    on_part: Callable[[Attended], None] | None = None,
) -> Attended:
    """Read a text and look at all its heads, and at those it is compared with, pooled to the same squares."""
    tokens, _ = read(adapter, ask)
    if versus is None:
        return _looked(adapter, ask, tokens, adapter.name, None, 0, context, on_part)
    second, its = versus[0], versus[1] or ask
    others, _ = read(second, its)
    longest = max(len(tokens), len(others))
    names = told_apart(*((adapter.name, second.name) if second is not adapter else (tokens.text, others.text)))
    other = _looked(second, its, others, names[1], None, longest, context)
    return _looked(adapter, ask, tokens, names[0], other, longest, context)


def _looked(
    adapter: ModelAdapter,
    ask: Ask,
    tokens: Tokens,
    name: str,
    other: Attended | None,
    longest: int,
    context: Context,
    on_part: Callable[[Attended], None] | None = None,
) -> Attended:
    maps = INSPECTORS["attention"](adapter, tokens)
    start, told = time.perf_counter(), False

    def so_far(overview: Callable[[], Overview]) -> None:
        nonlocal told
        if on_part is not None and not told and time.perf_counter() - start > PART_AFTER:
            told = True
            on_part(Attended(name, ask, tokens, overview(), (), maps))

    overview = maps.look(context, longest, so_far)
    logits = maps.next_logits
    candidates = () if logits is None else most_probable(adapter, logits)
    return Attended(name, ask, tokens, overview, candidates, maps, other)


def switched(attended: Attended, off: Off, context: Context) -> Switched:
    """The next token with and without a part of attention."""
    maps = attended.maps
    usual, without = (np.asarray(part.cpu().numpy(), dtype=np.float64) for part in maps.with_and_without(off, context))
    p, q = log_softmax(usual), log_softmax(without)
    there = np.isfinite(p)  # tokens that the model rules out add nothing
    kl = float((np.exp(p[there]) * (p[there] - np.maximum(q[there], LOWEST))).sum())
    return Switched(most_probable(maps.adapter, usual), most_probable(maps.adapter, without), max(kl, 0.0))


def effects(attended: Attended, context: Context) -> Effects:
    """What every head matters for, on this text."""
    maps = attended.maps
    here = maps.effects(context)
    size = np.abs(here)
    looks, takes = maps.last_position(context)
    agreement = {"looks": rank_correlation(size, looks)}
    if np.isfinite(takes).all():
        agreement["takes"] = rank_correlation(size, takes)
    kept = {name: value for name, value in agreement.items() if np.isfinite(value)}
    return Effects(here, kept)


def elsewhere(attended: Attended, others: Sequence[str], context: Context) -> np.ndarray:
    """The mean size of every head's effect over other texts, each on its own most probable next token: float32 [head]."""
    lm = attended.maps.adapter
    found = [np.abs(INSPECTORS["attention"](lm, lm.tokenize(text)).effects(context)) for text in others]
    mean: np.ndarray = np.mean(found, axis=0) if found else np.zeros(len(attended.overview.labels), dtype=np.float32)
    return mean
