"""Answers kept for the next time they are asked for, bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class ByteCache(Generic[V]):
    """Least recently used first out, by size. Safe from several threads."""

    def __init__(self, limit: int = 64_000_000) -> None:
        """Hold at most `limit` bytes; one larger value is not kept at all."""
        self._limit, self._size = limit, 0
        self._items: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> V | None:
        """The value, now the most recently used; None if it is not there."""
        with self._lock:
            item = self._items.get(key)
            if item is None:
                return None
            self._items.move_to_end(key)
            return item[0]

    def put(self, key: Hashable, value: V, size: int) -> None:
        """Keep a value of `size` bytes."""
        with self._lock:
            if key in self._items:
                self._size -= self._items.pop(key)[1]
            if size > self._limit:
                return
            self._items[key] = (value, size)
            self._size += size
            while self._size > self._limit:
                _, (_, gone) = self._items.popitem(last=False)
                self._size -= gone
