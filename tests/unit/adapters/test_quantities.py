"""The explained number from logits: every quantity against the textbook, and its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.adapters import plain
from xai_widgets.adapters import quantities
from xai_widgets.core.targets import Target

CASES: list[dict[str, Any]] = [
    {"quantity": "logit"},
    {"quantity": "log_prob"},
    {"quantity": "prob"},
    {"quantity": "entropy"},
    {"quantity": "kl"},
    {"quantity": "logit_diff", "contrast_ids": (4, 1), "contrast_texts": ("d", "e")},
    {"quantity": "logit", "contrast_ids": (4, 1), "contrast_texts": ("d", "e")},
    {"quantity": "log_prob", "contrast_ids": (4, 1), "contrast_texts": ("d", "e")},
    {"quantity": "prob", "contrast_ids": (4, 1), "contrast_texts": ("d", "e")},
]


def make(**changes: Any) -> tuple[Target, torch.Tensor, torch.Tensor]:
    target = Target((3, 7), ("a", "b"), **changes)
    generator = torch.Generator().manual_seed(0)
    return target, torch.randn(5, 2, 11, generator=generator) * 3, torch.randn(2, 11, generator=generator)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_equals_the_textbook(case):
    target, logits, reference = make(**case)
    got = quantities.rows(logits, target, torch.log_softmax(reference, -1)).numpy()
    for v in range(5):
        for i in range(2):
            contrast = target.contrast_ids[i] if target.contrast_ids else None
            wanted = plain.number(logits[v, i].numpy(), target.ids[i], contrast, target.quantity, reference[i].numpy())
            assert got[v, i] == pytest.approx(wanted, abs=2e-6)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivative_equals_finite_differences(case):
    target, logits, reference = make(**case)
    reference = torch.log_softmax(reference, -1)
    leaf = logits.clone().requires_grad_()
    (grad,) = torch.autograd.grad(quantities.rows(leaf, target, reference).sum(), leaf)
    step = 1e-2
    for index in [(0, 0, 3), (1, 1, 7), (2, 0, 4), (3, 1, 1), (4, 0, 9)]:
        up, down = logits.clone(), logits.clone()
        up[index] += step
        down[index] -= step
        slope = (quantities.rows(up, target, reference).sum() - quantities.rows(down, target, reference).sum()) / (
            2 * step
        )
        assert float(grad[index]) == pytest.approx(float(slope), abs=2e-3)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_number_is_the_sum_of_the_rows(case):
    each, logits, reference = make(**case)
    together, _, _ = make(**case, each=False)
    reference = torch.log_softmax(reference, -1)
    got = quantities.rows(logits, together, reference)
    assert got.shape == (5, 1)
    torch.testing.assert_close(got[:, 0], quantities.rows(logits, each, reference).sum(-1))


def test_half_precision_logits_give_float32_numbers():
    target, logits, _ = make()
    half = logits.to(torch.bfloat16)
    got = quantities.rows(half, target)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, quantities.rows(half.float(), target))


def test_chunks_do_not_change_numbers(monkeypatch):
    target, logits, _ = make()
    whole = quantities.rows(logits, target)
    monkeypatch.setattr(quantities, "_CHUNK_NUMBERS", 11)
    torch.testing.assert_close(quantities.rows(logits, target), whole, rtol=0, atol=0)


def test_kl_of_a_distribution_with_itself_is_zero_even_where_tokens_are_ruled_out():
    target, logits, _ = make(quantity="kl")
    logits[..., 5] = -torch.inf
    same = torch.log_softmax(logits[0], -1)
    np.testing.assert_allclose(quantities.rows(logits[0], target, same).numpy(), 0.0, atol=1e-6)


def test_kl_without_a_reference_is_our_mistake():
    target, logits, _ = make(quantity="kl")
    with pytest.raises(ValueError, match="reference"):
        quantities.rows(logits, target)
