"""Which activations of a model can be changed by hand, and how wide each is: what an intervention is checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xai_widgets.core.errors import CapabilityError, ValueRefusedError
from xai_widgets.core.interventions import Intervention, What


@dataclass(frozen=True)
class Sites:
    """Found by `ModelAdapter.sites`.

    Attributes:
        n_layers, d_model: of the model.
        heads, d_head, neurons: by layer: how many heads and how wide one is, how many neurons; 0 where they can't be told apart.
        lacks: for each part (`resid` never), by layer, why it can't be changed; "" where it can.
    """

    n_layers: int
    d_model: int
    heads: tuple[int, ...]
    d_head: tuple[int, ...]
    neurons: tuple[int, ...]
    lacks: Mapping[What, tuple[str, ...]] = field(default_factory=dict)

    def width(self, what: What, layer: int) -> int:
        """Numbers of the activation at one position."""
        return {"head": self.d_head[layer], "neuron": 1}[what] if what in ("head", "neuron") else self.d_model

    def check(self, one: Intervention) -> None:
        """Refuse what this model does not have.

        Raises:
            ValueRefusedError: no such layer, head or neuron, or a value of another width.
            CapabilityError: this part of the layer can't be told apart, with the reason.
        """
        # resid has one more: what leaves the last layer
        last = self.n_layers - (one.what != "resid")
        if one.layer > last:
            raise ValueRefusedError(
                "layer of an intervention",
                given=str(one.layer),
                accepted=f"0 to {last}",
                hint="layers are counted from 0",
            )
        reasons = self.lacks.get(one.what, ())
        if reasons and reasons[one.layer]:
            raise CapabilityError(
                f"Changing the {one.what} of layer {one.layer}", reason=reasons[one.layer],
                hint="change the stream that enters a layer (resid) instead",
            )  # fmt: skip
        if one.index is not None:
            n = (self.heads if one.what == "head" else self.neurons)[one.layer]
            if one.index >= n:
                raise ValueRefusedError(
                    f"index of a {one.what}",
                    given=str(one.index),
                    accepted=f"0 to {n - 1}",
                    hint=f"layer {one.layer} has {n}",
                )
        self._check_width(one)

    def _check_width(self, one: Intervention) -> None:
        width = self.width(one.what, one.layer)
        if isinstance(one.value, tuple) and len(one.value) != width:
            raise ValueRefusedError(
                "value of an intervention", given=f"{len(one.value)} numbers", accepted=f"one number, or {width}",
                hint=f"that is how wide a {one.what} is here",
            )  # fmt: skip
        if one.direction is None:
            return
        given = len(one.direction.vector) or self.d_model
        if given != width:
            hint = "add it to attn_out, where the heads are summed" if one.what == "head" else "look where it was made"
            raise ValueRefusedError(
                "direction of an intervention",
                given=f"{given} numbers",
                accepted=f"{width}, as wide as a {one.what} is here",
                hint=hint,
            )
        self._check_recipe(one)

    def _check_recipe(self, one: Intervention) -> None:
        direction = one.direction
        if direction is None or direction.layer is None:
            return
        last = self.n_layers - (direction.kind == "neuron")
        if direction.layer > last:
            raise ValueRefusedError(
                "layer of a direction",
                given=str(direction.layer),
                accepted=f"0 to {last}",
                hint="layers are counted from 0",
            )
        if direction.kind != "neuron":
            return
        reasons = self.lacks.get("neuron", ())
        if reasons and reasons[direction.layer]:
            raise CapabilityError(
                f"The neurons of layer {direction.layer}",
                reason=reasons[direction.layer],
                hint="use two prompts, or a token",
            )
        n = self.neurons[direction.layer]
        if direction.index is not None and direction.index >= n:
            raise ValueRefusedError(
                "neuron of a direction", given=str(direction.index), accepted=f"0 to {n - 1}",
                hint=f"layer {direction.layer} has {n}",
            )  # fmt: skip


__all__ = ["Sites"]
