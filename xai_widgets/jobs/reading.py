"""One text's lens on its model's worker: the last position at once, the others as they come."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.lens import LensDifference, LensGrid, Scoped, Translator
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.resolve import read
from xai_widgets.jobs.versus import comparable

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter

BEST: Final = 5
"""Tokens of a cell that are there without being asked for, in a text of ordinary length."""
CELLS: Final = 1 << 18
"""Tokens of all cells together, at most: 2 MB of ids and probabilities."""
EVERY: Final = 0.5
"""Seconds between two parts that are shown."""
N_CANDIDATES: Final = 10

LensName = Literal["logit", "tuned"]


@dataclass(frozen=True)
class Reading:
    """What was asked: a text, and by which lens."""

    ask: Ask
    lens: LensName = "logit"


@dataclass(frozen=True, eq=False)
class Lensed:
    """A text that was read through the lens, so far.

    Attributes:
        reading: what was asked. tokens: what the model read. grid: every cell. texts: how each id in it is written.
        candidates: next tokens. lens: answers more.
        difference, other: beside another model's, and what answers more about that one; None where there is none.
    """

    reading: Reading
    tokens: Tokens
    grid: LensGrid
    texts: dict[int, str]
    candidates: tuple[NextToken, ...]
    lens: Any = field(repr=False)
    difference: LensDifference | None = None
    other: Any = field(default=None, repr=False)

    def by(self, whose: str) -> Any:  # noqa: ANN401 - an inspector
        """The lens of `this` model or of the `other`."""
        if whose == "other" and self.other is None:
            raise ValueRefusedError(
                "whose", given="the other model", accepted="this one", hint="compare two models with versus="
            )
        return self.other if whose == "other" else self.lens


class Readings(Looking[Reading, Lensed]):
    """A conversation about one text's lens; another lens over the same text runs the model no more.

    Args:
        adapter, ask: as of `Looking`. translator: of the tuned lens. versus: another model to compare with.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        ask: Ask,
        translator: Translator | None = None,
        versus: ModelAdapter | None = None,
    ) -> None:
        """Nothing runs yet."""
        super().__init__(adapter, Reading(ask, "logit" if translator is None else "tuned"), self._read)
        self.translator, self.versus = translator, versus

    def _read(self, reading: Reading, context: Context, on_part: Callable[[Lensed], None] | None) -> Lensed:
        translator = self.translator if reading.lens == "tuned" else None
        before = self.seen
        same = before is not None and before.reading.ask == reading.ask
        if before is not None and same and before.lens.fingerprint == self.adapter.fingerprint:
            lens = before.lens.read_by(translator)
        else:
            lens = INSPECTORS["logit_lens"](self.adapter, read(self.adapter, reading.ask)[0], translator)
        other = None
        if self.versus is not None:
            other = INSPECTORS["logit_lens"](self.versus, comparable(self.adapter, self.versus, reading.ask))
        return look(reading, lens, other, context, on_part)


def look(
    reading: Reading,
    lens: Any,  # noqa: ANN401 - an inspector
    other: Any,  # noqa: ANN401 - an inspector or None
    context: Context,
    on_part: Callable[[Lensed], None] | None = None,
) -> Lensed:
    """Read a text through the lens. `on_part` is told of the last position, and then of the rest at most every `EVERY` seconds."""
    adapter, tokens = lens.adapter, lens.tokens
    k = max(1, min(BEST, CELLS // max(1, len(tokens) * (adapter.n_layers + 1))))
    texts: dict[int, str] = {}
    candidates: tuple[NextToken, ...] = ()
    told = 0.0

    def lensed(found: LensGrid | LensDifference) -> Lensed:
        nonlocal candidates
        difference = found if isinstance(found, LensDifference) else None
        grid = found.this if isinstance(found, LensDifference) else found
        for one in (grid,) if difference is None else (grid, difference.other):
            for token in np.unique(one.top).tolist():
                if token >= 0 and token not in texts:
                    texts[token] = adapter.token_text(token)
        if not candidates:
            last = lens.cell(len(grid.streams) - 1, len(tokens) - 1, N_CANDIDATES, Context())
            candidates = tuple(NextToken(c.id, c.text, c.prob, c.logit) for c in last)
        return Lensed(reading, tokens, grid, dict(texts), candidates, lens, difference, other)

    def part(found: LensGrid | LensDifference) -> None:
        nonlocal told
        if on_part is not None and time.perf_counter() - told > EVERY:
            on_part(lensed(found))
            told = time.perf_counter()

    looking = lens if other is None else INSPECTORS["lens_difference"](lens, other)
    return lensed(looking.look(context, k, part))


def scoped(lensed: Lensed, stream: int, pos: int, prompt: str, context: Context, **how: Any) -> Scoped:  # noqa: ANN401 - see `Patchscope.read`
    """A stream of the text, read by a prompt."""
    found: Scoped = INSPECTORS["patchscope"](lensed.lens).read(stream, pos, prompt, context, **how)
    return found
