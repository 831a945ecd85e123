"""Attention weights of chosen layers in one forward pass, without reloading the model or holding every map.

How: on a private view, the chosen attention modules get a copy of their configuration that names one extra attention
function. It keeps the queries, keys and values it was given, lets the layer's usual function do its work, and later gives
any rows of weights by calling the family's own `eager_attention_forward` on those query rows alone: scale,
soft-capping, sinks and biases are the model's own, and no map is ever held whole. The configuration of the model itself
stays, so masks are built as before and other layers run as before.

Modules that know no attention function but give their weights as second output are read there (then one layer's map is
in memory, as the model itself makes it). Where there is neither, the whole model is asked for all its maps at once. What
gives none then is named in `gaps`.

Where blocks run more than once in a pass (albert, hrm_text), a layer is a run, not a block.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from xai_widgets.adapters.attention_calls import Given, Stack, Tapped, find_written_out, written_out
from xai_widgets.adapters.base import AttentionCall, Capability
from xai_widgets.adapters.blocks import blocks_of, loops, n_layers_of
from xai_widgets.adapters.hooks import hooked
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, ValueRefusedError

_TAP: Final = "xai_widgets_tap"
_PLACE: Final = "_xai_widgets_tap"
_SWITCHABLE: Final = ("sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention")

Edit = Callable[[Tapped, Tensor], Tensor]
"""What a layer's attention shall give in place of its own output [row, pos, head, d_value]."""
Run = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A call's own attention function: query, key and value [row, head, pos, d] to [row, pos, head, d_value]."""
Instead = Callable[[Tapped, Run], Tensor]
"""Gives a layer's attention in its place: the call, and the function it may use."""


class Reader(Protocol):
    """What capture needs of an adapter."""

    @property
    def device_of_inputs(self) -> torch.device:
        """Where ids go."""
        ...

    def session(self) -> AbstractContextManager[nn.Module]:
        """A fresh private view, alone."""
        ...

    def read(self, view: nn.Module, inputs: Tensor) -> Tensor | None:
        """Run a view over ids [row, pos], for its hooks' sake; logits [1, d_vocab] of what comes next, if the model has them."""
        ...


def capture(
    adapter: Reader,
    ids: Sequence[int],
    found: Callable[[AttentionCall], None],
    context: Context,
    layers: Sequence[int] | None = None,
    stack: Stack = "decoder",
) -> Tensor | None:
    """See `adapters.base.ModelAdapter.attention`; `stack` is what the blocks of the model are."""
    logits: Tensor | None = None
    with adapter.session() as view, torch.inference_mode():
        check_layers(layers, n_layers_of(view))
        inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs)
        calls: list[int] = []

        def checked(call: AttentionCall) -> None:
            context.check()
            calls.append(call.layer)
            found(call)

        with watched(view, layers, checked, stack=stack):
            logits = adapter.read(view, inputs)
        if not calls and not any(tappable(m) for m in view.modules()):
            for call in _all_at_once(view, inputs, stack):
                if layers is None or call.layer in layers:
                    checked(call)
    return None if logits is None else logits[0].float()


def check_layers(layers: Sequence[int] | None, n_layers: int) -> None:
    """Refuse layers that are not there."""
    for layer in layers or ():
        if not 0 <= layer < n_layers:
            raise ValueRefusedError(
                "layer", given=str(layer), accepted=f"0 to {n_layers - 1}", hint="layers are counted from 0"
            )


def _all_at_once(view: nn.Module, inputs: Tensor, stack: Stack) -> Iterator[Given]:
    """All maps of a pass, from the model's own `output_attentions`; none where it has none of the right form."""
    # built for sdpa, falcon's masks are left out and its own weights look at later tokens: all parts have to say eager
    for module in view.modules():
        if hasattr(config := getattr(module, "config", None), "_attn_implementation"):
            config = copy.copy(config)
            config._attn_implementation_internal = "eager"
            module.__dict__["config"] = config
    given = view(input_ids=inputs, output_attentions=True, return_dict=True)
    maps = getattr(given, "attentions", None) or ()
    if len(maps) != n_layers_of(view):
        return  # not a map a layer: which is whose is not said
    for layer, weights in enumerate(maps):
        if torch.is_tensor(weights) and weights.shape[2:] == (inputs.shape[1],) * 2 and _looks_like_weights(weights):
            yield Given(layer, 0, weights[0].detach(), stack, how="as the model gives them, all layers at once")


class _EnoughError(Exception):
    """Ends a forward pass whose later layers nobody asked about."""


@contextmanager
def watched(
    view: nn.Module,
    layers: Sequence[int] | None,
    found: Callable[[AttentionCall], None],
    edit: Edit | None = None,
    *,
    blocks: Sequence[nn.Module] | None = None,
    stack: Stack = "decoder",
    to_the_end: bool = False,
    instead: Instead | None = None,
) -> Iterator[None]:
    """Tell `found` of every attention call of these layers (None: all) while a forward pass of `view` runs inside.

    With layers given and nothing to edit, the pass ends after the last of them, unless it shall go `to_the_end`.

    Args:
        view: a private view. layers, found: see above. edit: what a call shall give in place of its own output.
        blocks: of an encoder-decoder, the blocks of one of its stacks; None: the model's only ones.
        stack: what they are. The second call of an encoder-decoder's decoder block looks at the encoder: `cross`.
        to_the_end: see above. instead: gives the call's output, which is then not computed as usual.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(_TAP, _tap)
    runs = loops(view) if blocks is None else 0
    crosses = blocks is not None and stack == "decoder"
    blocks = blocks_of(view) if blocks is None else blocks
    wanted = sorted(set(range(runs or len(blocks)) if layers is None else layers))
    handles: list[Any] = []
    before: list[tuple[nn.Module, Any]] = []
    looped = _Place(-1, found, edit, stack, crosses, wanted, instead)
    for i, block in enumerate(blocks):
        if not runs and i not in wanted:
            continue
        place = looped if runs else _Place(i, found, edit, stack, crosses, wanted, instead)
        if runs:
            handles.append(block.register_forward_pre_hook(place.next_layer))
        modules = [m for m in block.modules() if m is not block]
        tapped = [m for m in modules if tappable(m)]
        for module in tapped:
            before.append((module, module.config))
            config = copy.copy(module.config)
            module.__dict__[_PLACE] = (place, config._attn_implementation)
            config._attn_implementation_internal = _TAP
            module.__dict__["config"] = config
        if not tapped:
            handles += [m.register_forward_hook(place.second_output) for m in modules]
        if layers is not None and edit is None and instead is None and not to_the_end and (runs or i == wanted[-1]):
            handles.append(block.register_forward_hook(place.stop))
    with hooked(*handles):
        try:
            yield
        except _EnoughError:
            return
        finally:
            for module, config in before:
                module.__dict__["config"] = config
                del module.__dict__[_PLACE]


@dataclass
class _Place:
    """One block while it is watched (all of them where they loop): who looks, and how many calls it made."""

    layer: int
    found: Callable[[AttentionCall], None]
    edit: Edit | None
    stack: Stack
    crosses: bool
    wanted: Sequence[int]
    instead: Instead | None = None
    calls: int = 0
    seen: set[int] = field(default_factory=set)

    def tell(self, call: AttentionCall) -> None:
        self.calls += 1
        self.found(call)

    def next_layer(self, *_: Any) -> None:  # noqa: ANN401 - a hook
        self.layer += 1
        self.calls = 0
        self.seen.clear()

    def stop(self, *_: Any) -> None:  # noqa: ANN401 - a hook
        if self.layer == self.wanted[-1]:
            raise _EnoughError

    def kind(self) -> Stack:
        """Of the next call."""
        return "cross" if self.crosses and self.calls == 1 else self.stack

    def second_output(self, _module: nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401 - a hook
        """Take weights [1, head, query, key] from the second place of a module's output; the innermost module comes first."""
        weights = output[1] if isinstance(output, (tuple, list)) and len(output) > 1 else None
        if (
            not torch.is_tensor(weights)
            or weights.ndim != 4
            or weights.shape[0] != 1
            or not weights.is_floating_point()
            or self.layer not in self.wanted
        ):
            return
        n_query = next((a.shape[1] for a in args if torch.is_tensor(a) and a.ndim == 3), weights.shape[-2])
        if weights.shape[-2] != n_query or weights.data_ptr() in self.seen:
            return
        if not _looks_like_weights(weights):
            return
        self.seen.add(weights.data_ptr())
        self.tell(Given(self.layer, self.calls, weights[0].detach(), self.kind()))


def _looks_like_weights(weights: Tensor) -> bool:
    """Whether the last row of each head is made of shares of at most 1."""
    last = weights[0, :, -1].float()
    return not bool((last < 0).any()) and not bool((last.sum(-1) > 1 + 1e-2).any())


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
    function = ALL_ATTENTION_FUNCTIONS.get_interface(usual, written_out(type(module)))
    if place.layer not in place.wanted:
        output, weights = function(module, query, key, value, attention_mask, **options)
        return output, weights
    kept = {name: value for name, value in options.items() if name != "output_attentions"} | {"dropout": 0.0}
    mask = attention_mask if torch.is_tensor(attention_mask) and attention_mask.ndim == 4 else None
    call = Tapped(place.layer, place.calls, module, query, key, value, mask, kept, place.kind())
    place.tell(call)
    if place.instead is not None:
        return place.instead(call, lambda q, k, v: function(module, q, k, v, attention_mask, **options)[0]), None
    output, weights = function(module, query, key, value, attention_mask, **options)
    return (place.edit(call, output) if place.edit else output), weights


def tappable(module: nn.Module) -> bool:
    """Whether this is an attention module that asks transformers for its attention function by name."""
    from transformers import PreTrainedModel

    usual = getattr(getattr(module, "config", None), "_attn_implementation", None)
    code = getattr(type(module).forward, "__code__", None)
    asks = code is not None and "ALL_ATTENTION_FUNCTIONS" in code.co_names
    return (
        usual in _SWITCHABLE
        and not isinstance(module, PreTrainedModel)
        and asks
        and find_written_out(type(module)) is not None
    )


def probe(
    adapter: Reader,
    n_ids: int,
    ask: Callable[[Sequence[int], Callable[[AttentionCall], None]], None] | None = None,
) -> tuple[Capability, Mapping[int, str]]:
    """Whether weights can be had, and for each block without them what it is instead; one pass over a short input.

    `n_ids` is the size of the vocabulary; `ask` hands over the calls of a pass, by default those of `capture`.
    """
    tuned = getattr(getattr(adapter, "model", None), "active_peft_config", None)
    if getattr(tuned, "is_prompt_learning", False):
        return Capability(False, "prompt and prefix tuning put tokens of their own in front of the text"), {}
    layers: set[int] = set()
    sums: list[float] = []

    def look(call: AttentionCall) -> None:
        weights = call.rows(0, call.n_query)
        if bool(torch.isfinite(weights).all()) and weights.shape[:2] == (call.n_heads, call.n_query):
            layers.add(call.layer)
            sums.append(float(weights.sum(-1).max()))

    ids = [(260 + 41 * i) % n_ids for i in range(6)]
    try:
        if ask is None:
            capture(adapter, ids, look, Context())
        else:
            ask(ids, look)
        with adapter.session() as view:
            blocks = [] if loops(view) else blocks_of(view)
            eager = getattr(getattr(view, "config", None), "_attn_implementation", "eager") == "eager"
    except Exception as error:  # noqa: BLE001 - whatever a model raises here is a "no", said with its reason
        return Capability(False, f"{type(error).__name__}: {str(error)[:200]}"), {}
    gaps = {i: _what(block) for i, block in enumerate(blocks) if i not in layers}
    if layers and max(sums) < 1 + 1e-2:
        return Capability(True), gaps
    kinds = ", ".join(sorted(set(gaps.values()))) or type(getattr(adapter, "model", None)).__name__
    reason = f"its blocks give no attention weights ({kinds})"
    if not eager and any("Attention" in kind for kind in gaps.values()):
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


__all__ = [
    "Edit",
    "Given",
    "Reader",
    "Stack",
    "Tapped",
    "capture",
    "check_layers",
    "probe",
    "refuse",
    "tappable",
    "watched",
]
