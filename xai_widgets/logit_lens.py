"""What every layer would say next: the live view, and the same numbers for a script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.lens import IDENTITY, Followed, LensDifference, LensGrid, Scoped
from xai_widgets.export.page import assembled, state
from xai_widgets.jobs.reading import Lensed, scoped
from xai_widgets.widgets.logit_lens import MEASURES, LogitLensView
from xai_widgets.widgets.looking import one_of


class LogitLens(LogitLensView):
    """What the model would say next after each layer, at every position. As a cell's last line it is the live view.

    Args:
        lm: a model from `xw.load` or `xw.wrap`.
        text: a prompt, chat messages or token ids.
        lens: a trained lens (`xw.TunedLens.train` or `.load`) to read by; the logit lens stays there to be chosen in the view.
        versus: another model with the same vocabulary and number of layers (a checkpoint, a changed copy) to compare with.
        link_id: views of the same id share selections.

    Raises:
        CapabilityError: passes of this model can't be taken up behind a layer (the reason is said).
        EmptyTextError, TooLongError: as for any input.
        ValueRefusedError: the lens was made for another model, or the other model has another number of layers.
        TokenizerError: the other model reads other tokens.

    Each residual stream is put in the place of what leaves the last block, and the model goes on by its own code; see
    `explainers.lens.logit_lens`. A layer that does not write in the last layer's words reads as noise here: that is a limit of the
    lens, not proof that nothing is there.

    >>> import xai_widgets as xw
    >>> from xai_widgets.adapters.tiny import tiny
    >>> view = xw.LogitLens(tiny("llama"), "The capital of France is")
    >>> view.grid.top.shape, view.grid.streams[0]
    ((4, 5, 5), 'embedding')
    >>> view.follow(7).rank.shape
    (4,)
    >>> len(view.scope(layer=1, pos=4, prompt="The word is ?", tokens=3).ids)
    3
    >>> float(xw.LogitLens(tiny("llama"), "The capital", versus=tiny("llama")).difference.kl.max())
    0.0
    """

    def __repr__(self) -> str:
        """Which model and text, and the answer layer by layer. Waits for nothing: a notebook asks it to show the view."""
        lensed = self._looking.seen
        name = self._looking.adapter.name
        if lensed is None:
            return f"<LogitLens of {name}: not read yet>"
        by = " by the tuned lens" if lensed.reading.lens == "tuned" else ""
        return f"<LogitLens of {name}{by}: {len(lensed.grid.streams)} streams x {len(lensed.tokens)} positions>"

    @property
    def grid(self) -> LensGrid:
        """Every cell: ids `top` and probabilities `prob`, [stream, pos, candidate]."""
        return self.now().grid

    def follow(self, token: int | str, pos: int = -1) -> Followed:
        """Rank and probability of one token (an id, or the first token of a text) in every stream at one position."""
        token_id = self.first_token(token) if isinstance(token, str) else token

        def work(lensed: Lensed, context: Any) -> Followed:  # noqa: ANN401 - the job's context
            at = pos + len(lensed.tokens) if pos < 0 else pos
            found: Followed = lensed.lens.follow(at, token_id, context)
            return found

        found: Followed = self.wait_for(work)
        return found

    def measure(self, name: str) -> np.ndarray:
        """A number for every cell, float32 [stream, pos]: `entropy` or `kl` (final answer || cell's) in nats, `agreement` 0 or 1."""
        known = one_of({"measure": name}, "measure", MEASURES)
        found: np.ndarray = self.wait_for(lambda lensed, context: lensed.lens.measure(known, context))
        return found

    @property
    def difference(self) -> LensDifference:
        """Cell by cell, how far the model given as `versus` is from this one.

        Raises:
            ValueRefusedError: no other model was given.
        """
        found = self.now().difference
        if found is None:
            raise ValueRefusedError(
                "difference", given="one model", accepted="two", hint="xw.LogitLens(lm, text, versus=other)"
            )
        return found

    def scope(
        self, layer: int, pos: int = -1, prompt: str = IDENTITY, *, at: int | None = None, into: int | None = None,
        tokens: int = 8,
    ) -> Scoped:  # fmt: skip
        """What a layer holds at a position, read by a prompt: its stream takes the place of a placeholder's there, and the model writes on.

        Args:
            layer: as rows of the grid are named: what leaves this layer, counted from 0; -1 is the embedding.
            pos: position in this text.
            prompt: by default the identity prompt, which asks for the word that stands there.
            at: position in the prompt; left out, its last `?`, else its last token.
            into: the layer there, counted in the same way; left out, the same layer.
            tokens: to write at most.

        See `explainers.lens.patchscope`.
        """

        def work(lensed: Lensed, context: Any) -> Scoped:  # noqa: ANN401 - the job's context
            where = pos + len(lensed.tokens) if pos < 0 else pos
            there = None if into is None else into + 1
            return scoped(lensed, layer + 1, where, prompt, context, at=at, into=there, tokens=tokens)

        found: Scoped = self.wait_for(work)
        return found

    def to_html(self, path: str | Path, follow: Sequence[int | str] = ()) -> Path:
        """One file that opens offline with the same grid; of the tokens in `follow` the last position's path is in it too."""
        lensed = self.now()
        last = len(lensed.tokens) - 1
        ids = [self.first_token(t) if isinstance(t, str) else t for t in follow]
        asks: list[dict[str, Any]] = [{"action": "measure", "measure": name} for name in MEASURES]
        asks += [{"action": "follow", "index": last, "token": token} for token in ids]
        if lensed.other is not None:
            asks += [{**ask, "whose": "other"} for ask in asks]
        answers = [(ask, *self.reply(ask)) for ask in asks]
        page = state(self.packed(lensed, 0), "page-0", answers)
        target = Path(path)
        title = f"Logit lens of {self._looking.adapter.name}"
        target.write_text(assembled([("logit_lens", page)], title, self._table(lensed)), encoding="utf-8")
        return target

    def _table(self, lensed: Lensed) -> str:
        """The last position, layer by layer, for where no view can be shown."""
        grid = lensed.grid
        rows = [
            f"{name:<12} {lensed.texts[int(top)]!r:<20} {prob:.3f}"
            for name, top, prob in zip(grid.streams, grid.top[:, -1, 0], grid.prob[:, -1, 0], strict=True)
        ]
        return "\n".join([f"{self._looking.adapter.name}, after {lensed.tokens.text[-60:]!r}", *rows])
