"""Two prompts on their model's worker: an estimate of every cell at once, then exact rows, the most telling first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from xai_widgets.core.ask import Ask, NextToken, TargetChoice
from xai_widgets.core.context import Context
from xai_widgets.core.errors import TargetError
from xai_widgets.core.patching import Contrast, PatchGrid
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.scores import correlation
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.resolve import next_tokens, read

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter

EVERY: Final = 0.5
"""Seconds between two parts that are shown."""


@dataclass(frozen=True)
class Pair:
    """What was asked: two prompts, a direction and a number.

    Attributes:
        clean, corrupted: as typed.
        direction: `denoise` puts clean states into the corrupted pass, `noise` the reverse.
        part: what is exchanged; see `explainers.patching.activation_patching`.
        target, other: the number is the logit of the first, less that of the second. None: what the clean and what the corrupted
            prompt say next.
    """

    clean: Ask
    corrupted: Ask
    direction: Literal["denoise", "noise"] = "denoise"
    part: Literal["resid", "attn_out", "mlp_out", "head"] = "resid"
    target: TargetChoice = None
    other: TargetChoice = None


@dataclass(frozen=True, eq=False)
class Patched:
    """Two prompts whose states were exchanged, so far.

    Attributes:
        pair: what was asked. base, source: what the model read: the pass that is patched, and the one that states come from.
        grid, estimate: exact numbers as far as they were run, and attribution patching's.
        agreement: correlation of both over the cells that were run; NaN before.
        target, other: of the number. base_candidates, source_candidates: next tokens of both.
        patching: answers more. seconds: so far.
    """

    pair: Pair
    base: Tokens
    source: Tokens
    grid: PatchGrid
    estimate: PatchGrid
    agreement: float
    target: NextToken
    other: NextToken
    base_candidates: tuple[NextToken, ...]
    source_candidates: tuple[NextToken, ...]
    seconds: float
    patching: Any = field(repr=False)


class Exchanging(Looking[Pair, Patched]):
    """A conversation about two prompts; another part of the same two runs them no more."""

    def __init__(self, adapter: ModelAdapter, pair: Pair) -> None:
        """Nothing runs yet."""
        super().__init__(adapter, pair, self._exchange)

    def _exchange(self, pair: Pair, context: Context, on_part: Callable[[Patched], None] | None) -> Patched:
        before = self.seen
        same = before is not None and replace(before.pair, part=pair.part) == pair
        kept = before.patching if before and same and before.patching.fingerprint == self.adapter.fingerprint else None
        return look(self.adapter, pair, context, on_part, kept)


def look(
    adapter: ModelAdapter,
    pair: Pair,
    context: Context,
    on_part: Callable[[Patched], None] | None = None,
    kept: Any = None,  # noqa: ANN401 - the inspector
) -> Patched:
    """Estimate every cell, then run all rows. `on_part` is told of the estimate, and then of rows at most every `EVERY` seconds.

    `kept`: the inspector of a look at the same prompts.

    Raises:
        TargetError: both prompts say the same next, and no target was given. ValueRefusedError: nothing differs.
    """
    start = time.perf_counter()
    clean, corrupted = (read(adapter, ask)[0] for ask in (pair.clean, pair.corrupted))
    target, of_clean = next_tokens(adapter, clean, pair.target, context)
    other, of_corrupted = next_tokens(adapter, corrupted, pair.other, context)
    if target.id == other.id:
        raise TargetError(
            f"Both prompts say {target.text!r} next, so there is no difference to follow.",
            given=f"target {target.text!r} and contrast {other.text!r}", accepted="two different tokens",
            hint="give target= and contrast=, or prompts with different answers",
        )  # fmt: skip
    contrast = Contrast(target.id, other.id)
    asked = kept or INSPECTORS["activation_patching"](adapter, clean, corrupted, contrast, pair.direction)
    estimate = asked.estimate(context, pair.part)
    denoise = pair.direction == "denoise"
    values = np.full_like(estimate.values, np.nan)
    exact = np.zeros(len(values), dtype=bool)
    told = time.perf_counter()

    def patched() -> Patched:
        grid = replace(estimate, values=values.copy(), exact=exact.copy())
        return Patched(
            pair, asked.base, asked.source, grid, estimate, correlation(grid.values, estimate.values), target, other,
            *((of_corrupted, of_clean) if denoise else (of_clean, of_corrupted)), time.perf_counter() - start, asked,
        )  # fmt: skip

    def row(layer: int, numbers: np.ndarray) -> None:
        nonlocal told
        values[layer], exact[layer] = numbers, True
        if on_part is not None and time.perf_counter() - told > EVERY:
            on_part(patched())
            told = time.perf_counter()

    if on_part is not None:
        on_part(patched())
    spread = np.nan_to_num(np.abs(estimate.values - estimate.base)).max(axis=1)
    asked.grid(context, np.argsort(-spread).tolist(), row, pair.part)
    return patched()
