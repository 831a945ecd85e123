"""Attention weights had without reloading equal those of the same weights loaded eager: a row a type of causal language model."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from tests.contract.architectures import ATTENTION, LEFT_OUT, TYPES, Attention, Bare, built
from xai_widgets.adapters.attention import Given, Tapped, capture, watched
from xai_widgets.adapters.base import AttentionCall
from xai_widgets.adapters.hooks import view
from xai_widgets.core.context import Context
from xai_widgets.testing.traces import differences, snapshot

N = 11
IDS = [3 + 7 * i % 50 for i in range(N)]
PADS = 3
NEAR = 1e-5


def eager(kind: str, mask: Tensor | None = None) -> list[Tensor]:
    """Maps [head, query, key] of the same weights loaded eager, in order; states of other layers are no maps."""
    model = built(kind, attention="eager")
    with torch.no_grad():
        given = model(torch.tensor([IDS]), output_attentions=True, use_cache=False, **padding(mask))
    maps = [m[0] for m in given.attentions or () if m is not None and m.ndim == 4]
    return [m for m in maps if m.shape[1] == N and m.shape[2] >= N]


def padding(mask: Tensor | None) -> dict[str, Tensor]:
    """A mask as an argument."""
    return {} if mask is None else {"attention_mask": mask}


def caught(kind: str, layers: Sequence[int] | None = None) -> tuple[list[AttentionCall], Bare]:
    """Calls of a pass."""
    lent, calls = Bare(kind), []
    capture(lent, IDS, calls.append, Context(), layers)
    return calls, lent


def filled(call: AttentionCall, start: int, stop: int, head: int | None = None) -> Tensor:
    """Rows with the keys that were left out."""
    rows = call.rows(start, stop, head)
    return torch.nn.functional.pad(rows, (0, call.n_key - rows.shape[-1]))


def gap(a: Tensor, b: Tensor) -> float:
    """Largest difference; shapes have to fit."""
    assert a.shape == b.shape
    return float((a - b).abs().max())


def pairs(kind: str, calls: Sequence[AttentionCall], maps: Sequence[Tensor]) -> list[tuple[AttentionCall, Tensor]]:
    """Each call with the map it should be. diffllama weighs twice with one map, and records it once."""
    maps = [m for m in maps for _ in range(2)] if kind == "diffllama" else list(maps)
    return list(zip(calls, maps, strict=True))


@pytest.mark.parametrize("kind", TYPES)
def test_weights_are_those_of_the_eager_model(kind: str) -> None:
    """All layers: whole maps, a block of rows, one head; which layers have none; the pass as it was and no trace."""
    row = ATTENTION.get(kind, Attention())
    model = built(kind)
    with torch.no_grad():
        plain = model(torch.tensor([IDS]), use_cache=False).logits
    lent, calls = Bare(kind, model), list[AttentionCall]()
    before = snapshot(model)
    capture(lent, IDS, calls.append, Context())
    assert gap(lent.logits, plain) < NEAR * max(1.0, float(plain.abs().max()))
    if kind != "rwkv":  # it rewrites its weights in any pass, which the loader refuses
        assert not differences(before, snapshot(model))
    if row.way == "none":
        assert not calls
        return
    places = [(i, k) for i in range(row.n_layers) if i not in row.gaps for k in range(row.calls)]
    assert [(call.layer, call.nth) for call in calls] == places
    tapped = {"function": Tapped, "output": Given, "whole": Given}[row.way]
    assert all(type(call) is tapped for call in calls)
    lowest = 1.0
    for call, whole in pairs(kind, calls, eager(kind)):
        assert gap(filled(call, 0, N), whole) < NEAR
        assert gap(filled(call, 4, 7), whole[:, 4:7]) < NEAR
        for head in (0, call.n_heads - 1):
            assert gap(filled(call, 2, 9, head), whole[head : head + 1, 2:9]) < NEAR
        sums = whole.sum(-1)
        assert float(sums.max()) < 1 + NEAR
        lowest = min(lowest, float(sums.min()))
    assert (lowest < 0.99) == row.rest


@pytest.mark.parametrize("kind", [kind for kind in TYPES if ATTENTION.get(kind, Attention()).way != "none"])
def test_one_layer_alone(kind: str) -> None:
    """The same numbers, and no call of any other layer."""
    every, _ = caught(kind)
    layer = every[len(every) // 2].layer
    alone, _ = caught(kind, [layer])
    same = [call for call in every if call.layer == layer]
    assert [(call.layer, call.nth) for call in alone] == [(call.layer, call.nth) for call in same]
    for one, other in zip(alone, same, strict=True):
        assert gap(one.rows(0, N), other.rows(0, N)) < NEAR


@pytest.mark.parametrize("kind", [k for k in TYPES if ATTENTION.get(k, Attention()).way in ("function", "output")])
def test_left_padding(kind: str) -> None:
    """A text with three pads before it: rows of the text as in the eager model with the same mask."""
    mask = torch.tensor([[0] * PADS + [1] * (N - PADS)])
    model, calls = built(kind), list[AttentionCall]()
    own = view(model)
    with torch.no_grad(), watched(own, None, calls.append):
        own(torch.tensor([IDS]), use_cache=False, **padding(mask))
    for call, whole in pairs(kind, calls, eager(kind, mask)):
        assert gap(filled(call, PADS, N), whole[:, PADS:]) < NEAR
        assert gap(filled(call, N - 2, N, 1), whole[1:2, N - 2 :]) < NEAR


@pytest.mark.parametrize(
    ("kind", "layer"), [("mistral", 1), ("gemma2", 0), ("gemma3_text", 0), ("gpt_oss", 0), ("gpt_neo", 1)]
)
def test_windows_bite(kind: str, layer: int) -> None:
    """The last row sees five positions and no more; that a shorter window is seen at all is what makes the rest a test."""
    calls, _ = caught(kind)
    last = filled(calls[layer], N - 1, N)[:, 0, :N]
    assert float(last[:, : N - 5].abs().max()) == 0
    assert float(last[:, N - 5 :].min()) > 0


def test_soft_caps_are_applied() -> None:
    """Without its cap gemma2 gives other weights."""
    capped = caught("gemma2")[0]
    free = built("gemma2")
    for module in free.modules():
        if hasattr(module, "attn_logit_softcapping"):
            module.attn_logit_softcapping = None
    calls: list[AttentionCall] = []
    capture(Bare("gemma2", free), IDS, calls.append, Context())
    assert gap(capped[0].rows(0, N), calls[0].rows(0, N)) > 1e-3


def test_every_registered_type_is_in_the_table() -> None:
    """Built here or left out with a reason, and nothing twice."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as REGISTERED

    assert len(set(TYPES)) == len(TYPES)
    assert not set(TYPES) & set(LEFT_OUT)
    assert set(TYPES) <= set(REGISTERED)
    assert set(ATTENTION) <= set(TYPES)
    assert set(REGISTERED) - set(TYPES) == set(LEFT_OUT)
    assert all(LEFT_OUT.values())
