"""Where on the path from baseline to input to look, and how much each place counts."""

from __future__ import annotations

import numpy as np

RULES = ("gausslegendre", "riemann_middle", "riemann_trapezoid", "riemann_left", "riemann_right")
"""Names as in captum; `gausslegendre` is exact for polynomials up to degree 2n - 1."""


def nodes(rule: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in [0, 1] and their weights, float64, in rising order.

    The weights of `riemann_trapezoid` are 1/n with halved ends, as in captum: they add up to 1 - 1/n, so the integral
    comes out low by that share. The others add up to one.
    """
    if rule == "gausslegendre":
        places, weights = np.polynomial.legendre.leggauss(n)
        return (1 + places) / 2, weights / 2
    weights = np.full(n, 1 / n)
    if rule == "riemann_trapezoid":
        weights[0] /= 2
        weights[-1] /= 2
        return np.linspace(0, 1, n), weights
    shift = {"riemann_left": 0.0, "riemann_middle": 0.5, "riemann_right": 1.0}[rule]
    return (np.arange(n) + shift) / n, weights


def spread_order(n: int) -> np.ndarray:
    """Indices 0..n-1 so that every beginning of the list covers the whole range: first by the last binary digit.

    A running estimate over nodes in this order sees all of the path early.
    """
    bits = max(1, (n - 1).bit_length())
    reversed_bits = [int(format(i, f"0{bits}b")[::-1], 2) for i in range(2**bits)]
    return np.array([i for i in reversed_bits if i < n])
