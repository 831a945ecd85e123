"""What residual streams of a text say, read out, beside another model's, or by a prompt: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from xai_widgets.core.ask import NextToken

IDENTITY: Final = "cat -> cat\n1135 -> 1135\nhello -> hello\n?"
"""The identity prompt of Ghandeharioun et al. 2024 (arXiv 2401.06102): it asks for what stands in the place of the `?`."""


class Translator(Protocol):
    """What brings a stream nearer to the words of the last layer before it is read out; the logit lens has none."""

    def fits(self, adapter: Any) -> tuple[str, ...]:  # noqa: ANN401 - a ModelAdapter
        """What is to be said of using it on this model; raises an `XaiError` where it can't be used."""
        ...

    def words(self) -> str:
        """What it is, for a tooltip."""
        ...

    def translate(self, stream: int, states: Any) -> Any:  # noqa: ANN401 - tensors
        """States [state, d_model] of a stream in the last layer's terms; the last stream is left as it is."""
        ...


@dataclass(frozen=True, eq=False)
class LensLosses:
    """How far each stream's answer is from the final one, in nats: the mean KL(final || stream's), without and with translators.

    Attributes:
        streams: those that have a translator, in order. before, after: float32 [stream], by the logit lens and by this one.
        positions: of so many positions. held_out: whether none of them was trained on.
    """

    streams: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray
    positions: int
    held_out: bool

    def __repr__(self) -> str:
        """A line for each stream."""
        where = f"{self.positions} positions {'held out' if self.held_out else 'that were trained on'}"
        rows = [f"{n:<12}{b:9.3f}{a:9.3f}" for n, b, a in zip(self.streams, self.before, self.after, strict=True)]
        return "\n".join([f"KL(final || stream's), nats, mean of {where}", f"{'':<12}{'before':>9}{'after':>9}", *rows])


@dataclass(frozen=True, eq=False)
class LensGrid:
    """The most probable tokens of each stream at each position.

    Attributes:
        streams: their names in order: what enters the first block, then what leaves each; the last is the model's own answer.
        top: int32 [stream, pos, candidate], ids, most probable first; -1 where a position was not read yet.
        prob: float32 of the same shape; probability over the whole vocabulary.
        known: bool [pos], whether it was read.
        seconds: how long it took so far.
    """

    streams: tuple[str, ...]
    top: np.ndarray
    prob: np.ndarray
    known: np.ndarray
    seconds: float


@dataclass(frozen=True, eq=False)
class Followed:
    """One token in every stream at one position.

    Attributes:
        token: its id. rank: int64 [stream], 0 is the most probable. prob: float32 [stream].
    """

    token: int
    rank: np.ndarray
    prob: np.ndarray


@dataclass(frozen=True, eq=False)
class LensDifference:
    """The same text through the lens of two models, cell by cell; not a number where a position was not read yet.

    Attributes:
        this, other: what each says.
        kl: float32 [stream, pos], KL(other's cell || this one's) in nats: 0 where both say the same.
        change: float32 [stream, pos], the probability this model gives to its own first token there, less the other's of the same token.
    """

    this: LensGrid
    other: LensGrid
    kl: np.ndarray
    change: np.ndarray


@dataclass(frozen=True)
class Scoped:
    """A stream read by putting it into another prompt's pass and letting the model write on (Patchscopes).

    Attributes:
        stream, pos: where it was taken: 0 is what enters the first block.
        prompt: the other prompt's tokens as they are written. at: the position whose stream it replaced. into: which stream there.
        text, ids: what the model then wrote, most probable tokens only.
        candidates: next tokens of the prompt with the stream put in; before: and as it is.
    """

    stream: int
    pos: int
    prompt: tuple[str, ...]
    at: int
    into: int
    text: str
    ids: tuple[int, ...]
    candidates: tuple[NextToken, ...]
    before: tuple[NextToken, ...]
