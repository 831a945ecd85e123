"""Whether weights or a tokenizer are the same as before: short hashes, equal across processes for equal content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

_SAMPLES = 16
_PEFT = ("_active_adapter", "_disable_adapters", "merged_adapters", "scaling")


class WeightsFingerprint:
    """Hash of a model's weights, cheap to ask again.

    Each tensor counts with its name, type, shape, the sum of its bits as 64-bit integers (so every element counts)
    and 16 samples spread over it (so a permutation counts). Sums are kept as long as address, version counter and
    samples of the tensor stay; samples are read each time because `.data` writes and fused optimizers leave the
    version counter alone. Which PEFT adapters are active counts too: it changes the model without touching a weight.
    """

    def __init__(self, model: nn.Module) -> None:
        """Remember which model; nothing is read yet."""
        self._model = getattr(model, "_orig_mod", model)  # compiled or not, the same weights
        self._digests: dict[tuple[Any, ...], bytes] = {}
        self._last: tuple[tuple[Any, ...], str] | None = None

    def __call__(self) -> str:
        """Twelve hexadecimal digits."""
        named = list(_weights(self._model))
        samples = _samples([t for _, t in named])
        keys = tuple(
            (name, t.data_ptr(), 0 if t.is_inference() else t._version, tuple(t.shape), str(t.dtype), sample)
            for (name, t), sample in zip(named, samples, strict=True)
        )
        switches = _switches(self._model)
        state = (switches, keys)
        if self._last and self._last[0] == state:
            return self._last[1]
        digests = {}
        total = hashlib.sha256(repr(switches).encode())
        for key, (name, tensor) in zip(keys, named, strict=True):
            digest = self._digests.get(key)
            if digest is None:
                text = f"{name} {tensor.dtype} {tuple(tensor.shape)} {_bit_sum(tensor)} "
                digest = hashlib.sha256(text.encode() + key[-1]).digest()
            digests[key] = digest
            total.update(digest)
        self._digests = digests
        self._last = (state, total.hexdigest()[:12])
        return self._last[1]


def _switches(model: nn.Module) -> tuple[tuple[str, str], ...]:
    """Where PEFT layers stand: active, switched off, merged, scaled."""
    return tuple(
        (path, str([module.__dict__.get(name) for name in _PEFT]))
        for path, module in model.named_modules()
        if "_active_adapter" in module.__dict__
    )


def _weights(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters and saved buffers by name; those that accelerate offloaded are read where it keeps them."""
    seen: set[int] = set()
    for path, module in model.named_modules():
        skipped = module._non_persistent_buffers_set
        kept = getattr(getattr(module, "_hf_hook", None), "weights_map", None)
        for own in (module._parameters, module._buffers):
            for name, tensor in own.items():
                if tensor is None or name in skipped or id(tensor) in seen:
                    continue
                seen.add(id(tensor))
                if tensor.is_meta and kept is not None:
                    tensor = kept[name]  # noqa: PLW2901 - the offloaded weight stands for its place holder
                yield (f"{path}.{name}" if path else name), tensor


@torch.no_grad()
def _samples(tensors: list[torch.Tensor]) -> list[bytes]:
    """The bytes of a few spread elements of each tensor, fetched with one copy for each device and type."""
    groups: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for i, tensor in enumerate(tensors):
        if not tensor.is_meta and tensor.numel() and tensor.layout is torch.strided:
            groups.setdefault((tensor.device, tensor.dtype), []).append(i)
    found = [b""] * len(tensors)
    for members in groups.values():
        parts = []
        for i in members:
            tensor = tensors[i]
            if type(tensor) not in (torch.Tensor, nn.Parameter) or not tensor.is_contiguous():
                tensor = tensor.detach().contiguous()
            count = min(_SAMPLES, tensor.numel())
            parts.append(
                torch.as_strided(tensor, (count,), (max(tensor.numel() // count, 1),), tensor.storage_offset())
            )
        flat = torch.cat(parts).view(torch.uint8).cpu().numpy().tobytes()
        at = 0
        for i, part in zip(members, parts, strict=True):
            size = part.numel() * part.element_size()
            found[i] = flat[at : at + size]
            at += size
    return found


@torch.no_grad()
def _bit_sum(tensor: torch.Tensor) -> int:
    """Sum modulo 2^64 of the tensor's memory read as 64-bit integers; an unfinished last word is left to the samples."""
    if tensor.is_meta or tensor.layout is not torch.strided or not tensor.numel():
        return 0
    flat = tensor.detach().contiguous().flatten()
    per_word = 8 // flat.element_size() or 1
    words = flat[: flat.numel() // per_word * per_word]
    if not words.numel():
        return 0
    if words.device.type == "cpu":
        # numpy adds 64-bit integers at memory speed; torch is 4 times slower at it
        return int(words.view(torch.uint8).numpy().view("uint64").sum(dtype="uint64"))
    return int(words.view(torch.int64).sum()) % 2**64


def tokenizer_fingerprint(tokenizer: Any) -> str:  # noqa: ANN401 - any transformers tokenizer
    """Twelve hexadecimal digits of vocabulary, special tokens and chat template."""
    total = hashlib.sha256()
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        content = backend.to_str()
        # before it stand truncation and padding, which every call sets anew
        total.update(content[max(content.find('"added_tokens"'), 0) :].encode())
    else:
        total.update(json.dumps(tokenizer.get_vocab(), sort_keys=True).encode())
    specials = {name: str(value) for name, value in tokenizer.special_tokens_map.items()}
    total.update(
        json.dumps([type(tokenizer).__name__, specials, str(tokenizer.chat_template)], sort_keys=True).encode()
    )
    return total.hexdigest()[:12]


__all__ = ["WeightsFingerprint", "tokenizer_fingerprint"]
