"""Who wrote one logit of a text, on its model's worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ModelError, ValueRefusedError
from xai_widgets.core.parts import LogitShares
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.resolve import next_tokens, read
from xai_widgets.jobs.versus import comparable, told_apart

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter


@dataclass(frozen=True, eq=False)
class Split:
    """A logit that was split.

    Attributes:
        ask: what was typed. tokens: what the model read. shares: of the one target.
        target, other: what is explained, and the contrast or None. candidates: next tokens. parts: answers more.
        name: of this version, where two are compared. versus: the same tokens' logit in the other model; difference: this less
            that, both read at this run's scale of the last norm.
    """

    ask: Ask
    tokens: Tokens
    shares: LogitShares
    target: NextToken
    other: NextToken | None
    candidates: tuple[NextToken, ...]
    parts: Any = field(repr=False)
    name: str = ""
    versus: Split | None = None
    difference: LogitShares | None = None

    def of(self, version: int) -> Split:
        """This split (0), or the one it is compared with (1)."""
        if version not in (0, 1) or (version == 1 and self.versus is None):
            accepted = "0" if self.versus is None else "0 or 1"
            raise ValueRefusedError(
                "version", given=str(version), accepted=accepted, hint="versions are counted from 0"
            )
        return self.versus if version == 1 and self.versus is not None else self


class Splitting(Looking[Ask, Split]):
    """A conversation about who wrote what; another target of the same text runs the model no more.

    `versus`: another model, whose split of the same logit is beside it.
    """

    def __init__(self, adapter: ModelAdapter, ask: Ask, versus: ModelAdapter | None = None) -> None:
        """Nothing runs yet."""
        super().__init__(adapter, ask, self._split)
        self.versus = versus

    def _split(self, ask: Ask, context: Context, _on_part: Callable[[Split], None] | None) -> Split:
        before, second = self.seen, self.versus
        if second is None:
            return _split(self.adapter, ask, before, context)
        comparable(self.adapter, second, ask)
        names = told_apart(self.adapter.name, second.name)
        first = _split(self.adapter, ask, before, context)
        same = replace(ask, target=first.target.id, contrast=None if first.other is None else first.other.id)
        other = _split(second, same, None if before is None else before.versus, context)
        if other.shares.components != first.shares.components:
            raise ModelError(
                "The two models have other parts in their layers.", given=_less(other.shares, first.shares),
                accepted="two models with the same parts, layer by layer", hint="make a view of each",
            )  # fmt: skip
        there = other.parts.look(context, list(other.shares.ids), list(other.shares.contrast_ids), first.shares.scale)
        difference = first.shares.minus(there)
        return replace(first, name=names[0], versus=replace(other, name=names[1]), difference=difference)


def _split(adapter: ModelAdapter, ask: Ask, before: Split | None, context: Context) -> Split:
    tokens, _ = read(adapter, ask)
    same = before is not None and before.ask.source == ask.source and before.parts.fingerprint == adapter.fingerprint
    parts = before.parts if same and before else INSPECTORS["direct_logit_attribution"](adapter, tokens)
    target, candidates = next_tokens(adapter, tokens, ask.target, context)
    other = None if ask.contrast is None else next_tokens(adapter, tokens, ask.contrast, context)[0]
    shares = parts.look(context, [target.id], [] if other is None else [other.id])
    return Split(ask, tokens, shares, target, other, candidates, parts)


def _less(found: LogitShares, wanted: LogitShares) -> str:
    missing = [name for name in wanted.components if name not in found.components]
    more = [name for name in found.components if name not in wanted.components]
    return "; ".join(
        f"{what} {', '.join(names[:4])}" for what, names in (("without", missing), ("with", more)) if names
    )
