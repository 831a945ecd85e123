"""Which embeddings stand for "nothing there" on a path from nothing to the input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.targets import Question
from xai_widgets.explainers.gradient.points import own_embeddings

BASELINE_DOC = 'embedding that stands for absence: "zero", "mean" of the vocabulary, "pad", or a text of one token'


@dataclass(frozen=True)
class Baseline:
    """Embeddings [pos, d_model] (or [sample, pos, d_model]) of absence, and what they are in words."""

    embeddings: Tensor
    words: str


def baseline(adapter: ModelAdapter, question: Question, which: str) -> Baseline:
    """One embedding at every position, special tokens included.

    Args:
        adapter: the model.
        question: gives the number of positions.
        which: `zero`; `mean` of all vocabulary embeddings; `pad`, the tokenizer's pad token; else a text of one token.

    Raises:
        ValueRefusedError: no pad token, or a text that is not one token.
    """
    here = own_embeddings(adapter, question)
    if which == "zero":
        return Baseline(torch.zeros_like(here), "zero embeddings")
    if which == "mean":
        mean = adapter.embedding_table().float().mean(0).to(here.device)
        return Baseline(mean.expand_as(here), "mean embedding of the vocabulary")
    token = _token(adapter, which)
    same = adapter.embed([token] * question.n_pos).float()
    return Baseline(same, f"every token {adapter.token_text(token)!r} (token {token})")


def random_tokens(adapter: ModelAdapter, question: Question, n_samples: int, context: Context) -> Baseline:
    """For each sample, tokens drawn uniformly from the vocabulary at every position: [sample, pos, d_model]."""
    ids = context.rng.integers(0, adapter.d_vocab, size=(n_samples, question.n_pos))
    return Baseline(
        torch.stack([adapter.embed(row.tolist()).float() for row in ids]), "random tokens of the vocabulary"
    )


def _token(adapter: ModelAdapter, which: str) -> int:
    if which == "pad":
        pad = getattr(adapter.tokenizer, "pad_token_id", None)
        if isinstance(pad, int):
            return pad
        raise ValueRefusedError(
            "baseline",
            given="'pad' with a tokenizer that has no pad token",
            accepted='"zero", "mean" or a text of one token',
            hint='use baseline="zero"',
        )
    ids = adapter.continuation(which) if which else ()
    if len(ids) != 1:
        raise ValueRefusedError(
            "baseline",
            given=f"{which!r}, which is {len(ids)} tokens",
            accepted='"zero", "mean", "pad" or a text of one token',
            hint='use baseline="zero"',
        )
    return int(ids[0])
