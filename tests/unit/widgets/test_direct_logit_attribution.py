"""The view of direct logit attribution without a browser: every request ends once, with the numbers a script gets."""

import numpy as np
import pytest

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.errors import CapabilityError, EmptyTextError, TargetError
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.wire.direct import DirectResult, DirectSnapshot, NeuronRow

TEXT = "The cat sat, the"


@pytest.fixture(scope="module")
def model():
    return tiny("llama", tokenizer=byte_tokenizer())


@pytest.fixture
def watched(model):
    view = xw.DirectLogitAttribution(model, TEXT, target=65, contrast=90)
    view.now()
    return Watched(view)


def test_snapshot_is_of_the_schema_and_sums(watched):
    explanation = watched.view.explanation
    snapshot, buffers = explanation["snapshot"], explanation["buffers"]
    assert set(snapshot) == set(DirectSnapshot.__annotations__)
    values = get(snapshot["values"], buffers)
    assert values.sum() == pytest.approx(snapshot["logit"], abs=1e-4)
    assert len(values) == len(snapshot["components"]) == len(snapshot["kinds"]) == len(snapshot["layers"])
    heads = get(snapshot["heads"], buffers)
    assert heads.shape == (3, 4)
    for layer in range(3):
        at = snapshot["components"].index(f"attn {layer}")
        assert heads[layer].sum() == pytest.approx(values[at], abs=1e-5)
    assert snapshot["mlps"] == [0, 1, 2]
    assert snapshot["target"]["id"] == 65
    assert snapshot["other"]["id"] == 90
    assert 0 < snapshot["target"]["prob"] < 1, "also where it is not among the most probable"
    assert f"xw.DirectLogitAttribution(lm, {TEXT!r}, target=65, contrast=90)" in snapshot["code"]


def test_neurons_are_those_of_a_script(watched):
    watched.ask("1", action="neurons", layer=1)
    end = watched.end("1")
    assert end["type"] == "result", end
    assert set(end) <= set(DirectResult.__annotations__)
    rows = watched.view.neurons(1)
    assert [row["index"] for row in end["neurons"]] == [neuron.index for neuron in rows]
    assert set(end["neurons"][0]) == set(NeuronRow.__annotations__)
    assert end["neurons"][0]["share"] == pytest.approx(rows[0].share)
    assert np.all(np.diff([abs(row["share"]) for row in end["neurons"]]) <= 0)
    name = watched.view._looking.adapter.token_text
    assert end["neurons"][0]["top"] == [name(int(i)) for i in rows[0].top]


def test_another_target_of_the_same_text_runs_nothing_again(watched, monkeypatch):
    lm = watched.view._looking.adapter
    calls = []
    usual = lm.parts
    monkeypatch.setattr(lm, "parts", lambda *given: (calls.append(1), usual(*given))[1], raising=False)
    watched.ask("1", action="look", target={"kind": "token", "id": 70}, other=None)
    assert watched.end("1")["type"] == "result"
    snapshot = watched.view.explanation["snapshot"]
    assert snapshot["target"]["id"] == 70
    assert snapshot["other"] is None
    assert calls == []
    watched.ask("2", action="look", input={"kind": "text", "text": "Other"})
    assert watched.end("2")["type"] == "result"
    assert watched.view.explanation["snapshot"]["target"]["id"] == 70, "what is left out stays"
    assert calls == [1]


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "neurons", "layer": 9},
        {"action": "look", "target": {"kind": "token", "id": 90}},
        {"action": "look", "target": {"kind": "token", "id": 10**6}},
        {"action": "dance"},
    ],
)
def test_bad_requests_are_answered_and_change_nothing(watched, fields):
    before = watched.view.explanation["snapshot"]
    watched.ask("1", **fields)
    assert watched.end("1")["type"] == "error"
    assert watched.view.explanation["snapshot"] == before


def test_refused(model):
    with pytest.raises(EmptyTextError):
        xw.DirectLogitAttribution(model, "")
    with pytest.raises(TargetError):
        xw.DirectLogitAttribution(model, TEXT, target=65, contrast=65).now()
    other = tiny("llama", tokenizer=byte_tokenizer())
    other._capabilities["parts"] = type(other.capabilities["parts"])(False, "a reason")
    with pytest.raises(CapabilityError, match="a reason"):
        xw.DirectLogitAttribution(other, TEXT)


def test_says_what_it_is_and_saves(watched, tmp_path):
    assert "less" in repr(watched.view)
    page = watched.view.to_html(tmp_path / "d.html", layers=[1]).read_text(encoding="utf-8")
    assert '"action": "neurons"' in page
