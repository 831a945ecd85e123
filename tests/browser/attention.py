"""What a person sees of a text's attention, by role and by word."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect


class AttentionPicture:
    """One attention view in a cell's output or in a saved page.

    Attributes:
        root: its element. heads: the small pictures. matrix: the picture of the chosen head. strip: the text.
        alert: the error panel.
    """

    def __init__(self, place: Locator) -> None:
        """Find it inside `place`."""
        self.root = place.locator(".xw")
        self.grid = self.root.get_by_role("grid")
        self.heads = self.grid.get_by_role("gridcell")
        self.matrix = self.root.get_by_role("application").first
        self.strip = self.root.locator(".xw-strip").first
        self.alert = self.root.get_by_role("alert")
        self.prompt = self.root.get_by_role("textbox", name="prompt")

    def drawn(self) -> None:
        """Wait until the small pictures are there."""
        expect(self.heads.first).to_be_visible()

    def button(self, name: str) -> Locator:
        """A button by the beginning of its word."""
        return self.root.get_by_role("button", name=re.compile(f"^{name}"))

    def choose(self, head: int) -> None:
        """Open the n-th small picture and wait for its exact cells."""
        self.heads.nth(head).click()
        expect(self.root.get_by_text("single cells").first).to_be_visible()

    def tokens(self) -> Locator:
        """Entries of the text."""
        return self.strip.get_by_role("option")
