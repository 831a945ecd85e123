"""The harness itself: a small widget of the plainest kind shows, answers, survives a restart and follows the theme.

When a flow fails and this file passes, the fault is ours and not JupyterLab's.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Lab

WIDGET = """
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
      const button = document.createElement("button");
      button.className = "counter";
      const show = () => { button.textContent = `count ${model.get("value")}`; };
      button.onclick = () => { model.set("value", model.get("value") + 1); model.save_changes(); };
      model.on("change:value", show); show(); el.append(button);
    } };
    '''
    value = traitlets.Int(0).tag(sync=True)

counter = Counter()
"""


def test_clicks_reach_python_and_python_reaches_the_view(lab: Lab) -> None:
    nb = lab.open([WIDGET, "counter", "counter.value = 41"])
    nb.run(0)
    nb.run(1)
    button = nb.view(1).get_by_role("button", name="count")
    button.click()
    expect(button).to_have_text("count 1")
    assert nb.python("counter.value") == 1
    nb.run(2)
    expect(button).to_have_text("count 41")
    assert lab.outside == []


def test_a_restart_keeps_the_picture_and_empties_the_kernel(lab: Lab) -> None:
    nb = lab.open([WIDGET, "counter"])
    nb.run_all()
    nb.restart()
    expect(nb.view(1).get_by_role("button", name="count 0")).to_be_visible()
    assert nb.python("'counter' in dir()") is False


def test_the_theme_changes_while_the_page_is_open(lab: Lab) -> None:
    nb = lab.open(["print('hello')"])
    nb.run(0)
    assert nb.text(0) == "hello\n"
    light = nb.screenshot("light").read_bytes()
    nb.theme(dark=True)
    assert nb.screenshot("dark").read_bytes() != light


def test_a_cell_that_raises_fails_the_test(lab: Lab) -> None:
    nb = lab.open(["1 / 0"])
    nb.run(0, check=False)
    assert nb.outputs(0)[0]["ename"] == "ZeroDivisionError"


def test_pages_reach_nothing_beyond_the_server(lab: Lab) -> None:
    nb = lab.open(["pass"])
    script = "address => fetch(address).then(() => 'reached', () => 'refused')"
    assert nb.page.evaluate(script, "https://example.org/x.js") == "refused"
    assert lab.outside == ["https://example.org/x.js"]


def test_a_file_opens_without_a_kernel(lab: Lab, tmp_path: Path) -> None:
    saved = tmp_path / "saved.html"
    saved.write_text("<!doctype html><h1>still here</h1>")
    expect(lab.open_file(saved).get_by_role("heading", name="still here")).to_be_visible()
