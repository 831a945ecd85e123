"""Where an answer is made, proved by putting states of one prompt into another's pass: the live view, and the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from xai_widgets.core.patching import PatchGrid
from xai_widgets.export.page import assembled, state
from xai_widgets.jobs.patching import Patched
from xai_widgets.widgets.patching import PatchingView


class Patching(PatchingView):
    """Which layer and position carries what makes two prompts' answers differ. As a cell's last line it is the live view.

    Args:
        lm: a model from `xw.load` or `xw.wrap`.
        clean, corrupted: two prompts, alike but for what matters; best of the same number of tokens (others are aligned).
        target, contrast: the number is the logit of the first less that of the second; left out, they are what the clean and the
            corrupted prompt say next. A text's first token counts.
        direction: `denoise` puts clean states into the corrupted pass, `noise` the reverse.
        part: what is exchanged: `resid`, what enters a layer at a position; `attn_out` or `mlp_out`, what its attention or MLP adds
            there; `head`, what one head adds, at all positions.
        link_id: views of the same id share selections.

    Raises:
        CapabilityError: passes of this model can't be taken up, or it gives no gradients (the reason is said).
        EmptyTextError, TooLongError: as for any input.
        TargetError: both prompts say the same next. ValueRefusedError: the number is the same in both. (When it is waited for.)

    The estimate (attribution patching) is there first; exact rows replace it, the most telling layers first. See
    `explainers.patching.activation_patching`.

    >>> import xai_widgets as xw
    >>> from xai_widgets.adapters.tiny import tiny
    >>> view = xw.Patching(tiny("llama"), "the cat sat", "the dog sat", target=65, contrast=90)
    >>> view.grid.values.shape, bool(view.grid.exact.all())
    ((3, 3), True)
    >>> bool(abs(view.grid.recovered[0, 1] - 1) < 1e-4)  # what enters the first layer at the word that differs is all there is
    True
    """

    def __repr__(self) -> str:
        """Which model, and the cell that brings back most. Waits for nothing: a notebook asks it to show the view."""
        patched = self._looking.seen
        name = self._looking.adapter.name
        if patched is None:
            return f"<Patching of {name}: not run yet>"
        recovered = np.where(np.isfinite(patched.grid.recovered), patched.grid.recovered, -np.inf)
        layer, column = map(int, np.unravel_index(int(recovered[1:].argmax()), recovered[1:].shape))
        place = f"head {column}" if patched.pair.part == "head" else repr(patched.base[column].text)
        return (
            f"<Patching of {name}: {patched.target.text!r} against {patched.other.text!r}, {patched.pair.part} of layer "
            f"{layer + 1} at {place} brings {recovered[layer + 1, column]:.2f} of the difference>"
        )

    @property
    def grid(self) -> PatchGrid:
        """The number with each cell patched, [layer, pos] (of heads [layer, head]). `recovered` is 0 to 1."""
        return self.now().grid

    @property
    def estimate(self) -> PatchGrid:
        """What attribution patching says of every cell."""
        return self.now().estimate

    @property
    def agreement(self) -> float:
        """Correlation of the estimate with the exact numbers over all cells."""
        return self.now().agreement

    def patched(self, layer: int, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Logits [d_vocab] of the next token as it is, and with one cell patched, float32."""

        def work(patched: Patched, context: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: ANN401 - the job's context
            found: tuple[np.ndarray, np.ndarray] = patched.patching.patched(layer, column, context, patched.pair.part)
            return found

        found: tuple[np.ndarray, np.ndarray] = self.wait_for(work)
        return found

    def to_html(self, path: str | Path) -> Path:
        """One file that opens offline with the same grid; single cells say that they were not saved."""
        patched = self.now()
        target = Path(path)
        title = f"Patching of {self._looking.adapter.name}"
        page = assembled([("patching", state(self.packed(patched, 0), "page-0"))], title, repr(self))
        target.write_text(page, encoding="utf-8")
        return target
