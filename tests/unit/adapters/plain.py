"""The slow, obvious way: one full pass for each changed input, one backward pass for each row."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xai_widgets.adapters.base import Variant
from xai_widgets.core.targets import Target


def logits(model: nn.Module, variant: Variant, target: Target) -> Tensor:
    """[target token, d_vocab] of one variant by a plain forward pass of the model itself."""
    ids = [*variant.ids, *target.ids[:-1]]
    mask = torch.ones(1, len(ids), dtype=torch.long)
    mask[0, list(variant.hidden)] = 0
    given: dict[str, Any] = {"attention_mask": mask, "position_ids": torch.arange(len(ids))[None]}
    names = inspect.signature(type(model).forward).parameters
    given = {name: value for name, value in given.items() if name in names}
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False, **given).logits[0, len(variant.ids) - 1 :]


def number(row: np.ndarray, token: int, contrast: int | None, quantity: str, reference: np.ndarray | None) -> float:
    """The explained number of one predicting position, by the textbook, in float64."""
    row = row.astype(np.float64)
    log_probs = row - row.max() - np.log(np.exp(row - row.max()).sum())
    if quantity == "entropy":
        return float(-(np.exp(log_probs) * log_probs).sum())
    if quantity == "kl":
        assert reference is not None
        before = reference.astype(np.float64)
        before = before - before.max() - np.log(np.exp(before - before.max()).sum())
        return float((np.exp(before) * (before - log_probs)).sum())
    table = {"logit": row, "logit_diff": row, "log_prob": log_probs, "prob": np.exp(log_probs)}[quantity]
    return float(table[token] - (table[contrast] if contrast is not None else 0.0))


def scores(model: nn.Module, base: Sequence[int], variants: Sequence[Variant], target: Target) -> np.ndarray:
    """What `Scorer.score` must give: [variant, row]."""
    before = Variant(tuple(target.reference.ids.tolist()) if target.reference else tuple(base))
    reference = logits(model, before, target).float().numpy() if target.quantity == "kl" else None
    out = []
    for variant in variants:
        got = logits(model, variant, target).float().numpy()
        out.append(
            [
                number(
                    got[i],
                    token,
                    target.contrast_ids[i] if target.contrast_ids else None,
                    target.quantity,
                    None if reference is None else reference[i],
                )
                for i, token in enumerate(target.ids)
            ]
        )
    result = np.array(out)
    return result if target.each else result.sum(1, keepdims=True)
