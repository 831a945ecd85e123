"""The view of a text's attention: all heads at a glance, any of them closely, and what happens without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_widgets.core.ask import Ask
from xai_widgets.core.errors import CapabilityError
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.attending import OTHERS, Attended, Attending, effects, elsewhere, switched
from xai_widgets.jobs.resolve import read
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.attention import encode_attention, squares
from xai_widgets.protocol.codec import encode_candidate
from xai_widgets.widgets.base import asset
from xai_widgets.widgets.looking import Answer, LookingView, Reply, code_of, one_of

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context
    from xai_widgets.core.tokens import Tokens


class AttentionView(LookingView[Ask, Attended]):
    """The view, and the questions it answers; arguments and errors are those of `xw.Attention`, which adds the numbers."""

    look_action = "attend"
    long_actions = ("effects", "elsewhere", "off", "flow")
    _esm = asset("attention.js")
    _css = asset("attention.css")

    def __init__(
        self,
        lm: ModelAdapter,
        text: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        *,
        versus: ModelAdapter | str | None = None,
        others: Sequence[str] = OTHERS,
        link_id: str | None = None,
    ) -> None:
        """Look at all heads, and show them when they are there."""
        lm.require("attention")
        ask = Ask(source=source_of(lm, text))
        read(lm, ask)
        self._attending = Attending(lm, ask, others, _versus(lm, ask, versus))
        self._begin(self._attending, link_id)

    def packed(self, attended: Attended, revision: int, *, with_mean: bool = False) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""
        lm = self._attending.adapter
        return dict(
            encode_attention(
                attended.ask,
                [(v.name, v.tokens, v.maps.output, v.overview) for v in attended.versions],
                attended.candidates,
                self.model_info(attended.maps.fingerprint),
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=code_of("Attention", attended.ask, lm.origin),
                with_mean=with_mean,
            )
        )

    # -- what is asked about one text

    def answers(self) -> Mapping[str, Answer[Attended]]:
        """By action."""
        return {
            "mean": self._mean, "tile": self._tile, "line": self._line, "pair": self._pair, "off": self._off,
            "elsewhere": self._elsewhere, "effects": self._effects, "flow": self._flow,
        }  # fmt: skip

    def _mean(self, attended: Attended, _asked: Mapping[str, Any], _context: Context) -> Reply:
        buffers: list[bytes] = []
        return {"array": put(squares([v.overview.mean for v in attended.versions]), buffers)}, buffers

    def _tile(self, attended: Attended, asked: Mapping[str, Any], context: Context) -> Reply:
        version, index = attended.of(int(asked["map"]))
        measure = one_of(asked, "measure", ("weight", "norm", "value_zeroing"))
        found = version.maps.tile(
            index, int(asked["head"]), int(asked["level"]), int(asked["row"]), int(asked["column"]), context,
            measure=measure, pool=one_of(asked, "pool", ("max", "mean")),
        )  # fmt: skip
        buffers: list[bytes] = []
        array = put(found.astype(np.float16), buffers)
        return {"array": array, "unit": version.maps.measure_words(index, measure, context)}, buffers

    def _line(self, attended: Attended, asked: Mapping[str, Any], context: Context) -> Reply:
        version, index = attended.of(int(asked["map"]))
        measure = one_of(asked, "measure", ("weight", "norm", "value_zeroing"))
        found = version.maps.line(
            index,
            int(asked["head"]),
            one_of(asked, "axis", ("query", "key")),
            int(asked["index"]),
            context,
            measure=measure,
        )
        buffers: list[bytes] = []
        return {"array": put(found, buffers), "unit": version.maps.measure_words(index, measure, context)}, buffers

    def _pair(self, attended: Attended, asked: Mapping[str, Any], context: Context) -> Reply:
        version, index = attended.of(int(asked["map"]))
        vectors, scale = version.maps.pair(index, int(asked["head"]), int(asked["query"]), int(asked["key"]), context)
        buffers: list[bytes] = []
        return {"array": put(vectors, buffers), "scale": scale}, buffers

    def _off(self, attended: Attended, asked: Mapping[str, Any], context: Context) -> Reply:
        head, query, key = (None if asked.get(name) is None else int(asked[name]) for name in ("head", "query", "key"))
        version, index = attended.of(int(asked["map"]))
        found = switched(version, version.maps.part(index, head, query, key), context)
        return {
            "before": [encode_candidate(c) for c in found.before],
            "after": [encode_candidate(c) for c in found.after],
            "kl": found.kl,
        }, []

    def _effects(self, attended: Attended, _asked: Mapping[str, Any], context: Context) -> Reply:
        found = effects(attended, context)
        buffers: list[bytes] = []
        return {"array": put(found.effects, buffers), "agreement": found.agreement}, buffers

    def _elsewhere(self, attended: Attended, _asked: Mapping[str, Any], context: Context) -> Reply:
        others = self._attending.others
        buffers: list[bytes] = []
        return {"array": put(elsewhere(attended, others, context), buffers), "prompts": len(others)}, buffers

    def _flow(self, attended: Attended, asked: Mapping[str, Any], context: Context) -> Reply:
        found = attended.maps.flow(int(asked["index"]), one_of(asked, "method", ("rollout", "flow")), context)
        buffers: list[bytes] = []
        return {"array": put(found, buffers), "unit": "share of attention"}, buffers


def _versus(lm: ModelAdapter, ask: Ask, versus: ModelAdapter | str | None) -> tuple[ModelAdapter, Ask | None] | None:
    """What is compared with, looked at before anything runs."""
    if versus is None:
        return None
    if hasattr(lm, "output_of"):
        raise CapabilityError(
            "A comparison",
            reason="an encoder-decoder's outputs have positions of their own",
            hint="make a view of each",
        )
    if isinstance(versus, str):
        other = Ask(source=versus)
        read(lm, other)
        return lm, other
    versus.require("attention")
    read(versus, ask)
    return versus, None
