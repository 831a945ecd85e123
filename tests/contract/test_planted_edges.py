"""Which edges of models of known mechanism carry the answer, by hand: one edge at a time carries the corrupted prompt's numbers.

The circuits' layer norms multiply by 1, so what a part writes reaches a reader as it is, through the reader's own weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from xai_widgets.testing.mechanisms import MECHANISMS, Mechanism
from xai_widgets.testing.planted import hits

every = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
Key = tuple[str, str, str]


def run(mechanism: Mechanism, prompt: str, *hooks: tuple[Any, Callable[..., Any]]) -> Tensor:
    """Logits [pos, d_vocab] with these forward hooks."""
    handles = [module.register_forward_hook(hook) for module, hook in hooks]
    ids = torch.tensor([mechanism.adapter.tokenize(prompt).ids.tolist()])
    try:
        with torch.no_grad():
            return mechanism.model(ids, attention_mask=torch.ones_like(ids)).logits[0]
    finally:
        for handle in handles:
            handle.remove()


def written(mechanism: Mechanism, prompt: str) -> dict[str, Tensor]:
    """What each node writes to the stream, [pos, d_model], in the order of the pass."""
    model, found = mechanism.model, {}
    n_heads, hooks = int(model.config.n_head), []

    def keep(name: str) -> Callable[..., None]:
        return lambda _module, _args, output: found.__setitem__(name, output[0])

    def heads(layer: int) -> Callable[..., None]:
        def split(module: Any, args: tuple[Tensor], _output: Tensor) -> None:
            mixed = args[0][0].unflatten(-1, (n_heads, -1))
            weight = module.weight.unflatten(0, (n_heads, -1))
            for head in range(n_heads):
                found[f"head {layer}.{head}"] = mixed[:, head] @ weight[head]

        return split

    hooks.append((model.transformer.drop, keep("embedding")))
    for layer, block in enumerate(model.transformer.h):
        hooks += [(block.attn.c_proj, heads(layer)), (block.mlp, keep(f"MLP {layer}"))]
    run(mechanism, prompt, *hooks)
    return found


def readers(mechanism: Mechanism) -> Iterator[tuple[str, str, set[str], Any, slice]]:
    """(name, path, nodes that come before it, the linear map that reads the stream, its columns)."""
    model, before = mechanism.model, {"embedding"}
    n_heads, width = int(model.config.n_head), int(model.config.n_embd)
    size = width // n_heads
    for layer, block in enumerate(model.transformer.h):
        for head in range(n_heads):
            for i, path in enumerate("qkv"):
                start = i * width + head * size
                yield f"head {layer}.{head}", path, set(before), block.attn.c_attn, slice(start, start + size)
        before |= {f"head {layer}.{head}" for head in range(n_heads)}
        yield f"MLP {layer}", "", set(before), block.mlp.c_fc, slice(None)
        before.add(f"MLP {layer}")
    yield "logits", "", before, model.lm_head, slice(None)


def lost(mechanism: Mechanism) -> dict[Key, float]:
    """Share of the difference between both prompts that is lost by each edge alone."""
    target = mechanism.question.target
    clean, corrupted = written(mechanism, mechanism.prompt), written(mechanism, mechanism.corrupted)

    def number(logits: Tensor) -> float:
        last = logits[-1]
        return float(last[target.ids[0]] - (last[target.contrast_ids[0]] if target.contrast_ids else 0))

    whole, without = number(run(mechanism, mechanism.prompt)), number(run(mechanism, mechanism.corrupted))
    found = {}
    for name, path, before, reader, columns in readers(mechanism):
        weight = reader.weight.T if isinstance(reader, torch.nn.Linear) else reader.weight
        for source in before:
            change = (corrupted[source] - clean[source]) @ weight[:, columns]

            def add(_module: Any, _args: Any, output: Tensor, change: Tensor = change, at: slice = columns) -> Tensor:
                output = output.clone()
                output[0, :, at] += change
                return output

            after = number(run(mechanism, mechanism.prompt, (reader, add)))
            found[source, name, path] = (whole - after) / (whole - without)
    return found


@every
def test_planted_edges_carry_the_answer_and_no_others_do(mechanism: Mechanism) -> None:
    """Each loses its share, all others nothing; so with k planted they are the k largest."""
    found = lost(mechanism)
    planted = {edge.key: edge.brings for edge in mechanism.edges}
    assert {key: found.pop(key) for key in planted} == pytest.approx(planted, abs=1e-4)
    assert max(map(abs, found.values())) < 1e-4


@every
def test_edges_join_the_planted_parts(mechanism: Mechanism) -> None:
    """The heads that edges name are the planted ones, and MLPs are named where an MLP's output is planted."""
    ends = {end for edge in mechanism.edges for end in (edge.source, edge.target)}
    heads = {f"head {part.layer}.{part.index}" for part in mechanism.planted if part.kind == "head"}
    mlps = {f"MLP {part.layer}" for part in mechanism.planted if part.kind == "mlp_out"}
    assert ends == heads | mlps | {"embedding", "logits"}


def test_ties_count_against_the_planted() -> None:
    """Of what is alike the others come first."""
    assert hits({"a", "b"}, {"a": 1.0, "b": 0.5, "c": 0.2}) == 2
    assert hits({"a", "b"}, {"a": -1.0, "b": 0.5, "c": 0.5}) == 1
    assert hits({"a"}, {"a": 0.0, "b": 1e-9}) == 0
