"""Who wrote one logit of a text, on its model's worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.context import Context
from xai_widgets.core.parts import LogitShares
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.resolve import next_tokens, read

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter


@dataclass(frozen=True, eq=False)
class Split:
    """A logit that was split.

    Attributes:
        ask: what was typed. tokens: what the model read. shares: of the one target.
        target, other: what is explained, and the contrast or None. candidates: next tokens. parts: answers more.
    """

    ask: Ask
    tokens: Tokens
    shares: LogitShares
    target: NextToken
    other: NextToken | None
    candidates: tuple[NextToken, ...]
    parts: Any = field(repr=False)


class Splitting(Looking[Ask, Split]):
    """A conversation about who wrote what; another target of the same text runs the model no more."""

    def __init__(self, adapter: ModelAdapter, ask: Ask) -> None:
        """Nothing runs yet."""
        super().__init__(adapter, ask, self._split)

    def _split(self, ask: Ask, context: Context, _on_part: Callable[[Split], None] | None) -> Split:
        adapter, before = self.adapter, self.seen
        tokens, _ = read(adapter, ask)
        same = (
            before is not None and before.ask.source == ask.source and before.parts.fingerprint == adapter.fingerprint
        )
        parts = before.parts if same and before else INSPECTORS["direct_logit_attribution"](adapter, tokens)
        target, candidates = next_tokens(adapter, tokens, ask.target, context)
        other = None if ask.contrast is None else next_tokens(adapter, tokens, ask.contrast, context)[0]
        shares = parts.look(context, [target.id], [] if other is None else [other.id])
        return Split(ask, tokens, shares, target, other, candidates, parts)
