"""Seconds of a cost from measured passes, also with outliers and with little measured."""

from __future__ import annotations

import numpy as np
import pytest

from xai_widgets.adapters.speed import Speed
from xai_widgets.core.cost import Cost


def test_nothing_measured_is_not_known() -> None:
    assert Speed().seconds(Cost(1, 10)) is None


def test_two_lengths_tell_the_price_of_a_pass_from_that_of_a_token() -> None:
    speed = Speed()
    for tokens in (8, 64):
        speed.record(tokens, 1, 0.05 + 0.001 * tokens)
    assert speed.seconds(Cost(10, 1000)) == pytest.approx(1.5, rel=1e-3)
    assert speed.seconds(Cost(10, 1000, backward_tokens=1000)) == pytest.approx(3.0, rel=1e-3)


def test_one_measurement_scales_with_tokens() -> None:
    speed = Speed()
    speed.record(100, 1, 1.0)
    assert speed.seconds(Cost(3, 300)) == pytest.approx(3.0)


def test_outliers_do_not_spoil_it() -> None:
    speed, rng = Speed(), np.random.default_rng(0)
    for i in range(40):
        tokens = int(rng.integers(5, 500))
        seconds = 0.02 + 0.002 * tokens
        speed.record(tokens, 1, seconds * (20 if i % 10 == 3 else rng.normal(1, 0.05)))
    assert speed.seconds(Cost(4, 800)) == pytest.approx(4 * 0.02 + 800 * 0.002, rel=0.15)


def test_prices_are_never_negative() -> None:
    speed = Speed()
    speed.record(10, 1, 1.0)
    speed.record(500, 1, 0.9)
    speed.record(20, 1, 1.1)
    assert speed.seconds(Cost(1, 0)) >= 0
    assert 0.8 < speed.seconds(Cost(1, 100)) < 1.2


def test_backward_passes_have_their_own_price() -> None:
    speed = Speed()
    for tokens in (8, 64):
        speed.record(tokens, 1, 0.001 * tokens)
        speed.record(tokens, 1, 0.003 * tokens, backward=True)
    assert speed.seconds(Cost(1, 100, backward_tokens=100)) == pytest.approx(0.4, rel=1e-3)


def test_useless_measurements_are_left_out() -> None:
    speed = Speed()
    speed.record(10, 0, 1.0)
    speed.record(10, 1, 0.0)
    assert speed.seconds(Cost(1, 10)) is None
