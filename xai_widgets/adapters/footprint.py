"""About how much memory a pass takes beside the weights: an estimate, fitted to SmolLM2 on a CPU (within 30% there)."""

from __future__ import annotations

from typing import Final

import torch

from xai_widgets.adapters.passes import Lender

_PASSING: Final = 20
"""Numbers alive at once for one token in a forward pass without gradient, in units of d_model."""
_KEPT: Final = 17
"""Numbers kept of one token and layer for the backward pass, in units of d_model."""


def of_scoring(adapter: Lender, tokens: int, predicting: int) -> int:
    """Bytes for a batch of so many tokens, `predicting` of which reach the output embedding."""
    size = _bytes_of(adapter)
    return size * _PASSING * tokens * adapter.d_model + (size + 1) * predicting * adapter.d_vocab


def of_gradient(adapter: Lender, tokens: int, n_rows: int, predicting: int) -> int:
    """Bytes for a forward pass of so many tokens and the backward passes of `n_rows` rows together."""
    size = _bytes_of(adapter)
    kept = _KEPT * adapter.n_layers + _PASSING * n_rows
    return size * kept * tokens * adapter.d_model + 2 * 4 * predicting * adapter.d_vocab


def _bytes_of(adapter: Lender) -> int:
    return int(torch.finfo(getattr(torch, adapter.dtype)).bits // 8)
