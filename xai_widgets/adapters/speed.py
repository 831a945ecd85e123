"""How fast this model runs on this device: seconds of a counted cost, fitted to what was measured."""

from __future__ import annotations

from collections import deque
from threading import Lock

import numpy as np

from xai_widgets.core.cost import Cost

_KEEP = 48


class Speed:
    """Fits `seconds = a * passes + b * tokens`, forward and backward apart, to the latest measurements.

    The fit minimises relative errors and weighs outliers down (a garbage collection, a busy machine), so one slow
    pass does not spoil the estimate. Neither `a` nor `b` goes below zero.
    """

    def __init__(self) -> None:
        """Nothing measured yet: `seconds` gives None."""
        self._seen: dict[bool, deque[tuple[int, int, float]]] = {False: deque(maxlen=_KEEP), True: deque(maxlen=_KEEP)}
        self._lock = Lock()

    def record(self, tokens: int, passes: int, seconds: float, *, backward: bool = False) -> None:
        """Keep one measurement.

        Args:
            tokens: tokens through the layers, padding included. passes: calls of the model.
            seconds: wall-clock time of these calls alone.
            backward: True for the backward part alone (its forward part is recorded apart).
        """
        if passes > 0 and seconds > 0:
            with self._lock:
                self._seen[backward].append((passes, tokens, seconds))

    def seconds(self, cost: Cost) -> float | None:
        """Expected seconds of a cost; None before anything was measured.

        Without a measured backward pass a token is taken to cost as much backward as forward (gradients by the
        input only need half of what training needs).
        """
        with self._lock:
            ahead, back = (np.array(self._seen[way], dtype=np.float64) for way in (False, True))
        if not len(ahead):
            return None
        per_pass, per_token = _fit(ahead)
        total = per_pass * cost.passes + per_token * cost.tokens
        if cost.backward_tokens:
            back_pass, back_token = _fit(back) if len(back) else (per_pass, per_token)
            back_passes = cost.passes * cost.backward_tokens / max(cost.tokens, 1)  # one for each explained number
            total += back_pass * back_passes + back_token * cost.backward_tokens
        return float(total)


def _fit(seen: np.ndarray) -> tuple[float, float]:
    """Non-negative (a, b) of rows [passes, tokens, seconds], by re-weighted least squares of relative errors."""
    rows = seen[:, :2] / seen[:, 2:]
    weights = np.ones(len(rows))
    best = (0.0, 0.0)
    for _ in range(8):
        best = _solve(rows, weights)
        error = np.abs(rows @ np.array(best) - 1.0)
        weights = 1.0 / np.maximum(error, 0.05)
    return best


def _solve(rows: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Least squares of rows @ (a, b) = 1 with a, b >= 0: the inner solution if allowed, else the better edge."""
    root = np.sqrt(weights)
    left, right = rows * root[:, None], root
    if len(rows) > 1 and np.linalg.matrix_rank(left) == 2:
        a, b = np.linalg.lstsq(left, right, rcond=None)[0]
        if a >= 0 and b >= 0:
            return float(a), float(b)
    edges = []
    for column in (0, 1):
        x = left[:, column]
        value = float(x @ right / (x @ x)) if x.any() else 0.0
        pair = (value, 0.0) if column == 0 else (0.0, value)
        edges.append((float(np.square(left @ np.array(pair) - right).sum()), pair))
    # with one kind of measurement only both edges fit alike; time by tokens is the safer guess for longer inputs
    return min(edges, key=lambda e: (round(e[0], 9), e[1][1] == 0.0))[1]


__all__ = ["Speed"]
