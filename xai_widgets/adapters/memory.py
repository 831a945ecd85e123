"""Whether an error means that memory ran out, on any device."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from xai_widgets.core.errors import OutOfMemoryError

_CPU_TEXTS = ("can't allocate memory", "not enough memory", "cannot allocate memory", "alloc_cpu", "out of memory")


def ran_out(error: BaseException) -> bool:
    """True for torch's out-of-memory errors, its CPU allocator's plain RuntimeError, and Python's own."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error).lower() for text in _CPU_TEXTS)


def give_back() -> None:
    """Collect what the failed call left, and hand cached device memory back."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def fitting(what: str, n_tokens: int) -> Iterator[None]:
    """Inside, memory that runs out is an `OutOfMemoryError` that names what did not fit."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        raise OutOfMemoryError(what, n_tokens=n_tokens) from error
