"""The patching view without a browser: an estimate first, then exact rows; every request ends once."""

import numpy as np
import pytest

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.errors import TargetError, UnknownNameError, ValueRefusedError
from xai_widgets.jobs import patching
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.wire.patching import PatchingResult, PatchingSnapshot

CLEAN, CORRUPTED = "The cat sat, the", "The dog sat, the"


@pytest.fixture(scope="module")
def model():
    return tiny("llama", tokenizer=byte_tokenizer())


@pytest.fixture
def watched(model):
    view = xw.Patching(model, CLEAN, CORRUPTED, target=65, contrast=90)
    view.now()
    return Watched(view)


def arrays(explanation, *names):
    return [get(explanation["snapshot"][name], explanation["buffers"]) for name in names]


def test_snapshot_is_of_the_schema(watched):
    explanation = watched.view.explanation
    snapshot = explanation["snapshot"]
    assert set(snapshot) == set(PatchingSnapshot.__annotations__)
    n = len(CLEAN)
    values, exact, estimate, pairs = arrays(explanation, "values", "exact", "estimate", "pairs")
    assert values.shape == estimate.shape == (3, n)
    assert exact.all()
    assert pairs.tolist() == list(range(n))
    assert snapshot["base"]["text"] == list(CORRUPTED)
    assert snapshot["source"]["text"] == list(CLEAN)
    assert values == pytest.approx(watched.view.grid.values)
    assert snapshot["agreement"] == pytest.approx(watched.view.agreement)
    assert snapshot["target"]["id"] == 65
    assert snapshot["other"]["id"] == 90
    assert f"xw.Patching(lm, {CLEAN!r}, {CORRUPTED!r}, target=65, contrast=90)" in snapshot["code"]
    assert watched.view.status["state"] == "idle"


def test_the_estimate_comes_first_and_telling_rows_next(model, monkeypatch):
    monkeypatch.setattr(patching, "EVERY", 0.0)
    seen = []

    class Kept(xw.Patching):
        def publish(self, **state):
            explanation = state.get("explanation")
            if explanation and explanation["snapshot"]:
                seen.append(arrays(explanation, "values", "exact", "estimate"))
            super().publish(**state)

    Kept(model, CLEAN, CORRUPTED, target=65, contrast=90).now()
    values, exact, estimate = seen[0]
    assert not exact.any()
    assert np.isnan(values).all()
    assert np.isfinite(estimate).all()
    base = seen[-1][0][0, 0]  # before the word that differs nothing changes
    order = [int(np.flatnonzero(seen[i + 1][1] > seen[i][1])[0]) for i in range(2)]
    spread = np.abs(estimate - base).max(1)
    assert spread[order[0]] >= spread[order[1]] - 1e-5


def test_a_cell_and_its_changed_answer(watched):
    watched.ask("1", action="cell", layer=1, index=5)
    end = watched.end("1")
    assert end["type"] == "result", end
    assert set(end) <= set(PatchingResult.__annotations__)
    assert end["value"] == pytest.approx(float(watched.view.grid.values[1, 5]), abs=1e-5)
    usual, changed = watched.view.patched(1, 5)
    assert end["before"][0]["id"] == int(usual.argmax())
    assert end["after"][0]["id"] == int(changed.argmax())
    assert sum(c["prob"] for c in end["after"]) < 1


def test_parts_and_heads_of_the_same_prompts(watched, monkeypatch):
    """The prompts are not run again; columns are heads; a cell is a head's."""
    lm = watched.view._looking.adapter
    calls, usual = [], lm.trace
    monkeypatch.setattr(lm, "trace", lambda *given: (calls.append(1), usual(*given))[1], raising=False)
    for number, part, shape in (("1", "attn_out", (3, len(CLEAN))), ("2", "head", (3, 4))):
        watched.ask(number, action="look", part=part)
        assert watched.end(number)["type"] == "result"
        snapshot = watched.view.explanation["snapshot"]
        values, exact = arrays(watched.view.explanation, "values", "exact")
        assert values.shape == shape
        assert exact.all()
        assert np.isfinite(values).all()
        assert snapshot["part"] == part
    assert calls == []
    assert snapshot["columns"] == [f"head {i}" for i in range(4)]
    watched.ask("3", action="cell", layer=1, index=3)
    assert watched.end("3")["value"] == pytest.approx(float(watched.view.grid.values[1, 3]), abs=1e-5)
    assert "part='head'" in snapshot["code"]
    watched.ask("4", action="look", part="colour")
    assert watched.end("4")["type"] == "error"


def test_other_prompts_and_the_other_direction(watched):
    watched.ask("1", action="look", direction="noise")
    assert watched.end("1")["type"] == "result"
    snapshot = watched.view.explanation["snapshot"]
    assert snapshot["base"]["text"] == list(CLEAN)
    assert snapshot["target"]["id"] == 65, "what is left out stays"
    watched.ask("2", action="look", corrupted={"kind": "text", "text": "The big dog sat, the"})
    assert watched.end("2")["type"] == "result"
    (pairs,) = arrays(watched.view.explanation, "pairs")
    assert len(pairs) == len(CLEAN)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"action": "cell", "layer": 99, "index": 0}, "value_refused"),
        ({"action": "look", "corrupted": {"kind": "text", "text": CLEAN}}, "value_refused"),
        ({"action": "look", "target": {"kind": "token", "id": 90}}, "target"),
        ({"action": "dance"}, "protocol"),
    ],
)
def test_bad_requests_are_answered_and_change_nothing(watched, fields, code):
    before = watched.view.explanation["snapshot"]
    watched.ask("1", **fields)
    end = watched.end("1")
    assert end["type"] == "error"
    assert code in end["error"]["code"].lower().replace("-", "_")
    assert watched.view.explanation["snapshot"] == before


def test_refused(model):
    with pytest.raises(UnknownNameError):
        xw.Patching(model, CLEAN, CORRUPTED, direction="sideways")
    with pytest.raises(ValueRefusedError, match="nothing to explain"):
        xw.Patching(model, CLEAN, CLEAN, target=65, contrast=90).now()
    with pytest.raises(TargetError, match="no difference"):
        xw.Patching(model, CLEAN, CORRUPTED, target=65, contrast=65).now()
    with pytest.raises(TargetError, match="no token"):
        xw.Patching(model, CLEAN, CORRUPTED, target=10**6, contrast=65).now()


def test_says_what_it_is_and_saves(watched, tmp_path):
    assert "of the difference" in repr(watched.view)
    page = watched.view.to_html(tmp_path / "p.html").read_text(encoding="utf-8")
    assert "into layer 2" in page
