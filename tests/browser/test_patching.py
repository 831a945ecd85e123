"""Patching in JupyterLab, with a real kernel: read, click a cell, turn round, edit, break, keep."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab
from tests.browser.notebook import Notebook

CLEAN, CORRUPTED = "The capital of France is the city of", "The capital of Italy is the city of"


def shown(nb: Notebook, cell: int) -> Locator:
    """The view in a cell's output, once all rows are exact."""
    root = nb.cell(cell).locator(".xw")
    expect(root.get_by_role("application")).to_be_visible()
    expect(root).to_contain_text("All rows are exact")
    return root


def test_read_click_and_turn_round(lab: Lab, warm_kernel: str) -> None:
    """The real model: what the view says is what a script gets."""
    nb = lab.open([f"v = xw.Patching(lm, {CLEAN!r}, {CORRUPTED!r})\nv"], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    nb.screenshot("grid", root)
    expect(root).to_contain_text(f"r = {nb.python('v.agreement'):.3f}"[:8])
    grid = root.get_by_role("application")
    grid.focus()
    grid.press("ArrowDown")  # the first arrow puts the cursor on what is seen first, the last layer at the first token
    for _ in range(3):
        grid.press("ArrowRight")
    for _ in range(10):
        grid.press("ArrowDown")
    grid.press("Enter")
    layer = nb.python("v.grid.values.shape[0]") - 1 - 10
    logits = nb.python(f"[lm.token_text(int(x.argmax())) for x in v.patched({layer}, 3)]")
    assert logits == [" Rome", " Paris"]
    expect(root).to_contain_text(re.compile("Rome.*Paris", re.DOTALL))
    nb.screenshot("cell", root)
    root.get_by_role("combobox", name="direction").select_option("noise")
    expect(root).to_contain_text("clean · patched")
    expect(root).to_contain_text("All rows are exact")
    assert nb.page_errors == []
    assert lab.outside == []


def test_prompts_that_say_the_same_are_refused_under_the_last_picture(lab: Lab, warm_kernel: str) -> None:
    """The reason is said, and the picture stays."""
    nb = lab.open(
        ["v = xw.Patching(small, 'the cat <b>sat</b> 👋', 'the dog <b>sat</b> 👋', target=65, contrast=90)\nv"],
        warm_kernel,
    )
    nb.run(0)
    root = shown(nb, 0)
    assert root.locator("b:has-text('sat')").count() == 0
    root.get_by_role("button", name=re.compile("^edit")).click()
    prompts = root.get_by_role("textbox")
    prompts.nth(1).fill("the cat <b>sat</b> 👋")
    prompts.nth(1).press("Enter")
    expect(root.get_by_role("alert")).to_contain_text("nothing to explain")
    expect(root.get_by_role("application")).to_be_visible()
    nb.screenshot("refused", root)


def test_a_first_look_that_fails_is_mended_in_the_view(lab: Lab, warm_kernel: str) -> None:
    """Two prompts that say the same: both are there to be edited, with the reason; then a subject is noised by clicking its token."""
    nb = lab.open([f"v = xw.Patching(lm, {CLEAN!r}, {CLEAN!r})\nv"], warm_kernel)
    nb.run(0)
    root = nb.cell(0).locator(".xw")
    expect(root.get_by_role("alert")).to_contain_text("Both prompts say ' Paris' next")
    prompts = root.get_by_role("textbox", name=re.compile("prompt"))
    expect(prompts.nth(1)).to_have_value(CLEAN)
    nb.screenshot("failed", root)
    prompts.nth(1).fill(CORRUPTED)
    prompts.nth(1).press("Enter")
    root = shown(nb, 0)
    root.get_by_role("button", name="done").click()
    root.get_by_role("combobox", name="what the prompt is held against").select_option("noise")
    root.get_by_role("button", name="France").click()
    expect(root).to_contain_text("probability of “Paris”")
    expect(root).to_contain_text("All rows are exact", timeout=180_000)
    expect(root).to_contain_text("Causal tracing")
    nb.screenshot("traced", root)
    assert nb.python("v.now().pair.corrupted.subject") == (3,)
    root.get_by_role("combobox", name="what the prompt is held against").select_option("ablation")
    expect(root).to_contain_text("does Paris need?")
    expect(root).to_contain_text("All rows are exact", timeout=180_000)
    nb.screenshot("ablated", root)
    assert nb.page_errors == []


def test_a_saved_page_opens_offline(lab: Lab, warm_kernel: str, tmp_path: Path) -> None:
    """The grid is there; of a cell the page says that it was not saved."""
    path = tmp_path / "patching.html"
    code = "xw.Patching(small, 'the cat sat', 'the dog sat', target=65, contrast=90)"
    nb = lab.open([f"v = {code}\nv.to_html({str(path)!r})\nv"], warm_kernel)
    nb.run(0)
    page = lab.open_file(path)
    root = page.locator(".xw")
    expect(root).to_contain_text("All rows are exact")
    root.get_by_role("application").focus()
    root.get_by_role("application").press("ArrowDown")
    root.get_by_role("application").press("Enter")
    expect(root).to_contain_text("saved without")
    assert lab.outside == []
