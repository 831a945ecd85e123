"""Two models beside each other: may they be compared on a text, and what are they called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xai_widgets.core.ask import Ask
from xai_widgets.core.errors import TokenizerError, ValueRefusedError
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.resolve import read

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter


def comparable(adapter: ModelAdapter, versus: ModelAdapter, ask: Ask) -> Tokens:
    """The text as the other model reads it, which must be as this one does; nothing runs.

    Raises:
        TokenizerError: it reads other tokens, or has another vocabulary. ValueRefusedError: it has another number of layers.
    """
    if versus.n_layers != adapter.n_layers:
        raise ValueRefusedError(
            "versus", given=f"{versus.n_layers} layers", accepted=f"{adapter.n_layers} layers, as of {adapter.name}",
            hint="compare checkpoints of one model, or make a view of each; xw.CKA compares every layer with every layer",
        )  # fmt: skip
    ours, theirs = read(adapter, ask)[0], read(versus, ask)[0]
    same = ours.ids.tolist() == theirs.ids.tolist() and adapter.d_vocab == versus.d_vocab
    if same and adapter.tokenizer_fingerprint != versus.tokenizer_fingerprint:
        same = adapter.tokenizer.get_vocab() == versus.tokenizer.get_vocab()
    if not same:
        raise TokenizerError(
            "The two models don't read this text as the same tokens, so they can't be compared on it.",
            given=f"{len(ours)} tokens of {adapter.d_vocab:,} by {adapter.name}, {len(theirs)} of {versus.d_vocab:,} by {versus.name}",
            accepted="two models with the same vocabulary", hint="make a view of each",
        )  # fmt: skip
    return theirs


def told_apart(first: str, second: str) -> tuple[str, str]:
    """Two names, numbered where they are the same."""
    return (first, second) if first != second else (f"{first} (1)", f"{second} (2)")
