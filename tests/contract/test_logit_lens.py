"""The lens equals the unembedded hidden states, cell by cell, and every number taken from it is that of the whole distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, CapabilityError, ModelError, ValueRefusedError
from xai_widgets.core.lens import LensGrid
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.explainers.lens import logit_lens as module
from xai_widgets.explainers.lens.logit_lens import LogitLens
from xai_widgets.explainers.lens.vocabulary import best, candidates, divergence, entropy

TEXT = "The cat sat on the mat, and the cat sat"
KINDS = ("llama", "gpt2", "gemma2", "gpt_neox", "mistral")
kinds = pytest.mark.parametrize("kind", KINDS)


def opened(kind: str) -> LogitLens:
    """A tiny model's lens over the text."""
    lm = tiny(kind, tokenizer=byte_tokenizer())
    found = INSPECTORS["logit_lens"](lm, lm.tokenize(TEXT))
    assert isinstance(found, LogitLens)
    return found


def unembedded(kind: str, ids: list[int]) -> Tensor:
    """Log-probabilities [stream, pos, d_vocab] by the model's own hidden states, final norm, head and soft cap."""
    model = tiny_model(kind, vocab_size=len(byte_tokenizer()))
    inner = getattr(model, "model", None) or getattr(model, "transformer", None) or model.gpt_neox
    norm = getattr(inner, "norm", None) or getattr(inner, "ln_f", None) or inner.final_layer_norm
    streams: list[Tensor] = []
    handle = norm.register_forward_pre_hook(lambda _module, args: streams.append(args[0]))
    with torch.no_grad():
        output = model(torch.tensor([ids]), output_hidden_states=True, use_cache=False)
        handle.remove()
        hidden = [*output.hidden_states[:-1], streams[0]]
        logits = torch.stack([model.get_output_embeddings()(norm(h))[0] for h in hidden])
        cap = getattr(model.config, "final_logit_softcapping", None)
        logits = logits if not cap else torch.tanh(logits / cap) * cap
        assert torch.allclose(logits[-1], output.logits[0], atol=1e-5)
    return torch.log_softmax(logits, -1)


@kinds
def test_every_cell(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens, probabilities, rank, entropy, divergence and agreement, also where rows come in several parts."""
    monkeypatch.setattr(module, "CPU_ROWS", 7)
    lens = opened(kind)
    truth = unembedded(kind, lens.tokens.ids.tolist())
    grid = lens.look(Context(), 4)
    assert grid.known.all()
    assert grid.streams[:2] == ("embedding", "layer 0")
    assert len(grid.streams) == len(truth)
    wanted = truth.topk(4, -1)
    assert np.abs(grid.prob - wanted.values.exp().numpy()).max() < 1e-5
    same = truth.gather(-1, torch.from_numpy(grid.top).long()).numpy()
    assert np.abs(same - wanted.values.numpy()).max() < 1e-4, "another token only where two are as probable"
    pos, token = len(lens.tokens) - 3, 77
    followed = lens.follow(pos, token, Context())
    own = truth[:, pos, token]
    assert followed.rank.tolist() == (truth[:, pos] > own[:, None]).sum(-1).tolist()
    assert np.abs(followed.prob - own.exp().numpy()).max() < 1e-6
    cell = lens.cell(1, pos, 5, Context())
    assert [c.id for c in cell] == truth[1, pos].topk(5).indices.tolist()
    assert cell[0].prob == pytest.approx(float(truth[1, pos].max().exp()), abs=1e-5)
    assert np.abs(lens.measure("entropy", Context()) + (truth.exp() * truth).sum(-1).numpy()).max() < 1e-4
    divergences = (truth[-1].exp() * (truth[-1] - truth)).sum(-1).numpy()
    assert np.abs(lens.measure("kl", Context()) - divergences).max() < 1e-4
    agreement = (truth.argmax(-1) == truth[-1].argmax(-1)).numpy()
    assert (lens.measure("agreement", Context()) == agreement).all()


def test_the_last_position_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts grow from the end; what is not read yet is -1; a part is not changed by what comes later."""
    monkeypatch.setattr(module, "CPU_ROWS", 40)
    lens, parts = opened("llama"), list[LensGrid]()
    whole = lens.look(Context(), 2, parts.append)
    n = len(lens.tokens)
    assert parts[0].known.tolist() == [False] * (n - 1) + [True]
    counts = [int(part.known.sum()) for part in parts]
    assert counts == sorted(set(counts))
    assert counts[-1] < n
    for part in parts:
        assert (part.top[:, ~part.known] == -1).all()
        assert (part.top[:, part.known] == whole.top[:, part.known]).all()


def test_best_is_topk() -> None:
    """Equal to `topk` for widths that do and don't fill blocks, with equal and infinite entries."""
    generator = torch.Generator().manual_seed(0)
    for width in (5, 256, 1000, 1024, 3000):
        logits = torch.randn(6, width, generator=generator)
        logits[1] = 0.0
        logits[2, : width // 2] = -torch.inf
        for k in (1, 3):
            ids, values = best(logits, k)
            wanted = logits.topk(k, -1)
            assert torch.equal(values, wanted.values)
            assert torch.equal(logits.gather(1, ids), values)
            assert all(len(set(row)) == k for row in ids.tolist())


def test_numbers_of_rows_with_tokens_ruled_out() -> None:
    """Minus infinity has no probability, no entropy and no divergence."""
    logits = torch.tensor([[0.0, 0.0, -torch.inf, -torch.inf]])
    assert candidates(logits.clone(), 2)[1].tolist() == [[0.5, 0.5]]
    assert float(entropy(logits.clone())) == pytest.approx(np.log(2), abs=1e-6)
    assert float(divergence(torch.log_softmax(logits, -1), logits.clone())) == 0.0


def test_refusals() -> None:
    """Positions, tokens and layers out of range; another model's weights; cancelled between parts."""
    lens = opened("llama")
    n = len(lens.tokens)
    for call in (
        lambda: lens.follow(n, 3, Context()),
        lambda: lens.follow(-1, 3, Context()),
        lambda: lens.follow(0, 10**6, Context()),
        lambda: lens.cell(99, 0, 3, Context()),
    ):
        with pytest.raises(ValueRefusedError):
            call()
    with pytest.raises(CancelledError):
        opened("llama").look(Context(is_cancelled=lambda: True), 2)
    with torch.no_grad():
        lens.adapter.model.get_input_embeddings().weight.add_(1.0)
    with pytest.raises(ModelError, match="changed"):
        lens.follow(0, 3, Context())
    lm = tiny("llama", tokenizer=byte_tokenizer())
    lm._capabilities["resume"] = type(lm.capabilities["resume"])(False, "a reason")
    with pytest.raises(CapabilityError, match="a reason"):
        LogitLens(lm, lm.tokenize(TEXT))
