"""What machine gave these numbers, how busy was it, and how fast does it multiply?"""

from __future__ import annotations

import os
import platform
from pathlib import Path

import timing

BUSY = 0.5
"""Load average (1 minute) before the first run above which the machine was not ours alone."""


def line(device: str = "cpu") -> str:
    """Processor, cores, load average, threads and library versions in one sentence. Imports torch."""
    from importlib.metadata import version

    import torch

    parts = [processor(), f"{os.cpu_count()} cores", f"torch {torch.__version__} on {torch.get_num_threads()} threads"]
    parts += [f"transformers {version('transformers')}", f"Python {platform.python_version()}", load()]
    if timing.shared():
        parts.append("one thread, its processor time instead of wall time")
    if device.startswith("cuda"):
        parts.insert(0, torch.cuda.get_device_name(device))
    return ", ".join(parts)


def load() -> str:
    """Load average, with a warning where others were using the machine."""
    if not hasattr(os, "getloadavg"):
        return "load unknown"
    now = os.getloadavg()[0]
    return f"load average {now:.1f}" + (" (BUSY: others were using it)" if now > BUSY else "")


def gflops(device: str = "cpu", n: int = 2048, repetitions: int = 8) -> float:
    """Fastest float32 product of two n x n matrices, in 1e9 operations a second."""
    import torch

    a, b = torch.randn(n, n, device=device), torch.randn(n, n, device=device)
    best = float("inf")
    for _ in range(repetitions + 1):
        start = timing.clock()
        torch.mm(a, b)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        best = min(best, timing.clock() - start)
    return 2 * n**3 / best / 1e9


def processor() -> str:
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((text.split(":", 1)[1].strip() for text in lines if text.startswith("model name")), platform.machine())
