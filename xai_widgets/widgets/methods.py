"""A method as the browser shows it: title, parameters, and what it would cost here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from xai_widgets.core.ask import Finding
from xai_widgets.core.cost import Cost
from xai_widgets.core.methods import describe
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.protocol.schema import MethodInfo


def method_of(finding: Finding, *, asked: bool) -> MethodInfo | None:
    """Description of the method a finding came from; None for numbers that a person brought.

    `asked`: a model was asked. Without that, brought numbers are not looked up among the methods, which would load torch.
    """
    ask = finding.ask
    if not asked and finding.explanation.provenance.method == "given":
        return None
    return method_info(ask.method, ask.params) if ask.method in EXPLAINERS else None


def method_info(name: str, params: Mapping[str, Any] | None = None, cost: Cost | str | None = None) -> MethodInfo:
    """Description of a registered method.

    Args:
        name: registered name.
        params: values in use; the method's defaults where it names none.
        cost: what it would cost, or the sentence why it can't be used.
    """
    info = describe(EXPLAINERS[name])
    for each in info["params"]:
        each["value"] = (params or {}).get(each["name"], each["value"])
    refused = isinstance(cost, str)
    return cast(
        "MethodInfo",
        {
            **info,
            "available": not refused,
            "reason": cast("str", cost) if refused else "",
            "seconds": cost.seconds if isinstance(cost, Cost) else None,
            "cost": str(cost) if isinstance(cost, Cost) else "",
        },
    )
