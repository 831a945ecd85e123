"""The view of a text's attention: all heads at a glance, any of them closely, and what happens without it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xai_widgets.core.ask import Ask
from xai_widgets.core.errors import CancelledError, CapabilityError, KernelError, UnknownNameError
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.attending import OTHERS, Attended, Attending, effects, elsewhere, switched
from xai_widgets.jobs.job import Job
from xai_widgets.jobs.resolve import read
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.attention import encode_attention, squares
from xai_widgets.protocol.codec import decode_input, encode_candidate
from xai_widgets.protocol.schema import ModelInfo
from xai_widgets.widgets.base import Ticket, View, asset, no_such_message, status

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context
    from xai_widgets.core.tokens import Tokens

Reply = tuple[dict[str, Any], list[bytes]]


class AttentionView(View):
    """The view, and the questions it answers; arguments and errors are those of `xw.Attention`, which adds the numbers."""

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
        self._asked = 0
        ask = Ask(source=source_of(lm, text))
        read(lm, ask)
        self._attending = Attending(lm, ask, others, _versus(lm, ask, versus))
        self._open("running", link_id)
        self._newest: Job[Attended] | None = None
        self._attend(ask, Ticket())

    def now(self) -> Attended:
        """What is looked at, once it has been."""
        while self._newest is not None:
            job = self._newest
            try:
                return job.wait()
            except CancelledError:
                if job is self._newest:
                    break
        if self._attending.attended is None:
            raise CancelledError
        return self._attending.attended

    def wait_for(self, work: Callable[[Attended, Any], Any]) -> Any:  # noqa: ANN401 - whatever is asked
        """Run `work(attended, context)` on the model's worker and wait for it."""
        self.now()
        return self._attending.ask_more(f"python-{uuid.uuid4().hex}", work, lambda _job: None).wait()

    def reply(self, asked: Mapping[str, Any]) -> Reply:
        """What the browser would get for a request: fields and buffers."""
        found: Reply = self.wait_for(lambda a, c: _ANSWERS[asked["action"]](self, a, asked, c))
        return found

    # -- from the browser

    def _beside(self, content: Mapping[str, Any]) -> bool:
        return content.get("action") != "attend"

    def _dispatch(self, content: Mapping[str, Any], ticket: Ticket) -> None:
        kind, action = content.get("type"), content.get("action")
        if kind == "cancel":
            self._attending.cancel(ticket.id)
            return
        if kind != "request" or action not in ("attend", *_ANSWERS):
            raise no_such_message(content, f"request (attend, {', '.join(_ANSWERS)}), cancel")
        self._say({"type": "progress", "done": 0, "total": 0, "note": ""}, ticket)
        if action == "attend":
            given = content.get("input")
            ask = Ask(source=decode_input(given)) if given and given.get("kind") != "ids" else self._attending.ask
            self.publish(status=status("running"))
            self._attend(ask, ticket)
            return
        if self._attending.attended is None and (self._newest is None or self._newest.ended):
            raise KernelError(
                "Nothing has been looked at yet.", given=str(action), accepted="a picture first", hint="wait for it"
            )
        # the big ones show how far they are and replace each other; the small ones queue
        slot = action if action in ("effects", "elsewhere", "off", "flow") else ""
        steps = self._steps(ticket) if slot else None
        self._attending.ask_more(
            ticket.id,
            lambda a, c: _ANSWERS[str(action)](self, a, content, c),
            lambda job: self._told(job, ticket),
            steps,
            slot=slot,
        )

    def _attend(self, ask: Ask, ticket: Ticket) -> None:
        number = self._asked = self._asked + 1
        self._newest = self._attending.attend(
            ask,
            ticket.id,
            lambda job: self._attended(job, ticket, newest=number == self._asked),
            self._steps(ticket),
            lambda part: self._partly(part, ticket, newest=number == self._asked),
        )

    def _steps(self, ticket: Ticket) -> Callable[[int, int, str], None]:
        return lambda done, total, note: self._say(
            {"type": "progress", "done": done, "total": total, "note": note}, ticket
        )

    # -- from the worker

    def _partly(self, part: Attended, ticket: Ticket, *, newest: bool) -> None:
        """The first layers are there: a picture at once; what is asked of it waits for the whole."""
        if newest:
            self.publish(explanation=self.packed(part, ticket.revision))

    def _attended(self, job: Job[Attended], ticket: Ticket, *, newest: bool) -> None:
        """The end of a look: state first, then the one message. A newer one that runs meanwhile keeps its state."""
        if isinstance(job.error, CancelledError) or (not newest and job.error is None):
            if newest:
                self.publish(status=status("cancelled"))
            self._say({"type": "cancelled"}, ticket)
        elif job.error is not None:
            self._fail(ticket, job.error, state=newest)
        elif job.value is not None:
            try:
                packed = self.packed(job.value, ticket.revision)
            except Exception as error:  # noqa: BLE001 - whatever it is, the request must end
                self._fail(ticket, error)
                return
            self.publish(explanation=packed, status=status("idle"))
            self._say({"type": "result"}, ticket)

    def _told(self, job: Job[Reply], ticket: Ticket) -> None:
        if isinstance(job.error, CancelledError):
            self._say({"type": "cancelled"}, ticket)
        elif job.error is not None:
            self._fail(ticket, job.error, state=False)
        elif job.value is not None:
            message, buffers = job.value
            self._say({"type": "result", **message}, ticket, buffers)

    def packed(self, attended: Attended, revision: int, *, with_mean: bool = False) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""
        lm = self._attending.adapter
        model: ModelInfo = {
            "name": lm.name,
            "fingerprint": attended.maps.fingerprint,
            "device": lm.device,
            "dtype": lm.dtype,
        }
        return dict(
            encode_attention(
                attended.ask,
                [(v.name, v.tokens, v.maps.output, v.overview) for v in attended.versions],
                attended.candidates,
                model,
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=_code(attended.ask, lm.origin),
                with_mean=with_mean,
            )
        )

    # -- answers to what is asked about one text; each gives the fields of the message and its buffers

    def _mean(self, attended: Attended, _asked: Mapping[str, Any], _context: Context) -> Reply:
        buffers: list[bytes] = []
        return {"array": put(squares([v.overview.mean for v in attended.versions]), buffers)}, buffers

    def _tile(self, attended: Attended, asked: Mapping[str, Any], context: Context) -> Reply:
        version, index = attended.of(int(asked["map"]))
        measure = _one_of(asked, "measure", ("weight", "norm", "value_zeroing"))
        found = version.maps.tile(
            index, int(asked["head"]), int(asked["level"]), int(asked["row"]), int(asked["column"]), context,
            measure=measure, pool=_one_of(asked, "pool", ("max", "mean")),
        )  # fmt: skip
        buffers: list[bytes] = []
        array = put(found.astype(np.float16), buffers)
        return {"array": array, "unit": version.maps.measure_words(index, measure, context)}, buffers

    def _line(self, attended: Attended, asked: Mapping[str, Any], context: Context) -> Reply:
        version, index = attended.of(int(asked["map"]))
        measure = _one_of(asked, "measure", ("weight", "norm", "value_zeroing"))
        found = version.maps.line(
            index,
            int(asked["head"]),
            _one_of(asked, "axis", ("query", "key")),
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
        found = attended.maps.flow(int(asked["index"]), _one_of(asked, "method", ("rollout", "flow")), context)
        buffers: list[bytes] = []
        return {"array": put(found, buffers), "unit": "share of attention"}, buffers


_ANSWERS: Final[dict[str, Callable[[AttentionView, Attended, Mapping[str, Any], Any], Reply]]] = {
    "mean": AttentionView._mean,  # noqa: SLF001 - its own
    "tile": AttentionView._tile,  # noqa: SLF001
    "line": AttentionView._line,  # noqa: SLF001
    "pair": AttentionView._pair,  # noqa: SLF001
    "off": AttentionView._off,  # noqa: SLF001
    "elsewhere": AttentionView._elsewhere,  # noqa: SLF001
    "effects": AttentionView._effects,  # noqa: SLF001
    "flow": AttentionView._flow,  # noqa: SLF001
}


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


def _one_of(asked: Mapping[str, Any], name: str, known: tuple[str, ...]) -> Any:  # noqa: ANN401 - one of literals
    value = asked.get(name) or known[0]
    if value not in known:
        raise UnknownNameError(name, value, known)
    return value


def _code(ask: Ask, origin: str) -> str:
    source: Any = ask.messages if ask.kind == "chat" else list(ask.source) if ask.kind == "ids" else ask.source
    model = f"lm = {origin}" if origin else "lm = xw.wrap(model, tokenizer)  # your own objects"
    return "\n".join(["import xai_widgets as xw", "", model, f"xw.Attention(lm, {source!r})"])
