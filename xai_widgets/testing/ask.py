"""A question in one line, for tests and examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.targets import Quantity, Question, Target
from xai_widgets.core.tokens import UnitKind


def ask(
    adapter: ModelAdapter,
    source: str | Sequence[Mapping[str, str]] | Sequence[int],
    target: str | Sequence[int] | None = None,
    contrast: str | Sequence[int] | None = None,
    *,
    quantity: Quantity = "log_prob",
    unit: UnitKind = "token",
    spans: Sequence[tuple[int, int]] | None = None,
    each: bool = True,
    reference: str | None = None,
) -> Question:
    """The question about `source` whose target (the most probable next token if None) is given as text or ids.

    >>> from xai_widgets.adapters.tiny import tiny
    >>> "".join(ask(tiny("llama"), "One two three", target=" four").target.texts)
    ' four'
    """
    tokens = adapter.tokenize(source)
    ids = (adapter.candidates(tokens, 1)[0].id,) if target is None else _ids(adapter, target)
    contrast_ids = () if contrast is None else _ids(adapter, contrast)
    return Question(
        tokens,
        tokens.units(unit, spans),
        Target(
            ids,
            tuple(adapter.token_text(i) for i in ids),
            contrast_ids,
            tuple(adapter.token_text(i) for i in contrast_ids),
            quantity,
            each,
            adapter.tokenize(reference) if reference is not None else None,
        ),
    )


def _ids(adapter: ModelAdapter, target: str | Sequence[int]) -> tuple[int, ...]:
    return adapter.continuation(target) if isinstance(target, str) else tuple(int(i) for i in target)
