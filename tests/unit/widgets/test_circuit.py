"""The circuit view without a browser: scores first, then checks; every request ends once."""

import numpy as np
import pytest

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.circuit import PATHS
from xai_widgets.core.errors import CapabilityError, EmptyTextError, TargetError, UnknownNameError, ValueRefusedError
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.circuit import SENT
from xai_widgets.protocol.wire.circuit import CircuitResult, CircuitSnapshot

CLEAN, CORRUPTED = "The cat", "The dog"


@pytest.fixture(scope="module")
def model():
    return tiny("llama", tokenizer=byte_tokenizer())


@pytest.fixture
def watched(model):
    view = xw.Circuit(model, CLEAN, CORRUPTED, target=65, contrast=90)
    view.now()
    return Watched(view)


def arrays(explanation, *names):
    return [get(explanation["snapshot"][name], explanation["buffers"]) for name in names]


def test_snapshot_is_of_the_schema(watched):
    explanation = watched.view.explanation
    snapshot = explanation["snapshot"]
    assert set(snapshot) == set(CircuitSnapshot.__annotations__)
    sources, targets, paths, scores, kept, curve = arrays(
        explanation, "sources", "targets", "paths", "scores", "kept", "curve"
    )
    assert len(sources) == len(targets) == len(paths) == len(scores) == len(kept) == snapshot["n_edges"] < SENT
    assert snapshot["names"][0] == "embedding"
    assert snapshot["names"][-1] == "logits"
    assert (sources < targets).all(), "who reads comes later in the pass"
    heads = np.array([kind == "head" for kind in snapshot["kinds"]])
    assert ((paths > 0) == heads[targets]).all()
    assert kept.sum() == watched.view.found.check.kept
    assert curve[:, 0].tolist() == [5, 10, 20, 50, 100, 200]
    assert snapshot["base"]["text"] == list(CLEAN)
    assert snapshot["source"]["text"] == list(CORRUPTED)
    assert snapshot["faithfulness"] == pytest.approx(watched.view.found.check.faithfulness)
    clean, cut = snapshot["base_value"], snapshot["source_value"]
    assert abs(clean - cut) > 1e-3
    assert f"xw.Circuit(lm, {CLEAN!r}, {CORRUPTED!r}, target=65, contrast=90)" in snapshot["code"]
    assert watched.view.status["state"] == "idle"


def test_scores_come_first_and_checks_as_they_are_run(model):
    seen = []

    class Kept(xw.Circuit):
        def publish(self, **state):
            explanation = state.get("explanation")
            if explanation and explanation["snapshot"]:
                seen.append(len(arrays(explanation, "curve")[0]))
            super().publish(**state)

    Kept(model, CLEAN, CORRUPTED, target=65, contrast=90).now()
    assert seen[:3] == [0, 1, 2]
    assert seen[-1] == 6


def test_another_size_is_checked_by_a_pass(watched):
    watched.ask("1", action="keep", size=30)
    end = watched.end("1")
    assert end["type"] == "result", end
    assert set(end) <= set(CircuitResult.__annotations__)
    check = watched.view.keep(30)
    assert end["faithfulness"] == pytest.approx(check.faithfulness, abs=1e-5)
    assert end["completeness"] == pytest.approx(check.completeness, abs=1e-5)
    (buffers,) = [b for c, b in watched.said if c["id"] == "1" and c["type"] == "result"]
    assert get(end["array"], buffers).astype(bool).tolist() == watched.view.graph.strongest(30).tolist()
    assert end["before"][0]["id"] == watched.view.explanation["snapshot"]["base_candidates"][0]["id"]


def test_an_edge_alone(watched):
    graph = watched.view.graph
    watched.ask("1", action="edge", edge=3)
    end = watched.end("1")
    source, target = (graph.nodes[i[3]].name for i in (graph.sources, graph.targets))
    value, before, after = watched.view.edge(source, target, PATHS[graph.paths[3]])
    assert end["value"] == pytest.approx(value, abs=1e-5)
    assert value == pytest.approx((before[65] - before[90]) - (after[65] - after[90]), abs=1e-5)
    assert graph.exact[3] == pytest.approx(value, abs=1e-5), "kept with the graph"
    with pytest.raises(UnknownNameError, match="edge"):
        watched.view.edge("head 9.9", "logits")


def test_other_prompts_and_methods(watched):
    watched.ask("1", action="look", method="acdc", threshold=0.05, size=30)
    assert watched.end("1")["type"] == "result"
    found = watched.view.found
    assert found.method == "acdc"
    assert found.check.kept == found.kept.sum() <= 30
    watched.ask(
        "2",
        action="look",
        method="eap",
        clean={"kind": "text", "text": "A <b>"},
        corrupted={"kind": "text", "text": "B <i>"},
    )
    assert watched.end("2")["type"] == "result"
    assert watched.view.found.method == "eap"
    assert watched.view.found.base.texts == tuple("A <b>")


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "keep", "size": 0}, {"action": "keep"}, {"action": "edge", "edge": -1}, {"action": "edge", "edge": 10**9},
        {"action": "look", "steps": 0}, {"action": "look", "threshold": 0}, {"action": "look", "threshold": "x"},
        {"action": "look", "threshold": True},
        {"action": "look", "method": "magic"}, {"action": "nothing"},
        {"action": "look", "clean": {"kind": "text", "text": ""}},
        {"action": "look", "corrupted": {"kind": "text", "text": CLEAN}},
    ],
)  # fmt: skip
def test_nonsense_is_answered_and_the_next_request_works(watched, fields):
    watched.ask("1", **fields)
    assert watched.end("1")["type"] == "error"
    watched.ask("2", action="keep", size=10)
    assert watched.end("2")["type"] == "result"


def test_refusals(model):
    with pytest.raises(UnknownNameError, match="method"):
        xw.Circuit(model, CLEAN, CORRUPTED, method="magic")
    with pytest.raises(EmptyTextError):
        xw.Circuit(model, "", CORRUPTED)
    with pytest.raises(ValueRefusedError, match="size"):
        xw.Circuit(model, CLEAN, CORRUPTED, size=0)
    with pytest.raises(CapabilityError, match="without attention"):
        xw.Circuit(tiny("mamba"), CLEAN, CORRUPTED)
    with pytest.raises(ValueRefusedError, match="threshold"):
        xw.Circuit(model, CLEAN, CORRUPTED, method="acdc", threshold=True)
    with pytest.raises(ValueRefusedError, match="none in common"):
        xw.Circuit(model, "xyz", "abcd", target=65, contrast=90).now()
    for size in (0, 2.5, True, "a", 10**9):
        with pytest.raises(ValueRefusedError, match="size"):
            xw.Circuit(model, CLEAN, CORRUPTED, target=65, contrast=90).keep(size)
    with pytest.raises(TargetError, match="no difference to follow"):
        xw.Circuit(model, CLEAN, CORRUPTED, target=65, contrast=65).now()


def test_cancelled_and_asked_again(model):
    view = xw.Circuit(model, CLEAN, CORRUPTED, target=65, contrast=90, method="acdc")
    watched = Watched(view)
    watched.ask("1", action="look", method="acdc", threshold=0.001)
    view._receive(None, {"type": "cancel", "v": view.protocol_version, "id": "1", "revision": 1}, [])
    assert watched.end("1")["type"] in ("cancelled", "result")
    watched.ask("2", action="look", method="eap")
    assert watched.end("2")["type"] == "result"


def test_a_page_that_opens_offline(watched, tmp_path):
    page = watched.view.to_html(tmp_path / "c.html").read_text()
    assert "default-src 'none'" in page
    assert '"kind": "circuit"' in page
    assert "<Circuit of" in repr(watched.view)
