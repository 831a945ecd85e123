"""Steering in JupyterLab, with a real kernel: move a slider, choose tokens, go back, break, keep."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab
from tests.browser.notebook import Notebook

PROMPT, OTHER = "The capital of France is", "The capital of Italy is"


def shown(nb: Notebook, cell: int) -> Locator:
    """The view in a cell's output, once there is an answer."""
    root = nb.cell(cell).locator(".xw")
    expect(root.get_by_role("columnheader", name="after").first).to_be_visible(timeout=60_000)
    return root


def test_a_slider_moves_what_comes_next(lab: Lab, warm_kernel: str) -> None:
    """The real model, from nothing set: push towards a token, see next token and text change; a script gets the same, undo goes back."""
    nb = lab.open([f"v = xw.Steer(lm, {PROMPT!r})\nv"], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    expect(root).to_contain_text("Take hold of any activation")
    expect(root).to_contain_text("Next: Paris. Nothing is changed.")
    root.get_by_role("button", name=re.compile("push the stream towards “London”")).click()
    slider = root.get_by_role("slider")
    expect(slider).to_be_enabled()
    expect(slider).to_have_attribute("aria-valuetext", "0 stream norms")
    slider.focus()
    slider.press("End")
    expect(root).to_contain_text("Paris becomes London.")
    after = root.locator(".xw-steer-written").nth(1)
    expect(after).to_contain_text("London")
    expect(root.locator("mark").first).to_be_visible()
    nb.screenshot("pushed", root)
    kl = nb.python("v.kl")
    assert kl > 1
    expect(root).to_contain_text(f"KL {kl:.1f} nats")
    assert nb.python("lm.token_text(int(v.logits.argmax()))") == " London"
    (one,) = nb.python("[x.to_json() for x in v.interventions]")
    norms = nb.python("v.now().plain.norms[v.interventions[0].layer]")
    assert one["value"] == pytest.approx(2 * norms, rel=1e-3)  # two norms of the stream; the direction's length is 1
    nb.theme(dark=True)
    nb.screenshot("dark", root)
    root.get_by_role("button", name="undo").click()
    expect(root).to_contain_text("Paris stays the most probable next token.")
    nb.python("v.undo() and 0")
    expect(root).to_contain_text("Take hold of any activation")
    assert nb.page_errors == []
    assert lab.outside == []


def test_a_swap_at_a_chosen_token(lab: Lab, warm_kernel: str) -> None:
    """Italy's state at France's place turns the answer to Rome; the copied code does the same; the prompt is edited in place."""
    nb = lab.open([f"v = xw.Steer(lm, {PROMPT!r})\nv"], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    root.get_by_role("button", name="add an intervention").click()
    root.get_by_role("combobox", name="which part").select_option("resid")
    root.get_by_role("spinbutton", name="layer").fill("12")
    root.get_by_role("combobox", name="what is done").select_option("swap")
    field = root.get_by_role("textbox", name="the other text")
    field.fill(OTHER)
    field.press("Enter")
    root.get_by_role("button", name="France, position 3").click()
    root.get_by_role("button", name="is, position 4").click()
    expect(root).to_contain_text("Paris becomes Rome.")
    expect(root.locator(".xw-steer-written").nth(1)).to_contain_text("Rome")
    nb.screenshot("swapped", root)
    assert nb.python("eval(v.code().split('\\n', 3)[3]).kl == v.kl")
    root.get_by_role("button", name=re.compile("^edit")).click()
    root.get_by_role("textbox", name="prompt").fill("The capital of Spain is")
    root.get_by_role("textbox", name="prompt").press("Enter")
    expect(root).to_contain_text("Madrid becomes Rome.")
    assert nb.page_errors == []


def test_a_refusal_stands_under_the_last_picture(lab: Lab, warm_kernel: str) -> None:
    """Another text that has no token in that place: what was given and what to do."""
    nb = lab.open(["v = xw.Steer(small, 'the cat <b>sat</b> 👋')\nv"], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    assert root.locator("b:has-text('sat')").count() == 0
    root.get_by_role("button", name="add an intervention").click()
    root.get_by_role("combobox", name="what is done").select_option("swap")
    field = root.get_by_role("textbox", name="the other text")
    field.fill("no")
    field.press("Enter")
    expect(root.get_by_role("alert")).to_contain_text("counterpart")
    expect(root.get_by_role("columnheader", name="after").first).to_be_visible()
    nb.screenshot("refused", root)
    root.get_by_role("button", name="undo").click()
    expect(root.get_by_role("alert")).to_have_count(0)


def test_a_saved_page_opens_offline(lab: Lab, warm_kernel: str, tmp_path: Path) -> None:
    """Rows, next tokens and both texts are there; a slider says that there is no kernel."""
    path = tmp_path / "steer.html"
    code = "xw.Steer(small, 'the cat sat', [xw.Intervention(what='head', layer=1, index=0, value=0)])"
    nb = lab.open([f"v = {code}\nv.to_html({str(path)!r})\nv"], warm_kernel)
    nb.run(0)
    page = lab.open_file(path)
    root = page.locator(".xw")
    expect(root).to_contain_text("switched off")
    expect(root.locator(".xw-steer-written").nth(1)).not_to_be_empty()
    root.get_by_role("slider").focus()
    root.get_by_role("slider").press("End")
    expect(root).to_contain_text("saved page")
    assert lab.outside == []
