"""What a view of one text does: look at it, show what there is so far, and answer questions about it."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from xai_widgets.core.ask import Ask
from xai_widgets.core.errors import CancelledError, KernelError, UnknownNameError
from xai_widgets.jobs.job import Job
from xai_widgets.jobs.looking import Looking
from xai_widgets.protocol.codec import decode_input
from xai_widgets.protocol.schema import ModelInfo
from xai_widgets.widgets.base import Ticket, View, no_such_message, status

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter

Asked = TypeVar("Asked")
Seen = TypeVar("Seen")
Reply = tuple[dict[str, Any], list[bytes]]
"""Fields of the message that answers, and its buffers."""
Answer = Callable[[Seen, Mapping[str, Any], Any], Reply]
"""`answer(seen, asked, context)`, run on the model's worker."""


class LookingView(View, Generic[Asked, Seen]):
    """Base of such views. Subclasses say what their look is called on the wire, how it is packed, and what may be asked.

    Attributes:
        look_action: the action that looks at another text.
        long_actions: those that show how far they are and replace each other; the others queue.
    """

    look_action: ClassVar[str] = "look"
    long_actions: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def packed(self, seen: Seen, revision: int) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""

    @abstractmethod
    def answers(self) -> Mapping[str, Answer[Seen]]:
        """What may be asked about a text, by action."""

    def ask_of(self, content: Mapping[str, Any]) -> Asked:
        """What a message asks to look at: another text, or the same again."""
        given = content.get("input")
        if not given or given.get("kind") == "ids":
            return self._looking.ask
        return Ask(source=decode_input(given))  # type: ignore[return-value]  # views of anything else have their own

    def _begin(self, looking: Looking[Asked, Seen], link_id: str | None) -> None:
        """Make the widget and look at its first text."""
        self._asked = self._revision = 0
        self._looking = looking
        self._open("running", link_id)
        self._newest: Job[Seen] | None = None
        self._look(looking.ask, Ticket())

    def now(self) -> Seen:
        """What is looked at, once it has been."""
        while self._newest is not None:
            job = self._newest
            try:
                return job.wait()
            except CancelledError:
                if job is self._newest:
                    break
        if self._looking.seen is None:
            raise CancelledError
        return self._looking.seen

    def wait_for(self, work: Callable[[Seen, Any], Any]) -> Any:  # noqa: ANN401 - whatever is asked
        """Run `work(seen, context)` on the model's worker and wait for it."""
        self.now()
        return self._looking.ask_more(f"python-{uuid.uuid4().hex}", work, lambda _job: None).wait()

    def reply(self, asked: Mapping[str, Any]) -> Reply:
        """What the browser would get for a request: fields and buffers."""
        answer = self.answers()[asked["action"]]
        found: Reply = self.wait_for(lambda seen, context: answer(seen, asked, context))
        return found

    def model_info(self, fingerprint: str) -> ModelInfo:
        """The model as header and footer name it."""
        lm = self._looking.adapter
        return {"name": lm.name, "fingerprint": fingerprint, "device": lm.device, "dtype": lm.dtype}

    # -- from the browser

    def _beside(self, content: Mapping[str, Any]) -> bool:
        return content.get("action") != self.look_action

    def _dispatch(self, content: Mapping[str, Any], ticket: Ticket) -> None:
        kind, action = content.get("type"), content.get("action")
        if kind == "cancel":
            self._looking.cancel(ticket.id)
            return
        answers = self.answers()
        if kind != "request" or action not in (self.look_action, *answers):
            raise no_such_message(content, f"request ({self.look_action}, {', '.join(answers)}), cancel")
        self._say({"type": "progress", "done": 0, "total": 0, "note": ""}, ticket)
        if action == self.look_action:
            ask = self.ask_of(content)
            self.publish(status=status("running"))
            self._look(ask, ticket)
            return
        if self._looking.seen is None and (self._newest is None or self._newest.ended):
            raise KernelError(
                "Nothing has been looked at yet.", given=str(action), accepted="a picture first", hint="wait for it"
            )
        slot = action if action in self.long_actions else ""
        self._looking.ask_more(
            ticket.id,
            lambda seen, context: answers[str(action)](self._whole(seen), content, context),
            lambda job: self._told(job, ticket),
            self._steps(ticket) if slot else None,
            slot=slot,
        )

    def _whole(self, seen: Seen) -> Seen:
        """What is seen, unless what is shown is part of a look that was stopped."""
        snapshot = self.explanation["snapshot"]
        if snapshot is not None and snapshot["revision"] != self._revision:
            raise KernelError(
                "The picture is not finished: it was stopped.", given="a question about a part of it",
                accepted="a question about a whole one", hint="look again: edit the text, or run the cell again",
            )  # fmt: skip
        return seen

    def _look(self, ask: Asked, ticket: Ticket) -> None:
        number = self._asked = self._asked + 1
        self._newest = self._looking.look(
            ask,
            ticket.id,
            lambda job: self._looked(job, ticket, newest=number == self._asked),
            self._steps(ticket),
            lambda part: self._partly(part, ticket, newest=number == self._asked),
        )

    def _steps(self, ticket: Ticket) -> Callable[[int, int, str], None]:
        return lambda done, total, note: self._say(
            {"type": "progress", "done": done, "total": total, "note": note}, ticket
        )

    # -- from the worker

    def _partly(self, part: Seen, ticket: Ticket, *, newest: bool) -> None:
        """Something is there: a picture at once; what is asked of it waits for the whole."""
        if newest:
            self.publish(explanation=self.packed(part, ticket.revision))

    def _looked(self, job: Job[Seen], ticket: Ticket, *, newest: bool) -> None:
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
            self._revision = ticket.revision
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


def one_of(asked: Mapping[str, Any], name: str, known: Sequence[str]) -> Any:  # noqa: ANN401 - one of literals
    """A field that must be one of these; the first where it is left out."""
    value = asked.get(name) or known[0]
    if value not in known:
        raise UnknownNameError(name, value, tuple(known))
    return value


def code_of(cls: str, ask: Ask, origin: str, versus: ModelAdapter | None = None) -> str:
    """The cell that makes such a view of a text again."""
    return source_code(origin, f"xw.{cls}(lm, {ask.typed!r})", versus)


def source_code(origin: str, call: str, versus: ModelAdapter | None = None) -> str:
    """A cell: the model, the one it is compared with where there is one, and a call, which ends with `)`."""
    lines = ["import xai_widgets as xw", "", _model("lm", origin)]
    if versus is not None:
        lines.append(_model("other", versus.origin))
        call = f"{call[:-1]}, versus=other)"
    return "\n".join([*lines, call])


def _model(name: str, origin: str) -> str:
    return f"{name} = {origin}" if origin else f"{name} = xw.wrap(model, tokenizer)  # your own objects"


__all__ = ["Answer", "LookingView", "Reply", "code_of", "one_of", "source_code"]
