"""A base input's keys and values, lent to a batch of continuations without copying or changing them."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor


def lent(cache: Any, rows: int, length: int) -> Any:  # noqa: ANN401 - transformers' Cache
    """The first `length` positions of `cache` (of one row) as a cache of `rows` rows.

    Layers that hold plain keys and values give them joined with the new ones and don't keep the result: what a pass needs
    of one layer is freed before the next. Other tensors (states of recurrent layers) are expanded; a model that
    writes into them raises, it is never silently wrong.
    """
    new = copy.copy(cache)
    new.layers = [_layer(layer, rows, length) for layer in cache.layers]
    return new


def detach(cache: Any) -> None:  # noqa: ANN401 - transformers' Cache
    """Let go of the graph that keys and values were made in."""
    for layer in getattr(cache, "layers", ()):
        for name, value in vars(layer).items():
            if torch.is_tensor(value) and value.requires_grad:
                setattr(layer, name, value.detach())


def _layer(layer: Any, rows: int, length: int) -> Any:  # noqa: ANN401 - transformers' cache layers
    new = copy.copy(layer)
    for name, value in vars(layer).items():
        if torch.is_tensor(value) and value.ndim > 1 and value.shape[0] == 1:
            setattr(new, name, value.expand(rows, *value.shape[1:]))
    keys, values = getattr(new, "keys", None), getattr(new, "values", None)
    if not torch.is_tensor(keys) or not torch.is_tensor(values) or keys.ndim != 4:
        return new
    new.keys, new.values = keys[:, :, :length], values[:, :, :length]
    if hasattr(new, "cumulative_length"):
        new.cumulative_length = length
    if type(layer).__name__ in ("DynamicLayer", "DynamicSlidingWindowLayer"):

        def joined(key: Tensor, value: Tensor, *_args: Any, **_kwargs: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
            return torch.cat([new.keys, key], -2), torch.cat([new.values, value], -2)

        new.update = joined
    return new
