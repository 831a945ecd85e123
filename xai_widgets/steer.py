"""Steer by hand: change activations of a model and watch what it says next. The live view, and the same for a script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_widgets.core.errors import ValueRefusedError, XaiError
from xai_widgets.core.interventions import Intervention, checked, read_file, to_json
from xai_widgets.export.page import assembled, state
from xai_widgets.jobs.steering import Outcome, Steered
from xai_widgets.widgets.base import Ticket
from xai_widgets.widgets.steer import SteerView, code

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.tokens import Tokens


class Steer(SteerView):
    """A text, what is done to the model while it reads it, and what the model then says. As a cell's last line it is the live view.

    Args:
        lm: a model from `xw.load` or `xw.wrap`.
        text: a prompt, chat messages or token ids.
        interventions: `xw.Intervention` values, done in order; none to begin with is fine, the view adds them.
        max_new_tokens: how many tokens are written.
        link_id: views of the same id share selections.

    Raises:
        EmptyTextError, TooLongError: as for any input. UnknownNameError, ValueRefusedError: an intervention that makes no sense.
        CapabilityError: a part that this model's layer hasn't got, or that can't be told apart (when it is waited for).

    Nothing of the model is changed: see `adapters.intervening`. What a direction is: `xw.Direction`.

    >>> import xai_widgets as xw
    >>> from xai_widgets.adapters.tiny import tiny
    >>> view = xw.Steer(tiny("llama"), "the cat sat", [xw.Intervention(what="head", layer=1, index=2, value=0)])
    >>> view.kl > 0, view.logits.shape == view.logits_before.shape
    (True, True)
    >>> view.apply([]).kl is None
    True
    >>> view.undo().interventions
    (xw.Intervention(what='head', layer=1, index=2, how='scale', value=0.0),)
    """

    def __repr__(self) -> str:
        """What is done, and what comes of it. Waits for nothing: a notebook asks it to show the view."""
        seen, name = self._looking.seen, self._looking.adapter.name
        if seen is None:
            return f"<Steer of {name}: not run yet>"
        n = sum(one.on for one in seen.asked.interventions)
        if not n:
            return f"<Steer of {name}: nothing changed, {seen.before[0].text!r} next>"
        many = "" if n == 1 else "s"
        return f"<Steer of {name}: {n} intervention{many}, {seen.before[0].text!r} becomes {seen.after[0].text!r}, KL {seen.kl:.3g} nats>"

    def now(self) -> Outcome:
        """What is seen, once it is. What was refused in the view was said there: the picture before it stays, here as there."""
        try:
            return super().now()
        except XaiError:
            if self._looking.seen is None:
                raise
            return self._looking.seen

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """What is done, as in the view now."""
        return self.now().asked.interventions

    @property
    def logits(self) -> np.ndarray:
        """Logits of the next token with the interventions, float32 [d_vocab]."""
        return self.now().logits

    @property
    def logits_before(self) -> np.ndarray:
        """Without them."""
        return self.now().plain.logits

    @property
    def kl(self) -> float | None:
        """Nats from the next-token distribution before to the one after, sum p log(p / q); None where nothing is on."""
        return self.now().kl

    @property
    def generated(self) -> Tokens:
        """The text and what the model writes after it with the interventions, as tokens (the latter of part `generated`)."""
        return self._written()[1]

    @property
    def generated_before(self) -> Tokens:
        """The same without them."""
        return self._written()[0]

    def apply(self, interventions: Sequence[Intervention] | str | Path) -> Steer:
        """Do these in place of what is done: a list, or a file that `save` wrote (its text is left aside). Returns the view."""
        given = read_file(interventions)[1] if isinstance(interventions, (str, Path)) else checked(interventions)
        return self._ask(lambda now: Steered(now.text, given, now.count))

    def undo(self) -> Steer:
        """Go back to what was asked before, in the view or here. Returns the view.

        Raises:
            ValueRefusedError: nothing was asked before.
        """
        self.now()
        past = self._looking.past
        if len(past) < 2:
            raise ValueRefusedError(
                "undo", given="the first state", accepted="something to go back to", hint="change something first"
            )
        return self._ask(lambda _: past[-2])

    def code(self) -> str:
        """The cell that steers the same text the same way."""
        return code(self.now().asked, self._looking.adapter.origin)

    def save(self, path: str | Path) -> Path:
        """The text and the interventions as readable JSON, for `replay`."""
        asked, target = self.now().asked, Path(path)
        target.write_text(to_json(asked.text.typed, asked.interventions, self._looking.adapter.name), encoding="utf-8")
        return target

    @classmethod
    def replay(cls, lm: ModelAdapter, path: str | Path, **more: Any) -> Steer:  # noqa: ANN401 - arguments of Steer
        """A view of the text and the interventions of a file that `save` wrote (`open` is a name of ipywidgets).

        Raises:
            FileError: no such file, or not of this kind.
        """
        text, interventions = read_file(path)
        return cls(lm, text, interventions, **more)

    def to_html(self, path: str | Path) -> Path:
        """One file that opens offline with the same picture and both continuations; sliders say that there is no kernel."""
        seen = self.now()
        ask = {"action": "write", "count": seen.asked.count}
        page = state(self.packed(seen, 0), "page-0", [(ask, *self.reply(ask))])
        target = Path(path)
        title = f"Steering {self._looking.adapter.name}"
        target.write_text(assembled([("steer", page)], title, f"{self!r}\n\n{self.code()}"), encoding="utf-8")
        return target

    def _ask(self, make: Any) -> Steer:  # noqa: ANN401 - from what is asked now to what is asked next
        self.now()
        self._look(make(self._looking.ask), Ticket())
        super().now()
        return self

    def _written(self) -> tuple[Tokens, Tokens]:
        def work(seen: Outcome, context: Any) -> tuple[Tokens, Tokens]:  # noqa: ANN401 - the job's context
            return self._looking.write(seen, seen.asked.count, context)

        found: tuple[Tokens, Tokens] = self.wait_for(work)
        return found


__all__ = ["Steer"]
