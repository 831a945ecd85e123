"""What an answer holds beside the scores: the tokens the model wrote, with the probabilities they really had."""

import math

import pytest

import xai_widgets as xw
from xai_widgets.adapters.tiny import tiny
from xai_widgets.core.ask import Ask, Generated
from xai_widgets.core.context import Context
from xai_widgets.jobs.answering import answer, write


@pytest.fixture(scope="module")
def model():
    return tiny("llama")


def test_what_was_written_has_the_probability_it_had(model):
    ask = write(model, Ask("one two three"), 4, Context())
    finding = answer(model, ask, Context())
    assert len(finding.generated) == len(ask.generated) > 1
    written = model.with_generated(model.tokenize("one two three"), ask.generated)
    for i, token in enumerate(finding.generated):
        most_probable = model.candidates(written.head(3 + i), 1)[0]  # it writes greedily
        assert token.id == most_probable.id
        assert token.prob == pytest.approx(most_probable.prob, rel=1e-4)
        assert token.logit == pytest.approx(most_probable.logit, rel=1e-4)


def test_a_question_about_something_written_keeps_all_that_was_written(model):
    ask = write(model, Ask("one two three"), 4, Context())
    finding = answer(model, ask.changed(target=Generated(1)), Context())
    assert [t.id for t in finding.generated] == list(ask.generated)
    assert finding.explanation.rows[0].id == ask.generated[1]
    assert finding.explanation.rows[0].value == pytest.approx(math.log(finding.generated[1].prob), rel=1e-4)


def test_nothing_written_is_nothing(model):
    assert xw.explain(model, "one two").finding.generated == ()
