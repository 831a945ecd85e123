"""Candidates, generation, embeddings and weights as the model itself has them; the edited prompt reuses its prefix."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.tiny import KINDS, byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import CancelledError, TooLongError, ValueRefusedError

TEXT = "The capital of 😀 is"


@pytest.fixture(scope="module", params=KINDS)
def any_lm(request) -> HuggingFaceAdapter:
    return tiny(request.param, seed=3, tokenizer=byte_tokenizer())


@pytest.fixture(scope="module")
def llama() -> HuggingFaceAdapter:
    return tiny("llama", seed=3, tokenizer=byte_tokenizer())


@torch.no_grad()
def plain(lm: HuggingFaceAdapter, ids: list[int]) -> torch.Tensor:
    return lm.model(input_ids=torch.tensor([ids])).logits[0, -1].float()


def test_it_is_a_model_adapter(llama: HuggingFaceAdapter) -> None:
    assert isinstance(llama, ModelAdapter)


def test_candidates_are_the_models_own(any_lm: HuggingFaceAdapter) -> None:
    tokens = any_lm.tokenize(TEXT)
    found = any_lm.candidates(tokens, k=5)
    logits = plain(any_lm, tokens.ids.tolist())
    top = torch.topk(logits, 5)
    assert [c.id for c in found] == top.indices.tolist()
    np.testing.assert_allclose([c.logit for c in found], top.values, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose([c.prob for c in found], logits.softmax(-1)[top.indices], rtol=1e-3)
    assert all(c.text for c in found)


def test_an_edited_prompt_gives_the_same_as_a_new_one(any_lm: HuggingFaceAdapter) -> None:
    for text in (TEXT, TEXT + " now", TEXT + " new", "Th", "The capital", TEXT, TEXT):
        ids = any_lm.tokenize(text).ids.tolist()
        found = {c.id: c.logit for c in any_lm.candidates(any_lm.tokenize(text), k=259)}
        np.testing.assert_allclose([found[i] for i in range(259)], plain(any_lm, ids), rtol=2e-4, atol=2e-4)


@given(texts=st.lists(st.text("ab ", min_size=1, max_size=12), min_size=2, max_size=6))
@settings(deadline=None, max_examples=25)
def test_any_sequence_of_edits_gives_what_a_full_pass_gives(llama: HuggingFaceAdapter, texts: list[str]) -> None:
    for text in texts:
        tokens = llama.tokenize(text)
        best = llama.candidates(tokens, k=1)[0]
        assert best.logit == pytest.approx(float(plain(llama, tokens.ids.tolist()).max()), rel=1e-4, abs=1e-4)


def test_an_edit_runs_only_what_changed(llama: HuggingFaceAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    from xai_widgets.adapters import prompt_cache

    ran: list[int] = []
    own = prompt_cache.last_logits

    def counting(view, ids, device, *, start=0, **how):
        ran.append(len(ids) - start)
        return own(view, ids, device, start=start, **how)

    monkeypatch.setattr(prompt_cache, "last_logits", counting)
    base = "x" * 60
    for text in (base + "cat", base + "dog", base + "dog", base + "do"):
        llama.candidates(llama.tokenize(text))
    assert ran == [63, 3, 1, 1]
    with torch.no_grad():  # other weights: nothing of before may be used
        llama.model.lm_head.weight.add_(0.01)
    llama.candidates(llama.tokenize(base + "do"))
    assert ran[-1] == 62


def test_rotary_angles_that_change_with_length_are_never_reused() -> None:
    model = tiny_model("llama")
    model.config.max_position_embeddings = 16
    model.config.rope_parameters = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}
    model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
    model.config.max_position_embeddings = 64
    lm = HuggingFaceAdapter(model, byte_tokenizer())
    for text in ("a" * 12, "a" * 12 + "b" * 20, "a" * 12 + "c" * 30):
        tokens = lm.tokenize(text)
        wanted = float(plain(lm, tokens.ids.tolist()).max())
        assert lm.candidates(tokens, 1)[0].logit == pytest.approx(wanted, rel=1e-4)


def test_a_large_cache_is_not_kept(llama: HuggingFaceAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    from xai_widgets.adapters import prompt_cache

    monkeypatch.setattr(prompt_cache, "_MAX_BYTES", 10)
    llama.candidates(llama.tokenize("some text"))
    assert llama._prompts._past is None


def test_greedy_generation_is_the_librarys(any_lm: HuggingFaceAdapter) -> None:
    tokens = any_lm.tokenize(TEXT)
    ours = any_lm.generate(tokens, 8, Context())
    ids = torch.tensor([tokens.ids.tolist()])
    theirs = any_lm.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False)[
        0
    ].tolist()
    assert ours.ids.tolist() == theirs
    assert ours.n_prompt == len(tokens) and [t.part for t in ours][-1] == "generated"
    assert "".join(ours.texts) == ours.text and ours.text.startswith(TEXT)


def test_sampling_repeats_with_its_seed_and_leaves_the_global_state(llama: HuggingFaceAdapter) -> None:
    tokens, state = llama.tokenize(TEXT), torch.get_rng_state()
    draws = [llama.generate(tokens, 12, Context(seed=s), temperature=1.0).ids.tolist() for s in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert torch.equal(state, torch.get_rng_state())


def test_it_stops_where_the_model_ends_and_where_the_context_does() -> None:
    lm = tiny("gpt2", tokenizer=byte_tokenizer())
    tokens = lm.tokenize("ab")
    second = int(lm.generate(tokens, 3, Context())[3].id)
    lm.model.generation_config.eos_token_id = [999, second]
    stopped = lm.generate(tokens, 30, Context())
    assert stopped[len(stopped) - 1].id == second and second not in stopped.ids[:-1][2:]
    lm.model.generation_config.eos_token_id = None
    lm.model.config.eos_token_id = None
    nearly = lm.tokenize("a" * 254)
    assert len(lm.generate(nearly, 30, Context())) <= 256
    with pytest.raises(TooLongError):
        lm.generate(lm.tokenize("a" * 256), 1, Context())


def test_generation_can_be_cancelled_between_tokens(llama: HuggingFaceAdapter) -> None:
    seen: list[tuple[int, int]] = []
    context = Context(
        on_step=lambda done, total, _note: seen.append((done, total)), is_cancelled=lambda: len(seen) >= 3
    )
    with pytest.raises(CancelledError):
        llama.generate(llama.tokenize(TEXT), 20, context)
    assert seen == [(0, 20), (1, 20), (2, 20)]


def test_an_answer_to_messages_is_the_assistants(llama: HuggingFaceAdapter) -> None:
    tokens = llama.tokenize([{"role": "user", "content": "hi"}])
    new = llama.generate(tokens, 4, Context()).items[len(tokens) :]
    assert {(t.role, t.turn) for t in new} == {("assistant", 1)}


@pytest.mark.parametrize("how", [{"max_new_tokens": -1}, {"max_new_tokens": 2, "temperature": -0.5}])
def test_impossible_generation_is_refused(llama: HuggingFaceAdapter, how: dict) -> None:
    with pytest.raises(ValueRefusedError):
        llama.generate(llama.tokenize(TEXT), context=Context(), **how)


def test_embeddings_are_what_the_module_gives(any_lm: HuggingFaceAdapter) -> None:
    ids = any_lm.tokenize(TEXT).ids.tolist()
    with torch.no_grad():
        wanted = any_lm.model.get_input_embeddings()(torch.tensor(ids))
    assert torch.equal(any_lm.embed(ids), wanted)
    assert torch.equal(any_lm.embedding_table()[ids], wanted)
    assert not any_lm.embed(ids).requires_grad and not any_lm.embedding_table().requires_grad


def test_embeddings_of_a_module_that_scales_them() -> None:
    lm = tiny("llama", tokenizer=byte_tokenizer())
    handle = lm.model.get_input_embeddings().register_forward_hook(lambda _m, _a, out: out * 3)
    try:
        assert torch.equal(lm.embedding_table()[[5, 6]], lm.embed([5, 6]))
    finally:
        handle.remove()


def test_the_last_position_is_the_limit(llama: HuggingFaceAdapter) -> None:
    gpt2 = tiny("gpt2", tokenizer=byte_tokenizer())
    assert gpt2.candidates(gpt2.tokenize("a" * 256))
    with pytest.raises(TooLongError):
        gpt2.tokenize("a" * 257)


def test_a_model_without_position_limit_goes_by_the_tokenizer() -> None:
    tokenizer = byte_tokenizer()
    assert HuggingFaceAdapter(tiny_model("bloom", vocab_size=300), tokenizer).max_length == 1_000_000
    tokenizer.model_max_length = 77
    assert HuggingFaceAdapter(tiny_model("bloom", vocab_size=300), tokenizer).max_length == 77


def test_seconds_are_estimated_from_the_load_checks(llama: HuggingFaceAdapter) -> None:
    one, many = llama.estimate(Cost(1, 50)).seconds, llama.estimate(Cost(100, 5000)).seconds
    assert one is not None and many is not None and 0 < one < many
