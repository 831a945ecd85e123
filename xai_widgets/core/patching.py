"""Two prompts that differ, what is put from one into the other, and what comes of it: plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np


@dataclass(frozen=True)
class Contrast:
    """The number that is followed: logit of `target`, less that of `other` where there is one, after the last token."""

    target: int
    other: int | None = None


@dataclass(frozen=True, eq=False)
class PatchGrid:
    """What patching each cell brings back (or takes away).

    Attributes:
        values: float32 [layer, pos], the number with that cell patched; NaN where it was not run.
        base, source: the number in the pass that is patched, and in the one that states come from.
        exact: bool [layer], whether a row was run; the others are estimates (or NaN).
    """

    values: np.ndarray
    base: float
    source: float
    exact: np.ndarray

    @property
    def recovered(self) -> np.ndarray:
        """0: as without a patch, 1: as in the pass that states come from; float32 [layer, pos]."""
        found: np.ndarray = (self.values - self.base) / (self.source - self.base)
        return found


def aligned(base: Sequence[int], source: Sequence[int]) -> list[int | None]:
    """For each position of `base` its counterpart in `source`, None where there is none.

    Equal runs go together; between two of them as many as both have, from the left where they follow equal ones. Texts of one length
    that differ in place are aligned position by position.
    """
    if len(base) == len(source):
        return list(range(len(base)))
    found: list[int | None] = [None] * len(base)
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, list(base), list(source), autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and a1 - a0 == b1 - b0):
            found[a0:a1] = range(b0, b1)
    return found
