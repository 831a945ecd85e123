"""The attention view without a browser: every request ends once, and the numbers are those a script gets."""

import json
import threading

import numpy as np
import pytest
import torch
import transformers

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.attention import tiles
from xai_widgets.core.errors import CapabilityError, EmptyTextError, ValueRefusedError
from xai_widgets.jobs import attending
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.wire.attention import AttentionResult, AttentionSnapshot
from xai_widgets.widgets.attention import AttentionView

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


def test_effects_agree_with_attention_or_not(watched):
    watched.ask("1", action="effects")
    watched.ask("2", action="elsewhere")
    end = watched.end("1")
    assert watched.end("2")["prompts"] == 1
    assert np.allclose(get(watched.end("2")["array"], buffers_of(watched, "2")), watched.view.effects_elsewhere())
    assert (watched.view.effects_elsewhere() >= 0).all()
    assert set(end["agreement"]) == {"looks", "takes"}
    assert all(-1 <= v <= 1 for v in end["agreement"].values())
    assert np.allclose(get(end["array"], buffers_of(watched, "1")), watched.view.effects().effects, atol=1e-6)


def test_a_small_question_does_not_wait_for_a_long_one(watched, monkeypatch):
    """A tile asked for while every head is switched off one by one is answered between two batches."""
    monkeypatch.setattr("xai_widgets.adapters.attention_off.CPU_TOKENS", 1)
    begun, gate = threading.Event(), threading.Event()
    steps = watched.view._steps

    def held(ticket):
        def step(done, total, note):
            steps(ticket)(done, total, note)
            if done == 2:
                begun.set()
                assert gate.wait(60)

        return step

    watched.view._steps = held
    watched.ask("1", action="effects")
    assert begun.wait(60)
    watched.ask("2", action="tile", map=0, head=0, level=0, row=0, column=0)
    gate.set()
    watched.end("1")
    ends = [c["id"] for c, _ in watched.said if c["type"] == "result"]
    assert ends == ["2", "1"]


def test_a_new_text_ends_what_was_asked_about_the_old(watched, monkeypatch):
    monkeypatch.setattr("xai_widgets.adapters.attention_off.CPU_TOKENS", 1)
    begun, gate = threading.Event(), threading.Event()
    steps = watched.view._steps

    def held(ticket):
        def step(done, total, note):
            if ticket.id == "1" and done == 2:
                begun.set()
                assert gate.wait(60)
            steps(ticket)(done, total, note)

        return step

    watched.view._steps = held
    watched.ask("1", action="effects")
    assert begun.wait(60)
    watched.ask("2", action="attend", input={"kind": "text", "text": "New"})
    gate.set()
    assert watched.end("1")["type"] == "cancelled"
    assert watched.end("2")["type"] == "result"


def test_a_new_text_replaces_the_old(watched):
    watched.ask("1", action="attend", input={"kind": "text", "text": "Other words"})
    watched.ask("2", action="attend", input={"kind": "text", "text": "Newest"})
    assert watched.end("2")["type"] == "result"
    assert watched.end("1")["type"] in ("result", "cancelled")
    assert watched.view.explanation["snapshot"]["text"] == "Newest"
    assert watched.view.explanation["snapshot"]["revision"] == 2
    assert len(watched.view.overview.labels) == 12


def test_a_look_that_was_replaced_leaves_the_state_to_the_newer(model, monkeypatch):
    """The view says that it is running until the newest look has ended, and numbers wait for that one."""
    held, gate = threading.Event(), threading.Event()
    real = attending.look

    def slow(*args):
        held.set()
        assert gate.wait(60)
        return real(*args)

    monkeypatch.setattr(attending, "look", slow)
    view = xw.Attention(model, "first")
    watched = Watched(view)
    seen = []
    view.observe(lambda change: seen.append(change["new"]["state"]), "status")
    assert held.wait(60)
    watched.ask("1", action="attend", input={"kind": "text", "text": "second"})
    gate.set()
    assert watched.end("1")["type"] == "result"
    assert "".join(view.now().tokens.texts) == "second"
    assert view.weights(0).scores.shape[1] == len("second")
    assert "cancelled" not in seen
    assert seen[-1] == "idle"


def test_the_first_layers_are_shown_while_the_others_are_looked_at(model, monkeypatch):
    """Where all layers take a while: a picture of those that are there, and what is asked of it waits for the whole."""
    monkeypatch.setattr(attending, "PART_AFTER", -1.0)
    held, gate = threading.Event(), threading.Event()
    real = AttentionView._partly

    def slow(self, part, ticket, *, newest):
        real(self, part, ticket, newest=newest)
        held.set()
        assert gate.wait(60)

    monkeypatch.setattr(AttentionView, "_partly", slow)
    view = xw.Attention(model, TEXT)
    watched = Watched(view)
    assert held.wait(60)
    assert "not looked at yet" in repr(view), "showing a view must not wait for it"
    snapshot, buffers = (view.explanation[k] for k in ("snapshot", "buffers"))
    assert [m["layer"] for m in snapshot["maps"]] == [0]
    assert get(snapshot["most"], buffers).shape == (4, len(TEXT), len(TEXT))
    assert view.status["state"] == "running"
    watched.ask("1", action="line", map=2, head=1, axis="query", index=7)
    gate.set()
    line = get(watched.end("1")["array"], buffers_of(watched, "1"))
    assert np.allclose(line, view.weights(2, 1).scores[7], atol=1e-6)
    assert [m["layer"] for m in view.explanation["snapshot"]["maps"]] == [0, 1, 2]
    assert view.status["state"] == "idle"


def test_words_that_the_model_rules_out_don_t_make_the_difference_unknown(model, monkeypatch):
    real = model.without_attention

    def ruled_out(ids, offs, context):
        logits = real(ids, offs, context)
        logits[:, 7] = -torch.inf
        return logits

    view = xw.Attention(model, TEXT)
    view.overview  # noqa: B018 - waits
    monkeypatch.setattr(model, "without_attention", ruled_out)
    found = view.without(1, 1)
    assert np.isfinite(found.kl)
    assert found.kl > 0


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


def test_two_models_side_by_side():
    one, two = tiny("llama", 0, byte_tokenizer()), tiny("llama", 1, byte_tokenizer())
    watched = Watched(xw.Attention(one, TEXT, versus=two))
    watched.view.overview  # noqa: B018 - waits
    snapshot, buffers = (watched.view.explanation[k] for k in ("snapshot", "buffers"))
    assert snapshot["versions"] == ["tiny llama (1)", "tiny llama (2)"]
    assert [m["version"] for m in snapshot["maps"]] == [0, 0, 0, 1, 1, 1]
    assert [m["first_head"] for m in snapshot["maps"]] == [0, 4, 8, 12, 16, 20]
    assert snapshot["other"] is None, "the same tokens"
    assert get(snapshot["most"], buffers).shape[0] == 24 == len(snapshot["labels"])
    for name, index, lm in (("1", 1, one), ("2", 4, two)):
        watched.ask(name, action="line", map=index, head=2, axis="query", index=7)
        line = get(watched.end(name)["array"], buffers_of(watched, name))
        assert np.allclose(line, xw.Attention(lm, TEXT).weights(1, 2).scores[7], atol=1e-6)
    watched.ask("3", action="tile", map=6, head=0, level=0, row=0, column=0)
    assert watched.end("3")["error"]["code"] == "value_refused"
    watched.ask("4", action="attend", input={"kind": "text", "text": "Other"})
    watched.end("4")
    assert watched.view.explanation["snapshot"]["queries"]["text"] == list("Other")
    assert len(watched.view.explanation["snapshot"]["maps"]) == 6


def test_two_texts_side_by_side(model):
    view = xw.Attention(model, "a short one", versus="another and a longer one " * 3)
    assert view.overview.cell == 3, "as the longer text needs"
    snapshot, buffers = (view.explanation[k] for k in ("snapshot", "buffers"))
    assert "".join(snapshot["other"]["text"]) == "another and a longer one " * 3
    assert snapshot["versions"] == ["a short one", "another and a longer one " * 3]
    most = get(snapshot["most"], buffers)
    assert most.shape == (24, 25, 25)
    assert not most[:12, 4:].any(), "the short text fills a corner"
    with pytest.raises(EmptyTextError):
        xw.Attention(model, "a", versus="")


def test_a_saved_page_holds_what_its_reader_may_ask(model, tmp_path):
    """Every request the view makes of a head that was saved is answered by the page."""
    view = xw.Attention(model, TEXT)
    path = view.to_html(tmp_path / "page.html", heads=[(1, 2)])
    page = path.read_text(encoding="utf-8")
    assert view.saved_bytes([(1, 2)]) == pytest.approx(len(page), rel=0.01)
    assert view.saved_bytes() < len(page)
    states = page.split('id="xai-states">')[1].split("</script>")[0]
    (widget,) = json.loads(states)["widgets"]
    assert widget["module"] == "attention"
    assert widget["state"]["explanation"]["snapshot"]["mean"] is not None
    asked = [answer["ask"] for answer in widget["state"]["answers"]]
    n = len(TEXT)
    assert len(asked) == 1 + 2 * n, "one tile, and every row and column"
    assert {"action": "line", "map": 1, "head": 2, "measure": "weight", "axis": "key", "index": n - 1} in asked
    assert "<script>alert" not in xw.Attention(model, "<script>alert(1)</script>")._page(())
    with pytest.raises(ValueRefusedError):
        view.to_html(tmp_path / "page.html", heads=[(9, 0)])


def test_tiles_of_a_page():
    """All of level 0, then coarser ones until one tile holds everything."""
    assert list(tiles(256, 256, rest=False)) == [(0, 0, 0)]
    assert list(tiles(300, 200, rest=False)) == [(0, 0, 0), (0, 1, 0), (1, 0, 0)]
    assert list(tiles(200, 256, rest=True)) == [(0, 0, 0), (0, 0, 1), (1, 0, 0)]
    assert len(list(tiles(1024, 1024, rest=False))) == 16 + 4 + 1


def test_in_a_terminal_it_says_what_it_is(model):
    view = xw.Attention(model, TEXT)
    view.overview  # noqa: B018 - waits
    text = repr(view)
    assert "3 layers" in text
    assert "tiny llama" in text


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


@pytest.fixture(scope="module")
def translator():
    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    config = transformers.T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=8, num_layers=2, num_heads=4, d_ff=32, decoder_start_token_id=0,
        eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    return transformers.T5ForConditionalGeneration(config).eval(), tokenizer


def test_an_encoder_decoder_has_three_kinds_of_maps(translator):
    model, tokenizer = translator
    watched = Watched(xw.Attention(xw.wrap(model, tokenizer), TEXT))
    overview = watched.view.overview
    written = watched.view.now().maps.output
    snapshot, buffers = (watched.view.explanation[k] for k in ("snapshot", "buffers"))
    assert snapshot["keys"]["text"] == list(TEXT)
    assert len(snapshot["queries"]["text"]) == len(written)
    with torch.no_grad():
        model.set_attn_implementation("eager")
        truth = model(
            input_ids=torch.tensor([tokenizer(TEXT).input_ids]), decoder_input_ids=torch.tensor([written.ids.tolist()]),
            output_attentions=True,
        )  # fmt: skip
        model.set_attn_implementation("sdpa")
    for stack, whole in (
        ("encoder", truth.encoder_attentions), ("decoder", truth.decoder_attentions), ("cross", truth.cross_attentions)
    ):  # fmt: skip
        for layer in (0, 1):
            found = watched.view.weights(layer, stack=stack)
            assert np.abs(found.scores - whole[layer][0].numpy()).max() < 1e-5
    assert {(m["stack"], m["causal"]) for m in snapshot["maps"]} == {
        ("encoder", False),
        ("decoder", True),
        ("cross", False),
    }
    assert get(snapshot["most"], buffers).shape[0] == 24
    cross = next(i for i, m in enumerate(overview.maps) if m.stack == "cross")
    assert (overview.maps[cross].n_query, overview.maps[cross].n_key) == (len(written), len(TEXT))
    watched.ask("1", action="line", map=cross, head=1, axis="key", index=3)
    line = get(watched.end("1")["array"], buffers_of(watched, "1"))
    assert np.allclose(line, watched.view.weights(0, 1, stack="cross").scores[:, 3], atol=1e-6)
    with pytest.raises(CapabilityError, match="make a view of each"):
        xw.Attention(xw.wrap(model, tokenizer), TEXT, versus="another")
    for name, action in (("2", "effects"), ("3", "off"), ("4", "elsewhere")):
        watched.ask(name, action=action, map=0, head=0)
        assert watched.end(name)["error"]["code"] == "capability"


def test_an_encoder_sees_both_ways():
    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32
    )
    view = xw.Attention(xw.wrap(transformers.BertModel(config).eval(), tokenizer), TEXT)
    snapshot = view.overview and view.explanation["snapshot"]
    assert snapshot["keys"] is None
    assert [m["causal"] for m in snapshot["maps"]] == [False, False]
    assert np.triu(view.weights(0, 1).scores, 1).any()
    assert snapshot["candidates"] == []
