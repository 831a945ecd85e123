"""The explained number, from the logits at the predicting positions: one definition for scores and for gradients.

Everything is computed in float32, whatever the model's dtype, and is differentiable in the logits.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from xai_widgets.core.targets import Target

_CHUNK_NUMBERS: Final = 1 << 20
"""Logits handled at once when no gradient is wanted: small enough to stay in a CPU's cache."""


def per_token(
    logits: Tensor, target: Target, at: Tensor | None = None, reference_log_probs: Tensor | None = None
) -> Tensor:
    """The explained number at each predicting position.

    Args:
        logits: [n, d_vocab], any float dtype.
        target: what is explained.
        at: [n] index of the target token each row of `logits` predicts; None: rows are the target tokens in order.
        reference_log_probs: [target token, d_vocab] float32, needed for `kl` only.

    Returns:
        float32 [n]. `logit`: the target's logit; `log_prob`, `prob`: of the target; with a contrast the difference
        target - contrast of the same quantity (`logit_diff` is that of `logit`); `entropy` and
        `kl` = KL(reference || now) in nats.
    """
    at = torch.arange(len(target.ids), device=logits.device) if at is None else at
    if torch.is_grad_enabled() and logits.requires_grad:
        return _numbers(logits, target, at, reference_log_probs)
    step = max(1, _CHUNK_NUMBERS // logits.shape[-1])
    parts = [
        _numbers(logits[i : i + step], target, at[i : i + step], reference_log_probs)
        for i in range(0, logits.shape[0], step)
    ]
    return torch.cat(parts) if parts else logits.new_zeros(0, dtype=torch.float32)


def rows(logits: Tensor, target: Target, reference_log_probs: Tensor | None = None) -> Tensor:
    """Numbers along the target axis: float32 [.., row] from logits [.., target token, d_vocab].

    One row a target token, or their sum where `target.each` is False.
    """
    shape = logits.shape[:-1]
    at = torch.arange(shape[-1], device=logits.device).expand(shape).reshape(-1)
    numbers = per_token(logits.reshape(-1, logits.shape[-1]), target, at, reference_log_probs)
    return sum_rows(numbers.reshape(shape), target)


def sum_rows(numbers: Tensor, target: Target) -> Tensor:
    """[.., target token] to [.., row]."""
    return numbers if target.each else numbers.sum(-1, keepdim=True)


def _numbers(logits: Tensor, target: Target, at: Tensor, reference: Tensor | None) -> Tensor:
    logits = logits.float()
    quantity = target.quantity
    if quantity == "entropy":
        log_probs = torch.log_softmax(logits, -1)
        return -(log_probs.exp() * log_probs).sum(-1)
    if quantity == "kl":
        if reference is None:
            raise ValueError("kl needs the log-probabilities of its reference")
        # log(0) - log(0) would be NaN where the reference rules a token out: such tokens add nothing
        return (
            torch.nn.functional.kl_div(torch.log_softmax(logits, -1), reference[at], log_target=True, reduction="none")
            .nan_to_num(0.0)
            .sum(-1)
        )
    wanted = _pick(logits, target.ids, at)
    other = _pick(logits, target.contrast_ids, at) if target.contrast_ids else None
    if quantity in ("logit", "logit_diff"):
        return wanted if other is None else wanted - other
    if quantity == "log_prob" and other is not None:
        return wanted - other
    normaliser = torch.logsumexp(logits, -1)
    if quantity == "log_prob":
        return wanted - normaliser
    prob = (wanted - normaliser).exp()
    return prob if other is None else prob - (other - normaliser).exp()


def _pick(logits: Tensor, ids: tuple[int, ...], at: Tensor) -> Tensor:
    chosen = torch.tensor(ids, device=logits.device)[at]
    return logits.gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
