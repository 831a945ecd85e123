"""One attention call that was caught: any of its rows, by the family's own function or as the module gave them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

Stack = Literal["decoder", "encoder", "cross"]


@dataclass(eq=False)
class Tapped:
    """An attention call that was tapped: queries [1, head, pos, d], keys and values, and the function that weighs them."""

    layer: int
    nth: int
    module: nn.Module
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    options: dict[str, Any]
    stack: Stack = "decoder"
    how: str = "the model's own attention function, run again on the rows asked for"
    n_heads: int = field(init=False)
    n_query: int = field(init=False)
    n_key: int = field(init=False)
    causal: bool = field(init=False)
    _apart: bool | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Read the sizes off."""
        self.n_heads, self.n_query, self.n_key = self.query.shape[1], self.query.shape[2], self.key.shape[2]
        if self.stack == "decoder" and self.n_key > self.n_query:
            more = self.n_key - self.n_query
            self.how += f"; the last {more} keys are no positions of the text but the layer's own (compressed) entries"
        first = self.additive_mask(0, 1)
        sees = 1 if first is None else int((first > torch.finfo(first.dtype).min / 2).flatten(0, -2).any(0).sum())
        self.causal = self.n_query == self.n_key and sees == 1 and (first is not None or self.n_key == 1)

    @property
    def nbytes(self) -> int:
        """Memory of queries, keys, values and the mask (which layers of one pass may share)."""
        held = [self.query, self.key, self.value, *([] if self.mask is None else [self.mask])]
        return sum(t.numel() * t.element_size() for t in held)

    def rows(self, start: int, stop: int, head: int | None = None) -> Tensor:
        """Weights of query rows, float32 [head, row, key]."""
        if head is None:
            return self._weigh(start, stop, slice(None), slice(None))
        if not self._heads_stand_alone():
            return self._weigh(start, stop, slice(None), slice(None))[head : head + 1]
        group = self.n_heads // self.key.shape[1]
        shared = head // group
        found = self._weigh(start, stop, slice(shared * group, (shared + 1) * group), slice(shared, shared + 1))
        return found[head % group : head % group + 1]

    def _heads_stand_alone(self) -> bool:
        """Whether heads can be computed apart: no numbers of their own in the module, none in the mask; tried on a row."""
        if self._apart is None:
            mask, shared = self.mask, self.key.shape[1]
            apart = not self.module._parameters and (mask is None or mask.shape[1] == 1) and self.n_heads % shared == 0
            if apart:
                last = self.n_query - 1
                every = self._weigh(last, last + 1, slice(None), slice(None))[-1]
                try:
                    alone = self._weigh(last, last + 1, slice(-(self.n_heads // shared), None), slice(-1, None))[-1]
                    apart = alone.shape == every.shape and torch.allclose(alone, every, atol=1e-6)
                except (RuntimeError, ValueError, IndexError):
                    apart = False
            self._apart = apart
        return self._apart

    def _weigh(self, start: int, stop: int, heads: slice, shared: slice) -> Tensor:
        mask, n_key = self.additive_mask(start, stop), self.n_key
        if mask is not None and self.mask is None:
            n_key = mask.shape[-1]
        elif mask is not None:
            seen = (mask > torch.finfo(mask.dtype).min / 2).flatten(0, -2).any(0)
            n_key = int(seen.nonzero().max()) + 1 if bool(seen.any()) else n_key
            mask = mask[..., :n_key]
        query, key, value = self.query[:, heads, start:stop], self.key[:, shared, :n_key], self.value[:, shared, :n_key]
        # only the weights are wanted: a value of width 1 makes the second product cheap
        return self.weigh(query, key, value[..., :1], mask, start, heads)[1][0].float()

    def weigh(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        start: int = 0,
        heads: slice = slice(None),
    ) -> tuple[Tensor, Tensor]:
        """Output [row, pos, head, d_value] and weights by the family's written-out function; queries begin at `start`."""
        rows = slice(start, start + query.shape[2])
        options = {name: self._part(value, rows, heads, key.shape[2]) for name, value in self.options.items()}
        function = written_out(type(self.module))
        given = (query, key, value, mask)
        with torch.no_grad():
            if query.dtype in (torch.float16, torch.bfloat16):
                # the written-out form multiplies before it scales: what a fused kernel keeps finite would overflow
                try:
                    exact = (None if t is None else t.float() for t in given)
                    found: tuple[Tensor, Tensor] = function(self.module, *exact, **options)
                except RuntimeError:  # a family that mixes in numbers of its own dtype
                    found = function(self.module, *given, **options)
                return found
            return function(self.module, *given, **options)

    def _part(self, option: Any, rows: slice, heads: slice, n_key: int) -> Any:  # noqa: ANN401 - any option
        """The part of a bias [row, head, query, key] that belongs to these queries and keys; other options as they are."""
        sizes = (self.n_heads, self.n_query, self.n_key)
        if not torch.is_tensor(option) or option.ndim != 4:
            return option
        if any(size not in (1, full) for size, full in zip(option.shape[1:], sizes, strict=True)):
            return option
        option = option if option.shape[1] == 1 else option[:, heads]
        option = option if option.shape[2] == 1 else option[:, :, rows]
        return option if option.shape[3] == 1 else option[..., :n_key]

    def of_row(self, row: int) -> Tapped:
        """The call of one row of the batch."""
        n = self.query.shape[0]
        one = slice(row, row + 1)
        options = {
            name: value[one] if torch.is_tensor(value) and value.ndim == 4 and value.shape[0] == n else value
            for name, value in self.options.items()
        }
        mask = self.mask if self.mask is None or self.mask.shape[0] != n else self.mask[one]
        query, key, value = self.query[one], self.key[one], self.value[one]
        return Tapped(self.layer, self.nth, self.module, query, key, value, mask, options, self.stack)

    def additive_mask(self, start: int, stop: int) -> Tensor | None:
        """Mask [1, head or 1, row, key] of these rows, 0 or hugely negative; None where every key is visible.

        Where the layer was given none, keys after the last visible one are left out.
        """
        device, dtype = self.query.device, self.query.dtype
        lowest = torch.finfo(dtype).min
        if self.mask is None:
            window = self.options.get("sliding_window")  # flash kernels get no mask, and do this themselves
            window = window if isinstance(window, int) and 0 < window < self.n_key else 0
            causal = self._usual_causal()
            if not causal and not window:
                return None
            make = (
                _in_reach if device.type == "cpu" else _in_reach.__wrapped__
            )  # layers share it; a GPU's memory is dearer
            return make(start, stop, self.n_key, self.n_key - self.n_query, window, dtype, device, causal=causal)
        part = self.mask if self.mask.shape[-2] == 1 else self.mask[..., start:stop, :]
        part = part[..., : self.n_key]
        if part.dtype == torch.bool:
            return torch.zeros(part.shape, dtype=dtype, device=device).masked_fill_(~part, lowest)
        return part

    def _usual_causal(self) -> bool:
        """What transformers' attention functions take an absent mask for."""
        said = self.options.get("is_causal")
        causal = getattr(self.module, "is_causal", True) if said is None else said
        return bool(causal) and self.n_query > 1

    def value_lengths(self) -> tuple[Tensor | None, str]:
        """Length of what each key's value adds, float32 [head, key]."""
        value = self.value[0].float()
        value = value.repeat_interleave(self.n_heads // value.shape[0], 0)
        width = value.shape[-1]
        out = _output_projection(self.module, self.n_heads * width)
        if out is None:
            return value.norm(dim=-1), "|v|"
        # |v W|^2 = v (W W^T) v^T, head by head: the projected vectors are never made
        by_head = out.float().view(out.shape[0], self.n_heads, width).permute(1, 2, 0)
        gram = by_head @ by_head.transpose(1, 2)
        return ((value @ gram) * value).sum(-1).clamp_min(0).sqrt(), "|v W_O|"

    def values(self, head: int) -> Tensor | None:
        """A head's values, float32 [key, d_value]; heads that share keys share them."""
        return self.value[0, head * self.value.shape[1] // self.n_heads].float()

    def pair(self, head: int, query: int, key: int) -> tuple[Tensor, Tensor, float | None] | None:
        """The two vectors, and the factor of their product."""
        shared = head * self.key.shape[1] // self.n_heads
        q, k = self.query[0, head, query].float(), self.key[0, shared, key].float()
        if q.shape != k.shape:
            return None
        scale = self.options.get("scaling")
        more = any(torch.is_tensor(o) and o.is_floating_point() and o.ndim > 2 for o in self.options.values())  # a bias
        plain = (
            not more
            and not self.options.get("softcap")
            and (self.mask is None or self.mask.dtype == torch.bool or self._plain_mask())
        )
        return q, k, float(scale) if plain and isinstance(scale, (int, float)) else None

    def _plain_mask(self) -> bool:
        """Whether an additive mask only hides."""
        last = self.additive_mask(self.n_query - 1, self.n_query)
        return last is None or bool(((last == 0) | (last < torch.finfo(last.dtype).min / 2)).all())


@dataclass(eq=False)
class Given:
    """Weights as the module gave them, [head, query, key]."""

    layer: int
    nth: int
    weights: Tensor
    stack: Stack = "decoder"
    how: str = "as the layer itself gives them"
    n_heads: int = field(init=False)
    n_query: int = field(init=False)
    n_key: int = field(init=False)
    causal: bool = field(init=False)

    def __post_init__(self) -> None:
        """Read the sizes off."""
        self.n_heads, self.n_query, self.n_key = self.weights.shape
        self.causal = self.n_query == self.n_key and not bool(self.weights[:, 0, 1:].any())

    @property
    def nbytes(self) -> int:
        """Memory of the whole map."""
        return self.weights.numel() * self.weights.element_size()

    def rows(self, start: int, stop: int, head: int | None = None) -> Tensor:
        """Weights of query rows, float32 [head, row, key]."""
        return (self.weights if head is None else self.weights[head : head + 1])[:, start:stop].float()

    def value_lengths(self) -> tuple[Tensor | None, str]:
        """Not to be had here."""
        return None, "this kind of layer gives its weights, not its values"

    def values(self, head: int) -> Tensor | None:
        """Not to be had here."""
        return None

    def pair(self, head: int, query: int, key: int) -> tuple[Tensor, Tensor, float | None] | None:
        """Not to be had here."""
        return None


@lru_cache(maxsize=16)
def _in_reach(
    start: int,
    stop: int,
    n_key: int,
    before: int,
    window: int,
    dtype: torch.dtype,
    device: torch.device,
    *,
    causal: bool,
) -> Tensor:
    """Additive mask [1, 1, row, key] of rows that see less than `window` positions away (0: any), `causal` ones to the left only.

    `before` keys come before the first query. Causal rows are given no key after the last visible one.
    """
    at = torch.arange(start, stop, device=device)[:, None] + before
    keys = torch.arange(stop + before if causal else n_key, device=device)
    visible = keys <= at if causal else (keys < at + window)
    if window:
        visible &= keys > at - window
    return torch.zeros(visible.shape, dtype=dtype, device=device).masked_fill_(~visible, torch.finfo(dtype).min)[
        None, None
    ]


def written_out(kind: type) -> Callable[..., Any]:
    """The attention function written out in the file of the module's family."""
    function = find_written_out(kind)
    if function is None:
        raise LookupError(f"{kind.__name__} has no eager_attention_forward beside it")
    return function


def find_written_out(kind: type) -> Callable[..., Any] | None:
    """The same, or None where there is none."""
    beside = (getattr(sys.modules.get(c.__module__), "eager_attention_forward", None) for c in kind.__mro__)
    return next((function for function in beside if callable(function)), None)


_OUTPUTS: Final = frozenset(
    ("o_proj", "out_proj", "dense", "c_proj", "Wo", "wo", "o", "out_lin", "resid_proj", "linear_out", "output_proj")
)
"""What families call the projection from all heads to the residual stream."""


def _output_projection(module: nn.Module, width: int) -> Tensor | None:
    """Weight [d_model, head * d_value] that takes all heads' values to the residual stream; None if not plainly there.

    By name, because a query, key or gate projection may have the same shape; a layer wrapped by an adapter of PEFT adds to its
    weight and does not count as plain.
    """
    for name, child in module.named_children():
        weight = getattr(child, "weight", None)
        if name not in _OUTPUTS or type(weight) not in (Tensor, nn.Parameter) or weight.ndim != 2 or weight.is_meta:
            continue
        if type(child) is nn.Linear and child.in_features == width:
            return weight
        if type(child).__name__ == "Conv1D" and weight.shape[0] == width:
            return weight.T
    return None
