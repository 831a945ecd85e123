"""CKA in JupyterLab, with a real kernel: read the matrix, keep a cell, keep the page."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Lab

TEXTS = [
    "The capital of France is Paris, and the capital of Italy is Rome. People visit both cities every summer.",
    "Water freezes at zero degrees and boils at one hundred degrees at sea level.",
    "She put the keys on the table and went to the kitchen to make some tea, but the kettle was empty.",
]


def test_a_real_model_beside_itself(lab: Lab, warm_kernel: str) -> None:
    """What a cell says is what a script gets."""
    nb = lab.open([f"v = xw.CKA(lm, {TEXTS!r})\nv"], warm_kernel)
    nb.run(0)
    root = nb.cell(0).locator(".xw")
    expect(root).to_contain_text("How alike are the layers of")
    matrix = root.get_by_role("application")
    matrix.focus()
    matrix.press("ArrowDown")
    matrix.press("Enter")
    value = nb.python("f'{v.cka.debiased[-1, 0]:#.3g}'").replace("-", "−")
    expect(root).to_contain_text(f"beside embedding: {value} debiased")
    nb.screenshot("itself", root)
    nb.theme(dark=True)
    nb.screenshot("itself-dark", root)
    assert nb.page_errors == []
    assert lab.outside == []


def test_two_models_kept_as_a_page(lab: Lab, warm_kernel: str, tmp_path: Path) -> None:
    """Opens offline with the same numbers."""
    path = tmp_path / "cka.html"
    nb = lab.open(
        [
            (
                "from xai_widgets.adapters.tiny import tiny\n"
                f"v = xw.CKA(small, {TEXTS!r}, versus=tiny('gpt2'))\nv.to_html({str(path)!r})\nv"
            )
        ],
        warm_kernel,
    )
    nb.run(0)
    page = lab.open_file(path)
    root = page.locator(".xw")
    expect(root).to_contain_text("rows: layers of")
    root.get_by_role("radio").nth(1).click()
    expect(root).to_contain_text("CKA, plain")
    assert lab.outside == []
