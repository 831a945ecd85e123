"""One piece of work on its way: waited for, cancelled, or watched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from xai_widgets.core.errors import CancelledError

T = TypeVar("T")


class Job(Generic[T]):
    """A function that a worker will call, and its outcome.

    Args:
        work: called with the job itself (to ask `cancelled`) on the worker's thread.
        on_end: called there with the job once it has an outcome, also when it was cancelled before it began.
    """

    def __init__(self, work: Callable[[Job[T]], T], on_end: Callable[[Job[T]], None] | None = None) -> None:
        """Nothing runs yet."""
        self._work, self._on_end = work, on_end
        self._cancel, self._ended = threading.Event(), threading.Event()
        self._claim = threading.Lock()
        self._started = False
        self.idle = False
        """Set by the worker: gives way to anything that is not idle."""
        self.long = False
        """Set by who submits it: it gives way between its batches, and others don't wait for it."""
        self._value: T | None = None
        self.error: BaseException | None = None

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._cancel.is_set()

    @property
    def value(self) -> T | None:
        """What the work returned, once it has."""
        return self._value

    @property
    def ended(self) -> bool:
        """Whether there is an outcome."""
        return self._ended.is_set()

    def cancel(self) -> None:
        """Ask to stop: a waiting job ends at once, a running one at its next step."""
        self._cancel.set()
        if self._take():
            self._end(None, CancelledError())

    def run(self) -> None:
        """Do the work on this thread, unless it was cancelled while waiting."""
        if not self._take():
            return
        try:
            value = self._work(self)
        except BaseException as error:  # noqa: BLE001 - kept, and raised where somebody waits
            self._end(None, error)
        else:
            self._end(value, None)

    def wait(self) -> T:
        """Block until there is an outcome and return or raise it; an interrupt (Ctrl-C) cancels the job."""
        try:
            while not self._ended.wait(0.05):  # in short waits, so that an interrupt is seen on every system
                pass
        except KeyboardInterrupt:
            self.cancel()
            raise
        if self.error is not None:
            raise self.error
        return self._value  # type: ignore[return-value]  # set whenever error is None

    def _take(self) -> bool:
        with self._claim:
            if self._started:
                return False
            self._started = True
            return True

    def _end(self, value: T | None, error: BaseException | None) -> None:
        self._value, self.error = value, error
        try:
            if self._on_end:
                self._on_end(self)
        except Exception:
            # a listener's fault must neither hang who waits nor end the worker's thread
            logging.getLogger("xai_widgets").exception("a listener of a finished job failed")
        finally:
            self._ended.set()
