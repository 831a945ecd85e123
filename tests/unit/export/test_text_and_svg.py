"""Tables and drawings say what the explanation says; texts stay texts."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import xai_widgets as xw
from tests.protocol.samples import findings
from xai_widgets.core.errors import CapabilityError
from xai_widgets.export.svg import draw
from xai_widgets.export.text import table


def test_table_in_full():
    shown = xw.show([[0.9, -0.4, 0.1]], tokens=["not", " bad", "\n"], axes=("target", "pos"), targets=["positive"])
    assert repr(shown).splitlines() == [
        "'positive'",
        "not          0.9  ++++++++++++",
        " bad        -0.4  -----",
        "↵            0.1  +",
        "given · 3 tokens",
    ]


def test_table_keeps_the_strongest_in_reading_order():
    shown = xw.show(np.arange(100.0), tokens=[f"t{i}" for i in range(100)])
    lines = table(shown.finding, limit=3).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["t97", "t98", "t99"] and "97 weaker" in lines[4]


def test_other_axes_are_described():
    assert "layer 2, pos 8" in table(findings()["given"])
    with pytest.raises(CapabilityError):
        draw(findings()["given"])


def test_markup_and_control_characters_stay_text():
    shown = xw.show([1.0, -1.0, 0.5], tokens=["<script>alert(1)</script>", "\x1b[31m", "&"])
    assert "\x1b" not in repr(shown)
    svg = shown.to_svg()
    root = ET.fromstring(svg)
    assert not [e for e in root.iter() if "script" in e.tag]
    assert any("<script>" in (e.text or "") for e in root.iter())


@pytest.mark.parametrize("name", ["plain", "turns", "ids"])
def test_drawings_are_well_formed_and_as_wide_as_asked(name):
    root = ET.fromstring(draw(findings()[name], width=400))
    assert root.get("width") == "400"
    ends = [
        float(e.get("x", 0)) + float(e.get("width", 0))
        for e in root.iter()
        if e.tag.endswith("rect") and e.get("width", "").replace(".", "").isdigit()
    ]
    assert max(ends) <= 400


def test_bars_grow_with_strength_and_sign_sets_the_side():
    root = ET.fromstring(xw.show([2.0, -1.0], tokens=["aaaa", "bbbb"]).to_svg())
    bars = [e for e in root.iter() if e.tag.endswith("rect") and e.get("height") == "3"]
    full, half = (float(b.get("width")) for b in bars)
    assert half == pytest.approx(full / 2, rel=0.05) and bars[0].get("fill") != bars[1].get("fill")


def test_frame_has_a_row_a_unit():
    frame = findings_answer("plain").to_frame()
    assert list(frame["text"])[1] == "Hi" and [c for c in frame.columns if c.startswith(("0 ", "1 "))]


def findings_answer(name):
    from xai_widgets.answer import Answer

    return Answer(finding=findings()[name])
