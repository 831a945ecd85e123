"""One text whose activations are changed by hand, on its model's worker: next tokens at once, what is written on request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ModelError
from xai_widgets.core.interventions import Intervention
from xai_widgets.core.sites import Sites
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.resolve import log_softmax, most_probable, read

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter, Trace

N_CANDIDATES: Final = 10
STEPS_KEPT: Final = 100
"""Earlier states that can be gone back to."""


@dataclass(frozen=True)
class Steered:
    """What was asked.

    Attributes:
        text: as typed. interventions: in order. count: tokens to be written.
        settled: a step for undo; one that is not (a slider on its way) is replaced by the next.
    """

    text: Ask
    interventions: tuple[Intervention, ...] = ()
    count: int = 12
    settled: bool = True


@dataclass(frozen=True, eq=False)
class Plain:
    """A text as it is, kept while it is steered.

    Attributes:
        ask, tokens: as typed and as read. fingerprint: of the weights that read it. trace: its pass, None where none can be taken up.
        logits: of the next token, float32 [d_vocab]. norms: median over positions of each stream's norm, [n_layers + 1].
        written: what the model writes after it, by count.
    """

    ask: Ask
    tokens: Tokens
    fingerprint: str
    trace: Trace | None
    logits: np.ndarray
    norms: tuple[float, ...]
    written: dict[int, Tokens] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of it.

    Attributes:
        asked: what was asked. plain: the text without interventions. sites: what can be changed.
        logits: with them, float32 [d_vocab]. kl: nats from the plain next-token distribution to this one; None where nothing is on.
        now: of each intervention, what its activation is in the plain text, float32 [pos]: its norm, of a neuron its value.
        lengths: norm of each direction. before, after: next tokens. seconds: this look took.
    """

    asked: Steered
    plain: Plain
    sites: Sites
    logits: np.ndarray
    kl: float | None
    now: tuple[np.ndarray, ...]
    lengths: tuple[float | None, ...]
    before: tuple[NextToken, ...]
    after: tuple[NextToken, ...]
    seconds: float


class Steering(Looking[Steered, Outcome]):
    """A conversation about one text and what is done to it. The text itself is run once; each change takes its pass up.

    Attributes:
        past: what was asked, oldest first; the last is what is seen.
    """

    def __init__(self, adapter: ModelAdapter, asked: Steered) -> None:
        """Nothing runs yet."""
        super().__init__(adapter, asked, self._steer)
        self.past: list[Steered] = []
        self._plain: Plain | None = None

    def _steer(self, asked: Steered, context: Context, _on_part: Callable[[Outcome], None] | None) -> Outcome:
        start = time.perf_counter()
        adapter, plain = self.adapter, self.plain(asked.text, context)
        sites = adapter.sites()
        ids = plain.tokens.ids.tolist()
        on = [one for one in asked.interventions if one.on]
        for one in asked.interventions:
            sites.check(one)
            one.positions(len(ids))
        logits = plain.logits
        if on:
            logits = _numbers(adapter.intervened(ids, on, context, base=plain.trace)[-1])
        now, lengths = [], []
        for one in asked.interventions:
            rows = _numbers(adapter.recorded(ids, one.what, one.layer, one.index, context))
            now.append(rows[:, 0] if one.what == "neuron" else np.linalg.norm(rows, axis=1))
            found = None if one.direction is None else _numbers(adapter.direction(one.direction, context))
            lengths.append(None if found is None else float(np.linalg.norm(found)))
        self._remember(asked)
        return Outcome(
            asked, plain, sites, logits, divergence(plain.logits, logits) if on else None, tuple(now), tuple(lengths),
            *_both(adapter, plain.logits, logits), time.perf_counter() - start,
        )  # fmt: skip

    def plain(self, ask: Ask, context: Context) -> Plain:
        """The text as it is; run only where it, or the model, is another than before."""
        adapter, kept = self.adapter, self._plain
        fingerprint = adapter.fingerprint
        if kept is not None and kept.ask.source == ask.source and kept.fingerprint == fingerprint:
            return kept
        tokens, _ = read(adapter, ask)
        ids = tokens.ids.tolist()
        if adapter.capabilities["resume"].works:
            trace = adapter.trace(ids, context, edits=False)
            logits = _numbers(trace.logits[-1])
            streams: list[Any] = [trace.streams(i) for i in range(trace.n_streams)]
        else:
            trace = None
            logits = _numbers(adapter.intervened(ids, [], context)[-1])
            n_layers = adapter.sites().n_layers
            streams = [adapter.recorded(ids, "resid", i, None, context) for i in range(n_layers + 1)]
        norms = tuple(float(np.median(np.linalg.norm(_numbers(s).reshape(len(ids), -1), axis=1))) for s in streams)
        self._plain = Plain(ask, tokens, fingerprint, trace, logits, norms)
        return self._plain

    def write(self, seen: Outcome, count: int, context: Context) -> tuple[Tokens, Tokens]:
        """The text followed by what the model writes without and with the interventions.

        Raises:
            ModelError: the weights changed since the picture was made.
        """
        adapter, plain = self.adapter, seen.plain
        if adapter.fingerprint != plain.fingerprint:
            raise ModelError(
                "The model changed since this text was steered.", given="other weights than those of the picture",
                accepted="the same weights", hint="look again: edit the text, or run the cell again",
            )  # fmt: skip
        ids = plain.tokens.ids.tolist()
        on = [one for one in seen.asked.interventions if one.on]
        if count not in plain.written:
            found = adapter.written(ids, [], count, context)
            plain.written[count] = adapter.with_generated(plain.tokens, found)
        usual = plain.written[count]
        if not on:
            return usual, usual
        return usual, adapter.with_generated(plain.tokens, adapter.written(ids, on, count, context))

    def _remember(self, asked: Steered) -> None:
        """Going back drops the last step; a slider on its way is one step."""
        past = self.past
        if past and not past[-1].settled:
            past.pop()
        settled = replace(asked, settled=True)
        if len(past) > 1 and asked.settled and past[-2] == settled:
            past.pop()
        elif not past or past[-1] != settled:
            past.append(asked)
        del past[:-STEPS_KEPT]


def divergence(before: np.ndarray, after: np.ndarray) -> float:
    """Kullback-Leibler divergence, in nats, from the next-token distribution of one row of logits to another's: sum p log(p / q)."""
    p, q = log_softmax(before), log_softmax(after)
    there = np.isfinite(p)
    return float(max(0.0, (np.exp(p[there]) * (p[there] - q[there])).sum()))


def _both(
    adapter: ModelAdapter, before: np.ndarray, after: np.ndarray
) -> tuple[tuple[NextToken, ...], tuple[NextToken, ...]]:
    """The most probable next tokens of both, each followed by those that only the other has."""
    lists = [most_probable(adapter, logits, N_CANDIDATES) for logits in (before, after)]
    full = []
    for logits, own, other in ((before, lists[0], lists[1]), (after, lists[1], lists[0])):
        log_probs, ids = log_softmax(logits), {token.id for token in own}
        more = [t for t in other if t.id not in ids and np.isfinite(logits[t.id])]
        full.append(
            (*own, *(NextToken(t.id, t.text, float(np.exp(log_probs[t.id])), float(logits[t.id])) for t in more))
        )
    return full[0], full[1]


def _numbers(tensor: Any) -> np.ndarray:  # noqa: ANN401 - a torch tensor, which jobs don't know
    found: np.ndarray = tensor.detach().float().cpu().numpy()
    return found


__all__ = ["Outcome", "Plain", "Steered", "Steering", "divergence"]
