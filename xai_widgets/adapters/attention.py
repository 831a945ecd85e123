"""Attention weights of chosen layers in one forward pass, without reloading the model or holding every map.

How: on a private view, the chosen attention modules get a copy of their configuration that names one extra attention
function. It keeps the queries, keys and values it was given, lets the layer's usual function do its work, and later gives
any rows of weights by calling the family's own `eager_attention_forward` on those query rows alone: scale,
soft-capping, sinks and biases are the model's own, and no map is ever held whole. The configuration of the model itself
stays, so masks are built as before and other layers run as before.

Modules that know no attention function but give their weights as second output are read there (then one layer's map is
in memory, as the model itself makes it). What has neither is named in `gaps`.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from xai_widgets.adapters import passes
from xai_widgets.adapters.base import AttentionCall, Capability
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.hooks import hooked
from xai_widgets.adapters.passes import Lender
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, ValueRefusedError

_TAP: Final = "xai_widgets_tap"
_PLACE: Final = "_xai_widgets_tap"
_SWITCHABLE: Final = ("sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention")

Edit = Callable[["Tapped", Tensor], Tensor]
"""What a layer's attention shall give in place of its own output [row, pos, head, d_value]."""


def capture(
    adapter: Lender,
    ids: Sequence[int],
    found: Callable[[AttentionCall], None],
    context: Context,
    layers: Sequence[int] | None = None,
) -> None:
    """See `adapters.base.ModelAdapter.attention`."""
    with adapter.session() as view, torch.inference_mode():
        blocks = blocks_of(view)
        for layer in layers or ():
            if not 0 <= layer < len(blocks):
                raise ValueRefusedError(
                    "layer", given=str(layer), accepted=f"0 to {len(blocks) - 1}", hint="layers are counted from 0"
                )
        inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs)
        last = torch.tensor([len(ids) - 1], device=inputs.device)

        def checked(call: AttentionCall) -> None:
            context.check()
            found(call)

        with watched(view, layers, checked):
            passes.run(adapter, view, inputs, last)


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
    stack: Literal["decoder", "encoder", "cross"] = "decoder"
    how: str = "the model's own attention function, run again on the rows asked for"
    n_heads: int = field(init=False)
    n_query: int = field(init=False)
    n_key: int = field(init=False)
    causal: bool = field(init=False)
    _apart: bool | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Read the sizes off."""
        self.n_heads, self.n_query, self.n_key = self.query.shape[1], self.query.shape[2], self.key.shape[2]
        first = self.additive_mask(0, 1)
        sees = 1 if first is None else int((first > torch.finfo(first.dtype).min / 2).flatten(0, -2).any(0).sum())
        self.causal = self.n_query == self.n_key and sees == 1 and (first is not None or self.n_key == 1)

    @property
    def nbytes(self) -> int:
        """Memory of queries, keys and values; masks are shared between layers and not counted."""
        return sum(t.numel() * t.element_size() for t in (self.query, self.key, self.value))

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
        if mask is not None:
            seen = (mask > torch.finfo(mask.dtype).min / 2).flatten(0, -2).any(0)
            n_key = int(seen.nonzero().max()) + 1 if bool(seen.any()) else n_key
            mask = mask[..., :n_key]
        # only the weights are wanted: a value of width 1 makes the second product cheap
        return self.weigh(
            self.query[:, heads, start:stop], self.key[:, shared, :n_key], self.value[:, shared, :n_key, :1], mask
        )[1][0].float()

    def weigh(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Output [row, pos, head, d_value] and weights by the family's written-out function."""
        with torch.no_grad():
            found: tuple[Tensor, Tensor] = _written_out(type(self.module))(
                self.module, query, key, value, mask, **self.options
            )
        return found

    def additive_mask(self, start: int, stop: int) -> Tensor | None:
        """Mask [1, head or 1, row, key] of these rows, 0 or hugely negative; None where every key is visible."""
        device, dtype = self.query.device, self.query.dtype
        lowest = torch.finfo(dtype).min
        if self.mask is None:
            if not self._usual_causal():
                return None
            at = torch.arange(start, stop, device=device)[:, None] + (self.n_key - self.n_query)
            keys = torch.arange(self.n_key, device=device)
            visible = keys <= at
            window = self.options.get("sliding_window")  # flash kernels get no mask, and do this themselves
            if isinstance(window, int) and window > 0:
                visible &= keys > at - window
            return torch.zeros(visible.shape, dtype=dtype, device=device).masked_fill_(~visible, lowest)[None, None]
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

    def pair(self, head: int, query: int, key: int) -> tuple[Tensor, Tensor, float | None] | None:
        """The two vectors, and the factor of their product."""
        shared = head * self.key.shape[1] // self.n_heads
        q, k = self.query[0, head, query].float(), self.key[0, shared, key].float()
        if q.shape != k.shape:
            return None
        scale = self.options.get("scaling")
        plain = not self.options.get("softcap") and (
            self.mask is None or self.mask.dtype == torch.bool or self._plain_mask()
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
    stack: Literal["decoder", "encoder", "cross"] = "decoder"
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

    def pair(self, head: int, query: int, key: int) -> tuple[Tensor, Tensor, float | None] | None:
        """Not to be had here."""
        return None


class _EnoughError(Exception):
    """Ends a forward pass whose later layers nobody asked about."""


@contextmanager
def watched(
    view: nn.Module,
    layers: Sequence[int] | None,
    found: Callable[[AttentionCall], None],
    edit: Edit | None = None,
) -> Iterator[None]:
    """Tell `found` of every attention call of these layers (None: all) while a forward pass of `view` runs inside.

    With layers given and nothing to edit, the pass ends after the last of them.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(_TAP, _tap)
    blocks = blocks_of(view)
    wanted = list(range(len(blocks))) if layers is None else sorted(set(layers))
    handles: list[Any] = []
    before: list[tuple[nn.Module, Any]] = []
    for i in wanted:
        place = _Place(i, found, edit)
        modules = [m for m in blocks[i].modules() if m is not blocks[i]]
        tapped = [m for m in modules if tappable(m)]
        for module in tapped:
            before.append((module, module.config))
            config = copy.copy(module.config)
            module.__dict__[_PLACE] = (place, config._attn_implementation)
            config._attn_implementation_internal = _TAP
            module.__dict__["config"] = config
        if not tapped:
            handles += [m.register_forward_hook(place.second_output) for m in modules]
    if layers is not None and edit is None and wanted:
        handles.append(blocks[wanted[-1]].register_forward_hook(_stop))
    with hooked(*handles):
        try:
            yield
        except _EnoughError:
            return
        finally:
            for module, config in before:
                module.__dict__["config"] = config


def _stop(*_: Any) -> None:  # noqa: ANN401 - a hook
    raise _EnoughError


@dataclass
class _Place:
    """One block while it is watched: who looks, and how many calls it made."""

    layer: int
    found: Callable[[AttentionCall], None]
    edit: Edit | None
    calls: int = 0
    seen: set[int] = field(default_factory=set)

    def tell(self, call: AttentionCall) -> None:
        self.calls += 1
        self.found(call)

    def second_output(self, _module: nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401 - a hook
        """Take weights [1, head, query, key] from the second place of a module's output; the innermost module comes first."""
        weights = output[1] if isinstance(output, (tuple, list)) and len(output) > 1 else None
        if (
            not torch.is_tensor(weights)
            or weights.ndim != 4
            or weights.shape[0] != 1
            or not weights.is_floating_point()
        ):
            return
        n_query = next((a.shape[1] for a in args if torch.is_tensor(a) and a.ndim == 3), weights.shape[-2])
        if weights.shape[-2] != n_query or weights.data_ptr() in self.seen:
            return
        last = weights[0, :, -1].float()
        if bool((last < 0).any()) or bool((last.sum(-1) > 1 + 1e-2).any()):
            return
        self.seen.add(weights.data_ptr())
        self.tell(Given(self.layer, self.calls, weights[0].detach()))


def _tap(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Any,  # noqa: ANN401 - tensors, None, or a flex kernel's block mask
    **options: Any,  # noqa: ANN401
) -> tuple[Tensor, Tensor | None]:
    """The extra attention function. Its arguments have transformers' names: some families pass them by keyword."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    place, usual = module.__dict__[_PLACE]
    kept = {name: value for name, value in options.items() if name != "output_attentions"} | {"dropout": 0.0}
    mask = attention_mask if torch.is_tensor(attention_mask) and attention_mask.ndim == 4 else None
    call = Tapped(place.layer, place.calls, module, query, key, value, mask, kept)
    place.tell(call)
    function = ALL_ATTENTION_FUNCTIONS.get_interface(usual, _written_out(type(module)))
    output, weights = function(module, query, key, value, attention_mask, **options)
    return (place.edit(call, output) if place.edit else output), weights


def tappable(module: nn.Module) -> bool:
    """Whether this is an attention module that asks transformers for its attention function by name."""
    from transformers import PreTrainedModel

    usual = getattr(getattr(module, "config", None), "_attn_implementation", None)
    code = getattr(type(module).forward, "__code__", None)
    asks = code is not None and "ALL_ATTENTION_FUNCTIONS" in code.co_names
    return usual in _SWITCHABLE and not isinstance(module, PreTrainedModel) and asks and _find(type(module)) is not None


def _written_out(kind: type) -> Callable[..., Any]:
    """The attention function written out in the file of the module's family."""
    function = _find(kind)
    if function is None:
        raise LookupError(f"{kind.__name__} has no eager_attention_forward beside it")
    return function


def _find(kind: type) -> Callable[..., Any] | None:
    beside = (getattr(sys.modules.get(c.__module__), "eager_attention_forward", None) for c in kind.__mro__)
    return next((function for function in beside if callable(function)), None)


def _output_projection(module: nn.Module, width: int) -> Tensor | None:
    """Weight [d_model, head * d_value] that takes all heads' values to the residual stream; None if not plainly there."""
    for child in reversed(list(module.children())):
        weight = getattr(child, "weight", None)
        if type(weight) not in (Tensor, nn.Parameter) or weight.ndim != 2 or weight.is_meta:
            continue
        if isinstance(child, nn.Linear) and child.in_features == width:
            return weight
        if type(child).__name__ == "Conv1D" and weight.shape[0] == width:
            return weight.T
    return None


def probe(adapter: Lender) -> tuple[Capability, Mapping[int, str]]:
    """Whether weights can be had, and for each block without them what it is instead; one pass over a short input."""
    layers: set[int] = set()
    sums: list[float] = []

    def look(call: AttentionCall) -> None:
        weights = call.rows(0, call.n_query)
        if bool(torch.isfinite(weights).all()) and weights.shape[:2] == (call.n_heads, call.n_query):
            layers.add(call.layer)
            sums.append(float(weights.sum(-1).max()))

    try:
        capture(adapter, [(260 + 41 * i) % adapter.d_vocab for i in range(6)], look, Context())
        with adapter.session() as view:
            blocks = blocks_of(view)
    except Exception as error:  # noqa: BLE001 - whatever a model raises here is a "no", said with its reason
        return Capability(False, f"{type(error).__name__}: {str(error)[:200]}"), {}
    gaps = {i: _what(block) for i, block in enumerate(blocks) if i not in layers}
    if layers and max(sums) < 1 + 1e-2:
        return Capability(True), gaps
    kinds = ", ".join(sorted(set(gaps.values()))) or type(getattr(adapter, "model", None)).__name__
    reason = f"its blocks give no attention weights ({kinds})"
    if any("Attention" in kind for kind in gaps.values()):
        reason += "; loaded with attn_implementation='eager' it may"
    return Capability(False, reason), gaps


def _what(block: nn.Module) -> str:
    """Class of the part of a block that mixes positions, as far as its name tells."""
    words = ("attention", "attn", "mixer", "mamba", "rnn", "conv", "recurrent", "delta", "ssm")
    kinds = [type(m).__name__ for m in block.modules()]
    mixes = (k for k in kinds[1:] if any(word in k.lower() for word in words) and "norm" not in k.lower())
    return next(mixes, kinds[0])


def refuse(adapter: Any, reason: str) -> CapabilityError:  # noqa: ANN401 - anything with a name
    """The error for what this model's attention can't do."""
    return CapabilityError(
        f"This of {getattr(adapter, 'name', 'the model')}'s attention",
        reason=reason,
        hint="see xw.methods() for what else there is",
    )


__all__ = ["Edit", "Given", "Tapped", "capture", "probe", "refuse", "tappable", "watched"]
