"""The lens view without a browser: every request ends once, and the numbers are those a script gets."""

import numpy as np
import pytest

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.errors import CapabilityError, EmptyTextError, UnknownNameError
from xai_widgets.jobs import reading
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.wire.lens import LensResult, LensSnapshot

TEXT = "The cat sat, the cat"


@pytest.fixture(scope="module")
def model():
    return tiny("llama", tokenizer=byte_tokenizer())


@pytest.fixture
def watched(model):
    view = xw.LogitLens(model, TEXT)
    view.now()
    return Watched(view)


def buffers_of(watched, id):
    return next(b for c, b in watched.said if c["id"] == id and c["type"] == "result")


def test_snapshot_is_of_the_schema(watched):
    snapshot, buffers = (watched.view.explanation[k] for k in ("snapshot", "buffers"))
    assert set(snapshot) == set(LensSnapshot.__annotations__)
    n = len(TEXT)
    assert snapshot["streams"] == ["embedding", "layer 0", "layer 1", "layer 2"]
    top = get(snapshot["top"], buffers)
    assert top.shape == get(snapshot["prob"], buffers).shape == (4, n, snapshot["k"])
    vocabulary = get(snapshot["vocabulary"], buffers).tolist()
    assert set(np.unique(top).tolist()) == set(vocabulary)
    assert len(vocabulary) == len(snapshot["texts"])
    assert get(snapshot["known"], buffers).all()
    assert snapshot["candidates"][0]["id"] == top[-1, -1, 0]
    assert "xw.LogitLens(lm, 'The cat sat, the cat')" in snapshot["code"]
    assert watched.view.status["state"] == "idle"


def test_answers_are_those_of_a_script(watched):
    watched.ask("1", action="follow", index=len(TEXT) - 1, token=77)
    watched.ask("2", action="follow", index=3, text="M")
    watched.ask("3", action="cell", layer=2, index=5)
    watched.ask("4", action="measure", measure="kl")
    ends = [watched.end(str(i)) for i in (1, 2, 3, 4)]
    assert all(end["type"] == "result" for end in ends), ends
    assert all(set(end) <= set(LensResult.__annotations__) for end in ends)
    rank, prob = get(ends[0]["array"], buffers_of(watched, "1"))
    followed = watched.view.follow(77)
    assert rank.tolist() == followed.rank.tolist()
    assert prob == pytest.approx(followed.prob)
    assert ends[1]["text"] == "M"
    assert watched.view.follow("M", 3).token == ends[1]["token"]
    grid = watched.view.grid
    assert [c["id"] for c in ends[2]["candidates"]][: grid.top.shape[-1]] == grid.top[2, 5].tolist()
    assert get(ends[3]["array"], buffers_of(watched, "4")) == pytest.approx(watched.view.measure("kl"))


def test_parts_come_before_the_whole(model, monkeypatch):
    """Of the last position first; what is not read yet says so."""
    monkeypatch.setattr(reading, "EVERY", 0.0)
    import xai_widgets.explainers.lens.logit_lens as module

    monkeypatch.setattr(module, "CPU_ROWS", 4)
    seen = []

    class Kept(xw.LogitLens):
        def publish(self, **state):
            explanation = state.get("explanation")
            if explanation and explanation["snapshot"]:
                seen.append(get(explanation["snapshot"]["known"], explanation["buffers"]).tolist())
            super().publish(**state)

    Kept(model, TEXT).now()
    n = len(TEXT)
    assert seen[0] == [0] * (n - 1) + [1]
    assert seen[-1] == [1] * n
    assert len(seen) > 2


def test_a_new_text_replaces_the_old_one(watched):
    watched.ask("1", action="look", input={"kind": "text", "text": "Other"})
    assert watched.end("1")["type"] == "result"
    assert watched.view.explanation["snapshot"]["text"] == "Other"
    assert watched.view.grid.top.shape[1] == 5


def test_a_stopped_picture_is_not_asked_about(watched, monkeypatch):
    """Details would be those of the text before it."""
    monkeypatch.setattr(reading, "EVERY", 0.0)
    import xai_widgets.explainers.lens.logit_lens as module

    monkeypatch.setattr(module, "CPU_ROWS", 4)
    view = watched.view
    usual = view.publish

    def stop_at_a_part(**state):
        usual(**state)
        explanation = state.get("explanation")
        if explanation and not get(explanation["snapshot"]["known"], explanation["buffers"]).all():
            view._looking.cancel("1")

    monkeypatch.setattr(view, "publish", stop_at_a_part)
    watched.ask("1", action="look", input={"kind": "text", "text": "Another text altogether"})
    assert watched.end("1")["type"] == "cancelled"
    watched.ask("2", action="cell", layer=1, index=1)
    end = watched.end("2")
    assert end["type"] == "error"
    assert "not finished" in end["error"]["problem"]
    monkeypatch.setattr(view, "publish", usual)
    watched.ask("3", action="look", input={"kind": "text", "text": "Other"})
    assert watched.end("3")["type"] == "result"
    watched.ask("4", action="cell", layer=1, index=1)
    assert watched.end("4")["type"] == "result"


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "follow", "index": 99, "token": 3},
        {"action": "follow", "index": 0, "text": ""},
        {"action": "cell", "layer": 9, "index": 0},
        {"action": "measure", "measure": "colour"},
        {"action": "dance"},
        {"action": "look", "input": {"kind": "text", "text": ""}},
    ],
)
def test_bad_requests_are_answered_and_change_nothing(watched, fields):
    before = watched.view.explanation["snapshot"]["text"]
    watched.ask("1", **fields)
    assert watched.end("1")["type"] == "error"
    assert watched.view.explanation["snapshot"]["text"] == before


def test_refused_at_once(model):
    with pytest.raises(EmptyTextError):
        xw.LogitLens(model, "")
    with pytest.raises(UnknownNameError):
        xw.LogitLens(model, TEXT).measure("colour")
    other = tiny("llama", tokenizer=byte_tokenizer())
    other._capabilities["resume"] = type(other.capabilities["resume"])(False, "a reason")
    with pytest.raises(CapabilityError, match="a reason"):
        xw.LogitLens(other, TEXT)


def test_says_what_it_is_and_saves(watched, tmp_path):
    assert "4 streams x 20 positions" in repr(watched.view)
    page = watched.view.to_html(tmp_path / "lens.html", follow=[77]).read_text(encoding="utf-8")
    assert '"action": "follow"' in page
    assert "layer 2" in page
