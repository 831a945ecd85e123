"""The arithmetic inside methods: places on a path, running means, windows, orders."""

from __future__ import annotations

import numpy as np
import pytest
from captum.attr._utils.approximation_methods import approximation_parameters
from hypothesis import given
from hypothesis import strategies as st

from xai_widgets.explainers.gradient.points import Mean
from xai_widgets.explainers.gradient.quadrature import RULES, nodes, spread_order
from xai_widgets.explainers.perturbation.occlusion import Occlusion


@pytest.mark.parametrize("n", [2, 3, 8, 50])
@pytest.mark.parametrize("rule", RULES)
def test_places_and_weights_are_captums(rule: str, n: int) -> None:
    """The same rules under the same names; captum's places are float32."""
    sizes, places = approximation_parameters(rule)
    ours, weights = nodes(rule, n)
    assert np.allclose(ours, places(n), atol=1e-7)
    assert np.allclose(weights, sizes(n), atol=1e-15)


def test_gauss_legendre_is_exact_for_polynomials() -> None:
    """Up to degree 2n - 1."""
    places, weights = nodes("gausslegendre", 4)
    for degree in range(8):
        assert abs((weights * places**degree).sum() - 1 / (degree + 1)) < 1e-14


@given(st.integers(1, 200))
def test_spread_order(n: int) -> None:
    """A permutation whose first half already reaches both halves of the range."""
    order = spread_order(n)
    assert sorted(order) == list(range(n))
    if n >= 4:
        assert {int(i) * 2 // n for i in order[: n // 2]} == {0, 1}


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20), st.integers(1, 5))
def test_running_mean(numbers: list[float], size: int) -> None:
    """In batches of any size the mean and standard error of all of it."""
    array, found = np.array(numbers)[None, :, None], Mean()
    for start in range(0, len(numbers), size):
        found.add(array[:, start : start + size])
    assert np.isclose(found.mean[0, 0], np.mean(numbers), atol=1e-9)
    assert found.standard_error is not None
    assert np.isclose(found.standard_error[0, 0], np.std(numbers, ddof=1) / len(numbers) ** 0.5, atol=1e-7)


def test_one_draw_has_no_error() -> None:
    """Unknown, not zero."""
    found = Mean()
    found.add(np.ones((1, 1, 3)))
    assert found.standard_error is None


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 6))
def test_windows_cover_everything(n: int, window: int, stride: int) -> None:
    """Every unit is in a window, none is longer than asked, and the number of windows is captum's."""
    stride = min(stride, window)
    windows = Occlusion(window=window, stride=stride).windows(n)
    assert set().union(*windows) == set(range(n))
    assert max(map(len, windows)) == min(window, n)
    assert len(windows) == int(np.ceil((n - min(window, n)) / stride)) + 1
