"""Next-token logits of a prompt that is being edited: what stands before the edit is not computed again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from xai_widgets.adapters.forward import last_logits

_MAX_BYTES = 256_000_000


class PromptCache:
    """Keeps the key/value cache of the last prompt only, and only below 256 MB.

    Args:
        fingerprint: of the weights now; the cache is dropped when it changes.
        device: where its input goes.
    """

    def __init__(self, fingerprint: Callable[[], str], device: Callable[[], torch.device]) -> None:
        """Empty. Switch `works` off for a model whose cache can't be trusted."""
        self.works = True
        self._fingerprint, self._device = fingerprint, device
        self._ids: tuple[int, ...] = ()
        self._past: Any = None
        self._of = ""

    def logits(self, view: nn.Module, ids: Sequence[int]) -> torch.Tensor:
        """Logits [d_vocab] after `ids`; run inside the adapter's lock, without gradients."""
        ids = tuple(ids)
        device = self._device()
        if not self.works:
            return last_logits(view, ids, device)[0].float()
        now = self._fingerprint()
        past, start = None, 0
        if now == self._of and self._past is not None:
            start = min(_common(self._ids, ids), len(ids) - 1)
            past = cropped(self._past, len(self._ids), start) if start else None
        self.drop()
        start = start if past is not None else 0
        logits, grown = last_logits(view, ids, device, past=past, start=start, keep_cache=True)
        if grown is not None and _bytes(grown) <= _MAX_BYTES:
            self._ids, self._past, self._of = ids, grown, now
        return logits.float()

    def drop(self) -> None:
        """Forget the last prompt."""
        self._ids, self._past, self._of = (), None, ""


def cropped(past: Any, length: int, keep: int) -> Any | None:  # noqa: ANN401 - a transformers Cache
    """A cache of the first `keep` of `length` positions that shares its tensors with `past`, which stays as it is.

    None where that is not possible: recurrent states hold no single positions, a sliding layer has dropped old ones.
    The library's own `crop` is not used: its argument has meant three different things over its versions.
    """
    layers = getattr(past, "layers", None)
    if not layers:
        return None
    new = copy.copy(past)
    new.layers = []
    for layer in layers:
        shortened = copy.copy(layer)
        if getattr(layer, "is_initialized", True):
            tensors = {name: value for name, value in vars(layer).items() if torch.is_tensor(value) and value.ndim > 1}
            if set(tensors) != {"keys", "values"} or any(
                t.ndim != 4 or t.shape[-2] != length for t in tensors.values()
            ):
                return None
            if any(isinstance(value, (list, dict)) and value for value in vars(layer).values()):
                return None
            for name, tensor in tensors.items():
                setattr(shortened, name, tensor[:, :, :keep])
            if isinstance(getattr(layer, "cumulative_length", None), int):
                shortened.cumulative_length = keep
        new.layers.append(shortened)
    return new


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """How many entries two sequences begin with alike."""
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n


def _bytes(past: Any) -> int:  # noqa: ANN401 - a transformers Cache
    """Memory of a cache; one whose layers can't be counted counts as too large."""
    layers = getattr(past, "layers", None)
    if layers is None:
        return _MAX_BYTES + 1
    return sum(t.numel() * t.element_size() for layer in layers for t in vars(layer).values() if torch.is_tensor(t))


__all__ = ["PromptCache", "cropped"]
