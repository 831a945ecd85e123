"""At any width and with any text the view stays readable: nothing is cut off, nothing covers what it shouldn't."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab

LONG = (
    "It was a bright cold day in spring, and the clocks in the old town hall were striking thirteen when the "
    "extraordinarily long-winded storyteller began. \\n\\nHe spoke of mountains: high, cold, unforgiving. " * 4
)


def test_nothing_is_cut_off_at_any_width(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open([f"a = xw.explain(small, '{LONG}')\na"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    view.button("edit").click()
    view.prompt.fill("")
    view.prompt.press("Enter")
    expect(view.alert).to_be_visible()
    for width in (320, 560, 1100):
        view.root.evaluate("(e, width) => { e.parentElement.style.width = `${width}px`; }", width)
        assert _sticks_out(view.root) == []
        nb.screenshot(f"{width}-error", view.root)
    view.prompt.press("Escape")
    expect(view.prompt).to_be_hidden()
    for width in (320, 560, 1100):
        view.root.evaluate("(e, width) => { e.parentElement.style.width = `${width}px`; }", width)
        assert _sticks_out(view.root) == []
        nb.screenshot(f"{width}-long", view.root)


def test_an_output_shown_beside_the_notebook_is_the_same_view(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'side by side')\na"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    # what "Create New View for Cell Output" of the cell's menu does
    nb.page.evaluate("window.jupyterapp.commands.execute('notebook:create-output-view')")
    beside = nb.beside()
    beside.settled()
    wanted = beside.candidates.get_by_role("option").nth(2)
    wanted.click()
    for one in (view, beside):
        expect(one.candidates.get_by_role("option").nth(2)).to_have_attribute("aria-selected", "true")
        one.settled()
    assert beside.scores() == view.scores()
    assert _sticks_out(beside.root) == []
    nb.screenshot("beside")


def _sticks_out(root: Locator) -> list[str]:
    """Visible parts of a view that reach beyond its edges, or whose text is wider than they are."""
    script = """e => {
      const edge = e.getBoundingClientRect();
      return [...e.querySelectorAll('*')]
        .filter(x => x.checkVisibility() && !x.closest('.xw-hidden, [role=status], [popover]'))
        .map(x => [x, x.getBoundingClientRect()])
        .filter(([, r]) => r.width > 0 && (r.right > edge.right + 1 || r.left < edge.left - 1))
        .map(([x]) => x.className || x.tagName);
    }"""
    found: list[str] = root.evaluate(script)
    return found
