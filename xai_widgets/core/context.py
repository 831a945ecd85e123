"""What a running method may do beside computing: report, show a partial answer, notice that it was cancelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xai_widgets.core.errors import CancelledError


@dataclass(frozen=True)
class Partial:
    """What is there of an answer that is still being worked out.

    Attributes:
        scores: float32 [row, unit], axes as the final ones.
        known: bool [unit], which entries are final.
        estimate: whether the other entries are estimates of the final ones; else they mean nothing.
        total: float32 [unit], the sum over rows, where it can be estimated before its rows can: then only the sum is an
            estimate, and entries of rows that are not known mean nothing. None: the rows add up to it.
    """

    scores: np.ndarray
    known: np.ndarray
    estimate: bool = False
    total: np.ndarray | None = None


class Context:
    """Given to every method; without callbacks it is silent and never cancels, so a script needs none of it.

    Args:
        seed: seeds `rng`, the only source of random numbers a method may use.
        on_step: called with (done, total, note) between batches.
        on_partial: called with each `Partial` answer.
        is_cancelled: asked at each step.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        on_step: Callable[[int, int, str], None] | None = None,
        on_partial: Callable[[Partial], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> None:
        """Keep the callbacks and seed the generator."""
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self._on_step, self._on_partial, self._is_cancelled = on_step, on_partial, is_cancelled

    @property
    def wants_partial(self) -> bool:
        """Whether anybody looks at partial answers (an estimate for nobody is wasted work)."""
        return self._on_partial is not None

    def step(self, done: int, total: int, note: str = "") -> None:
        """Report and go on; raises `CancelledError` if nobody wants the answer any more."""
        self.check()
        if self._on_step:
            self._on_step(done, total, note)

    def check(self) -> None:
        """Raise `CancelledError` if cancelled."""
        if self._is_cancelled and self._is_cancelled():
            raise CancelledError

    def partial(
        self,
        scores: np.ndarray,
        known: np.ndarray | None = None,
        *,
        estimate: bool = False,
        total: np.ndarray | None = None,
    ) -> None:
        """Show what is there so far; see `Partial`. `known` left out: nothing is final."""
        if self._on_partial:
            known = np.zeros(scores.shape[-1], dtype=bool) if known is None else known.copy()
            total = None if total is None else total.astype(np.float32)
            self._on_partial(Partial(scores.astype(np.float32), known, estimate, total))
