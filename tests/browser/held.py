"""A method that waits to be let go on, step by step, so that a test can look at what is shown meanwhile.

Imported in the kernel, it registers itself like any method from outside. It computes what leave-one-out computes:
nothing at first, then an estimate of half the size, then one exact score after the other.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import ClassVar

import ipywidgets
import numpy as np

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Attribution
from xai_widgets.explainers.perturbation.leave_one_out import LeaveOneOut
from xai_widgets.jobs import answering
from xai_widgets.jobs.cache import ByteCache

ENDLESS = 1_000_000


class Gate:
    """Lets through as many steps as it was told.

    Attributes:
        began, finished: texts of the inputs whose computation began, and of those that came to their end.
    """

    def __init__(self) -> None:
        self._allowed = ENDLESS
        self._changed = threading.Condition()
        self.began: list[str] = []
        self.finished: list[str] = []

    def close(self) -> None:
        """Hold everything from now on, and forget what was counted."""
        with self._changed:
            self._allowed = 0
            self.began.clear()
            self.finished.clear()

    def go(self, steps: int = ENDLESS) -> None:
        """Let this many more steps through."""
        with self._changed:
            self._allowed += steps
            self._changed.notify_all()

    def step(self, context: Context) -> None:
        """Wait for one's turn; raises as soon as the job is cancelled."""
        with self._changed:
            while not self._allowed:
                context.check()
                self._changed.wait(0.02)
            self._allowed -= 1


gate = Gate()


def tidy() -> None:
    """Leave the kernel as the next test wants it: no widgets, nothing held, no answer known beforehand."""
    ipywidgets.Widget.close_all()
    gate.go()
    answering.FINDINGS = ByteCache()


@EXPLAINERS.register("held")
@dataclass(frozen=True, kw_only=True)
class Held(LeaveOneOut):
    """Leave-one-out behind the gate."""

    name: ClassVar[str] = "held"
    title: ClassVar[str] = "Held"
    summary: ClassVar[str] = "leave one out that waits for the test"

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        gate.began.append(question.tokens.text)
        found = super().attribute(adapter, question, Context())
        n_units = len(question.units)
        context.step(0, n_units, "held")
        gate.step(context)
        context.partial(found.scores / 2, estimate=True)
        for done in range(1, n_units + 1):
            gate.step(context)
            known = np.arange(n_units) < done
            context.step(done, n_units, "held")
            context.partial(np.where(known, found.scores, found.scores / 2), known, estimate=True)
        gate.finished.append(question.tokens.text)
        return found
