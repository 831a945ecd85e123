"""The method is changed, watched, stopped and asked about first; a click is answered while another cell runs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lab

IPYKERNEL = "tuple(__import__('ipykernel').version_info[:1])"


def test_the_picker_changes_the_method_and_says_what_each_costs(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'one two three')\na"], warm_kernel)
    nb.run(0)
    view, keys = nb.shown(0), nb.page.keyboard
    view.settled()
    view.button("change").click()
    methods = view.root.get_by_role("dialog", name="methods")
    gradient = methods.get_by_role("option", name="Gradient norm")
    expect(gradient).to_contain_text("pass")
    nb.screenshot("picker")
    gradient.click()
    expect(methods).to_be_hidden()
    expect(view.root.get_by_text("Gradient norm", exact=False).first).to_be_visible()
    view.settled()
    assert nb.python("(a.finding.ask.method, bool((a.scores >= 0).all()))") == ("gradient_norm", True)
    expect(view.legend.get_by_text("against")).to_be_hidden()
    nb.screenshot("unsigned")

    # by keyboard: open, move, choose; Escape gives the focus back
    change = view.button("change")
    change.focus()
    keys.press("Enter")
    expect(gradient).to_be_focused()
    keys.press("Escape")
    expect(methods).to_be_hidden()
    expect(change).to_be_focused()
    keys.press("Enter")
    integrated = methods.get_by_role("option", name=re.compile("^Integrated gradients"))
    integrated.focus()
    keys.press("Enter")
    view.settled()
    expect(view.root.get_by_text(re.compile(r"^gap "))).to_be_visible()

    # its parameters, too
    view.button("change").click()
    steps = methods.get_by_role("spinbutton", name="n steps")
    steps.fill("7")
    methods.get_by_role("button", name="apply").click()
    view.settled()
    assert nb.python("a.finding.ask.params['n_steps']") == 7


def test_progress_is_shown_and_cancel_goes_back_to_the_last_answer(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'sun moon stars')\na"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    before = view.scores()
    nb.python("gate.close()")
    view.button("change").click()
    view.root.get_by_role("option", name="Held").click()
    expect(view.progress).to_be_visible()
    nb.python("gate.go(2)")
    expect(view.root.get_by_text("1 of 3", exact=True)).to_be_visible()
    expect(view.progress).to_have_attribute("aria-valuenow", "1")
    view.cancel.click()
    view.settled()
    assert view.scores() == before
    assert nb.python("gate.finished") == []
    # the numbers in Python are still the last ones, and the kernel is free
    assert nb.python("(a.finding.ask.method, a.scores.shape)") == ("leave_one_out", (1, 3))
    # and one goes on
    view.candidates.get_by_role("option").nth(1).click()
    view.settled()
    assert view.scores() != before
    assert nb.python("a.finding.ask.method") == "leave_one_out"


def test_a_click_is_answered_while_another_cell_runs(lab: Lab, warm_kernel: str) -> None:
    busy = "import time\nworking = True\nwhile working:\n    time.sleep(0.01)"
    nb = lab.open(["a = xw.explain(small, 'sea land sky')\na", busy], warm_kernel)
    nb.run(0)
    if nb.python(IPYKERNEL) < (7,):
        pytest.skip("ipykernel before 7 answers between cells only; pip install 'ipykernel>=7' and run this test again")
    view = nb.shown(0)
    view.settled()
    # JupyterLab makes the thread that answers beside cells with the first widget; from the first answer on it is there
    view.candidates.get_by_role("option").nth(1).click()
    view.settled()
    nb.run(1, wait=False)
    expect(nb.running(1)).to_be_visible()
    wanted = view.candidates.get_by_role("option").nth(3)
    wanted.click()
    expect(wanted).to_have_attribute("aria-selected", "true")
    view.settled()
    expect(nb.running(1)).to_be_visible()
    nb.interrupt()
    expect(nb.running(1)).to_be_hidden()
    assert nb.python("a.explanation.rows[0].id") == int(wanted.get_attribute("data-id") or -1)


SLOW = """
answering.ASK_ABOVE_SECONDS = -1
a = xw.explain(small, 'slow and steady')
a
"""


def test_a_slow_method_asks_first(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open([SLOW, "b = xw.explain(small, 'touched for its numbers')\nb", "b.scores.shape"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    question = view.root.get_by_role("status").filter(has_text="takes about")
    expect(question).to_be_visible()
    expect(question).to_contain_text("pass")
    # the text and the candidates are there already, without any colour
    expect(view.tokens).to_have_count(3)
    expect(view.candidates.get_by_role("option")).to_have_count(10)
    nb.screenshot("asks")
    view.button("run").click()
    expect(view.legend).to_be_visible()
    view.settled()
    expect(question).to_be_hidden()
    assert len(view.scores()) == 3

    # asking for the numbers is a yes
    nb.run(1)
    other = nb.shown(1)
    expect(other.root.get_by_role("status").filter(has_text="takes about")).to_be_visible()
    nb.run(2)
    other.settled()
    expect(other.root.get_by_role("status").filter(has_text="takes about")).to_be_hidden()
    nb.python("setattr(answering, 'ASK_ABOVE_SECONDS', 900)")


def test_the_stop_button_ends_a_wait_and_its_computation(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'wait for me', method='held')\na", "a.scores"], warm_kernel)
    nb.python("gate.close()")
    nb.run(0)
    view = nb.shown(0)
    expect(view.cancel).to_be_visible()
    nb.run(1, wait=False)
    expect(nb.running(1)).to_be_visible()
    nb.interrupt()
    expect(nb.running(1)).to_be_hidden()
    assert nb.outputs(1)[0]["ename"] == "KeyboardInterrupt"
    expect(view.cancel).to_be_hidden()
    expect(view.root.get_by_text("Cancelled before there was an answer.")).to_be_visible()
    nb.python("gate.go()")
    view.button("run again").click()
    expect(view.legend).to_be_visible()
    view.settled()
    assert nb.python("a.scores.shape") == (1, 3)


def test_running_the_cell_again_gives_up_what_it_was_computing(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["a = xw.explain(small, 'first thoughts', method='held')\na", "old, a = a, None"], warm_kernel)
    nb.python("gate.close()")
    nb.run(0)
    view = nb.shown(0)
    expect(view.cancel).to_be_visible()
    nb.run(1)
    nb.set_source(0, "a = xw.explain(small, 'second thoughts, then', method='held')\na")
    nb.run(0)
    # one model, one worker: the second begins because the first, whose view is gone, was given up
    nb.wait_for_python("gate.began == ['first thoughts', 'second thoughts, then']")
    nb.python("gate.go()")
    view.settled()
    assert nb.python("gate.finished") == ["second thoughts, then"]
    # nothing is lost to who asks for its numbers
    assert nb.python("old.scores.shape") == (1, 2)
