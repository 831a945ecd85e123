"""The fair share of each unit: its contribution averaged over every order in which units can come in, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import ClassVar, Final

import numpy as np

from xai_widgets.adapters.base import CapabilityName, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import CapabilityError
from xai_widgets.core.explanation import Quality
from xai_widgets.core.methods import param
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Attribution
from xai_widgets.explainers.perturbation.removal import MODE_DOC, RemovalMethod, count, score_all

MAX_UNITS: Final = 10
"""Most units for exact values: 1,024 inputs to score."""


@EXPLAINERS.register("shapley_values")
@dataclass(frozen=True, kw_only=True)
class ShapleyValues(RemovalMethod):
    """Score of a unit: what it adds to the number, averaged over all orders of bringing the units in, from none to all.

    Axes (target, pos). Unit: the quantity's. Positive: the unit raises the number. The scores add up exactly to (number
    on the full input) - (number with every unit away), which is the baseline value. Two units that carry the same thing
    share it equally. Special tokens take part like others.

    All 2^n inputs are scored, so at most 10 units: group the input by word, sentence or span, or sample.

    Raises:
        CapabilityError: more than 10 units (use `shapley_sampling`); mode `mask` without an honoured attention mask.

    Source: Shapley 1953; for attribution Strumbelj and Kononenko 2010, Lundberg and Lee 2017 (arXiv 1705.07874).

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> found = ShapleyValues().explain(lm, ask(lm, "Paris is in", target=" France"))
    >>> row = found.rows[0]
    >>> bool(abs(found.scores.sum() - (row.value - row.baseline_value)) < 1e-4)
    True
    """

    mode: str = param("replace", MODE_DOC, choices=("replace", "mask"))

    name: ClassVar[str] = "shapley_values"
    title: ClassVar[str] = "Shapley values"
    family: ClassVar[str] = "perturbation"
    summary: ClassVar[str] = f"fair shares, exact, for up to {MAX_UNITS} units"
    reference: ClassVar[str] = "Shapley 1953; Lundberg, Lee 2017, arXiv 1705.07874"
    needs: ClassVar[tuple[CapabilityName, ...]] = ("logits",)
    good_at: ClassVar[str] = "units that carry the same thing share it; shares add up exactly"
    bad_at: ClassVar[str] = "doubles with every unit; most of the inputs it scores look like no text"

    def work(self, adapter: ModelAdapter, question: Question) -> Cost:
        """One pass for every set of units."""
        _refuse_many(len(question.units))
        n = len(question.units)
        # of the sets whose first unit away is u there are 2^(n - 1 - u)
        return count(adapter, question, [(unit,) for unit in range(n) for _ in range(2 ** (n - 1 - unit))])

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        """Score all sets, then weigh the steps between them."""
        n = len(question.units)
        _refuse_many(n)
        removal = self.removal(adapter, question)
        everything = frozenset(range(n))
        present = [frozenset(some) for size in range(n + 1) for some in combinations(range(n), size)]
        values = score_all(adapter, question, [removal.without(everything - some) for some in present], context)
        value_of = dict(zip(present, values, strict=True))
        scores = np.zeros((question.target.n_rows, n))
        for unit in range(n):
            for some in present:
                if unit not in some:
                    scores[:, unit] += (value_of[some | {unit}] - value_of[some]) / (n * comb(n - 1, len(some)))
        return Attribution(
            scores=scores,
            values=value_of[everything],
            baseline=f"every unit {removal.words}",
            baseline_values=value_of[frozenset()],
            quality=Quality(
                exact=True,
                convergence_gap=tuple(np.abs(scores.sum(-1) - (value_of[everything] - value_of[frozenset()])).tolist()),
            ),
            resolved=removal.resolved,
        )


def _refuse_many(n_units: int) -> None:
    if n_units > MAX_UNITS:
        raise CapabilityError(
            f"shapley_values for {n_units} units",
            reason=f"it would score 2^{n_units} inputs; the limit is {MAX_UNITS} units",
            hint="use method='shapley_sampling', or larger units: unit='word', unit='sentence' or unit='spans'",
        )
