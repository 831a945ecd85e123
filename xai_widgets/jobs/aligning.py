"""How alike two models' streams are over some texts, on the first one's worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xai_widgets.core.cka import LayerCKA, Per
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.versus import told_apart

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter


@dataclass(frozen=True)
class Comparison:
    """What is compared: `texts`, what one sample is, how many at most, whether first positions count, and the seed of the draw."""

    texts: tuple[str, ...]
    per: Per
    most: int
    first: bool
    seed: int


@dataclass(frozen=True, eq=False)
class Aligned:
    """What came of it, with the models' names and fingerprints as they were then."""

    comparison: Comparison
    cka: LayerCKA
    names: tuple[str, str]
    fingerprints: tuple[str, str]


class Aligning(Looking[Comparison, Aligned]):
    """A conversation about two models, or one beside itself (`versus` None)."""

    def __init__(self, adapter: ModelAdapter, comparison: Comparison, versus: ModelAdapter | None) -> None:
        """Nothing runs yet."""
        super().__init__(adapter, comparison, self._align)
        self.versus = versus

    def _align(self, ask: Comparison, context: Context, _on_part: Callable[[Aligned], None] | None) -> Aligned:
        found = inspector(self.adapter, self.versus, ask).look(context)
        second = self.versus or self.adapter
        alone = second is self.adapter
        names = (second.name, second.name) if alone else told_apart(self.adapter.name, second.name)
        return Aligned(ask, found, names, (self.adapter.fingerprint, second.fingerprint))


def inspector(adapter: ModelAdapter, versus: ModelAdapter | None, ask: Comparison):  # type: ignore[no-untyped-def]  # noqa: ANN201 - registered
    """What answers; refuses at once what can't be compared, and runs nothing yet."""
    if not ask.texts:
        raise ValueRefusedError(
            "texts", given="none", accepted="at least one text", hint='texts=["one text", "another"]'
        )
    second = versus or adapter
    read = [(adapter.tokenize(text), second.tokenize(text)) for text in ask.texts]
    return INSPECTORS["cka"](adapter, read, versus, per=ask.per, most=ask.most, first=ask.first, seed=ask.seed)
