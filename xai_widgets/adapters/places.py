"""Where in each block a part can be taken hold of: the module whose output is what the part adds, or whose input holds heads or neurons.

What the parts are is known from `parts`, which follows the sums a block makes. A module is a part's place if what it gives is what
is added, up to a fixed factor and a constant; of several the first that gives it. Seen on a short text, and kept as long as the
model has the same modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from xai_widgets.adapters import passes
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.hooks import first, hooked, module_ids
from xai_widgets.adapters.parts import Kind, Lender, PartsTrace, far, near, record_parts
from xai_widgets.adapters.recording import Written
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError
from xai_widgets.core.interventions import What
from xai_widgets.core.sites import Sites

_SHORT: Final = 6
_KINDS: Final[dict[What, Kind]] = {"attn_out": "attn", "mlp_out": "mlp", "head": "attn", "neuron": "mlp"}


@dataclass(frozen=True, eq=False)
class Output:
    """A module of a block that gives `(what is added - offset) / factor`."""

    path: str
    factor: float = 1.0
    offset: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Input:
    """A linear map of a block that reads `n` heads (or neurons) of `width` numbers side by side."""

    path: str
    n: int
    width: int


@dataclass(frozen=True, eq=False)
class Places:
    """Of each block, by part: where it is, or why it is nowhere."""

    outputs: dict[What, list[Output | str]] = field(default_factory=dict)
    inputs: dict[What, list[Input | str]] = field(default_factory=dict)

    def sites(self, n_layers: int, d_model: int) -> Sites:
        """The same as a plain value."""
        found: dict[What, Sequence[object]] = {**self.outputs, **self.inputs}
        none = Input("", 0, 0)
        heads = [x if isinstance(x, Input) else none for x in self.inputs["head"]]
        neurons = [x if isinstance(x, Input) else none for x in self.inputs["neuron"]]
        return Sites(
            n_layers, d_model, tuple(x.n for x in heads), tuple(x.width for x in heads), tuple(x.n for x in neurons),
            {what: tuple(x if isinstance(x, str) else "" for x in by_layer) for what, by_layer in found.items()},
        )  # fmt: skip


_KEPT: WeakKeyDictionary[Any, tuple[tuple[int, ...], Places]] = WeakKeyDictionary()


def places(adapter: Lender) -> Places:
    """Where parts are taken hold of; where they can't be told apart, the reason stands in every block's place."""
    modules = module_ids(adapter.model)
    known = _KEPT.get(adapter)
    if known is None or known[0] != modules:
        known = _KEPT[adapter] = (modules, _find(adapter))
    return known[1]


def _find(adapter: Lender) -> Places:
    ids = [(7 + 31 * i) % adapter.d_vocab for i in range(_SHORT)]
    try:
        with torch.inference_mode(mode=False):
            trace = record_parts(adapter, ids, Context())
            made = _outputs(adapter, ids)
    except CapabilityError as error:
        reason = error.reason
        with adapter.session() as view:
            n = len(blocks_of(view))
        return Places({w: [reason] * n for w in ("attn_out", "mlp_out")}, {w: [reason] * n for w in ("head", "neuron")})
    found = Places({"attn_out": [], "mlp_out": []}, {"head": [], "neuron": []})
    for layer in trace.layers:
        for what in ("attn_out", "mlp_out"):
            found.outputs[what].append(_output(trace, layer, _KINDS[what], made[layer], near(adapter)))
        found.inputs["head"].append(_input(trace, layer, "attn", trace.no_heads(layer)))
        found.inputs["neuron"].append(_input(trace, layer, "mlp", trace.no_neurons(layer)))
    return found


def _outputs(adapter: Lender, ids: Sequence[int]) -> list[dict[str, Tensor]]:
    """Of each block what its modules gave, float32 [pos, d_model], in the order in which they ended; those that ran once in it."""
    inputs = torch.tensor([list(ids)], device=adapter.device_of_inputs)
    with adapter.session() as view, torch.no_grad():
        blocks = blocks_of(view)
        made: list[dict[str, Tensor]] = [{} for _ in blocks]
        often: list[set[str]] = [set() for _ in blocks]
        now = [0]
        handles: list[Any] = []

        def begins(layer: int, *_: Any) -> None:  # noqa: ANN401
            now[0] = layer

        def ends(path: str, _module: nn.Module, _args: Any, output: Any) -> None:  # noqa: ANN401
            out: Any = first(output)
            if path in made[now[0]]:
                often[now[0]].add(path)
            elif torch.is_tensor(out) and out.numel() == len(ids) * adapter.d_model:
                made[now[0]][path] = out.detach().reshape(len(ids), -1).float().clone()

        seen: set[int] = set()
        for layer, block in enumerate(blocks):
            handles.append(block.register_forward_pre_hook(partial(begins, layer)))
            for path, module in block.named_modules():
                if path and id(module) not in seen:  # blocks may share modules
                    seen.add(id(module))
                    handles.append(module.register_forward_hook(partial(ends, path)))
        with hooked(*handles):
            passes.run(adapter, view, inputs, torch.tensor([len(ids) - 1], device=inputs.device))
    return [{p: out for p, out in of.items() if p not in twice} for of, twice in zip(made, often, strict=True)]


def _output(trace: PartsTrace, layer: int, kind: Kind, made: dict[str, Tensor], tolerance: float) -> Output | str:
    what = {"attn": "attention", "mlp": "MLP"}.get(kind, kind)
    written: list[Written] = trace._written[trace.layers.index(layer)][kind]
    if not written:
        return f"it has no {what}"
    varying = [w for w in written if not w.constant]
    total = trace.outputs[kind][trace.layers.index(layer)]
    if len(varying) == 1 and isinstance(varying[0].factor, float):
        main, factor = varying[0], float(varying[0].factor)
        rest = [w.value[0] for w in written if w is not main]
        offset = torch.stack(rest).sum(0) if rest else None
        for path in (main.linear, main.name):
            if path in made and not far(made[path], main.made, tolerance):
                return Output(path, factor, offset)
    if bool(total.any()):  # of what adds nothing on this text any module that gives nothing would do
        for path, out in made.items():
            if not far(out, total, tolerance):
                return Output(path)
    return f"what its {what} adds is not what one of its modules gives"


def _input(trace: PartsTrace, layer: int, kind: Kind, reason: str) -> Input | str:
    if reason:
        return reason
    main = next(w for w in trace._written[trace.layers.index(layer)][kind] if not w.constant)
    assert main.given is not None
    if kind == "attn":
        assert main.heads is not None
        return Input(main.linear, *main.heads)
    return Input(main.linear, main.given.shape[-1], 1)


__all__ = ["Input", "Output", "Places", "places"]
