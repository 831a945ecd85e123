"""A conversation about a text (or a pair) on its model's worker: a look at it, then questions about what was seen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError
from xai_widgets.jobs.job import Job
from xai_widgets.jobs.worker import worker_for

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter

Asked = TypeVar("Asked")
Seen = TypeVar("Seen")


class Looking(Generic[Asked, Seen]):
    """One text at a time; a new one replaces the old one. Everything runs on the model's worker.

    Args:
        adapter: the model. ask: the first text.
        look: `look(ask, context, on_part)` gives what is seen, and may tell `on_part` what there is so far.

    Attributes:
        ask, seen: of the last look that ended well.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        ask: Asked,
        look: Callable[[Asked, Context, Callable[[Seen], None] | None], Seen],
    ) -> None:
        """Nothing runs yet."""
        self.adapter, self.ask = adapter, ask
        self.seen: Seen | None = None
        self._work = look
        self._lock = threading.Lock()
        self._jobs: dict[str, Job[Any]] = {}

    def look(
        self,
        ask: Asked,
        name: str,
        on_end: Callable[[Job[Seen]], None],
        on_step: Callable[[int, int, str], None],
        on_part: Callable[[Seen], None] | None = None,
    ) -> Job[Seen]:
        """Look at a text in place of the one before. `on_part`: told of what there is so far, where all takes a while."""

        def work(job: Job[Seen]) -> Seen:
            return self._work(ask, Context(on_step=on_step, is_cancelled=lambda: job.cancelled), on_part)

        def end(job: Job[Seen]) -> None:
            if job.error is None and job.value is not None:
                self.ask, self.seen = ask, job.value
            on_end(job)

        return self._submit("look", name, work, end)

    def ask_more(
        self,
        name: str,
        work: Callable[[Seen, Context], Any],
        on_end: Callable[[Job[Any]], None],
        on_step: Callable[[int, int, str], None] | None = None,
        *,
        slot: str = "",
    ) -> Job[Any]:
        """A question about the text now looked at. Questions of the same slot replace each other; without one they queue.

        With `on_step` it is long: between its batches it lets shorter ones go first, and a new text ends it.
        """
        worker = worker_for(self.adapter)

        def step(done: int, total: int, note: str) -> None:
            if on_step is not None:
                on_step(done, total, note)
                worker.give_way()

        def run(job: Job[Any]) -> Any:  # noqa: ANN401 - whatever was asked
            seen = self.seen  # a look that was under way when this was asked has ended by now
            if seen is None:
                raise CancelledError
            gone = lambda: job.cancelled or (on_step is not None and self.seen is not seen)  # noqa: E731
            return work(seen, Context(on_step=step, is_cancelled=gone))

        return self._submit(slot or name, name, run, on_end, long=on_step is not None)

    def cancel(self, name: str) -> None:
        """Stop what was asked under this name."""
        with self._lock:
            job = self._jobs.get(name)
        if job is not None:
            job.cancel()

    def _submit(
        self,
        slot: str,
        name: str,
        work: Callable[[Job[Any]], Any],
        on_end: Callable[[Job[Any]], None],
        *,
        long: bool = False,
    ) -> Job[Any]:
        def end(job: Job[Any]) -> None:
            with self._lock:
                if self._jobs.get(name) is job:
                    del self._jobs[name]
            on_end(job)

        job: Job[Any] = Job(work, end)
        job.long = long
        with self._lock:
            self._jobs[name] = job
        worker_for(self.adapter).submit((id(self), slot), job)
        return job
