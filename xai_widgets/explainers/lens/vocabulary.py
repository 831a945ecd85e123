"""Rows of logits, reduced to what is shown of them, without a second copy of the rows."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

BLOCK: Final = 256
"""Logits compared at once: the k largest lie in the k blocks with the largest maxima."""

NUMBERS: Final = 1 << 19
"""Logits gone over several times in a row: 2 MB, so that they stay in a CPU's cache."""


def best(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Ids and logits [row, k] of the k largest in each row, largest first. Exact, and several times faster than `topk` on a CPU."""
    rows, width = logits.shape
    whole = width // BLOCK * BLOCK
    if k > whole // BLOCK:
        values, ids = logits.topk(k, -1)
        return ids, values
    blocks = logits[:, :whole].view(rows, -1, BLOCK)
    which = blocks.amax(-1).topk(k, -1).indices
    chosen = blocks.gather(1, which[..., None].expand(-1, -1, BLOCK)).flatten(1)
    ids = (which[..., None] * BLOCK + torch.arange(BLOCK, device=logits.device)).flatten(1)
    if whole < width:
        rest = torch.arange(whole, width, device=logits.device).expand(rows, -1)
        chosen, ids = torch.cat([chosen, logits[:, whole:]], -1), torch.cat([ids, rest], -1)
    values, at = chosen.topk(k, -1)
    return ids.gather(1, at), values


def candidates(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Ids and probabilities [row, k] of the most probable tokens. The logits are overwritten."""
    size = len(logits) if logits.is_cuda else max(1, NUMBERS // logits.shape[-1])
    parts = [_candidates(part.float(), k) for part in logits.split(size)]
    return torch.cat([ids for ids, _ in parts]), torch.cat([probs for _, probs in parts])


def _candidates(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    ids, values = best(logits, k)
    top = values[:, :1]
    mass = logits.sub_(top).exp_().sum(-1, keepdim=True)
    return ids, (values - top).exp() / mass


def entropy(logits: Tensor) -> Tensor:
    """In nats, [row]. The logits are overwritten."""
    shifted = logits.float()
    shifted -= shifted.amax(-1, keepdim=True)
    weight = shifted.exp()
    mass = weight.sum(-1)
    # a token that is ruled out has no weight, and minus infinity times that is no number
    return mass.log() - weight.mul_(shifted.clamp_(min=torch.finfo(torch.float32).min)).sum(-1) / mass


def divergence(final: Tensor, logits: Tensor) -> Tensor:
    """KL(final || row) in nats, [row]: what is lost by taking a row's answer for the final one.

    Args:
        final: log-probabilities [row, d_vocab]. logits: [row, d_vocab].
    """
    own = torch.log_softmax(logits.float(), -1)
    each = torch.nn.functional.kl_div(own, final, log_target=True, reduction="none")
    # what the final answer rules out adds nothing; a row that is no number stays none
    return each.masked_fill_(final == -torch.inf, 0.0).sum(-1).clamp_min_(0)
