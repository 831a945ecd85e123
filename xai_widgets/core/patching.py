"""What is changed in a pass (another prompt's states, noise on a subject, an ablation), what is followed, what comes of it: plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

import numpy as np

from xai_widgets.core.errors import UnknownNameError, ValueRefusedError
from xai_widgets.core.tokens import Tokens

Followed = Literal["logit", "log_prob", "prob"]
FOLLOWED: Final[tuple[Followed, ...]] = ("logit", "log_prob", "prob")
Kind = Literal["zero", "mean", "resample"]
KINDS: Final[tuple[Kind, ...]] = ("zero", "mean", "resample")


@dataclass(frozen=True)
class Contrast:
    """The number that is followed: logit of `target`, less that of `other` where there is one, after the last token."""

    target: int
    other: int | None = None


@dataclass(frozen=True)
class Number:
    """The number that is followed: what a continuation of the prompt has, less what another has.

    Attributes:
        target, other: ids of the continuations; no `other` is `()`.
        quantity: `logit` of the one token; `log_prob`, natural logarithm, of the whole continuation (each token read after
            those before it); `prob`, its exponential. The difference of two tokens' logits and that of their log-probabilities are the same.

    Raises:
        ValueRefusedError: no target, or logits of several tokens, which do not add up to anything.
    """

    target: tuple[int, ...]
    other: tuple[int, ...] = ()
    quantity: Followed = "logit"

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        longest = max(len(self.target), len(self.other))
        if not self.target or (self.quantity == "logit" and longest > 1):
            raise ValueRefusedError(
                "number", given=f"{self.quantity} of {longest} tokens", accepted="the logit of one token, or log_prob or prob of any number",
                hint='follow quantity="log_prob" of a target of several tokens',
            )  # fmt: skip


@dataclass(frozen=True)
class Noise:
    """The corrupted run of causal tracing: the same prompt with Gaussian noise on the embeddings of its subject.

    Meng et al. 2022 (ROME, arXiv 2202.05262). Their code takes the deviation over the subjects of a data set; here it is that of all
    entries of the embedding table.

    Attributes:
        subject: its text, as it stands in the prompt (its first occurrence counts), or positions of its tokens.
        scale: standard deviation of the noise, in standard deviations of the embedding table's entries.
        samples: draws; numbers are their mean. seed: of the draws.
        window: layers around a cell whose attention or MLP is restored together; None: `min(10, n_layers / 3)`, at least 1. Of the residual
            stream and of heads it is always 1.
    """

    subject: str | tuple[int, ...]
    scale: float = 3.0
    samples: int = 10
    seed: int = 0
    window: int | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if not isinstance(self.subject, str):
            object.__setattr__(self, "subject", tuple(self.subject))
        _at_least("scale", self.scale, 0.0, strict=True)
        _at_least("samples", self.samples, 1)
        if self.window is not None:
            _at_least("window", self.window, 1)

    def positions(self, tokens: Tokens) -> tuple[int, ...]:
        """Positions of the subject's tokens, ascending.

        Raises:
            ValueRefusedError: it is not in the prompt.
        """
        n = len(tokens)
        if isinstance(self.subject, str):
            start = tokens.text.find(self.subject) if self.subject.strip() else -1
            if start < 0:
                raise _no_subject(repr(self.subject), tokens)
            begin, end = start + len(self.subject) - len(self.subject.lstrip()), start + len(self.subject.rstrip())
            found = [i for i, t in enumerate(tokens) if t.span and t.span[0] < end and t.span[1] > begin]
        else:
            found = sorted({p + n if p < 0 else p for p in self.subject})
        if not found or not 0 <= found[0] <= found[-1] < n:
            raise _no_subject(str(self.subject), tokens)
        return tuple(found)

    def layers_of(self, layer: int, n_layers: int) -> range:
        """Layers that are restored together with this one, as the authors' code counts them."""
        window = min(10, max(1, n_layers // 3)) if self.window is None else self.window
        return range(max(0, layer - window // 2), min(n_layers, layer + (window + 1) // 2))


@dataclass(frozen=True)
class Ablation:
    """What is put in the place of a part, in the pass of the one prompt.

    Attributes:
        kind: `zero`; `mean`, of the part over `texts`; `resample`, what the part is in another text, numbers averaged over them.
        texts: of the same number of tokens as the prompt (a template filled otherwise): the same position is taken, the mean is that of each
            position. Of other lengths: positions after the first are taken together (the first is unlike all others in most models); `resample`
            draws one for each. None: the prompt's own positions after the first.
        samples: of `resample` without texts, how often positions are shuffled. seed: of the draws.
    """

    kind: Kind
    texts: Sequence[str] = ()
    samples: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.kind not in KINDS:
            raise UnknownNameError("ablation", self.kind, KINDS)
        object.__setattr__(self, "texts", (self.texts,) if isinstance(self.texts, str) else tuple(self.texts))
        _at_least("samples", self.samples, 1)


def _at_least(name: str, given: float, least: float, *, strict: bool = False) -> None:
    if not (given > least if strict else given >= least):
        raise ValueRefusedError(
            name,
            given=str(given),
            accepted=f"{'more than' if strict else 'at least'} {least:g}",
            hint=f"choose a larger {name}",
        )


def _no_subject(given: str, tokens: Tokens) -> ValueRefusedError:
    return ValueRefusedError(
        "subject", given=given, accepted=f"a part of the prompt, or positions 0 to {len(tokens) - 1}",
        hint="write it as it stands in the prompt, or choose its tokens",
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class PatchGrid:
    """What patching each cell brings back (or takes away).

    Attributes:
        values: float32 [layer, pos], the number with that cell patched; NaN where it was not run.
        base, source: the number in the pass that is patched, and in the one that states come from; NaN where they come from none
            (an ablation).
        exact: bool [layer], whether a row was run; the others are estimates (or NaN).
        error: float32 [layer, pos], standard error of `values` over draws; None where there is one draw.
    """

    values: np.ndarray
    base: float
    source: float
    exact: np.ndarray
    error: np.ndarray | None = None

    @property
    def recovered(self) -> np.ndarray:
        """0: as without a patch, 1: as in the pass that states come from; float32 [layer, pos]."""
        found: np.ndarray = (self.values - self.base) / (self.source - self.base)
        return found

    @property
    def lost(self) -> np.ndarray:
        """What the number loses with each cell changed, in its own unit: positive where the part serves it; float32 [layer, pos]."""
        found: np.ndarray = self.base - self.values
        return found


def aligned(base: Sequence[int], source: Sequence[int]) -> list[int | None]:
    """For each position of `base` its counterpart in `source`, None where there is none.

    Texts of one length go together position by position. Of others equal runs do, and between them runs that differ in place where
    both are as long; what was put in, left out or replaced by more or fewer has no counterpart.
    """
    if len(base) == len(source):
        return list(range(len(base)))
    found: list[int | None] = [None] * len(base)
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, list(base), list(source), autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and a1 - a0 == b1 - b0):
            found[a0:a1] = range(b0, b1)
    return found
