"""The view of direct logit attribution: who wrote the logit, by layer, head and neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xai_widgets.core.ask import Ask, TargetChoice
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.direct import Split, Splitting
from xai_widgets.jobs.resolve import read
from xai_widgets.protocol.codec import decode_target
from xai_widgets.protocol.direct import encode_direct, encode_neuron
from xai_widgets.widgets.base import asset
from xai_widgets.widgets.looking import Answer, LookingView, Reply, source_code

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context
    from xai_widgets.core.tokens import Tokens


class DirectLogitAttributionView(LookingView[Ask, Split]):
    """The view, and the questions it answers; arguments and errors are those of `xw.DirectLogitAttribution`."""

    _esm = asset("direct_logit_attribution.js")
    _css = asset("direct_logit_attribution.css")

    def __init__(
        self,
        lm: ModelAdapter,
        text: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        *,
        target: TargetChoice = None,
        contrast: TargetChoice = None,
        link_id: str | None = None,
    ) -> None:
        """Run the text once and split the logit."""
        lm.require("parts")
        ask = Ask(source=source_of(lm, text), target=target, contrast=contrast)
        read(lm, ask)
        self._begin(Splitting(lm, ask), link_id)

    def ask_of(self, content: Mapping[str, Any]) -> Ask:
        """What a message asks for: what it leaves out stays."""
        ask = replace(super().ask_of(content), target=self._looking.ask.target, contrast=self._looking.ask.contrast)
        if "target" in content:
            ask = replace(ask, target=decode_target(content["target"]))
        if "other" in content:
            ask = replace(ask, contrast=decode_target(content["other"]))
        return ask

    def packed(self, split: Split, revision: int) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""
        return dict(
            encode_direct(
                split.ask,
                split.tokens,
                split.shares,
                (split.target, split.other),
                split.candidates,
                self.model_info(split.parts.fingerprint),
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=_code(split.ask, self._looking.adapter.origin),
            )
        )

    def answers(self) -> Mapping[str, Answer[Split]]:
        """By action."""
        return {"neurons": self._neurons}

    def _neurons(self, split: Split, asked: Mapping[str, Any], context: Context) -> Reply:
        other = None if split.other is None else split.other.id
        found = split.parts.neurons(context, int(asked["layer"]), split.target.id, other)
        name = self._looking.adapter.token_text
        texts = {int(i): name(int(i)) for neuron in found for i in (*neuron.top, *neuron.bottom)}
        return {"neurons": [encode_neuron(neuron, texts) for neuron in found]}, []


def _code(ask: Ask, origin: str) -> str:
    more = "".join(
        f", {name}={value!r}"
        for name, value in (("target", ask.target), ("contrast", ask.contrast))
        if value is not None
    )
    return source_code(origin, f"xw.DirectLogitAttribution(lm, {ask.typed!r}{more})")
