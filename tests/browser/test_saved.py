"""What was found outlives the kernel: one HTML file that opens offline, and a still picture in the saved notebook."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Lab
from tests.browser.view import View

ASK = "a = xw.explain(lm, 'The capital of France is', target=' Paris', contrast=' Rome')\na"


def test_a_saved_page_shows_the_same_offline(lab: Lab, warm_kernel: str, tmp_path: Path) -> None:
    saved = tmp_path / "answer.html"
    nb = lab.open([ASK, f"a.to_html({str(saved)!r})"], warm_kernel)
    nb.run_all()
    live = nb.shown(0)
    live.settled()
    page = lab.open_file(saved)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.reload()
    view = View(page.locator("body"))
    view.asks("Paris", "Rome")
    assert view.texts() == live.texts()
    assert view.scores() == live.scores()
    assert view.candidates.all_inner_texts() == live.candidates.all_inner_texts()
    lab.screenshot(page, "page")
    # what needs no kernel works; what does says so
    view.tokens.nth(3).hover()
    expect(view.root.get_by_role("tooltip")).to_contain_text("score")
    view.tokens.nth(3).click()
    expect(view.tokens.nth(3)).to_have_attribute("aria-selected", "true")
    view.candidate("the").click()
    expect(view.root.get_by_role("status").filter(has_text="saved page")).to_be_visible()
    assert view.scores() == live.scores()
    page.emulate_media(color_scheme="dark")
    lab.screenshot(page, "page-dark")
    assert errors == []
    assert lab.outside == []


def test_the_view_is_drawn_once_and_nothing_jumps_when_the_answer_comes(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'wind over water', method='held')\na"], warm_kernel)
    nb.python("gate.close()")
    nb.run(0)
    view = nb.shown(0)
    expect(view.tokens).to_have_count(3)
    view.root.evaluate("e => { e.dataset.mark = 'the same element'; }")
    height = nb.view(0).evaluate("e => e.getBoundingClientRect().height")
    nb.python("gate.go()")
    view.settled()
    nb.wait_until(
        "() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON()).includes('data:image/svg')"
    )
    assert view.root.get_attribute("data-mark") == "the same element"
    assert nb.view(0).evaluate("e => e.getBoundingClientRect().height") == height


def test_a_saved_notebook_has_the_last_picture_for_places_without_widgets(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'stones and rivers')\na"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    view.candidates.get_by_role("option").nth(2).click()
    view.settled()
    expect(nb.view(0).locator(".xw-still")).to_be_hidden()
    book = nb.save()
    shown, still = (output.data for output in book.cells[0].outputs)
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "stones" in still["text/plain"]

    # somebody else opens the file: another kernel, which knows no such widget
    other = lab.open(book)
    still_image = other.view(0).locator("img.xw-still")
    expect(still_image).to_be_visible()
    assert "stones" in (still_image.get_attribute("alt") or "")
    other.screenshot("elsewhere")
