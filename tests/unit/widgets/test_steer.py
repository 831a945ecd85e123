"""The steering view without a browser: what is asked is done, gone back from, saved and replayed; every request ends once."""

import json

import numpy as np
import pytest

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, FileError, ModelError, UnknownNameError, ValueRefusedError
from xai_widgets.jobs.steering import divergence
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.wire.steer import SteerResult, SteerSnapshot

TEXT = "The cat sat on"
OFF = xw.Intervention(what="head", layer=1, index=2, value=0)
PUSH = xw.Intervention(what="resid", layer=2, how="add", value=3, direction=xw.Direction.token("Q"), at=-1)


@pytest.fixture(scope="module")
def model():
    return tiny("llama", tokenizer=byte_tokenizer())


@pytest.fixture
def watched(model):
    view = xw.Steer(model, TEXT, [OFF, PUSH], max_new_tokens=5)
    view.now()
    return Watched(view)


def test_snapshot_is_of_the_schema(watched, model):
    packed = watched.view.explanation
    snapshot = packed["snapshot"]
    assert set(snapshot) == set(SteerSnapshot.__annotations__)
    json.dumps(snapshot, allow_nan=False)
    assert snapshot["interventions"] == [OFF.to_json(), PUSH.to_json()]
    first, second = snapshot["rows"]
    n = len(TEXT)
    assert (first["at"], second["at"]) == (list(range(n)), [n - 1])
    ids = model.tokenize(TEXT).ids.tolist()
    head = model.recorded(ids, "head", 1, 2, Context())
    assert get(first["now"], packed["buffers"]) == pytest.approx(head.norm(dim=1).numpy(), rel=1e-5)
    assert (first["width"], first["length"]) == (12, None)
    assert second["length"] == pytest.approx(1, abs=1e-5)
    stream = model.recorded(ids, "resid", 2, None, Context()).norm(dim=1).numpy()
    assert snapshot["norms"][2] == pytest.approx(float(np.median(stream)), rel=1e-5)
    assert len(snapshot["norms"]) == snapshot["sites"]["n_layers"] + 1
    assert snapshot["kl"] == pytest.approx(watched.view.kl)
    assert {c["id"] for c in snapshot["before"]} == {c["id"] for c in snapshot["after"]}
    assert sum(c["prob"] for c in snapshot["before"]) < 1
    assert f"{OFF!r},\n" in snapshot["code"]
    assert json.loads(snapshot["json"])["interventions"] == snapshot["interventions"]


def test_numbers_are_the_adapters(watched, model):
    view, ids = watched.view, model.tokenize(TEXT).ids.tolist()
    expected = model.intervened(ids, [OFF, PUSH], Context())[0].numpy()
    assert np.abs(view.logits - expected).max() < 1e-5
    assert np.abs(view.logits_before - model.intervened(ids, [], Context())[0].numpy()).max() < 1e-5
    p, q = (np.exp(x - x.max()) / np.exp(x - x.max()).sum() for x in (view.logits_before, view.logits))
    assert view.kl == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-4)
    assert view.generated.ids[len(ids) :].tolist() == model.written(ids, [OFF, PUSH], 5, Context())
    assert view.generated_before.ids.tolist() == model.generate(TEXT, 5).ids.tolist()
    assert "2 interventions" in repr(view)


def test_divergence_is_in_nats_and_not_negative():
    assert divergence(np.log([0.5, 0.5]), np.log([0.25, 0.75])) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert divergence(np.array([1.0, -np.inf]), np.array([3.0, -np.inf])) == 0


def test_nothing_on_changes_nothing(model):
    view = xw.Steer(model, TEXT, [OFF.changed(on=False)])
    assert view.kl is None
    assert np.array_equal(view.logits, view.logits_before)
    assert view.explanation["snapshot"]["rows"][0]["at"] == list(range(len(TEXT)))
    assert view.generated.ids.tolist() == view.generated_before.ids.tolist()
    assert "nothing changed" in repr(view)


def test_undo_goes_back_to_the_beginning(model):
    view = xw.Steer(model, TEXT)
    view.apply([OFF]).apply([OFF, PUSH])
    assert view.undo().interventions == (OFF,)
    assert view.undo().interventions == ()
    with pytest.raises(ValueRefusedError, match="go back"):
        view.undo()
    view.apply([PUSH])
    assert view.undo().interventions == ()


def test_a_slider_on_its_way_is_one_step(watched):
    view = watched.view
    for i, value in enumerate((0.1, 0.2, 0.3), 1):
        moved = [OFF.changed(value=value).to_json(), PUSH.to_json()]
        watched.ask(str(i), action="look", interventions=moved, settled=i == 3)
        assert watched.end(str(i))["type"] == "result"
    assert view.interventions[0].value == 0.3
    assert view.undo().interventions == (OFF, PUSH)


def test_a_look_in_the_browser_is_what_python_reads(watched):
    fields = {"what": "mlp_out", "layer": 0, "how": "set", "value": 0}
    watched.ask("1", action="look", interventions=[fields], input={"kind": "text", "text": "A dog"})
    assert watched.end("1")["type"] == "result"
    snapshot = watched.view.explanation["snapshot"]
    assert (snapshot["revision"], snapshot["input"]["text"]) == (1, "A dog")
    assert watched.view.interventions == (xw.Intervention.from_json(fields),)


def test_what_is_written_is_asked_for(watched):
    watched.ask("1", action="write", count=4)
    end = watched.end("1")
    assert end["type"] == "result"
    assert set(end) <= set(SteerResult.__annotations__)
    ids = [[t["id"] for t in end[name]] for name in ("written_before", "written_after")]
    n = len(TEXT)
    assert ids == [whole.ids[n : n + 4].tolist() for whole in (watched.view.generated_before, watched.view.generated)]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"interventions": [{"what": "resid", "layer": 99, "value": 1}]}, "value_refused"),
        ({"interventions": [{"what": "mlp", "layer": 0, "value": 1}]}, "unknown_name"),
        ({"interventions": [{"what": "resid", "layer": 0, "value": 1, "at": [400]}]}, "value_refused"),
        ({"interventions": [{"what": "resid", "layer": 0, "value": 1e38}] * 2}, "value_refused"),
        ({"interventions": "everything"}, "value_refused"),
        ({"input": {"kind": "text", "text": ""}}, "empty_text"),
    ],
)  # fmt: skip
def test_a_refusal_leaves_the_last_picture(watched, asked, code):
    before = watched.view.explanation["snapshot"]
    watched.ask("1", action="look", **asked)
    end = watched.end("1")
    assert (end["type"], end["error"]["code"]) == ("error", code)
    assert watched.view.explanation["snapshot"] == before
    assert watched.view.interventions == (OFF, PUSH)
    watched.view.apply([OFF])
    with pytest.raises(ValueRefusedError):
        watched.view.apply([OFF.changed(layer=50)])
    assert watched.view.undo().interventions == (OFF, PUSH)


def test_other_weights_are_not_mixed_with_what_was_written_before():
    model = tiny("llama", tokenizer=byte_tokenizer())
    view = xw.Steer(model, TEXT, [OFF.changed(value=1)], max_new_tokens=5)
    assert view.generated.ids.tolist() == view.generated_before.ids.tolist()
    next(model.model.parameters()).data.mul_(-1.5)
    with pytest.raises(ModelError, match="changed"):
        _ = view.generated
    view.apply([OFF.changed(value=1)])
    assert view.generated.ids.tolist() == view.generated_before.ids.tolist()


def test_written_lengths_that_make_no_sense_are_refused(watched):
    watched.ask("1", action="write", count=100_000)
    assert watched.end("1")["error"]["code"] == "value_refused"
    with pytest.raises(ValueRefusedError):
        xw.Steer(watched.view._looking.adapter, TEXT, max_new_tokens=0)


def test_bad_arguments_raise_where_they_are_typed(model):
    with pytest.raises(ValueRefusedError, match="position"):
        xw.Steer(model, TEXT, [OFF.changed(at=(99,))])
    with pytest.raises(ValueRefusedError, match=r"xw\.Intervention"):
        xw.Steer(model, TEXT, ["off"])
    with pytest.raises(UnknownNameError):
        xw.Steer(model, TEXT, [{"what": "resid", "layer": 0, "valu": 1}])
    far = xw.Steer(model, TEXT, [OFF.changed(layer=77)])
    with pytest.raises(ValueRefusedError, match="0 to 2"):
        far.now()


def test_saved_and_replayed(watched, model, tmp_path):
    path = watched.view.save(tmp_path / "steer.json")
    again = xw.Steer.replay(model, path)
    assert again.interventions == (OFF, PUSH)
    assert np.array_equal(again.logits, watched.view.logits)
    assert xw.Steer(model, "A dog").apply(path).interventions == (OFF, PUSH)
    with pytest.raises(FileError):
        xw.Steer.replay(model, __file__)


def test_its_code_makes_it_again(watched, model, monkeypatch):
    code = watched.view.code()
    assert "max_new_tokens=5" in code
    made = eval(code.split("\n", 3)[3], {"xw": xw, "lm": model})
    assert np.array_equal(made.logits, watched.view.logits)


def test_a_page_holds_both_texts(watched, tmp_path):
    page = watched.view.to_html(tmp_path / "steer.html").read_text(encoding="utf-8")
    assert "written_after" in page
    assert '"module": "steer"' in page


def test_models_without_the_part_say_so():
    mamba = tiny("mamba", tokenizer=byte_tokenizer())
    view = xw.Steer(mamba, TEXT, [xw.Intervention(what="resid", layer=1, value=0.5)])
    assert view.kl > 0
    assert view.explanation["snapshot"]["sites"]["lacks"]["attn_out"][0]
    with pytest.raises(CapabilityError, match="attention"):
        view.apply([xw.Intervention(what="attn_out", layer=1, value=0)])
