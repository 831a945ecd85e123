"""Direct logit attribution in JupyterLab, with a real kernel: read, pin, open an MLP, ask of another token, keep."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab
from tests.browser.notebook import Notebook

TEXT = "The capital of France is the city of"


def shown(nb: Notebook, cell: int) -> Locator:
    """The view in a cell's output, once it is drawn."""
    root = nb.cell(cell).locator(".xw")
    expect(root).to_contain_text("The parts sum to")
    return root


def test_read_ask_and_open_an_mlp(lab: Lab, warm_kernel: str) -> None:
    """The real model: what the view says is what a script gets."""
    nb = lab.open([f"v = xw.DirectLogitAttribution(lm, {TEXT!r}, contrast=' Rome')\nv"], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    logit = nb.python("float(v.shares.logits[0])")
    expect(root).to_contain_text(f"{logit:.2f}")
    assert nb.python("abs(float(v.shares.values.sum() - v.shares.logits[0])) < 1e-3")
    nb.screenshot("bars", root)
    # the strongest MLP's neurons, by keyboard or by click on its name in the chart
    layer = nb.python(
        "int(max((l for k, l in zip(v.shares.kinds, v.shares.layers) if k == 'mlp'), "
        "key=lambda l: abs(v.shares.of(f'mlp {l}')[0])))"
    )
    chart = root.get_by_role("application").first
    chart.focus()
    chart.press("Home")
    for _ in range(nb.python(f"v.shares.components.index('mlp {layer}')")):
        chart.press("ArrowUp")
    chart.press("Enter")
    neuron = nb.python(f"v.neurons({layer})[0].index")
    expect(root.get_by_text(str(neuron), exact=True)).to_be_visible()
    nb.screenshot("neurons", root)
    assert nb.page_errors == []
    assert lab.outside == []


def test_a_saved_page_opens_offline(lab: Lab, warm_kernel: str, tmp_path: Path) -> None:
    """Bars and heads are there."""
    path = tmp_path / "direct.html"
    nb = lab.open(
        [f"xw.DirectLogitAttribution(small, '<b>the</b> cat 👋').to_html({str(path)!r}, layers=[1])"], warm_kernel
    )
    nb.run(0)
    page = lab.open_file(path)
    root = page.locator(".xw")
    expect(root).to_contain_text("The parts sum to")
    assert root.locator("b:has-text('the')").count() == 0
    assert lab.outside == []


def test_click_a_head_to_see_where_it_looks(lab: Lab, warm_kernel: str) -> None:
    """The strongest head of the real model: the text, inked, with the numbers a script gets; its code leads to the attention view."""
    nb = lab.open([f"v = xw.DirectLogitAttribution(lm, {TEXT!r}, contrast=' Rome')\nv"], warm_kernel)
    nb.run(0)
    root = shown(nb, 0)
    layer, head = nb.python("[int(i) for i in divmod(abs(v.shares.heads[0]).argmax(), v.shares.heads.shape[2])]")
    matrix = root.get_by_role("application").nth(1)
    matrix.scroll_into_view_if_needed()
    matrix.focus()
    # the first key brings the cursor to the left top, where the last layer is
    for _ in range(nb.python("v.shares.heads.shape[1]") - layer):
        matrix.press("ArrowDown")
    for _ in range(head):
        matrix.press("ArrowRight")
    matrix.press("Enter")
    sources = root.get_by_role("region", name="where the head looks")
    expect(sources).to_contain_text(f"Head {layer}.{head}: where the last position looks")
    token = nb.python(f"v.now().tokens.texts[int(abs(v.head({layer}, {head}).shares).argmax())].strip()")
    expect(sources).to_contain_text(f"Most comes from {token}")
    assert nb.python(f"bool(abs(v.head({layer}, {head}).shares.sum() - v.shares.heads[0, {layer}, {head}]) < 1e-3)")
    nb.screenshot("head", sources)
    nb.theme(dark=True)
    nb.screenshot("head-dark", sources)
    assert nb.page_errors == []


def test_two_models(lab: Lab, warm_kernel: str) -> None:
    """A copy with one layer changed: what is before it is the same."""
    nb = lab.open(
        [
            (
                "import torch\nfrom xai_widgets.adapters.tiny import tiny\nother = tiny('llama')\n"
                "with torch.no_grad():\n    other.model.model.layers[2].mlp.down_proj.weight.mul_(1.5)"
            ),
            "v = xw.DirectLogitAttribution(tiny('llama'), 'the cat sat on the', versus=other)\nv",
        ],
        warm_kernel,
    )
    nb.run_all()
    root = nb.cell(1).locator(".xw")
    expect(root).to_contain_text("The differences sum to")
    chart = root.get_by_role("application").first
    chart.focus()
    chart.press("Home")
    expect(root).to_contain_text("embedding: 0, the same in both")
    nb.screenshot("difference", root)
    root.get_by_role("radio").nth(1).click()
    expect(root).to_contain_text("The parts sum to")
    assert nb.page_errors == []
