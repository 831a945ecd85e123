"""What every attribution method is: a frozen set of parameters that turns a question into an explanation."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np

from xai_widgets.adapters.base import CapabilityName, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import ModelError
from xai_widgets.core.explanation import Explanation, Quality, Row
from xai_widgets.core.methods import check_params, make, param_values
from xai_widgets.core.provenance import Provenance
from xai_widgets.core.targets import Question


@dataclass(frozen=True)
class Attribution:
    """The numbers a method found, before they are named and dated.

    Attributes:
        scores: float array [row, unit]. values: the explained number of each row on the input as it is.
        baseline: what "absent" meant, in words. baseline_values: the explained number there, by row.
        quality: how right the scores are. resolved: parameters that were chosen while running (a replacement token).
        draws: whether random numbers were used.
    """

    scores: np.ndarray
    values: np.ndarray
    baseline: str | None = None
    baseline_values: np.ndarray | None = None
    quality: Quality = field(default_factory=Quality)
    resolved: dict[str, Any] = field(default_factory=dict)
    draws: bool = False


@dataclass(frozen=True, kw_only=True)
class Explainer(ABC):
    """An attribution method with its parameters.

    A subclass is a frozen keyword-only dataclass whose fields are `core.methods.param(default, doc)`. It sets the class
    attributes below, implements `attribute` and `work`, and registers itself under its `name`, which is also the stem of
    its file and its class name in snake case. Its scores have the axes (target, pos); `pos` runs over
    `question.units`.

    Attributes:
        title: name for a person. family: folder of the survey's map. summary: one line. reference: the paper.
        needs: capabilities of the adapter without which it refuses. signed: whether sign means for / against.
        good_at, bad_at: what to expect of it, a sentence each.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str]
    needs: ClassVar[tuple[CapabilityName, ...]] = ()
    signed: ClassVar[bool] = True
    good_at: ClassVar[str] = ""
    bad_at: ClassVar[str] = ""

    def __post_init__(self) -> None:
        """Refuse wrong parameters; see `core.methods.check_params`."""
        check_params(self)

    @classmethod
    def build(cls, **params: Any) -> Explainer:  # noqa: ANN401 - parameters of any kind
        """Like the constructor, but unknown keywords raise `UnknownNameError` with the nearest real one."""
        made: Explainer = make(cls, params)
        return made

    @abstractmethod
    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        """Compute the scores [row, unit]. Reports to `context` and stops where it raises."""

    @abstractmethod
    def work(self, adapter: ModelAdapter, question: Question) -> Cost:
        """Count passes and tokens; seconds are added by `cost`."""

    def cost(self, adapter: ModelAdapter, question: Question) -> Cost:
        """What `explain` would cost: passes, tokens, and seconds once this model's speed is known. Runs no model."""
        return adapter.estimate(self.work(adapter, question))

    def unit(self, question: Question) -> str:
        """Unit of the scores."""
        return question.target.unit

    def explain(self, adapter: ModelAdapter, question: Question, context: Context | None = None) -> Explanation:
        """Scores of the input for each target row, axes (target, pos).

        Args:
            adapter: the model.
            question: input, units and target.
            context: where to report, what to seed random draws with, when to stop; silent with seed 0 if left out.

        Raises:
            CapabilityError: the model lacks something this method needs, or the method can't answer this quantity.
            CancelledError: somebody cancelled.
            ModelError: the scores are not finite.
        """
        context = Context() if context is None else context
        adapter.require(*self.needs)
        context.check()
        start = time.perf_counter()
        found = self.attribute(adapter, question, context)
        if not np.isfinite(found.scores).all():
            raise ModelError(
                "The scores are not finite numbers.",
                given=f"{self.name} on {adapter.name}",
                accepted="a model whose outputs and gradients are finite on this input",
                hint="look for NaN in the weights, or load the model in float32",
            )
        return Explanation(
            scores=found.scores,
            axes=("target", "pos"),
            tokens=question.tokens,
            units=question.units,
            rows=rows(question, found.values, found.baseline_values),
            unit=self.unit(question),
            signed=self.signed,
            baseline=found.baseline,
            quality=found.quality,
            provenance=Provenance(
                method=self.name,
                params={**param_values(self), **found.resolved},
                model=adapter.name,
                model_fingerprint=adapter.fingerprint,
                tokenizer_fingerprint=adapter.tokenizer_fingerprint,
                device=adapter.device,
                dtype=adapter.dtype,
                seed=context.seed if found.draws else None,
                versions=versions(),
                seconds=time.perf_counter() - start,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                reference=self.reference,
            ),
        )


def rows(question: Question, values: np.ndarray, baseline_values: np.ndarray | None = None) -> tuple[Row, ...]:
    """Entries of the target axis with the numbers they came to: one a target token, or one for the whole span."""
    target = question.target
    if target.each:
        ids, texts = target.ids, target.texts
        contrasts = target.contrast_texts or ("",) * len(target)
    else:
        ids = target.ids if len(target) == 1 else (-1,)
        texts, contrasts = ("".join(target.texts),), ("".join(target.contrast_texts),)
    return tuple(
        Row(
            text, int(token), contrast, float(values[i]), None if baseline_values is None else float(baseline_values[i])
        )
        for i, (token, text, contrast) in enumerate(zip(ids, texts, contrasts, strict=True))
    )


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of what the numbers depend on, of those installed."""
    found = {}
    for package in ("xai_widgets", "torch", "transformers", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
