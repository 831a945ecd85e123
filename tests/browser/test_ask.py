"""A question is asked by clicking: a candidate, another one to compare with, a token the model wrote, a unit."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lab
from tests.browser.notebook import Notebook
from tests.browser.view import View


def agree(nb: Notebook, view: View, answer: str) -> None:
    """Python reads the same numbers as the view shows, to the three digits it shows."""
    e = f"{answer}.explanation"
    rows = nb.python(f"{{int(g[0]): s for g, s in zip({e}.units.groups, {e}.scores.sum(0).tolist())}}")
    shown = view.scores()
    assert shown
    assert {at: rows[at] for at in shown} == pytest.approx(shown, rel=6e-3, abs=1e-6)


def test_clicks_ask_and_python_reads_what_was_clicked(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(lm, 'The capital of France is')\na"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.asks("Paris")
    expect(view.tokens).to_have_count(5)
    expect(view.candidates.get_by_role("option")).to_have_count(10)
    expect(view.root.get_by_text("exact", exact=True)).to_be_visible()
    expect(view.legend).to_contain_text("log-probability")
    agree(nb, view, "a")
    nb.screenshot("first")

    view.candidate("London").click()
    view.asks("London")
    expect(view.candidate("London")).to_have_attribute("aria-selected", "true")
    agree(nb, view, "a")
    assert nb.python("[row.text for row in a.explanation.rows]") == [" London"]

    view.candidate("Paris").click(modifiers=["Shift"])
    view.asks("London", "Paris")
    quantity = view.root.get_by_role("combobox", name="the number that is explained")
    expect(quantity).to_have_value("logit_diff")
    agree(nb, view, "a")
    assert nb.python("(a.finding.quantity, a.explanation.rows[0].contrast)") == ("logit_diff", " Paris")
    nb.screenshot("contrast")

    view.button("not that one").click()
    view.asks("London")
    assert nb.python("(a.finding.quantity, a.explanation.rows[0].contrast)") == ("log_prob", "")
    assert nb.page_errors == []
    assert lab.outside == []


def test_the_keyboard_alone_asks_the_same(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(lm, 'The capital of France is')\na"], warm_kernel)
    nb.run(0)
    view, keys = nb.shown(0), nb.page.keyboard
    view.asks("Paris")
    view.candidate("Paris").focus()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("Enter")
    view.asks("London")
    expect(view.candidate("London")).to_be_focused()
    keys.press("Home")
    keys.press("c")
    view.asks("London", "Paris")
    keys.press("Escape")
    view.asks("London")
    view.tokens.nth(3).focus()
    keys.press("ArrowLeft")
    keys.press("Enter")
    expect(view.tokens.nth(2)).to_have_attribute("aria-selected", "true")
    keys.press("Escape")
    expect(view.tokens.nth(2)).to_have_attribute("aria-selected", "false")
    # the keys were the view's: no cell was changed, added or deleted by JupyterLab's own
    assert nb.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length") == 1


def test_what_the_model_writes_is_a_row_of_targets(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(lm, 'Once upon a time')\na"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    n_prompt = view.tokens.count()
    view.button("generate").click()
    expect(view.tokens).not_to_have_count(n_prompt)
    view.settled()
    written = nb.python("[token.text for token in a.finding.generated]")
    assert len(written) > 3 and view.tokens.count() == n_prompt + len(written)
    view.tokens.nth(n_prompt + 2).click()
    view.asks(written[2].strip())
    agree(nb, view, "a")
    assert nb.python("[row.text for row in a.explanation.rows]") == [written[2]]
    # it is explained from everything before it, and from nothing after it
    assert nb.python("len(a.tokens)") == n_prompt + 2
    nb.screenshot("generated")


def test_units_are_chosen(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'unbelievable stories. Told twice.')\na"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    n_tokens = view.tokens.count()
    unit = view.root.get_by_role("combobox", name="unit")
    unit.select_option("word")
    expect(view.tokens).not_to_have_count(n_tokens)
    view.settled()
    assert view.texts() == ["unbelievable", " stories", ".", " Told", " twice", "."]
    assert nb.python("(a.explanation.units.kind, a.scores.shape)") == ("word", (1, 6))
    agree(nb, view, "a")
    unit.select_option("sentence")
    expect(view.tokens).to_have_count(2)


def test_a_storm_of_clicks_ends_with_the_last_one(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'thunder over the old barn')\na"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    options = view.candidates.get_by_role("option")
    for index in (3, 1, 4, 1, 5, 9, 2, 6):
        options.nth(index).click()
    view.settled()
    expect(options.nth(6)).to_have_attribute("aria-selected", "true")
    wanted = int(options.nth(6).get_attribute("data-id") or -1)
    assert nb.python("a.explanation.rows[0].id") == wanted
    agree(nb, view, "a")
    expect(view.alert).to_be_hidden()
    assert nb.page_errors == []


def test_copied_code_computes_what_is_on_the_screen(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'it rains, said \\'Ann\\'')\na"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    view.candidates.get_by_role("option").nth(2).click()
    view.settled()
    view.candidates.get_by_role("option").nth(5).click(modifiers=["Shift"])
    view.settled()
    view.button("copy as code").click()
    expect(view.button("copied")).to_be_visible()
    code: str = nb.page.evaluate("navigator.clipboard.readText()")
    assert "xw.explain(" in code
    # the code loads a model by the name it came from, which a tiny one made here does not have
    asked = "\n".join(line for line in code.splitlines() if not line.startswith(("lm =", "import")))
    nb.run(nb.add("before, lm_real, lm = a.scores, lm, small\n" + asked.replace("xw.explain(", "b = xw.explain(")))
    nb.run(nb.add("lm = lm_real"))
    assert nb.python("abs(b.scores - before).max() < 1e-6 and b.finding.ask.key == a.finding.ask.key"), code
