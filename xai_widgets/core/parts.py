"""Who wrote a logit: its shares by part of the model, and what single neurons say, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from xai_widgets.core.errors import ValueRefusedError


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
        seconds: how long it took. scale: what the last norm was taken to divide by: this run's own, unless another was asked for.
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
    scale: float = 1.0

    def of(self, name: str) -> np.ndarray:
        """Shares of one component by name, [target]."""
        return self.values[:, self.components.index(name)]

    def minus(self, other: LogitShares) -> LogitShares:
        """Part by part, how much more it writes here than in the other: of another model, say, or another checkpoint.

        Both are read at the same scale of the last norm, so what was written alike differs by 0. What the other's own scale makes of
        its parts is a component of its own, "norm scale", the last; with it the values sum to the difference of the logits. Heads
        are not a number where either has none, and everywhere where the two have different numbers of them. The reasons why a layer
        can't be split are those of both.

        Raises:
            ValueRefusedError: other components, targets, contrasts, or another scale.
        """
        ours, theirs = ((s.components, s.ids, s.contrast_ids, s.scale) for s in (self, other))
        if ours != theirs:
            raise ValueRefusedError(
                "other", given=f"{len(other.components)} components, targets {other.ids}, scale {other.scale:.6g}",
                accepted=f"the same {len(self.components)} components, targets {self.ids}, scale {self.scale:.6g}",
                hint="split the logits of the same tokens by models with the same layers, the second at the scale of the first",
            )  # fmt: skip
        values = self.values.astype(np.float64) - other.values
        logits = self.logits.astype(np.float64) - other.logits
        alike = self.heads.shape == other.heads.shape
        return replace(
            self, values=np.concatenate([values, (logits - values.sum(1))[:, None]], 1).astype(np.float32),
            components=(*self.components, "norm scale"), kinds=(*self.kinds, "scale"), layers=(*self.layers, -1),
            logits=logits.astype(np.float32), heads=self.heads - other.heads if alike else np.full_like(self.heads, np.nan),
            rests=self.rests - other.rests, missing={**other.missing, **self.missing}, neurons={**other.neurons, **self.neurons},
            softcap=self.softcap if self.softcap == other.softcap else None, gap=self.gap + other.gap, seconds=self.seconds + other.seconds,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class HeadSources:
    """Where one head looks from the position whose next token is explained, and what comes from there.

    Attributes:
        layer, head: which. share: of the explained logit.
        weights: of that position's row, float32 [key].
        shares: by key, float32 [key]: weight x value, projected and read as the head is (sum_j A_ij (v_j W_O) . direction); they sum
            to `share`. None where they can't be had; `reason` says why.
        pattern: the whole map, float32 [query, key]; None where it was not asked for. Keys beyond the text's positions are the
            layer's own (compressed) entries.
    """

    layer: int
    head: int
    share: float
    weights: np.ndarray
    shares: np.ndarray | None
    reason: str
    pattern: np.ndarray | None


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
