"""The answer type: axes, reductions, differences, equality."""

import numpy as np
import pytest

from xai_widgets.core.errors import UnknownNameError, ValueRefusedError
from xai_widgets.core.explanation import Explanation, Quality, Row
from xai_widgets.core.tokens import Token, Tokens

TOKENS = Tokens((Token(5, "a", (0, 1)), Token(6, " b", (1, 3))), "a b")


def made(scores=((1.0, -2.0), (3.0, 0.5)), **changes):
    fields = {
        "axes": ("target", "pos"),
        "rows": (Row("x", 1, value=2.0, baseline_value=1.0), Row("y", 2, value=0.0, baseline_value=4.0)),
        "unit": "logit",
    }
    return Explanation(np.array(scores), tokens=TOKENS, units=TOKENS.units(), **{**fields, **changes})


def test_scores_are_float32_and_read_only():
    e = made()
    assert e.scores.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        e.scores[0, 0] = 1


def test_the_callers_array_is_not_shared():
    mine = np.zeros((2, 2), dtype=np.float32)
    e = made(mine)
    mine[0, 0] = 9
    assert e.scores[0, 0] == 0


@pytest.mark.parametrize(
    ("axes", "error"),
    [
        (("target",), ValueRefusedError),
        (("target", "target"), ValueRefusedError),
        (("target", "position"), UnknownNameError),
        (("pos", "target"), None),
    ],
)
def test_axes_are_checked(axes, error):
    if error is None:
        assert made(axes=axes).axes == axes
    else:
        with pytest.raises(error):
            made(axes=axes)


def test_length_must_fit_the_tokens():
    with pytest.raises(ValueRefusedError, match="pos"):
        made(((1.0, 2.0, 3.0), (1.0, 2.0, 3.0)))


def test_reduce_and_select():
    e = made()
    assert e.reduce("target").scores.tolist() == [4.0, -1.5] and e.reduce("target").axes == ("pos",)
    assert e.reduce("target", "max").scores.tolist() == [3.0, -2.0]
    assert e.reduce("pos", "l2").scores[0] == pytest.approx(5**0.5)
    one = e.select("target", 1)
    assert one.scores.tolist() == [3.0, 0.5] and one.rows[0].text == "y"
    with pytest.raises(ValueRefusedError):
        e.select("target", 2)
    with pytest.raises(UnknownNameError):
        e.reduce("layer")


def test_minus_refuses_other_units():
    assert made().minus(made()).scores.tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ValueRefusedError, match="unit"):
        made().minus(made(unit="prob"))


def test_top_is_by_magnitude_with_targets_added_up():
    assert made().top(1) == [("a", 4.0)]


def test_gap_is_relative_to_what_was_explained():
    assert made(quality=Quality(convergence_gap=(0.1, 0.4))).relative_gap == pytest.approx(0.1)
    assert made().relative_gap is None


def test_equality_is_by_value_and_nan_equals_nan():
    assert made(((np.nan, 1), (2, 3))) == made(((np.nan, 1), (2, 3)))
    assert made() != made(((1.0, -2.0), (3.0, 0.6)))
    assert made() != made(unit="prob")
