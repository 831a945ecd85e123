"""How the change from a baseline to the input divides among the units: gradients added up along the straight path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import CapabilityName, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.explanation import Quality
from xai_widgets.core.methods import param
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Attribution, Explainer
from xai_widgets.explainers.gradient.baselines import BASELINE_DOC, baseline
from xai_widgets.explainers.gradient.local import NOISE_DOC, SMOOTH_DOC
from xai_widgets.explainers.gradient.points import Mean, count, normal, own_embeddings, require_slope
from xai_widgets.explainers.gradient.quadrature import RULES, nodes, spread_order


@EXPLAINERS.register("integrated_gradients")
@dataclass(frozen=True, kw_only=True)
class IntegratedGradients(Explainer):
    """Score of a unit: its share of (number on the input) - (number on the baseline), by gradients along the path.

    Axes (target, pos). Unit: the quantity's. Positive: going from baseline to input at this unit raises the number. The
    scores of all units add up to the difference of the two numbers, up to `quality.convergence_gap`, which is measured
    against the model at the baseline itself, for every row. Special tokens are moved along the path like the others and
    have scores.

    Look at the gap before the scores. On SmolLM2-135M the number moves in narrow spikes along the path (by half of the
    whole change within 1/256 of it): on three short prompts and four baselines 32 places missed the change by 0.29 to 40
    times its size, and on one of them 512 places still did. That is the model, not the rule of integration.

    The places on the path are visited in an order that covers it early, so the running estimate is of use at once.
    With `smooth` > 0 it is the mean over noisy copies of the input (see `gradient.local`); the sum then belongs to the
    noisy inputs and the gap, still against the input itself, says by how much.

    Raises:
        ValueRefusedError: a baseline that is no single token, or "pad" without a pad token.
        CapabilityError: the model gives no gradients; or `kl` without a reference, whose gradient is zero.

    Source: Sundararajan, Taly and Yan 2017 (arXiv 1703.01365); rules of integration as in captum.

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> found = IntegratedGradients(n_steps=64).explain(lm, ask(lm, "The capital of France is", target=" Paris"))
    >>> row = found.rows[0]
    >>> bool(abs(found.scores.sum() - (row.value - row.baseline_value)) <= found.quality.convergence_gap[0] + 1e-5)
    True
    """

    n_steps: int = param(32, "places on the path at which the gradient is taken", at_least=2)
    baseline: str = param("zero", BASELINE_DOC)
    rule: str = param("gausslegendre", "how the places are chosen and weighted", choices=RULES)
    smooth: int = param(0, SMOOTH_DOC, at_least=0)
    noise: float = param(0.1, NOISE_DOC, at_least=0.0)

    name: ClassVar[str] = "integrated_gradients"
    title: ClassVar[str] = "Integrated gradients"
    family: ClassVar[str] = "gradient"
    summary: ClassVar[str] = "shares of the change from a baseline to the input"
    reference: ClassVar[str] = "Sundararajan, Taly, Yan 2017, arXiv 1703.01365"
    needs: ClassVar[tuple[CapabilityName, ...]] = ("gradients",)
    good_at: ClassVar[str] = (
        "the shares add up to a real difference, and it says by how much they miss; sees past saturation"
    )
    bad_at: ClassVar[str] = (
        "depends on the baseline; the path runs through embeddings that no text has, and where the model is steep there "
        "the shares don't add up: look at the gap first"
    )

    def work(self, adapter: ModelAdapter, question: Question) -> Cost:
        """One gradient for each place (and noisy copy), and the numbers at both ends."""
        return count(adapter, question, self.n_steps * max(self.smooth, 1), forward_only=2)

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        """Walk the path in batches, the numbers at both ends first, so that the gap is known all along."""
        require_slope(question)
        here = own_embeddings(adapter, question)
        absent = baseline(adapter, question, self.baseline)
        values = adapter.values_at(question, torch.stack([here, absent.embeddings]), context)
        value, base_value = values.cpu().numpy().astype(np.float64).T
        change = value - base_value

        mean = Mean()
        copies = max(self.smooth, 1)
        scale = self.noise * here.std()
        for copy in range(copies):
            end = here + scale * normal(context, tuple(here.shape), here) if self.smooth else here
            context.step(copy * self.n_steps, copies * self.n_steps, "path")
            for done, running in self._walk(adapter, question, absent.embeddings, end, context):
                if done == self.n_steps:
                    mean.add(running[:, None])
                shown = mean.mean if mean.n else running
                gap = float(np.abs(shown.sum(-1) - change).max())
                context.step(copy * self.n_steps + done, copies * self.n_steps, f"completeness gap so far {gap:.3g}")
                context.partial(shown, estimate=True)
        scores = mean.mean
        return Attribution(
            scores=scores,
            values=value,
            baseline=absent.words,
            baseline_values=base_value,
            quality=Quality(
                exact=False,
                convergence_gap=tuple(float(g) for g in np.abs(scores.sum(-1) - change)),
                n_samples=self.smooth or None,
                standard_error=mean.standard_error,
            ),
            draws=self.smooth > 0,
        )

    def _walk(
        self, adapter: ModelAdapter, question: Question, start: Tensor, end: Tensor, context: Context
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Places done and scores [row, unit] so far, after each batch; the last ones are the integral."""
        places, weights = nodes(self.rule, self.n_steps)
        order = spread_order(self.n_steps)
        path = end - start
        total = np.zeros((question.target.n_rows, question.n_pos))
        weighed = 0.0
        size = max(1, adapter.steps_per_batch(question))
        for first in range(0, self.n_steps, size):
            context.check()
            chosen = order[first : first + size]
            at = torch.as_tensor(places[chosen], dtype=torch.float32, device=path.device)
            grads = adapter.gradient(question, start + at[:, None, None] * path, context).grads
            slopes = torch.einsum("rspd,pd->rsp", grads, path).cpu().numpy().astype(np.float64)
            total += np.einsum("rsp,s->rp", slopes, weights[chosen])
            weighed += float(weights[chosen].sum())
            done = min(first + size, self.n_steps)
            # while places are missing, those there stand for all
            share = 1.0 if done == self.n_steps else float(weights.sum()) / weighed
            yield done, question.units.add_up(total * share)
