"""Interventions are data: refused early where they make no sense, written as code and as JSON that give them back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import xai_widgets as xw
from xai_widgets.core.directions import Direction
from xai_widgets.core.errors import CapabilityError, FileError, UnknownNameError, ValueRefusedError, XaiError
from xai_widgets.core.interventions import Intervention, checked, from_json, read_file, to_json
from xai_widgets.core.sites import Sites

EVERY = (
    Intervention(what="resid", layer=3, value=0),
    Intervention(what="resid", layer=3, how="set", value=[0.1, -0.25, 1e-7], at=[4, 2, 2]),
    Intervention(what="attn_out", layer=0, how="add", value=-2.5, direction=Direction.token(" Paris"), start=4),
    Intervention(what="mlp_out", layer=0, how="add", value=1, direction=Direction.token(17), at=-1),
    Intervention(what="resid", layer=9, how="add", value=1, direction=Direction.between(["a", 'b"'], "c\n", layer=9)),
    Intervention(what="resid", layer=9, how="add", value=1, direction=Direction.neuron(2, 1500)),
    Intervention(what="head", layer=1, index=0, how="add", value=1, direction=Direction.array([0.1, 2])),
    Intervention(what="head", layer=5, index=7, how="swap", source="The capital of 日本 is", at=3),
    Intervention(what="neuron", layer=5, index=7, how="add", value=1e-3, on=False),
    Intervention(what="neuron", layer=5, index=0, how="swap", source=[5, 6, 7]),
)


@pytest.mark.parametrize("one", EVERY, ids=str)
def test_code_and_json_give_it_back(one: Intervention) -> None:
    """To the bit, through text; what is left out is left out. That it is code is the promise, so it is run."""
    assert eval(repr(one), {"xw": xw}) == one
    data = json.loads(json.dumps(one.to_json(), allow_nan=False))
    assert Intervention.from_json(data) == one
    assert None not in data.values()
    assert hash(Intervention.from_json(data)) == hash(one)


def test_a_file_holds_text_and_interventions(tmp_path: Any) -> None:
    """Readable, with a version; a text, chat messages or ids."""
    for text in ("Hello 日本", [{"role": "user", "content": "Hi"}], [1, 2, 3]):
        path = tmp_path / "saved.json"
        path.write_text(to_json(text, EVERY, "a model"), encoding="utf-8")
        assert read_file(path) == (text, EVERY)
    written = path.read_text(encoding="utf-8")
    assert '"xai_widgets.steer": 1' in written
    assert "日本" in to_json("日本", [])
    with pytest.raises(FileError, match="another version"):
        from_json(written.replace('"xai_widgets.steer": 1', '"xai_widgets.steer": 2'))
    deep, listless = "[" * 100_000, '{"xai_widgets.steer": 1, "text": "a", "interventions": 5}'
    for broken in ("", "[]", "{}", '{"xai_widgets.steer": 1}', written[:-20], deep, listless):
        with pytest.raises(FileError, match="no saved intervention"):
            from_json(broken)
    with pytest.raises(FileError, match="can't be read"):
        read_file(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"what": "mlp"}, "did you mean 'mlp_out'"),
        ({"how": "scael"}, "did you mean 'scale'"),
        ({"layer": -1}, "counted from 0"),
        ({"layer": 1.5}, "counted from 0"),
        ({"layer": True}, "counted from 0"),
        ({"what": "head"}, "which head"),
        ({"index": 3}, "other parts have none"),
        ({"at": (1,), "start": 1}, "one of them"),
        ({"at": ()}, "at least one"),
        ({"at": "abc"}, "positions"),
        ({"value": None}, "scale needs it"),
        ({"value": [1, 2]}, "a number"),
        ({"value": float("nan")}, "finite"),
        ({"value": "much"}, "a number"),
        ({"value": [], "how": "set"}, "finite"),
        ({"value": 10**400}, "a number"),
        ({"value": "12", "how": "set"}, "a number"),
        ({"at": "12"}, "positions"),
        ({"at": [1.7]}, "positions"),
        ({"at": True}, "positions"),
        ({"start": "1"}, "a position"),
        ({"start": 1.5}, "a position"),
        ({"start": [1]}, "a position"),
        ({"on": "false"}, "True or False"),
        ({"how": "swap", "value": None, "source": ["a"]}, "token ids"),
        ({"how": "swap", "value": None, "source": 1.5}, "token ids"),
        ({"how": "add"}, "Direction"),
        ({"how": "swap", "value": None}, "another text"),
        ({"how": "swap", "source": "x"}, "swap takes what is there"),
        ({"source": "x"}, "scale has none"),
        ({"direction": Direction.token("x")}, "has none"),
        ({"what": "neuron", "index": 1, "how": "set", "value": [1, 2]}, "one number"),
        ({"what": "neuron", "index": 1, "how": "add", "direction": Direction.token("x")}, "has none"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_when_it_is_made(fields: dict[str, Any], said: str) -> None:
    """With what was given, what is accepted, what to do."""
    with pytest.raises(XaiError, match=said) as refused:
        Intervention(**{"what": "resid", "layer": 1, "value": 1.0, **fields})
    assert refused.value.hint
    assert refused.value.accepted


@pytest.mark.parametrize(
    "make",
    [
        lambda: Direction("prompt"),
        lambda: Direction.token(""),
        lambda: Direction.between("", "a", layer=1),
        lambda: Direction.array([]),
        lambda: Direction.array([0.0, 0.0]),
        lambda: Direction.array([float("inf")]),
        lambda: Direction("token", 3, text="a"),
        lambda: Direction("neuron", 3),
        lambda: Direction.from_json({"kind": "token", "text": "a", "size": 3}),
        lambda: Intervention.from_json({"what": "resid", "layer": 1, "strength": 3}),
        lambda: Intervention.from_json({"what": "resid", "value": 1}),
        lambda: checked(["scale everything"]),
        lambda: checked(None),
        lambda: Direction.neuron(-1, 0),
        lambda: Direction.neuron(1, -1),
        lambda: Direction.neuron(1, 1.5),
        lambda: Direction.between("a", "b", layer="6"),
        lambda: Direction.between(["a", 1], "b", layer=6),
        lambda: Direction.token(True),
        lambda: Direction.token(["a"]),
        lambda: Direction.array(["x"]),
        lambda: Direction.from_json({"kind": "array", "vector": 5}),
        lambda: Direction.from_json(5),
    ],
)
def test_recipes_and_json_that_make_no_sense_are_refused(make: Any) -> None:
    """A field too many, one too few, numbers that are none."""
    with pytest.raises((UnknownNameError, ValueRefusedError)):
        make()


def test_numpys_numbers_and_one_text_alone_are_taken() -> None:
    """Positions and values often come from arrays; a JSON text is one text, not its letters."""
    one = Intervention(what="resid", layer=1, how="set", value=np.float32([0.5, 2]), at=np.array([2, 0]))
    assert (one.value, one.at) == ((0.5, 2.0), (0, 2))
    assert json.dumps(one.changed(at=None, start=np.int64(3)).to_json())
    sides = {"kind": "prompts", "layer": 6, "positive": "abc", "negative": ["b"]}
    assert Direction.from_json(sides) == Direction.between("abc", "b", layer=6)


def test_token_zero_is_a_token() -> None:
    """An id of 0 is something."""
    assert Direction.from_json(Direction.token(0).to_json()) == Direction.token(0)


def test_positions_are_the_prompts() -> None:
    """Negative ones from its end; `start` and everywhere reach written tokens, `at` and a swap do not."""
    one = EVERY[0]
    assert one.positions(3) == (0, 1, 2)
    assert one.changed(at=(-1, 0)).positions(4) == (0, 3)
    assert one.changed(start=2).positions(4) == (2, 3)
    assert one.changed(start=-1).positions(4) == (3,)
    assert one.changed(start=4).positions(4) == (), "what is written only"
    assert one.concerns(7, 4)
    assert one.changed(start=4).concerns(4, 4)
    assert not one.changed(at=(3,)).concerns(4, 4)
    assert not Intervention(what="resid", layer=1, how="swap", source="x").concerns(4, 4)
    for wrong in (one.changed(at=(4,)), one.changed(at=(-5,)), one.changed(start=5), one.changed(start=-5)):
        with pytest.raises(ValueRefusedError):
            wrong.positions(4)


def test_a_model_is_checked_against() -> None:
    """Layers, heads, neurons, widths; a part that can't be told apart comes with its reason."""
    sites = Sites(2, 3, (4, 0), (2, 0), (8, 8), {"head": ("", "no heads here"), "neuron": ("", "")})
    sites.check(Intervention(what="resid", layer=2, value=0))
    sites.check(Intervention(what="head", layer=0, index=3, how="set", value=[1, 2]))
    assert sites.width("head", 0) == 2
    with pytest.raises(CapabilityError, match="no heads here"):
        sites.check(Intervention(what="head", layer=1, index=0, value=0))
    with pytest.raises(ValueRefusedError, match="0 to 1"):
        sites.check(Intervention(what="attn_out", layer=2, value=0))
    with pytest.raises(ValueRefusedError, match="one number, or 3"):
        sites.check(Intervention(what="resid", layer=0, how="set", value=[1, 2]))
    far = Direction.between("a", "b", layer=3)
    with pytest.raises(ValueRefusedError, match="0 to 2"):
        sites.check(Intervention(what="resid", layer=0, how="add", value=1, direction=far))
