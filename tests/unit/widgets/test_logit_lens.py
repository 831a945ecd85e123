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


@pytest.fixture(scope="module")
def tuned(model):
    return xw.TunedLens.train(model, ["The cat sat on the mat. " * 4], steps=20, on_step=lambda *_: None)


def test_a_tuned_lens_is_read_first_and_the_other_on_request(model, tuned):
    """Switching re-reads the same text, runs the model no more, and everything asked is of the lens that is shown."""
    view = xw.LogitLens(model, TEXT, lens=tuned)
    view.now()
    watched = Watched(view)
    snapshot = view.explanation["snapshot"]
    assert (snapshot["lens"], snapshot["lenses"]) == ("tuned", ["tuned", "logit"])
    assert snapshot["lens_words"].startswith("TunedLens of tiny llama")
    assert ", lens=tuned)" in snapshot["code"]
    assert "tuned lens" in repr(view)
    plain = xw.LogitLens(model, TEXT)
    far = view.measure("kl")
    assert far[:-1].mean() < plain.measure("kl")[:-1].mean()
    assert not np.array_equal(view.grid.prob, plain.grid.prob)
    assert np.array_equal(view.grid.prob[-1], plain.grid.prob[-1])
    trace = view.now().lens._trace
    watched.ask("1", action="look", lens="logit")
    assert watched.end("1")["type"] == "result"
    assert view.explanation["snapshot"]["lens"] == "logit"
    assert view.now().lens._trace is trace
    assert np.array_equal(view.grid.prob, plain.grid.prob)
    watched.ask("2", action="look", input={"kind": "text", "text": "Other"})
    assert watched.end("2")["type"] == "result"
    assert view.explanation["snapshot"]["lens"] == "logit", "an edit keeps the lens"
    watched.ask("3", action="look", lens="tuned")
    assert watched.end("3")["type"] == "result"
    assert view.explanation["snapshot"]["text"] == "Other"
    assert view.follow(77).prob == pytest.approx(xw.LogitLens(model, "Other", lens=tuned).follow(77).prob)
    watched.ask("4", action="look", lens="glass")
    assert watched.end("4")["error"]["code"] == "unknown_name"


def test_without_a_tuned_lens_there_is_none_to_ask_for(watched):
    watched.ask("1", action="look", lens="tuned")
    assert watched.end("1")["type"] == "result"
    assert watched.view.explanation["snapshot"]["lens"] == "logit"
    assert watched.view.explanation["snapshot"]["lenses"] == ["logit"]


def test_two_models_on_the_wire(model, tmp_path):
    """Both grids with texts for all their ids; questions about either; all of it in the saved page."""
    other = tiny("llama", seed=1, tokenizer=byte_tokenizer())
    view = xw.LogitLens(model, TEXT, versus=other)
    view.now()
    watched = Watched(view)
    snapshot, buffers = (view.explanation[k] for k in ("snapshot", "buffers"))
    sent = snapshot["other"]
    assert sent["name"] == "tiny llama (2)"
    difference = view.difference
    assert np.array_equal(get(sent["top"], buffers), difference.other.top)
    assert np.array_equal(get(sent["kl"], buffers), difference.kl)
    assert np.array_equal(get(sent["change"], buffers), difference.change)
    assert set(np.unique(difference.other.top).tolist()) <= set(get(snapshot["vocabulary"], buffers).tolist())
    assert ", versus=other)" in snapshot["code"]
    alone = xw.LogitLens(other, TEXT)
    watched.ask("1", action="measure", measure="entropy", whose="other")
    watched.ask("2", action="cell", layer=2, index=3, whose="other")
    watched.ask("3", action="follow", index=3, token=77, whose="other")
    ends = [watched.end(str(i)) for i in (1, 2, 3)]
    assert get(ends[0]["array"], buffers_of(watched, "1")) == pytest.approx(alone.measure("entropy"), abs=1e-5)
    assert ends[1]["candidates"][0]["id"] == alone.grid.top[2, 3, 0]
    assert get(ends[2]["array"], buffers_of(watched, "3"))[0].tolist() == alone.follow(77, 3).rank.tolist()
    page = view.to_html(tmp_path / "lens.html", follow=[77]).read_text(encoding="utf-8")
    assert page.count('"whose": "other"') == 4


def test_whose_is_refused_where_there_is_no_other(watched):
    watched.ask("1", action="cell", layer=1, index=1, whose="other")
    assert watched.end("1")["error"]["code"] == "value_refused"


def test_a_prompt_to_read_with_on_the_wire(watched):
    watched.ask("1", action="scope", layer=2, index=3, text="x -> x, ?", into=1, tokens=4)
    end = watched.end("1")
    assert end["type"] == "result"
    assert set(end) <= set(LensResult.__annotations__)
    found = watched.view.scope(1, 3, "x -> x, ?", into=0, tokens=4)
    assert (found.stream, found.into) == (2, 1)
    assert end["text"] == found.text
    assert [c["id"] for c in end["candidates"]] == [c.id for c in found.candidates]
    assert [c["id"] for c in end["before"]] == [c.id for c in found.before]
    assert end["pieces"] == list("x -> x, ?")
    assert end["at"] == 8
    assert any(c["type"] == "progress" and c["total"] == 4 for c, _ in watched.said if c["id"] == "1")
    watched.ask("2", action="scope", layer=2, index=3, text="")
    assert watched.end("2")["error"]["code"] == "empty_text"
    watched.ask("3", action="scope", layer=2, index=3, text="?", into=99)
    assert watched.end("3")["error"]["code"] == "value_refused"
