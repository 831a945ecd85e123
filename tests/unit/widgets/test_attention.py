"""The attention view without a browser: every request ends once, and the numbers are those a script gets."""

import numpy as np
import pytest

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.errors import CapabilityError, EmptyTextError, ValueRefusedError
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.schema import AttentionResult, AttentionSnapshot

TEXT = "The cat sat, the cat"


@pytest.fixture(scope="module")
def model():
    return tiny("llama", tokenizer=byte_tokenizer())


@pytest.fixture
def watched(model):
    view = xw.Attention(model, TEXT, others=["Another text"])
    view.overview  # noqa: B018 - waits
    return Watched(view)


def buffers_of(watched, id):
    return next(b for c, b in watched.said if c["id"] == id and c["type"] == "result")


def test_snapshot_is_of_the_schema(watched):
    snapshot = watched.view.explanation["snapshot"]
    buffers = watched.view.explanation["buffers"]
    assert set(snapshot) == set(AttentionSnapshot.__annotations__)
    n = len(TEXT)
    assert snapshot["queries"]["text"] == list(TEXT)
    assert [m["n_heads"] for m in snapshot["maps"]] == [4, 4, 4]
    assert [m["first_head"] for m in snapshot["maps"]] == [0, 4, 8]
    assert get(snapshot["most"], buffers).shape == (12, n, n)
    assert get(snapshot["pattern_scores"], buffers).shape == (12, len(snapshot["patterns"]))
    assert len(snapshot["labels"]) == 12
    assert {label for label in snapshot["labels"] if label} <= {p["name"] for p in snapshot["patterns"]}
    assert 'xw.Attention(lm, "The cat sat, the cat")' in snapshot["code"].replace("'", '"')
    assert watched.view.status["state"] == "idle"


def test_the_overview_keeps_small_weights_visible(watched):
    snapshot, buffers = (watched.view.explanation[k] for k in ("snapshot", "buffers"))
    coded = get(snapshot["most"], buffers)
    weights = watched.view.overview.most
    assert np.abs((coded / 255.0) ** 2 - weights).max() < 0.005
    assert (coded[(weights > 1e-5)] > 0).all()


@pytest.mark.parametrize(
    ("fields", "dtype"),
    [
        ({"action": "mean"}, "uint8"),
        ({"action": "tile", "map": 1, "head": 2, "level": 0, "row": 0, "column": 0}, "float16"),
        ({"action": "tile", "map": 1, "head": 2, "level": 1, "row": 0, "column": 0, "pool": "mean"}, "float16"),
        ({"action": "tile", "map": 1, "head": 2, "level": 0, "row": 0, "column": 0, "measure": "norm"}, "float16"),
        ({"action": "tile", "map": 1, "head": 0, "level": 0, "row": 0, "column": 0, "measure": "value_zeroing"}, "float16"),
        ({"action": "line", "map": 1, "head": 2, "axis": "query", "index": 5}, "float32"),
        ({"action": "line", "map": 1, "head": 2, "axis": "key", "index": 5}, "float32"),
        ({"action": "pair", "map": 1, "head": 2, "query": 5, "key": 3}, "float32"),
        ({"action": "flow", "index": 5, "method": "rollout"}, "float32"),
        ({"action": "flow", "index": 5, "method": "flow"}, "float32"),
        ({"action": "effects"}, "float32"),
    ],
)  # fmt: skip
def test_each_request_ends_once_with_its_array(watched, fields, dtype):
    watched.ask("1", **fields)
    end = watched.end("1")
    assert end["type"] == "result", end
    assert end["array"]["dtype"] == dtype
    assert set(end) <= set(AttentionResult.__annotations__)
    assert np.isfinite(get(end["array"], buffers_of(watched, "1"))).all() or fields.get("method") == "flow"
    assert len(watched.ends("1")) == 1
    assert watched.said[0][0]["type"] == "progress", "accepted at once"


def test_numbers_of_the_browser_are_those_of_a_script(watched):
    watched.ask("1", action="line", map=2, head=1, axis="query", index=7)
    watched.ask("2", action="tile", map=2, head=1, level=0, row=0, column=0)
    line = get(watched.end("1")["array"], buffers_of(watched, "1"))
    tile = get(watched.end("2")["array"], buffers_of(watched, "2"))
    weights = watched.view.weights(2, 1)
    assert weights.axes == ("query_pos", "key_pos")
    assert np.allclose(line, weights.scores[7], atol=1e-6)
    assert np.abs(tile - weights.scores).max() < 1e-3
    assert watched.view.weights(2).scores.shape == (4, len(TEXT), len(TEXT))


def test_query_and_key_make_the_logit(watched):
    """The two vectors times the factor, softmax over keys, is the row of weights."""
    row = watched.view.weights(1, 2).scores[6]
    logits = []
    for key in range(7):
        watched.ask(str(key + 1), action="pair", map=1, head=2, query=6, key=key)
        end = watched.end(str(key + 1))
        query, other = get(end["array"], buffers_of(watched, str(key + 1)))
        logits.append(end["scale"] * float(query @ other))
    weights = np.exp(logits) / np.exp(logits).sum()
    assert np.allclose(weights, row[:7], atol=1e-5)


@pytest.mark.parametrize("part", [{"head": 1}, {"head": None}, {"head": 1, "query": 6, "key": 2}])
def test_turned_off(watched, part):
    watched.ask("1", action="off", map=1, **part)
    end = watched.end("1")
    script = watched.view.without(1, **part)
    assert [c["id"] for c in end["after"]] == [c.id for c in script.after]
    assert end["kl"] == pytest.approx(script.kl)
    assert end["kl"] > 0
    assert [c["prob"] for c in end["before"]] == sorted((c["prob"] for c in end["before"]), reverse=True)


def test_effects_say_over_how_many_texts_and_how_they_agree(watched):
    watched.ask("1", action="effects")
    end = watched.end("1")
    assert end["prompts"] == 2
    assert set(end["agreement"]) == {"looks", "takes"}
    assert all(-1 <= v <= 1 for v in end["agreement"].values())
    here = watched.view.effects()
    assert here.elsewhere is None
    assert here.effects.shape == (12,)


def test_a_new_text_replaces_the_old(watched):
    watched.ask("1", action="attend", input={"kind": "text", "text": "Other words"})
    watched.ask("2", action="attend", input={"kind": "text", "text": "Newest"})
    assert watched.end("2")["type"] == "result"
    assert watched.end("1")["type"] in ("result", "cancelled")
    assert watched.view.explanation["snapshot"]["text"] == "Newest"
    assert watched.view.explanation["snapshot"]["revision"] == 2
    assert len(watched.view.overview.labels) == 12


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"action": "tile", "map": 9, "head": 0, "level": 0, "row": 0, "column": 0}, "value_refused"),
        ({"action": "line", "map": 0, "head": 9, "axis": "query", "index": 0}, "value_refused"),
        ({"action": "line", "map": 0, "head": 0, "axis": "sideways", "index": 0}, "unknown_name"),
        ({"action": "off", "map": 0, "head": 99}, "value_refused"),
        ({"action": "attend", "input": {"kind": "text", "text": ""}}, "empty_text"),
        ({"action": "atend"}, "protocol"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_lost(watched, fields, code):
    before = watched.view.explanation["snapshot"]
    watched.ask("1", **fields)
    assert watched.end("1")["error"]["code"] == code
    assert watched.view.explanation["snapshot"] is before
    assert watched.view.status["state"] == ("error" if fields["action"] == "attend" else "idle")


def test_an_answer_for_a_browser_that_left_out_a_field(watched):
    """What is missing is named, not swallowed."""
    watched.ask("1", action="tile", map=0)
    assert watched.end("1")["type"] == "error"


def test_refused_before_anything_runs(model):
    with pytest.raises(EmptyTextError):
        xw.Attention(model, "")
    with pytest.raises(CapabilityError, match="MambaMixer"):
        xw.Attention(tiny("mamba", tokenizer=byte_tokenizer()), "abc")
    view = xw.Attention(model, "abc")
    with pytest.raises(ValueRefusedError):
        view.weights(7)
    with pytest.raises(ValueRefusedError):
        view.without(0, 4)


def test_rows_of_heads(watched):
    rows = watched.view.heads()
    assert len(rows) == 12
    assert (rows[5]["layer"], rows[5]["head"]) == (1, 1)
    assert rows[5]["induction"] is not None, "the text repeats"
