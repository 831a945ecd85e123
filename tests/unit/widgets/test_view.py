"""A view without a browser: every request ends in exactly one message, state survives, nothing computes in a handler."""

import gc
import threading
import weakref

import numpy as np
import pytest

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import tiny
from xai_widgets.core.context import Partial
from xai_widgets.core.errors import UnknownNameError
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.schema import PROTOCOL_VERSION, TRAITS
from xai_widgets.widgets.base import Ticket


@pytest.fixture(scope="module")
def model():
    return tiny("llama")


@pytest.fixture
def watched(model):
    answer = xw.explain(model, "one two three")
    answer.scores  # noqa: B018 - waits
    return Watched(answer.widget)


def test_traits_are_the_ones_of_the_schema(watched):
    ours = {n for n in watched.view.trait_names(sync=True) if not n.startswith("_")} - {
        "layout",
        "tabbable",
        "tooltip",
        "comm",
    }
    assert ours == set(TRAITS)


def test_a_request_is_answered_once_and_the_state_has_it(watched):
    watched.ask("3", method="gradient_norm", unit="word")
    assert watched.end("3")["type"] == "result"
    snapshot = watched.view.explanation["snapshot"]
    assert (snapshot["revision"], snapshot["method"]["name"], snapshot["unit_kind"]) == (3, "gradient_norm", "word")
    scores = get(snapshot["scores"], watched.view.explanation["buffers"])
    assert scores.shape == (1, len(snapshot["unit_labels"])) and np.isfinite(scores).all()
    assert watched.view.status["state"] == "idle"
    assert len(watched.ends("3")) == 1


def test_edit_brings_candidates_before_scores(watched):
    watched.ask("4", input={"kind": "text", "text": "four five six seven"})
    watched.end("4")
    kinds = [("candidates" in c, "scores" in c) for c, _ in watched.said if c["id"] == "4" and c["type"] == "progress"]
    assert (True, False) in kinds and kinds.index((True, False)) < next(i for i, k in enumerate(kinds) if k[1])
    assert watched.view.explanation["snapshot"]["text"] == "four five six seven"


def test_a_partial_answer_says_what_is_final_and_what_the_rest_is(watched):
    rows, some, total = np.float32([[7, 0], [1, 0]]), np.array([True, False]), np.float32([8, 3])
    watched.view.on_partial(Ticket("20", 20), Partial(rows, some, estimate=True, total=total))
    watched.view.on_partial(Ticket("21", 21), Partial(rows[:1], some))
    (first, its), (second, others) = [(c, b) for c, b in watched.said if "scores" in c][-2:]
    assert (first["estimate"], first["done"], first["total"]) == (True, 1, 2)
    assert get(first["known"], its).tolist() == [1, 0]
    assert get(first["scores"], its).tolist() == rows.tolist()
    assert get(first["sum"], its).tolist() == [8, 3]
    assert second["estimate"] is False and "sum" not in second
    assert get(second["scores"], others).tolist() == [[7, 0]]


def test_the_newest_wins_and_the_old_one_ends_cancelled(watched):
    watched.ask("5", input={"kind": "text", "text": "a b c d e f g h " * 8})
    watched.ask("6", input={"kind": "text", "text": "newest"})
    assert watched.end("6")["type"] == "result"
    assert watched.end("5")["type"] in ("cancelled", "result")
    assert watched.view.explanation["snapshot"]["text"] == "newest"


def test_cancel_keeps_the_last_answer(watched, monkeypatch):
    before = watched.view.explanation
    began = threading.Event()
    original = EXPLAINERS["gradient_norm"].explain

    def slow(self, adapter, question, context):
        began.set()
        while True:
            context.check()

    monkeypatch.setattr(EXPLAINERS["gradient_norm"], "explain", slow)
    watched.ask("7", method="gradient_norm")
    assert began.wait(30)
    watched.view._receive(None, {"type": "cancel", "v": PROTOCOL_VERSION, "id": "other"}, [])
    assert not watched.ends("7")
    watched.view._receive(None, {"type": "cancel", "v": PROTOCOL_VERSION, "id": "7"}, [])
    assert watched.end("7")["type"] == "cancelled"
    assert watched.view.explanation == before and watched.view.status["state"] == "cancelled"
    monkeypatch.setattr(EXPLAINERS["gradient_norm"], "explain", original)
    watched.ask("8", method="gradient_norm")
    assert watched.end("8")["type"] == "result"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"method": "leave_on_out"}, "unknown_name"),
        ({"input": {"kind": "text", "text": ""}}, "empty_text"),
        ({"input": {"kind": "text", "text": "x " * 5000}}, "too_long"),
        ({"target": {"kind": "text", "text": " one two"}, "contrast": {"kind": "text", "text": " one"}}, "target"),
        ({"unit": "words"}, "unknown_name"),
        ({"method": "integrated_gradients", "params": {"n_step": 3}}, "unknown_name"),
        ({"target": {"kind": "generated", "index": 4}}, "target"),
        ({"action": "explode"}, "protocol"),
        ({"v": 99}, "protocol"),
        ({"input": 5}, "fault"),
    ],
)
def test_refusals_are_typed_and_lose_nothing(watched, fields, code):
    before = watched.view.explanation
    watched.ask("9", **fields)
    end = watched.end("9")
    assert (end["type"], end["error"]["code"]) == ("error", code)
    assert end["error"]["problem"] and (end["error"]["hint"] or code == "fault")
    assert watched.view.explanation == before and watched.view.status["state"] == "error"
    watched.ask("10")
    assert watched.end("10")["type"] == "result" and watched.view.status["state"] == "idle"


def test_generate_gives_targets(watched):
    watched.ask("11", action="generate", max_new_tokens=3)
    assert watched.end("11")["type"] == "result"
    written = watched.view.explanation["snapshot"]["generated"]
    assert 1 <= len(written) <= 3
    watched.ask("12", target={"kind": "generated", "index": len(written) - 1})
    watched.end("12")
    snapshot = watched.view.explanation["snapshot"]
    assert snapshot["rows"][0]["id"] == written[-1]["id"] and len(snapshot["generated"]) == len(written)
    assert len(snapshot["tokens"]["text"]) == snapshot["n_prompt"] + len(written) - 1


def test_methods_come_with_cost_or_reason(watched):
    watched.ask("13", action="methods")
    methods = watched.end("13")["methods"]
    assert {m["name"] for m in methods} == set(EXPLAINERS)
    assert all(m["cost"] if m["available"] else m["reason"] for m in methods)


def test_long_runs_ask_first_and_numbers_are_a_yes(model, monkeypatch):
    monkeypatch.setattr("xai_widgets.jobs.answering.ASK_ABOVE_SECONDS", 0.0)
    answer = xw.explain(model, "one two three four")
    watched = Watched(answer.widget)
    watched.ask("14", method="saliency")
    watched.end("14")
    assert watched.view.status["state"] == "asks" and watched.view.status["cost"]
    watched.ask("15", method="saliency", confirmed=True)
    watched.end("15")
    assert watched.view.status["state"] == "idle"
    other = xw.explain(model, "five six seven")
    assert other.scores.shape[0] == 1


def test_unknown_options_are_refused(model):
    with pytest.raises(UnknownNameError):
        xw.TokenAttribution(model, "a b", metod="saliency")
    view = xw.TokenAttribution(model, "a b", method="saliency")
    assert view.status["state"] in ("running", "idle")


def test_a_finding_without_a_model_is_static():
    watched = Watched(xw.show([1.0, 2.0], tokens=["a", "b"]).widget)
    assert watched.view.status["state"] == "static"
    watched.ask("1")
    assert watched.end("1")["error"]["code"] == "protocol"


def test_two_threads_setting_state_lose_nothing(watched):
    """The browser's updates and ours at once: every change of ours is seen, and the last of each stays."""
    seen = []
    watched.view.observe(lambda change: seen.append(change["new"]["cost"]), "status")
    threads = [
        threading.Thread(
            target=lambda: [
                watched.view.publish(status={"state": "idle", "error": None, "cost": str(i), "seconds": None})
                for i in range(300)
            ]
        ),
        threading.Thread(
            target=lambda: [
                watched.view.set_state({"selection": {"pos": [i], "target": [], "source": "v"}}) for i in range(300)
            ]
        ),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [str(i) for i in range(300)] and watched.view.selection["pos"] == [299]


def test_linked_views_share_a_name(model):
    a, b = xw.show([1.0], tokens=["a"]), xw.show([2.0], tokens=["b"])
    xw.link(a, b)
    assert a.widget.display["link_id"] == b.widget.display["link_id"] is not None


def test_what_was_chosen_is_in_the_list(model):
    rare, other = 30000, 31000
    snapshot = xw.TokenAttribution.of(
        None, xw.explain(model, "one two", target=rare, contrast=other).finding
    ).explanation["snapshot"]
    assert {rare, other} <= {c["id"] for c in snapshot["candidates"]} and len(snapshot["candidates"]) == 12


def test_rows_too_large_to_push_are_fetched(watched, monkeypatch):
    monkeypatch.setattr("xai_widgets.widgets.explaining.PUSH_LIMIT", 20)
    watched.ask("16", target={"kind": "text", "text": " one two three"})
    watched.end("16")
    snapshot = watched.view.explanation["snapshot"]
    assert snapshot["axes"] == ["pos"] and len(snapshot["rows"]) == 3
    watched.view._receive(
        None, {"type": "fetch", "v": PROTOCOL_VERSION, "id": "17", "view": "t", "revision": 16, "row": 1}, []
    )
    content, buffers = next((c, b) for c, b in watched.said if c["id"] == "17")
    np.testing.assert_array_equal(get(content["scores"], buffers), watched.view._session.finding.explanation.scores[1])
    watched.view._receive(
        None, {"type": "fetch", "v": PROTOCOL_VERSION, "id": "18", "view": "t", "revision": 16, "row": 3}, []
    )
    assert watched.end("18")["error"]["code"] == "protocol"


def test_a_yes_from_python_keeps_what_was_to_be_written(model, monkeypatch):
    answer = xw.explain(model, "one two three five")
    watched = Watched(answer.widget)
    answer.scores  # noqa: B018 - waits
    monkeypatch.setattr("xai_widgets.jobs.answering.ASK_ABOVE_SECONDS", 0.0)
    watched.ask("19", action="generate", max_new_tokens=2, method="saliency")
    watched.end("19")
    assert watched.view.status["state"] == "asks"
    assert len(answer.finding.generated) >= 1 and answer.finding.ask.method == "saliency"


def test_a_view_that_is_closed_is_freed(model):
    """With what it looked at: every run of a cell would otherwise keep its passes."""
    views = [xw.show([1.0, -1.0], tokens=["a", "b"]).widget, xw.LogitLens(model, "one two"), xw.Steer(model, "one two")]
    views[1].now()
    views[2].now()
    gone = [weakref.ref(view) for view in views]
    while views:
        views.pop().close()
    gc.collect()
    assert [view() for view in gone] == [None, None, None]
