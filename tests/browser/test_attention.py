"""Attention in JupyterLab, with a real kernel: look, choose, pin, turn off, edit, compare, break."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.attention import AttentionPicture
from tests.browser.conftest import Lab

TEXT = "When Mary and John went to the store, John gave a drink to"


def shown(nb: object, cell: int) -> AttentionPicture:
    """The attention view in the output of a cell."""
    return AttentionPicture(nb.cell(cell))  # type: ignore[attr-defined]


def test_look_choose_pin_and_turn_off(lab: Lab, warm_kernel: str) -> None:
    """The real model: what the view says is what a script gets."""
    nb = lab.open([f"v = xw.Attention(lm, {TEXT!r})\nv"], warm_kernel)
    nb.run(0)
    view = shown(nb, 0)
    view.drawn()
    nb.screenshot("overview", view.root)
    view.choose(11)  # layer 1, head 2
    expect(view.root).to_contain_text("1.2")
    row = nb.python("[round(float(x), 3) for x in v.weights(1, 2).scores[9]]")
    view.tokens().nth(9).click()
    strongest = max(row)
    expect(view.root).to_contain_text(f"{strongest:.3f}".rstrip("0"))
    view.button("head 1.2").click()
    expect(view.root.get_by_text("the whole distribution moves by")).to_be_visible()
    kl = nb.python("v.without(1, 2).kl")
    assert kl > 0
    nb.screenshot("turned-off", view.root)
    assert nb.page_errors == []
    assert lab.outside == []


def test_edit_gives_a_new_picture_and_an_error_keeps_the_old(lab: Lab, warm_kernel: str) -> None:
    """The newest text wins; an empty one is refused under the last picture."""
    nb = lab.open(["v = xw.Attention(small, 'one two three')\nv"], warm_kernel)
    nb.run(0)
    view = shown(nb, 0)
    view.drawn()
    view.button("edit").click()
    view.prompt.fill("four five six seven eight")
    view.prompt.press("Enter")
    expect(view.strip).to_contain_text("eight")
    view.prompt.fill("")
    view.prompt.press("Enter")
    expect(view.alert).to_contain_text("empty")
    view.drawn()
    nb.screenshot("error", view.root)


def test_markup_right_to_left_and_emoji_are_text(lab: Lab, warm_kernel: str) -> None:
    """Nothing a tokenizer gives is ever markup."""
    text = "<script>document.title='x'</script> مرحبا 👋 <b>"
    nb = lab.open([f"v = xw.Attention(small, {text!r})\nv"], warm_kernel)
    nb.run(0)
    view = shown(nb, 0)
    view.drawn()
    view.choose(0)
    expect(view.strip).to_contain_text("<script>")
    assert view.root.locator("script").count() == 0
    assert nb.page.title() != "x"
    nb.screenshot("markup", view.root)


def test_two_views_and_a_dead_kernel(lab: Lab) -> None:
    """Two cells show one widget; after a restart the picture stays, says so, and the same cell brings it back."""
    cells = [
        "import xai_widgets as xw\nfrom xai_widgets.adapters.tiny import tiny\nsmall = tiny('llama')",
        "v = xw.Attention(small, 'the cat sat on the mat')\nv",
        "v",
    ]
    nb = lab.open(cells)
    nb.run_all()
    one, two = shown(nb, 1), shown(nb, 2)
    one.drawn()
    two.drawn()
    one.choose(3)
    expect(two.root.get_by_text("single cells").first).to_be_visible()
    nb.restart()
    one.heads.nth(1).click()
    expect(one.root).to_contain_text("kernel")
    one.drawn()
    nb.run_all()
    again = shown(nb, 1)
    again.drawn()
    again.choose(2)


def test_a_long_text(lab: Lab, warm_kernel: str) -> None:
    """Some thousand tokens: coarse at first, exact where it is looked at, and readable."""
    nb = lab.open(["v = xw.Attention(small, list(range(300, 2300)))\nv"], warm_kernel)
    nb.run(0)
    view = shown(nb, 0)
    view.drawn()
    view.heads.nth(5).click()
    expect(view.root.get_by_text(re.compile(r"^maximum of \d")).first).to_be_visible()
    view.matrix.focus()
    for _ in range(12):
        view.matrix.press("+")
    expect(view.root.get_by_text("single cells").first).to_be_visible()
    nb.screenshot("long", view.root)


def test_a_saved_page_opens_offline(lab: Lab, warm_kernel: str, tmp_path: Path) -> None:
    """The heads that were saved are there in full; of others the page says that it was saved without them."""
    path = tmp_path / "attention.html"
    nb = lab.open(
        [f"xw.Attention(small, 'the cat sat on the mat').to_html({str(path)!r}, heads=[(0, 1)])"], warm_kernel
    )
    nb.run(0)
    page = lab.open_file(path)
    view = AttentionPicture(page.locator("body"))
    view.drawn()
    view.choose(1)
    view.heads.nth(2).click()
    expect(view.root).to_contain_text("saved without")
    assert lab.outside == []
