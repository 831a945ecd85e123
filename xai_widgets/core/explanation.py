"""The one answer type: a frozen array with a name for every axis, and everything needed to read it right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from xai_widgets.core.axes import TOKEN_AXES, check_axes
from xai_widgets.core.errors import UnknownNameError, ValueRefusedError
from xai_widgets.core.provenance import Provenance
from xai_widgets.core.tokens import Tokens, Units

How = Literal["sum", "mean", "max", "l2"]
"""Ways to reduce an axis. `max` keeps the entry of largest magnitude, sign included."""


@dataclass(frozen=True)
class Row:
    """One entry of the target axis: which number it is and what it came to.

    Attributes:
        text, id: the target token (or the joined span; id -1 for a span, -1 too for numbers a person brought).
        contrast: text of the contrast, "" if none.
        value: the number that is explained, on the input as it is; None = not known.
        baseline_value: the same number on the method's baseline; None = the method has none.
    """

    text: str
    id: int = -1
    contrast: str = ""
    value: float | None = None
    baseline_value: float | None = None


@dataclass(frozen=True)
class Quality:
    """How right the numbers are; None is not known, never zero.

    Attributes:
        exact: True if the scores are the defined quantity up to rounding, False if an approximation of it.
        convergence_gap: |sum of scores - (value - baseline value)| for each target row (path methods).
        n_samples: random draws used. standard_error: of each score, same shape as the scores (sampling methods).
    """

    exact: bool | None = None
    convergence_gap: tuple[float, ...] | None = None
    n_samples: int | None = None
    standard_error: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Explanation:
    """Scores of an input for targets, by any method.

    Attributes:
        scores: float32 array. axes: a name from `core.axes.AXES` for each dimension.
        tokens: every token the model saw, specials included. units: how positions are grouped; token axes run over it.
        rows: entries of the `target` axis.
        labels: texts for axes that are neither `target` nor over tokens.
        unit: logit, log_prob, prob, nats, or a norm of a gradient ("logit / embedding"). signed: whether sign means for / against.
        baseline: what "absent" means for this method, in words; None if it has none.
        companion: int32 array of the scores' shape where cells name tokens (a lens).
        quality, provenance: how right, and where from.
    """

    scores: np.ndarray
    axes: tuple[str, ...]
    tokens: Tokens
    units: Units
    rows: tuple[Row, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unit: str = ""
    signed: bool = True
    baseline: str | None = None
    companion: np.ndarray | None = None
    quality: Quality = field(default_factory=Quality)
    provenance: Provenance = field(default_factory=lambda: Provenance("given"))

    def __post_init__(self) -> None:
        """Hold float32, read-only, with every axis as long as what it names."""
        scores = np.array(self.scores, dtype=np.float32)
        scores.setflags(write=False)
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "axes", check_axes(tuple(self.axes), scores.shape))
        for axis, size in zip(self.axes, scores.shape, strict=True):
            expected = len(self.axis_labels(axis))
            if expected and expected != size:
                raise ValueRefusedError(
                    "scores",
                    given=f"{size} entries along {axis!r}",
                    accepted=f"{expected}, one for each label",
                    hint="pass tokens, rows and labels of the array's own lengths",
                )

    def axis_labels(self, axis: str) -> tuple[str, ...]:
        """Texts along an axis (empty if it has none)."""
        if axis in TOKEN_AXES and axis not in self.labels:
            return self.units.labels
        if axis == "target" and axis not in self.labels:
            return tuple(row.text for row in self.rows)
        return tuple(self.labels.get(axis, ()))

    @property
    def relative_gap(self) -> float | None:
        """Largest convergence gap over the largest |value - baseline value|; None if the method has no such gap."""
        if self.quality.convergence_gap is None:
            return None
        spans = [
            abs(r.value - r.baseline_value) for r in self.rows if r.value is not None and r.baseline_value is not None
        ]
        top = max(spans, default=0.0)
        return max(self.quality.convergence_gap) / top if top > 0 else None

    def _dim(self, axis: str) -> int:
        if axis not in self.axes:
            raise UnknownNameError("axis of this explanation", axis, self.axes)
        return self.axes.index(axis)

    def select(self, axis: str, index: int) -> Explanation:
        """One entry of an axis; the axis goes."""
        dim = self._dim(axis)
        if not -self.scores.shape[dim] <= index < self.scores.shape[dim]:
            raise ValueRefusedError(
                "index",
                given=str(index),
                accepted=f"0 to {self.scores.shape[dim] - 1} along {axis!r}",
                hint="count from 0, or from -1 at the end",
            )
        return self._without(axis, np.take(self.scores, index, axis=dim), picked=index)

    def reduce(self, over: str, how: How = "sum") -> Explanation:
        """Add up (or average, ...) an axis; the axis goes.

        A sum over `target` of log-probability scores is the attribution of the whole span.
        """
        dim = self._dim(over)
        functions: dict[str, Callable[..., Any]] = {
            "sum": np.sum,
            "mean": np.mean,
            "l2": lambda a, axis: np.sqrt((a**2).sum(axis)),
        }
        if how == "max":
            at = np.expand_dims(np.abs(self.scores).argmax(dim), dim)
            return self._without(over, np.take_along_axis(self.scores, at, dim).squeeze(dim))
        if how not in functions:
            raise UnknownNameError("reduction", how, ["sum", "mean", "max", "l2"])
        return self._without(over, functions[how](self.scores, axis=dim))

    def _without(self, axis: str, scores: np.ndarray, picked: int | None = None) -> Explanation:
        rows = self.rows
        if axis == "target":
            rows = (rows[picked],) if picked is not None and rows else ()
        return replace(
            self,
            scores=scores,
            axes=tuple(a for a in self.axes if a != axis),
            rows=rows,
            labels={k: v for k, v in self.labels.items() if k != axis},
            companion=None,
            quality=replace(self.quality, standard_error=None, convergence_gap=None),
        )

    def minus(self, other: Explanation) -> Explanation:
        """Difference of two explanations of the same tokens in the same unit.

        Raises:
            ValueRefusedError: tokens, axes, shapes or units differ.
        """
        for what, a, b in (
            ("tokens", self.tokens.ids.tolist(), other.tokens.ids.tolist()),
            ("axes", self.axes, other.axes),
            ("shape", self.scores.shape, other.scores.shape),
            ("unit", self.unit, other.unit),
        ):
            if a != b:
                raise ValueRefusedError(
                    what,
                    given=f"{a} and {b}",
                    accepted=f"the same {what} on both sides",
                    hint="compare explanations of one input in one unit",
                )
        params = {"minus": other.provenance.to_dict()}
        return replace(
            self,
            scores=self.scores - other.scores,
            signed=True,
            quality=Quality(),
            provenance=replace(self.provenance, params={**self.provenance.params, **params}),
        )

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """The `k` units of largest magnitude with their scores, other axes summed."""
        pos = [a for a in self.axes if a in TOKEN_AXES][-1:]
        if not pos:
            raise ValueRefusedError(
                "top",
                given=f"axes {self.axes}",
                accepted="an explanation with a position axis",
                hint="use scores directly",
            )
        other = tuple(i for i, a in enumerate(self.axes) if a != pos[0])
        line = self.scores.sum(axis=other)
        order = np.argsort(-np.abs(line), kind="stable")[:k]
        return [(self.units.labels[i] or self.tokens[self.units.groups[i][0]].raw, float(line[i])) for i in order]

    def __eq__(self, other: object) -> bool:
        """Equal numbers (NaN equals NaN) and equal everything else but time."""
        if not isinstance(other, Explanation):
            return NotImplemented
        for f in fields(self):
            a, b = getattr(self, f.name), getattr(other, f.name)
            if f.name == "provenance":
                same = replace(a, seconds=None, created="") == replace(b, seconds=None, created="")
            elif f.name == "quality":
                same = _same(a.standard_error, b.standard_error) and replace(a, standard_error=None) == replace(
                    b, standard_error=None
                )
            else:
                same = _same(a, b)
            if not same:
                return False
        return True

    __hash__ = None  # type: ignore[assignment]  # holds an array


def _same(a: Any, b: Any) -> bool:  # noqa: ANN401 - compares fields of any type
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=True))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return dict(a) == dict(b)
    return bool(a is b or (type(a) is type(b) and a == b))
