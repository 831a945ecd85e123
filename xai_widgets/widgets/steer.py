"""The view in which activations are changed by hand: interventions as rows with sliders, and what the model says after them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xai_widgets.core.ask import Ask
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.interventions import Intervention, checked
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.resolve import read
from xai_widgets.jobs.steering import Outcome, Steered, Steering
from xai_widgets.protocol.codec import decode_input
from xai_widgets.protocol.steer import encode_steered
from xai_widgets.widgets.base import asset
from xai_widgets.widgets.looking import Answer, LookingView, Reply, source_code

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context
    from xai_widgets.core.tokens import Tokens

MOST_WRITTEN = 500


class SteerView(LookingView[Steered, Outcome]):
    """The view, and the questions it answers; arguments and errors are those of `xw.Steer`, which adds the numbers."""

    _esm = asset("steer.js")
    _css = asset("steer.css")
    long_actions = ("write",)

    _looking: Steering

    def __init__(
        self,
        lm: ModelAdapter,
        text: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        interventions: Sequence[Intervention] = (),
        *,
        max_new_tokens: int = 12,
        link_id: str | None = None,
    ) -> None:
        """Run the text, and once more with the interventions."""
        ask = Ask(source=source_of(lm, text))
        n_prompt = len(read(lm, ask)[0])
        asked = Steered(ask, checked(interventions), _count(max_new_tokens))
        for one in asked.interventions:
            one.positions(n_prompt)
        self._begin(Steering(lm, asked), link_id)

    def ask_of(self, content: Mapping[str, Any]) -> Steered:
        """What a message asks for: what it leaves out stays."""
        asked = replace(self._looking.ask, settled=content.get("settled") is not False)
        given = content.get("input")
        if given and given.get("kind") != "ids":
            asked = replace(asked, text=Ask(source=decode_input(given)))
        if "interventions" in content:
            asked = replace(asked, interventions=checked(content["interventions"]))
        if "count" in content:
            asked = replace(asked, count=_count(content["count"]))
        return asked

    def packed(self, seen: Outcome, revision: int) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""
        asked, plain, lm = seen.asked, seen.plain, self._looking.adapter
        return dict(
            encode_steered(
                asked.text,
                plain.tokens,
                asked.interventions,
                seen.now,
                seen.lengths,
                seen.sites,
                plain.norms,
                (seen.before, seen.after),
                seen.kl,
                asked.count,
                self.model_info(plain.fingerprint),
                seconds=seen.seconds,
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=code(asked, lm.origin),
            )
        )

    def answers(self) -> Mapping[str, Answer[Outcome]]:
        """By action."""
        return {"write": self._write}

    def _write(self, seen: Outcome, asked: Mapping[str, Any], context: Context) -> Reply:
        found = self._looking.write(seen, _count(asked.get("count", seen.asked.count)), context)
        usual, changed = (
            [{"id": t.id, "text": t.text} for t in list(whole)[len(seen.plain.tokens) :]] for whole in found
        )
        return {"written_before": usual, "written_after": changed}, []


def code(asked: Steered, origin: str) -> str:
    """The cell that steers the same text the same way."""
    more = "" if asked.count == Steered.count else f", max_new_tokens={asked.count}"
    if not asked.interventions:
        return source_code(origin, f"xw.Steer(lm, {asked.text.typed!r}{more})")
    lines = "".join(f"    {one!r},\n" for one in asked.interventions)
    return source_code(origin, f"xw.Steer(lm, {asked.text.typed!r}, [\n{lines}]{more})")


def _count(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= MOST_WRITTEN:
        raise ValueRefusedError(
            "max_new_tokens", given=repr(given), accepted=f"1 to {MOST_WRITTEN}", hint="12 is half a sentence"
        )
    return given


__all__ = ["SteerView", "code"]
