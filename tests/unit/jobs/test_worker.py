"""Slots, cancel, idle work, interrupts: who runs when, and that every job ends exactly once."""

import threading

import pytest

from xai_widgets.core.errors import CancelledError
from xai_widgets.jobs.cache import ByteCache
from xai_widgets.jobs.job import Job
from xai_widgets.jobs.worker import Worker


@pytest.fixture
def worker():
    worker = Worker("test")
    yield worker
    worker.stop()
    assert worker._thread is None or not worker._thread.is_alive()


def blocked(ends=None):
    """A job that runs until it is cancelled or let go, and the event that says it began."""
    began, go = threading.Event(), threading.Event()

    def work(job):
        began.set()
        while not go.wait(0.005):
            if job.cancelled:
                raise CancelledError
        return "done"

    return Job(work, ends.append if ends is not None else None), began, go


def test_results_and_errors_reach_who_waits(worker):
    ok, bad = Job(lambda job: 41 + 1), Job(lambda job: 1 / 0)
    worker.submit("a", ok)
    worker.submit("b", bad)
    assert ok.wait() == 42
    with pytest.raises(ZeroDivisionError):
        bad.wait()


def test_the_newest_of_a_slot_replaces_running_and_waiting(worker):
    ends = []
    first, began, _ = blocked(ends)
    second, _, _ = blocked(ends)
    third = Job(lambda job: "third", ends.append)
    worker.submit("slot", first)
    assert began.wait(5)
    worker.submit("slot", second)
    worker.submit("slot", third)
    assert third.wait() == "third"
    for job in (first, second):
        with pytest.raises(CancelledError):
            job.wait()
    assert len(ends) == 3 and len(set(map(id, ends))) == 3


def test_other_slots_are_left_alone(worker):
    first, began, go = blocked()
    worker.submit("a", first)
    assert began.wait(5)
    other = Job(lambda job: 1)
    worker.submit("b", other)
    assert not first.cancelled
    go.set()
    assert (first.wait(), other.wait()) == ("done", 1)


def test_idle_work_gives_way(worker):
    idle, began, _ = blocked()
    worker.submit("idle", idle, idle=True)
    assert began.wait(5)
    real = Job(lambda job: "real")
    worker.submit("real", real)
    assert real.wait() == "real"
    with pytest.raises(CancelledError):
        idle.wait()


def test_cancel_while_waiting_ends_at_once(worker):
    first, began, go = blocked()
    worker.submit("a", first)
    assert began.wait(5)
    waiting = Job(lambda job: 1)
    worker.submit("b", waiting)
    waiting.cancel()
    assert waiting.ended
    with pytest.raises(CancelledError):
        waiting.wait()
    go.set()


def test_an_interrupt_cancels_and_is_raised(worker, monkeypatch):
    job, began, _ = blocked()
    worker.submit("a", job)
    assert began.wait(5)
    real_wait, calls = job._ended.wait, []

    def interrupted(timeout=None):
        if not calls:
            calls.append(1)
            raise KeyboardInterrupt
        return real_wait(timeout)

    monkeypatch.setattr(job._ended, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        job.wait()
    with pytest.raises(CancelledError):
        job.wait()


def test_a_listener_that_raises_does_not_hang_who_waits(worker):
    job = Job(lambda job: 1, lambda job: 1 / 0)
    worker.submit("a", job)
    assert job.wait() == 1
    after = Job(lambda job: 2)
    worker.submit("a", after)
    assert after.wait() == 2


def test_cache_is_bounded_and_forgets_the_oldest():
    cache = ByteCache(limit=10)
    cache.put("a", 1, 4)
    cache.put("b", 2, 4)
    assert cache.get("a") == 1
    cache.put("c", 3, 4)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    cache.put("d", 4, 11)
    assert cache.get("d") is None and cache.get("c") == 3
    cache.put("c", 5, 8)
    assert cache.get("c") == 5 and cache.get("a") is None


def test_long_work_gives_way_to_what_waits(worker):
    """Between two steps of a long job the jobs that came meanwhile are done, in order; then it goes on."""
    order, begun, gate = [], threading.Event(), threading.Event()

    def long(_job):
        order.append("long begins")
        begun.set()
        assert gate.wait(10)
        worker.give_way()
        order.append("long ends")

    outer = Job(long)
    worker.submit("long", outer)
    assert begun.wait(10)
    shorts = [Job(lambda _job, n=n: order.append(f"short {n}")) for n in range(2)]
    for n, job in enumerate(shorts):
        worker.submit(f"short {n}", job)
    gate.set()
    outer.wait()
    assert order == ["long begins", "short 0", "short 1", "long ends"]


def test_long_work_does_not_give_way_to_long_work(worker):
    """Two long jobs stay in the order they were asked for; a short one goes before both."""
    order, begun, gate = [], threading.Event(), threading.Event()

    def long(_job):
        begun.set()
        assert gate.wait(10)
        worker.give_way()
        order.append("first")

    first, second, short = Job(long), Job(lambda _job: order.append("second")), Job(lambda _job: order.append("short"))
    first.long = second.long = True
    worker.submit("first", first)
    assert begun.wait(10)
    worker.submit("second", second)
    worker.submit("short", short)
    gate.set()
    second.wait()
    assert order == ["short", "first", "second"]


def test_a_job_that_gave_way_is_still_replaced(worker):
    """While a short job runs inside it, a newer one of its own slot cancels it."""
    begun, gate, inside, go = (threading.Event() for _ in range(4))

    def long(job):
        begun.set()
        assert gate.wait(10)
        worker.give_way()
        if job.cancelled:
            raise CancelledError
        return "went on"

    def short(_job):
        inside.set()
        assert go.wait(10)

    outer, newer = Job(long), Job(lambda _job: "newer")
    worker.submit("slot", outer)
    assert begun.wait(10)
    worker.submit("short", Job(short))
    gate.set()
    assert inside.wait(10)
    worker.submit("slot", newer)
    go.set()
    with pytest.raises(CancelledError):
        outer.wait()
    assert newer.wait() == "newer"


def test_giving_way_elsewhere_does_nothing(worker):
    """Only the worker's own thread may run its jobs."""
    worker.give_way()
