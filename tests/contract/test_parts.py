"""What blocks add to the stream sums to it, and its parts to the logits: a row a type of causal language model."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn

from tests.contract.architectures import TYPES, Bare, built
from tests.contract.test_attention_off import MORE
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.hooks import first
from xai_widgets.adapters.logit_parts import logit_parts, probe
from xai_widgets.adapters.parts import record_parts
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, CapabilityError, ModelError, ValueRefusedError
from xai_widgets.testing.traces import differences, snapshot

N: Final = 11
IDS: Final = [3 + 7 * i % 50 for i in range(N)]
N_HEADS: Final = 4
AT: Final = (4, N - 1)
TARGETS, CONTRASTS = [5, 6, 20], [9, 8, 21]

_NO_SUM: Final = "what leaves block 0 is not what enters it with something added"
_FORM: Final = "block 0 has streams of its own form"
REFUSED: Final = {
    "cpmant": _FORM,  # its own prompt is prepended inside
    "deepseek_v4": _FORM,  # four streams
    "gemma3n_text": _FORM,
    "hy_v4": _FORM,
    "hrm_text": "its blocks run more than once in a pass",
    "inkling2_text": _NO_SUM,
    "modernbert-decoder": "not linear up to the output embedding",  # an activation in its head
    "openai-gpt": _NO_SUM,  # a layer norm on the stream itself
    "rwkv": _NO_SUM,
}
"""Types whose logits can't be taken apart, and what is said of them."""
CAPS: Final = {"gemma2": 30.0, "nanochat": 15.0, "recurrent_gemma": 30.0, "vaultgemma": 30.0}
"""Types with a soft cap on their logits, as their configurations say."""
WHOLE_LAYERS: Final = frozenset(
    ("diffllama", "falcon_mamba", "inkling_text", "jetmoe", "longcat_flash", "mamba", "mamba2", "zamba", "zamba2")
)
"""Types none of whose layers is a plain projection of heads; in all others some layer is."""


@contextmanager
def watched(model: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """What the user's own blocks read and give, and what comes out of the head, by hooks of the test's own."""
    seen: dict[str, list[Tensor]] = {"pre": [], "post": [], "head": []}
    handles: list[Any] = []
    for block in blocks_of(model):
        handles.append(block.register_forward_pre_hook(lambda _m, a: seen["pre"].append(a[0][0].clone())))
        handles.append(block.register_forward_hook(lambda _m, _a, out: seen["post"].append(first(out)[0].clone())))
    head: Any = model
    handles.append(head.get_output_embeddings().register_forward_hook(lambda _m, _a, out: seen["head"].append(out[0])))
    yield seen
    for handle in handles:
        handle.remove()


def far(a: Tensor, b: Tensor) -> float:
    """Largest difference, as a share of the largest entry."""
    assert a.shape == b.shape
    return float((a - b).abs().max()) / float(b.abs().max())


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in REFUSED])
def test_parts_sum_to_streams_and_logits(kind: str) -> None:
    """Against hooks on the user's model: streams, logits before the soft cap; heads and neurons sum to their layer; no trace."""
    model = built(kind)
    lent = Bare(kind, model)
    before = snapshot(model)
    assert probe(lent).reason == ""
    found = logit_parts(lent, IDS, AT, Context())
    trace = found.trace
    assert not differences(before, snapshot(model))
    with watched(model) as seen, torch.no_grad():
        logits = model(torch.tensor([IDS]), use_cache=False).logits[0]

    for layer, carried in enumerate(trace.carried):
        assert far(trace.resid_pre[layer], seen["pre"][layer][list(AT)]) < 1e-5
        total = trace.resid_pre[layer] * carried + sum(out[layer] for out in trace.outputs.values())
        assert far(total, seen["post"][layer][list(AT)]) < 1e-4

    assert found.softcap == (pytest.approx(CAPS[kind], rel=1e-3) if kind in CAPS else None)
    uncapped = seen["head"][0][:, : logits.shape[-1]] * found.readout.factor
    capped = uncapped if found.softcap is None else found.softcap * torch.tanh(uncapped / found.softcap)
    assert far(capped, logits) < 1e-4
    size = float(uncapped[-1].abs().max())
    for pos in AT:
        assert far(found.logits(pos), uncapped[pos]) < 1e-4
        shares = found.shares(pos, TARGETS, CONTRASTS)
        own = uncapped[pos][TARGETS] - uncapped[pos][CONTRASTS]
        assert float((shares.sum(1) - own).abs().max()) < 1e-4 * size
        _check_split(found, pos, shares, size)
    split = [layer for layer in trace.layers if not found.unsplit(layer)[0]]
    assert bool(split) == (kind not in WHOLE_LAYERS)


def _check_split(found: Any, pos: int, shares: Tensor, size: float) -> None:
    """Heads, neurons and what is constant beside them sum to their component; a neuron's words agree with its share."""
    for layer in found.trace.layers:
        no_heads, no_neurons = found.unsplit(layer)
        if no_heads:
            with pytest.raises(CapabilityError, match=no_heads[:20]):
                found.heads(layer, pos, TARGETS)
        else:
            heads, rest = found.heads(layer, pos, TARGETS, CONTRASTS)
            assert heads.shape == (3, N_HEADS)
            whole = shares[:, found.components.index(("attn", layer))]
            assert float((heads.sum(1) + rest - whole).abs().max()) < 1e-4 * size
            vectors, bias = found.trace.heads(layer, pos)
            assert far(vectors.sum(0) + bias, found.trace.attn_out[layer, found.trace.at.index(pos)]) < 1e-4
        if no_neurons:
            with pytest.raises(CapabilityError, match=no_neurons[:20]):
                found.neurons(layer, pos, TARGETS)
        else:
            neurons, rest = found.neurons(layer, pos, TARGETS, CONTRASTS)
            whole = shares[:, found.components.index(("mlp", layer))]
            assert float((neurons.sum(1) + rest - whole).abs().max()) < 1e-4 * size
            said = found.words(layer, pos, [3])[0] * found.activations(layer, pos)[3]
            assert float((said[TARGETS] - said[CONTRASTS] - neurons[:, 3]).abs().max()) < 1e-4 * size


@pytest.mark.parametrize("kind", REFUSED)
def test_types_that_are_refused_with_the_reason(kind: str) -> None:
    """Found out by running, not by name; asking all the same raises."""
    lent = Bare(kind)
    found = probe(lent)
    assert not found.works
    assert REFUSED[kind] in found.reason
    with pytest.raises(CapabilityError):
        logit_parts(lent, IDS, AT, Context())


@pytest.mark.parametrize("kind", sorted(set(MORE) - {"openai-gpt", "inkling_text"}))
def test_a_head_is_its_slice_of_the_projection(kind: str) -> None:
    """Against the user's own output projection, run on the head's slice alone; the module is written down in a test."""
    model = built(kind)
    given: list[Tensor] = []
    module = model.get_submodule(MORE[kind].format(2))
    handle = module.register_forward_pre_hook(lambda _m, a: given.append(a[0]))
    with torch.no_grad():
        model(torch.tensor([IDS]), use_cache=False)
        handle.remove()
        row = given[0].reshape(N, -1)[AT[0]]
        nothing = module(torch.zeros_like(row)[None, None])[0, 0]
        heads, bias = record_parts(Bare(kind, model), IDS, Context(), at=AT).heads(2, AT[0])
        assert far(bias, nothing) < 1e-5 if bool(nothing.any()) else not bool(bias.any())
        for head in range(N_HEADS):
            alone = torch.zeros_like(row)
            part = slice(head * len(row) // N_HEADS, (head + 1) * len(row) // N_HEADS)
            alone[part] = row[part]
            assert far(heads[head], module(alone[None, None])[0, 0] - nothing) < 1e-5


@pytest.mark.parametrize(
    ("kind", "attention", "mixers"),
    [
        ("llama", (0, 1, 2, 3), ()),
        ("falcon", (0, 1, 2, 3), ()),
        ("bamba", (1, 3), (0, 2)),
        ("falcon_h1", (0, 1, 2, 3), (0, 1, 2, 3)),
        ("lfm2_moe", (1, 3), (0, 2)),
        ("zamba", (), (0, 1, 2, 3)),  # what its attention gives goes into the mixer, not into the stream
        ("mamba", (), (0, 1, 2, 3)),
    ],
)
def test_who_looks_at_other_positions(kind: str, attention: tuple[int, ...], mixers: tuple[int, ...]) -> None:
    """Attention, other ways of taking something from earlier positions, and MLPs, told apart by changing the stream."""
    has = record_parts(Bare(kind), IDS, Context(), at=[N - 1]).has
    assert tuple(i for i, there in enumerate(has["attn"]) if there) == attention
    assert tuple(i for i, there in enumerate(has["mixer"]) if there) == mixers


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_chosen_layers_and_positions_are_those_of_the_whole(kind: str) -> None:
    """Kept alone, a layer and a position have the numbers they have among all."""
    lent = Bare(kind)
    whole, some = record_parts(lent, IDS, Context()), record_parts(lent, IDS, Context(), layers=[3, 1], at=[7, 2])
    assert whole.attn_out.shape == (4, N, 32)
    assert some.layers == (1, 3)
    assert torch.equal(some.attn_out, whole.attn_out[[1, 3]][:, [7, 2]])
    assert torch.equal(some.mlp_out, whole.mlp_out[[1, 3]][:, [7, 2]])
    assert torch.equal(some.heads(3, 2)[0], whole.heads(3, 2)[0])


def test_what_is_out_of_range_is_refused() -> None:
    """Layers, positions, and those that were not kept."""
    lent = Bare("llama")
    cases: list[dict[str, list[int]]] = [{"layers": [4]}, {"layers": []}, {"at": [N]}, {"at": [-1]}]
    for given in cases:
        with pytest.raises(ValueRefusedError):
            record_parts(lent, IDS, Context(), **given)
    some = record_parts(lent, IDS, Context(), layers=[1], at=[2])
    with pytest.raises(ValueRefusedError, match="layer"):
        some.heads(0, 2)
    with pytest.raises(ValueRefusedError, match="position"):
        some.heads(1, 3)


def test_cancelled_between_layers_without_a_trace() -> None:
    """The view goes, the model is as it was, and the next call works."""
    model = built("llama")
    lent = Bare("llama", model)
    record_parts(lent, IDS, Context())
    before, asked = snapshot(model), iter([False, False, True])
    with pytest.raises(CancelledError):
        record_parts(lent, IDS, Context(is_cancelled=lambda: next(asked)))
    assert not differences(before, snapshot(model))
    assert record_parts(lent, IDS, Context()).attn_out.shape == (4, N, 32)


def test_weights_that_changed_meanwhile_are_noticed() -> None:
    """Heads are asked of the weights there are now: other ones than those of the pass are refused."""
    lent = Bare("llama")
    found = record_parts(lent, IDS, Context())
    with torch.no_grad():
        for parameter in lent.model.parameters():
            parameter.mul_(1.1)
    with pytest.raises(ModelError, match="changed"):
        found.heads(1, 3)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "bloom"])
def test_half_precision_sums_to_its_rounding(kind: str) -> None:
    """In bfloat16 every sum of the model's own is rounded: the parts agree to that, and the capability stays."""
    lent = Bare(kind, built(kind).to(torch.bfloat16))
    lent.dtype = "bfloat16"
    assert probe(lent).reason == ""
    found = logit_parts(lent, IDS, AT, Context())
    logits = found.logits(N - 1)
    assert float((found.shares(N - 1, TARGETS).sum(1) - logits[TARGETS]).abs().max()) < 5e-2 * float(logits.abs().max())


def test_one_token_alone() -> None:
    """A text of one token: what is as large as the stream is not taken for a gain."""
    for kind in ("llama", "gpt2", "gemma2"):
        found = logit_parts(Bare(kind), IDS[:1], [0], Context())
        logits = found.logits(0)
        assert float((found.shares(0, TARGETS).sum(1) - logits[TARGETS]).abs().max()) < 1e-4 * float(logits.abs().max())


@pytest.mark.skipif(
    importlib.util.find_spec("peft") is None, reason="needs peft; pip install peft, then run this file again"
)
def test_heads_and_neurons_under_an_adapter_of_peft() -> None:
    """A projection with a low-rank part beside it is one linear map."""
    import peft

    config = peft.LoraConfig(
        target_modules=["q_proj", "o_proj", "down_proj"], init_lora_weights=False, task_type="CAUSAL_LM"
    )
    lent = Bare("llama", peft.get_peft_model(built("llama"), config))
    found = logit_parts(lent, IDS, AT, Context())
    logits = found.logits(N - 1)
    shares = found.shares(N - 1, TARGETS, CONTRASTS)
    assert far(shares.sum(1), logits[TARGETS] - logits[CONTRASTS]) < 1e-4
    _check_split(found, N - 1, shares, float(logits.abs().max()))
    assert found.unsplit(0) == ("", "")
