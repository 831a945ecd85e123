"""A stream read with a prompt: put back where it came from it changes nothing, and it stays in its place while the model writes."""

from __future__ import annotations

import pytest
import torch

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, EmptyTextError, TooLongError, ValueRefusedError
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.explainers.lens.patchscope import Patchscope, placeholder

TEXT = "The cat sat on"
PROMPT = "cat -> cat, ? is"
KINDS = ("llama", "gpt2", "gemma2", "gpt_neox", "mistral")


def opened(kind: str) -> ModelAdapter:
    return tiny(kind, tokenizer=byte_tokenizer())


def reader(lm: ModelAdapter, text: str = TEXT) -> Patchscope:
    found = INSPECTORS["patchscope"](INSPECTORS["logit_lens"](lm, lm.tokenize(text)))
    assert isinstance(found, Patchscope)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_in_its_own_place_it_changes_nothing(kind: str) -> None:
    """The same prompt, layer and position as the source: the model's own continuation, at every layer and place."""
    lm = opened(kind)
    n = len(lm.tokenize(TEXT))
    own = lm.generate(TEXT, 6).ids[n:].tolist()
    for stream in range(lm.n_layers + 1):
        for pos in (0, 5, n - 1):
            found = reader(lm).read(stream, pos, TEXT, Context(), at=pos, tokens=6)
            assert list(found.ids) == own
            assert [c.id for c in found.candidates] == [c.id for c in found.before]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_every_written_token_sees_the_stream(kind: str) -> None:
    """Equal to passes in which a hook on the model itself exchanges the stream at the placeholder, token after token."""
    lm = opened(kind)
    stream, pos, into, at = 2, 4, 1, len(PROMPT) - 1
    found = reader(lm).read(stream, pos, PROMPT, Context(), at=at, into=into, tokens=6)
    model = tiny_model(kind, vocab_size=len(byte_tokenizer()))
    blocks = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == lm.n_layers)
    kept: list[torch.Tensor] = []
    handle = blocks[stream].register_forward_pre_hook(lambda _m, args: kept.append(args[0][0, pos].clone()))
    with torch.no_grad():
        model(torch.tensor([lm.tokenize(TEXT).ids.tolist()]), use_cache=False)
        handle.remove()

        def put(_module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            changed = args[0].clone()
            changed[0, at] = kept[0]
            return (changed, *args[1:])

        ids, plain = lm.tokenize(PROMPT).ids.tolist(), lm.tokenize(PROMPT).ids.tolist()
        for _ in range(6):
            plain.append(int(model(torch.tensor([plain]), use_cache=False).logits[0, -1].argmax()))
        blocks[into].register_forward_pre_hook(put)
        for _ in range(6):
            ids.append(int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    assert list(found.ids) == ids[-6:]
    assert ids != plain, "the stream must matter, or this test can't tell"
    assert found.prompt[at] == PROMPT[at]
    assert found.before[0].id == plain[len(PROMPT)]
    assert found.candidates[0].id == found.ids[0]


def test_the_placeholder() -> None:
    lm = opened("llama")
    assert placeholder(lm.tokenize("? -> ?, and")) == 5
    assert placeholder(lm.tokenize("a -> a")) == 5
    assert reader(lm).read(1, 0, PROMPT, Context(), tokens=1).at == PROMPT.index("?")
    assert xw.LogitLens(lm, TEXT).scope(0, prompt=PROMPT, at=-1, tokens=1).at == len(PROMPT) - 1


def test_layers_are_counted_as_the_grid_names_them() -> None:
    """`layer=2` is what leaves layer 2; -1 is the embedding; the last goes straight to words, which are the text's own next token."""
    lm = opened("llama")
    view = xw.LogitLens(lm, TEXT)
    last = view.scope(lm.n_layers - 1, prompt="ab", tokens=1)
    assert (last.stream, last.into) == (lm.n_layers, lm.n_layers)
    assert last.candidates[0].id == view.grid.top[-1, -1, 0]
    first = view.scope(-1, 3, prompt="ab?", tokens=1)
    assert (first.stream, first.into) == (0, 0)
    # the embedding of a token put at a token's place is that token there (positions come later in this family)
    same = lm.trace([*lm.tokenize("ab").ids.tolist(), int(lm.tokenize(TEXT).ids[3])], Context()).logits[0]
    assert first.candidates[0].id == int(same.argmax())
    assert first.candidates[0].logit == pytest.approx(float(same.max()), abs=1e-4)


def test_it_ends_where_the_model_would() -> None:
    """The token that ends a text is the last one."""
    lm = opened("llama")
    usual = reader(lm).read(1, 2, PROMPT, Context(), tokens=6).ids
    lm.model.generation_config.eos_token_id = [2, usual[2]]
    assert reader(lm).read(1, 2, PROMPT, Context(), tokens=6).ids == usual[: usual.index(usual[2]) + 1]


def test_refusals() -> None:
    lm = opened("llama")
    view = xw.LogitLens(lm, TEXT)
    for how in ({"layer": 3}, {"layer": -2}, {"pos": 99}, {"into": 3}, {"at": 99}, {"tokens": 0}):
        with pytest.raises(ValueRefusedError):
            view.scope(**{"layer": 0, "prompt": PROMPT, **how})
    with pytest.raises(EmptyTextError):
        view.scope(0, prompt="")
    short = opened("gpt2")
    with pytest.raises(TooLongError):
        xw.LogitLens(short, TEXT).scope(0, prompt="a" * 250, tokens=8)
    with pytest.raises(CancelledError):
        reader(lm).read(0, 0, PROMPT, Context(is_cancelled=lambda: True))


@pytest.mark.slow
def test_a_country_read_by_the_identity_prompt() -> None:
    """SmolLM2 names the country whose stream stands in the `?`: at early and middle layers, not at late ones.

    Late streams are already about what comes next, and in their own layer's terms; the paper says the same of its models.
    """
    view = xw.LogitLens(xw.load(), "The capital of France is the city of")
    read = {layer: view.scope(layer, 3).text for layer in (3, 5, 10, 25)}
    for layer in (3, 5, 10):
        assert read[layer].startswith(" -> France"), read
    assert "France" not in read[25], read
    italy = xw.LogitLens(xw.load(), "The capital of Italy is the city of").scope(5, 3)
    assert italy.text.startswith(" -> Italy"), italy
