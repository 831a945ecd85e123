"""One's own numbers get the same view, without a model; text from anywhere is text, and ten thousand of them don't freeze."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab

IMPORT = "import xai_widgets as xw"


def test_own_numbers_need_no_model(lab: Lab) -> None:
    own = "o = xw.show([[0.9, -0.4, 0.1]], tokens=['not', ' bad', '.'], axes=('target', 'pos'), unit='points')\no"
    layers = "xw.show([[1, 2], [3, 4.5]], tokens=['x', ' y'], axes=('layer', 'pos'), title='by layer')"
    nb = lab.open([IMPORT, own, layers])
    nb.run_all()
    view = nb.shown(1)
    view.settled()
    assert view.texts() == ["not", " bad", "."]
    assert view.scores() == {0: 0.9, 1: -0.4, 2: 0.1}
    expect(view.legend).to_contain_text("points")
    expect(view.legend.get_by_text("against")).to_be_visible()
    for asking in ("generate", "change", "edit", "run"):
        expect(view.button(asking)).to_be_hidden()
    nb.screenshot("own")
    # a matrix over another axis: one row at a time, chosen
    grid = nb.shown(2)
    rows = grid.root.get_by_role("radiogroup", name="layer")
    rows.get_by_role("radio").nth(1).click()
    expect(rows.get_by_role("radio").nth(1)).to_have_attribute("aria-checked", "true")
    assert grid.scores() == {0: 3.0, 1: 4.5}
    expect(grid.legend.get_by_text("against")).to_be_hidden()
    assert nb.python("[name for name in ('torch', 'transformers') if name in __import__('sys').modules]") == []
    assert nb.page_errors == []


STRANGE = r"""
tokens = ['<script>window.broken = 1</script>', '<img src=x onerror="window.broken = 1">', '&amp;', ' \U0001f469\u200d\U0001f52c',
          '\n', '\t', ' شكرا', '', '   ', '\u200b', '</textarea><b>', 'ﬁn']
s = xw.show([[(-1) ** i * i / 12 for i in range(12)]], tokens=tokens, axes=('target', 'pos'), targets=['<b>t</b>'])
s
"""


def test_tokens_that_look_like_markup_stay_text(lab: Lab) -> None:
    nb = lab.open([IMPORT, STRANGE])
    nb.run_all()
    view = nb.shown(1)
    view.settled()
    texts = view.texts()
    assert texts[0] == "<script>window.broken = 1</script>"
    assert texts[2] == "&amp;"
    assert texts[10] == "</textarea><b>"
    # nothing is invisible: each entry takes room and can be pointed at
    for i in range(len(texts)):
        box = view.tokens.nth(i).bounding_box()
        assert box is not None and box["width"] > 3, f"entry {i} can't be seen"
    assert nb.page.evaluate("window.broken") is None
    # nor in the still picture of the saved notebook
    book = nb.save()
    still = "".join(book.cells[1].outputs[-1].data["text/html"])
    assert "<script>" not in still
    nb.screenshot("strange")
    assert nb.page_errors == []


def test_right_to_left_text_reads_from_the_right(lab: Lab) -> None:
    nb = lab.open([IMPORT, "xw.show([[1, -2, 3]], tokens=['שלום', ' עולם', ' טוב'], axes=('target', 'pos'))"])
    nb.run_all()
    view = nb.shown(1)
    view.settled()
    left = [_box(view.tokens.nth(i))["x"] for i in range(3)]
    assert left == sorted(left, reverse=True)
    view.tokens.first.focus()
    nb.page.keyboard.press("ArrowLeft")  # onwards, here
    expect(view.tokens.nth(1)).to_be_focused()
    nb.screenshot("rtl")


MANY = """
import numpy as np
words = [' ' + w for w in 'the quick brown fox jumps over a lazy dog and then some'.split()]
m = xw.show(np.sin(np.arange(10_000.0)), tokens=[words[i % len(words)] for i in range(10_000)])
m
"""


def test_ten_thousand_tokens_are_there_and_answer_to_a_click(lab: Lab) -> None:
    nb = lab.open([IMPORT, MANY])
    nb.run(0)
    nb.page.evaluate("window.began = performance.now()")
    nb.run(1)
    view = nb.shown(1)
    view.settled()
    view.tokens.nth(3).click()
    expect(view.tokens.nth(3)).to_have_attribute("aria-selected", "true")
    took = nb.page.evaluate("performance.now() - window.began")
    print(f"10,000 tokens: run to answered click {took:.0f} ms")  # noqa: T201 - read with pytest -s
    view.tokens.nth(3).focus()
    nb.page.keyboard.press("End")
    expect(view.tokens).to_have_count(10_000)
    expect(view.tokens.last).to_be_focused()
    expect(view.root).to_contain_text("10,000 tokens")


OWN = (
    "xw.show([[0.9, -0.4, 0.1] * 8], tokens=['not', ' unbelievably', '.'] * 8, axes=('target', 'pos'), unit='log_prob')"
)


def test_the_theme_is_followed_while_open(lab: Lab) -> None:
    nb = lab.open([IMPORT, OWN])
    nb.run_all()
    view = nb.shown(1)
    view.settled()

    def paper_and_ink() -> tuple[int, int]:
        style: list[str] = view.root.evaluate("e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]")
        return _light(style[0]), _light(style[1])

    nb.theme(dark=True)
    expect(view.root).to_be_visible()
    paper, ink = paper_and_ink()
    assert paper < 80 and ink > 180
    nb.screenshot("dark")
    nb.theme(dark=False)
    expect(view.root).to_be_visible()
    paper, ink = paper_and_ink()
    assert ink < 80 and paper > 180


def _light(colour: str) -> int:
    """Mean of red, green and blue of a computed colour."""
    return round(sum(float(x) for x in re.findall(r"[\d.]+", colour)[:3]) / 3)


def _box(locator: Locator) -> dict[str, float]:
    box = locator.bounding_box()
    assert box is not None
    return dict(box)
