"""First-order share of each unit: its embedding times the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.gradient.local import LocalGradient, add_up


@EXPLAINERS.register("input_x_gradient")
@dataclass(frozen=True, kw_only=True)
class InputXGradient(LocalGradient):
    """Score of a unit: its embeddings times the derivative of the explained number by them, summed.

    Axes (target, pos). Unit: the quantity's. Positive: to first order, shrinking the unit's embedding towards zero
    lowers the number. The scores of tokens in a unit add up. Special tokens have a score like any other.

    Offered because people know it, never a default: its published agreement with linguistic evidence is at or below
    random (GPT-2; Ferrando et al. 2023, arXiv 2305.12535), and zero is no neutral embedding. On SmolLM2-135M it did better
    than that: mean reciprocal rank .692 against .613 for random scores (`benchmarks/alignment.py`, 221 sentences, +-.04).

    Raises:
        CapabilityError: the model gives no gradients; or `kl` without a reference, whose gradient is zero.

    Source: Shrikumar et al. 2017 (arXiv 1605.01713).

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> InputXGradient().explain(lm, ask(lm, "The capital of France is")).unit
    'log_prob'
    """

    name: ClassVar[str] = "input_x_gradient"
    title: ClassVar[str] = "Input x gradient"
    family: ClassVar[str] = "gradient"
    summary: ClassVar[str] = "embedding times gradient: a first-order share with a sign"
    reference: ClassVar[str] = "Shrikumar et al. 2017, arXiv 1605.01713"
    good_at: ClassVar[str] = "exact for a linear model; one forward and one backward pass"
    bad_at: ClassVar[str] = "the sign is often noise in a language model; zero where the model is saturated"

    def read(self, grads: Tensor, points: Tensor, question: Question) -> np.ndarray:
        """Product summed over d_model and the unit's positions."""
        return add_up((grads * points.to(grads)).sum(-1), question)
