"""Where attention goes from the positions that predict, as scores of an input: what its three methods share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xai_widgets.adapters.base import CapabilityName, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.explanation import Quality
from xai_widgets.core.targets import Question
from xai_widgets.explainers.attention.rows import CPU_NUMBERS
from xai_widgets.explainers.base import Attribution, Explainer

NO_PROOF = "attention says where the model looks, not what depends on it: turn the head or the token off to see that"


@dataclass(frozen=True, kw_only=True)
class AlongAttention(Explainer):
    """Base: scores [row, unit] from the position that predicts each target token, over the input's positions.

    They are the same for every token the model may say there, and take no account of a contrast. For a span, what a later target token
    gives to earlier ones is not shown.
    """

    needs: ClassVar[tuple[CapabilityName, ...]] = ("attention",)
    family: ClassVar[str] = "attention"
    signed: ClassVar[bool] = False
    bad_at: ClassVar[str] = NO_PROOF

    @abstractmethod
    def read(self, adapter: ModelAdapter, ids: list[int], at: list[int], context: Context) -> np.ndarray:
        """Scores [at, pos] over all of `ids`."""

    def unit(self, question: Question) -> str:
        """A share of attention."""
        return "weight"

    def work(self, adapter: ModelAdapter, question: Question) -> Cost:
        """One pass to look, one for the explained number; queries, keys and values of all layers are kept meanwhile."""
        length = question.n_pos + len(question.target.ids) - 1
        kept = 3 * 4 * length * adapter.d_model * adapter.n_layers
        return Cost(passes=2, tokens=2 * length, peak_bytes=kept + 2 * 4 * CPU_NUMBERS)

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        """Read the weights of the predicting positions; rows of one number for a span are added up."""
        ids = [*question.tokens.ids.tolist(), *question.target.ids[:-1]]
        found = self.read(adapter, ids, list(range(question.n_pos - 1, len(ids))), context)[:, : question.n_pos]
        by_unit = question.units.add_up(found.astype(np.float64))
        return Attribution(
            scores=by_unit if question.target.each else by_unit.sum(0, keepdims=True),
            values=adapter.value(question, context),
            quality=Quality(exact=True),
        )
