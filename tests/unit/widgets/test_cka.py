"""The view of CKA without a browser: its snapshot, its refusals, and the page it saves."""

import numpy as np
import pytest

import xai_widgets as xw
from tests.unit.widgets.watched import Watched
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.errors import EmptyTextError, TokenizerError, UnknownNameError, ValueRefusedError
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.wire.cka import CKASnapshot

TEXTS = ["The cat sat on the mat.", "A dog ran home."]


@pytest.fixture(scope="module")
def model():
    return tiny("llama", tokenizer=byte_tokenizer())


@pytest.fixture
def watched(model):
    view = xw.CKA(model, TEXTS, versus=tiny("gpt2", tokenizer=byte_tokenizer()))
    view.now()
    return Watched(view)


def test_snapshot_is_of_the_schema(watched):
    snapshot, buffers = watched.view.explanation["snapshot"], watched.view.explanation["buffers"]
    assert set(snapshot) == set(CKASnapshot.__annotations__)
    cka = watched.view.cka
    np.testing.assert_array_equal(get(snapshot["debiased"], buffers), cka.debiased)
    np.testing.assert_array_equal(get(snapshot["plain"], buffers), cka.plain)
    assert snapshot["rows"] == ["embedding", "layer 0", "layer 1", "layer 2"]
    assert (snapshot["n"], snapshot["n_texts"], snapshot["texts"]) == (cka.n, 2, TEXTS)
    assert snapshot["one"] is False
    assert snapshot["names"] == ["tiny llama", "tiny gpt2"]
    assert snapshot["code"].endswith(f"xw.CKA(lm, {TEXTS!r}, versus=other)")


def test_a_model_beside_itself(model):
    view = xw.CKA(model, TEXTS, first=True, most=20)
    snapshot = view.now() and view.explanation["snapshot"]
    assert snapshot["one"] is True
    assert snapshot["versus"] is None
    assert snapshot["n"] == 20
    assert snapshot["code"].endswith(f"xw.CKA(lm, {TEXTS!r}, most=20, first=True)")
    assert "with itself" in repr(view)


def test_again_gives_the_same(watched):
    before = watched.view.explanation
    watched.ask("1", action="look")
    assert watched.end("1")["type"] == "result"
    after = watched.view.explanation
    assert after["snapshot"]["revision"] == 1
    assert after["buffers"] == before["buffers"]
    watched.ask("2", action="dance")
    assert watched.end("2")["type"] == "error"


def test_refused(model):
    with pytest.raises(ValueRefusedError, match="texts"):
        xw.CKA(model, [])
    with pytest.raises(EmptyTextError):
        xw.CKA(model, ["", "A dog ran home."])
    with pytest.raises(UnknownNameError, match="position"):
        xw.CKA(model, TEXTS, per="positon")
    with pytest.raises(ValueRefusedError, match="most"):
        xw.CKA(model, TEXTS, most=3)
    words = byte_tokenizer()
    words.add_tokens([" cat"])
    with pytest.raises(TokenizerError, match="other tokens"):
        xw.CKA(model, TEXTS, versus=tiny("llama", tokenizer=words))


def test_saves(watched, tmp_path):
    page = watched.view.to_html(tmp_path / "c.html").read_text(encoding="utf-8")
    assert '"kind": "cka"' in page
