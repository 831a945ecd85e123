"""One thread for one model: real requests first, idle work after, the newest request of a slot replaces older ones."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Hashable
from typing import Any

from xai_widgets.jobs.job import Job


class Worker:
    """Runs jobs one after the other on a thread of its own that starts with the first job and is a daemon."""

    def __init__(self, name: str = "xai_widgets") -> None:
        """No thread yet."""
        self._name = name
        self._lock = threading.Condition()
        self._queue: deque[tuple[Hashable, Job[Any]]] = deque()
        self._idle: deque[tuple[Hashable, Job[Any]]] = deque()
        self._running: list[tuple[Hashable, Job[Any]]] = []
        """The job under way, and after it those that it gave way to."""
        self._thread: threading.Thread | None = None
        self._stopped = False
        _ALL.add(self)

    def submit(self, slot: Hashable, job: Job[Any], *, idle: bool = False) -> None:
        """Queue a job; the running and waiting jobs of the same slot are cancelled.

        An idle job waits until nothing else does, and is cancelled as soon as a real one arrives.
        """
        replaced: list[Job[Any]] = []
        with self._lock:
            for queue in (self._queue, self._idle):
                replaced += [old for key, old in queue if key == slot]
                kept = [(key, old) for key, old in queue if key != slot]
                queue.clear()
                queue.extend(kept)
            replaced += [old for key, old in self._running if key == slot or (not idle and old.idle)]
            job.idle = idle
            (self._idle if idle else self._queue).append((slot, job))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
                self._thread.start()
            self._lock.notify_all()
        for old in replaced:
            old.cancel()

    def cancel(self, slot: Hashable) -> None:
        """Cancel whatever the slot holds."""
        with self._lock:
            jobs = [job for key, job in (*self._queue, *self._idle) if key == slot]
            jobs += [job for key, job in self._running if key == slot]
        for job in jobs:
            job.cancel()

    def stop(self, timeout: float = 5.0) -> None:
        """Cancel everything and let the thread end (at interpreter exit: a model call must not outlive torch)."""
        with self._lock:
            self._stopped = True
            jobs = [job for _, job in (*self._queue, *self._idle, *self._running)]
            self._lock.notify_all()
        for job in jobs:
            job.cancel()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _loop(self) -> None:
        while True:
            with self._lock:
                while not self._queue and not self._idle and not self._stopped:
                    self._lock.wait()
                if self._stopped:
                    return
                self._running.append((self._queue or self._idle).popleft())
            self._run_last()

    def give_way(self) -> None:
        """Do what is waiting and short, before the job that calls this goes on: for long work, between its batches.

        On any other thread than the worker's own it does nothing.
        """
        if threading.current_thread() is not self._thread:
            return
        while True:
            with self._lock:
                short = next((item for item in self._queue if not item[1].long), None)
                if short is None or self._stopped:
                    return
                self._queue.remove(short)
                self._running.append(short)
            self._run_last()

    def _run_last(self) -> None:
        try:
            self._running[-1][1].run()
        finally:
            with self._lock:
                self._running.pop()


_ALL: weakref.WeakSet[Worker] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for worker in list(_ALL):
        worker.stop()


_WORKERS: weakref.WeakKeyDictionary[Any, Worker] = weakref.WeakKeyDictionary()
_WORKERS_LOCK = threading.Lock()


def worker_for(adapter: object) -> Worker:
    """The one worker of a model."""
    with _WORKERS_LOCK:
        worker = _WORKERS.get(adapter)
        if worker is None:
            worker = _WORKERS[adapter] = Worker()
        return worker
