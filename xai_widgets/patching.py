"""Where an answer is made, proved by putting states of one pass into another, or by taking them away: the live view, and the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from xai_widgets.core.patching import Ablation, PatchGrid
from xai_widgets.export.page import assembled, state
from xai_widgets.jobs.patching import Patched
from xai_widgets.widgets.patching import PatchingView


class Patching(PatchingView):
    """Which layer and position carries what makes an answer. As a cell's last line it is the live view.

    Args:
        lm: a model from `xw.load` or `xw.wrap`.
        clean: the prompt.
        corrupted: what it is held against. Another prompt, alike but for what matters; best of the same number of tokens (others are
            aligned). `xw.Noise("the subject")`: causal tracing, the same prompt with noise on its subject, states of the clean pass put
            back. `xw.Ablation("mean")`: no second pass, each part put out of action in turn.
        target, contrast: what is followed is that the prompt goes on with the first, less that it goes on with the second. A text is
            followed as a whole. Left out, they are the tokens that the clean and the corrupted prompt say next; but no contrast where the
            target has several tokens, or there is no other prompt.
        quantity: `logit` of a token; `log_prob` of the whole continuation, each of its tokens read after those before it (natural
            logarithm); `prob`, its exponential. Left out: `logit`; of several tokens or ablated `log_prob`; with noise `prob`.
        direction: `denoise` puts clean states into the corrupted pass, `noise` the reverse. Without meaning for an ablation.
        part: what is exchanged: `resid`, what enters a layer at a position; `attn_out` or `mlp_out`, what its attention or MLP adds
            there (with noise: those of some layers around it, see `xw.Noise`); `head`, what one head adds, at all positions.
        link_id: views of the same id share selections.

    Raises:
        CapabilityError: passes of this model can't be taken up, or it gives no gradients (the reason is said).
        EmptyTextError, TooLongError: as for any input. ValueRefusedError: a subject that is not in the prompt.
        TargetError: both prompts say the same next. ValueRefusedError: the number is the same in both. (When it is waited for.)

    The estimate (attribution patching) is there first; exact rows replace it, the most telling layers first. See
    `explainers.patching.activation_patching`.

    >>> import xai_widgets as xw
    >>> from xai_widgets.adapters.tiny import tiny
    >>> lm = tiny("llama")
    >>> view = xw.Patching(lm, "the cat sat", "the dog sat", target=65, contrast=90)
    >>> view.grid.values.shape, bool(view.grid.exact.all())
    ((3, 3), True)
    >>> bool(abs(view.grid.recovered[0, 1] - 1) < 1e-4)  # what enters the first layer at the word that differs is all there is
    True
    >>> traced = xw.Patching(lm, "the cat sat", xw.Noise("cat", samples=2), target=65)
    >>> bool(abs(traced.grid.recovered[0, 1] - 1) < 1e-4)
    True
    >>> xw.Patching(lm, "the cat sat", xw.Ablation("zero"), target=65, part="head").grid.lost.shape  # [layer, head]
    (3, 4)
    """

    def __repr__(self) -> str:
        """Which model, and the cell that does most. Waits for nothing: a notebook asks it to show the view."""
        patched = self._looking.seen
        name = self._looking.adapter.name
        if patched is None:
            return f"<Patching of {name}: not run yet>"
        grid, part = patched.grid, patched.pair.part
        ablated = isinstance(patched.pair.corrupted, Ablation)
        # What enters the first layer at the words that differ is all there is, and says nothing.
        least = 1 if part == "resid" and not ablated else 0
        does = grid.lost if ablated else grid.recovered
        found = np.where(np.isfinite(does), does, -np.inf)[least:]
        layer, column = map(int, np.unravel_index(int(found.argmax()), found.shape))
        place = f"head {column}" if part == "head" else repr(patched.base[column].text)
        other = f" against {patched.chosen.other.text!r}" if patched.chosen.other else ""
        share = f"{found[layer, column]:.2f}"
        outcome = (
            f"ablated takes {share} of its {patched.chosen.number.quantity}"
            if ablated
            else f"brings {share} of the difference"
        )
        return f"<Patching of {name}: {patched.chosen.target.text!r}{other}, {part} of layer {layer + least} at {place} {outcome}>"

    @property
    def grid(self) -> PatchGrid:
        """The number with each cell patched, [layer, pos] (of heads [layer, head]).

        `recovered`: 0 as without patch, 1 as in the pass that states come from. Of an ablation `lost`: what the number loses.
        """
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
        """Logits [d_vocab] of the next token as it is, and with one cell patched, float32; over draws logarithms of mean probabilities."""

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
