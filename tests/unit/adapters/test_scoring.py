"""The scorer against plain full passes: every plan, every quantity, every way of failing."""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.adapters import plain
from tests.unit.adapters.lent import D_VOCAB, Lent, question, tiny
from tests.unit.adapters.test_quantities import CASES
from xai_widgets.adapters import packing, passes, probing
from xai_widgets.adapters.base import Variant
from xai_widgets.adapters.scoring import Scorer
from xai_widgets.core.context import Context
from xai_widgets.core.errors import (
    CancelledError,
    CapabilityError,
    EmptyTextError,
    ModelError,
    OutOfMemoryError,
    TooLongError,
)
from xai_widgets.core.targets import Question, Target

TARGET = Target((5, 9, 11), ("a", "b", "c"))
IDS = [17, 3, 44, 8, 21, 60, 33, 12, 50, 7, 29, 41]
PLANS = ("packed", "prefix", "padded", "grouped")
EXPECTED_PLAN = {
    "llama": "packed",
    "gpt2": "packed",
    "gpt_neox": "packed",
    "gpt_neo": "packed",
    "qwen2": "packed",
    "mistral": "padded",  # the tiny one's window is shorter than the input
    "gemma2": "padded",  # the same, in every second layer
    "bloom": "prefix",  # its position bias is made from a two-dimensional mask
    "mamba": "padded",  # a state instead of keys and values
}


@pytest.fixture(scope="module")
def llama() -> Lent:
    return Lent(tiny("llama"))


def variants_of(ids: Sequence[int], seed: int = 0, *, hide: bool = True) -> list[Variant]:
    """Replaced, deleted, hidden, cut off, longer, several at once, repeated, unchanged."""
    draw = random.Random(seed)
    found = [Variant(tuple(ids)), Variant(tuple(ids[:5])), Variant((*ids, 3, 4)), Variant(tuple(ids[1:]))]
    for i in range(len(ids)):
        found.append(Variant((*ids[:i], 0, *ids[i + 1 :])))
        found.append(Variant((*ids[:i], *ids[i + 1 :])))
        if hide:
            found.append(Variant(tuple(ids), frozenset({i})))
    for _ in range(6):
        some = frozenset(draw.sample(range(1, len(ids)), 4)) if hide else frozenset()
        found.append(Variant(tuple(draw.randrange(D_VOCAB) if draw.random() < 0.2 else i for i in ids), some))
    return [*found, found[5], found[0], found[7]]


def forced(adapter: Lent, plan: str, tokens_per_batch: int | None = None) -> Scorer:
    """A scorer that uses one plan."""
    scorer = Scorer(adapter, tokens_per_batch)
    found = scorer._probed()

    class Only(probing.Found):
        def plan(self, base: int = 1, longest: int = 1) -> Any:
            return plan

    scorer._found = Only(found.capabilities, found.limits)
    return scorer


@pytest.mark.parametrize("kind", EXPECTED_PLAN)
def test_equals_plain_passes_on_every_architecture(kind):
    adapter = Lent(tiny(kind))
    scorer = Scorer(adapter, 64)
    variants = variants_of(IDS)
    got = scorer.score(question(IDS, TARGET), variants, Context())
    wanted = plain.scores(adapter.model, IDS, variants, TARGET)
    np.testing.assert_allclose(got, wanted, atol=2e-5)
    assert np.ptp(wanted[:, 0]) > 1  # the variants do differ: agreeing on a constant would show nothing
    assert scorer.plan == EXPECTED_PLAN[kind]


@pytest.mark.parametrize("kind", EXPECTED_PLAN)
def test_the_unchanged_number(kind):
    adapter = Lent(tiny(kind))
    got = Scorer(adapter).value(question(IDS, TARGET), Context())
    np.testing.assert_allclose(got, plain.scores(adapter.model, IDS, [Variant(tuple(IDS))], TARGET)[0], atol=1e-5)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("budget", [1, 40, 4096])
def test_every_plan_and_budget_gives_the_same(llama, plan, budget):
    variants = variants_of(IDS)
    got = forced(llama, plan, budget).score(question(IDS, TARGET), variants, Context())
    np.testing.assert_allclose(got, plain.scores(llama.model, IDS, variants, TARGET), atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, D_VOCAB - 1), min_size=1, max_size=10),
    st.lists(
        st.tuples(
            st.integers(0, 10),
            st.lists(st.integers(0, 5), max_size=4),
            st.frozensets(st.integers(1, 12), max_size=6),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([16, 60, 1000]),
)
def test_any_set_of_variants_equals_plain_passes(llama, ids, changes, budget):
    made = [(tuple(ids[:keep] + tail), hidden) for keep, tail, hidden in changes]
    variants = [Variant(v or (1,), frozenset(h for h in hidden if h < len(v))) for v, hidden in made]
    got = Scorer(llama, budget).score(question(ids, TARGET), variants, Context())
    np.testing.assert_allclose(got, plain.scores(llama.model, ids, variants, TARGET), atol=2e-5)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("n_hidden", [1, 4])
def test_where_nothing_is_visible_the_query_sees_itself_alone(llama, plan, n_hidden):
    ids = IDS[:n_hidden]
    variant = Variant(tuple(ids), frozenset(range(n_hidden)))
    got = forced(llama, plan).score(question(ids, TARGET), [variant], Context())
    full = [*ids, *TARGET.ids[:-1]]
    visible = torch.ones(len(full), len(full)).tril().bool()
    visible[:, :n_hidden] = False
    visible[n_hidden - 1, n_hidden - 1] = True
    visible[range(n_hidden), range(n_hidden)] = True  # queries before it: nobody sees them
    with torch.no_grad():
        logits = llama.model(torch.tensor([full]), attention_mask=visible[None, None], use_cache=False).logits
    wanted = torch.log_softmax(logits[0, n_hidden - 1 :], -1)[range(3), list(TARGET.ids)]
    np.testing.assert_allclose(got[0], wanted.numpy(), atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_quantity(llama, case):
    target = Target((5, 9), ("a", "b"), **case)
    variants = variants_of(IDS)
    got = Scorer(llama, 100).score(question(IDS, target), variants, Context())
    np.testing.assert_allclose(got, plain.scores(llama.model, IDS, variants, target), atol=2e-5)


@pytest.mark.parametrize("plan", ["packed", "grouped"])
def test_kl_to_the_distribution_after_another_text(llama, plan):
    other = question([4, 4, 9], TARGET).tokens
    target = Target((5, 9), ("a", "b"), quantity="kl", reference=other)
    got = forced(llama, plan).score(question(IDS, target), variants_of(IDS), Context())
    np.testing.assert_allclose(got, plain.scores(llama.model, IDS, variants_of(IDS), target), atol=2e-5)
    value = Scorer(llama).value(question(IDS, target), Context())
    np.testing.assert_allclose(value, got[0], atol=1e-5)
    assert (got > 0.01).all()


def test_one_number_is_the_sum_of_the_rows(llama):
    together = Target(TARGET.ids, TARGET.texts, each=False)
    variants = variants_of(IDS)
    rows = Scorer(llama).score(question(IDS, TARGET), variants, Context())
    total = Scorer(llama).score(question(IDS, together), variants, Context())
    assert total.shape == (len(variants), 1)
    np.testing.assert_allclose(total[:, 0], rows.sum(1), atol=1e-5)
    np.testing.assert_allclose(Scorer(llama).value(question(IDS, together), Context()), rows[0].sum(), atol=1e-5)


@pytest.mark.parametrize("plan", PLANS)
def test_each_variant_is_handed_over_exactly_once(llama, plan):
    seen: list[int] = []
    rows: dict[int, np.ndarray] = {}

    def on_batch(indices: np.ndarray, values: np.ndarray) -> None:
        assert len(indices) == len(values)
        seen.extend(indices.tolist())
        rows.update(zip(indices.tolist(), values.copy(), strict=True))

    variants = variants_of(IDS)
    got = forced(llama, plan, 50).score(question(IDS, TARGET), variants, Context(), on_batch)
    assert sorted(seen) == list(range(len(variants)))
    np.testing.assert_array_equal(np.stack([rows[i] for i in range(len(variants))]), got)


def test_equal_variants_are_run_once_and_the_base_is_free(llama):
    llama.speed.calls.clear()
    once = [Variant((*IDS[:-1], 0)), Variant(tuple(IDS))]
    Scorer(llama).score(question(IDS, TARGET), once * 20, Context())
    of_probe = sum(call["passes"] for call in llama.speed.calls[:-2])
    assert [call["tokens"] for call in llama.speed.calls[-2:]] == [len(IDS) + 2, 3]
    assert of_probe <= 5


def test_progress_counts_variants_up_to_all_of_them(llama):
    steps: list[tuple[int, int]] = []
    context = Context(on_step=lambda done, total, _note: steps.append((done, total)))
    variants = variants_of(IDS)
    Scorer(llama, 50).score(question(IDS, TARGET), variants, context)
    assert steps[0] == (0, len(variants)) and steps[-1] == (len(variants), len(variants))
    assert [done for done, _ in steps] == sorted({done for done, _ in steps}) and len(steps) > 4


def snapshot(model: torch.nn.Module) -> Any:
    return {
        name: (
            module.training,
            [len(v) for k, v in vars(module).items() if "hooks" in k and v is not None and hasattr(v, "__len__")],
            sorted(vars(module)),
            {
                k: (id(p), p._version, p.requires_grad, p.grad is None)
                for k, p in module._parameters.items()
                if p is not None
            },
            {k: (id(b), b._version) for k, b in module._buffers.items() if b is not None},
        )
        for name, module in model.named_modules()
    }, str(model.config)


@pytest.mark.parametrize("stop_at", range(6))
def test_cancelled_in_the_middle_leaves_no_trace(stop_at):
    model = tiny("llama").train()
    adapter = Lent(model)
    scorer = Scorer(adapter, 50)
    scorer.probe()
    before, random_before = snapshot(model), torch.get_rng_state()
    asked = iter(range(100))
    context = Context(is_cancelled=lambda: next(asked) >= stop_at)
    with pytest.raises(CancelledError):
        scorer.score(question(IDS, TARGET), variants_of(IDS), context)
    assert next(asked) == stop_at + 1  # it did stop there, not later
    assert snapshot(model) == before
    assert torch.equal(torch.get_rng_state(), random_before)
    assert adapter.lock.acquire(blocking=False)
    adapter.lock.release()
    got = scorer.score(question(IDS, TARGET), variants_of(IDS), Context())
    np.testing.assert_allclose(got, plain.scores(model.eval(), IDS, variants_of(IDS), TARGET), atol=1e-5)


def test_an_error_in_a_callback_leaves_no_trace(llama):
    before = snapshot(llama.model)

    def broken(_indices: np.ndarray, _rows: np.ndarray) -> None:
        raise KeyError("the caller's own")

    with pytest.raises(KeyError):
        Scorer(llama, 50).score(question(IDS, TARGET), variants_of(IDS), Context(), broken)
    assert snapshot(llama.model) == before


def starve(monkeypatch: pytest.MonkeyPatch, at_most: int, error: Exception) -> list[int]:
    """Memory runs out in every pass of more than so many tokens; sizes tried."""
    run, tried = passes.run, []

    def limited(adapter, view, ids, wanted, **given):
        tried.append(ids.numel())
        if ids.numel() > at_most:
            raise error
        return run(adapter, view, ids, wanted, **given)

    monkeypatch.setattr(passes, "run", limited)
    return tried


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to"),
        MemoryError(),
    ],
    ids=["device", "cpu", "python"],
)
def test_out_of_memory_goes_on_with_smaller_batches(llama, monkeypatch, plan, error):
    scorer = forced(llama, plan, 600)
    tried = starve(monkeypatch, 40, error)
    variants, seen = variants_of(IDS), []
    got = scorer.score(question(IDS, TARGET), variants, Context(), lambda i, _rows: seen.extend(i.tolist()))
    np.testing.assert_allclose(got, plain.scores(llama.model, IDS, variants, TARGET), atol=1e-5)
    assert max(tried) > 80 and sorted(seen) == list(range(len(variants)))


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("at_most", [13, 14])
def test_out_of_memory_at_one_input_is_said(llama, monkeypatch, plan, at_most):
    scorer = forced(llama, plan)
    starve(monkeypatch, at_most, torch.OutOfMemoryError("no"))
    variants = [Variant(tuple(range(1, 30)))]
    with pytest.raises(OutOfMemoryError):
        scorer.score(question(IDS, TARGET), variants, Context())


def test_other_runtime_errors_are_not_taken_for_memory(llama, monkeypatch):
    scorer = forced(llama, "packed")
    starve(monkeypatch, 20, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        scorer.score(question(IDS, TARGET), variants_of(IDS), Context())


def test_the_users_own_thread_gets_its_usual_numbers():
    model = tiny("llama").train()
    ids = torch.tensor([IDS])
    with torch.no_grad():
        usual = model(ids, use_cache=False).logits
    wrong: list[float] = []
    stop = threading.Event()

    def use() -> None:
        with torch.no_grad():
            while not stop.is_set():
                wrong.append(float((model(ids, use_cache=False).logits - usual).abs().max()))

    thread = threading.Thread(target=use)
    thread.start()
    try:
        scorer = Scorer(Lent(model), 50)
        got = [scorer.score(question(IDS, TARGET), variants_of(IDS), Context()) for _ in range(5)]
    finally:
        stop.set()
        thread.join()
    assert wrong and max(wrong) == 0.0
    wanted = plain.scores(model, IDS, variants_of(IDS), TARGET)
    assert max(float(np.abs(g - wanted).max()) for g in got) < 1e-5


def test_a_plan_that_gives_other_numbers_is_not_used(monkeypatch):
    model = tiny("llama")
    forward = type(model).forward

    def wrong_on_a_cache(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, **rest):
        if past_key_values is not None and position_ids is not None:
            position_ids = position_ids + 1
        return forward(self, input_ids, attention_mask, position_ids, past_key_values, **rest)

    monkeypatch.setattr(type(model), "forward", wrong_on_a_cache)
    adapter = Lent(model)
    found = Scorer(adapter).probe()
    assert not found["tree_packing"].works and "differ" in found["tree_packing"].reason
    assert not found["prefix_reuse"].works
    assert Scorer(adapter).plan == "padded"
    got = Scorer(adapter).score(question(IDS, TARGET), variants_of(IDS), Context())
    np.testing.assert_allclose(got, plain.scores(model, IDS, variants_of(IDS), TARGET), atol=1e-5)


def test_a_model_without_mask_refuses_to_hide_and_still_scores_the_rest(monkeypatch):
    model = tiny("llama")
    forward = type(model).forward

    def deaf(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, **rest):
        return forward(self, input_ids, None, position_ids, past_key_values, **rest)

    monkeypatch.setattr(type(model), "forward", deaf)
    adapter = Lent(model)
    scorer = Scorer(adapter)
    assert not scorer.probe()["attention_mask"].works
    with pytest.raises(CapabilityError):
        scorer.score(question(IDS, TARGET), [Variant(tuple(IDS), frozenset({2}))], Context())
    shown = variants_of(IDS, hide=False)
    got = scorer.score(question(IDS, TARGET), shown, Context())
    np.testing.assert_allclose(got, plain.scores(model, IDS, shown, TARGET), atol=1e-5)


@pytest.mark.parametrize(("window", "plan"), [(16, "padded"), (17, "packed")])
def test_a_sliding_window_shorter_than_the_input_is_respected(window, plan):
    adapter = Lent(tiny("mistral", sliding_window=window))
    scorer = Scorer(adapter)
    variants = variants_of(IDS)  # 16 tokens at most, target included
    got = scorer.score(question(IDS, TARGET), variants, Context())
    np.testing.assert_allclose(got, plain.scores(adapter.model, IDS, variants, TARGET), atol=1e-5)
    longest = max(len(v.ids) for v in variants) + 2
    assert scorer._probed().plan(len(IDS) + 2, longest) == plan


def test_a_local_window_counted_in_places_of_the_batch_is_respected():
    adapter = Lent(tiny("gpt_neo", window_size=24))
    variants = variants_of(IDS[:8])
    got = Scorer(adapter).score(question(IDS[:8], TARGET), variants, Context())
    np.testing.assert_allclose(got, plain.scores(adapter.model, IDS[:8], variants, TARGET), atol=2e-5)


def test_rotary_frequencies_that_follow_the_length_are_never_mixed():
    scaling = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}
    adapter = Lent(tiny("llama", max_position_embeddings=12, rope_parameters=scaling))
    variants = variants_of(IDS[:10])
    got = Scorer(adapter).score(question(IDS[:10], TARGET), variants, Context())
    # a model of its own for each, because such a model keeps the frequencies of the longest input it has met
    wanted = [plain.scores(copy.deepcopy(adapter.model), IDS[:10], [v], TARGET)[0] for v in variants]
    np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_eager_attention_is_packed_too():
    model = tiny("llama", attn_implementation="eager")
    assert model.config._attn_implementation == "eager"
    scorer = Scorer(Lent(model))
    assert scorer.plan == "packed"
    got = scorer.score(question(IDS, TARGET), variants_of(IDS), Context())
    np.testing.assert_allclose(got, plain.scores(model, IDS, variants_of(IDS), TARGET), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_runs_in_its_own_dtype(dtype):
    model = tiny("llama").to(dtype)
    scorer = Scorer(Lent(model))
    assert scorer.plan == "packed"
    variants = variants_of(IDS)
    got = scorer.score(question(IDS, TARGET), variants, Context())
    wanted = plain.scores(model, IDS, variants, TARGET)
    assert got.dtype == np.float32
    spread = float(np.ptp(wanted))
    # rounding of the model's own dtype: eight bits for bfloat16, eleven for float16
    assert np.abs(got - wanted).max() < spread * (0.05 if dtype is torch.bfloat16 else 0.01)


def test_empty_and_too_long_inputs_are_refused(llama):
    with pytest.raises(EmptyTextError):
        Scorer(llama).score(question(IDS, TARGET), [Variant(())], Context())
    with pytest.raises(TooLongError):
        Scorer(llama).score(question(IDS, TARGET), [Variant((1,) * 127)], Context())
    assert Scorer(llama).score(question(IDS, TARGET), [], Context()).shape == (0, 3)


@pytest.mark.parametrize("plan", PLANS)
def test_the_cost_said_beforehand_is_what_is_run(llama, plan):
    scorer = forced(llama, plan, 60)
    variants = variants_of(IDS)
    cost = scorer.cost(question(IDS, TARGET), variants)
    llama.speed.calls.clear()
    scorer.score(question(IDS, TARGET), variants, Context())
    assert cost.passes == sum(call["passes"] for call in llama.speed.calls)
    assert cost.tokens == sum(call["tokens"] for call in llama.speed.calls)


@pytest.mark.parametrize("plan", PLANS)
def test_the_cost_of_shapes_is_close_to_the_cost_of_the_variants(llama, plan):
    scorer = forced(llama, plan)
    n = len(IDS)
    shapes = scorer.cost(question(IDS, TARGET), [(i, n) for i in range(n)])
    whole = scorer.cost(question(IDS, TARGET), [Variant((*IDS[:i], 0, *IDS[i + 1 :])) for i in range(n)])
    assert 0.7 * whole.tokens <= shapes.tokens <= 1.05 * whole.tokens


def test_no_variants_cost_nothing_and_the_base_alone_one_pass(llama):
    scorer, n = Scorer(llama), len(IDS)
    assert scorer.cost(question(IDS, TARGET), []).tokens == 0
    assert scorer.cost(question(IDS, TARGET), [(n, n)]).tokens == n + 2
    assert scorer.cost(question(IDS, TARGET), [Variant(tuple(IDS))]).tokens == n + 2


def test_memory_said_beforehand_grows_with_the_batch(llama):
    variants = variants_of(IDS)
    small, large = (Scorer(llama, n).cost(question(IDS, TARGET), variants).peak_bytes for n in (60, 600))
    assert small is not None and large is not None and 0 < small < large / 2


def test_a_model_that_reads_tokens_of_its_own_is_refused(llama, monkeypatch):
    run = passes.run
    seen: list[int] = []

    def longer(adapter, view, ids, wanted, **given):
        seen.append(1)
        view.model.register_forward_hook(
            lambda _m, _a, out: type(out)(last_hidden_state=torch.cat([out[0][:, :1], out[0]], 1))
        )
        return run(adapter, view, ids, wanted, **given)

    monkeypatch.setattr(passes, "run", longer)
    with pytest.raises(ModelError, match="logits"):
        Scorer(llama).value(question(IDS, TARGET), Context())
    assert seen


def test_rows_of_another_length_give_the_same(llama, monkeypatch):
    variants = variants_of(IDS)
    one = Scorer(llama).score(question(IDS, TARGET), variants, Context())
    monkeypatch.setattr(packing, "ROW_TOKENS", 16)
    np.testing.assert_allclose(Scorer(llama).score(question(IDS, TARGET), variants, Context()), one, atol=1e-5)


def test_the_default_model(lm):
    tokens = lm.tokenize("The café 🗼 stands in the capital of")
    target = Target(
        lm.continuation(" France,"), ("a", "b"), contrast_ids=lm.continuation(" Italy,"), contrast_texts=("c", "d")
    )
    ids = tokens.ids.tolist()
    variants = variants_of(ids)[:24]
    scorer = Scorer(lm)
    got = scorer.score(Question(tokens, tokens.units(), target), variants, Context())
    wanted = plain.scores(lm.model, ids, variants, target)
    assert scorer.plan == "packed"
    np.testing.assert_allclose(got, wanted, atol=1e-4 * float(np.abs(wanted).max()))
