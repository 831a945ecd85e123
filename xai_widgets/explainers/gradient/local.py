"""Gradient at the input itself, or averaged over noisy copies of it (SmoothGrad)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from xai_widgets.adapters.base import CapabilityName, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.explanation import Quality
from xai_widgets.core.methods import param
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Attribution, Explainer
from xai_widgets.explainers.gradient.points import Mean, count, in_batches, normal, own_embeddings, require_slope

SMOOTH_DOC = "noisy copies of the input to average over (SmoothGrad); 0 takes the input itself"
NOISE_DOC = "standard deviation of that noise, as a share of the spread of the input's embeddings"


@dataclass(frozen=True, kw_only=True)
class LocalGradient(Explainer):
    """Base of methods that read the gradient where the input is; a subclass says what it makes of it.

    With `smooth` > 0 the scores are the mean over that many copies of the input's embeddings with normal noise of
    standard deviation `noise` x (standard deviation of all entries of the input's embeddings): SmoothGrad, Smilkov et
    al. 2017 (arXiv 1706.03825), which scales by the range of pixel values instead; embeddings have no range. The mean
    is over scores, not over gradients, as in captum's NoiseTunnel.
    """

    smooth: int = param(0, SMOOTH_DOC, at_least=0)
    noise: float = param(0.1, NOISE_DOC, at_least=0.0)

    needs: ClassVar[tuple[CapabilityName, ...]] = ("gradients",)

    @abstractmethod
    def read(self, grads: Tensor, points: Tensor, question: Question) -> np.ndarray:
        """Scores [row, step, unit] from grads [row, step, pos, d_model] at points [step, pos, d_model]."""

    def work(self, adapter: ModelAdapter, question: Question) -> Cost:
        """One gradient; with smoothing one for each copy, and the value at the input."""
        return count(adapter, question, max(self.smooth, 1), forward_only=int(self.smooth > 0))

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        """Take the gradients and average what is read from them."""
        require_slope(question)
        here = own_embeddings(adapter, question)
        points = here[None]
        if self.smooth:
            points = here + self.noise * here.std() * normal(context, (self.smooth, *here.shape), here)
        found, values = Mean(), None
        for part, gradient in in_batches(adapter, question, points, context, "gradients"):
            found.add(self.read(gradient.grads, points[part], question))
            values = gradient.values[:, 0]
            if self.smooth and found.n < self.smooth:
                context.partial(found.mean, estimate=True)
        assert values is not None
        return Attribution(
            scores=found.mean,
            values=adapter.value(question, context) if self.smooth else values.cpu().numpy(),
            quality=Quality(exact=not self.smooth, n_samples=self.smooth or None, standard_error=found.standard_error),
            draws=self.smooth > 0,
        )


def add_up(per_token: Tensor, question: Question) -> np.ndarray:
    """Sum over the positions of each unit: [..., pos] to float64 [..., unit]."""
    return question.units.add_up(per_token.cpu().numpy().astype(np.float64))
