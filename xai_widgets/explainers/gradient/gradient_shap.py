"""Shares of the change from random baselines to the input, by gradients at random places between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from xai_widgets.adapters.base import CapabilityName, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.explanation import Quality
from xai_widgets.core.methods import param
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Attribution, Explainer
from xai_widgets.explainers.gradient.baselines import BASELINE_DOC, baseline, random_tokens
from xai_widgets.explainers.gradient.local import NOISE_DOC, add_up
from xai_widgets.explainers.gradient.points import Mean, count, in_batches, normal, own_embeddings, require_slope


@EXPLAINERS.register("gradient_shap")
@dataclass(frozen=True, kw_only=True)
class GradientShap(Explainer):
    """Score of a unit: mean over draws of gradient x (input - baseline) at a random place between the two.

    Axes (target, pos). Unit: the quantity's. Positive: going from the baselines to the input at this unit raises the
    number. Each draw has its own baseline, its own noise on the input and one place, uniform on the line between them.
    In the mean over draws the scores add up to (number on the input) - (mean number on the baselines), apart from the
    noise; `quality.convergence_gap` is by how much they miss that, `quality.standard_error` the error of each score.
    The same seed gives the same scores. Special tokens have scores like any other.

    Raises:
        ValueRefusedError: a baseline that is no single token, or "pad" without a pad token.
        CapabilityError: the model gives no gradients; or `kl` without a reference, whose gradient is zero.

    Source: Lundberg and Lee 2017 (arXiv 1705.07874) and the shap package's GradientExplainer (expected gradients, Erion
    et al. 2021, arXiv 1906.10670), with noise on the input as in captum's GradientShap.

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> GradientShap(n_samples=4).explain(lm, ask(lm, "The capital of France is")).quality.n_samples
    4
    """

    n_samples: int = param(32, "draws of a baseline, a noise and a place", at_least=2)
    baseline: str = param("random", BASELINE_DOC + '; "random" draws tokens of the vocabulary')
    noise: float = param(0.0, NOISE_DOC, at_least=0.0)

    name: ClassVar[str] = "gradient_shap"
    title: ClassVar[str] = "Gradient SHAP"
    family: ClassVar[str] = "gradient"
    summary: ClassVar[str] = "shares of the change from random baselines to the input"
    reference: ClassVar[str] = "Lundberg, Lee 2017, arXiv 1705.07874; Erion et al. 2021, arXiv 1906.10670"
    needs: ClassVar[tuple[CapabilityName, ...]] = ("gradients",)
    good_at: ClassVar[str] = "does not hang on one baseline; each score comes with its error"
    bad_at: ClassVar[str] = "random error falls only with the root of the draws"

    def work(self, adapter: ModelAdapter, question: Question) -> Cost:
        """One gradient a draw, and the numbers at the input and at the baselines."""
        return count(
            adapter, question, self.n_samples, forward_only=1 + (self.n_samples if self.baseline == "random" else 1)
        )

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        """Draw everything first, in the order baselines, noise, places; then take the gradients in batches."""
        require_slope(question)
        here = own_embeddings(adapter, question)
        if self.baseline == "random":
            absent = random_tokens(adapter, question, self.n_samples, context)
        else:
            absent = baseline(adapter, question, self.baseline)
        starts = absent.embeddings.expand(self.n_samples, *here.shape)
        ends = here.expand_as(starts)
        if self.noise:
            ends = ends + self.noise * here.std() * normal(context, tuple(starts.shape), here)
        at = torch.as_tensor(context.rng.uniform(size=self.n_samples), dtype=torch.float32, device=here.device)
        points = starts + at[:, None, None] * (ends - starts)

        mean = Mean()
        for part, gradient in in_batches(adapter, question, points, context, "draws"):
            mean.add(add_up((gradient.grads * (ends - starts)[part]).sum(-1), question))
            if mean.n < self.n_samples:
                context.partial(mean.mean, estimate=True)
        value = adapter.value(question, context).astype(np.float64)
        bases = starts if self.baseline == "random" else starts[:1]
        base_value = self._mean_value(adapter, question, bases, context)
        return Attribution(
            scores=mean.mean,
            values=value,
            baseline=absent.words,
            baseline_values=base_value,
            quality=Quality(
                exact=False,
                convergence_gap=tuple(np.abs(mean.mean.sum(-1) - (value - base_value)).tolist()),
                n_samples=self.n_samples,
                standard_error=mean.standard_error,
            ),
            draws=True,
        )

    @staticmethod
    def _mean_value(adapter: ModelAdapter, question: Question, bases: torch.Tensor, context: Context) -> np.ndarray:
        size = max(1, adapter.steps_per_batch(question))
        parts = [adapter.values_at(question, bases[i : i + size], context) for i in range(0, len(bases), size)]
        return torch.cat(parts, dim=1).double().mean(1).cpu().numpy()
