"""What is done to a model while it reads, as data: which activation, where, how, by how much. Shown, saved, replayed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

from xai_widgets.core.directions import Direction
from xai_widgets.core.errors import FileError, UnknownNameError, ValueRefusedError

What = Literal["resid", "attn_out", "mlp_out", "head", "neuron"]
How = Literal["set", "scale", "add", "swap"]
WHATS: Final[tuple[What, ...]] = ("resid", "attn_out", "mlp_out", "head", "neuron")
HOWS: Final[tuple[How, ...]] = ("scale", "set", "add", "swap")
VERSION: Final = 1
"""Of the saved form."""


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """One change of one activation. Several are done in their order, each to what those before it left.

    Attributes:
        what: `resid`, the stream that enters a layer (`layer` = number of layers: what leaves the last); `attn_out`, `mlp_out`, what a
            layer's attention or MLP adds to the stream; `head`, what a layer's attention output projection reads of one head, [d_head];
            `neuron`, what its MLP's output projection reads of one neuron, a number.
        layer: counted from 0. index: of the head or neuron; None for the others.
        how: `scale`: times `value`. `set`: becomes `value`, a number (at every entry) or as many numbers as the activation has.
            `add`: plus `value` times `direction` (of a neuron: plus `value`). `swap`: becomes what it is in the text `source`, at the
            position that goes with it (`core.patching.aligned`; positions without one stay).
        at: positions of the prompt; negative ones are counted from its end. start: this position and all after it, written tokens
            included. Neither: everywhere, as `start=0`.
        on: one that is off does nothing.

    Raises:
        UnknownNameError, ValueRefusedError: when it is made, if it makes no sense.

    >>> Intervention(what="head", layer=3, index=2, how="scale", value=0, at=-1)
    xw.Intervention(what='head', layer=3, index=2, how='scale', value=0.0, at=(-1,))
    >>> one = Intervention(what="resid", layer=6, how="add", value=4, direction=Direction.token(" Paris"))
    >>> Intervention.from_json(one.to_json()) == one
    True
    """

    what: What
    layer: int
    index: int | None = None
    how: How = "scale"
    value: float | tuple[float, ...] | None = None
    direction: Direction | None = None
    source: str | tuple[int, ...] | None = None
    at: tuple[int, ...] | None = None
    start: int | None = None
    on: bool = True

    def __post_init__(self) -> None:
        """Bring numbers and positions to their plain form, and refuse what makes no sense."""
        for name, known in (("what", WHATS), ("how", HOWS)):
            if getattr(self, name) not in known:
                raise UnknownNameError(f"{name} of an intervention", getattr(self, name), known)
        set_ = object.__setattr__
        at: Any = self.at  # one position may be given alone
        if at is not None:
            found = _whole(at)
            if found is None:
                _refuse(
                    "at", repr(at), "positions, or None for all", "positions are counted from 0, or from the end by -1"
                )
            set_(self, "at", tuple(sorted(set(found))))
        if self.source is not None and not isinstance(self.source, str):
            ids = _whole(self.source)
            if ids is None:
                _refuse("source", repr(self.source), "a text, or token ids", "swap takes the activation from it")
            set_(self, "source", ids)
        if self.value is not None:
            set_(self, "value", _numbers(self.value))
        self._check_place()
        self._check_value()

    def _check_place(self) -> None:
        if not _counted(self.layer):
            _refuse("layer", repr(self.layer), "a number from 0", "layers are counted from 0")
        indexed = self.what in ("head", "neuron")
        if indexed != (self.index is not None) or not (self.index is None or _counted(self.index)):
            accepted = f"which {self.what}, counted from 0" if indexed else "None"
            _refuse("index", repr(self.index), accepted, "heads and neurons have an index, other parts have none")
        if self.at is not None and self.start is not None:
            _refuse(
                "at and start", "both", "one of them", "start=4 is from position 4 on, at=(4,) is that position alone"
            )
        if self.start is not None:
            start = None if isinstance(self.start, Iterable) else _whole(self.start)
            if start is None:
                _refuse("start", repr(self.start), "a position", "positions are counted from 0, or from the end by -1")
            object.__setattr__(self, "start", start[0])
        if not isinstance(self.on, bool):
            _refuse("on", repr(self.on), "True or False", "False switches the intervention off")
        if self.at == ():
            _refuse("at", "no position", "at least one", "leave it out for all; on=False switches the intervention off")

    def _check_value(self) -> None:
        if self.how == "swap":
            if not self.source:
                _refuse("source", repr(self.source), "another text", "swap takes the activation from it")
        elif self.value is None or (self.how != "set" and isinstance(self.value, tuple)):
            accepted = "a number or a list of numbers" if self.how == "set" else "a number"
            _refuse("value", repr(self.value), accepted, f"{self.how} needs it")
        needs = self.how == "add" and self.what != "neuron"
        if needs != (self.direction is not None):
            why = f"{self.how} of a {self.what} " + ("needs one" if needs else "has none")
            _refuse("direction", repr(self.direction), "a Direction" if needs else "None", why)
        if self.how != "swap" and self.source is not None:
            _refuse("source", repr(self.source), "None", f"{self.how} has none")
        if self.how == "swap" and self.value is not None:
            _refuse("value", repr(self.value), "None", "swap takes what is there in the other text as it is")
        if self.what == "neuron" and isinstance(self.value, tuple):
            _refuse("value", f"{len(self.value)} numbers", "one number", "a neuron's activation is one")

    def positions(self, n_prompt: int) -> tuple[int, ...]:
        """Positions of a prompt of this many tokens that it concerns.

        Raises:
            ValueRefusedError: one that the prompt has not.
        """
        if self.at is None:
            return tuple(range(max(0, self._begin(n_prompt)), n_prompt))
        found = []
        for p in self.at:
            if not -n_prompt <= p < n_prompt:
                _refuse("position", str(p), f"{-n_prompt} to {n_prompt - 1}", "the prompt has no such token")
            found.append(p % n_prompt)
        return tuple(sorted(set(found)))

    def concerns(self, position: int, n_prompt: int) -> bool:
        """Whether it changes that position, of the prompt or written after it."""
        if position < n_prompt:
            return position in self.positions(n_prompt)
        return self.at is None and self.how != "swap"

    def _begin(self, n_prompt: int) -> int:
        start = self.start or 0
        if not -n_prompt <= start <= n_prompt:
            _refuse(
                "start",
                str(start),
                f"{-n_prompt} to {n_prompt}",
                "a position of the prompt, or what is written after it",
            )
        return start + n_prompt if start < 0 else start

    def changed(self, **fields: Any) -> Intervention:  # noqa: ANN401 - field values
        """A copy with some fields changed."""
        return replace(self, **fields)

    def __repr__(self) -> str:
        """Code that makes it again."""
        kept = [f"what={self.what!r}", f"layer={self.layer}"]
        kept += [
            f"{name}={list(value) if name == 'value' and isinstance(value, tuple) else value!r}"
            for name in ("index", "how", "value", "direction", "source", "at", "start")
            if (value := getattr(self, name)) is not None
        ]
        return f"xw.Intervention({', '.join(kept)}{'' if self.on else ', on=False'})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without what is left out."""
        fields: dict[str, Any] = {"what": self.what, "layer": self.layer, "how": self.how}
        for name in ("index", "value", "source", "at", "start"):
            value = getattr(self, name)
            if value is not None:
                fields[name] = list(value) if isinstance(value, tuple) else value
        if self.direction is not None:
            fields["direction"] = self.direction.to_json()
        return fields if self.on else fields | {"on": False}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Intervention:
        """The opposite of `to_json`.

        Raises:
            UnknownNameError: a field that an intervention has not. ValueRefusedError: as when it is made.
        """
        if not isinstance(data, Mapping):
            _refuse(
                "intervention", type(data).__name__, "an object", "a list of them is read by from_json of the module"
            )
        fields = dict(data)
        for name in fields:
            if name not in cls.__dataclass_fields__:
                raise UnknownNameError("field of an intervention", name, cls.__dataclass_fields__)
        for name in ("what", "layer"):
            if name not in fields:
                _refuse(name, "nothing", "which activation", "every intervention has it")
        if fields.get("direction") is not None:
            fields["direction"] = Direction.from_json(fields["direction"])
        return cls(**fields)


def checked(given: Iterable[Any]) -> tuple[Intervention, ...]:
    """A list of interventions, or of their JSON forms, as a tuple.

    Raises:
        ValueRefusedError: something else is in it.
    """
    if isinstance(given, Intervention):
        given = [given]
    if not isinstance(given, Iterable):
        _refuse("interventions", type(given).__name__, "a list of xw.Intervention", "make each by xw.Intervention(...)")
    found = []
    for one in given:
        if not isinstance(one, (Intervention, Mapping)):
            _refuse(
                "interventions", type(one).__name__, "a list of xw.Intervention", "make each by xw.Intervention(...)"
            )
        found.append(one if isinstance(one, Intervention) else Intervention.from_json(one))
    return tuple(found)


def to_json(text: str | Sequence[Any], interventions: Sequence[Intervention], model: str = "") -> str:
    """A prompt and what is done to it, as JSON that people can read and `from_json` reads back."""
    content = {
        "xai_widgets.steer": VERSION, "model": model, "text": text, "interventions": [one.to_json() for one in interventions],
    }  # fmt: skip
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(saved: str) -> tuple[Any, tuple[Intervention, ...]]:
    """The prompt (a text, chat messages or ids) and the interventions of `to_json`.

    Raises:
        FileError: no such JSON, or of a newer version. UnknownNameError, ValueRefusedError: one that makes no sense.
    """
    try:
        content = json.loads(saved)
        version = content["xai_widgets.steer"]
        text, given = content["text"], list(content["interventions"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(
            "This is no saved intervention.", given=f"{type(error).__name__}: {error}", accepted="what xw.Steer.save wrote",
            hint="save it again",
        ) from error  # fmt: skip
    if version != VERSION:
        raise FileError(
            "This was saved by another version.", given=f"version {version}", accepted=f"version {VERSION}",
            hint="update xai_widgets, or save it again with this one",
        )  # fmt: skip
    return text, tuple(Intervention.from_json(one) for one in given)


def read_file(path: str | Path) -> tuple[Any, tuple[Intervention, ...]]:
    """`from_json` of a file."""
    try:
        saved = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(
            "The file can't be read.", given=f"{path}: {error}", accepted="a file that xw.Steer.save wrote", hint="look at the path"
        ) from error  # fmt: skip
    return from_json(saved)


def _counted(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _whole(given: Any) -> tuple[int, ...] | None:  # noqa: ANN401 - whatever was given
    """One whole number or several, as a tuple; None where it is something else. Numpy's count too."""
    if isinstance(given, (str, bytes, Mapping)):
        return None
    several = list(given) if isinstance(given, Iterable) else [given]
    whole = [isinstance(p, Integral) and not isinstance(p, bool) for p in several]
    return tuple(int(p) for p in several) if all(whole) else None


def _numbers(value: Any) -> float | tuple[float, ...]:  # noqa: ANN401 - whatever was given
    """One finite number, or a tuple of them."""
    try:
        if isinstance(value, (str, bytes, Mapping)):
            raise TypeError("a text or an object")
        found = tuple(float(x) for x in value) if isinstance(value, Iterable) else float(value)
    except (TypeError, ValueError, OverflowError):
        _refuse("value", repr(value), "a number or a list of numbers", "leave texts out")
    if not all(math.isfinite(x) for x in (found if isinstance(found, tuple) else (found,))) or found == ():
        _refuse(
            "value", repr(value), "finite numbers", "an activation that is not a number makes everything after it so"
        )
    return found


def _refuse(what: str, given: str, accepted: str, hint: str) -> NoReturn:
    raise ValueRefusedError(f"{what} of an intervention", given=given, accepted=accepted, hint=hint)


__all__ = ["HOWS", "WHATS", "Intervention", "checked", "from_json", "read_file", "to_json"]
