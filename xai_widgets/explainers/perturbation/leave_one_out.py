"""How much the explained number falls when one unit is taken away: leave-one-out, the default method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from xai_widgets.adapters.base import CapabilityName, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.explanation import Quality
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Attribution
from xai_widgets.explainers.gradient.points import has_gradient
from xai_widgets.explainers.perturbation.removal import Removal, RemovalMethod, count, score_all


@EXPLAINERS.register("leave_one_out")
@dataclass(frozen=True, kw_only=True)
class LeaveOneOut(RemovalMethod):
    """Score of a unit: the explained number on the full input minus the number without the unit, exact.

    Axes (target, pos). The unit is the quantity's (log_prob, logit, ...). Positive: the unit raises the number; without
    it the number is smaller. For `kl` against the unchanged input the scores are at most zero: any change moves away
    from it. Scores of different units don't add up to anything: two copies of a fact each score near zero.

    While it runs, a first-order estimate of the same differences is shown first (mode `replace`: gradient times the
    change of the embedding; of several rows only their sum), then exact scores as they come.

    Why a newline in its place is the default: on five BLiMP phenomena (221 sentences) with SmolLM2-135M-Instruct the word
    that decides grammar had a mean reciprocal rank of .728 with mode `delete`, .717 replaced by a newline, .696 replaced by
    " the" or by the pad token, .659 with mode `mask`; input x gradient .692, gradient norm .668, random scores .613 (each
    +-.04; `benchmarks/alignment.py --rows 60`). Deleting and a newline can't be told apart by that; a newline keeps all
    other positions where they are, works on a single unit, and has an estimate.

    Raises:
        ValueRefusedError: the replacement is not one token; or deleting would leave nothing.
        CapabilityError: mode `mask` on a model that doesn't honour an attention mask.

    Source: erasure, Li, Monroe and Jurafsky 2016 (arXiv 1612.08220); with a contrast, contrastive erasure, Yin and
    Neubig 2022 (arXiv 2202.10419), on differences of logits or log-probabilities rather than of probabilities.

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> question = ask(lm, "The capital of France is", target=" Paris")
    >>> LeaveOneOut().explain(lm, question).axes
    ('target', 'pos')
    """

    name: ClassVar[str] = "leave_one_out"
    title: ClassVar[str] = "Leave one out"
    family: ClassVar[str] = "perturbation"
    summary: ClassVar[str] = "what the number loses when a unit is taken away"
    reference: ClassVar[str] = "Li, Monroe, Jurafsky 2016, arXiv 1612.08220; Yin, Neubig 2022, arXiv 2202.10419"
    needs: ClassVar[tuple[CapabilityName, ...]] = ("logits",)
    good_at: ClassVar[str] = "exact for what it asks; needs no gradient; any unit"
    bad_at: ClassVar[str] = "blind where two units carry the same thing: without one, the other still does it"

    def work(self, adapter: ModelAdapter, question: Question) -> Cost:
        """One pass for each unit and one for the full input, each from the first position that changed."""
        windows = [(unit,) for unit in range(len(question.units))]
        return count(adapter, question, windows, deleted=self.mode == "delete")

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        """Score the full input and each variant; report an estimate first if anybody looks."""
        removal = self.removal(adapter, question)
        n_units = len(question.units)
        variants = [removal.without(()), *(removal.without((unit,)) for unit in range(n_units))]
        total = None
        if context.wants_partial and removal.replacements and has_gradient(adapter, question):
            total = first_order(adapter, question, removal, context)
            self._show(context, np.zeros((question.target.n_rows, n_units)), np.zeros(n_units, dtype=bool), total)

        def exact_so_far(values: np.ndarray, known: np.ndarray) -> None:
            if known[0]:
                self._show(context, (values[0] - values[1:]).T, known[1:], total)

        values = score_all(adapter, question, variants, context, exact_so_far if context.wants_partial else None)
        return Attribution(
            scores=(values[0] - values[1:]).T,
            values=values[0],
            baseline=removal.words,
            quality=Quality(exact=True),
            resolved=removal.resolved,
        )

    @staticmethod
    def _show(context: Context, differences: np.ndarray, known: np.ndarray, total: np.ndarray | None) -> None:
        """Exact scores where they are known, and the estimate of their sum elsewhere; of one row the sum is the row."""
        scores = np.where(known, differences, 0.0)
        if total is None:
            context.partial(scores, known)
        elif len(scores) == 1:
            context.partial(np.where(known, scores, total), known, estimate=True)
        else:
            context.partial(scores, known, estimate=True, total=np.where(known, scores.sum(0), total))


def first_order(adapter: ModelAdapter, question: Question, removal: Removal, context: Context) -> np.ndarray:
    """Estimate of the leave-one-out scores of all rows together: (embedding - replacement's) . gradient, [unit].

    Of the sum, because that takes one backward pass and not one a row: the exact scores of the rows are there sooner
    than their estimates would be worth.
    """
    together = replace(question, target=replace(question.target, each=False))
    here = adapter.embed([int(i) for i in question.tokens.ids])
    there = adapter.embed(removal.replacements)
    grads = adapter.gradient(together, here[None], context).grads[0, 0]
    per_token = ((here - there).float() * grads).sum(-1)
    return question.units.add_up(per_token.cpu().numpy().astype(np.float64))
