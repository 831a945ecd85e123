"""One text's lens on its model's worker: the last position at once, the others as they come."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.context import Context
from xai_widgets.core.lens import LensGrid
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.resolve import read

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter

BEST: Final = 5
"""Tokens of a cell that are there without being asked for, in a text of ordinary length."""
CELLS: Final = 1 << 18
"""Tokens of all cells together, at most: 2 MB of ids and probabilities."""
EVERY: Final = 0.5
"""Seconds between two parts that are shown."""
N_CANDIDATES: Final = 10


@dataclass(frozen=True, eq=False)
class Lensed:
    """A text that was read through the lens, so far.

    Attributes:
        ask: what was typed. tokens: what the model read. grid: every cell. texts: how each id in it is written.
        candidates: next tokens. lens: answers more.
    """

    ask: Ask
    tokens: Tokens
    grid: LensGrid
    texts: dict[int, str]
    candidates: tuple[NextToken, ...]
    lens: Any = field(repr=False)


def reading(adapter: ModelAdapter, ask: Ask) -> Looking[Ask, Lensed]:
    """A conversation about one text's lens; nothing runs yet."""
    return Looking(adapter, ask, lambda ask, context, on_part: look(adapter, ask, context, on_part))


def look(adapter: ModelAdapter, ask: Ask, context: Context, on_part: Callable[[Lensed], None] | None = None) -> Lensed:
    """Read a text through the lens. `on_part` is told of the last position, and then of the rest at most every `EVERY` seconds."""
    tokens, _ = read(adapter, ask)
    lens = INSPECTORS["logit_lens"](adapter, tokens)
    k = max(1, min(BEST, CELLS // max(1, len(tokens) * (adapter.n_layers + 1))))
    texts: dict[int, str] = {}
    candidates: tuple[NextToken, ...] = ()
    told = 0.0

    def lensed(grid: LensGrid) -> Lensed:
        nonlocal candidates
        for token in np.unique(grid.top).tolist():
            if token >= 0 and token not in texts:
                texts[token] = adapter.token_text(token)
        if not candidates:
            last = lens.cell(len(grid.streams) - 1, len(tokens) - 1, N_CANDIDATES, Context())
            candidates = tuple(NextToken(c.id, c.text, c.prob, c.logit) for c in last)
        return Lensed(ask, tokens, grid, dict(texts), candidates, lens)

    def part(grid: LensGrid) -> None:
        nonlocal told
        if on_part is not None and time.perf_counter() - told > EVERY:
            on_part(lensed(grid))
            told = time.perf_counter()

    return lensed(lens.look(context, k, part))
