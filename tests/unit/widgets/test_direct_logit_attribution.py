"""The view of direct logit attribution without a browser: every request ends once, with the numbers a script gets."""

import numpy as np
import pytest
import torch

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.logit_parts import LogitParts
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.errors import (
    CapabilityError,
    EmptyTextError,
    TargetError,
    TokenizerError,
    ValueRefusedError,
)
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.wire.direct import (
    DirectDifference,
    DirectResult,
    DirectSnapshot,
    DirectVersion,
    HeadRow,
    NeuronRow,
)
from xai_widgets.widgets.direct_logit_attribution import LONGEST

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


@pytest.fixture
def two(model):
    """A view of the model and of one whose last layer's MLP is another."""
    other = tiny("llama", tokenizer=byte_tokenizer())
    with torch.no_grad():
        other.model.get_submodule("model.layers.2.mlp.down_proj").get_parameter("weight").mul_(1.5)
    view = xw.DirectLogitAttribution(model, TEXT, target=65, versus=other)
    view.now()
    return Watched(view)


def test_where_a_head_looks_is_that_of_a_script(watched):
    watched.ask("1", action="head", layer=1, head=2)
    end, buffers = watched.end("1"), next(b for c, b in watched.said if c["id"] == "1" and c["type"] == "result")
    assert end["type"] == "result", end
    assert set(end["head"]) == set(HeadRow.__annotations__)
    found = watched.view.head(1, 2)
    np.testing.assert_array_equal(get(end["head"]["weights"], buffers), found.weights)
    np.testing.assert_array_equal(get(end["head"]["shares"], buffers), found.shares)
    assert end["head"]["share"] == pytest.approx(watched.view.shares.heads[0, 1, 2], rel=1e-5)
    pattern = get(end["head"]["pattern"], buffers)
    np.testing.assert_allclose(pattern, found.pattern, atol=1e-3)


def test_the_map_of_a_long_text_is_not_sent(model):
    view = xw.DirectLogitAttribution(model, "word " * 60)
    assert len(view.now().tokens) > LONGEST
    watched = Watched(view)
    watched.ask("1", action="head", layer=0, head=0)
    assert watched.end("1")["head"]["pattern"] is None
    assert watched.end("1")["head"]["longest"] == LONGEST


def test_an_mlp_that_cant_be_split_says_why(model, monkeypatch):
    monkeypatch.setattr(LogitParts, "unsplit", lambda _self, layer: ("", "it has experts" if layer == 1 else ""))
    view = xw.DirectLogitAttribution(model, TEXT)
    view.now()
    snapshot = view.explanation["snapshot"]
    assert snapshot["unsplit"] == [{"layer": 1, "heads": "", "neurons": "it has experts"}]
    assert snapshot["mlps"] == [0, 2]
    assert snapshot["gaps"] == []


def test_what_is_before_the_changed_layer_is_the_same(two):
    """0 to the bit before the change, though the scale of the last norm is another one: that is a part of its own."""
    difference, split = two.view.difference, two.view.now()
    changed = difference.components.index("mlp 2")
    assert difference.components[-1] == "norm scale"
    assert not difference.values[0, :changed].any()
    assert not difference.heads.any()
    assert abs(difference.values[0, changed]) > 1e-3
    ratio = split.versus.shares.scale / split.shares.scale
    assert abs(ratio - 1) > 1e-3
    assert difference.values[0, -1] == pytest.approx((ratio - 1) * split.versus.shares.values.sum(), abs=1e-4)
    logits = split.shares.logits[0] - split.versus.shares.logits[0]
    assert difference.values.sum() == pytest.approx(logits, abs=1e-5)
    np.testing.assert_allclose(split.versus.shares.values.sum(), split.versus.shares.logits[0], atol=1e-4)


def test_the_same_weights_differ_by_nothing(model):
    view = xw.DirectLogitAttribution(model, TEXT, contrast=90, versus=tiny("llama", tokenizer=byte_tokenizer()))
    assert not view.difference.values.any()
    assert not view.difference.heads.any()
    assert len({view.now().name, view.now().versus.name}) == 2


def test_the_second_is_in_the_snapshot_and_can_be_asked(two):
    snapshot, buffers = two.view.explanation["snapshot"], two.view.explanation["buffers"]
    versus = snapshot["versus"]
    assert set(versus) == set(DirectVersion.__annotations__)
    assert set(versus["difference"]) == set(DirectDifference.__annotations__)
    assert get(versus["values"], buffers).sum() == pytest.approx(versus["logit"], abs=1e-4)
    np.testing.assert_array_equal(get(versus["difference"]["values"], buffers), two.view.difference.values[0])
    assert versus["target"]["id"] == snapshot["target"]["id"] == 65
    assert snapshot["code"].endswith(f"xw.DirectLogitAttribution(lm, {TEXT!r}, target=65, versus=other)")
    rows = {}
    for number, version in ((1, 0), (2, 1)):
        two.ask(str(number), action="neurons", layer=2, version=version)
        rows[version] = two.end(str(number))["neurons"]
    assert rows[0] != rows[1]
    two.ask("3", action="head", layer=2, head=0, version=1)
    assert two.end("3")["head"]["share"] == pytest.approx(two.view.now().versus.shares.heads[0, 2, 0], rel=1e-5)
    two.ask("4", action="head", layer=2, head=0, version=2)
    assert two.end("4")["type"] == "error"
    two.ask("5", action="look", input={"kind": "text", "text": "Other"}, target=None)
    assert two.end("5")["type"] == "result"
    snapshot = two.view.explanation["snapshot"]
    assert snapshot["versus"]["target"]["id"] == snapshot["target"]["id"]


def test_models_that_cant_be_compared(model):
    other_words = byte_tokenizer()
    other_words.add_tokens(["cat"])
    with pytest.raises(TokenizerError, match="the same tokens"):
        xw.DirectLogitAttribution(model, TEXT, versus=tiny("llama", tokenizer=other_words))
    with pytest.raises(ValueRefusedError, match="4 layers"):
        xw.DirectLogitAttribution(model, TEXT, versus=tiny("gemma2", tokenizer=byte_tokenizer()))
    with pytest.raises(ValueRefusedError, match="versus="):
        _ = xw.DirectLogitAttribution(model, TEXT).difference


def test_a_model_of_another_family_with_as_many_layers(model):
    """Parts have counterparts by name; the sum is exact all the same."""
    view = xw.DirectLogitAttribution(model, TEXT, versus=tiny("gpt2", tokenizer=byte_tokenizer()))
    logits = view.shares.logits[0] - view.now().versus.shares.logits[0]
    assert view.difference.values.sum() == pytest.approx(logits, abs=1e-4)
