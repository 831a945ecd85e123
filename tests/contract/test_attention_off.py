"""A head, a layer or an edge switched off gives the logits of a hand-written hook, for families with and without an attention function."""

from __future__ import annotations

from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn

from tests.contract.architectures import Bare, built
from xai_widgets.adapters.attention_off import without
from xai_widgets.adapters.base import Off
from xai_widgets.adapters.tiny import tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, CapabilityError, ValueRefusedError
from xai_widgets.testing.traces import differences, snapshot

IDS: Final = [3 + 7 * i % 50 for i in range(11)]
N: Final = len(IDS)
N_HEADS: Final = 4

TINY: Final = {
    "llama": "model.layers.{}.self_attn.o_proj",
    "gpt2": "transformer.h.{}.attn.c_proj",
    "gpt_neox": "gpt_neox.layers.{}.attention.dense",
    "mistral": "model.layers.{}.self_attn.o_proj",
    "qwen2": "model.layers.{}.self_attn.o_proj",
    "gemma2": "model.layers.{}.self_attn.o_proj",
    "bloom": "transformer.h.{}.self_attention.dense",
}
MORE: Final = {
    "opt": "model.decoder.layers.{}.self_attn.out_proj",
    "deepseek_v3": "model.layers.{}.self_attn.o_proj",
    "gpt_oss": "model.layers.{}.self_attn.o_proj",
    "inkling_text": "model.layers.{}.self_attn.o_proj",
    "gptj": "transformer.h.{}.attn.out_proj",
    "gpt_neo": "transformer.h.{}.attn.attention.out_proj",
    "codegen": "transformer.h.{}.attn.out_proj",
    "mpt": "transformer.blocks.{}.attn.out_proj",
    "falcon": "transformer.h.{}.self_attention.dense",
    "xglm": "model.layers.{}.self_attn.out_proj",
    "gpt_neox_japanese": "gpt_neox_japanese.layers.{}.attention.dense",
    "openai-gpt": "transformer.h.{}.attn.c_proj",
}
PLACES: Final = TINY | MORE
"""Where the output projection stands; written down here, found by rule in the package."""
OWN: Final = ("bloom", "gptj", "gpt_neo", "codegen", "mpt", "falcon", "xglm", "gpt_neox_japanese", "openai-gpt")
"""Families that don't ask transformers for their attention function."""


def model_of(kind: str) -> nn.Module:
    """The same weights each time."""
    return tiny_model(kind, vocab_size=64) if kind in TINY else built(kind)


def last_logits(model: nn.Module) -> Tensor:
    """After the last token."""
    with torch.no_grad():
        return model(torch.tensor([IDS]), use_cache=False).logits[0, -1]


def by_hand(kind: str, layer: int, head: int | None) -> Tensor:
    """Logits with the slice of the output projection's input set to zero."""
    model = model_of(kind)

    def zero(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        width = args[0].shape[-1] // N_HEADS
        given = args[0].clone()
        given[..., slice(None) if head is None else slice(head * width, (head + 1) * width)] = 0
        return (given,)

    model.get_submodule(PLACES[kind].format(layer)).register_forward_pre_hook(zero)
    return last_logits(model)


def gap(a: Tensor, b: Tensor) -> float:
    """Largest difference, of the size of the numbers."""
    return float((a - b).abs().max()) / max(1.0, float(b.abs().max()))


@pytest.mark.parametrize("kind", PLACES)
def test_heads_and_layers_are_those_of_a_hook(kind: str) -> None:
    """Several in one batch, nothing off among them; each as by hand, and as alone; no trace."""
    lent = Bare(kind, model_of(kind))
    usual = last_logits(lent.model)
    before = snapshot(lent.model)
    offs = [Off(0, 1), None, Off(2, 3), Off(1), Off(2, 0)]
    found = without(lent, IDS, offs, Context())
    assert found.shape == (5, 64)
    assert not differences(before, snapshot(lent.model))
    assert gap(found[1], usual) < 1e-5
    for off, logits in zip(offs, found, strict=True):
        assert gap(logits, without(lent, IDS, [off], Context())[0]) < 1e-5
        if off is not None:
            assert gap(logits, by_hand(kind, off.layer, off.head)) < 1e-5
            assert gap(logits, usual) > 1e-4


def hidden_by_hand(kind: str, layer: int, head: int, query: int | None, key: int) -> Tensor:
    """Logits of the eager model with the mask of one head of one layer changed."""
    model = model_of(kind)
    model.set_attn_implementation("eager")  # type: ignore[operator]

    def hide(_module: nn.Module, args: Any, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        mask = given["attention_mask"].expand(1, N_HEADS, N, N).clone()
        mask[:, head, slice(None) if query is None else query, key] = torch.finfo(mask.dtype).min
        return args, given | {"attention_mask": mask}

    attention = model.get_submodule(PLACES[kind].format(layer).rpartition(".")[0])
    attention.register_forward_pre_hook(hide, with_kwargs=True)
    return last_logits(model)


@pytest.mark.parametrize(
    "kind", ["llama", "gpt_neox", "mistral", "qwen2", "gemma2", "deepseek_v3", "gpt_oss", "inkling_text"]
)
@pytest.mark.parametrize(("query", "key"), [(N - 1, 8), (N - 1, 9), (9, 9), (None, 8)])
def test_an_edge_is_a_mask(kind: str, query: int | None, key: int) -> None:
    """In layer 0, where a changed query still reaches the last position; also of a key no query may see any more."""
    found = without(Bare(kind, model_of(kind)), IDS, [None, Off(0, 2, query, key), None], Context())
    assert gap(found[1], hidden_by_hand(kind, 0, 2, query, key)) < 1e-5
    assert gap(found[0], last_logits(model_of(kind))) < 1e-5
    assert gap(found[1], found[0]) > 1e-6


@pytest.mark.parametrize("kind", OWN)
def test_edges_of_other_families_are_refused(kind: str) -> None:
    """With the reason and what can be done."""
    with pytest.raises(CapabilityError, match="single edges can't"):
        without(Bare(kind, model_of(kind)), IDS, [Off(0, 1, 5, 3)], Context())


@pytest.mark.parametrize("kind", ["llama", "bloom"])
@pytest.mark.parametrize("off", [Off(3), Off(-1), Off(0, 4), Off(0, -1)])
def test_out_of_range_is_refused(kind: str, off: Off) -> None:
    """Layers and heads, in families of either way."""
    lent = Bare(kind, model_of(kind))
    with pytest.raises(ValueRefusedError, match="0 to"):
        without(lent, IDS, [None, off], Context())


def test_positions_out_of_range_are_refused() -> None:
    """Of an edge."""
    for off in (Off(0, 0, N, 0), Off(0, 0, 0, N), Off(0, 0, -1, 0)):
        with pytest.raises(ValueRefusedError, match="0 to 10"):
            without(Bare("llama", model_of("llama")), IDS, [off], Context())


@pytest.mark.parametrize(("kind", "layer"), [("mamba", 0), ("jamba", 0), ("minimax", 1)])
def test_layers_without_attention_are_refused(kind: str, layer: int) -> None:
    """By name of the layer."""
    with pytest.raises(CapabilityError, match=f"layer {layer} has no attention"):
        without(Bare(kind), IDS, [Off(layer, 0)], Context())


@pytest.mark.parametrize("kind", ["llama", "bloom", "gpt2"])
def test_cancel_and_errors_leave_no_trace(kind: str) -> None:
    """Stopped inside the pass, or broken there: the module is as before and the next answer right."""
    lent = Bare(kind, model_of(kind))
    offs = [Off(0, 1), Off(2)]
    right = without(lent, IDS, offs, Context())
    before = snapshot(lent.model)
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    with pytest.raises(CancelledError):
        without(lent, IDS, offs, Context(is_cancelled=cancelled))
    assert asked > 2
    assert not differences(before, snapshot(lent.model))

    def broken(*_: Any) -> None:
        raise ArithmeticError("broken on purpose")

    handle = lent.model.get_submodule(PLACES[kind].format(1)).register_forward_hook(broken)
    during = snapshot(lent.model)
    with pytest.raises(ArithmeticError):
        without(lent, IDS, offs, Context())
    assert not differences(during, snapshot(lent.model))
    handle.remove()
    assert torch.equal(without(lent, IDS, offs, Context()), right)
