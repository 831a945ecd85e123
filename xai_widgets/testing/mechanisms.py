"""Language models that do one known thing, with the positions that cause their answer: what a method ought to find.

Each is a real transformers GPT-2 with weights set by hand (see `circuits`) behind the same adapter as any other model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import exp
from typing import Any, Final

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.targets import Quantity, Question
from xai_widgets.testing.ask import ask
from xai_widgets.testing.circuits import Circuit

_CONSTANT = "the model is linear, so its gradient is the same vector at every position, whatever word stands there"
_FLAT = "the unit is saturated: a small change of the input changes nothing, so the gradient at the input is zero"
_BLUR = "a window that holds the cause also holds its neighbours, and a unit at the edge is in fewer windows"
_LUCK = (
    "the steep part of the path is a sixth of it and few random places land there; baselines drawn from these few words "
    "often hold the evidence themselves"
)
_LOOKS = (
    "it says where the model looks, as a mean over layers and heads; what is taken from there, and what comes of it, is not "
    "in the weights"
)
_PATHS = dict.fromkeys(("attention_rollout", "attention_flow"), _LOOKS)
_ATTENTION = {**_PATHS, "attention_weights": _LOOKS}
_LOCAL = ("gradient_norm", "saliency", "input_x_gradient")


@dataclass(frozen=True)
class Mechanism:
    """A model that does one thing, a prompt on which it does it, and what causes the answer.

    Attributes:
        name: registered in `MECHANISMS`. does: what the model computes, in a sentence.
        prompt, target, contrast, quantity: the question; positions count its words from 0.
        cause: groups of positions in order of importance; within a group they matter alike.
        build: makes the circuit.
        left_out: exact leave-one-out scores (mode replace), by position, where they can be written down; the
            replacement is the pad word, which has an all-zero embedding.
        shares: exact shares by position of every method that divides the number up, where all must agree (a linear model).
        misses: methods that can't find the cause here, each with the reason. All others claim to.
    """

    name: str
    does: str
    prompt: str
    target: str
    cause: tuple[frozenset[int], ...]
    build: Callable[[], Circuit]
    contrast: str | None = None
    quantity: Quantity = "logit"
    left_out: tuple[float, ...] | None = None
    shares: tuple[float, ...] | None = None
    misses: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def circuit(self) -> Circuit:
        """The weights, in terms of named parts."""
        return self.build()

    @cached_property
    def adapter(self) -> ModelAdapter:
        """The model as any method sees it."""
        from xai_widgets.adapters.huggingface import HuggingFaceAdapter

        return HuggingFaceAdapter(self.model, self.circuit.tokenizer(), f"mechanism {self.name}")

    @cached_property
    def model(self) -> Any:  # noqa: ANN401 - transformers' GPT2LMHeadModel
        """The transformers model."""
        return self.circuit.model()

    @cached_property
    def question(self) -> Question:
        """The prompt and target, position by position."""
        return ask(self.adapter, self.prompt, self.target, self.contrast, quantity=self.quantity)


_WEIGHTS: Final = {
    "the": 0.0,
    "film": 0.0,
    "was": 0.0,
    "but": 0.0,
    "great": 4.0,
    "fine": 1.0,
    "dull": -2.0,
    "bad": -3.0,
}


def _bag_of_words() -> Circuit:
    c = Circuit([*_WEIGHTS, "yes"], {"weight": 1}, {"mean": 1}, n_layers=1)
    for word, weight in _WEIGHTS.items():
        c.write(word, "weight", value=weight)
    c.average(0, "weight", "mean")
    c.answer("yes", "mean")
    return c


_SHARP: Final = 4.0
"""Score of a full match in attention: soft enough that gradients reach what is compared."""

_COLOURS: Final = ("red", "blue", "green", "pink", "black")


def _copy() -> Circuit:
    words = ["mark", "say", *_COLOURS]
    c = Circuit(words, {"is_mark": 1, "asks": 1, "colour": 5}, {"after_mark": 1, "found": 5}, n_layers=2)
    c.write("mark", "is_mark")
    c.write("say", "asks")
    for i, colour in enumerate(_COLOURS):
        c.write(colour, "colour", i)
        c.answer(colour, "found", i)
    c.attend(0, query=c.previous(), key=c.read("pos"), value="is_mark", out="after_mark", sharpness=20)
    c.attend(1, query=c.read("asks"), key=c.read("after_mark"), value="colour", out="found", sharpness=_SHARP)
    return c


_LETTERS: Final = ("a", "b", "c", "d", "e")


def _induction() -> Circuit:
    c = Circuit(_LETTERS, {"letter": 5}, {"before": 5, "found": 5}, n_layers=2)
    for i, letter in enumerate(_LETTERS):
        c.write(letter, "letter", i)
        c.answer(letter, "found", i)
    c.attend(0, query=c.previous(), key=c.read("pos"), value="letter", out="before", sharpness=20)
    c.attend(1, query=c.read("letter"), key=c.read("before"), value="letter", out="found", sharpness=_SHARP)
    return c


_CAPITALS: Final = {"france": "paris", "italy": "rome", "spain": "madrid"}


def _lookup() -> Circuit:
    words = [*_CAPITALS, *_CAPITALS.values(), *(f"{k}={v}" for k, v in _CAPITALS.items())]
    c = Circuit(words, {"wanted": 3, "key": 3, "city": 3}, {"found": 3}, n_layers=1)
    for i, (country, city) in enumerate(_CAPITALS.items()):
        c.write(country, "wanted", i)
        c.write(f"{country}={city}", "key", i)
        c.write(f"{country}={city}", "city", i)
        c.answer(city, "found", i)
    c.attend(0, query=c.read("wanted"), key=c.read("key"), value="city", out="found", sharpness=_SHARP)
    return c


def _negation() -> Circuit:
    words = ["the", "film", "was", "today", "not", "good", "bad", "yes", "no"]
    c = Circuit(words, {"negates": 1, "feeling": 1}, {"negated": 1, "verdict": 1, "mean": 1}, n_layers=2)
    c.write("not", "negates")
    c.write("good", "feeling", value=1)
    c.write("bad", "feeling", value=-1)
    c.attend(0, query=c.previous(), key=c.read("pos"), value="negates", out="negated", sharpness=20)
    # feeling in -1..1 times (1 - 2 negated): one pair of units is on without a negation, the other with one; all are
    # off by a margin where no word has a feeling, so that no gradient is taken on an edge
    c.neuron(0, {"feeling": 2, "negated": -4}, -1, {"verdict": 1})
    c.neuron(0, {"feeling": -2, "negated": -4}, -1, {"verdict": -1})
    c.neuron(0, {"feeling": 2, "negated": 4}, -5, {"verdict": -1})
    c.neuron(0, {"feeling": -2, "negated": 4}, -5, {"verdict": 1})
    c.average(1, "verdict", "mean")
    c.answer("yes", "mean")
    c.answer("no", "mean", weight=-1)
    return c


def _saturated() -> Circuit:
    words = ["there", "was", "a", "today", "fire", "smoke", "alarm"]
    c = Circuit(words, {"evidence": 1}, {"mean": 1, "verdict": 1}, n_layers=1)
    c.write("fire", "evidence", value=18)
    c.write("smoke", "evidence", value=18)
    c.average(0, "evidence", "mean")
    # min(1, mean) = mean - relu(mean - 1), for a mean that is never negative
    c.neuron(0, {"mean": 1}, 0, {"verdict": 1})
    c.neuron(0, {"mean": 1}, -1, {"verdict": -1})
    c.answer("alarm", "verdict")
    return c


def _share(n_others: int) -> float:
    """Attention to the one full match among `n_others` positions that don't match."""
    return exp(_SHARP) / (exp(_SHARP) + n_others)


def _alone(*positions: int) -> frozenset[int]:
    return frozenset(positions)


MECHANISMS: Final[dict[str, Mechanism]] = {
    m.name: m
    for m in (
        Mechanism(
            name="bag_of_words",
            does="the logit of 'yes' is the mean of one weight a word",
            prompt="the film was great but dull",
            target="yes",
            cause=(_alone(3),),
            build=_bag_of_words,
            left_out=(0, 0, 0, 4 / 6, 0, -2 / 6),
            shares=(0, 0, 0, 4 / 6, 0, -2 / 6),
            misses={**_ATTENTION, "gradient_norm": _CONSTANT, "saliency": _CONSTANT},
        ),
        Mechanism(
            name="copy",
            does="'say' copies the colour that follows 'mark'",
            prompt="red blue mark green pink say",
            target="green",
            contrast="blue",
            cause=(_alone(3), _alone(2, 5)),
            build=_copy,
            misses={**_ATTENTION, "occlusion": _BLUR},
        ),
        Mechanism(
            name="induction",
            does="repeats what followed the last token when it was last seen: ... a b ... a, then b",
            prompt="c a b d e a",
            target="b",
            contrast="d",
            cause=(_alone(2), _alone(1, 5)),
            build=_induction,
            misses={**_ATTENTION, "occlusion": _BLUR},
        ),
        Mechanism(
            name="lookup",
            does="a country finds its pair among those given and says the city",
            prompt="france=paris italy=rome spain=madrid italy",
            target="rome",
            contrast="paris",
            cause=(_alone(1), _alone(3)),
            build=_lookup,
            # without the pair nothing matches; without the country all four positions are looked at alike
            left_out=(
                -(1 - _share(3)) / 3,
                _share(3) - (1 - _share(3)) / 3 + 1 / 4,
                0,
                _share(3) - (1 - _share(3)) / 3,
            ),
            misses={**_PATHS, "occlusion": _BLUR},
        ),
        Mechanism(
            name="negation",
            does="'not' turns the feeling of the next word around; the verdict is the mean feeling",
            prompt="the film was not good today",
            target="no",
            contrast="yes",
            quantity="logit_diff",
            cause=(_alone(3), _alone(4)),
            build=_negation,
            left_out=(0, 0, 0, 4 / 6, 2 / 6, 0),
            misses=_ATTENTION,
        ),
        Mechanism(
            name="saturated",
            does="the logit of 'alarm' is the evidence, but never more than 1; one word has plenty",
            prompt="there was a fire today",
            target="alarm",
            cause=(_alone(3),),
            build=_saturated,
            left_out=(0, 0, 0, 1, 0),
            misses={**_ATTENTION, **dict.fromkeys(_LOCAL, _FLAT), "occlusion": _BLUR},
        ),
        Mechanism(
            name="redundant",
            does="like saturated, with two words either of which is enough",
            prompt="there was fire smoke today a",
            target="alarm",
            cause=(_alone(2, 3),),
            build=_saturated,
            left_out=(0,) * 6,
            misses={
                **_ATTENTION,
                **dict.fromkeys(_LOCAL, _FLAT),
                "gradient_shap": _LUCK,
                "leave_one_out": "without either word the other still says it, so nothing is lost by taking one away",
            },
        ),
    )
}
"""Models of known mechanism by name."""
