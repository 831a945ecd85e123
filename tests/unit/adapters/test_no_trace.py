"""Whatever is asked, also when it fails, is cancelled or runs beside the user's own thread: their model is as before."""

from __future__ import annotations

import threading

import pytest
import torch

from xai_widgets.adapters.base import Variant
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.tiny import KINDS, byte_tokenizer, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError
from xai_widgets.core.targets import Question, Target
from xai_widgets.core.tokens import Tokens
from xai_widgets.testing.traces import differences, snapshot

IDS = torch.tensor([[5, 9, 77, 3, 100, 8]])


def used(lm: HuggingFaceAdapter, context: Context) -> list[float]:
    """A bit of everything; some of its numbers."""
    tokens = lm.tokenize("The cat sat")
    best = lm.candidates(tokens, 3, context)
    written = lm.generate(tokens, 4, context, temperature=0.7)
    question = asked(tokens, best[0].id)
    lm.embedding_table()
    value = lm.value(question, context)
    variants = [Variant(tuple(tokens.ids.tolist()), frozenset({i})) for i in range(1, 4)] + [
        Variant(tuple(tokens.ids[:5].tolist()))
    ]
    scores = lm.score(question, variants, context)
    gradient = lm.gradient(question, lm.embed(tokens.ids.tolist())[None], context)
    assert lm.fingerprint and lm.tokenizer_fingerprint
    return [
        best[0].logit,
        float(value[0]),
        *scores[:, 0].tolist(),
        float(gradient.values[0, 0]),
        *map(float, written.ids[-4:]),
    ]


def asked(tokens: Tokens, target: int) -> Question:
    return Question(tokens, tokens.units(), Target((target,), ("x",), quantity="logit"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True], ids=["evaluating", "training"])
def test_a_model_is_as_before(kind: str, training: bool) -> None:
    model, tokenizer = tiny_model(kind).train(training), byte_tokenizer()
    for parameter in list(model.parameters())[::2]:
        parameter.requires_grad_(False)
    model.get_input_embeddings().register_forward_hook(lambda *_: None)
    before = snapshot(model, tokenizer)
    used(HuggingFaceAdapter(model, tokenizer), Context())
    assert differences(before, snapshot(model, tokenizer)) == []


def test_a_model_in_training_gives_its_evaluation_numbers() -> None:
    evaluating, training = tiny_model("gpt2"), tiny_model("gpt2").train()
    assert training.transformer.drop.p > 0  # so the modes do differ
    numbers = [used(HuggingFaceAdapter(model, byte_tokenizer()), Context()) for model in (evaluating, training)]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("stop", range(1, 8))
def test_cancelled_anywhere_it_is_as_before(stop: int) -> None:
    model, tokenizer = tiny_model("llama").train(), byte_tokenizer()
    lm = HuggingFaceAdapter(model, tokenizer)
    before = snapshot(model, tokenizer)
    asks = iter(range(100))
    with pytest.raises(CancelledError):
        used(lm, Context(is_cancelled=lambda: next(asks) >= stop))
    assert differences(before, snapshot(model, tokenizer)) == []
    assert used(lm, Context())  # and goes on


@pytest.mark.parametrize("block", range(3))
def test_failing_in_the_middle_it_is_as_before(block: int) -> None:
    model, tokenizer = tiny_model("llama"), byte_tokenizer()
    lm = HuggingFaceAdapter(model, tokenizer)
    tokens = lm.tokenize("The cat sat")
    wanted = used(lm, Context())

    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    handle = model.model.layers[block].register_forward_hook(breaks)
    before = snapshot(model, tokenizer)
    for call in (
        lambda: lm.candidates(lm.tokenize("another")),
        lambda: lm.generate(tokens, 3, Context()),
        lambda: lm.value(asked(tokens, 5), Context()),
        lambda: lm.gradient(asked(tokens, 5), lm.embed(tokens.ids.tolist())[None], Context()),
    ):
        with pytest.raises(ZeroDivisionError):
            call()
    assert differences(before, snapshot(model, tokenizer)) == []
    handle.remove()
    assert used(lm, Context()) == wanted


def test_the_users_thread_gets_its_usual_numbers_and_so_do_we() -> None:
    model = tiny_model("gpt2").train()
    lm = HuggingFaceAdapter(model, byte_tokenizer())
    wanted = used(lm, Context())
    states = [torch.get_rng_state()]
    alone = []
    for _ in range(20):
        alone.append(model(input_ids=IDS).logits.detach().clone())
        states.append(torch.get_rng_state())
    torch.set_rng_state(states[0])
    stop, ours, failures = threading.Event(), [], []

    def look() -> None:
        try:
            while not stop.is_set() or not ours:
                ours.append(used(lm, Context()))
        except BaseException as error:  # noqa: BLE001 - told to the test, which fails on it
            failures.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    beside = [model(input_ids=IDS).logits.detach().clone() for _ in range(20)]
    stop.set()
    thread.join()
    assert not failures
    assert all(torch.equal(a, b) for a, b in zip(alone, beside, strict=True))
    assert torch.equal(states[-1], torch.get_rng_state())
    assert all(numbers == pytest.approx(wanted, rel=1e-4, abs=1e-4) for numbers in ours)


def test_looking_during_training_changes_nothing_and_sees_each_step() -> None:
    def trained(*, look: bool) -> tuple[list[float], list[str]]:
        torch.manual_seed(0)
        model = tiny_model("gpt2").train()
        lm = HuggingFaceAdapter(model, byte_tokenizer())
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        losses, seen = [], []
        for _ in range(3):
            loss = model(input_ids=IDS, labels=IDS).loss
            loss.backward()
            if look:
                used(lm, Context())
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            if look:
                seen.append((lm.fingerprint, lm.candidates(lm.tokenize("The cat"), 1)[0].logit))
        return losses, seen

    quiet, _ = trained(look=False)
    watched, seen = trained(look=True)
    assert quiet == watched
    assert len({f for f, _ in seen}) == len({v for _, v in seen}) == 3
