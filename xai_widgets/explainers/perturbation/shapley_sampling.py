"""The fair share of each unit, estimated from random orders in which units come in, with the error of each score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xai_widgets.adapters.base import CapabilityName, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.explanation import Quality
from xai_widgets.core.methods import param
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Attribution
from xai_widgets.explainers.perturbation.removal import MODE_DOC, Removal, RemovalMethod, count, score_all


@EXPLAINERS.register("shapley_sampling")
@dataclass(frozen=True, kw_only=True)
class ShapleySampling(RemovalMethod):
    """Score of a unit: what it adds to the number when it comes in, averaged over random orders; with standard errors.

    Axes (target, pos). Unit: the quantity's. Positive: the unit raises the number. The scores of every single order, and
    so of the mean, add up to (number on the full input) - (number with every unit away). `quality.standard_error` is the
    error of each score against the exact Shapley value. The same seed draws the same orders. Special tokens take part
    like others.

    With `antithetic` each order is followed by its reverse, and the pair counts as one draw: the error is usually
    smaller for the same work. Orders are scored in rounds, so there is an estimate after the first few.

    Raises:
        CapabilityError: mode `mask` on a model that doesn't honour an attention mask.

    Source: Castro, Gomez and Tejada 2009; antithetic pairs: Mitchell et al. 2022 (arXiv 2104.12199).

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> found = ShapleySampling(n_samples=3).explain(lm, ask(lm, "The capital of France is"))
    >>> found.quality.standard_error.shape == found.scores.shape
    True
    """

    mode: str = param("replace", MODE_DOC, choices=("replace", "mask"))
    n_samples: int = param(25, "random orders (of pairs of orders, if antithetic)", at_least=2)
    antithetic: bool = param(False, "follow each order by its reverse")

    name: ClassVar[str] = "shapley_sampling"
    title: ClassVar[str] = "Shapley sampling"
    family: ClassVar[str] = "perturbation"
    summary: ClassVar[str] = "fair shares from random orders, with the error of each"
    reference: ClassVar[str] = "Castro, Gomez, Tejada 2009; Mitchell et al. 2022, arXiv 2104.12199"
    needs: ClassVar[tuple[CapabilityName, ...]] = ("logits",)
    good_at: ClassVar[str] = "units that carry the same thing share it; shares add up; works at any length"
    bad_at: ClassVar[str] = "one pass a unit and order; most of the inputs it scores look like no text"

    def work(self, adapter: ModelAdapter, question: Question) -> Cost:
        """One pass for each unit of each order; on average little of a prefix is shared, so all tokens are counted."""
        orders = self.n_samples * (2 if self.antithetic else 1)
        n = len(question.units)
        return count(adapter, question, [(0,)] * min(orders * max(n - 1, 0) + 1, 2**n))

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        """Draw all orders first, score them in rounds, average what each unit adds."""
        removal = self.removal(adapter, question)
        n = len(question.units)
        draws = [[context.rng.permutation(n)] for _ in range(self.n_samples)]
        if self.antithetic:
            draws = [[order, order[::-1]] for (order,) in draws]
        totals: list[np.ndarray] = []
        values: dict[frozenset[int], np.ndarray] = {}
        # every removed set of a round goes to the scorer in one call, which shares prefixes among them
        size = max(1, self.n_samples // 5)
        for first in range(0, self.n_samples, size):
            some = draws[first : first + size]
            part = _part(context, first, len(some), self.n_samples)
            self._fill(values, [order for draw in some for order in draw], removal, adapter, question, part)
            totals += [np.mean([_steps(order, values) for order in draw], axis=0) for draw in some]
            if len(totals) < self.n_samples:
                context.partial(np.mean(totals, axis=0), estimate=True)
        stacked = np.stack(totals)
        everything, nothing = values[frozenset()], values[frozenset(range(n))]
        scores = stacked.mean(0)
        return Attribution(
            scores=scores,
            values=everything,
            baseline=f"every unit {removal.words}",
            baseline_values=nothing,
            quality=Quality(
                exact=False,
                n_samples=self.n_samples,
                convergence_gap=tuple(np.abs(scores.sum(-1) - (everything - nothing)).tolist()),
                standard_error=stacked.std(0, ddof=1) / np.sqrt(self.n_samples),
            ),
            resolved=removal.resolved,
            draws=True,
        )

    @staticmethod
    def _fill(
        values: dict[frozenset[int], np.ndarray],
        orders: list[np.ndarray],
        removal: Removal,
        adapter: ModelAdapter,
        question: Question,
        context: Context,
    ) -> None:
        """Score the removed sets these orders pass through and that have no value yet."""
        wanted = [gone for order in orders for gone in _removed(order) if gone not in values]
        wanted = list(dict.fromkeys(wanted))
        if wanted:
            scored = score_all(adapter, question, [removal.without(gone) for gone in wanted], context)
            values.update(zip(wanted, scored, strict=True))


def _part(context: Context, before: int, size: int, total: int) -> Context:
    """A context for the scorer's calls of one round that reports to `context` in orders, not in inputs."""

    def cancelled() -> bool:
        context.check()  # raises if so
        return False

    return Context(
        context.seed,
        on_step=lambda done, of, _note: context.step(before + size * done // max(of, 1), total, "orders"),
        is_cancelled=cancelled,
    )


def _removed(order: np.ndarray) -> list[frozenset[int]]:
    """Sets of removed units as the units of an order come in: from all to none."""
    return [frozenset(int(unit) for unit in order[i:]) for i in range(len(order) + 1)]


def _steps(order: np.ndarray, values: dict[frozenset[int], np.ndarray]) -> np.ndarray:
    """What each unit adds in this order, [row, unit]."""
    sets = _removed(order)
    added = np.empty((len(values[sets[0]]), len(order)))
    for i, unit in enumerate(order):
        added[:, unit] = values[sets[i + 1]] - values[sets[i]]
    return added
