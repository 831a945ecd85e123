"""Which names an axis of an explanation can have, and what each one runs over."""

from __future__ import annotations

from typing import Final

from xai_widgets.core.errors import UnknownNameError, ValueRefusedError

AXES: Final[dict[str, str]] = {
    "example": "rows of a data set",
    "target": "tokens (or spans) whose number is explained",
    "layer": "blocks of the model, 0 first",
    "head": "attention heads of a layer",
    "pos": "positions of the input, or the units they were grouped into",
    "query_pos": "positions that look",
    "key_pos": "positions that are looked at",
    "neuron": "hidden units of an MLP",
    "feature": "learned directions (of a dictionary, a probe)",
    "segment": "parts of a prompt",
    "component": "embedding, attention blocks, heads, MLPs, biases",
    "candidate": "alternatives for one token",
    "metric": "measures of quality",
    "method": "attribution methods",
    "version": "edits, checkpoints or models",
    "step": "steps of a path or of training",
    "direction": "vectors in activation space",
}
"""Axis name to what its entries are. The list is closed: views are chosen by these names."""

TOKEN_AXES: Final = frozenset({"pos", "query_pos", "key_pos"})
"""Axes whose entries are units of the input, labelled by the tokens themselves."""


def check_axes(axes: tuple[str, ...], shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return `axes` if they name each dimension of `shape` once; raise otherwise.

    Raises:
        UnknownNameError: an axis is not in `AXES` (the nearest name is offered).
        ValueRefusedError: the number of names is not the number of dimensions, or a name repeats.
    """
    for axis in axes:
        if axis not in AXES:
            raise UnknownNameError("axis", axis, AXES)
    if len(axes) != len(shape):
        raise ValueRefusedError(
            "axes",
            given=f"{len(axes)} names for an array of shape {shape}",
            accepted="one name for each dimension",
            hint=f'for example axes=("target", "pos") for two dimensions; known names: {", ".join(AXES)}',
        )
    if len(set(axes)) != len(axes):
        raise ValueRefusedError("axes", given=str(axes), accepted="each name once", hint="rename the repeated axis")
    return tuple(axes)
