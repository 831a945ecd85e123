"""How much fits from each token to the predicting position through the layers' attention: a largest flow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.methods import param
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.attention.along import AlongAttention
from xai_widgets.explainers.attention.paths import RESIDUAL_DOC, SECONDS_AN_EDGE, flow


@EXPLAINERS.register("attention_flow")
@dataclass(frozen=True, kw_only=True)
class AttentionFlow(AlongAttention):
    """Score of a unit: the largest flow from its positions to the predicting one, weights as capacities.

    Axes (target, pos); unit weight; at most 1 a position, and not a share: rows don't sum to 1. The graph is that of
    `attention_rollout`. For short texts: the graph has layers x positions squared / 2 edges, and each position is a run.

    Raises:
        ValueRefusedError: the text is too long for it; how long it may be is said.

    Source: Abnar and Zuidema 2020 (arXiv 2005.00928).

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> bool((AttentionFlow().explain(lm, ask(lm, "The capital of France is")).scores <= 1.0001).all())
    True
    """

    residual: float = param(0.5, RESIDUAL_DOC, at_least=0.0, at_most=1.0)

    name: ClassVar[str] = "attention_flow"
    title: ClassVar[str] = "Attention flow"
    summary: ClassVar[str] = "how much fits from a token to the predicting position through all layers"
    reference: ClassVar[str] = "Abnar, Zuidema 2020, arXiv 2005.00928"
    good_at: ClassVar[str] = "finds a token that many paths lead from"

    def cost(self, adapter: ModelAdapter, question: Question) -> Cost:
        """With the time of the flows themselves, which is most of it."""
        cost = super().cost(adapter, question)
        length = question.n_pos + len(question.target.ids) - 1
        graph = adapter.n_layers * length**2 / 2 * length * len(question.target.ids) * SECONDS_AN_EDGE
        return cost if cost.seconds is None else replace(cost, seconds=cost.seconds + graph)

    def read(self, adapter: ModelAdapter, ids: list[int], at: list[int], context: Context) -> np.ndarray:
        """A flow for each position of the input."""
        return flow(adapter, ids, at, context, residual=self.residual)
