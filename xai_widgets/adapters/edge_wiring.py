"""Where the parts of a model's blocks come out: found by running it, and checked against what each block adds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from xai_widgets.adapters import attention
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.edge_blocks import Call, Wiring, calls_of, ending, heads_of, mlp_of, refuse, run_block
from xai_widgets.adapters.hooks import first, hooked, module_ids
from xai_widgets.adapters.parts import Kind, Lender, PartsTrace, far, near, record_parts
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError

_SHORT = 6


_FOUND: WeakKeyDictionary[Any, tuple[tuple[int, ...], list[Wiring]]] = WeakKeyDictionary()
"""Wirings by adapter, with the modules they were found in."""


def wiring_of(adapter: Lender, context: Context) -> list[Wiring]:
    """Of each block; tried on a short text at first use.

    Raises:
        CapabilityError: heads or MLPs of this model can't be run on streams of their own.
    """
    modules = module_ids(adapter.model)
    known = _FOUND.get(adapter)
    if known is None or known[0] != modules:
        known = _FOUND[adapter] = (modules, _find(adapter, context))
    return known[1]


def _find(adapter: Lender, context: Context) -> list[Wiring]:
    found = record_parts(adapter, [(7 + 31 * i) % adapter.d_vocab for i in range(_SHORT)], context)
    for row, layer in enumerate(found.layers):
        if found.has["mixer"][row]:
            raise refuse(f"block {layer} takes something from other positions without attention")
        if isinstance(found.carried[row], Tensor) or found.carried[row] != 1:
            raise refuse(f"block {layer} scales the stream it adds to")
    out: list[Wiring] = []
    with adapter.session() as view, torch.no_grad():
        calls, adders = _read(adapter, view, found)
        for layer, call in enumerate(calls):
            context.check()
            stream = found.resid_pre[layer]
            wiring, constant = _attention(adapter, view, found, layer, call, adders[layer])
            wiring = _mlp(found, layer, wiring, adders[layer])
            if wiring.mlp:
                wiring = replace(wiring, parallel=bool(wiring.writer) and _parallel(view, layer, wiring, call, stream))
                read = stream if wiring.parallel else stream + found.attn_out[layer]
                if far(mlp_of(view, layer, wiring, call, read, constant), found.mlp_out[layer], near(adapter)):
                    raise refuse(f"what the MLP of block {layer} adds is not what it writes")
            out.append(wiring)
    return out


def _attention(
    adapter: Lender, view: nn.Module, found: PartsTrace, layer: int, call: Call, adders: dict[Kind, str]
) -> tuple[Wiring, Tensor]:
    """A block's wiring without its MLP, and what its attention adds whatever its heads say: by heads, or else as a whole."""
    dtype = getattr(torch, adapter.dtype)
    stream, added = found.resid_pre[layer], found.attn_out[layer]
    none = Wiring("", 0, "", (1.0, 1.0), dtype)
    if not found.has["attn"][layer]:
        return none, torch.zeros_like(stream)
    maker, factors = found.maker(layer, "attn"), found.factors(layer, "attn")
    tries = []
    if maker and not any(isinstance(f, Tensor) for f in factors):
        n_heads = len(found.heads(layer, 0)[0])
        tries.append(replace(none, writer=maker, n_heads=n_heads, factors=(float(factors[0]), 1.0)))
    if adders.get("attn"):
        tries.append(replace(none, writer=adders["attn"], n_heads=1, whole=True))
    refused = refuse(f"what the attention of block {layer} adds is not the output of one module")
    for wiring in tries:
        pick = torch.zeros(3, wiring.n_heads, dtype=torch.long)
        try:
            written, constant = heads_of(view, layer, wiring, call, stream[None], pick, range(wiring.n_heads))
        except CapabilityError as error:
            refused = error
            continue
        if not far(written.sum(0) + constant, added, near(adapter)):
            return wiring, constant
    raise refused


def _mlp(found: PartsTrace, layer: int, wiring: Wiring, adders: dict[Kind, str]) -> Wiring:
    if not found.has["mlp"][layer]:
        return wiring
    maker, factors = found.maker(layer, "mlp"), found.factors(layer, "mlp")
    if maker and not any(isinstance(f, Tensor) for f in factors):
        return replace(wiring, mlp=maker, factors=(wiring.factors[0], float(factors[0])))
    if adders.get("mlp"):
        return replace(wiring, mlp=adders["mlp"])
    raise refuse(f"what the MLP of block {layer} adds is not the output of one module")


def _read(adapter: Lender, view: nn.Module, found: PartsTrace) -> tuple[list[Call], list[dict[Kind, str]]]:
    """How each block is called, and the last module in it whose output is what a part adds."""
    adders: list[dict[Kind, str]] = [{} for _ in found.layers]

    def look(layer: int, path: str) -> Any:  # noqa: ANN401 - a hook
        def after(_module: nn.Module, _args: Any, output: Any) -> None:  # noqa: ANN401 - a hook
            given: Any = first(output)
            if not torch.is_tensor(given) or given.numel() != found.resid_pre[layer].numel():
                return
            for kind in ("attn", "mlp"):
                added = found.outputs[kind][layer]
                if found.has[kind][layer] and not far(given.reshape(added.shape).float(), added, near(adapter)):
                    adders[layer][kind] = path

        return after

    handles = [
        module.register_forward_hook(look(layer, path))
        for layer, block in enumerate(blocks_of(view))
        for path, module in block.named_modules()
        if path
    ]
    with hooked(*handles):
        return calls_of(adapter, view, found.ids), adders


def _parallel(view: nn.Module, layer: int, wiring: Wiring, call: Call, stream: Tensor) -> bool:
    """Whether a block's MLP gives the same whatever its heads write: on the text's stream, and on others, for neurons that are off there."""
    draw = torch.Generator().manual_seed(5)
    noise = torch.randn(3, *stream.shape, generator=draw).to(stream) * (float(stream.std()) or 1.0)
    return all(
        torch.equal(*(_beside(view, layer, wiring, call, s, silent=silent) for silent in (False, True)))
        for s in (stream, noise[0], 5 * noise[1], stream + noise[2])
    )


def _beside(view: nn.Module, layer: int, wiring: Wiring, call: Call, stream: Tensor, *, silent: bool) -> Tensor:
    """What a block's MLP gives with its heads as they are, or silent."""
    made: list[Tensor] = []

    def attends(tapped: attention.Tapped, run: attention.Run) -> Tensor:
        return run(tapped.query, tapped.key, tapped.value) * (0 if silent else 1)

    with hooked(blocks_of(view)[layer].get_submodule(wiring.mlp).register_forward_hook(ending(made))):
        run_block(view, layer, call, stream[None].to(wiring.dtype), attends, expected=False)
    return made[0]


__all__ = ["wiring_of"]
