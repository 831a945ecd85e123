"""Gradients of the explained number against one plain backward pass a row, on a model of our own to differentiate."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

from tests.unit.adapters.lent import Lent, question, tiny
from tests.unit.adapters.test_quantities import CASES
from tests.unit.adapters.test_scoring import EXPECTED_PLAN, IDS, TARGET, snapshot
from xai_widgets.adapters import gradients, passes, quantities
from xai_widgets.adapters.base import Capability
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, ModelError, OutOfMemoryError
from xai_widgets.core.targets import Target


@pytest.fixture(scope="module")
def llama() -> Lent:
    return Lent(tiny("llama"))


def steps_of(adapter: Lent, n: int = 3) -> torch.Tensor:
    """Points on the way from zero to the input's embeddings."""
    with torch.no_grad():
        own = adapter.model.get_input_embeddings()(torch.tensor(IDS))
    return own * (torch.arange(1, n + 1) / n)[:, None, None]


def plainly(adapter: Lent, target: Target, embeddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Values [row, step] and gradients [row, step, pos, d_model], step by step and row by row."""
    model, full = adapter.model, [*IDS, *target.ids[:-1]]
    reference = None
    if target.quantity == "kl":
        before = [*(target.reference.ids.tolist() if target.reference else IDS), *target.ids[:-1]]
        with torch.no_grad():
            logits = model(torch.tensor([before]), use_cache=False).logits[0, -len(target.ids) :]
        reference = torch.log_softmax(logits, -1)
    values, grads = [], []
    for step in embeddings:
        leaf = step.detach().clone().requires_grad_()
        hook = model.get_input_embeddings().register_forward_hook(
            lambda _m, _a, own, leaf=leaf: torch.cat([leaf[None], own[:, len(IDS) :]], 1)
        )
        try:
            logits = model(torch.tensor([full]), use_cache=False).logits[0, len(IDS) - 1 :]
        finally:
            hook.remove()
        rows = quantities.rows(logits, target, reference)
        values.append(rows.detach())
        grads.append(torch.stack([torch.autograd.grad(row, leaf, retain_graph=True)[0] for row in rows]))
    return torch.stack(values, 1), torch.stack(grads, 1)


@pytest.mark.parametrize("kind", EXPECTED_PLAN)
def test_equals_plain_backward_passes_on_every_architecture(kind):
    adapter = Lent(tiny(kind))
    got = gradients.gradient(adapter, question(IDS, TARGET), steps_of(adapter), Context())
    values, grads = plainly(adapter, TARGET, steps_of(adapter))
    assert got.values.shape == (3, 3) and got.grads.shape == (3, 3, len(IDS), 32)
    torch.testing.assert_close(got.values, values, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.grads, grads, atol=1e-4 * float(grads.abs().max()), rtol=0)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("each", [True, False])
def test_every_quantity(llama, case, each):
    target = Target((5, 9), ("a", "b"), each=each, **case)
    got = gradients.gradient(llama, question(IDS, target), steps_of(llama), Context())
    values, grads = plainly(llama, target, steps_of(llama))
    torch.testing.assert_close(got.values, values, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.grads, grads, atol=1e-4 * float(grads.abs().max()) + 1e-6, rtol=0)


def test_a_kl_reference_of_its_own(llama):
    other = question([4, 4, 9], TARGET).tokens
    target = Target((5, 9), ("a", "b"), quantity="kl", reference=other)
    got = gradients.gradient(llama, question(IDS, target), steps_of(llama), Context())
    values, grads = plainly(llama, target, steps_of(llama))
    torch.testing.assert_close(got.values, values, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.grads, grads, atol=1e-4 * float(grads.abs().max()), rtol=0)


@pytest.mark.parametrize("each", [True, False])
def test_row_by_row_equals_the_batch(llama, each):
    target = Target(TARGET.ids, TARGET.texts, each=each)
    batch = gradients.gradient(llama, question(IDS, target), steps_of(llama), Context())
    single = Lent(llama.model)
    single.capabilities = {"batched_gradients": Capability(False, "for this test")}
    loop = gradients.gradient(single, question(IDS, target), steps_of(llama), Context())
    torch.testing.assert_close(loop.values, batch.values, atol=0, rtol=0)
    torch.testing.assert_close(loop.grads, batch.grads, atol=1e-6, rtol=1e-5)


def test_a_head_that_is_not_reached_as_expected_is_differentiated_as_a_whole(llama, monkeypatch):
    usual = gradients.gradient(llama, question(IDS, TARGET), steps_of(llama), Context())
    monkeypatch.setattr(llama, "head_of", lambda _view: torch.nn.Identity())
    got = gradients.gradient(llama, question(IDS, TARGET), steps_of(llama), Context())
    torch.testing.assert_close(got.grads, usual.grads, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("outer", [torch.no_grad, torch.inference_mode])
def test_works_inside_the_callers_own_modes(llama, outer):
    usual = gradients.gradient(llama, question(IDS, TARGET), steps_of(llama), Context())
    with outer():
        got = gradients.gradient(llama, question(IDS, TARGET), steps_of(llama), Context())
    torch.testing.assert_close(got.grads, usual.grads, atol=0, rtol=0)


def test_results_hold_no_graph_and_float32(llama):
    got = gradients.gradient(
        Lent(tiny("llama").bfloat16()), question(IDS, TARGET), steps_of(llama).bfloat16(), Context()
    )
    for tensor in (got.values, got.grads):
        assert tensor.dtype == torch.float32 and not tensor.requires_grad
        assert torch.isfinite(tensor).all()


@pytest.mark.parametrize("frozen", [True, False])
def test_a_model_in_training_keeps_its_state(frozen):
    model = tiny("llama").train().requires_grad_(not frozen)
    for parameter in model.parameters() if not frozen else ():
        parameter.grad = torch.ones_like(parameter)
    adapter = Lent(model)
    before, random_before = snapshot(model), torch.get_rng_state()
    gradients.probe(adapter)
    gradients.gradient(adapter, question(IDS, TARGET), steps_of(adapter), Context())
    gradients.values_at(adapter, question(IDS, TARGET), steps_of(adapter), Context())
    assert snapshot(model) == before
    assert torch.equal(torch.get_rng_state(), random_before)
    assert all(bool((p.grad == 1).all()) for p in model.parameters() if not frozen)


@pytest.mark.parametrize("stop_at", [0, 1])
def test_cancelled_in_the_middle_leaves_no_trace(stop_at):
    model = tiny("llama").train()
    adapter = Lent(model)
    before, asked = snapshot(model), iter(range(10))
    with pytest.raises(CancelledError):
        gradients.gradient(
            adapter, question(IDS, TARGET), steps_of(adapter), Context(is_cancelled=lambda: next(asked) >= stop_at)
        )
    assert next(asked) == stop_at + 1
    assert snapshot(model) == before and adapter.lock.acquire(blocking=False)
    adapter.lock.release()


def test_weights_made_under_inference_mode_are_named_as_the_cause():
    with torch.inference_mode():
        model = tiny("llama")
    adapter = Lent(model)
    with torch.inference_mode():
        embeddings = steps_of(adapter)
    with pytest.raises(ModelError, match="inference_mode"):
        gradients.gradient(adapter, question(IDS, TARGET), embeddings, Context())
    assert not gradients.probe(adapter)["gradients"].works


def starve(monkeypatch: pytest.MonkeyPatch, *, also_single: bool) -> None:
    grad = torch.autograd.grad

    def hungry(outputs: Any, inputs: Any, grad_outputs: Any = None, **given: Any) -> Any:
        if grad_outputs is not None and (given.get("is_grads_batched") or also_single):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return grad(outputs, inputs, grad_outputs, **given)

    monkeypatch.setattr(torch.autograd, "grad", hungry)


def test_out_of_memory_goes_on_row_by_row(llama, monkeypatch):
    usual = gradients.gradient(llama, question(IDS, TARGET), steps_of(llama), Context())
    starve(monkeypatch, also_single=False)
    got = gradients.gradient(llama, question(IDS, TARGET), steps_of(llama), Context())
    torch.testing.assert_close(got.grads, usual.grads, atol=1e-6, rtol=1e-5)


def test_out_of_memory_at_several_steps_goes_on_with_fewer(llama, monkeypatch):
    usual = gradients.gradient(llama, question(IDS, TARGET), steps_of(llama, 5), Context())
    run, tried = passes.run, []

    def limited(adapter, view, ids, wanted, **given):
        tried.append(len(ids))
        if len(ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(adapter, view, ids, wanted, **given)

    monkeypatch.setattr(passes, "run", limited)
    got = gradients.gradient(llama, question(IDS, TARGET), steps_of(llama, 5), Context())
    torch.testing.assert_close(got.grads, usual.grads, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(got.values, usual.values, atol=1e-5, rtol=0)
    assert max(tried) == 5


def test_out_of_memory_at_one_row_is_said(llama, monkeypatch):
    starve(monkeypatch, also_single=True)
    with pytest.raises(OutOfMemoryError):
        gradients.gradient(llama, question(IDS, TARGET), steps_of(llama), Context())


@pytest.mark.parametrize("kind", EXPECTED_PLAN)
def test_the_probe_finds_both_on_every_architecture(kind):
    found = gradients.probe(Lent(tiny(kind)))
    assert found["gradients"].works and found["batched_gradients"].works


def test_the_probe_does_not_believe_wrong_batches(llama, monkeypatch):
    grad = torch.autograd.grad

    def wrong(outputs: Any, inputs: Any, grad_outputs: Any = None, **given: Any) -> Any:
        found = grad(outputs, inputs, grad_outputs, **given)
        return tuple(f.flip(0) for f in found) if given.get("is_grads_batched") else found

    monkeypatch.setattr(torch.autograd, "grad", wrong)
    found = gradients.probe(llama)
    assert found["gradients"].works
    assert not found["batched_gradients"].works and "differ" in found["batched_gradients"].reason


@pytest.mark.parametrize("each", [True, False])
def test_values_alone_are_those_of_the_gradient(llama, monkeypatch, each):
    target = Target(TARGET.ids, TARGET.texts, each=each)
    points = steps_of(llama, 7)
    wanted = gradients.gradient(llama, question(IDS, target), points, Context()).values
    got = gradients.values_at(llama, question(IDS, target), points, Context())
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=0)
    monkeypatch.setattr(gradients, "VALUE_TOKENS", 30)
    torch.testing.assert_close(
        gradients.values_at(llama, question(IDS, target), points, Context()), wanted, atol=1e-5, rtol=0
    )


def test_steps_per_batch_keeps_to_the_budget_and_is_at_least_one(llama):
    length = len(IDS) + 2
    assert gradients.steps_per_batch(llama, question(IDS, TARGET)) == gradients.CPU_TOKENS // length
    assert gradients.steps_per_batch(llama, question(IDS * 100, TARGET)) == 1


def test_the_users_own_thread_gets_its_usual_gradients():
    model = tiny("llama").train()
    ids = torch.tensor([IDS])

    def own() -> torch.Tensor:
        loss = model(ids, labels=ids, use_cache=False).loss
        return torch.autograd.grad(loss, model.get_input_embeddings().weight)[0]

    usual, wrong, stop = own(), [], threading.Event()

    def use() -> None:
        while not stop.is_set():
            wrong.append(float((own() - usual).abs().max()))

    thread = threading.Thread(target=use)
    thread.start()
    try:
        adapter = Lent(model)
        got = [gradients.gradient(adapter, question(IDS, TARGET), steps_of(adapter), Context()) for _ in range(5)]
    finally:
        stop.set()
        thread.join()
    assert wrong and max(wrong) < 1e-7
    _, grads = plainly(adapter, TARGET, steps_of(adapter))
    for g in got:
        torch.testing.assert_close(g.grads, grads, atol=1e-4 * float(grads.abs().max()), rtol=0)


@pytest.mark.parametrize("each", [True, False])
def test_the_cost_said_beforehand_is_what_is_run(llama, each):
    target = Target(TARGET.ids, TARGET.texts, each=each)
    size = gradients.steps_per_batch(llama, question(IDS, target))
    said = gradients.cost(llama, question(IDS, target), size + 1, forward_only=2)
    llama.speed.calls.clear()
    for part in steps_of(llama, size + 1).split(size):
        gradients.gradient(llama, question(IDS, target), part, Context())
    gradients.values_at(llama, question(IDS, target), steps_of(llama, 2), Context())
    ahead = [call for call in llama.speed.calls if not call.get("backward")]
    back = [call for call in llama.speed.calls if call.get("backward")]
    assert said.tokens == sum(call["tokens"] for call in ahead)
    assert said.backward_tokens == sum(call["tokens"] for call in back)
    assert said.passes == len(ahead)
    assert said.peak_bytes is not None and said.peak_bytes > 0
