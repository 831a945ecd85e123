"""One widget in two cells; a restarted kernel leaves the picture and says so; a reloaded page finds everything again."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Lab

SETUP = "import xai_widgets as xw\nfrom xai_widgets.adapters.tiny import tiny\nsmall = tiny()"
ASK = "a = xw.explain(small, 'here and there')\na"


def test_two_cells_show_one_widget(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open([ASK, "a"], warm_kernel)
    nb.run_all()
    first, second = nb.shown(0), nb.shown(1)
    first.settled()
    second.settled()
    wanted = second.candidates.get_by_role("option").nth(4)
    wanted.click()
    expect(wanted).to_have_attribute("aria-selected", "true")
    for view in (first, second):
        view.settled()
        expect(view.candidates.get_by_role("option").nth(4)).to_have_attribute("aria-selected", "true")
    assert first.scores() == second.scores()
    # pins are shared, and Python sees them
    first.tokens.nth(1).click()
    expect(second.tokens.nth(1)).to_have_attribute("aria-selected", "true")
    nb.wait_for_python("a.widget.selection['pos'] == [1]")
    nb.screenshot("two-views")


def test_linked_answers_share_what_is_pinned(lab: Lab, warm_kernel: str) -> None:
    two = "b = xw.explain(small, 'here or there')\nb"
    nb = lab.open([ASK, two, "xw.link(a, b)"], warm_kernel)
    nb.run_all()
    first, second = nb.shown(0), nb.shown(1)
    first.settled()
    second.settled()
    second.tokens.nth(2).click()
    expect(first.tokens.nth(2)).to_have_attribute("aria-selected", "true")
    first.tokens.nth(2).click()
    expect(second.tokens.nth(2)).to_have_attribute("aria-selected", "false")


def test_views_stand_in_a_layout_of_ones_own(lab: Lab, warm_kernel: str) -> None:
    layout = "import ipywidgets\nb = xw.explain(small, 'second')\nipywidgets.VBox([a.widget, b.widget])"
    nb = lab.open([ASK, layout], warm_kernel)
    nb.run_all()
    both = nb.view(1).locator(".xw")
    expect(both).to_have_count(2)
    for number in range(2):
        inside = both.nth(number)
        expect(inside.get_by_role("listbox", name="next token").get_by_role("option")).to_have_count(10)
    assert nb.page_errors == []


def test_a_restart_keeps_the_picture_says_so_and_the_cell_brings_it_back(lab: Lab) -> None:
    nb = lab.open([SETUP, ASK])
    nb.run_all()
    view = nb.shown(1)
    view.settled()
    before = view.scores()
    nb.restart()
    assert view.scores() == before
    view.candidates.get_by_role("option").nth(1).click()
    expect(view.alert).to_contain_text("kernel is gone")
    expect(view.alert).to_contain_text("Run the cell again")
    expect(view.progress).to_be_hidden()
    assert view.scores() == before
    nb.screenshot("gone")
    assert nb.page_errors == []
    nb.run_all()
    expect(view.alert).to_be_hidden()
    view.settled()
    assert view.scores() == before
    view.candidates.get_by_role("option").nth(1).click()
    view.settled()
    assert view.scores() != before


def test_a_reloaded_page_finds_the_view_again(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open([ASK], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    before = view.scores()
    nb.save()
    nb.reload()
    view.settled()
    assert view.scores() == before
    view.candidates.get_by_role("option").nth(1).click()
    view.settled()
    assert view.scores() != before
