"""The prompt is edited in place: pauses and Enter ask, the newest wins, the last picture waits greyed, versions come back."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Lab

FOUR = "b = xw.explain(small, 'one two three four')\nb"


def test_a_pause_and_enter_ask_and_versions_come_back(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open([FOUR], warm_kernel)
    nb.run(0)
    view, keys = nb.shown(0), nb.page.keyboard
    view.settled()
    first = view.scores()
    view.tokens.first.focus()
    keys.press("e")
    expect(view.prompt).to_be_focused()
    keys.type(" five")  # and no Enter: the pause after it asks
    expect(view.tokens).to_have_count(5)
    view.settled()
    expect(view.changed).to_have_text([" five"])
    expect(view.legend.get_by_text("new")).to_be_visible()
    nb.screenshot("editing")
    keys.type(" six")
    keys.press("Enter")
    expect(view.tokens).to_have_count(6)
    view.settled()
    expect(view.changed).to_have_text([" six"])
    assert nb.python("b.tokens.text") == "one two three four five six"

    keys.press("Escape")
    expect(view.prompt).to_be_hidden()
    view.button("undo").click()
    view.button("undo").click()
    expect(view.tokens).to_have_count(4)
    view.settled()
    assert view.scores() == first
    # Python follows through the versions
    assert nb.python("b.tokens.text") == "one two three four"
    expect(view.button("undo")).to_be_disabled()
    view.button("redo").click()
    expect(view.tokens).to_have_count(5)
    view.tokens.first.focus()
    keys.press("Control+z")
    expect(view.tokens).to_have_count(4)
    keys.press("Control+Shift+z")
    expect(view.tokens).to_have_count(5)
    assert nb.python("b.tokens.text") == "one two three four five"
    assert nb.page_errors == []


def test_the_newest_wins_and_the_last_picture_waits_greyed(lab: Lab, warm_kernel: str) -> None:
    nb = lab.open(["c = xw.explain(small, 'red green', method='held')\nc"], warm_kernel)
    nb.run(0)
    view, keys = nb.shown(0), nb.page.keyboard
    view.settled()
    nb.python("gate.close()")
    view.button("edit").click()
    for word in (" blue", " white", " black"):
        keys.type(word)
        keys.press("Enter")
        expect(view.greyed).to_have_count(1)
    # each Enter began a job, each next one cancelled it; the picture is still the one of the beginning
    nb.wait_for_python("gate.began[-1:] == ['red green blue white black']")
    expect(view.greyed).to_have_count(1)
    assert view.texts() == ["red", " green"]
    expect(view.cancel).to_be_visible()
    nb.screenshot("waiting")
    nb.python("gate.go(1)")
    expect(view.tokens).to_have_count(5)
    expect(view.legend.get_by_text("estimate")).to_be_visible()
    expect(view.strip.locator(".xw-est")).to_have_count(5)
    nb.python("gate.go(2)")
    expect(view.strip.locator(".xw-est")).to_have_count(3)
    expect(view.root.get_by_text("2 of 5", exact=True)).to_be_visible()
    nb.screenshot("streaming")
    nb.python("gate.go()")
    view.settled()
    assert nb.python("gate.finished") == ["red green blue white black"]
    assert nb.python("c.tokens.text") == "red green blue white black"
    expect(view.prompt).to_have_value("red green blue white black")


def test_chat_messages_are_edited_each_for_itself(lab: Lab, warm_kernel: str) -> None:
    messages = "[{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Hello'}]"
    nb = lab.open([f"d = xw.explain(small, {messages})\nd"], warm_kernel)
    nb.run(0)
    view = nb.shown(0)
    view.settled()
    nb.screenshot("chat")
    view.button("edit").click()
    view.root.get_by_role("textbox", name="user message").fill("Goodbye then")
    nb.page.keyboard.press("Enter")
    expect(view.strip).to_contain_text("Goodbye")
    view.settled()
    expect(view.strip).to_contain_text("Be brief.")
    assert nb.python("d.finding.ask.messages[1]['content']") == "Goodbye then"
