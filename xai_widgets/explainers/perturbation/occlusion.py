"""How much the explained number falls when a window of neighbouring units is taken away, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xai_widgets.adapters.base import CapabilityName, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.explanation import Quality
from xai_widgets.core.methods import param
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question
from xai_widgets.explainers.base import Attribution
from xai_widgets.explainers.perturbation.removal import RemovalMethod, count, score_all


@EXPLAINERS.register("occlusion")
@dataclass(frozen=True, kw_only=True)
class Occlusion(RemovalMethod):
    """Score of a unit: mean over the windows that cover it of (number on the full input) - (number without the window).

    Axes (target, pos). Unit: the quantity's. Positive: the windows around this unit raise the number. Windows start at
    unit 0, `stride`, 2 x `stride`, ...; the last is cut at the end of the input, so every unit is covered. A window
    longer than the input is the whole input. Special tokens are in windows like others.

    Raises:
        ValueRefusedError: a stride longer than the window (units would be left out), or a deletion that leaves nothing.
        CapabilityError: mode `mask` on a model that doesn't honour an attention mask.

    Source: Zeiler and Fergus 2014 (arXiv 1311.2901); windows and averaging as in captum's Occlusion.

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> Occlusion(window=2).explain(lm, ask(lm, "The capital of France is")).quality.exact
    True
    """

    window: int = param(3, "neighbouring units taken away at once", at_least=1)
    stride: int = param(1, "units from the start of a window to the start of the next", at_least=1)

    name: ClassVar[str] = "occlusion"
    title: ClassVar[str] = "Occlusion"
    family: ClassVar[str] = "perturbation"
    summary: ClassVar[str] = "what the number loses when a window of units is taken away"
    reference: ClassVar[str] = "Zeiler, Fergus 2014, arXiv 1311.2901"
    needs: ClassVar[tuple[CapabilityName, ...]] = ("logits",)
    good_at: ClassVar[str] = "finds phrases that say the same thing in neighbouring units, which leave-one-out misses"
    bad_at: ClassVar[str] = "blurs: neighbours of an important unit get a share of its score"

    def __post_init__(self) -> None:
        """Refuse strides that leave units out."""
        super().__post_init__()
        if self.stride > self.window:
            raise ValueRefusedError(
                "stride",
                given=f"stride {self.stride} with window {self.window}",
                accepted=f"1 to {self.window}, so that every unit is in a window",
                hint="use a smaller stride or a larger window",
            )

    def windows(self, n_units: int) -> list[range]:
        """Units of each window, in order."""
        window = min(self.window, n_units)
        n_windows = -(-(n_units - window) // self.stride) + 1
        return [range(i * self.stride, min(i * self.stride + window, n_units)) for i in range(n_windows)]

    def work(self, adapter: ModelAdapter, question: Question) -> Cost:
        """One pass for each window and one for the full input, each from the first position that changed."""
        return count(adapter, question, self.windows(len(question.units)), deleted=self.mode == "delete")

    def attribute(self, adapter: ModelAdapter, question: Question, context: Context) -> Attribution:
        """Score the full input and the input without each window; a unit is known once all its windows are."""
        removal = self.removal(adapter, question)
        n_units = len(question.units)
        windows = self.windows(n_units)
        covers = np.zeros((len(windows), n_units))
        for i, window in enumerate(windows):
            covers[i, list(window)] = 1
        variants = [removal.without(()), *(removal.without(window) for window in windows)]

        def spread(values: np.ndarray) -> np.ndarray:
            return ((values[0] - values[1:]).T @ covers) / covers.sum(0)

        def exact_so_far(values: np.ndarray, known: np.ndarray) -> None:
            if known[0]:
                units = (covers * ~known[1:, None]).sum(0) == 0
                context.partial(np.where(units, spread(np.nan_to_num(values)), 0.0), units)

        values = score_all(adapter, question, variants, context, exact_so_far if context.wants_partial else None)
        return Attribution(
            scores=spread(values),
            values=values[0],
            baseline=removal.words,
            quality=Quality(exact=True),
            resolved=removal.resolved,
        )
