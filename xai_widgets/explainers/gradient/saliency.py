"""The classic saliency map: magnitudes of the gradient, summed over the embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.gradient.local import LocalGradient, add_up


@EXPLAINERS.register("saliency")
@dataclass(frozen=True, kw_only=True)
class Saliency(LocalGradient):
    """Score of a unit: magnitudes of the derivative of the explained number, summed over its embeddings' entries.

    Axes (target, pos). Unit: the quantity's per unit of embedding. Never negative. The numbers are those of captum's
    Saliency summed over the embedding, and of `gradient_norm` with `norm="l1"`; it is listed because people look for it
    by this name. A unit of several tokens has the sum over them. Special tokens have a score like any other.

    Raises:
        CapabilityError: the model gives no gradients; or `kl` without a reference, whose gradient is zero.

    Source: Simonyan, Vedaldi and Zisserman 2014 (arXiv 1312.6034), there with the maximum over colours.

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> Saliency().explain(lm, ask(lm, "The capital of France is")).signed
    False
    """

    name: ClassVar[str] = "saliency"
    title: ClassVar[str] = "Saliency"
    family: ClassVar[str] = "gradient"
    summary: ClassVar[str] = "magnitudes of the gradient, summed over the embedding"
    reference: ClassVar[str] = "Simonyan, Vedaldi, Zisserman 2014, arXiv 1312.6034"
    signed: ClassVar[bool] = False
    good_at: ClassVar[str] = "one forward and one backward pass"
    bad_at: ClassVar[str] = "no direction; zero where the model is saturated, however much the unit matters"

    def unit(self, question: Question) -> str:
        """The quantity for each unit of embedding."""
        return f"{question.target.unit} / embedding"

    def read(self, grads: Tensor, points: Tensor, question: Question) -> np.ndarray:
        """Sum of magnitudes over d_model and the unit's positions."""
        return add_up(grads.abs().sum(-1), question)
