"""Views of one explanation: they hand questions to a session and publish what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from xai_widgets.core.ask import Finding
from xai_widgets.core.code import as_code
from xai_widgets.core.context import Partial
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import KernelError
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.jobs.answering import Seen, blank
from xai_widgets.jobs.asking import begin
from xai_widgets.jobs.job import Job
from xai_widgets.jobs.session import Outcome, Session
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import encode, encode_candidate
from xai_widgets.protocol.schema import PUSH_LIMIT, Packed
from xai_widgets.widgets.base import Ticket, View, no_such_message, status
from xai_widgets.widgets.methods import method_info, method_of
from xai_widgets.widgets.requests import asked

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter


class ExplanationView(View):
    """Base of the views that show a `core.Explanation`.

    Args:
        lm: a model from `xw.load` or `xw.wrap`.
        text: the input; further keywords are those of `xw.explain`.
        link_id: views of the same id share selections.
    """

    def __init__(self, lm: ModelAdapter, text: Any, *, link_id: str | None = None, **settings: Any) -> None:  # noqa: ANN401 - as explain
        """Ask, and show the answer when it is there."""
        self._start(begin(lm, text, watched=True, **settings), None, link_id)

    @classmethod
    def of(cls, session: Session | None, finding: Finding | None = None) -> Self:
        """A view of a session that runs already, or of a finding without a model."""
        new = cls.__new__(cls)
        new._start(session, finding, None)  # noqa: SLF001 - it is one of us
        return new

    def _start(self, session: Session | None, finding: Finding | None, link_id: str | None) -> None:
        self._session, self._finding = session, finding
        self._open("static" if session is None else "idle", link_id)
        if finding is not None:
            self.publish(explanation=self._packed(finding, 0))
        if session is not None:
            session.listen(self)
            if session.running:
                self.publish(status=status("running"))
            elif session.outcome is not None:
                self.on_end(session.ticket, session.outcome)

    # -- from the browser

    def _beside(self, content: Mapping[str, Any]) -> bool:
        return super()._beside(content) or content.get("action") == "methods"

    def _dispatch(self, content: Mapping[str, Any], ticket: Ticket) -> None:
        kind, action = content.get("type"), content.get("action")
        if kind == "cancel":
            if self._session is not None and (self._session.ticket or Ticket()).id == ticket.id:
                self._session.cancel()
            return
        if kind == "fetch":
            self._fetch(int(content["row"]), ticket)
            return
        if kind != "request" or action not in ("explain", "generate", "methods"):
            raise no_such_message(content, "request, cancel, fetch")
        if self._session is None:
            raise KernelError(
                "There is no model here to ask.",
                given=str(action),
                accepted="a view of a model",
                hint="make it with xw.explain(lm, ...)",
            )
        if action == "methods":
            self._session.submit_methods(list(EXPLAINERS), lambda job: self._methods_done(job, ticket))
            return
        ask = asked(self._session.ask, content)
        self._say({"type": "progress", "done": 0, "total": 0, "note": ""}, ticket)
        self.publish(status=status("running"))
        n_new = int(content.get("max_new_tokens", 20)) if action == "generate" else 0
        self._session.submit(ask, confirmed=bool(content.get("confirmed")), generate=n_new, ticket=ticket)

    def _fetch(self, row: int, ticket: Ticket) -> None:
        finding = self._session.finding if self._session else self._finding
        if finding is None or not 0 <= row < finding.explanation.scores.shape[0]:
            raise KernelError(
                "There is no such row.", given=str(row), accepted="a row of the current answer", hint="ask again"
            )
        buffers: list[bytes] = []
        header = put(finding.explanation.scores[row], buffers)
        self._say({"type": "result", "scores": header}, ticket, buffers)

    # -- from the session (worker's thread)

    def on_seen(self, ticket: Ticket | None, seen: Seen) -> None:
        """The input is read: candidates at once, and a picture without scores if the input is new."""
        ticket = ticket or Ticket()
        finding = Finding(
            seen.ask,
            blank(seen),
            seen.candidates,
            seen.generated,
            seen.question.target.quantity,
            self._session.adapter.name if self._session else "",
        )
        packed = self._packed(finding, ticket.revision, with_scores=False)
        if self.explanation["snapshot"] is None:
            self.publish(explanation=packed)
        self._say(
            {
                "type": "progress",
                "done": 0,
                "total": 0,
                "note": "",
                "snapshot": packed["snapshot"],
                "candidates": [encode_candidate(c) for c in seen.candidates],
            },
            ticket,
            packed["buffers"],
        )

    def on_step(self, ticket: Ticket | None, done: int, total: int, note: str) -> None:
        """A batch is done."""
        self._say({"type": "progress", "done": done, "total": total, "note": note}, ticket or Ticket())

    def on_partial(self, ticket: Ticket | None, partial: Partial) -> None:
        """Some scores are there."""
        buffers: list[bytes] = []
        message = {
            "type": "progress",
            "done": int(partial.known.sum()),
            "total": int(partial.known.size),
            "note": "",
            "estimate": partial.estimate,
            "scores": put(partial.scores, buffers),
            "known": put(partial.known, buffers),
        }
        if partial.total is not None:
            message["sum"] = put(partial.total, buffers)
        self._say(message, ticket or Ticket(), buffers)

    def on_end(self, ticket: Ticket | None, outcome: Outcome) -> None:
        """The request has ended: state first, then the one message that ends it."""
        newest = self._session is None or self._session.ticket == ticket
        ticket = ticket or Ticket()
        if not newest:  # it ended while a newer question was being asked: that one's state stays
            self._say({"type": "cancelled"}, ticket)
        elif outcome.finding is not None:
            self.publish(explanation=self._packed(outcome.finding, ticket.revision), status=status("idle"))
            self._say({"type": "result"}, ticket)
        elif outcome.asks is not None:
            self.publish(status=status("asks", cost=outcome.asks))
            self._say({"type": "result"}, ticket)
        elif outcome.cancelled:
            self.publish(status=status("cancelled"))
            self._say({"type": "cancelled"}, ticket)
        elif outcome.error is not None:
            self._fail(ticket, outcome.error)

    def _methods_done(self, job: Job[dict[str, Cost | str]], ticket: Ticket) -> None:
        if job.error is not None:
            self._fail(ticket, job.error, state=False)
            return
        costs = job.value or {}
        self._say({"type": "result", "methods": [method_info(name, cost=costs.get(name)) for name in costs]}, ticket)

    def _packed(self, finding: Finding, revision: int, *, with_scores: bool = True) -> Packed:
        method = method_of(finding, asked=self._session is not None)
        origin = self._session.adapter.origin if self._session else ""
        code = as_code(finding.ask, origin) if method else ""
        return encode(
            finding, revision=revision, method=method, code=code, with_scores=with_scores, push_limit=PUSH_LIMIT
        )


__all__ = ["ExplanationView"]
