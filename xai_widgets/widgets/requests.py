"""A browser's request as a question: the fields it names change, the others stay as they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from xai_widgets.core.ask import Ask
from xai_widgets.core.errors import UnknownNameError
from xai_widgets.core.targets import Quantity
from xai_widgets.core.tokens import UnitKind
from xai_widgets.protocol.codec import decode_input, decode_target

_AS_IT_IS: Final[dict[str, Callable[[Any], Any]]] = {
    "method": str,
    "params": dict,
    "generated": lambda ids: tuple(int(i) for i in ids),
    "unit": lambda unit: _one_of("unit", unit, get_args(UnitKind)),
}
"""Fields that only need their type."""


def asked(now: Ask, request: Mapping[str, Any]) -> Ask:
    """The question a `Request` asks, given the one before it.

    A new method drops the parameters of the old one; dropping the contrast drops a logit difference with it.
    """
    changes: dict[str, Any] = {}
    if request.get("input") is not None and request["input"].get("kind") != "ids":
        changes["source"] = decode_input(request["input"])
    for name in ("target", "contrast"):
        if name in request:
            changes[name] = decode_target(request[name])
    for name, read in _AS_IT_IS.items():
        if request.get(name) is not None:
            changes[name] = read(request[name])
    if changes.get("method", now.method) != now.method:
        changes.setdefault("params", {})
    if "quantity" in request:
        changes["quantity"] = (
            _one_of("quantity", request["quantity"], get_args(Quantity)) if request["quantity"] else None
        )
    ask = now.changed(**changes)
    if ask.contrast is None and ask.quantity == "logit_diff":
        ask = ask.changed(quantity=None)
    if ask.contrast is not None and ask.quantity in ("entropy", "kl"):
        ask = ask.changed(quantity=None)
    return ask


def _one_of(what: str, value: object, known: tuple[str, ...]) -> str:
    if value not in known:
        raise UnknownNameError(what, value, known)
    return str(value)
