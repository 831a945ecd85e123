"""From what was typed or clicked to ids: which tokens the model reads and which number is explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from xai_widgets.core.ask import Ask, Generated, NextToken, TargetChoice
from xai_widgets.core.context import Context
from xai_widgets.core.errors import TargetError, TooLongError, ValueRefusedError
from xai_widgets.core.targets import Question, Target
from xai_widgets.core.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xai_widgets.adapters.base import ModelAdapter


def read(adapter: ModelAdapter, ask: Ask) -> tuple[Tokens, Tokens]:
    """The tokens the target is predicted from, and all of them (with everything that was generated)."""
    prompt = adapter.tokenize(ask.messages or cast("str | tuple[int, ...]", ask.source))
    if not ask.generated:
        if isinstance(ask.target, Generated):
            raise TargetError(
                "Nothing was generated yet.",
                given=f"generated token {ask.target.index}",
                accepted="a token the model wrote",
                hint="generate first",
            )
        return prompt, prompt
    whole = adapter.with_generated(prompt, ask.generated)
    if isinstance(ask.target, Generated):
        if not 0 <= ask.target.index < len(ask.generated):
            raise TargetError(
                "That token was not generated.",
                given=f"generated token {ask.target.index}",
                accepted=f"0 to {len(ask.generated) - 1}",
                hint="generate more, or choose one that is there",
            )
        return whole.head(len(prompt) + ask.target.index), whole
    return prompt, whole


def resolve(adapter: ModelAdapter, ask: Ask, tokens: Tokens, candidates: Sequence[NextToken]) -> Question:
    """The question in ids. `candidates` (most probable first) fill in a target that was left out.

    Raises:
        TargetError: a target or contrast that is no token, or of another length than its counterpart.
        TooLongError: input and target together do not fit.
        ValueRefusedError: a vocabulary id out of range.
    """
    ids = _ids(adapter, ask, ask.target, "target") if ask.target is not None else (candidates[0].id,)
    contrast = _ids(adapter, ask, ask.contrast, "contrast") if ask.contrast is not None else ()
    quantity = ask.quantity or ("logit_diff" if contrast else "log_prob")
    reference = None
    if ask.reference is not None:
        if quantity != "kl":
            raise ValueRefusedError(
                "reference",
                given=f"with quantity={quantity!r}",
                accepted='with quantity="kl" only',
                hint='set quantity="kl" or leave reference out',
            )
        reference = adapter.tokenize(ask.reference)
    if len(tokens) + len(ids) - 1 > adapter.max_length:
        raise TooLongError(len(tokens) + len(ids) - 1, adapter.max_length)
    target = Target(
        ids=ids,
        texts=tuple(adapter.token_text(i) for i in ids),
        contrast_ids=contrast,
        contrast_texts=tuple(adapter.token_text(i) for i in contrast),
        quantity=quantity,
        each=ask.each,
        reference=reference,
    )
    return Question(tokens, tokens.units(ask.unit, ask.spans), target)


def next_tokens(
    adapter: ModelAdapter, tokens: Tokens, choice: TargetChoice, context: Context, k: int = 10
) -> tuple[NextToken, tuple[NextToken, ...]]:
    """The token of a choice (a text's first; the most probable where none was made), and the `k` most probable.

    Raises:
        TargetError: it is no token of this model.
    """
    ids: tuple[int, ...] = ()
    if choice is not None:
        ids = adapter.continuation(choice) if isinstance(choice, str) else (choice,) if isinstance(choice, int) else ()
        if not ids or not 0 <= ids[0] < adapter.d_vocab:
            raise TargetError(
                "That is no token.",
                given=repr(choice),
                accepted="a text or a token id",
                hint="a text's first token counts",
            )
    also = list(ids[:1])
    found = [NextToken(c.id, c.text, c.prob, c.logit) for c in adapter.candidates(tokens, k, context, also)]
    return next((c for c in found if c.id in also), found[0]), tuple(found[:k])


def most_probable(adapter: ModelAdapter, logits: np.ndarray, k: int = 10) -> tuple[NextToken, ...]:
    """The `k` most probable tokens of logits [d_vocab]; those that are ruled out are left out."""
    log_probs = log_softmax(logits)
    order = [int(i) for i in np.argsort(-logits)[:k] if np.isfinite(logits[i])]
    return tuple(NextToken(i, adapter.token_text(i), float(np.exp(log_probs[i])), float(logits[i])) for i in order)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities of logits [d_vocab], float64."""
    shifted = logits.astype(np.float64) - logits.max()
    found: np.ndarray = shifted - np.log(np.exp(shifted).sum())
    return found


def chosen(adapter: ModelAdapter, ask: Ask) -> tuple[int, ...]:
    """The first token of the target and of the contrast, as far as they were given: they belong in the list to choose from."""
    given = ((ask.target, "target"), (ask.contrast, "contrast"))
    return tuple(_ids(adapter, ask, choice, what)[0] for choice, what in given if choice is not None and choice != ())


def _ids(adapter: ModelAdapter, ask: Ask, choice: TargetChoice, what: str) -> tuple[int, ...]:
    if isinstance(choice, Generated):
        return (ask.generated[choice.index],)
    if isinstance(choice, int):
        if not 0 <= choice < adapter.d_vocab:
            raise ValueRefusedError(
                what,
                given=f"token id {choice}",
                accepted=f"0 to {adapter.d_vocab - 1}",
                hint="give the text of the token instead",
            )
        return (choice,)
    if isinstance(choice, str):
        ids = adapter.continuation(choice)
        if not ids:
            raise TargetError(
                f"The {what} {choice!r} has no token.",
                given=repr(choice),
                accepted="a text of at least one token",
                hint="leave it out to explain the most probable next token",
            )
        return ids
    out: list[int] = []
    for part in choice or ():
        ids = _ids(adapter, ask, part, what)
        if len(ids) != 1:
            texts = [adapter.token_text(i) for i in ids]
            raise TargetError(
                f"{part!r} is {len(ids)} tokens; in a list each entry is one.",
                given=f"{part!r} = {texts}",
                accepted="one token an entry",
                hint=f"write it as {texts}",
            )
        out += ids
    return tuple(out)
