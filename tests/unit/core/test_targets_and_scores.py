"""Targets refuse what could only give a wrong number; ranks are dense."""

import numpy as np
import pytest

from xai_widgets.core.ask import Ask, Generated
from xai_widgets.core.code import as_code
from xai_widgets.core.errors import TargetError, UnknownNameError
from xai_widgets.core.scores import dense_rank, reciprocal_rank, strength
from xai_widgets.core.targets import Target


def test_contrast_of_another_length_names_the_way_out():
    with pytest.raises(TargetError) as error:
        Target((1,), (" Rome",), (2, 3), (" New", " York"), quantity="logit_diff")
    assert "2 tokens" in str(error.value) and 'contrast=" New"' in error.value.hint


@pytest.mark.parametrize(
    "fields", [{"quantity": "logit_diff"}, {"quantity": "entropy", "contrast_ids": (1,), "contrast_texts": ("a",)}]
)
def test_quantities_that_do_not_fit(fields):
    with pytest.raises(TargetError):
        Target((1,), ("a",), **fields)


def test_unknown_quantity():
    with pytest.raises(UnknownNameError) as error:
        Target((1,), ("a",), quantity="logprob")
    assert error.value.nearest == "log_prob"


def test_empty_target():
    with pytest.raises(TargetError):
        Target((), ())


def test_dense_rank_shares_ties():
    assert dense_rank(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [1, 3, 1, 2]
    assert reciprocal_rank(np.array([3.0, 1.0, 3.0, 2.0]), [1, 3]) == 0.5


def test_strength_keeps_sign_and_nan():
    out = strength(np.array([2.0, -4.0, np.nan]))
    assert out[:2].tolist() == [0.5, -1.0] and np.isnan(out[2])
    assert strength(np.zeros(2)).tolist() == [0, 0]


def test_code_runs_and_gives_the_ask_back():
    ask = Ask(
        "a 'b'\n", target=" x", contrast=" y", method="integrated_gradients", params={"n_steps": 8}, unit="word", seed=3
    )
    seen = {}

    class Fake:
        def load(self, name=None):
            return "lm"

        def explain(self, lm, text, **kw):
            seen.update(kw, text=text, lm=lm)

    source = as_code(ask, 'xw.load("m")').replace("import xai_widgets as xw", "")
    exec(source, {"xw": Fake()})
    assert seen == {
        "lm": "lm",
        "text": "a 'b'\n",
        "target": " x",
        "contrast": " y",
        "method": "integrated_gradients",
        "n_steps": 8,
        "unit": "word",
        "seed": 3,
    }


def test_a_new_source_forgets_what_was_generated():
    ask = Ask("a", generated=(1, 2), target=Generated(1), unit="spans", spans=((0, 1),))
    changed = ask.changed(source="b")
    assert (changed.generated, changed.target, changed.unit, changed.spans) == ((), None, "token", None)
    assert ask.changed(method="saliency").target == Generated(1)
    assert ask.key != ask.changed(target=Generated(0)).key
