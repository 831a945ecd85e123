"""Two models through the lens: nothing between a model and itself, and a change is seen from its layer on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, TokenizerError, ValueRefusedError
from xai_widgets.core.lens import LensDifference
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.explainers.lens import logit_lens

TEXT = "The cat sat on the mat"
KINDS = ("llama", "gpt2", "gemma2", "gpt_neox")


def opened(kind: str = "llama", seed: int = 0) -> ModelAdapter:
    return tiny(kind, seed, tokenizer=byte_tokenizer())


def changed(kind: str, block: int) -> ModelAdapter:
    """A copy whose weights in one block are a tenth larger."""
    lm = opened(kind)
    blocks = next(m for m in lm.model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == lm.n_layers)
    with torch.no_grad():
        for parameter in blocks[block].parameters():
            parameter.mul_(1.1)
    return lm


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_against_itself(kind: str) -> None:
    """Zero in every cell, exactly; also against a copy of it."""
    lm = opened(kind)
    for other in (lm, opened(kind)):
        found = xw.LogitLens(lm, TEXT, versus=other).difference
        assert not found.kl.any()
        assert not found.change.any()
        assert (found.this.top == found.other.top).all()
        assert (found.this.prob == found.other.prob).all()


@pytest.mark.parametrize("block", [0, 1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_layer_that_differs_is_the_one_changed(kind: str, block: int) -> None:
    found = xw.LogitLens(opened(kind), TEXT, versus=changed(kind, block)).difference
    assert not found.kl[: block + 1].any(), "what enters the changed block is the same"
    assert not found.change[: block + 1].any()
    assert (found.kl[block + 1 :] > 0).all()


def test_numbers_are_those_of_both_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against log-probabilities of each model by itself, also where rows come in several parts."""
    monkeypatch.setattr(logit_lens, "CPU_ROWS", 7)
    one, two = opened(), opened(seed=1)
    ids = one.tokenize(TEXT).ids.tolist()
    found = xw.LogitLens(one, TEXT, versus=two).difference

    def whole(lm: ModelAdapter) -> torch.Tensor:
        trace, rows = lm.trace(ids, Context()), list[torch.Tensor]()
        states = torch.cat([trace.streams(i) for i in range(trace.n_streams)])
        lm.readout(trace, states, lambda _, logits: rows.append(torch.log_softmax(logits.double(), -1)), Context(), 9)
        return torch.cat(rows).view(trace.n_streams, len(ids), -1)

    p, q = whole(one), whole(two)
    assert np.abs(found.kl - (q.exp() * (q - p)).sum(-1).numpy()).max() < 1e-4
    first = p.argmax(-1, keepdim=True)
    assert np.abs(found.change - (p.exp() - q.exp()).gather(-1, first)[..., 0].numpy()).max() < 1e-5
    assert (found.this.top[..., 0] == p.argmax(-1).numpy()).all()
    assert (found.other.top[..., 0] == q.argmax(-1).numpy()).all()
    alone = xw.LogitLens(two, TEXT).grid
    assert (alone.top == found.other.top).all()
    assert np.abs(alone.prob - found.other.prob).max() < 1e-6


def test_what_is_not_read_yet_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logit_lens, "CPU_ROWS", 4)
    one, two = opened(), opened(seed=1)
    lenses = [INSPECTORS["logit_lens"](lm, lm.tokenize(TEXT)) for lm in (one, two)]
    parts: list[LensDifference] = []
    whole = INSPECTORS["lens_difference"](*lenses).look(Context(), 2, parts.append)
    assert parts[0].this.known.tolist() == [False] * (len(TEXT) - 1) + [True]
    for part in parts:
        known = part.this.known
        assert np.isnan(part.kl[:, ~known]).all()
        assert (part.kl[:, known] == whole.kl[:, known]).all()
    assert np.isfinite(whole.kl).all()


def test_refusals() -> None:
    """Other tokens, another vocabulary, other layers, a lens of one of them, and no other model at all."""
    lm = opened()
    other = byte_tokenizer()
    other.add_tokens(["cat"])
    with pytest.raises(TokenizerError, match="same tokens"):
        xw.LogitLens(lm, TEXT, versus=xw.wrap(tiny_model("llama", vocab_size=len(other)), other))
    with pytest.raises(ValueRefusedError, match="4 layers"):
        xw.LogitLens(lm, TEXT, versus=opened("gemma2"))
    with pytest.raises(ValueRefusedError, match="versus=other"):
        _ = xw.LogitLens(lm, TEXT).difference
    tuned = xw.TunedLens.train(lm, TEXT, steps=1, on_step=lambda *_: None)
    with pytest.raises(CapabilityError, match="belongs to the model"):
        xw.LogitLens(lm, TEXT, lens=tuned, versus=lm)


def test_another_order_of_the_same_vocabulary_is_refused() -> None:
    """Ids agree, and stand for other words: cells of two such models can't be compared."""
    lm, other = opened(), byte_tokenizer()
    vocabulary = other.get_vocab()
    assert vocabulary["x"] != vocabulary["y"]
    swapped = tiny("llama", tokenizer=byte_tokenizer())
    swapped.tokenizer.get_vocab = lambda: {**vocabulary, "x": vocabulary["y"], "y": vocabulary["x"]}
    swapped._tokenizer_state = (
        (len(swapped.tokenizer), str(swapped.tokenizer.special_tokens_map), str(swapped.tokenizer.chat_template)),
        "another",
    )
    with pytest.raises(TokenizerError):
        xw.LogitLens(lm, TEXT, versus=swapped)
