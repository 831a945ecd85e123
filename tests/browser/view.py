"""What a person sees of one explanation, by role and by word: the strip, the candidates, the question, the numbers.

Nothing here waits for a time; `expect` and Playwright's own waiting do the rest.
"""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect


class View:
    """One view in a cell's output, in a saved page, or wherever `root` is.

    Attributes:
        root: its element.
        strip, candidates: the two lists. question: the sentence with its number.
        prompt: the open editor. table: the picture as a table, for screen readers. alert: the error panel.
    """

    def __init__(self, place: Locator) -> None:
        self.root = place.locator(".xw")
        self.strip = self.root.get_by_role("listbox", name=re.compile("of the input"))
        self.candidates = self.root.get_by_role("listbox", name="next token")
        self.question = self.root.locator(".xw-q")
        self.prompt = self.root.get_by_role("textbox", name="prompt")
        self.table = self.root.get_by_role("table")
        self.alert = self.root.get_by_role("alert")
        self.progress = self.root.get_by_role("progressbar")
        self.cancel = self.root.get_by_role("button", name="cancel")
        self.legend = self.root.get_by_role("group", name="legend")

    @property
    def tokens(self) -> Locator:
        """The entries of the strip."""
        return self.strip.get_by_role("option")

    @property
    def greyed(self) -> Locator:
        """The strip, if it is older than the question."""
        return self.root.locator(".xw-strip[data-dim]")

    @property
    def changed(self) -> Locator:
        """Entries marked as new against the version before."""
        return self.strip.locator(".xw-new")

    def button(self, name: str) -> Locator:
        """A button by the beginning of its word."""
        return self.root.get_by_role("button", name=re.compile(f"^{name}"))

    def candidate(self, text: str) -> Locator:
        """A next token by its text, without the space before it."""
        return self.candidates.get_by_role("option", name=re.compile(rf"^{re.escape(text)}\b"))

    def settled(self) -> None:
        """Wait until nothing is under way and the picture belongs to the question."""
        expect(self.cancel).to_be_hidden()
        expect(self.progress).to_be_hidden()
        expect(self.tokens.first).to_be_visible()
        expect(self.greyed).to_have_count(0)

    def asks(self, target: str, contrast: str = "") -> None:
        """Wait until the question is this one and answered."""
        against = rf" rather than {re.escape(contrast)}" if contrast else ""
        expect(self.question).to_have_text(re.compile(rf"^Why\s+{re.escape(target)}{against}\s*\?"))
        self.settled()

    def texts(self) -> list[str]:
        """Texts of the entries as they are drawn."""
        return self.tokens.all_inner_texts()

    def scores(self) -> dict[int, float]:
        """Position and score of the strongest entries, as the table says them."""
        return {int(at): _number(score) for _, score, at in self._rows()}

    def _rows(self) -> list[tuple[str, str, str]]:
        # the table is for screen readers and has no size; its text is read as they do
        rows: list[tuple[str, str, str]] = self.table.locator("tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )
        return rows


def _number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-"))
