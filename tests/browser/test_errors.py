"""What can't be answered is said under the last good picture, and nothing is lost."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Lab


def test_refusals_stand_under_the_last_good_picture(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'rain in spring')\na"], warm_kernel)
    nb.run(0)
    view, keys = nb.shown(0), nb.page.keyboard
    view.settled()
    before, texts = view.scores(), view.texts()

    view.button("edit").click()
    view.prompt.fill("")
    keys.press("Enter")
    expect(view.alert).to_contain_text("empty")
    assert (view.scores(), view.texts()) == (before, texts)
    expect(view.greyed).to_have_count(0)
    nb.screenshot("empty")

    view.prompt.fill("word " * 3000)
    keys.press("Enter")
    expect(view.alert).to_contain_text("3,001 tokens")
    assert (view.scores(), view.texts()) == (before, texts)
    # Python still has the last good answer
    assert nb.python("a.tokens.text") == "rain in spring"

    # a wrong target: more tokens than the contrast has
    view.prompt.fill("rain in spring")
    keys.press("Enter")
    expect(view.alert).to_be_hidden()
    view.settled()
    keys.press("Escape")
    other = view.root.get_by_role("textbox", name="another token")
    other.fill(" sun")
    other.press("Enter")
    view.asks("sun")
    other.fill(" of a thousand words")
    other.press("Shift+Enter")
    expect(view.alert).to_contain_text("token")
    nb.screenshot("target")

    # and one goes on
    view.candidates.get_by_role("option").first.click()
    expect(view.alert).to_be_hidden()
    view.settled()
    assert nb.page_errors == []


def test_a_method_that_breaks_leaves_the_picture_and_the_kernel(lab: Lab, warm_kernel: str) -> None:
    broken = "from xai_widgets.core.registry import EXPLAINERS\nheld = EXPLAINERS['held']\nkept = held.attribute\ndef broken(*_):\n    raise OSError('<b>disk</b> on fire')\n"
    nb = lab.open(["a = xw.explain(small, 'fog at noon')\na", broken], warm_kernel)
    nb.run_all()
    view = nb.shown(0)
    view.settled()
    before = view.scores()
    nb.python("setattr(held, 'attribute', broken)")
    view.button("change").click()
    view.root.get_by_role("option", name="Held").click()
    expect(view.alert).to_contain_text("<b>disk</b> on fire")
    assert view.scores() == before
    nb.python("setattr(held, 'attribute', kept)")
    view.button("change").click()
    view.root.get_by_role("option", name="Held").click()
    view.settled()
    expect(view.alert).to_be_hidden()
    assert nb.python("a.finding.ask.method") == "held"
