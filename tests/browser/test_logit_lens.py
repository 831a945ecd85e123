"""The lens in JupyterLab, with a real kernel: look, pin, follow, measure, edit, break, keep."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab
from tests.browser.notebook import Notebook

TEXT = "The capital of France is the city of"


def shown(nb: Notebook, cell: int) -> Locator:
    """The view in a cell's output, once its grid is whole."""
    root = nb.cell(cell).locator(".xw")
    expect(root.get_by_role("application")).to_be_visible()
    return root


def test_pin_follow_and_measure(lab: Lab, warm_kernel: str) -> None:
    """The real model: what the view says is what a script gets."""
    nb = lab.open([f"v = xw.LogitLens(lm, {TEXT!r})\nv"], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    nb.screenshot("lens", root)
    # nothing pinned: the last position's own answer can be followed
    root.get_by_role("button", name=re.compile("Paris")).first.click()
    expect(root).to_contain_text("first becomes rank 1 after layer")
    first = nb.python("next(i for i in range(31) if (v.follow(' Paris').rank[i:] == 0).all()) - 1")
    expect(root).to_contain_text(f"after layer {first}")
    prob = nb.python("float(v.follow(' Paris').prob[-1])")
    expect(root).to_contain_text(f"{prob:.3f}")
    root.get_by_role("combobox").first.select_option("kl")
    largest = nb.python("float(v.measure('kl').max())")
    expect(root).to_contain_text(f"{largest:.0f}")
    nb.screenshot("kl", root)
    grid = root.get_by_role("application")
    grid.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        grid.press(key)
    expect(root).to_contain_text("Pinned:")
    assert nb.page_errors == []
    assert lab.outside == []


def test_edit_error_and_tokens_that_look_like_markup(lab: Lab, warm_kernel: str) -> None:
    """The newest text wins; an empty one is refused under the last picture; nothing a tokenizer gives is markup."""
    nb = lab.open(["v = xw.LogitLens(small, 'one two three')\nv"], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    root.get_by_role("button", name=re.compile("^edit")).click()
    prompt = root.get_by_role("textbox", name="prompt")
    prompt.fill("<script>document.title='x'</script> مرحبا 👋")
    prompt.press("Enter")
    wanted = nb.python("len(small.tokenize(\"<script>document.title='x'</script> مرحبا 👋\"))")
    expect(root).to_contain_text(f"{wanted} tokens")
    assert root.locator("script").count() == 0
    assert nb.page.title() != "x"
    nb.screenshot("markup", root)
    prompt.fill("")
    prompt.press("Enter")
    expect(root.get_by_role("alert")).to_contain_text("empty")
    expect(root.get_by_role("application")).to_be_visible()


def test_a_dead_kernel(lab: Lab) -> None:
    """After the kernel is gone the grid stays and the view says so."""
    cells = [
        "import xai_widgets as xw\nfrom xai_widgets.adapters.tiny import tiny\nsmall = tiny('llama')",
        "v = xw.LogitLens(small, 'the cat sat on the mat')\nv",
    ]
    nb = lab.open(cells)
    nb.run_all()
    root = shown(nb, 1)
    nb.restart()
    root.get_by_role("combobox").first.select_option("entropy")
    expect(root).to_contain_text("kernel")
    expect(root.get_by_role("application")).to_be_visible()


def test_a_saved_page_opens_offline(lab: Lab, warm_kernel: str, tmp_path: Path) -> None:
    """The grid, the measures and the token that was saved are there; of another the page says that it was not saved."""
    path = tmp_path / "lens.html"
    nb = lab.open(
        [f"v = xw.LogitLens(small, 'the cat sat on the mat')\nv.to_html({str(path)!r}, follow=[7])\nv"], warm_kernel
    )
    nb.run(0)
    page = lab.open_file(path)
    root = page.locator(".xw")
    expect(root.get_by_role("application")).to_be_visible()
    root.get_by_role("combobox").first.select_option("entropy")
    largest = nb.python("f\"{v.measure('entropy').max():.2f}\"")
    expect(root).to_contain_text(largest)
    assert lab.outside == []


def test_a_trained_lens_and_a_prompt_to_read_with(lab: Lab, warm_kernel: str) -> None:
    """Train in a cell, look, switch to the logit lens and back; a pinned cell read with a prompt says what a script gets."""
    train = "tuned = xw.TunedLens.train(small, ['one two three four five six seven eight'] * 3, steps=5)"
    nb = lab.open([train, "v = xw.LogitLens(small, 'one two three', lens=tuned)\nv"], warm_kernel)
    nb.run(0)
    expect(nb.cell(0)).to_contain_text("tuned lens")
    nb.run(1)
    root = shown(nb, 1)
    expect(root).to_contain_text("Tuned lens")
    lens = root.get_by_role("combobox", name="which lens")
    lens.select_option("logit")
    expect(root).to_contain_text("Logit lens")
    assert nb.python("v.now().reading.lens") == "logit"
    lens.select_option("tuned")
    expect(root).to_contain_text("Tuned lens")
    grid = root.get_by_role("application")
    grid.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        grid.press(key)
    root.get_by_role("button", name="read with a prompt").click()
    prompt = root.get_by_role("textbox", name="prompt to read with")
    prompt.fill("one ? three")
    prompt.press("Enter")
    expect(root).to_contain_text("it writes:")
    expect(root.locator(".xw-lens-read")).to_contain_text("before three")
    written = nb.python("v.scope(1, 0, 'one ? three').candidates[0].prob")
    expect(root.locator(".xw-both")).to_contain_text(f"{written:.3f}")
    nb.screenshot("scope", root)
    assert nb.page_errors == []
    assert lab.outside == []


def test_two_models(lab: Lab, warm_kernel: str) -> None:
    """The difference of a model and another one of the same kind, in the dark too."""
    cell = "from xai_widgets.adapters.tiny import tiny\nv = xw.LogitLens(small, 'one two three', versus=tiny('llama', seed=1))\nv"
    nb = lab.open([cell], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    root.get_by_role("combobox", name="which model").select_option("difference")
    largest = nb.python("float(v.difference.kl.max())")
    expect(root.get_by_role("group", name="legend")).to_contain_text(f"{largest:.3g}"[:4])
    root.get_by_role("combobox", name="what ink means").select_option("change")
    expect(root.get_by_role("group", name="legend")).to_contain_text("probability of this one’s token")
    nb.theme(dark=True)
    nb.screenshot("difference-dark", root)
    assert nb.page_errors == []
