"""The view of direct logit attribution: who wrote the logit, by layer, head and neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from xai_widgets.core.ask import Ask, TargetChoice
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.direct import Split, Splitting
from xai_widgets.jobs.resolve import read
from xai_widgets.jobs.versus import comparable
from xai_widgets.protocol.codec import decode_target
from xai_widgets.protocol.direct import Version, encode_direct, encode_head, encode_neuron
from xai_widgets.protocol.schema import ModelInfo
from xai_widgets.widgets.base import asset
from xai_widgets.widgets.looking import Answer, LookingView, Reply, source_code

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context
    from xai_widgets.core.tokens import Tokens


LONGEST: Final = 256
"""Tokens up to which a head's whole map is sent with it."""


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
        versus: ModelAdapter | None = None,
        link_id: str | None = None,
    ) -> None:
        """Run the text once and split the logit."""
        lm.require("parts")
        ask = Ask(source=source_of(lm, text), target=target, contrast=contrast)
        read(lm, ask)
        if versus is not None:
            versus.require("parts")
            comparable(lm, versus, ask)
        self._splitting = Splitting(lm, ask, versus)
        self._begin(self._splitting, link_id)

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
                name=split.name,
                versus=self._version(split),
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=_code(split.ask, self._looking.adapter.origin, self._splitting.versus),
            )
        )

    def _version(self, split: Split) -> Version | None:
        lm, other = self._splitting.versus, split.versus
        if lm is None or other is None or split.difference is None:
            return None
        fingerprint = other.parts.fingerprint
        model: ModelInfo = {"name": lm.name, "fingerprint": fingerprint, "device": lm.device, "dtype": lm.dtype}
        return Version(other.name, other.shares, split.difference, other.target, other.other, model)

    def answers(self) -> Mapping[str, Answer[Split]]:
        """By action."""
        return {"neurons": self._neurons, "head": self._head}

    def _neurons(self, split: Split, asked: Mapping[str, Any], context: Context) -> Reply:
        split = split.of(int(asked.get("version", 0)))
        other = None if split.other is None else split.other.id
        found = split.parts.neurons(context, int(asked["layer"]), split.target.id, other)
        name = split.parts.adapter.token_text
        texts = {int(i): name(int(i)) for neuron in found for i in (*neuron.top, *neuron.bottom)}
        return {"neurons": [encode_neuron(neuron, texts) for neuron in found]}, []

    def _head(self, split: Split, asked: Mapping[str, Any], context: Context) -> Reply:
        split = split.of(int(asked.get("version", 0)))
        other = None if split.other is None else split.other.id
        found = split.parts.head(context, int(asked["layer"]), int(asked["head"]), split.target.id, other, LONGEST)
        buffers: list[bytes] = []
        return {"head": encode_head(found, LONGEST, buffers)}, buffers


def _code(ask: Ask, origin: str, versus: ModelAdapter | None) -> str:
    more = "".join(
        f", {name}={value!r}"
        for name, value in (("target", ask.target), ("contrast", ask.contrast))
        if value is not None
    )
    return source_code(origin, f"xw.DirectLogitAttribution(lm, {ask.typed!r}{more})", versus)
