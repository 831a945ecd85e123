"""What reaches the predicting position through all layers, if attention were all: the product of the maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.methods import param
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.explainers.attention.along import AlongAttention
from xai_widgets.explainers.attention.paths import RESIDUAL_DOC, rollout


@EXPLAINERS.register("attention_rollout")
@dataclass(frozen=True, kw_only=True)
class AttentionRollout(AlongAttention):
    """Score of a unit: its share in the predicting position by rollout, (1 - residual) A + residual I multiplied over all layers.

    Axes (target, pos); unit weight; rows sum to 1 where the maps' rows do. A is the mean over heads; values, MLPs and
    the output are not looked at.

    Source: Abnar and Zuidema 2020 (arXiv 2005.00928). Deviation: only rows of the predicting positions are multiplied,
    so no map is held.

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> round(float(AttentionRollout().explain(lm, ask(lm, "The capital of France is")).scores.sum()), 3)
    1.0
    """

    residual: float = param(0.5, RESIDUAL_DOC, at_least=0.0, at_most=1.0)

    name: ClassVar[str] = "attention_rollout"
    title: ClassVar[str] = "Attention rollout"
    summary: ClassVar[str] = "what reaches the predicting position through all layers of attention"
    reference: ClassVar[str] = "Abnar, Zuidema 2020, arXiv 2005.00928"
    good_at: ClassVar[str] = "all layers in one picture, at the price of a pass"

    def read(self, adapter: ModelAdapter, ids: list[int], at: list[int], context: Context) -> np.ndarray:
        """The first level of the product."""
        return rollout(adapter, ids, at, context, residual=self.residual)[:, 0]
