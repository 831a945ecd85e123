"""Which parameters a method has: declared once as dataclass fields, checked when made, described for a picker."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from typing import Any

from xai_widgets.core.errors import UnknownNameError, ValueRefusedError

_KINDS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "text"}


def param(
    default: Any,  # noqa: ANN401 - any kind of parameter
    doc: str,
    *,
    choices: Sequence[str] = (),
    at_least: float | None = None,
    at_most: float | None = None,
    also: tuple[type, ...] = (),
) -> Any:  # noqa: ANN401 - stands where a dataclass field has its default
    """A parameter of a method, as the default of a dataclass field.

    Args:
        default: its value if none is given; its type is the type accepted (an int is accepted for a float).
        doc: one line for a person choosing.
        choices: the only values accepted, if it is one of a few words.
        at_least, at_most: inclusive bounds of a number.
        also: further types accepted (a token id where a text is usual).

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Occlusion:
    ...     window: int = param(3, "units hidden at once", at_least=1)
    >>> make(Occlusion, {"window": 2})
    Occlusion(window=2)
    """
    return field(
        default=default,
        metadata={
            "doc": doc,
            "choices": tuple(choices),
            "at_least": at_least,
            "at_most": at_most,
            "also": also,
            "kind": "choice" if choices else _KINDS[type(default)],
        },
    )


def check_params(method: Any) -> None:  # noqa: ANN401 - any dataclass whose fields are `param`s
    """Refuse values of the wrong type, word or range, naming the parameter; called by `__post_init__`.

    Ints given for floats are turned into floats, so equal parameters are equal keys of a cache.

    Raises:
        UnknownNameError: a word that is none of the choices (the nearest is offered).
        ValueRefusedError: a wrong type, not a number, or out of range.
    """
    for f in _params(type(method)):
        value, meta = getattr(method, f.name), f.metadata
        if meta["kind"] == "choice":
            if value not in meta["choices"]:
                raise UnknownNameError(f"{f.name} of this method", value, meta["choices"])
            continue
        kind = type(f.default)
        if kind is float and type(value) is int:
            value = float(value)
            object.__setattr__(method, f.name, value)
        if type(value) is not kind and type(value) not in meta["also"]:
            accepted = " or ".join(t.__name__ for t in (kind, *meta["also"]))
            raise ValueRefusedError(
                f.name, given=repr(value), accepted=f"{accepted}: {meta['doc']}", hint=f"leave it out for {f.default!r}"
            )
        if kind in (int, float) and type(value) is kind:
            low = -math.inf if meta["at_least"] is None else meta["at_least"]
            high = math.inf if meta["at_most"] is None else meta["at_most"]
            if not low <= value <= high or not math.isfinite(value):
                bounds = f"at least {low:g}" if high == math.inf else f"{low:g} to {high:g}"
                raise ValueRefusedError(
                    f.name, given=repr(value), accepted=bounds, hint=f"the default is {f.default!r}"
                )


def make(cls: Callable[..., Any], params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an instance of cls
    """An instance of a method class with these parameters.

    Raises:
        UnknownNameError: a keyword that is no parameter of this method (the nearest is offered).
        ValueRefusedError: a value it can't use.
    """
    names = [f.name for f in _params(cls)]
    for name in params:
        if name not in names:
            raise UnknownNameError(f"parameter of {getattr(cls, 'name', cls)}", name, names)
    return cls(**params)


def param_values(method: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass whose fields are `param`s
    """Every parameter with its value, defaults included."""
    return {f.name: getattr(method, f.name) for f in _params(type(method))}


def describe(cls: Any) -> dict[str, Any]:  # noqa: ANN401 - a registered class
    """What a picker shows of a method: names, family, paper and parameters with kind, default, choices and a line each.

    Plain JSON values; the keys are those of the wire's `MethodInfo` that don't depend on model and question.
    """
    return {
        "name": cls.name,
        "title": cls.title,
        "family": cls.family,
        "summary": cls.summary,
        "reference": cls.reference,
        "params": [
            {
                "name": f.name,
                "kind": f.metadata["kind"],
                "value": f.default,
                "choices": list(f.metadata["choices"]),
                "doc": f.metadata["doc"],
            }
            for f in _params(cls)
        ],
    }


def _params(cls: Any) -> list[Field[Any]]:  # noqa: ANN401 - a dataclass
    """Parameters of a method class: its own first, then those it shares with its family."""
    found = [f for f in fields(cls) if "kind" in f.metadata]
    without = [f.name for f in fields(cls) if f not in found or f.default is MISSING]
    if without:
        raise TypeError(f"{cls.__name__}: declare {', '.join(without)} with core.methods.param(default, doc)")
    own = inspect.get_annotations(cls)
    return sorted(found, key=lambda f: f.name not in own)
