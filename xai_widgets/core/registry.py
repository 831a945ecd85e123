"""Names to things that add themselves: methods drop in as files, and outside packages by entry point."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from xai_widgets.core.errors import UnknownNameError, ValueRefusedError

T = TypeVar("T")


class Registry(Generic[T]):
    """One list of names for one kind of thing.

    Args:
        what: the word for it in errors ("method").
        package: dotted name whose modules are imported on the first listing, so that each can register itself.
        group: entry-point group through which other installed packages add theirs.
    """

    def __init__(self, what: str, package: str, group: str) -> None:
        """Start empty; nothing is imported yet."""
        self.what, self._package, self._group = what, package, group
        self._items: dict[str, T] = {}
        self._loaded = False
        self._loading = threading.RLock()

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files the thing under `name`; a name taken by another thing raises."""

        def add(item: T) -> T:
            there = self._items.get(name)
            if there is not None and getattr(there, "__module__", None) != getattr(item, "__module__", None):
                raise ValueRefusedError(
                    self.what,
                    given=f"{name!r}, which {there!r} has",
                    accepted="a name of its own",
                    hint="rename one of the two",
                )
            self._items[name] = item
            return item

        return add

    def __getitem__(self, name: str) -> T:
        """The thing of that name; `UnknownNameError` (with the nearest name) if there is none."""
        self.load()
        if name not in self._items:
            raise UnknownNameError(self.what, name, self)
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        """Whether the name is taken."""
        self.load()
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        """Names, sorted."""
        self.load()
        return iter(sorted(self._items))

    def load(self) -> None:
        """Import every module of the package (once) and every entry point of the group."""
        with self._loading:  # a second thread waits for the whole list; a module that lists while it registers does not
            if self._loaded:
                return
            self._loaded = True
            root = importlib.import_module(self._package)
            for module in pkgutil.walk_packages(root.__path__, self._package + "."):
                importlib.import_module(module.name)
            for point in entry_points(group=self._group):
                point.load()


EXPLAINERS: Registry[type] = Registry("method", "xai_widgets.explainers", "xai_widgets.explainers")
"""Attribution methods by registered name."""

INSPECTORS: Registry[type] = Registry("inspector", "xai_widgets.explainers", "xai_widgets.inspectors")
"""What answers a view's many small questions about one text, by registered name: made of (adapter, tokens), asked on the
model's worker."""
