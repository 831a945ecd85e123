"""CKA of residual streams: against formulas written out, what it must not notice, and why it is debiased."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.cka import LayerCKA
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, TokenizerError, ValueRefusedError
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens
from xai_widgets.explainers.comparing.cka import CKA, by_chance, centred, u_centred

HERE = Context()
IDS = ([5, 9, 40, 7, 12, 90, 33, 61], [17, 30, 4, 9, 8, 77])


def plain(x: np.ndarray, y: np.ndarray) -> float:
    """Of two sets of samples, by the package's Gram matrices."""
    return cosine(centred(x @ x.T), centred(y @ y.T))


def debiased(x: np.ndarray, y: np.ndarray) -> float:
    """The same without bias."""
    return cosine(u_centred(x @ x.T), u_centred(y @ y.T))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of two matrices as vectors."""
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def by_features(x: np.ndarray, y: np.ndarray) -> float:
    """Kornblith et al. 2019, their form for a linear kernel: |Y'X|^2 / (|X'X| |Y'Y|) of centred samples."""
    x, y = x - x.mean(0), y - y.mean(0)
    norm = np.linalg.norm
    return float(norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y)))


def unbiased_hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Its definition as a U-statistic: the mean over all (i, j, q, r) that differ of K_ij (L_ij + L_qr - 2 L_iq)."""
    k, ell = x @ x.T, y @ y.T
    terms = [k[i, j] * (ell[i, j] + ell[q, r] - 2 * ell[i, q]) for i, j, q, r in permutations(range(len(x)), 4)]
    return float(np.mean(terms))


def test_is_registered() -> None:
    """By its name, where the view looks."""
    assert INSPECTORS["cka"] is CKA


def test_plain_is_kornblith_s() -> None:
    """Gram matrices and features give the same."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 7))
    y = x[:, :3] @ rng.normal(size=(3, 11)) + rng.normal(size=(30, 11))
    assert plain(x, y) == pytest.approx(by_features(x, y), rel=1e-9)
    assert 0.1 < plain(x, y) < 0.9


def test_debiased_is_the_u_statistic() -> None:
    """Over all quadruples of seven samples, for all three terms."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(7, 4)) + 3
    y = x @ rng.normal(size=(4, 5)) + rng.normal(size=(7, 5))
    wanted = unbiased_hsic(x, y) / np.sqrt(unbiased_hsic(x, x) * unbiased_hsic(y, y))
    assert debiased(x, y) == pytest.approx(wanted, rel=1e-9)
    product = (u_centred(x @ x.T) * u_centred(y @ y.T)).sum() / (7 * 4)
    assert product == pytest.approx(unbiased_hsic(x, y), rel=1e-9)


@pytest.mark.parametrize("measure", [plain, debiased])
def test_what_it_does_not_notice(measure: Any) -> None:
    """A rotation, one scale, a shift: nothing; scales of single directions: something."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40, 12)) * np.geomspace(0.1, 3, 12)
    turn, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    assert measure(x, x) == pytest.approx(1)
    assert measure(x, 7.5 * x @ turn + 4) == pytest.approx(1, abs=1e-9)
    assert measure(x, x @ np.diag(np.geomspace(3, 0.1, 12))) < 0.9


def test_why_debiased() -> None:
    """Independent samples of a width far above their number: plain says they are nearly the same, debiased that they are not.

    Twenty draws, so that what is about 0 is told from what is only sometimes: its mean is within three standard errors of it.
    """
    n, widths = 60, (576, 768)
    rng = np.random.default_rng(3)
    pairs = [(rng.normal(size=(n, widths[0])), rng.normal(size=(n, widths[1]))) for _ in range(20)]
    usual = np.array([plain(x, y) for x, y in pairs])
    without = np.array([debiased(x, y) for x, y in pairs])
    assert usual.min() > 0.9
    assert usual.mean() == pytest.approx(by_chance(n, widths), abs=0.01)
    assert abs(without.mean()) < 3 * without.std(ddof=1) / np.sqrt(20)
    assert np.abs(without).max() < 0.1


def compared(lm: ModelAdapter, versus: ModelAdapter | None = None, **more: Any) -> LayerCKA:
    """Of the two short texts."""
    other = versus or lm
    texts = [(lm.tokenize(ids), other.tokenize(ids)) for ids in IDS]
    return CKA(lm, texts, versus, **more).look(HERE)


def streams(lm: ModelAdapter, ids: list[int]) -> list[np.ndarray]:
    """What enters the first block of a Llama and leaves each, by hooks on the user's own model."""
    whole: Any = lm.model
    seen: list[torch.Tensor] = []
    handles = [whole.model.layers[0].register_forward_pre_hook(lambda _m, given: seen.append(given[0][0]))]
    handles += [b.register_forward_hook(lambda _m, _a, out: seen.append(out[0])) for b in whole.model.layers]
    with torch.no_grad():
        whole(torch.tensor([ids]), use_cache=False)
    for handle in handles:
        handle.remove()
    return [s.reshape(len(ids), -1).double().numpy() for s in seen]


def test_streams_are_the_model_s() -> None:
    """Every cell from hooks and the written-out formula; first positions are left out, or not."""
    a, b = tiny("llama"), tiny("llama", seed=1)
    for first in (False, True):
        found = compared(a, b, first=first)
        own, other = (
            [
                np.concatenate(rows)
                for rows in zip(*([s[not first :] for s in streams(lm, ids)] for ids in IDS), strict=True)
            ]
            for lm in (a, b)
        )
        wanted = np.array([[by_features(x, y) for y in other] for x in own])
        np.testing.assert_allclose(found.plain, wanted, rtol=1e-4, atol=1e-5)
        wanted = np.array([[debiased(x, y) for y in other] for x in own])
        np.testing.assert_allclose(found.debiased, wanted, rtol=1e-4, atol=1e-5)
        assert found.n == 12 + 2 * first
    assert found.rows == found.columns == ("embedding", "layer 0", "layer 1", "layer 2")


def test_identical_models() -> None:
    """1 on the diagonal, and the same both ways; a model beside itself is one beside a copy."""
    one, two = compared(tiny("llama")), compared(tiny("llama"), tiny("llama"))
    for found in (one, two):
        np.testing.assert_allclose(found.diagonal, 1, atol=1e-6)
        np.testing.assert_allclose(np.diagonal(found.plain), 1, atol=1e-6)
        np.testing.assert_allclose(found.debiased, found.debiased.T, atol=1e-6)
    np.testing.assert_allclose(one.debiased, two.debiased, atol=1e-6)
    assert one.of("embedding", "layer 2") == (one.debiased[0, 3], one.plain[0, 3])


def test_before_a_changed_layer_nothing_changed() -> None:
    """A layer's weights are others: from its stream on, and only from there, the two differ."""
    other = tiny("llama")
    with torch.no_grad():
        other.model.get_submodule("model.layers.1.mlp.down_proj").get_parameter("weight").mul_(-3)
    found = compared(tiny("llama"), other)
    np.testing.assert_allclose(found.diagonal[:2], 1, atol=1e-6)
    assert found.diagonal[2] < 0.99
    assert found.diagonal[3] < 0.99


def test_other_widths_and_numbers_of_layers() -> None:
    """GPT-2 beside a Gemma with a layer more: all pairs."""
    found = compared(tiny("gpt2"), tiny("gemma2"))
    assert found.debiased.shape == (4, 5)
    assert np.isfinite(found.debiased).all()
    assert len(found.diagonal) == 4


def test_a_stream_that_is_the_same_everywhere() -> None:
    """Is beside nothing: not a number, rather than 0."""
    lm = tiny("llama")
    tokens = lm.tokenize([5] * 8)
    found = CKA(lm, [(tokens, tokens)]).look(HERE)
    assert np.isnan(found.debiased[0]).all()
    assert np.isnan(found.plain[:, 0]).all()


def test_a_part_of_many_positions() -> None:
    """As many as asked for, the same for the same seed, others for another."""
    lm = tiny("llama")
    rng = np.random.default_rng(4)
    texts = [(t, t) for t in (lm.tokenize(rng.integers(3, 200, 20).tolist()) for _ in range(4))]
    some, again, other = (CKA(lm, texts, most=30, seed=seed).look(HERE) for seed in (0, 0, 1))
    every = CKA(lm, texts).look(HERE)
    assert (some.n, every.n) == (30, 76)
    np.testing.assert_array_equal(some.debiased, again.debiased)
    assert np.abs(some.debiased - other.debiased).max() > 1e-3
    assert np.abs(some.debiased - every.debiased).max() < 0.3


def spoken(lm: ModelAdapter, texts: list[str]) -> list[Tokens]:
    """Texts as a model reads them."""
    return [lm.tokenize(text) for text in texts]


def test_texts_cut_differently() -> None:
    """Positions have no counterparts, which is said; the mean of each text has."""
    words = byte_tokenizer()
    words.add_tokens([" cat", " dog"])
    a, b = tiny("llama", tokenizer=byte_tokenizer()), tiny("llama", tokenizer=words)
    texts = ["the cat sat", "a dog ran home", "the dog sat down", "no cat here", "one cat, one dog"]
    pairs = list(zip(spoken(a, texts), spoken(b, texts), strict=True))
    with pytest.raises(TokenizerError, match='per="text"'):
        CKA(a, pairs, b)
    found = CKA(a, pairs, b, per="text").look(HERE)
    assert (found.n, found.per, found.n_texts) == (5, "text", 5)
    assert np.isfinite(found.debiased).all()
    means = [np.stack([streams(a, t.ids.tolist())[-1][1:].mean(0) for t, _ in pairs])]
    means.append(np.stack([streams(b, t.ids.tolist())[-1][1:].mean(0) for _, t in pairs]))
    assert found.plain[-1, -1] == pytest.approx(by_features(*means), rel=1e-4)


def test_refusals() -> None:
    """Too few samples; a cancel between texts."""
    lm = tiny("llama")
    few = lm.tokenize([5, 6, 7, 8])
    with pytest.raises(ValueRefusedError, match="at least 4 positions"):
        CKA(lm, [(few, few)])
    assert CKA(lm, [(few, few)], first=True).n == 4
    with pytest.raises(ValueRefusedError, match="at least 4 texts"):
        CKA(lm, [(few, few)] * 3, per="text")
    with pytest.raises(CancelledError):
        CKA(lm, [(few, few)] * 3).look(Context(is_cancelled=lambda: True))


def test_the_loudest_sample() -> None:
    """The part of a stream's variance that one sample has, from hooks."""
    lm = tiny("llama")
    own = [np.concatenate(rows) for rows in zip(*([s[1:] for s in streams(lm, ids)] for ids in IDS), strict=True)]
    sizes = [((s - s.mean(0)) ** 2).sum(1) for s in own]
    found = compared(lm)
    np.testing.assert_allclose(found.loudest[0], [size.max() / size.sum() for size in sizes], rtol=1e-5)
    np.testing.assert_array_equal(*found.loudest)


def test_first_positions_alone_decide_on_a_real_model(lm: ModelAdapter) -> None:
    """Why they are left out: with them all middle layers of the default model look the same, to a hundredth."""
    texts = [
        (t, t)
        for t in spoken(lm, ["The capital of France is Paris, a large city.", "Water freezes at zero degrees Celsius."])
    ]
    without, with_them = (CKA(lm, texts, first=first).look(HERE) for first in (False, True))
    middle = slice(15, 28)
    assert with_them.debiased[middle, middle].min() > 0.99
    assert without.debiased[middle, middle].min() < 0.9
    assert with_them.loudest[0][middle].min() > 0.4
    assert without.loudest[0][middle].max() < 0.4
