"""How long does each of several ways take? Interleaved runs: once around untimed, then best and median of at least three.

Ways may live in this process or in others (see `peers`): a way is a function that runs once and says what it cost. Standard
library only, so that a peer's environment can import it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ONCE_ABOVE: Final = 60.0
"""Seconds above which the first run counts and is the only one: the table then says n = 1."""


@dataclass(frozen=True)
class Cost:
    """What one run took: wall seconds, processor seconds of its process, bytes above the start at the highest point.

    Attributes:
        size: characters or bytes of what came out, where that is a text or bytes.
    """

    seconds: float
    processor: float
    peak: int | None = None
    size: int | None = None


Way = Callable[[], Cost]

_SHARED: Final = "XAI_WIDGETS_BENCHMARK_SHARED"


def share_machine() -> None:
    """From now on, here and in processes started from here: one thread, and its processor time instead of wall time.

    For a machine on which others are at work: threads that wait for each other measure those others. To be called before torch is
    imported.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ[_SHARED] = "1"


def shared() -> bool:
    """Whether `share_machine` was called."""
    return _SHARED in os.environ


def clock() -> float:
    """Seconds that count."""
    return time.process_time() if shared() else time.perf_counter()


def once(work: Callable[[], object], device: str = "cpu") -> Cost:
    """Run `work` once: memory is given back before it, so that what it needs shows as growth; a GPU is waited for."""
    gc.collect()
    forget = _reset_peak(device)
    used, start = time.process_time(), clock()
    result = work()
    _wait(device)
    seconds, processor = clock() - start, time.process_time() - used
    peak = _peak(device)
    size = len(result) if isinstance(result, (str, bytes)) else None
    del result
    return Cost(seconds, processor, None if peak is None or forget is None else peak - forget, size)


def local(work: Callable[[], object], device: str = "cpu") -> Way:
    """A way that runs in this process."""
    return lambda: once(work, device)


@dataclass
class Row:
    """All runs of one way.

    Attributes:
        costs: of the timed runs. peaks: of all runs, the untimed one included.
        failed: why there are none.
    """

    costs: list[Cost] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    failed: str = ""

    @property
    def best(self) -> float:
        """Seconds of the fastest run; not a number where there is none."""
        return min((c.seconds for c in self.costs), default=float("nan"))

    @property
    def median(self) -> float:
        """Seconds of the run in the middle."""
        return statistics.median(c.seconds for c in self.costs) if self.costs else float("nan")

    @property
    def peak(self) -> int | None:
        """Bytes above the start at the highest point of any run."""
        return max(self.peaks, default=None)

    @property
    def processor(self) -> float:
        """Least processor seconds of any run: what others do to the machine shows less in it than in wall time."""
        return min((c.processor for c in self.costs), default=float("nan"))

    @property
    def cores(self) -> float:
        """Processor seconds for each second: less than the threads asked for means that others were using the machine."""
        return statistics.median(c.processor / c.seconds for c in self.costs) if self.costs else float("nan")


def interleaved(ways: Mapping[str, Way], repetitions: int = 3, *, warm: int = 1) -> dict[str, Row]:
    """Run all ways in turn, `warm` times untimed and `repetitions` times timed.

    A way that takes more than `ONCE_ABOVE` seconds the first time is not run again; that run counts. One that fails is not
    run again and says why.
    """
    rows = {name: Row() for name in ways}
    over: set[str] = set()
    for turn in range(-warm, repetitions):
        for name, way in ways.items():
            if name in over:
                continue
            row = rows[name]
            try:
                cost = way()
            except Exception as error:  # noqa: BLE001 - a peer may fail in any way; the table says it
                row.failed = f"{type(error).__name__}: {str(error).strip()[:200]}"
                over.add(name)
                print(f"  {name} failed: {row.failed}", file=sys.stderr)
                continue
            if cost.peak is not None:
                row.peaks.append(cost.peak)
            slow = cost.seconds > ONCE_ABOVE
            if turn >= 0 or slow:
                row.costs.append(cost)
            if slow:
                over.add(name)
            print(f"  {'warm-up' if turn < 0 else f'run {turn + 1}'} {name}: {cost.seconds:.3f} s", file=sys.stderr)
    return rows


def table(rows: Mapping[str, Row], *, first: str = "", unit: float = 1.0, name: str = "s") -> list[str]:
    """Lines of a Markdown table: best and median seconds, peak, runs, processor use, and best against the row `first`."""
    head = ["", f"best {name}", f"median {name}", "peak MiB", "n", f"processor {name}", "cores used"]
    head += [f"against {first}"] if first else []
    lines = [_line(head), "|---" * len(head) + "|"]
    for label, row in rows.items():
        cells = [label, "not measured"] + [""] * (len(head) - 2)
        if row.costs:
            peak = "" if row.peak is None else f"+{row.peak / 2**20:.0f}"
            cells = [label, f"{row.best / unit:.3g}", f"{row.median / unit:.3g}", peak, str(len(row.costs))]
            cells += [f"{row.processor / unit:.3g}", f"{row.cores:.2f}"]
            cells += [f"{row.best / rows[first].best:.2f}x"] if first else []
        lines.append(_line(cells))
    return lines + [f"\n{label} failed after {len(r.costs)} runs: {r.failed}" for label, r in rows.items() if r.failed]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def ratio(rows: Mapping[str, Row], peers: Sequence[str], ours: str) -> tuple[float, str] | None:
    """The fastest of `peers` over ours, and its name; None where no peer was measured."""
    found = [(rows[p].best / rows[ours].best, p) for p in peers if p in rows and rows[p].costs]
    return min(found) if found and rows[ours].costs else None


def _reset_peak(device: str) -> int | None:
    """Start a new high-water mark; bytes in use now. None where the system can't say."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return int(torch.cuda.memory_allocated())
    try:
        trim: Any = ctypes.CDLL(None).malloc_trim
        trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):
        return None
    return _status("VmRSS")


def _peak(device: str) -> int | None:
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated())
    return _status("VmHWM")


def _status(name: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":")), None)


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()
