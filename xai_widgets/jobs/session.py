"""One conversation with one model: the current question, its answer, and what the kernel is doing about it.

An `Answer` in Python and the widget that shows it hold the same session, so what was clicked is what is read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from xai_widgets.core.ask import Ask, Finding
from xai_widgets.core.context import Context, Partial
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import CancelledError
from xai_widgets.jobs.answering import NeedsYesError, Seen, answer, method_costs, write
from xai_widgets.jobs.job import Job
from xai_widgets.jobs.worker import worker_for

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter


class Listener(Protocol):
    """Who watches a session. Called on the worker's thread; `ticket` is what was given to `submit`."""

    def on_seen(self, ticket: Any, seen: Seen) -> None:  # noqa: ANN401 - whatever was given to submit
        """The input is read and the candidates are known."""

    def on_step(self, ticket: Any, done: int, total: int, note: str) -> None:  # noqa: ANN401
        """A batch is done."""

    def on_partial(self, ticket: Any, partial: Partial) -> None:  # noqa: ANN401
        """Some scores are there."""

    def on_end(self, ticket: Any, outcome: Outcome) -> None:  # noqa: ANN401
        """The request has ended."""


@dataclass(frozen=True)
class Outcome:
    """How a request ended: exactly one of the four is set."""

    finding: Finding | None = None
    asks: Cost | None = None
    error: BaseException | None = None
    cancelled: bool = False


class Session:
    """Questions to one model, one at a time; the newest wins."""

    def __init__(self, adapter: ModelAdapter, ask: Ask, *, watched: bool = False) -> None:
        """Nothing is asked yet. `watched`: a view will show this, so partial answers are worth their price."""
        self.adapter = adapter
        self.watched = watched
        self.ask = ask
        self.finding: Finding | None = None
        self.outcome: Outcome | None = None
        self._listeners: list[Listener] = []
        self._job: Job[Finding] | None = None
        self._asked = ask
        self._generate = 0
        self.ticket: Any = None
        """What the newest request was submitted with."""
        self._lock = threading.RLock()

    def listen(self, listener: Listener) -> None:
        """Tell this one, too, from now on."""
        self.watched = True
        self._listeners.append(listener)

    @property
    def running(self) -> bool:
        """Whether an answer is on its way."""
        return self._job is not None and not self._job.ended

    def submit(self, ask: Ask, *, confirmed: bool = False, generate: int = 0, ticket: Any = None) -> Job[Finding]:  # noqa: ANN401
        """Queue a question in place of the one before; returns at once.

        With `generate` the model first writes that many tokens after the input, which become possible targets.
        """

        def work(job: Job[Finding]) -> Finding:
            context = Context(
                ask.seed,
                on_step=lambda done, total, note: self._tell("on_step", ticket, done, total, note),
                on_partial=(lambda partial: self._tell("on_partial", ticket, partial)) if self.watched else None,
                is_cancelled=lambda: job.cancelled,
            )
            question = write(self.adapter, ask, generate, context) if generate else ask
            return answer(
                self.adapter,
                question,
                context,
                confirmed=confirmed,
                on_seen=lambda seen: self._tell("on_seen", ticket, seen),
            )

        def end(job: Job[Finding]) -> None:
            outcome = _outcome(job)
            with self._lock:
                if job is self._job or self._job is None:
                    self.outcome = outcome
                    if outcome.finding is not None:
                        self.ask, self.finding = outcome.finding.ask, outcome.finding
            self._tell("on_end", ticket, outcome)

        job: Job[Finding] = Job(work, end)
        with self._lock:
            self._job, self._asked, self.ticket = job, ask, ticket
            self._generate = generate
        worker_for(self.adapter).submit((id(self), "explain"), job)
        return job

    def wait(self) -> Finding:
        """The newest answer, computed now if it only waited for a yes or was cancelled earlier without any answer.

        A later question that was cancelled or refused was so where it was asked (in a view, which says it): the answer
        before it stays, here as there.

        Raises:
            XaiError: the first question was refused. CancelledError: somebody cancelled it meanwhile.
        """
        job = self._job
        given_up = job is not None and job.ended and isinstance(job.error, CancelledError) and self.finding is None
        if job is None or given_up:
            job = self.submit(self._asked, confirmed=True, generate=self._generate)
        try:
            try:
                return job.wait()
            except NeedsYesError:
                return self.submit(self._asked, confirmed=True, generate=self._generate).wait()
        except Exception:
            if self.finding is not None:
                return self.finding
            raise

    def cancel(self) -> None:
        """Stop the answer on its way, if any."""
        if self._job:
            self._job.cancel()

    def submit_methods(self, names: list[str], on_end: Callable[[Job[dict[str, Cost | str]]], None]) -> None:
        """Work out what each method would cost for the current question."""

        def work(job: Job[dict[str, Cost | str]]) -> dict[str, Cost | str]:
            return method_costs(self.adapter, self.ask, names, Context(is_cancelled=lambda: job.cancelled))

        worker_for(self.adapter).submit((id(self), "methods"), Job(work, on_end))

    def _tell(self, event: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - forwards
        for listener in list(self._listeners):
            getattr(listener, event)(*args, **kwargs)


def _outcome(job: Job[Finding]) -> Outcome:
    error = job.error
    if error is None:
        return Outcome(finding=job.value)
    if isinstance(error, NeedsYesError):
        return Outcome(asks=error.cost)
    if isinstance(error, CancelledError):
        return Outcome(cancelled=True)
    return Outcome(error=error)
