"""A circuit of two prompts on their model's worker: every edge scored, then circuits of growing size checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from xai_widgets.core.ask import Ask, NextToken, TargetChoice
from xai_widgets.core.circuit import Check, Circuit, Graph
from xai_widgets.core.context import Context
from xai_widgets.core.errors import TargetError
from xai_widgets.core.patching import Contrast
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.resolve import next_tokens, read

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter

Method = Literal["eap", "eap_ig", "acdc"]
SIZES: Final = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
"""Circuits of the curve, in edges asked for."""
FIRST: Final = 50
"""Edges that are shown before the curve is known."""
ENOUGH: Final = 0.8
"""Share of the difference that the circuit chosen by itself keeps, if one of at most `MOST` edges does."""
MOST: Final = 200
TRIED: Final = 200
"""Strongest edges that ACDC begins with."""


@dataclass(frozen=True)
class Wanted:
    """What was asked.

    Attributes:
        clean, corrupted: as typed. method: `eap`, `eap_ig` or `acdc`. steps: of EAP-IG.
        threshold: of ACDC, the share of the difference below which an edge is taken away.
        size: edges kept; None: the smallest circuit of the curve that keeps `ENOUGH`.
        target, other: as of `jobs.patching.Pair`.
    """

    clean: Ask
    corrupted: Ask
    method: Method = "eap_ig"
    steps: int = 5
    threshold: float = 0.01
    size: int | None = None
    target: TargetChoice = None
    other: TargetChoice = None


@dataclass(frozen=True, eq=False)
class Circuited:
    """A circuit, so far.

    Attributes:
        ask: what was asked. circuit: what there is. candidates: next tokens of the clean and of the corrupted prompt.
        seconds: so far. inspector: answers more.
    """

    ask: Wanted
    circuit: Circuit
    candidates: tuple[tuple[NextToken, ...], tuple[NextToken, ...]]
    seconds: float
    inspector: Any = field(repr=False)


class CircuitFinding(Looking[Wanted, Circuited]):
    """A conversation about two prompts; another method on the same two runs them no more."""

    def __init__(self, adapter: ModelAdapter, wanted: Wanted) -> None:
        """Nothing runs yet."""
        super().__init__(adapter, wanted, self._find)

    def _find(self, wanted: Wanted, context: Context, on_part: Callable[[Circuited], None] | None) -> Circuited:
        before = self.seen
        kept = None
        if before is not None:
            as_before = replace(
                wanted, method=before.ask.method, steps=before.ask.steps, threshold=before.ask.threshold, size=before.ask.size
            )  # fmt: skip
            if as_before == before.ask and before.inspector.fingerprint == self.adapter.fingerprint:
                kept = before.inspector
        return look(self.adapter, wanted, context, on_part, kept)


def look(
    adapter: ModelAdapter,
    wanted: Wanted,
    context: Context,
    on_part: Callable[[Circuited], None] | None = None,
    inspector: Any = None,  # noqa: ANN401 - of a look at the same prompts
) -> Circuited:
    """Score every edge, then check circuits. `on_part` is told of the scores, and then of each check.

    Raises:
        TargetError: both prompts say the same next, and no target was given. ValueRefusedError: nothing differs.
    """
    start = time.perf_counter()
    clean, corrupted = (read(adapter, ask)[0] for ask in (wanted.clean, wanted.corrupted))
    target, of_clean = next_tokens(adapter, clean, wanted.target, context)
    other, of_corrupted = next_tokens(adapter, corrupted, wanted.other, context)
    if target.id == other.id:
        raise TargetError(
            f"Both prompts say {target.text!r} next, so there is no difference to follow.",
            given=f"target {target.text!r} and contrast {other.text!r}", accepted="two different tokens",
            hint="choose a target and a contrast, or prompts with different answers",
        )  # fmt: skip
    asked = inspector or INSPECTORS["edge_attribution"](adapter, clean, corrupted, Contrast(target.id, other.id))
    graph = asked.graph(context, "eap" if wanted.method == "eap" else "eap_ig", wanted.steps)

    def found(size: int, kept: np.ndarray, check: Check | None, curve: list[Check]) -> Circuited:
        circuit = Circuit(
            graph, kept, size, wanted.method, wanted.steps, asked.clean, asked.corrupted, wanted.clean, wanted.corrupted,
            target, other, asked.ends, check, tuple(curve), len(graph), wanted.threshold,
            "", adapter.name,
        )  # fmt: skip
        return Circuited(wanted, circuit, (of_clean, of_corrupted), time.perf_counter() - start, asked)

    def tell(circuited: Circuited) -> None:
        if on_part is not None:
            on_part(circuited)

    if wanted.method == "acdc":
        return found(
            *_pruned(asked, graph, wanted, context, lambda kept: tell(found(wanted.size or TRIED, kept, None, [])))
        )
    first = wanted.size or FIRST
    kept = graph.strongest(first)
    tell(found(first, kept, None, []))
    curve: list[Check] = []
    sizes = [size for size in SIZES if size < len(graph)] or [len(graph)]
    for done, size in enumerate(sizes):
        context.step(done, len(sizes), "circuits")
        curve.append(asked.check(graph, size, graph.strongest(size), context))
        tell(found(first, kept, None, curve))
    context.step(len(sizes), len(sizes), "circuits")
    size = wanted.size or _enough(curve)
    kept = graph.strongest(size)
    check = next((c for c in curve if c.asked == size), None) or asked.check(graph, size, kept, context)
    return found(size, kept, check, curve)


def _pruned(
    asked: Any,  # noqa: ANN401 - the inspector
    graph: Graph,
    wanted: Wanted,
    context: Context,
    on_step: Callable[[np.ndarray], None],
) -> tuple[int, np.ndarray, Check, list[Check]]:
    """Size, what is kept, its check, and no curve."""
    tried = wanted.size or min(TRIED, len(graph))
    kept = asked.pruned(graph, graph.strongest(tried), wanted.threshold, context, on_step)
    check = asked.check(graph, int(kept.sum()), kept, context)
    return int(kept.sum()), kept, check, []


def _enough(curve: list[Check]) -> int:
    """Edges of the smallest circuit that keeps `ENOUGH`; of the largest of at most `MOST` where none does."""
    small = [c for c in curve if c.asked <= MOST] or curve[:1]
    return next((c.asked for c in small if c.faithfulness >= ENOUGH), small[-1].asked)
