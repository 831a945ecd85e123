"""The patching view without a browser: an estimate first, then exact rows; every request ends once."""

import json

import numpy as np
import pytest

import xai_widgets as xw
from tests.protocol import golden
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.errors import TargetError, UnknownNameError, ValueRefusedError
from xai_widgets.jobs import patching
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.wire.patching import PatchingAsked, PatchingResult, PatchingSnapshot

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


def test_a_subject_is_noised_and_parts_are_ablated(watched):
    """What is left out of a request stays or is as usual; each look says how it came about; the code makes it again."""
    snapshots = {}
    for number, (name, fields) in enumerate(
        (
            ("noise", {"against": "noise", "noise": {"positions": [4, 5, 6], "samples": 2}, "other": None}),
            ("subject", {"against": "noise", "noise": {"subject": "cat"}, "part": "mlp_out"}),
            ("zero", {"against": "ablation", "ablation": {"kind": "zero"}, "part": "resid"}),
            ("back", {"against": "prompt", "corrupted": {"kind": "text", "text": CORRUPTED}}),
        ),
        1,
    ):
        watched.ask(str(number), action="look", **fields)
        assert watched.end(str(number))["type"] == "result", watched.end(str(number))
        snapshots[name] = watched.view.explanation["snapshot"]
        assert set(snapshots[name]) == set(PatchingSnapshot.__annotations__)
    noise = snapshots["noise"]
    assert (noise["against"], noise["corrupted"], noise["ablation"], noise["quantity"]) == ("noise", None, None, "prob")
    assert noise["noise"]["positions"] == [4, 5, 6]
    assert noise["other"] is None, "without another prompt nothing is compared with"
    assert noise["base"]["text"] == noise["source"]["text"] == list(CLEAN)
    assert "xw.Noise((4, 5, 6), samples=2)" in noise["code"]
    assert snapshots["subject"]["noise"] == {**noise["noise"], "subject": "cat"}
    assert "xw.Noise('cat', samples=2), target=65, part='mlp_out')" in snapshots["subject"]["code"]
    zero = snapshots["zero"]
    assert (zero["source_value"], zero["source_candidates"], zero["quantity"]) == (None, [], "log_prob")
    assert "xw.Ablation('zero')" in zero["code"]
    assert snapshots["back"]["quantity"] == "logit"
    watched.ask("9", action="look", against="ablation", ablation={"kind": "melt"})
    assert watched.end("9")["type"] == "error"


def test_another_prompt_has_to_be_written_first(model):
    """A view that began with noise has none."""
    watched = Watched(xw.Patching(model, CLEAN, xw.Noise("cat", samples=2), target=65))
    watched.view.now()
    watched.ask("1", action="look", against="prompt")
    assert "type one" in watched.end("1")["error"]["hint"]


def test_what_was_asked_is_there_before_and_without_a_picture(model):
    """A first look that fails leaves both prompts to be edited, and the next one mends it; the hint is no keyword."""
    view = xw.Patching(model, CLEAN, CLEAN)
    with pytest.raises(TargetError, match="Both prompts say") as refused:
        view.now()
    assert "=" not in refused.value.hint
    assert view.explanation["snapshot"] is None
    asked = view.explanation["asked"]
    assert set(asked) == set(PatchingAsked.__annotations__)
    assert asked["clean"] == asked["corrupted"] == {"kind": "text", "text": CLEAN}
    watched = Watched(view)
    fields = {"corrupted": {"kind": "text", "text": CORRUPTED}, "target": {"kind": "token", "id": 65}}
    watched.ask("1", action="look", **fields, other={"kind": "token", "id": 90})
    assert watched.end("1")["type"] == "result"
    assert view.explanation["snapshot"]["against"] == "prompt"


def test_a_text_is_followed_as_a_whole(model):
    """Its log-probability; against nothing unless told; a cell's number is that of the grid."""
    watched = Watched(xw.Patching(model, CLEAN, CORRUPTED, target="ABC"))
    grid = watched.view.grid
    snapshot = watched.view.explanation["snapshot"]
    assert (snapshot["target"]["text"], snapshot["target_ids"]) == ("ABC", list(model.continuation("ABC")))
    assert (snapshot["other"], snapshot["quantity"]) == (None, "log_prob")
    assert len(snapshot["base"]["text"]) == len(CLEAN)
    watched.ask("1", action="cell", layer=1, index=5)
    assert watched.end("1")["value"] == pytest.approx(float(grid.values[1, 5]), abs=1e-5)
    both = xw.Patching(model, CLEAN, CORRUPTED, target="ABC", contrast="AB").now().chosen
    assert both.number.other == model.continuation("AB")
    with pytest.raises(ValueRefusedError, match="log_prob"):
        xw.Patching(model, CLEAN, CORRUPTED, target="ABC", quantity="logit").now()


def test_requests_the_browser_wrote_are_understood(watched):
    """Those of `tests/js/requests.ts`."""
    requests = json.loads((golden.FOLDER / "requests.json").read_text(encoding="utf-8"))
    looks = {r["id"]: watched.view.ask_of(r) for r in requests if r["id"].startswith("s1-5") and r["action"] == "look"}
    assert (looks["s1-50"].direction, looks["s1-50"].part, looks["s1-50"].other) == ("noise", "head", None)
    assert looks["s1-50"].target == " New York"
    assert looks["s1-51"].corrupted == xw.Noise((1, 2), samples=4)
    assert looks["s1-52"].corrupted == xw.Noise("cat")
    assert looks["s1-53"].corrupted == xw.Ablation("zero")


def test_refused(model):
    with pytest.raises(UnknownNameError):
        xw.Patching(model, CLEAN, CORRUPTED, direction="sideways")
    with pytest.raises(ValueRefusedError, match="nothing to explain"):
        xw.Patching(model, CLEAN, CLEAN, target=65, contrast=90).now()
    with pytest.raises(TargetError, match="no difference"):
        xw.Patching(model, CLEAN, CORRUPTED, target=65, contrast=65).now()
    with pytest.raises(TargetError, match="no continuation"):
        xw.Patching(model, CLEAN, CORRUPTED, target=10**6, contrast=65).now()


def test_says_what_it_is_and_saves(watched, tmp_path):
    assert "of the difference" in repr(watched.view)
    page = watched.view.to_html(tmp_path / "p.html").read_text(encoding="utf-8")
    assert "into layer 2" in page
