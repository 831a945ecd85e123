"""Who wrote a logit: by hand on one token, on models of known mechanism, and on the default model."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
import pytest
import torch

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.adapters.tiny import tiny
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, ModelError, TargetError, ValueRefusedError
from xai_widgets.core.parts import LogitShares
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.explainers.decomposition.direct_logit_attribution import DirectLogitAttribution
from xai_widgets.testing.mechanisms import MECHANISMS

HERE = Context()


def asked(name: str) -> tuple[DirectLogitAttribution, list[int], list[int]]:
    """A model of known mechanism, with target and contrast."""
    mechanism = MECHANISMS[name]
    question = mechanism.question
    maker = DirectLogitAttribution(mechanism.adapter, question.tokens)
    return maker, list(question.target.ids), list(question.target.contrast_ids)


def test_is_registered() -> None:
    """By its name, where views look."""
    assert INSPECTORS["direct_logit_attribution"] is DirectLogitAttribution


def test_one_token_of_a_llama_by_hand() -> None:
    """With one token attention is the value itself, so two blocks fit in a few lines of numpy."""
    lm = tiny("llama")
    whole: Any = lm.model
    model, config = whole.model, whole.config
    token, target, contrast = 17, 5, 40
    eps, group = config.rms_norm_eps, config.num_attention_heads // config.num_key_value_heads
    d_head = config.head_dim

    def weight(module: torch.nn.Module) -> np.ndarray:
        return np.asarray(module.get_parameter("weight").detach().double())

    def norm(module: torch.nn.Module, x: np.ndarray) -> np.ndarray:
        return np.asarray(x / np.sqrt((x**2).mean() + eps) * weight(module))

    stream = weight(model.embed_tokens)[token]
    written, by_head = [stream], []
    for block in model.layers:
        values = (weight(block.self_attn.v_proj) @ norm(block.input_layernorm, stream)).reshape(-1, d_head)
        values = values.repeat(group, 0)
        out = weight(block.self_attn.o_proj).reshape(len(stream), -1, d_head)
        heads = np.einsum("dhv,hv->hd", out, values)
        stream = stream + heads.sum(0)
        x = norm(block.post_attention_layernorm, stream)
        gate = weight(block.mlp.gate_proj) @ x
        mlp = weight(block.mlp.down_proj) @ (gate / (1 + np.exp(-gate)) * (weight(block.mlp.up_proj) @ x))
        stream = stream + mlp
        written += [heads.sum(0), mlp]
        by_head.append(heads)
    head = weight(whole.lm_head)
    direction = (head[target] - head[contrast]) * weight(model.norm) / np.sqrt((stream**2).mean() + eps)

    shares = DirectLogitAttribution(lm, lm.tokenize([token])).look(HERE, [target], [contrast])
    n = len(model.layers)
    names = [f"{kind} {layer}" for layer in range(n) for kind in ("attn", "mlp")]
    assert shares.components == ("embedding", *names, "bias")
    np.testing.assert_allclose(shares.values[0], [*(w @ direction for w in written), 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(shares.heads[0], np.array(by_head) @ direction, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(shares.logits[0], stream @ direction, rtol=1e-4)
    assert shares.softcap is None
    assert shares.gap < 1e-5


@pytest.mark.parametrize(("name", "layer"), [("bag_of_words", 0), ("lookup", 0), ("copy", 1), ("induction", 1)])
def test_the_planted_head_wrote_it(name: str, layer: int) -> None:
    """The head that writes the answer has all of the logit, to rounding; nothing else has any."""
    maker, ids, contrasts = asked(name)
    shares = maker.look(HERE, ids, contrasts)
    at = shares.components.index(f"attn {layer}")
    assert abs(shares.logits[0]) > 0.3
    assert shares.values[0, at] == pytest.approx(shares.logits[0], rel=1e-4)
    assert np.abs(np.delete(shares.values[0], at)).max() < 1e-4
    assert shares.heads[0, layer, 0] == pytest.approx(shares.logits[0], rel=1e-4)


def test_lookup_in_closed_form() -> None:
    """Of four positions one matches: its share of attention goes to its city, the others' to theirs."""
    maker, _, _ = asked("lookup")
    rome, paris = (MECHANISMS["lookup"].circuit.id(city) for city in ("rome", "paris"))
    shares = maker.look(HERE, [rome, paris])
    full = exp(4) / (exp(4) + 3)
    np.testing.assert_allclose(shares.of("attn 0"), [full, (1 - full) / 3], rtol=1e-3)
    assert maker.look(HERE).ids == (rome,)  # the most probable token, where none is named


def test_saturation_is_two_neurons_of_opposite_sign() -> None:
    """min(1, mean) is one neuron with the mean and one that takes off what is more than 1: mean 18 / 5."""
    maker, ids, _ = asked("saturated")
    shares = maker.look(HERE, ids)
    assert shares.components[int(np.abs(shares.values[0]).argmax())] == "mlp 0"
    assert shares.of("mlp 0")[0] == pytest.approx(1, rel=1e-3)
    first, second = maker.neurons(HERE, 0, ids[0])
    assert (first.index, second.index) == (0, 1)
    assert first.share == pytest.approx(18 / 5, rel=1e-3)
    assert second.share == pytest.approx(1 - 18 / 5, rel=1e-3)
    assert first.activation * first.top_logits[0] == pytest.approx(first.share, rel=1e-3)
    assert first.top[0] == second.bottom[0] == ids[0]


def test_what_comes_by_way_of_a_neuron_counts_for_the_head_that_writes() -> None:
    """The verdict of `negation` is made by neurons at another position; the head that brings it has the whole share."""
    maker, ids, contrasts = asked("negation")
    shares = maker.look(HERE, ids, contrasts)
    assert shares.of("attn 1")[0] == pytest.approx(shares.logits[0], rel=1e-4)
    assert abs(shares.of("mlp 0")[0]) < 1e-4


def sums(shares: LogitShares) -> None:
    """All parts sum to the logit; heads and the rest to their block."""
    size = float(np.abs(shares.logits).max())
    assert np.abs(shares.values.sum(1) - shares.logits).max() < 1e-4 * size
    for layer in range(shares.heads.shape[1]):
        whole = shares.heads[:, layer].sum(-1) + shares.rests[:, layer]
        assert np.abs(whole - shares.of(f"attn {layer}")).max() < 1e-4 * size


def test_default_model(lm: ModelAdapter) -> None:
    """The logit is the model's own; contrasts are differences; an inner position is that of the text cut there."""
    text = "The capital of France is Paris. The capital of Italy is"
    tokens = lm.tokenize(text)
    rome, paris = (lm.continuation(f" {city}")[0] for city in ("Rome", "Paris"))
    maker = DirectLogitAttribution(lm, tokens)
    both = maker.look(HERE, [rome, paris])
    sums(both)
    assert both.gap < 1e-5
    own = {c.id: c.logit for c in lm.candidates(tokens, 1, also=[rome, paris])}
    np.testing.assert_allclose(both.logits, [own[rome], own[paris]], rtol=1e-4)
    assert both.heads.shape == (2, lm.n_layers, lm.n_heads)
    assert not both.missing
    assert not both.neurons
    difference = maker.look(HERE, [rome], [paris])
    np.testing.assert_allclose(difference.values[0], both.values[0] - both.values[1], atol=1e-4)
    cut = len(tokens) - 4
    inner = DirectLogitAttribution(lm, tokens, cut - 1).look(HERE, [rome])
    alone = DirectLogitAttribution(lm, lm.tokenize(tokens.ids[:cut].tolist())).look(HERE, [rome])
    np.testing.assert_allclose(inner.values, alone.values, atol=1e-3)


def test_neurons_of_the_default_model(lm: ModelAdapter) -> None:
    """Strongest first; all shares of a layer sum to its component; top words have the largest logits of the value."""
    tokens = lm.tokenize("The capital of Italy is")
    rome = lm.continuation(" Rome")[0]
    maker = DirectLogitAttribution(lm, tokens)
    layer = lm.n_layers - 2
    every = maker.neurons(HERE, layer, rome, k=100_000, words=1)
    total = sum(neuron.share for neuron in every)
    assert total == pytest.approx(float(maker.look(HERE, [rome]).of(f"mlp {layer}")[0]), abs=1e-3)
    few = maker.neurons(HERE, layer, rome, k=3)
    assert [n.index for n in few] == [n.index for n in every[:3]]
    assert abs(few[0].share) >= abs(few[1].share) >= abs(few[2].share)
    assert (np.diff(few[0].top_logits) <= 0).all()
    assert (np.diff(few[0].bottom_logits) >= 0).all()
    said = lm.parts(tokens.ids.tolist(), [len(tokens) - 1], HERE).words(layer, len(tokens) - 1, [few[0].index])
    assert few[0].top.tolist() == said[0].topk(10).indices.tolist()
    assert few[0].activation * float(said[0, rome]) == pytest.approx(few[0].share, rel=1e-3)


def test_refusals() -> None:
    """What can't be asked says so, before anything is computed wrongly."""
    lm = tiny("gpt2")
    tokens = lm.tokenize([5, 6, 7])
    maker = DirectLogitAttribution(lm, tokens)
    with pytest.raises(TargetError, match="same token"):
        maker.look(HERE, [4], [4])
    with pytest.raises(TargetError, match="one by one"):
        maker.look(HERE, [4, 5], [6])
    with pytest.raises(ValueRefusedError, match="token"):
        maker.look(HERE, [lm.d_vocab])
    with pytest.raises(ValueRefusedError, match="layer"):
        maker.neurons(HERE, 99, 4)
    with pytest.raises(ValueRefusedError, match="position"):
        DirectLogitAttribution(lm, tokens, 3)
    with pytest.raises(CancelledError):
        DirectLogitAttribution(lm, tokens).look(Context(is_cancelled=lambda: True))


def test_changed_weights_are_refused() -> None:
    """A picture is of one model."""
    lm = tiny("gpt2")
    maker = DirectLogitAttribution(lm, lm.tokenize([5, 6, 7]))
    maker.look(HERE)
    with torch.no_grad():
        lm.model.get_submodule("transformer.wte").get_parameter("weight").add_(0.1)
    with pytest.raises(ModelError, match="changed"):
        maker.look(HERE)


def test_under_inference_mode() -> None:
    """A caller's own modes do not matter."""
    lm = tiny("llama")
    with torch.inference_mode():
        sums(DirectLogitAttribution(lm, lm.tokenize([5, 6, 7])).look(HERE, [9, 10]))


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma2"])
def test_what_comes_from_each_position_sums_to_the_head(kind: str) -> None:
    """On heads of their own, on heads that share keys, and behind a norm of their own and under soft caps and windows."""
    lm = tiny(kind)
    maker = DirectLogitAttribution(lm, lm.tokenize([5, 6, 7, 8, 9, 10, 11]))
    shares = maker.look(HERE, [9], [10])
    for layer, row in enumerate(shares.heads[0]):
        for head, share in enumerate(row):
            found = maker.head(HERE, layer, head, 9, 10, longest=7)
            assert found.reason == ""
            assert found.shares is not None
            assert found.share == pytest.approx(share, rel=1e-5)
            assert abs(found.shares.sum() - share) < 1e-4 * np.abs(row).max()
            assert found.weights.sum() == pytest.approx(1, abs=1e-5)
            assert found.pattern is not None
            np.testing.assert_allclose(found.pattern[-1], found.weights, atol=1e-6)


def test_by_position_of_a_llama_by_hand() -> None:
    """sum_j A_ij (v_j W_O) . direction, from the model's own weights: values of grouped heads, first layer."""
    lm = tiny("llama")
    whole: Any = lm.model
    model, config = whole.model, whole.config
    ids, target, contrast, head = [17, 30, 4, 9], 5, 40, 3
    with torch.no_grad():
        block = model.layers[0]
        x = block.input_layernorm(model.embed_tokens(torch.tensor(ids)))
        d_head = config.head_dim
        shared = head // (config.num_attention_heads // config.num_key_value_heads)
        values = block.self_attn.v_proj(x)[:, shared * d_head : (shared + 1) * d_head]
        added = values @ block.self_attn.o_proj.weight[:, head * d_head : (head + 1) * d_head].T
        seen: list[torch.Tensor] = []
        handle = model.norm.register_forward_pre_hook(lambda _m, given: seen.append(given[0][0, -1]))
        model(torch.tensor([ids]), use_cache=False)
        handle.remove()
        scale = torch.rsqrt((seen[0] ** 2).mean() + config.rms_norm_eps)
        direction = (whole.lm_head.weight[target] - whole.lm_head.weight[contrast]) * model.norm.weight * scale
        by_hand = added @ direction
    found = DirectLogitAttribution(lm, lm.tokenize(ids)).head(HERE, 0, head, target, contrast)
    assert found.shares is not None
    np.testing.assert_allclose(found.shares, found.weights * by_hand.numpy(), rtol=1e-3, atol=1e-6)
    assert found.pattern is None


@pytest.mark.parametrize(("name", "layer", "source"), [("induction", 1, 2), ("lookup", 0, 1)])
def test_the_planted_position_has_it(name: str, layer: int, source: int) -> None:
    """The head's share comes from where the answer stands, with the weight that is written down: 55 in 58, 55 in 60."""
    maker, ids, contrasts = asked(name)
    found = maker.head(HERE, layer, 0, ids[0], contrasts[0] if contrasts else None)
    n = len(maker.tokens)
    assert found.shares is not None
    assert int(found.shares.argmax()) == source
    assert found.weights[source] == pytest.approx(exp(4) / (exp(4) + n - 1), rel=2e-3)
    assert found.shares[source] == pytest.approx(found.weights[source], rel=1e-3)
    others = np.delete(found.shares, source)
    assert others.min() > -1.01 * found.weights.min()
    assert others.max() < 1e-4
    assert found.share == pytest.approx(found.shares.sum(), rel=1e-4)


def test_no_such_head() -> None:
    """Named with what there is."""
    lm = tiny("gpt2")
    maker = DirectLogitAttribution(lm, lm.tokenize([5, 6, 7]))
    with pytest.raises(ValueRefusedError, match="head"):
        maker.head(HERE, 0, 99, 4)
    with pytest.raises(ValueRefusedError, match="layer"):
        maker.head(HERE, 99, 0, 4)


def test_shares_less_shares() -> None:
    """Part by part; of other tokens there is no difference."""
    lm = tiny("llama")
    maker = DirectLogitAttribution(lm, lm.tokenize([5, 6, 7]))
    shares = maker.look(HERE, [9])
    zero = shares.minus(shares)
    assert not zero.values.any()
    assert not zero.heads.any()
    assert not zero.logits.any()
    with pytest.raises(ValueRefusedError, match="targets"):
        shares.minus(maker.look(HERE, [10]))
