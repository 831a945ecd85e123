"""Who wrote a logit: its shares by part of the model, and what single neurons say, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class LogitShares:
    """The logits (or logit differences) of some tokens after one position, split over what wrote them.

    All float32, in logits before any soft cap. Positive: it speaks for the target (against its contrast).

    Attributes:
        pos: the position they follow. ids: the targets. contrast_ids: as many, or none.
        components: names in order: "embedding", then "attn 0", "mlp 0", "attn 1", ... (also "mixer 0": what takes something from
            other positions without attention), and "bias", of the final norm and the head.
        kinds, layers: of each component; layer -1 for the first and the last.
        values: [target, component]. logits: [target], by the model itself; the values sum to them up to `gap`.
        heads: [target, layer, head], NaN where a layer has no such head or can't be split. rests: [target, layer], what a layer's
            attention adds whatever its heads say (a bias); heads and rest sum to its component. missing: why, by layer.
        neurons: by layer, why its MLP can't be split over neurons; layers not in it can.
        softcap: the model's own logits are `softcap * tanh(logits / softcap)`; None where they are the logits.
        gap: largest difference of a sum from its logit, as a share of the largest logit at this position.
        seconds: how long it took.
    """

    pos: int
    ids: tuple[int, ...]
    contrast_ids: tuple[int, ...]
    components: tuple[str, ...]
    kinds: tuple[str, ...]
    layers: tuple[int, ...]
    values: np.ndarray
    logits: np.ndarray
    heads: np.ndarray
    rests: np.ndarray
    missing: Mapping[int, str]
    neurons: Mapping[int, str]
    softcap: float | None
    gap: float
    seconds: float

    def of(self, name: str) -> np.ndarray:
        """Shares of one component by name, [target]."""
        return self.values[:, self.components.index(name)]


@dataclass(frozen=True, eq=False)
class Neuron:
    """One neuron of an MLP at one position: a key that fits the text so well, and the words it then speaks for.

    Geva et al. 2021 (arXiv 2012.14913): a neuron's output weights are a value, read in terms of the vocabulary.

    Attributes:
        layer, index: which. activation: what its output weights are multiplied with (gates included).
        share: of the explained logit. top, top_logits: the words one unit of positive activation speaks for most, int32 [word], and by
            how many logits, float32 [word]; bottom, bottom_logits: those it speaks against most.
    """

    layer: int
    index: int
    activation: float
    share: float
    top: np.ndarray
    top_logits: np.ndarray
    bottom: np.ndarray
    bottom_logits: np.ndarray
