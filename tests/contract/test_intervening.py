"""Changed activations equal hand-written hooks, for every part and every way, on prompts and while the model writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn

from xai_widgets.adapters import intervening
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.hooks import first
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.tiny import byte_tokenizer, tiny, tiny_model
from xai_widgets.core.context import Context
from xai_widgets.core.directions import Direction
from xai_widgets.core.errors import CancelledError, CapabilityError, TargetError, ValueRefusedError
from xai_widgets.core.interventions import HOWS, WHATS, How, Intervention, What
from xai_widgets.testing.mechanisms import MECHANISMS
from xai_widgets.testing.traces import differences, snapshot

TEXT, OTHER = "The cat sat on the mat.", "The dog ran to the rug."
KINDS: Final = ("gpt2", "llama", "gpt_neox", "gemma2")
"""Sums one after the other, the same with grouped heads, both in one line, and with a norm before each sum."""
END = 2
"""Id that ends a text."""
LAYER, HEAD, NEURON, D_HEAD, D_MODEL = 1, 2, 5, 12, 48
kinds = pytest.mark.parametrize("kind", KINDS)

PATHS: Final[dict[str, dict[What, str]]] = {
    "gpt2": {"attn_out": "attn.c_proj", "mlp_out": "mlp.c_proj", "head": "attn.c_proj", "neuron": "mlp.c_proj"},
    "llama": {"attn_out": "self_attn.o_proj", "mlp_out": "mlp.down_proj", "head": "self_attn.o_proj", "neuron": "mlp.down_proj"},
    "gpt_neox": {
        "attn_out": "attention.dense", "mlp_out": "mlp.dense_4h_to_h", "head": "attention.dense", "neuron": "mlp.dense_4h_to_h",
    },
    "gemma2": {
        "attn_out": "post_attention_layernorm", "mlp_out": "post_feedforward_layernorm", "head": "self_attn.o_proj",
        "neuron": "mlp.down_proj",
    },
}  # fmt: skip
"""By hand: whose output is what attention or the MLP adds, whose input holds heads and neurons."""


def opened(kind: str) -> HuggingFaceAdapter:
    """A tiny model that reads bytes."""
    return tiny(kind, tokenizer=byte_tokenizer())


def ids_of(text: str) -> list[int]:
    """As that tokenizer has them."""
    found: list[int] = opened("gpt2").tokenize(text).ids.tolist()
    return found


@dataclass
class ByHand:
    """The user's own model with one hook. `edit(rows [pos, width])` gives what stands there instead."""

    kind: str
    what: What
    edit: Callable[[Tensor], Tensor]

    def logits(self, ids: list[int]) -> Tensor:
        """[pos, d_vocab] of a whole pass."""
        model = tiny_model(self.kind, vocab_size=len(byte_tokenizer()))
        block = blocks_of(model)[LAYER]
        if self.what == "resid":
            block.register_forward_pre_hook(lambda _m, args: (self.edit(args[0][0].clone())[None], *args[1:]))
        elif self.what in ("attn_out", "mlp_out"):
            module = block.get_submodule(PATHS[self.kind][self.what])
            module.register_forward_hook(lambda _m, _a, out: self.edit(first(out)[0].clone())[None])
        else:
            part = slice(HEAD * D_HEAD, (HEAD + 1) * D_HEAD) if self.what == "head" else slice(NEURON, NEURON + 1)

            def enters(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
                given = args[0].clone()
                given[0, :, part] = self.edit(given[0, :, part].clone())
                return (given, *args[1:])

            block.get_submodule(PATHS[self.kind][self.what]).register_forward_pre_hook(enters)
        with torch.no_grad():
            logits: Tensor = model(torch.tensor([ids]), use_cache=False).logits[0]
        return logits

    def seen(self, ids: list[int]) -> Tensor:
        """What stands there, [pos, width]."""
        kept: list[Tensor] = []

        def look(rows: Tensor) -> Tensor:
            kept.append(rows.clone())
            return rows

        ByHand(self.kind, self.what, look).logits(ids)
        return kept[0]


def index_of(what: What) -> int | None:
    """Of the head or neuron in question."""
    return {"head": HEAD, "neuron": NEURON}.get(what)


def width_of(what: What) -> int:
    """Numbers of the activation."""
    return {"head": D_HEAD, "neuron": 1}.get(what, D_MODEL)


def case(kind: str, what: What, how: How, **where: Any) -> tuple[Intervention, Callable[[Tensor, list[int]], Tensor]]:
    """An intervention, and the same as a function of rows at some positions."""
    vector = [0.5 - 0.1 * (i % 11) for i in range(width_of(what))]
    common: dict[str, Any] = {"what": what, "layer": LAYER, "index": index_of(what), "how": how, **where}
    if how == "scale":
        return Intervention(**common, value=-1.7), lambda rows, _: rows * -1.7
    if how == "set":
        value = 0.4 if what == "neuron" else vector
        return Intervention(**common, value=value), lambda rows, _: torch.tensor(value).expand_as(rows)
    if how == "add":
        direction = None if what == "neuron" else Direction.array(vector)
        step = torch.tensor(3.0) if what == "neuron" else torch.tensor(vector) * 3.0
        return Intervention(**common, value=3, direction=direction), lambda rows, _: rows + step
    other = ByHand(kind, what, lambda rows: rows).seen(ids_of(OTHER))
    return Intervention(**common, source=OTHER), lambda _, at: other[at]


def edit_at(make: Callable[[Tensor, list[int]], Tensor], at: list[int]) -> Callable[[Tensor], Tensor]:
    """Rows changed at these positions."""

    def edit(rows: Tensor) -> Tensor:
        rows[at] = make(rows[at], at)
        return rows

    return edit


@kinds
@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("how", HOWS)
def test_a_prompt_is_read_as_with_a_hook(kind: str, what: What, how: How) -> None:
    """Bit for bit at every position: everywhere, at some tokens, from one on; also taken up from a trace."""
    lm, ids = opened(kind), ids_of(TEXT)
    n = len(ids)
    trace = lm.trace(ids, Context(), edits=False)
    usual = ByHand(kind, what, lambda rows: rows).logits(ids)
    for where, at in (({}, list(range(n))), ({"at": (4, -1)}, [4, n - 1]), ({"start": 6}, list(range(6, n)))):
        one, make = case(kind, what, how, **where)
        wanted = ByHand(kind, what, edit_at(make, at)).logits(ids)
        found = lm.intervened(ids, [one], Context(), range(n))
        assert torch.equal(found, wanted), f"{one}: {float((found - wanted).abs().max()):.2g}"
        assert float((wanted - usual).abs().max()) > 1e-4, "a hook that does nothing proves nothing"
        assert torch.equal(lm.intervened(ids, [one], Context(), range(n), trace), wanted)


@kinds
@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("how", HOWS)
def test_text_is_written_as_with_a_hook(kind: str, what: What, how: How) -> None:
    """A loop of whole passes with the hook; written tokens are changed with `start` and everywhere, not with `at` or a swap."""
    lm, ids = opened(kind), ids_of(TEXT)
    n, steps = len(ids), 6
    for where in ({}, {"at": (3, n - 1)}, {"start": 5}):
        one, make = case(kind, what, how, **where)
        sequence = list(ids)
        for _ in range(steps):
            at = [p for p in range(len(sequence)) if p >= where.get("start", 0)] if "at" not in where else [3, n - 1]
            at = [p for p in at if p < n] if how == "swap" else at
            logits = ByHand(kind, what, edit_at(make, at)).logits(sequence)
            sequence.append(int(logits[-1].argmax()))
            if sequence[-1] == END:
                break
        assert lm.written(ids, [one], steps, Context()) == sequence[n:]


@kinds
def test_kept_keys_and_values_change_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several changes at once: with the cache and by whole passes the model writes the same, and the logits agree."""
    lm, ids = opened(kind), ids_of(TEXT)
    several = [
        case(kind, "head", "scale", start=4)[0],
        case(kind, "mlp_out", "add", at=(2, 5))[0],
        case(kind, "resid", "scale")[0].changed(value=1.1),
        case(kind, "attn_out", "swap", at=(7,))[0],
    ]
    # sliding layers drop keys, so that of them no prefix can be kept
    kept = lm.reuses_prefix
    assert kept == (kind != "gemma2")
    quick = lm.written(ids, several, 10, Context())
    lengths: list[int] = []
    real = intervening.last_logits

    def spied(view: nn.Module, sequence: list[int], *args: Any, **kwargs: Any) -> Any:
        lengths.append(len(sequence) - kwargs["start"])
        return real(view, sequence, *args, **kwargs)

    monkeypatch.setattr(intervening, "last_logits", spied)
    assert lm.written(ids, several, 10, Context()) == quick
    n = len(quick)
    whole = [len(ids) + i for i in range(n)]
    assert lengths == ([len(ids), *[1] * (n - 1)] if kept else whole), "the prompt once, then a token at a time"
    lengths.clear()
    monkeypatch.setattr(type(lm), "reuses_prefix", property(lambda _: False))
    assert lm.written(ids, several, 10, Context()) == quick
    assert lengths == whole


@kinds
@pytest.mark.parametrize("what", WHATS)
def test_scale_one_and_an_empty_list_change_nothing(kind: str, what: What) -> None:
    """Not by one bit; nor does an intervention that is off, or adding 0 times a direction."""
    lm, ids = opened(kind), ids_of(TEXT)
    usual = lm.trace(ids, Context(), range(len(ids))).logits
    index = index_of(what)
    still = [
        [],
        [Intervention(what=what, layer=LAYER, index=index, value=1)],
        [Intervention(what=what, layer=LAYER, index=index, value=0, on=False)],
        [Intervention(what=what, layer=LAYER, index=index, how="swap", source=TEXT)],
    ]
    if what != "head":
        direction = None if what == "neuron" else Direction.array([1.0] * D_MODEL)
        still.append([Intervention(what=what, layer=LAYER, index=index, how="add", value=0, direction=direction)])
    for interventions in still:
        assert torch.equal(lm.intervened(ids, interventions, Context(), range(len(ids))), usual)
    plain = lm.generate(TEXT, 5).ids[len(ids) :].tolist()
    assert lm.written(ids, still[1], 5, Context()) == plain


@kinds
@pytest.mark.parametrize("what", WHATS)
def test_what_is_recorded_is_what_a_hook_sees(kind: str, what: What) -> None:
    """The activation a slider starts from; setting it to itself changes nothing."""
    lm, ids = opened(kind), ids_of(TEXT)
    found = lm.recorded(ids, what, LAYER, index_of(what), Context())
    assert torch.equal(found, ByHand(kind, what, lambda rows: rows).seen(ids))
    value = float(found[3]) if what == "neuron" else found[3].tolist()
    one = Intervention(what=what, layer=LAYER, index=index_of(what), how="set", value=value, at=3)
    assert torch.equal(lm.intervened(ids, [one], Context()), lm.intervened(ids, [], Context()))


def test_what_leaves_the_last_layer_can_be_changed() -> None:
    """One more stream than layers: nothing but the final norm and the head follow it."""
    lm, ids = opened("llama"), ids_of(TEXT)
    (last,) = lm.trace(ids, Context()).streams(lm.n_layers)[-1:]
    one = Intervention(what="resid", layer=lm.n_layers, how="set", value=(last * 3).tolist(), at=-1)
    found = lm.intervened(ids, [one], Context(), base=lm.trace(ids, Context()))
    assert torch.allclose(found, lm.intervened(ids, [], Context()), atol=1e-4), "an RMS norm takes a factor off"
    assert not torch.equal(lm.intervened(ids, [one.changed(value=0.5)], Context()), found)


def test_changes_are_done_in_their_order() -> None:
    """Twice, then plus: not plus, then twice."""
    lm, ids = opened("gpt2"), ids_of(TEXT)
    twice = Intervention(what="neuron", layer=LAYER, index=NEURON, value=2)
    plus = Intervention(what="neuron", layer=LAYER, index=NEURON, how="add", value=1)
    a, b = (lm.intervened(ids, order, Context(), range(len(ids))) for order in ([twice, plus], [plus, twice]))
    own = lm.recorded(ids, "neuron", LAYER, NEURON, Context())
    by_hand = ByHand("gpt2", "neuron", lambda _: own * 2 + 1).logits(ids)
    assert torch.equal(a, by_hand)
    assert not torch.equal(a, b)


def test_the_users_model_is_left_alone() -> None:
    """After a pass, after writing, after a refusal and after a cancel; a pass of the user's own is the same as before."""
    lm, ids = opened("llama"), ids_of(TEXT)
    before, own = snapshot(lm.model, lm.tokenizer), lm.intervened(ids, [], Context())
    one = Intervention(what="resid", layer=LAYER, value=3)
    lm.intervened(ids, [one], Context())
    lm.written(ids, [one], 3, Context())
    with pytest.raises(ValueRefusedError, match="not numbers"):
        lm.intervened(ids, [one.changed(value=1e38), one.changed(value=1e38)], Context())
    stop = Context(is_cancelled=lambda: True)
    with pytest.raises(CancelledError):
        lm.intervened(ids, [one], stop)
    with pytest.raises(CancelledError):
        lm.written(ids, [one], 3, stop)
    assert differences(before, snapshot(lm.model, lm.tokenizer)) == []
    assert torch.equal(lm.intervened(ids, [], Context()), own)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"what": "head", "layer": 9, "index": 0, "value": 0}, "0 to 2"),
        ({"what": "head", "layer": 1, "index": 4, "value": 0}, "0 to 3"),
        ({"what": "neuron", "layer": 1, "index": 96, "value": 0}, "0 to 95"),
        ({"what": "resid", "layer": 4, "value": 0}, "0 to 3"),
        ({"what": "resid", "layer": 1, "value": 0, "at": 99}, "position"),
        ({"what": "resid", "layer": 1, "value": 0, "start": 99}, "start"),
        ({"what": "resid", "layer": 1, "how": "set", "value": [1, 2]}, "48"),
        ({"what": "head", "layer": 1, "index": 0, "how": "add", "value": 1, "direction": Direction.token("a")}, "attn_out"),
        ({"what": "resid", "layer": 1, "how": "swap", "source": "xy", "at": -1}, "counterpart"),
        ({"what": "resid", "layer": 1, "how": "add", "value": 1, "direction": Direction.neuron(1, 96)}, "0 to 95"),
        ({"what": "resid", "layer": 1, "how": "add", "value": 1, "direction": Direction.between("a", "a", layer=1)}, "same"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused(fields: dict[str, Any], said: str) -> None:
    """With what is accepted, before or instead of a pass."""
    lm = opened("llama")
    with pytest.raises(ValueRefusedError, match=said):
        lm.intervened(ids_of(TEXT), [Intervention(**fields)], Context())


def test_a_token_that_is_none_is_no_direction() -> None:
    """An id beyond the vocabulary."""
    with pytest.raises(TargetError):
        opened("llama").direction(Direction.token(10_000), Context())


def test_directions_are_what_their_recipes_say() -> None:
    """A token's raises its own logit most; a neuron's is what one unit more of it adds; two prompts' is the difference of means."""
    lm, ids = opened("llama"), ids_of(TEXT)
    towards = lm.direction(Direction.token("Q"), Context())
    assert float(towards.norm()) == pytest.approx(1, abs=1e-5)
    (wanted,) = lm.continuation("Q")
    push = Intervention(what="resid", layer=lm.n_layers, how="add", value=5, direction=Direction.token("Q"), at=-1)
    moved = lm.intervened(ids, [push], Context())[0] - lm.intervened(ids, [], Context())[0]
    assert int(moved.argmax()) == wanted
    vector = lm.direction(Direction.neuron(LAYER, NEURON), Context())
    weight = (
        blocks_of(tiny_model("llama", vocab_size=len(byte_tokenizer())))[LAYER].get_submodule("mlp.down_proj").weight
    )
    assert torch.allclose(vector, weight[:, NEURON], atol=1e-6)
    plus = Intervention(what="neuron", layer=LAYER, index=NEURON, how="add", value=2)
    same = Intervention(what="mlp_out", layer=LAYER, how="add", value=2, direction=Direction.neuron(LAYER, NEURON))
    assert torch.allclose(*(lm.intervened(ids, [one], Context()) for one in (plus, same)), atol=1e-5)
    means = [lm.recorded(ids_of(text), "resid", 2, None, Context())[1:].mean(0) for text in (TEXT, OTHER)]
    found = lm.direction(Direction.between(TEXT, OTHER, layer=2), Context())
    assert torch.equal(found, means[0] - means[1])


def test_another_text_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slider beside a swap does not read the other text again; other weights do."""
    lm, ids = opened("gpt2"), ids_of(TEXT)
    swap = Intervention(what="resid", layer=LAYER, how="swap", source=OTHER, at=4)
    passes: list[int] = []
    real = intervening.passes.run

    def spied(*args: Any, **kwargs: Any) -> Any:
        passes.append(1)
        return real(*args, **kwargs)

    lm.intervened(ids, [], Context())
    lm.sites()
    monkeypatch.setattr(intervening.passes, "run", spied)
    lm.intervened(ids, [swap], Context())
    assert len(passes) == 2
    lm.intervened(ids, [swap], Context())
    assert len(passes) == 3
    with torch.no_grad():
        next(lm.model.parameters()).mul_(1.5)
    lm.intervened(ids, [swap], Context())
    assert len(passes) == 5


def test_families_without_parts_keep_the_stream() -> None:
    """Where what blocks add can't be told apart the reason is said, and `resid` still works."""
    lm, ids = opened("llama"), ids_of(TEXT)
    reason = "what leaves block 0 is not what enters it with something added"

    def refused(*_: Any, **__: Any) -> Any:
        raise CapabilityError("Splitting", reason=reason, hint="none")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xai_widgets.adapters.places.record_parts", refused)
        sites = lm.sites()
        assert sites.lacks["head"] == (reason,) * lm.n_layers
        with pytest.raises(CapabilityError, match="is not what enters it"):
            lm.intervened(ids, [Intervention(what="head", layer=1, index=0, value=0)], Context())
        one, make = case("llama", "resid", "scale")
        wanted = ByHand("llama", "resid", edit_at(make, list(range(len(ids))))).logits(ids)
        assert torch.equal(lm.intervened(ids, [one], Context(), range(len(ids))), wanted)


SWAPPED: Final = {
    # the other prompt, layer of the planted head, the position it answers at
    "induction": ("c a d b e a", 1, 5),
    "lookup": ("france=paris italy=rome spain=madrid france", 0, 3),
}


@pytest.mark.parametrize("name", list(SWAPPED))
def test_swapping_the_planted_head_turns_the_answer(name: str) -> None:
    """On models of known mechanism: the head's output at the last position alone carries the other prompt's answer."""
    mechanism = MECHANISMS[name]
    other, layer, at = SWAPPED[name]
    lm, question = mechanism.adapter, mechanism.question
    ids, source = question.tokens.ids.tolist(), lm.tokenize(other).ids.tolist()
    usual, wanted = (int(lm.intervened(text, [], Context())[0].argmax()) for text in (ids, source))
    assert usual == question.target.ids[0]
    assert wanted != usual
    swap = Intervention(what="head", layer=layer, index=0, how="swap", source=other, at=at)
    assert int(lm.intervened(ids, [swap], Context())[0].argmax()) == wanted
    off = Intervention(what="head", layer=layer, index=0, value=0, at=at)
    logits = lm.intervened(ids, [off], Context())[0]
    assert float(logits[usual]) < float(lm.intervened(ids, [], Context())[0, usual]) - 0.1
    elsewhere = swap.changed(at=(at - 1,))
    assert int(lm.intervened(ids, [elsewhere], Context())[0].argmax()) == usual
