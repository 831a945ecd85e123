"""Queries, keys and values kept for later questions: one budget for all texts of this process, the oldest dropped first."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict

from xai_widgets.adapters.base import AttentionCall

LIMIT = 256 << 20
"""Bytes, on whatever device they are."""

Key = tuple[str, int, int]
"""Stack, layer and number of a call."""


def key_of(call: AttentionCall) -> Key:
    """Which call of its text it is."""
    return (call.stack, call.layer, call.nth)


class KeptCalls:
    """Calls by who asked for them; those of an owner that is gone go with it. Safe from several threads."""

    def __init__(self) -> None:
        """Nothing is kept."""
        self._calls: OrderedDict[tuple[int, Key], AttentionCall] = OrderedDict()
        self._owners: set[int] = set()
        self._lock = threading.RLock()

    def get(self, owner: object, key: Key) -> AttentionCall | None:
        """The call, now the last to be dropped; None if it was dropped or never kept."""
        with self._lock:
            found = self._calls.get((id(owner), key))
            if found is not None:
                self._calls.move_to_end((id(owner), key))
            return found

    def put(self, owner: object, call: AttentionCall) -> None:
        """Keep a call; one that is larger than the whole budget is kept alone."""
        with self._lock:
            if id(owner) not in self._owners:
                self._owners.add(id(owner))
                weakref.finalize(owner, self._forget, id(owner))
            place = (id(owner), key_of(call))
            self._calls[place] = call
            self._calls.move_to_end(place)
            while len(self._calls) > 1 and sum(c.nbytes for c in self._calls.values()) > LIMIT:
                self._calls.popitem(last=False)

    def count(self, owner: object) -> int:
        """How many calls of an owner are kept."""
        with self._lock:
            return sum(1 for place in self._calls if place[0] == id(owner))

    def _forget(self, owner: int) -> None:
        with self._lock:
            self._owners.discard(owner)
            for place in [p for p in self._calls if p[0] == owner]:
                del self._calls[place]


KEPT = KeptCalls()
"""Of this process."""
