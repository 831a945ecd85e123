"""Which number is explained: the next token or a span, alone or against a contrast, in which quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from xai_widgets.core.errors import TargetError, UnknownNameError
from xai_widgets.core.tokens import Tokens, Units

Quantity = Literal["logit", "log_prob", "prob", "logit_diff", "entropy", "kl"]
"""`logit_diff` needs a contrast. `entropy` and `kl` are of the whole next-token distribution, in nats; `kl` is
KL(reference || now), where the reference is the unchanged input or the text given as `reference`."""

QUANTITY_UNIT: Final[dict[str, str]] = {
    "logit": "logit",
    "log_prob": "log_prob",
    "prob": "prob",
    "logit_diff": "logit",
    "entropy": "nats",
    "kl": "nats",
}


@dataclass(frozen=True)
class Target:
    """The number that is explained, as token ids.

    Attributes:
        ids: the continuation in order, each predicted from the input and the ones before it (teacher forced). One
            entry for the next token. For `entropy` and `kl` it holds the most probable token and only marks the place.
        texts: their texts, for labels.
        contrast_ids, contrast_texts: what each is compared with; empty, or as long as `ids`.
        quantity: see `Quantity`.
        each: one number for each target token; False: one number, their sum.
        reference: the input whose distribution `kl` compares with; None is the unchanged input itself.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    contrast_ids: tuple[int, ...] = ()
    contrast_texts: tuple[str, ...] = ()
    quantity: Quantity = "log_prob"
    each: bool = True
    reference: Tokens | None = None

    def __post_init__(self) -> None:
        """Refuse what could only give a wrong number later."""
        if self.quantity not in get_args(Quantity):
            raise UnknownNameError("quantity", self.quantity, get_args(Quantity))
        if not self.ids:
            raise TargetError(
                "The target has no token.",
                given="an empty target",
                accepted="at least one token",
                hint="leave target out to explain the most probable next token",
            )
        if self.contrast_ids and len(self.contrast_ids) != len(self.ids):
            raise TargetError(
                f'Target "{"".join(self.texts)}" is {_count(self.ids)} and contrast "{"".join(self.contrast_texts)}" '
                f"is {_count(self.contrast_ids)}; they are compared token by token.",
                given=f"target {list(self.texts)}, contrast {list(self.contrast_texts)}",
                accepted="a target and a contrast of the same number of tokens",
                hint=f'use one token of each, for example contrast="{self.contrast_texts[0]}"'
                + (f' with target="{self.texts[0]}"' if len(self.ids) > 1 else "")
                + ", or leave the contrast out to ask for the whole span",
            )
        if self.quantity == "logit_diff" and not self.contrast_ids:
            raise TargetError(
                "A logit difference needs a contrast.",
                given='quantity="logit_diff" without contrast',
                accepted="a contrast token",
                hint='add contrast=" Rome", or use quantity="log_prob"',
            )
        if self.quantity in ("entropy", "kl") and self.contrast_ids:
            raise TargetError(
                f"{self.quantity} is of the whole distribution and has no contrast.",
                given="a contrast",
                accepted="no contrast",
                hint="leave contrast out",
            )

    def __len__(self) -> int:
        """Number of target tokens."""
        return len(self.ids)

    @property
    def n_rows(self) -> int:
        """Length of the target axis: one a token, or one in all."""
        return len(self.ids) if self.each else 1

    @property
    def unit(self) -> str:
        """Unit of the numbers."""
        return QUANTITY_UNIT[self.quantity]


@dataclass(frozen=True)
class Question:
    """Everything a method is asked: the input, how its positions are grouped, and the number to explain."""

    tokens: Tokens
    units: Units
    target: Target

    @property
    def n_pos(self) -> int:
        """Positions of the input, target tokens not counted."""
        return len(self.tokens)


def _count(ids: tuple[int, ...]) -> str:
    return f"{len(ids)} token" + ("s" if len(ids) != 1 else "")
