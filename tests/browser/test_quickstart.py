"""The first notebook, as somebody opens it: every cell runs, and a live explanation is there."""

from __future__ import annotations

import nbformat
from playwright.sync_api import expect

from tests.browser.conftest import Lab
from tests.browser.lab import REPOSITORY


def test_the_first_notebook_runs_and_shows_a_live_explanation(lab: Lab) -> None:
    book = nbformat.read(REPOSITORY / "notebooks" / "00_quickstart.ipynb", as_version=4)
    nb = lab.open(book)
    nb.run_all()
    views = [i for i, cell in enumerate(book.cells) if _has_view(nb.outputs(i) if cell.cell_type == "code" else [])]
    assert views, "no cell of the first notebook shows a view"
    for index in views:
        nb.cell(index).scroll_into_view_if_needed()
        nb.shown(index).settled()
    first = nb.shown(views[0])
    before = first.scores()
    nb.screenshot("quickstart", nb.cell(views[0]))
    first.candidates.get_by_role("option").nth(1).click()
    first.settled()
    assert first.scores() != before
    expect(first.alert).to_be_hidden()
    assert nb.page_errors == []
    assert lab.outside == []


def _has_view(outputs: list[dict]) -> bool:
    return any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs)
