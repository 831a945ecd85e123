"""What a person asked (`Ask`) and what came of it (`Finding`): the two values that are shown, saved and reopened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from xai_widgets.core.explanation import Explanation
from xai_widgets.core.targets import Quantity
from xai_widgets.core.tokens import UnitKind

DEFAULT_METHOD = "leave_one_out"
"""Contrastive when a contrast is given. Chosen by evidence: see the method's own text."""

Messages = tuple[tuple[str, str], ...]
"""Chat messages as (role, content) pairs."""


@dataclass(frozen=True)
class Generated:
    """The `index`-th token the model wrote, as a target: explained from everything before it."""

    index: int


TargetChoice = None | str | int | Generated | tuple[str | int, ...]
"""None: the most probable next token. A text (one token or a span), a vocabulary id, a generated token, or a
sequence of ids and one-token texts."""


@dataclass(frozen=True)
class Ask:
    """One question as it was typed or clicked, not yet looked at by a model.

    Attributes:
        source: a text, chat messages, or token ids.
        generated: ids the model wrote after it, kept so that each can be a target.
        target, contrast: see `TargetChoice`; no contrast is None.
        quantity: what number; None means logit_diff with a contrast and log_prob without.
        each: one row of scores for each target token, or one for their sum.
        method, params: registered name and the parameters that were given.
        unit, spans: how positions are grouped.
        reference: for `kl`, the text compared with.
        seed: for methods that draw.
    """

    source: str | Messages | tuple[int, ...]
    generated: tuple[int, ...] = ()
    target: TargetChoice = None
    contrast: TargetChoice = None
    quantity: Quantity | None = None
    each: bool = True
    method: str = DEFAULT_METHOD
    params: Mapping[str, Any] = field(default_factory=dict)
    unit: UnitKind = "token"
    spans: tuple[tuple[int, int], ...] | None = None
    reference: str | None = None
    seed: int = 0

    @property
    def kind(self) -> str:
        """`text`, `chat` or `ids`."""
        if isinstance(self.source, str):
            return "text"
        return "chat" if self.source and isinstance(self.source[0], tuple) else "ids"

    @property
    def messages(self) -> list[dict[str, str]]:
        """Chat messages as everybody writes them; empty if the source is none."""
        if self.kind != "chat":
            return []
        return [{"role": role, "content": text} for role, text in cast("Messages", self.source)]

    @property
    def typed(self) -> str | list[dict[str, str]] | list[int]:
        """The source as a person would type it."""
        if isinstance(self.source, str):
            return self.source
        return self.messages or [i for i in self.source if isinstance(i, int)]

    @property
    def key(self) -> tuple[Any, ...]:
        """Hashable form: equal asks of the same model have equal explanations.

        What was generated counts only as far as the target looks back on it.
        """
        seen = self.generated[: self.target.index + 1] if isinstance(self.target, Generated) else ()
        return (
            self.source,
            seen,
            self.target,
            self.contrast,
            self.quantity,
            self.each,
            self.method,
            repr(sorted(self.params.items())),
            self.unit,
            self.spans,
            self.reference,
            self.seed,
        )

    def changed(self, **changes: Any) -> Ask:  # noqa: ANN401 - field values
        """A copy; a new source forgets what was generated and targets that pointed into it."""
        if "source" in changes and changes["source"] != self.source:
            changes.setdefault("generated", ())
            if isinstance(self.target, Generated):
                changes.setdefault("target", None)
            changes.setdefault("spans", None)
            if self.unit == "spans":
                changes.setdefault("unit", "token")
        return replace(self, **changes)


@dataclass(frozen=True)
class NextToken:
    """A possible (or generated) next token with the probability and logit it had there."""

    id: int
    text: str
    prob: float
    logit: float


@dataclass(frozen=True)
class Finding:
    """An answered question: enough to draw, save and reopen it without a model.

    Attributes:
        ask: the question. explanation: the numbers.
        candidates: most probable tokens at the (first) target's place, most probable first.
        generated: what the model wrote, if it was asked to.
        quantity: the quantity that was used.
        model_name: for the header.
    """

    ask: Ask
    explanation: Explanation
    candidates: tuple[NextToken, ...] = ()
    generated: tuple[NextToken, ...] = ()
    quantity: str = ""
    model_name: str = ""
