"""From a question to its answer, on whatever thread calls it: read, find the candidates, run the method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xai_widgets.core.ask import Ask, Finding, Generated, NextToken
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import XaiError
from xai_widgets.core.explanation import Explanation, Row
from xai_widgets.core.methods import make
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Quantity, Question, Target
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.cache import ByteCache
from xai_widgets.jobs.resolve import chosen, read, resolve

if TYPE_CHECKING:
    from collections.abc import Hashable

    from xai_widgets.adapters.base import ModelAdapter

ASK_ABOVE_SECONDS = 10.0
"""A shown view asks before it starts anything longer."""

N_CANDIDATES = 10

FINDINGS: ByteCache[Finding] = ByteCache()
"""Answers of this process, by model weights and question."""

WRITTEN: ByteCache[tuple[NextToken, ...]] = ByteCache(4_000_000)
"""What models wrote, by model weights and ids."""

_NUMBERS: tuple[Quantity, ...] = ("prob", "logit")


class NeedsYesError(Exception):
    """The run would take long and nobody said yes yet."""

    def __init__(self, cost: Cost) -> None:
        """Keep the cost for the question."""
        super().__init__(str(cost))
        self.cost = cost


@dataclass(frozen=True)
class Seen:
    """What is known before the method starts: enough to draw the new input."""

    ask: Ask
    question: Question
    candidates: tuple[NextToken, ...]
    generated: tuple[NextToken, ...]


def answer(
    adapter: ModelAdapter,
    ask: Ask,
    context: Context,
    *,
    confirmed: bool = True,
    on_seen: Callable[[Seen], None] | None = None,
) -> Finding:
    """Answer a question, from the cache if the same model was asked the same before.

    Raises:
        NeedsYesError: not `confirmed`, and the method would run for more than `ASK_ABOVE_SECONDS`.
        XaiError: anything wrong with the question, the model or the method.
    """
    explainer = make(EXPLAINERS[ask.method], ask.params)
    adapter.require(*explainer.needs)
    tokens, generated = _read(adapter, ask, context)
    key: Hashable = (adapter.fingerprint, adapter.tokenizer_fingerprint, adapter.dtype, adapter.device, ask.key)
    known = FINDINGS.get(key)
    if known is not None:
        return replace(known, ask=ask, generated=generated)
    seen = _see(adapter, ask, tokens, generated, context)
    if on_seen:
        on_seen(seen)
    cost = explainer.cost(adapter, seen.question)
    if not confirmed and cost.seconds is not None and cost.seconds > ASK_ABOVE_SECONDS:
        raise NeedsYesError(cost)
    context.check()
    explanation: Explanation = explainer.explain(adapter, seen.question, context)
    finding = Finding(ask, explanation, seen.candidates, generated, seen.question.target.quantity, adapter.name)
    FINDINGS.put(key, finding, _size(finding))
    return finding


def write(adapter: ModelAdapter, ask: Ask, max_new_tokens: int, context: Context) -> Ask:
    """The same question after the model wrote on; targets among what it wrote before are forgotten."""
    prompt, _ = read(adapter, replace(ask, generated=(), target=None))
    whole = adapter.generate(prompt, max_new_tokens, context)
    ids = tuple(int(i) for i in whole.ids[len(prompt) :])
    target = None if isinstance(ask.target, Generated) else ask.target
    return replace(ask, generated=ids, target=target)


def see(adapter: ModelAdapter, ask: Ask, context: Context) -> Seen:
    """Read the input, predict the next token, and settle what is explained."""
    tokens, generated = _read(adapter, ask, context)
    return _see(adapter, ask, tokens, generated, context)


def _read(adapter: ModelAdapter, ask: Ask, context: Context) -> tuple[Tokens, tuple[NextToken, ...]]:
    tokens, whole = read(adapter, ask)
    return tokens, _written(adapter, whole, context) if whole.n_prompt < len(whole) else ()


def _written(adapter: ModelAdapter, whole: Tokens, context: Context) -> tuple[NextToken, ...]:
    """What the model wrote, with the probability and logit each token had: one pass each, kept while it is clicked on."""
    ids = tuple(int(i) for i in whole.ids)
    key = (adapter.fingerprint, adapter.tokenizer_fingerprint, adapter.dtype, adapter.device, ids, whole.n_prompt)
    known = WRITTEN.get(key)
    if known is None:
        prompt, later = whole.head(whole.n_prompt), list(whole)[whole.n_prompt :]
        numbers = {}
        for quantity in _NUMBERS:
            target = Target(tuple(t.id for t in later), tuple(t.text for t in later), quantity=quantity)
            numbers[quantity] = adapter.value(Question(prompt, prompt.units(), target), context)
        known = tuple(
            NextToken(t.id, t.text, float(numbers["prob"][i]), float(numbers["logit"][i])) for i, t in enumerate(later)
        )
        WRITTEN.put(key, known, 200 * len(whole))
    return known


def _see(adapter: ModelAdapter, ask: Ask, tokens: Tokens, generated: tuple[NextToken, ...], context: Context) -> Seen:
    found = adapter.candidates(tokens, N_CANDIDATES, context, also=chosen(adapter, ask))
    candidates = tuple(NextToken(c.id, c.text, c.prob, c.logit) for c in found)
    return Seen(ask, resolve(adapter, ask, tokens, candidates), candidates, generated)


def blank(seen: Seen) -> Explanation:
    """An explanation of the right shape in which nothing is known yet (all NaN), for the first picture of a new input."""
    target, question = seen.question.target, seen.question
    texts = target.texts if target.each else ("".join(target.texts),)
    contrasts = target.contrast_texts if target.each else ("".join(target.contrast_texts),)
    rows = tuple(
        Row(t, target.ids[i] if target.each else -1, contrasts[i] if contrasts and contrasts[0] else "")
        for i, t in enumerate(texts)
    )
    return Explanation(
        np.full((len(rows), len(question.units)), np.nan, dtype=np.float32),
        ("target", "pos"),
        question.tokens,
        question.units,
        rows,
        unit=target.unit,
    )


def method_costs(adapter: ModelAdapter, ask: Ask, names: list[str], context: Context) -> dict[str, Cost | str]:
    """For each method its cost on this question, or the reason why it can't be asked."""
    question = see(adapter, ask, context).question
    out: dict[str, Cost | str] = {}
    for name in names:
        try:
            explainer = make(EXPLAINERS[name], ask.params if name == ask.method else {})
            adapter.require(*explainer.needs)
            out[name] = explainer.cost(adapter, question)
        except XaiError as error:
            out[name] = error.problem
    return out


def _size(finding: Finding) -> int:
    explanation = finding.explanation
    error = explanation.quality.standard_error
    return explanation.scores.nbytes + (error.nbytes if error is not None else 0) + 400 * len(explanation.tokens) + 4096


__all__ = ["ASK_ABOVE_SECONDS", "FINDINGS", "NeedsYesError", "Seen", "answer", "blank", "method_costs", "see", "write"]
