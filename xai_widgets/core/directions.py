"""A direction in the residual stream, as data: the numbers themselves, or the recipe by which a model gives them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from xai_widgets.core.errors import UnknownNameError, ValueRefusedError

Kind = Literal["prompts", "token", "neuron", "array"]
KINDS: Final[tuple[Kind, ...]] = ("prompts", "token", "neuron", "array")


@dataclass(frozen=True)
class Direction:
    """What is added to a stream, found in one of four ways. Make it by `between`, `token`, `neuron` or `array`.

    A recipe has no numbers of its own: each model it is used with gives its own (`ModelAdapter.direction`), so it can be
    saved in a line and read by people.

    Attributes:
        kind: how it is found. layer: the layer whose entering stream is compared (`prompts`), or the neuron's; None otherwise.
        positive, negative: texts (`prompts`). text: of the token, its first if it is several (`token`). index: the neuron.
        vector: the numbers, [d_model] (`array`; of a head [d_head]).

    >>> Direction.between("I love it", "I hate it", layer=6)
    xw.Direction.between('I love it', 'I hate it', layer=6)
    >>> Direction.from_json(Direction.token(" Paris").to_json())
    xw.Direction.token(' Paris')
    """

    kind: Kind
    layer: int | None = None
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    text: str | int | None = None
    index: int | None = None
    vector: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a recipe that lacks what it needs.

        Raises:
            UnknownNameError: no such kind. ValueRefusedError: something is missing, or of the wrong type.
        """
        if self.kind not in KINDS:
            raise UnknownNameError("kind of direction", self.kind, KINDS)
        self._check_types()
        for name, needed, given in (
            ("layer", ("prompts", "neuron"), self.layer is not None),
            (
                "positive and negative",
                ("prompts",),
                bool(self.positive and self.negative and all(self.positive + self.negative)),
            ),
            ("text", ("token",), self.text not in (None, "")),
            ("index", ("neuron",), self.index is not None),
            ("vector", ("array",), bool(self.vector)),
        ):
            if (self.kind in needed) != given:
                raise ValueRefusedError(
                    f"{name} of a direction of kind {self.kind!r}",
                    given="nothing" if not given else "something", accepted="something" if not given else "nothing",
                    hint="make it by xw.Direction.between, .token, .neuron or .array",
                )  # fmt: skip
        if not all(math.isfinite(x) for x in self.vector) or (self.vector and not any(self.vector)):
            raise ValueRefusedError(
                "vector of a direction", given="numbers that are not finite, or all 0", accepted="finite numbers, not all 0",
                hint="look where it was made",
            )  # fmt: skip

    def _check_types(self) -> None:
        given: Any = self  # from JSON: of any types
        texts = all(isinstance(text, str) for text in given.positive + given.negative)
        token = given.text is None or (isinstance(given.text, (str, int)) and not isinstance(given.text, bool))
        for name, right, accepted in (
            ("layer", _counted(self.layer), "a number from 0"),
            ("positive and negative", texts, "texts"),
            ("text", token, "a token's text, or its id"),
            ("index", _counted(self.index), "a number from 0"),
        ):
            if not right:
                raise ValueRefusedError(
                    f"{name} of a direction of kind {self.kind!r}", given=f"{getattr(self, name, (self.positive, self.negative))!r}"[:80],
                    accepted=accepted, hint="make it by xw.Direction.between, .token, .neuron or .array",
                )  # fmt: skip

    @classmethod
    def between(cls, positive: str | Sequence[str], negative: str | Sequence[str], *, layer: int) -> Direction:
        """From the second text (or texts) to the first: mean stream entering `layer`, less that of the other side.

        The mean is over texts of the mean over positions after the first: the first token's state is many times longer than any
        other in most models, whatever the text says (Sun et al. 2024, arXiv 2402.17762). Difference of means: Panickssery et al. 2024
        (arXiv 2312.06681), there at the last position.
        """
        return cls("prompts", layer, positive=_texts(positive), negative=_texts(negative))

    @classmethod
    def token(cls, token: str | int) -> Direction:
        """Towards saying a token: what its row of the output embedding reads in the last stream, with the final norm's gain; length 1."""
        return cls("token", text=token)

    @classmethod
    def neuron(cls, layer: int, index: int) -> Direction:
        """What one unit of a neuron's activation writes: its column of the MLP's output projection."""
        return cls("neuron", layer, index=index)

    @classmethod
    def array(cls, vector: Sequence[float]) -> Direction:
        """Numbers of one's own."""
        return cls("array", vector=_floats(vector))

    @property
    def name(self) -> str:
        """How it is spoken of."""
        if self.kind == "prompts":
            more = ["", " and others"]
            sides = [f"{side[0]!r}{more[len(side) > 1]}" for side in (self.negative, self.positive)]
            return f"from {sides[0]} to {sides[1]}, entering layer {self.layer}"
        if self.kind == "token":
            return f"towards token {self.text!r}"
        return f"neuron {self.index} of layer {self.layer}" if self.kind == "neuron" else "given numbers"

    def __repr__(self) -> str:
        """Code that makes it again."""
        if self.kind == "prompts":
            sides = (side[0] if len(side) == 1 else list(side) for side in (self.positive, self.negative))
            return f"xw.Direction.between({', '.join(map(repr, sides))}, layer={self.layer})"
        if self.kind == "token":
            return f"xw.Direction.token({self.text!r})"
        if self.kind == "neuron":
            return f"xw.Direction.neuron({self.layer}, {self.index})"
        return f"xw.Direction.array({list(self.vector)!r})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: what its kind needs."""
        named = {
            "layer": self.layer, "positive": list(self.positive), "negative": list(self.negative), "text": self.text,
            "index": self.index, "vector": list(self.vector),
        }  # fmt: skip
        return {"kind": self.kind} | {name: value for name, value in named.items() if value not in (None, [])}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Direction:
        """The opposite of `to_json`.

        Raises:
            UnknownNameError, ValueRefusedError: as when it is made, or a field that a direction has not.
        """
        known = ("kind", "layer", "positive", "negative", "text", "index", "vector")
        if not isinstance(data, Mapping):
            raise ValueRefusedError(
                "direction", given=type(data).__name__, accepted="an object", hint="what Direction.to_json writes"
            )
        for name in data:
            if name not in known:
                raise UnknownNameError("field of a direction", name, known)
        fields = {name: value for name, value in data.items() if value is not None}
        for name in ("positive", "negative"):
            if name in fields:
                fields[name] = _texts(fields[name])
        if "vector" in fields:
            fields["vector"] = _floats(fields["vector"])
        return cls(**{"kind": "array", **fields})


def _texts(given: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever was given; texts are told apart when it is made
    several = isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping))
    return tuple(given) if several else (given,)


def _floats(given: Any) -> tuple[float, ...]:  # noqa: ANN401 - whatever was given
    try:
        if isinstance(given, (str, bytes)):
            raise TypeError("a text")
        return tuple(float(x) for x in given)
    except (TypeError, ValueError, OverflowError):
        raise ValueRefusedError(
            "vector of a direction",
            given=f"{given!r}"[:80],
            accepted="a list of numbers",
            hint="look where it was made",
        ) from None


def _counted(number: object) -> bool:
    return number is None or (isinstance(number, int) and not isinstance(number, bool) and number >= 0)


__all__ = ["KINDS", "Direction"]
