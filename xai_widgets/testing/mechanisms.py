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
from xai_widgets.testing import modular_addition, simple_circuits
from xai_widgets.testing.ask import ask
from xai_widgets.testing.circuits import Circuit
from xai_widgets.testing.planted import Kind, Planted, PlantedEdge
from xai_widgets.testing.simple_circuits import SHARPNESS, share

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
_BEND = "without evidence the unit stands at its bend: the slope there is 0 or that of unlimited evidence"
_SETTLED = (
    "the look is settled on what matches in the corrupted prompt, so a small change of what is compared hardly moves it"
)
_UNITS = "units that the other sum turns off give no gradient, and those that it turns on are followed down past zero"
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
        corrupted: a prompt that differs in place and has another answer.
        planted: the parts that carry the answer from the prompt to the corrupted one (no others of their kinds do), and how much of it
            each brings by itself.
        edges: the ways it takes, likewise.
        off: kinds of planted parts of which attribution patching, whose gradient is the corrupted prompt's, says another share than
            they bring, each with the reason. Of all others it is right.
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
    corrupted: str
    planted: tuple[Planted, ...]
    edges: tuple[PlantedEdge, ...]
    contrast: str | None = None
    quantity: Quantity = "logit"
    left_out: tuple[float, ...] | None = None
    shares: tuple[float, ...] | None = None
    misses: Mapping[str, str] = field(default_factory=dict)
    off: Mapping[Kind, str] = field(default_factory=dict)

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


_SWAPPED: Final = 1 / (1 - exp(-SHARPNESS))
"""What one of two words that changed places brings by itself: a little over 1, as the other, still wrong, is looked at a little."""


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
            build=simple_circuits.bag_of_words,
            corrupted="the film was fine but dull",
            planted=(
                Planted("resid", 0, 3),
                Planted("attn_out", 0, 5),
                Planted("head", 0, 5, 0),
            ),
            edges=(
                PlantedEdge("embedding", "head 0.0", "v"),
                PlantedEdge("head 0.0", "logits"),
            ),
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
            build=simple_circuits.copy,
            corrupted="red green mark blue pink say",
            planted=(
                Planted("resid", 0, 3, brings=_SWAPPED),
                Planted("resid", 1, 3, brings=_SWAPPED),
                Planted("attn_out", 1, 5),
                Planted("head", 1, 5, 0),
            ),
            edges=(
                PlantedEdge("embedding", "head 1.0", "v"),
                PlantedEdge("head 1.0", "logits"),
            ),
            misses={**_ATTENTION, "occlusion": _BLUR},
        ),
        Mechanism(
            name="induction",
            does="repeats what followed the last token when it was last seen: ... a b ... a, then b",
            prompt="c a b d e a",
            target="b",
            contrast="d",
            cause=(_alone(2), _alone(1, 5)),
            build=simple_circuits.induction,
            corrupted="c a d b e a",
            planted=(
                Planted("resid", 0, 2, brings=_SWAPPED),
                Planted("resid", 1, 2, brings=_SWAPPED),
                Planted("attn_out", 1, 5),
                Planted("head", 1, 5, 0),
            ),
            edges=(
                PlantedEdge("embedding", "head 1.0", "v"),
                PlantedEdge("head 1.0", "logits"),
            ),
            misses={**_ATTENTION, "occlusion": _BLUR},
        ),
        Mechanism(
            name="induction_moved",
            does="like induction; the corrupted prompt moves the first copy, so that both heads and the key between them matter",
            prompt="c a b d e a",
            target="b",
            contrast="e",
            cause=(_alone(2), _alone(1, 5)),
            build=simple_circuits.induction,
            corrupted="c d b a e a",
            # half of it is to find the place before "b", half not to find the one before "e"
            planted=(
                *(Planted("resid", layer, pos, brings=0.5) for layer, pos in ((0, 1), (0, 3), (1, 2), (1, 4))),
                *(Planted("attn_out", 0, pos, brings=0.5) for pos in (2, 4)),
                Planted("attn_out", 1, 5),
                Planted("head", 0, 2, 0),
                Planted("head", 0, 4, 0),
                Planted("head", 1, 5, 0),
            ),
            edges=(
                PlantedEdge("embedding", "head 0.0", "v"),
                PlantedEdge("head 0.0", "head 1.0", "k"),
                PlantedEdge("head 1.0", "logits"),
            ),
            misses={**_ATTENTION, "occlusion": _BLUR},
            off=dict.fromkeys(("resid", "attn_out", "head"), _SETTLED),
        ),
        Mechanism(
            name="lookup",
            does="a country finds its pair among those given and says the city",
            prompt="france=paris italy=rome spain=madrid italy",
            target="rome",
            contrast="paris",
            cause=(_alone(1), _alone(3)),
            build=simple_circuits.lookup,
            corrupted="france=paris italy=rome spain=madrid france",
            planted=(
                Planted("resid", 0, 3),
                Planted("attn_out", 0, 3),
                Planted("head", 0, 3, 0),
            ),
            edges=(
                PlantedEdge("embedding", "head 0.0", "q"),
                PlantedEdge("head 0.0", "logits"),
            ),
            # without the pair nothing matches; without the country all four positions are looked at alike
            left_out=(
                -(1 - share(3)) / 3,
                share(3) - (1 - share(3)) / 3 + 1 / 4,
                0,
                share(3) - (1 - share(3)) / 3,
            ),
            misses={**_PATHS, "occlusion": _BLUR},
            off={"resid": _SETTLED},
        ),
        Mechanism(
            name="two_hops",
            does="a name finds its city among pairs, and that city its country: the second head asks with what the first one found",
            prompt="ann=paris bob=rome paris=france rome=italy bob",
            target="italy",
            contrast="france",
            cause=(_alone(1, 3), _alone(4)),
            build=simple_circuits.two_hops,
            corrupted="ann=paris bob=rome paris=france rome=italy ann",
            planted=(
                Planted("resid", 0, 4),
                Planted("resid", 1, 4),
                Planted("attn_out", 0, 4),
                Planted("attn_out", 1, 4),
                Planted("head", 0, 4, 0),
                Planted("head", 1, 4, 0),
            ),
            edges=(
                PlantedEdge("embedding", "head 0.0", "q"),
                PlantedEdge("head 0.0", "head 1.0", "q"),
                PlantedEdge("head 1.0", "logits"),
            ),
            misses={"attention_flow": _LOOKS, "occlusion": _BLUR},
            off=dict.fromkeys(("resid", "attn_out", "head"), _SETTLED),
        ),
        Mechanism(
            name="negation",
            does="'not' turns the feeling of the next word around; the verdict is the mean feeling",
            prompt="the film was not good today",
            target="no",
            contrast="yes",
            quantity="logit_diff",
            cause=(_alone(3), _alone(4)),
            build=simple_circuits.negation,
            corrupted="the film was today good today",
            planted=(
                Planted("resid", 0, 3),
                Planted("resid", 1, 4),
                Planted("attn_out", 0, 4),
                Planted("attn_out", 1, 5),
                Planted("head", 0, 4, 0),
                Planted("head", 1, 5, 0),
                Planted("mlp_out", 0, 4),
                Planted("neuron", 0, 4, 0, brings=0.5),
                Planted("neuron", 0, 4, 2, brings=0.5),
            ),
            edges=(
                PlantedEdge("embedding", "head 0.0", "v"),
                PlantedEdge("head 0.0", "MLP 0"),
                PlantedEdge("MLP 0", "head 1.0", "v"),
                PlantedEdge("head 1.0", "logits"),
            ),
            left_out=(0, 0, 0, 4 / 6, 2 / 6, 0),
            misses=_ATTENTION,
            off={
                "resid": "the one unit that is on is followed down past zero, where it would stop: twice the way to the answer"
            },
        ),
        Mechanism(
            name="saturated",
            does="the logit of 'alarm' is the evidence, but never more than 1; one word has plenty",
            prompt="there was a fire today",
            target="alarm",
            cause=(_alone(3),),
            build=simple_circuits.saturated,
            corrupted="there was a today today",
            planted=(
                Planted("resid", 0, 3),
                Planted("attn_out", 0, 4),
                Planted("head", 0, 4, 0),
                Planted("mlp_out", 0, 4),
                Planted("neuron", 0, 4, 0, brings=18 / 5),
                Planted("neuron", 0, 4, 1, brings=1 - 18 / 5),
            ),
            edges=(
                PlantedEdge("embedding", "head 0.0", "v"),
                PlantedEdge("head 0.0", "MLP 0"),
                PlantedEdge("MLP 0", "logits"),
            ),
            left_out=(0, 0, 0, 1, 0),
            misses={**_ATTENTION, **dict.fromkeys(_LOCAL, _FLAT), "occlusion": _BLUR},
            off={"resid": _BEND},
        ),
        Mechanism(
            name="redundant",
            does="like saturated, with two words either of which is enough",
            prompt="there was fire smoke today a",
            target="alarm",
            cause=(_alone(2, 3),),
            build=simple_circuits.saturated,
            corrupted="there was today was today a",
            planted=(
                Planted("resid", 0, 2),
                Planted("resid", 0, 3),
                Planted("attn_out", 0, 5),
                Planted("head", 0, 5, 0),
                Planted("mlp_out", 0, 5),
                Planted("neuron", 0, 5, 0, brings=36 / 6),
                Planted("neuron", 0, 5, 1, brings=1 - 36 / 6),
            ),
            edges=(
                PlantedEdge("embedding", "head 0.0", "v"),
                PlantedEdge("head 0.0", "MLP 0"),
                PlantedEdge("MLP 0", "logits"),
            ),
            left_out=(0,) * 6,
            misses={
                **_ATTENTION,
                **dict.fromkeys(_LOCAL, _FLAT),
                "gradient_shap": _LUCK,
                "leave_one_out": "without either word the other still says it, so nothing is lost by taking one away",
            },
            off={"resid": _BEND},
        ),
        Mechanism(
            name="modular_addition",
            does="adds modulo 7: heads gather waves of both numbers, neurons multiply them, words read waves of the sum",
            prompt="2 + 3 =",
            target="5",
            contrast="0",
            cause=(_alone(0, 2), _alone(3)),
            build=modular_addition.build,
            corrupted="4 + 3 =",
            planted=modular_addition.planted(2, 4, 3),
            edges=modular_addition.edges(2, 4, 3),
            left_out=modular_addition.left_out(2, 3, wrong=0),
            misses={**_PATHS, "occlusion": _BLUR},
            off=dict.fromkeys(("resid", "attn_out", "head"), _UNITS),
        ),
    )
}
"""Models of known mechanism by name."""
