"""The logits after one position of a text, taken apart by who wrote them: parts of the stream read through this run's final norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from xai_widgets.adapters import final_readout, parts
from xai_widgets.adapters.additions import Factor
from xai_widgets.adapters.base import AttentionCall, Capability
from xai_widgets.adapters.final_readout import FinalReadout, Form
from xai_widgets.adapters.hooks import module_ids
from xai_widgets.adapters.parts import Lender, PartsTrace
from xai_widgets.adapters.resuming import Trace
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError

_SHORT = 6


@dataclass(eq=False)
class LogitParts:
    """See `adapters.base.LogitParts`."""

    components: tuple[tuple[str, int], ...]
    softcap: float | None
    trace: PartsTrace = field(repr=False)
    readout: FinalReadout = field(repr=False)
    _to_end: list[Factor] = field(repr=False)
    """By layer: what is left at the end of something its block adds; one more entry, first, for what enters the first."""
    _asked: tuple[Any, tuple[Tensor, Tensor]] | None = field(default=None, init=False, repr=False)

    def logits(self, pos: int) -> Tensor:
        """All logits at a position before any soft cap: float32 [d_vocab]."""
        row = self.trace._row(pos)
        last = self.trace.resid_post[-1][row : row + 1]
        with torch.inference_mode(mode=False), torch.no_grad():
            r = self.readout
            normed = final_readout.through(r._adapter, r._norm, last)
            heads, _ = final_readout.tail(r._adapter, r._base, r._norm, normed)
        return r.factor * heads[0]

    def scale(self, pos: int) -> float:
        """What the final norm divides by."""
        return float(self.readout.scale[self.trace._row(pos)])

    def rescaled(self, scale: float) -> LogitParts:
        """The same parts read at another scale of the final norm; `logits` stay the model's own."""
        return replace(self, readout=replace(self.readout, scale=torch.full_like(self.readout.scale, scale)))

    def shares(self, pos: int, ids: Sequence[int], contrast_ids: Sequence[int] = ()) -> Tensor:
        """Share of each component: float32 [target, component]."""
        row = self.trace._row(pos)
        wanted, constant = self._wanted(row, ids, contrast_ids)
        found = []
        for kind, layer in self.components[:-1]:
            if kind == "embedding":
                found.append(self._directions(wanted, -1, row) @ self.trace.resid_pre[0, row])
            else:
                found.append(self._directions(wanted, layer, row) @ self.trace.outputs[kind][layer, row])  # type: ignore[index]
        return torch.stack([*found, constant], 1)

    def heads(
        self, layer: int, pos: int, ids: Sequence[int], contrast_ids: Sequence[int] = ()
    ) -> tuple[Tensor, Tensor]:
        """Share of each head of a layer, float32 [target, head], and of what attention adds whatever they say, [target]."""
        return self._split(layer, "attn", pos, ids, contrast_ids)

    def neurons(
        self, layer: int, pos: int, ids: Sequence[int], contrast_ids: Sequence[int] = ()
    ) -> tuple[Tensor, Tensor]:
        """Share of each neuron of a layer's MLP, float32 [target, neuron], and of what it adds whatever they say, [target]."""
        return self._split(layer, "mlp", pos, ids, contrast_ids)

    def activations(self, layer: int, pos: int) -> Tensor:
        """What a layer's output projection reads of each neuron, float32 [neuron]."""
        return self.trace.neurons(layer, pos)

    def words(self, layer: int, pos: int, neurons: Sequence[int]) -> Tensor:
        """What a unit of activation of each neuron adds to every logit (before a soft cap): float32 [neuron, d_vocab]."""
        row = self.trace._row(pos)
        vectors = self.trace.value_vectors(layer, pos, neurons) * parts.at_row(self._to_end[layer + 1], row)
        with torch.inference_mode(mode=False), torch.no_grad():
            return self.readout.vocabulary(vectors, row)

    def sources(
        self, call: AttentionCall, head: int, pos: int, ids: Sequence[int], contrast_ids: Sequence[int] = ()
    ) -> tuple[Tensor, Tensor | None, str]:
        """A head's weights at a position, float32 [key], its share by key, [target, key], and why not; see the protocol."""
        row = self.trace._row(pos)
        wanted, _ = self._wanted(row, ids, contrast_ids)
        read, slopes = self.trace.read_of_heads(call.layer, pos, self._directions(wanted, call.layer, row))
        found = call.rows(pos, pos + 1, head)[0, 0]
        weights = torch.zeros(call.n_key, device=found.device)
        weights[: len(found)] = found
        values = call.values(head)
        if values is None:
            return weights, None, "this kind of layer gives its weights, not its values"
        weighted = weights[:, None] * values.to(weights.device)
        given = read[head].to(weights.device)
        near = parts.near(self.trace._adapter)
        if values.shape[-1] != len(given) or parts.far(weighted.sum(0), given, near):
            return weights, None, "what it gives is not the sum of its weighted values: a gate or a norm stands between"
        return weights, (weighted @ slopes[:, head].to(weights.device).T).T, ""

    def unsplit(self, layer: int) -> tuple[str, str]:
        """Why a layer can't be split over heads, and why not over neurons; "" where it can."""
        return self.trace.no_heads(layer), self.trace.no_neurons(layer)

    def _split(
        self, layer: int, kind: Literal["attn", "mlp"], pos: int, ids: Sequence[int], contrast_ids: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        row = self.trace._row(pos)
        wanted, _ = self._wanted(row, ids, contrast_ids)
        return self.trace.split(layer, kind, pos, self._directions(wanted, layer, row))

    def _wanted(self, row: int, ids: Sequence[int], contrast_ids: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Directions of the last stream and constants, of the question asked last."""
        question = (row, tuple(ids), tuple(contrast_ids))
        if self._asked is None or self._asked[0] != question:
            self._asked = question, self.readout.directions(row, ids, contrast_ids)
        return self._asked[1]

    def _directions(self, wanted: Tensor, layer: int, row: int) -> Tensor:
        """Directions of the last stream, as directions of what a block adds."""
        return wanted * parts.at_row(self._to_end[layer + 1], row)


def logit_parts(adapter: Lender, ids: Sequence[int], at: Sequence[int], context: Context) -> LogitParts:
    """See `adapters.base.ModelAdapter.parts`."""
    with torch.inference_mode(mode=False):
        found = parts.record_parts(adapter, ids, context, at=at)
        form, base = _form(adapter)
        readout = final_readout.fitted(adapter, base, form, found.resid_post[-1])
    to_end: list[Factor] = [1.0]
    for carried in reversed(found.carried):
        to_end.insert(0, to_end[0] * carried)
    components = [("embedding", -1)]
    components += [(kind, layer) for layer in found.layers for kind in parts.KINDS if found.has[kind][layer]]
    return LogitParts((*components, ("bias", -1)), form.softcap, found, readout, to_end)


def probe(adapter: Lender) -> Capability:
    """Whether logits can be taken apart, seen on a short text: the parts must sum to the logits."""
    try:
        with torch.inference_mode(mode=False):
            reason = _sums(adapter)
    except CapabilityError as error:
        return Capability(False, error.reason)
    except Exception as error:  # noqa: BLE001 - whatever a model raises here is a "no", said with its reason
        return Capability(False, f"{type(error).__name__}: {str(error)[:200]}")
    return Capability(not reason, reason)


def _sums(adapter: Lender) -> str:
    ids = [(7 + 31 * i) % adapter.d_vocab for i in range(_SHORT)]
    found = logit_parts(adapter, ids, [_SHORT - 1], Context())
    logits = found.logits(_SHORT - 1)
    best = int(logits.nan_to_num(neginf=0).argmax())
    total = found.shares(_SHORT - 1, [best]).sum()
    direction, _ = found.readout.directions(0, [best])
    # a model that says nothing on this text has logits of pure rounding, which is of the size of what is multiplied
    rounding = float(direction.norm() * found.trace.resid_post[-1].norm()) * 1e-3
    size = max(float(logits[torch.isfinite(logits)].abs().max()), rounding, 1e-30)
    gap = abs(float(total - logits[best])) / size
    if gap > parts.near(adapter):
        return f"its parts sum to another logit ({gap:.1g} of the largest off)"
    own = found.trace.logits[0].float()
    said = logits if found.softcap is None else found.softcap * torch.tanh(logits / found.softcap)
    usable = torch.isfinite(own)
    if parts.far(said[usable], own[usable], parts.near(adapter)):
        return "its last stream, read out, gives other logits"
    return ""


_FORMS: WeakKeyDictionary[Any, tuple[Any, Form, Trace]] = WeakKeyDictionary()
"""What follows the last block, by adapter, with the weights it was found in."""


def _form(adapter: Lender) -> tuple[Form, Trace]:
    weights = (module_ids(adapter.model), getattr(adapter, "fingerprint", None))
    known = _FORMS.get(adapter)
    if known is None or known[0] != weights or weights[1] is None:
        base = final_readout.short_trace(adapter, [(7 + 31 * i) % adapter.d_vocab for i in range(_SHORT)])
        known = _FORMS[adapter] = (weights, final_readout.find(adapter, base), base)
    return known[1:]
