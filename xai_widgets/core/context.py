"""What a running method may do beside computing: report, show a partial answer, notice that it was cancelled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xai_widgets.core.errors import CancelledError


class Context:
    """Given to every method; without callbacks it is silent and never cancels, so a script needs none of it.

    Args:
        seed: seeds `rng`, the only source of random numbers a method may use.
        on_step: called with (done, total, note) between batches.
        on_partial: called with (scores, known, estimate): scores so far (axes as the final ones), a bool array of
            the last axis saying which entries are there, and whether they are an estimate of the exact ones.
        is_cancelled: asked at each step.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        on_step: Callable[[int, int, str], None] | None = None,
        on_partial: Callable[[np.ndarray, np.ndarray, bool], None] | None = None,
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

    def partial(self, scores: np.ndarray, known: np.ndarray | None = None, *, estimate: bool = False) -> None:
        """Show what is there so far."""
        if self._on_partial:
            known = np.ones(scores.shape[-1], dtype=bool) if known is None else known
            self._on_partial(scores.astype(np.float32), known, estimate)
