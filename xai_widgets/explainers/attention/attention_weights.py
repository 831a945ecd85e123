"""Where the predicting position looks: its attention weights, of chosen layers and heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from xai_widgets.adapters.base import AttentionCall, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.methods import param
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.explainers.attention.along import AlongAttention

_WHICH = "all, last, one number (11), several (3, 5) or a range (4-8)"


@EXPLAINERS.register("attention_weights")
@dataclass(frozen=True, kw_only=True)
class AttentionWeights(AlongAttention):
    """Score of a unit: attention weight from the position that predicts, mean over the chosen layers and heads.

    Axes (target, pos); unit weight; never negative; a row sums to 1 where the maps' rows do (less for later tokens of a span,
    whose weight on earlier target tokens is not shown). Specials count: the first token often takes most of it, and
    `renormalise` leaves it out and scales the rest to 1.

    It is no evidence of importance (Jain and Wallace 2019, arXiv 1902.10186; Wiegreffe and Pinter 2019, arXiv 1908.04626): `xw.Attention`
    turns heads off to see what depends on them.

    Raises:
        CapabilityError: the model has no attention weights that can be had. ValueRefusedError: no such layer or head.

    Source: Bahdanau, Cho and Bengio 2015 (arXiv 1409.0473); Vaswani et al. 2017 (arXiv 1706.03762).

    >>> from xai_widgets.adapters.tiny import tiny
    >>> from xai_widgets.testing import ask
    >>> lm = tiny("llama")
    >>> found = AttentionWeights(layers=[2]).explain(lm, ask(lm, "The capital of France is"))
    >>> round(float(found.scores.sum()), 3)
    1.0
    """

    layers: str | int | tuple[int, ...] = param("all", f"which layers: {_WHICH}", also=(int, list, tuple))
    heads: str | int | tuple[int, ...] = param("all", f"which heads of each layer: {_WHICH}", also=(int, list, tuple))
    renormalise: bool = param(False, "leave the first position out and scale the rest to 1")

    name: ClassVar[str] = "attention_weights"
    title: ClassVar[str] = "Attention weights"
    summary: ClassVar[str] = "where the predicting position looks"
    reference: ClassVar[str] = "Vaswani et al. 2017, arXiv 1706.03762; Jain, Wallace 2019, arXiv 1902.10186"
    good_at: ClassVar[str] = "what the model itself computed, at the price of a pass"

    def read(self, adapter: ModelAdapter, ids: list[int], at: list[int], context: Context) -> np.ndarray:
        """Mean over calls and heads of the rows asked for."""
        wanted = None if self.layers == "all" else chosen("layers", self.layers, adapter.n_layers)
        rows: list[np.ndarray] = []

        def look(call: AttentionCall) -> None:
            context.step(call.layer, adapter.n_layers, "layers")
            weights = call.rows(at[0], at[-1] + 1).cpu().numpy()
            heads = chosen("heads", self.heads, call.n_heads)
            chosen_heads = weights[heads].mean(0)[:, : len(ids)]  # more keys than positions are the layer's own
            rows.append(np.pad(chosen_heads, ((0, 0), (0, len(ids) - chosen_heads.shape[-1]))))

        adapter.attention(ids, look, context, wanted)
        if not rows:
            gaps = adapter.attention_gaps()
            raise ValueRefusedError(
                "layers",
                given=str(self.layers),
                accepted=f"layers with attention weights (not {', '.join(map(str, gaps))})",
                hint="leave layers out to take all that have weights",
            )
        found = np.mean(rows, axis=0)
        if self.renormalise:
            found[:, 0] = 0.0
            found /= np.maximum(found.sum(-1, keepdims=True), 1e-12)
        return found


def chosen(what: str, given: Any, size: int) -> list[int]:  # noqa: ANN401 - a word, a number, several
    """Indices that were written as a word, a number, a list or a range.

    Raises:
        ValueRefusedError: not one of these forms, or out of range.
    """
    refused = ValueRefusedError(
        what, given=repr(given), accepted=_WHICH + f", from 0 to {size - 1}", hint=f'{what}="all"'
    )
    if given == "all":
        return list(range(size))
    if given == "last":
        return [size - 1]
    parts = (
        given.replace(" ", "").split(",") if isinstance(given, str) else [given] if isinstance(given, int) else given
    )
    found: list[int] = []
    for part in parts:
        low, dash, high = str(part).partition("-")
        try:
            found += range(int(low), int(high) + 1) if dash and low else [int(part)]
        except ValueError:
            raise refused from None
    if not found or not all(0 <= i < size for i in found):
        raise refused
    return sorted(set(found))
