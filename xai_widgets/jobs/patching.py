"""What is patched on its model's worker: an estimate of every cell at once, then exact rows, the most telling first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from xai_widgets.core.ask import Ask, NextToken, TargetChoice
from xai_widgets.core.context import Context
from xai_widgets.core.errors import TargetError
from xai_widgets.core.patching import Ablation, Followed, Noise, Number, PatchGrid
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.scores import correlation
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.looking import Looking
from xai_widgets.jobs.resolve import most_probable, next_tokens, read

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter

EVERY: Final = 0.5
"""Seconds between two parts that are shown."""


@dataclass(frozen=True)
class Pair:
    """What was asked: a prompt, what it is held against, and a number.

    Attributes:
        clean: as typed. corrupted: another prompt as typed, noise on the subject of the clean one, or an ablation.
        direction: `denoise` puts clean states into the corrupted pass, `noise` the reverse; of an ablation without meaning.
        part: what is exchanged; see `explainers.patching.activation_patching`.
        target, other: continuations whose difference is followed. None: what the clean and what the corrupted prompt say next; but no
            `other` where the target has several tokens, or there is no other prompt.
        quantity: of them. None: `prob` under noise (as the paper has it), `log_prob` under an ablation or of several tokens, else `logit`.
    """

    clean: Ask
    corrupted: Ask | Noise | Ablation
    direction: Literal["denoise", "noise"] = "denoise"
    part: Literal["resid", "attn_out", "mlp_out", "head"] = "resid"
    target: TargetChoice = None
    other: TargetChoice = None
    quantity: Followed | None = None


@dataclass(frozen=True)
class Chosen:
    """The number of a look.

    Attributes:
        number: in ids. target, other: as they are listed, with the text of the whole continuation and numbers of its first token.
    """

    number: Number
    target: NextToken
    other: NextToken | None


@dataclass(frozen=True, eq=False)
class Patched:
    """What was patched, so far.

    Attributes:
        pair: what was asked. base, source: what the model read: the pass that is patched, and the one that states come from.
        grid, estimate: exact numbers as far as they were run, and attribution patching's.
        agreement: correlation of both over the cells that were run; NaN before.
        chosen: the number. base_candidates, source_candidates: next tokens of both passes; none of an ablation's source.
        positions: of the noised subject. patching: answers more. seconds: so far.
    """

    pair: Pair
    base: Tokens
    source: Tokens
    grid: PatchGrid
    estimate: PatchGrid
    agreement: float
    chosen: Chosen
    base_candidates: tuple[NextToken, ...]
    source_candidates: tuple[NextToken, ...]
    positions: tuple[int, ...]
    seconds: float
    patching: Any = field(repr=False)


class Exchanging(Looking[Pair, Patched]):
    """A conversation about a prompt and what it is held against; another part of the same runs them no more."""

    def __init__(self, adapter: ModelAdapter, pair: Pair) -> None:
        """Nothing runs yet."""
        super().__init__(adapter, pair, self._exchange)

    def _exchange(self, pair: Pair, context: Context, on_part: Callable[[Patched], None] | None) -> Patched:
        before = self.seen
        same = before is not None and replace(before.pair, part=pair.part) == pair
        kept = before.patching if before and same and before.patching.fingerprint == self.adapter.fingerprint else None
        return look(self.adapter, pair, context, on_part, kept)


def look(
    adapter: ModelAdapter,
    pair: Pair,
    context: Context,
    on_part: Callable[[Patched], None] | None = None,
    kept: Any = None,  # noqa: ANN401 - the inspector
) -> Patched:
    """Estimate every cell, then run all rows. `on_part` is told of the estimate, and then of rows at most every `EVERY` seconds.

    `kept`: the inspector of a look at the same prompts.

    Raises:
        TargetError: both prompts say the same next, and no target was given. ValueRefusedError: nothing differs.
    """
    start = time.perf_counter()
    clean = read(adapter, pair.clean)[0]
    against = read(adapter, pair.corrupted)[0] if isinstance(pair.corrupted, Ask) else pair.corrupted
    positions = against.positions(clean) if isinstance(against, Noise) else ()
    chosen = choose(adapter, pair, clean, against, context)
    asked = kept or INSPECTORS["activation_patching"](adapter, clean, against, chosen.number, pair.direction)
    estimate = asked.estimate(context, pair.part)
    base_says, source_says = (() if of is None else most_probable(adapter, of) for of in asked.says(context))
    values = np.full_like(estimate.values, np.nan)
    exact = np.zeros(len(values), dtype=bool)
    error: np.ndarray | None = None
    told = time.perf_counter()

    def patched() -> Patched:
        grid = replace(estimate, values=values.copy(), exact=exact.copy(), error=error)
        return Patched(
            pair, asked.base, asked.source, grid, estimate, correlation(grid.values, estimate.values), chosen,
            base_says, source_says, positions, time.perf_counter() - start, asked,
        )  # fmt: skip

    def row(layer: int, numbers: np.ndarray) -> None:
        nonlocal told
        values[layer], exact[layer] = numbers, True
        if on_part is not None and time.perf_counter() - told > EVERY:
            on_part(patched())
            told = time.perf_counter()

    if on_part is not None:
        on_part(patched())
    spread = np.nan_to_num(np.abs(estimate.values - estimate.base)).max(axis=1)
    error = asked.grid(context, np.argsort(-spread).tolist(), row, pair.part).error
    return patched()


def choose(
    adapter: ModelAdapter, pair: Pair, clean: Tokens, against: Tokens | Noise | Ablation, context: Context
) -> Chosen:
    """The number that is followed, with what was left out filled in.

    Raises:
        TargetError: a target that is no token, or both are the same.
    """
    target_ids, target = _continuation(adapter, clean, pair.target, context)
    other_ids: tuple[int, ...] = ()
    other = None
    if pair.other is not None or (isinstance(against, Tokens) and len(target_ids) == 1):
        said = against if isinstance(against, Tokens) else clean
        other_ids, other = _continuation(adapter, said, pair.other, context)
    if other is not None and target_ids == other_ids:
        both = pair.target is None and pair.other is None
        problem = f"Both prompts say {target.text!r} next" if both else f"{target.text!r} is compared with itself"
        raise TargetError(
            f"{problem}, so there is no difference to follow.",
            given=f"target {target.text!r} and contrast {other.text!r}", accepted="two different continuations",
            hint="follow another target or contrast, or change a prompt until it says something else next",
        )  # fmt: skip
    several = max(len(target_ids), len(other_ids)) > 1
    usual: Followed = (
        "prob" if isinstance(against, Noise) else "log_prob" if several or isinstance(against, Ablation) else "logit"
    )
    return Chosen(Number(target_ids, other_ids, pair.quantity or usual), target, other)


def _continuation(
    adapter: ModelAdapter, tokens: Tokens, choice: TargetChoice, context: Context
) -> tuple[tuple[int, ...], NextToken]:
    """Ids of a choice, and its first token's numbers under its whole text. None: the most probable next token."""
    ids: tuple[int, ...] = ()
    if choice is not None:
        parts = choice if isinstance(choice, tuple) else (choice,)
        for part in parts:
            ids += adapter.continuation(part) if isinstance(part, str) else (part,) if isinstance(part, int) else ()
        if not ids or not all(0 <= i < adapter.d_vocab for i in ids):
            raise TargetError(
                "That is no continuation of the prompt.", given=repr(choice), accepted="a text, a token id, or several in a tuple",
                hint="a text is followed as a whole, with the space it begins with",
            )  # fmt: skip
    first, _ = next_tokens(adapter, tokens, ids[0] if ids else None, context)
    if len(ids) < 2:
        return (first.id,), first
    text = choice if isinstance(choice, str) else "".join(adapter.token_text(i) for i in ids)
    return ids, replace(first, text=text)
