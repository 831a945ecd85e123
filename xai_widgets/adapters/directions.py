"""The numbers of a direction in one model: what its recipe comes to with these weights."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from xai_widgets.adapters import logit_parts
from xai_widgets.adapters.parts import record_parts
from xai_widgets.core.context import Context
from xai_widgets.core.directions import Direction
from xai_widgets.core.errors import CapabilityError, TargetError, ValueRefusedError

if TYPE_CHECKING:
    from xai_widgets.adapters.intervening import Lender

_SHORT: Final = 6
_KEPT: Final = 64
_FOUND: WeakKeyDictionary[Any, OrderedDict[Any, Tensor]] = WeakKeyDictionary()


def found(
    adapter: Lender, wanted: Direction, context: Context, stream: Callable[[Sequence[int], int], Tensor]
) -> Tensor:
    """Float32 [d_model] (or as long as given), on the CPU. `stream(ids, layer)`: what enters a layer, [pos, d_model].

    Raises:
        TargetError: no such token. ValueRefusedError: two sides that are the same. CapabilityError: no such neuron can be told.
    """
    if wanted.kind == "array":
        return torch.tensor(wanted.vector, dtype=torch.float32)
    kept = _FOUND.setdefault(adapter, OrderedDict())
    key = (adapter.fingerprint, wanted)
    if key not in kept:
        if wanted.kind == "prompts":
            vector = _between(adapter, wanted, stream)
        elif wanted.kind == "token":
            vector = _token(adapter, wanted.text, context)
        else:
            assert wanted.layer is not None
            assert wanted.index is not None
            short = [(7 + 31 * i) % adapter.d_vocab for i in range(_SHORT)]
            with torch.inference_mode(mode=False):
                parts = record_parts(adapter, short, context, [wanted.layer], [_SHORT - 1])
                vector = parts.value_vectors(wanted.layer, _SHORT - 1, [wanted.index])[0]
        kept[key] = vector.detach().float().cpu()
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]


def _between(adapter: Lender, wanted: Direction, stream: Callable[[Sequence[int], int], Tensor]) -> Tensor:
    assert wanted.layer is not None
    layer = wanted.layer

    def mean(texts: Sequence[str]) -> Tensor:
        states = [stream(adapter.tokenize(text).ids.tolist(), layer) for text in texts]
        return torch.stack([rows[min(1, len(rows) - 1) :].mean(0) for rows in states]).mean(0)

    vector = mean(wanted.positive) - mean(wanted.negative)
    if not bool(vector.any()):
        raise ValueRefusedError(
            "direction",
            given="two sides whose means are the same",
            accepted="texts that differ",
            hint="give other prompts",
        )
    return vector


def _token(adapter: Lender, text: str | int | None, context: Context) -> Tensor:
    ids: Sequence[int] = (text,) if isinstance(text, int) else adapter.continuation(text or "")
    if not ids or not 0 <= ids[0] < adapter.d_vocab:
        raise TargetError(
            "That is no token.", given=repr(text), accepted="a text or a token id", hint="a text's first counts"
        )
    short = [(7 + 31 * i) % adapter.d_vocab for i in range(_SHORT)]
    try:
        parts = logit_parts.logit_parts(adapter, short, [_SHORT - 1], context)
        vector = parts.readout.directions(0, [ids[0]])[0][0]
    except CapabilityError:
        # where the final norm's gain can't be read off, what the output embedding reads is the nearest there is
        with adapter.session() as view:
            weight = getattr(adapter.head_of(view), "weight", None)
        if not torch.is_tensor(weight) or weight.shape[-1] != adapter.d_model:
            raise
        vector = weight[ids[0]].detach()
    return vector.float() / vector.float().norm()


__all__ = ["found"]
