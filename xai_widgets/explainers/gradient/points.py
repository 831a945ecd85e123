"""At which embeddings gradients are taken, and how they come back in batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import Gradient, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import CapabilityError
from xai_widgets.core.targets import Question


def flat_at_input(question: Question) -> bool:
    """Whether the number has no slope at the input by definition: KL of a distribution from itself."""
    return question.target.quantity == "kl" and question.target.reference is None


def has_gradient(adapter: ModelAdapter, question: Question) -> bool:
    """Whether a gradient of this number can be taken and says something."""
    works = "gradients" in adapter.capabilities and adapter.capabilities["gradients"].works
    return works and not flat_at_input(question)


def require_slope(question: Question) -> None:
    """Raise `CapabilityError` for a number whose gradient is zero by definition."""
    if flat_at_input(question):
        raise CapabilityError(
            "A gradient of kl without a reference",
            reason="the divergence of the input's own distribution from itself is at its minimum, so every gradient is zero",
            hint="give a reference text, use quantity='entropy', or a perturbation method such as leave_one_out",
        )


def own_embeddings(adapter: ModelAdapter, question: Question) -> Tensor:
    """Embeddings of the input, float32 [pos, d_model]."""
    return adapter.embed([int(i) for i in question.tokens.ids]).float()


def normal(context: Context, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Standard normal draws from the context's generator, on the device of `like`."""
    return torch.from_numpy(context.rng.standard_normal(shape).astype(np.float32)).to(like.device)


def in_batches(
    adapter: ModelAdapter, question: Question, points: Tensor, context: Context, what: str
) -> Iterator[tuple[slice, Gradient]]:
    """Gradients at `points` [step, pos, d_model], a batch at a time, with the steps each batch covers."""
    size = max(1, adapter.steps_per_batch(question))
    total = len(points)
    for start in range(0, total, size):
        context.step(start, total, what)
        part = slice(start, min(start + size, total))
        yield part, adapter.gradient(question, points[part], context)
    context.step(total, total, what)


def count(adapter: ModelAdapter, question: Question, steps: int, forward_only: int = 0) -> Cost:
    """Cost of `steps` gradients of all rows and `forward_only` more forward passes; refuses what has no slope."""
    require_slope(question)
    return adapter.gradient_cost(question, steps, forward_only)


class Mean:
    """Running mean and standard error of arrays that come in batches along axis 1 ([row, step, unit])."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.n = 0
        self._mean: np.ndarray | None = None
        self._squares: np.ndarray | None = None

    def add(self, batch: np.ndarray) -> None:
        """Take in [row, step, unit]; Welford's update, so large means lose no digits of small spreads."""
        for i in range(batch.shape[1]):
            value = batch[:, i].astype(np.float64)
            self.n += 1
            if self._mean is None or self._squares is None:
                self._mean, self._squares = value.copy(), np.zeros_like(value)
                continue
            delta = value - self._mean
            self._mean += delta / self.n
            self._squares += delta * (value - self._mean)

    @property
    def mean(self) -> np.ndarray:
        """Mean so far, [row, unit]."""
        assert self._mean is not None
        return self._mean

    @property
    def standard_error(self) -> np.ndarray | None:
        """Standard error of the mean, [row, unit]; None below two draws."""
        if self._squares is None or self.n < 2:
            return None
        return np.sqrt(self._squares / (self.n - 1) / self.n)
