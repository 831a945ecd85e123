"""The attention of a text: pooled, scored and cut into tiles without a whole map, and equal to what a whole map would give."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
import torch

from tests.contract.architectures import built
from tests.contract.prompts import PROMPTS
from xai_widgets.adapters.attention import Given
from xai_widgets.adapters.base import ModelAdapter, Off
from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.attention import tiles
from xai_widgets.core import attention as core_attention
from xai_widgets.core.attention import levels_of
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, CapabilityError, ModelError, ValueRefusedError
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.explainers.attention import kept as kept_module
from xai_widgets.explainers.attention import maps as maps_module
from xai_widgets.explainers.attention.maps import AttentionMaps
from xai_widgets.explainers.attention.paths import flow, rollout
from xai_widgets.explainers.attention.patterns import NAMES, Counter, is_punctuation, labels
from xai_widgets.testing.mechanisms import MECHANISMS

KINDS = ("llama", "gpt2", "mistral", "gemma2", "bloom")
kinds = pytest.mark.parametrize("kind", KINDS)
TEXT = "The cat sat on the mat, and the cat sat on the dog; then the cat sat on me."


def eager(kind: str, vocabulary: int, ids: list[int]) -> list[np.ndarray]:
    """Whole maps [head, query, key] of the same weights loaded with eager attention."""
    model = tiny_model(kind, vocab_size=vocabulary)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        found = model(input_ids=torch.tensor([ids]), output_attentions=True).attentions
    return [layer[0].numpy() for layer in found]


def looked_at(kind: str, text: str = TEXT) -> tuple[AttentionMaps, list[np.ndarray]]:
    """Maps of a tiny model with a byte tokenizer, looked at, and the whole maps they should equal."""
    lm = tiny(kind, tokenizer=byte_tokenizer())
    maps = INSPECTORS["attention"](lm, lm.tokenize(text))
    maps.look(Context())
    return maps, eager(kind, len(lm.tokenizer), list(maps.ids))


def by_squares(whole: np.ndarray, cell: int, how: str) -> np.ndarray:
    """Pooling written plainly: [.., query, key] to squares, the mean over the places that are there."""
    rows, columns = (range(0, size, cell) for size in whole.shape[-2:])
    function = np.max if how == "max" else np.mean
    return np.stack(
        [
            np.stack([function(whole[..., r : r + cell, c : c + cell], axis=(-2, -1)) for c in columns], -1)
            for r in rows
        ],
        -2,
    )


@kinds
def test_overview_is_the_whole_maps_pooled(kind: str) -> None:
    """Largest and mean weight of every square of every head."""
    maps, whole = looked_at(kind)
    overview = maps.overview
    assert overview is not None
    assert overview.cell == 3, "76 positions in at most 32 squares"
    assert len(overview.maps) == len(whole)
    every = np.concatenate(whole)
    assert np.abs(overview.most - by_squares(every, 3, "max")).max() < 1e-5
    assert np.abs(overview.mean - by_squares(every, 3, "mean")).max() < 1e-5
    assert all(info.causal for info in overview.maps)
    assert overview.sinks == 0.0


def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of 16 cells a side: a short text has several, and levels."""
    for module in (maps_module, core_attention):
        monkeypatch.setattr(module, "TILE", 16)


@kinds
def test_tiles_and_lines(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact at level 0, pooled above, in tiles of any size; a row and a column are exact."""
    small_tiles(monkeypatch)
    maps, whole = looked_at(kind)
    n = len(maps.ids)
    for layer, head in ((0, 0), (2, 3)):
        index, truth = maps.index(layer), whole[layer][head]
        for level in range(4):
            for pool in ("max", "mean"):
                squares = by_squares(truth, 2**level, pool) if level else truth
                last = -(-len(squares) // 16) - 1
                for row, column in {(0, 0), (last, 0), (last, last)}:
                    tile = maps.tile(index, head, level, row, column, Context(), pool=pool)
                    wanted = squares[row * 16 : (row + 1) * 16, column * 16 : (column + 1) * 16]
                    assert tile.shape == wanted.shape
                    assert np.abs(tile - wanted).max() < (1e-3 if level else 1e-5), "levels are kept in float16"
        for at in (0, 7, n - 1):
            assert np.abs(maps.line(index, head, "query", at, Context()) - truth[at]).max() < 1e-5
            assert np.abs(maps.line(index, head, "key", at, Context()) - truth[:, at]).max() < 1e-5
        assert np.abs(maps.whole(index, head, Context())[0] - truth).max() < 1e-5
    assert np.abs(maps.whole(maps.index(1), None, Context()) - whole[1]).max() < 1e-5


def test_what_was_not_kept_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no budget at all, every question runs the model up to its layer, and the numbers stay."""
    kept, whole = looked_at("llama")
    monkeypatch.setattr(kept_module, "LIMIT", 0)
    monkeypatch.setattr(maps_module, "PYRAMID_BYTES", 0)
    maps, _ = looked_at("llama")
    assert kept_module.KEPT.count(maps) == 1
    for layer in (0, 2, 1):
        tile = maps.tile(maps.index(layer), 1, 0, 0, 0, Context())
        assert np.abs(tile - whole[layer][1]).max() < 1e-5
        assert np.array_equal(tile, kept.tile(kept.index(layer), 1, 0, 0, 0, Context()))


def test_what_is_kept_goes_with_who_asked() -> None:
    """One budget for all; a text that nobody holds any more gives its part back."""
    first, _ = looked_at("llama")
    second, _ = looked_at("llama", "Another text")
    assert kept_module.KEPT.count(first) == kept_module.KEPT.count(second) == 3
    number = id(first)
    del first
    gc.collect()
    assert all(owner != number for owner, _ in kept_module.KEPT._calls)
    assert kept_module.KEPT.count(second) == 3


def test_a_model_that_changed_is_not_mixed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept still answers; what would need another pass is refused, until the text is looked at again."""
    maps, whole = looked_at("llama", "The cat sat")
    with torch.no_grad():
        for parameter in maps.adapter.model.parameters():
            parameter.add_(0.05)
    assert np.abs(maps.tile(1, 0, 0, 0, 0, Context()) - whole[1][0]).max() < 1e-5
    monkeypatch.setattr(kept_module, "LIMIT", 0)
    looked_at("gpt2", "Pushes the others out")
    for act in (
        lambda: maps.tile(1, 0, 0, 0, 0, Context()),
        lambda: maps.effects(Context()),
        lambda: maps.with_and_without(Off(0, 0), Context()),
        lambda: maps.flow(2, "rollout", Context()),
    ):
        with pytest.raises(ModelError, match="changed"):
            act()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_finite(dtype: torch.dtype) -> None:
    """Products of queries and keys that overflow before they are scaled don't make a map of NaN."""
    from xai_widgets.adapters.huggingface import HuggingFaceAdapter

    tokenizer = byte_tokenizer()
    model = tiny_model("llama", vocab_size=len(tokenizer)).to(dtype)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.q_proj.weight.mul_(40)
            layer.self_attn.k_proj.weight.mul_(40)
    lm = HuggingFaceAdapter(model, tokenizer, "half")
    maps = AttentionMaps(lm, lm.tokenize(TEXT))
    assert np.isfinite(maps.look(Context()).most).all()
    assert np.allclose(maps.whole(1, None, Context()).sum(-1), 1, atol=1e-3)


def test_value_lengths_are_honest_where_the_projection_is_not_plain() -> None:
    """A projection that an adapter of PEFT adds to, or that stands elsewhere, is not multiplied by something else."""
    import peft

    from xai_widgets.adapters.huggingface import HuggingFaceAdapter

    tokenizer = byte_tokenizer()
    model = tiny_model("llama", vocab_size=len(tokenizer))
    config = peft.LoraConfig(target_modules=["o_proj"], r=2, init_lora_weights=False)
    lm = HuggingFaceAdapter(peft.get_peft_model(model, config), tokenizer, "lora")
    maps = AttentionMaps(lm, lm.tokenize("The cat"))
    maps.look(Context())
    assert maps.measure_words(0, "norm", Context()) == "weight x |v|"
    assert maps.index(0) == 0
    phi = built("phi3", vocabulary=len(tokenizer))
    other = HuggingFaceAdapter(phi, tokenizer, "phi3")
    maps = AttentionMaps(other, other.tokenize("The cat"))
    call = maps.call(0, Context())
    lengths, words = call.value_lengths()
    assert words == "|v W_O|"
    assert lengths is not None
    value = call.value[0].repeat_interleave(call.n_heads // call.value.shape[1], 0)  # type: ignore[attr-defined]
    weight = call.module.o_proj.weight.view(-1, call.n_heads, value.shape[-1])  # type: ignore[attr-defined]
    added = torch.einsum("hkd,mhd->hkm", value, weight).norm(dim=-1)
    assert torch.allclose(lengths, added, atol=1e-5)


def test_a_window_does_not_make_a_uniform_head_look_narrow() -> None:
    """Five positions to see, all alike: as broad as can be."""
    n = 40
    weights = torch.zeros(1, n, n)
    for q in range(n):
        weights[0, q, max(0, q - 4) : q + 1] = 1 / min(5, q + 1)
    scores = Counter(list(range(n)), [False] * n).scores(Given(0, 0, weights))
    assert scores[0, NAMES.index("broad")] == pytest.approx(1.0)


def test_norm_is_the_length_of_what_is_added() -> None:
    """weight x |v W_O|, against vectors that were really multiplied out."""
    maps, whole = looked_at("llama")
    model = tiny_model("llama", vocab_size=len(maps.adapter.tokenizer))
    attention = model.model.layers[1].self_attn
    seen: list[torch.Tensor] = []
    attention.v_proj.register_forward_hook(lambda _m, _a, output: seen.append(output))
    with torch.no_grad():
        model(input_ids=torch.tensor([maps.ids]))
    values = seen[0][0].view(len(maps.ids), 2, 12).repeat_interleave(2, 1)  # [key, head, d]
    weight = attention.o_proj.weight.view(48, 4, 12)
    added = torch.einsum("khd,mhd->hkm", values, weight).norm(dim=-1).detach().numpy()
    for head in range(4):
        found = maps.tile(maps.index(1), head, 0, 0, 0, Context(), measure="norm")
        assert np.abs(found - whole[1][head] * added[head]).max() < 1e-5 * added.max()
    assert maps.measure_words(1, "norm", Context()) == "weight x |v W_O|"


def test_value_zeroing_is_of_the_layer() -> None:
    """Any head gives the layer's changes; levels pool them; too long a text is refused."""
    maps, _ = looked_at("llama", "The cat sat on the mat")
    whole = maps.adapter.value_zeroing(maps.ids, 1, Context()).numpy()
    for head in (0, 3):
        assert np.array_equal(maps.tile(1, head, 0, 0, 0, Context(), measure="value_zeroing"), whole)
    assert whole.max() > 0.01
    assert np.abs(np.triu(whole, 1)).max() < 1e-6, "a later value changes nothing before it"
    lm = maps.adapter
    with pytest.raises(ValueRefusedError, match="1,024"):
        lm.value_zeroing([5] * 1025, 0, Context())


def test_sinks_get_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """gpt_oss keeps a share of each row for itself: the last column says how much, at every level apart from the keys."""
    import transformers

    from xai_widgets.adapters.huggingface import HuggingFaceAdapter

    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    config = transformers.GptOssConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, num_local_experts=2, num_experts_per_tok=1, sliding_window=8,
    )  # fmt: skip
    model = transformers.GptOssForCausalLM(config).eval()
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.2)
    lm = HuggingFaceAdapter(model, tokenizer, "tiny gpt_oss")
    maps = AttentionMaps(lm, lm.tokenize("a sink is drawn as its own column"))
    overview = maps.look(Context())
    assert overview.sinks > 0.01
    tile = maps.tile(0, 1, 0, 0, 0, Context())
    n = len(maps.ids)
    assert tile.shape == (n, n + 1)
    assert np.allclose(tile.sum(1), 1, atol=1e-5)
    assert tile[:, -1].min() > 0.001
    small_tiles(monkeypatch)
    assert n % 4
    keys, rest = tile[:, :-1], tile[:, -1:]
    for pool in ("max", "mean"):
        found = maps.tile(0, 1, 2, 0, 0, Context(), pool=pool)
        down = by_squares(np.repeat(rest, 4, 1), 4, pool)[:, :1]
        assert np.abs(found - np.concatenate([by_squares(keys, 4, pool), down], 1)).max() < 1e-3, (
            "levels are in float16"
        )
    at_once = list(tiles(n, n, rest=True))
    assert max(level for level, _, _ in at_once) == 2
    assert at_once[-1] == (2, 0, 0)


@pytest.mark.parametrize(("n", "rest", "levels"), [(256, False, 1), (256, True, 2), (511, True, 3), (512, False, 2)])
def test_one_tile_holds_the_coarsest_level(n: int, *, rest: bool, levels: int) -> None:
    """Also where the rest's own column is one too many."""
    assert levels_of(n, n, rest=rest) == levels


@pytest.mark.parametrize(
    ("name", "query", "key"),
    [("previous_token", 5, 4), ("first_token", 5, 0), ("duplicate_token", 5, 2), ("induction", 5, 3)],
)
def test_patterns_by_hand(name: str, query: int, key: int) -> None:
    """a b X c d X: weight 0.8 where a pattern points, 0.2 elsewhere in the row; the other rows look at themselves."""
    ids = [11, 12, 13, 14, 15, 13]
    weights = torch.eye(6)
    weights[query] = 0
    weights[query, key] = 0.8
    weights[query, 1] += 0.2
    scores = dict(zip(NAMES, Counter(ids, [False] * 6).scores(Given(0, 0, weights[None]))[0], strict=True))
    queries = {"previous_token": 5, "first_token": 5, "duplicate_token": 1, "induction": 1}[name]
    assert scores[name] == pytest.approx(0.8 / queries)
    assert np.isnan(scores["punctuation"])
    assert np.isnan(scores["local"]), "six positions are too few to call anything local"


def test_patterns_of_plain_heads() -> None:
    """Uniform, local and punctuation heads over twenty positions."""
    n = 20
    ids = list(range(n))
    marks = [i == 4 for i in range(n)]
    uniform = torch.tril(torch.ones(n, n)) / torch.arange(1, n + 1)[:, None]
    near = torch.zeros(n, n)
    for q in range(n):
        near[q, max(0, q - 1) : q + 1] = 1 / min(2, q + 1)
    dots = torch.eye(n)
    dots[5:] = 0
    dots[5:, 4] = 1.0
    scores = Counter(ids, marks).scores(Given(0, 0, torch.stack([uniform, near, dots])))
    found = {name: scores[:, i] for i, name in enumerate(NAMES)}
    assert found["broad"][0] == pytest.approx(1.0)
    assert found["local"][1] == pytest.approx(1.0)
    assert found["previous_token"][1] == pytest.approx(0.5)
    assert found["punctuation"][2] == pytest.approx(1.0)
    assert found["broad"][2] == pytest.approx(0.0, abs=1e-6)
    assert np.isnan(found["induction"]).all(), "nothing repeats"
    assert labels(scores) == ["broad", "previous_token", "punctuation"]


def test_patterns_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One block of all rows, or many of a few."""
    one, _ = looked_at("llama")
    monkeypatch.setattr("xai_widgets.explainers.attention.rows.CPU_NUMBERS", 1)
    many, _ = looked_at("llama")
    assert one.overview and many.overview
    assert np.allclose(one.overview.scores, many.overview.scores, atol=1e-6, equal_nan=True)
    assert np.allclose(one.overview.most, many.overview.most, atol=1e-6)


def test_the_hand_set_induction_head_is_called_so() -> None:
    """The model of known mechanism has a previous-token head below an induction head, set by hand."""
    mechanism = MECHANISMS["induction"]
    lm = mechanism.adapter
    maps = AttentionMaps(lm, lm.tokenize("c a b d e c a b d e c a b d e"))
    overview = maps.look(Context())
    by_layer = [{overview.labels[m.first_head + h] for h in range(m.n_heads)} for m in overview.maps]
    first = next(i for i, found in enumerate(by_layer) if "previous_token" in found)
    second = next(i for i, found in enumerate(by_layer) if "induction" in found)
    assert first < second


def test_real_heads_on_random_repeated_tokens(lm: ModelAdapter) -> None:
    """SmolLM2 on random tokens given twice: it has induction, previous-token and duplicate-token heads, and says so."""
    ids = np.random.default_rng(0).integers(200, 40_000, 60).tolist()
    overview = AttentionMaps(lm, lm.tokenize([*ids, *ids])).look(Context())
    best = {name: float(overview.scores[:, NAMES.index(name)].max()) for name in NAMES[:3]}
    assert best["induction"] > 0.8
    assert best["previous_token"] > 0.8
    assert best["duplicate_token"] > 0.4
    assert {"induction", "previous_token", "duplicate_token", "first_token"} <= set(overview.labels)
    where = int(np.nanargmax(overview.scores[:, NAMES.index("induction")]))
    index, head = overview.place(where)
    row = AttentionMaps(lm, lm.tokenize([*ids, *ids])).line(index, head, "query", 90, Context())
    assert int(row[1:].argmax()) + 1 == 31, "position 90 holds what stood at 30: the head looks at what followed"


def test_punctuation() -> None:
    """Tokens of marks alone; spaces around them don't matter."""
    assert [is_punctuation(t) for t in (",", " .", "…", "a.", " ", "", "€")] == [
        True,
        True,
        True,
        False,
        False,
        False,
        True,
    ]


@kinds
def test_rollout_is_the_product(kind: str) -> None:
    """Against whole matrices multiplied."""
    maps, whole = looked_at(kind)
    n = len(maps.ids)
    found = rollout(maps.adapter, maps.ids, [n - 1, 5], Context())
    product = np.eye(n)
    levels = [product]
    for layer in reversed(whole):
        product = product @ (0.5 * layer.mean(0) + 0.5 * np.eye(n))
        levels.append(product)
    wanted = np.stack(levels[::-1])[:, [n - 1, 5]].transpose(1, 0, 2)
    assert np.abs(found - wanted).max() < 1e-5
    assert np.allclose(found.sum(-1), 1, atol=1e-5)


def test_flow_by_hand() -> None:
    """One layer: the flow from a position is the weight of its only edge, plus the residual at its own place."""
    maps, whole = looked_at("llama", "abcde")
    last = whole[-1].mean(0)[4]
    only = AttentionMaps(maps.adapter, maps.tokens)
    calls: list[Any] = []
    only.adapter.attention(only.ids, calls.append, Context(), [2])

    class OneLayer:
        """An adapter that has the last layer alone."""

        n_layers = 1

        def attention(self, ids: Any, found: Any, context: Context) -> None:
            del ids, context
            found(calls[0])

    found = flow(OneLayer(), maps.ids, [4], Context())[0]  # type: ignore[arg-type]
    assert np.allclose(found, 0.5 * last + 0.5 * np.eye(5)[4], atol=1e-6)
    whole_flow = flow(maps.adapter, maps.ids, [4], Context())[0]
    through = rollout(maps.adapter, maps.ids, [4], Context())[0, 0]
    assert (whole_flow >= through - 1e-5).all(), "what gets through along all paths fits through at once"
    assert whole_flow.max() <= 1.0 + 1e-6


def test_flow_of_a_long_text_is_refused() -> None:
    """It says how long a text may be, and what takes any length."""
    lm = tiny("llama", tokenizer=byte_tokenizer())
    with pytest.raises(ValueRefusedError, match="attention_rollout"):
        flow(lm, [5] * 400, [3], Context())


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_effects_are_those_of_one_head_at_a_time(kind: str) -> None:
    """Against the difference of two passes each, by hand: the head's slice of the output projection's input is zero."""
    maps, _ = looked_at(kind, "The cat sat")
    effects = maps.effects(Context())
    assert effects.shape == (sum(m.n_heads for m in maps.overview.maps),)  # type: ignore[union-attr]
    for place in (0, 5, len(effects) - 1):
        index, head = maps.overview.place(place)  # type: ignore[union-attr]
        usual, without = maps.with_and_without(maps.part(index, head), Context())
        best = int(usual.argmax())
        wanted = torch.log_softmax(usual, -1)[best] - torch.log_softmax(without, -1)[best]
        assert effects[place] == pytest.approx(float(wanted), abs=1e-4)


def test_wrong_places_are_refused() -> None:
    """Layer, map, head, position: each says what there is."""
    maps, _ = looked_at("llama", "The cat")
    n = len(maps.ids)
    for act in (
        lambda: maps.index(3),
        lambda: maps.tile(3, 0, 0, 0, 0, Context()),
        lambda: maps.tile(0, 4, 0, 0, 0, Context()),
        lambda: maps.tile(0, 0, 9, 0, 0, Context()),
        lambda: maps.line(0, 0, "query", n, Context()),
        lambda: maps.line(0, 0, "key", -1, Context()),
        lambda: maps.flow(n, "rollout", Context()),
        lambda: maps.part(5, 0),
        lambda: maps.adapter.attention(maps.ids, lambda _c: None, Context(), [7]),
        lambda: maps.adapter.without_attention(maps.ids, [Off(0, 4)], Context()),
        lambda: maps.adapter.without_attention(maps.ids, [Off(0, 0, n, 0)], Context()),
    ):
        with pytest.raises(ValueRefusedError):
            act()


def test_a_model_without_attention_says_so() -> None:
    """Before anything runs, with the reason."""
    lm = tiny("mamba", tokenizer=byte_tokenizer())
    with pytest.raises(CapabilityError, match="MambaMixer"):
        AttentionMaps(lm, lm.tokenize("abc"))


def test_cancel_stops_at_the_next_layer() -> None:
    """And the next look is whole."""
    lm = tiny("llama", tokenizer=byte_tokenizer())
    maps = AttentionMaps(lm, lm.tokenize("The cat"))
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    with pytest.raises(CancelledError):
        maps.look(Context(is_cancelled=cancelled))
    assert len(maps.look(Context()).maps) == 3


@pytest.mark.parametrize("prompt", [p for p in PROMPTS if isinstance(p, str)][:6], ids=lambda p: repr(p)[:20])
def test_any_text(prompt: str) -> None:
    """Emoji, right-to-left, a single token, markup: every row of every head sums to 1."""
    lm = tiny("gpt2")
    maps = AttentionMaps(lm, lm.tokenize(prompt))
    overview = maps.look(Context())
    assert len(overview.labels) == 12
    whole = maps.whole(0, None, Context())
    assert np.allclose(whole.sum(-1), 1, atol=1e-5)


def test_prefix_tuning_is_refused() -> None:
    """Its virtual tokens come first: every key would have another token's name."""
    import peft

    from xai_widgets.adapters.huggingface import HuggingFaceAdapter

    tokenizer = byte_tokenizer()
    config = peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    lm = HuggingFaceAdapter(peft.get_peft_model(tiny_model("llama", vocab_size=len(tokenizer)), config), tokenizer, "p")
    with pytest.raises(CapabilityError, match="in front"):
        AttentionMaps(lm, lm.tokenize("abc"))
