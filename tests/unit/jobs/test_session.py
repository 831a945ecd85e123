"""A session's answer is what its view shows: the last good one, until a newer one is there."""

import threading

import pytest

from xai_widgets.adapters.tiny import tiny
from xai_widgets.core.ask import Ask
from xai_widgets.core.errors import CancelledError, EmptyTextError
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.jobs.asking import begin
from xai_widgets.jobs.session import Session


@pytest.fixture(scope="module")
def model():
    return tiny("llama")


def test_a_refused_later_question_leaves_the_answer_before_it(model):
    session = begin(model, "one two three")
    first = session.wait()
    session.submit(session.ask.changed(source=""))
    assert session.wait() is first
    assert isinstance(session.outcome.error, EmptyTextError)
    session.submit(session.ask.changed(source="four five"))
    assert session.wait().explanation.tokens.text == "four five"


def test_a_refused_first_question_is_raised(model):
    session = Session(model, Ask(""))
    session.submit(session.ask)
    with pytest.raises(EmptyTextError):
        session.wait()


def test_numbers_touched_after_a_cancel_are_computed_then(model, monkeypatch):
    began = threading.Event()

    def endless(self, adapter, question, context):
        began.set()
        while True:
            context.check()

    with monkeypatch.context() as patched:
        patched.setattr(EXPLAINERS["saliency"], "explain", endless)
        session = begin(model, "six seven", method="saliency")
        assert began.wait(30)
        session.cancel()
        with pytest.raises(CancelledError):
            session._job.wait()
    assert session.finding is None
    assert session.wait().explanation.tokens.text == "six seven"
