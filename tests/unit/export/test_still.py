"""The still picture beside a live view: text as text, of bounded size, and hidden wherever the view is."""

import base64
import re

import numpy as np

import xai_widgets as xw
from xai_widgets.export.still import LONGEST, still


def test_a_drawing_with_its_table_as_text():
    bundle = still(xw.show([[0.5, -1.0]], tokens=["<b>", ' "x"'], axes=("target", "pos")).finding)
    drawing = base64.b64decode(re.search(r"base64,([^\"]+)", bundle["text/html"]).group(1)).decode()
    assert drawing.startswith("<svg ") and "&lt;b&gt;" in drawing
    assert "<b>" not in bundle["text/html"] and "<b>" in bundle["text/plain"]
    assert ":has(.xw)" in bundle["text/html"]


def test_what_can_not_be_drawn_is_a_table():
    long = xw.show(np.ones(LONGEST + 1), tokens=["<i>"] * (LONGEST + 1))
    grid = xw.show(np.ones((2, 3)), axes=("layer", "pos"))
    for answer in (long, grid):
        html = still(answer.finding)["text/html"]
        assert "<pre" in html and "<img" not in html and "<i>" not in html
        assert len(html) < 20_000


def test_before_the_first_answer_it_says_so():
    assert still(None)["text/plain"] == "no answer yet"
