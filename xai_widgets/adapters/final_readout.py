"""What a part of the last residual stream says about each word: the final norm with this run's scale, then the unembedding.

The norm is the first module that reads what leaves the last block; what it does is found by probing it (bias, gain, whether it takes
the mean off) and holds only if `bias + gain * (x - c mean(x)) / s` is what it gives, `s` being this run's own scale. What follows the
norm is the model's own code, run with the blocks stubbed out: it must be linear up to the output embedding, and then a factor
or a tanh soft cap. Nothing goes by name, so gains of (1 + w), logit scales and projections before the head need no case of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn

from xai_widgets.adapters import passes
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.hooks import first, hooked
from xai_widgets.adapters.resuming import Trace, begin_at, trace
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError

NEAR: Final = {torch.float32: 1e-5, torch.float64: 1e-5, torch.float16: 3e-3}
"""Relative to the largest entry, by dtype; 0.02 for others (bfloat16 rounds at 0.004)."""
_LARGE: Final = 60.0
"""Logits at which a soft cap shows."""
_CHUNK: Final = 64


@dataclass(frozen=True, eq=False)
class FinalReadout:
    """How the last stream becomes logits at some positions of one text; all in float32.

    Attributes:
        gain, bias: of the norm, [d_model]. centred: whether it takes the mean off. scale: its `s` at each position, [pos].
        factor: between the output embedding's result and the logits. softcap: the cap, None where there is none.
    """

    gain: Tensor
    bias: Tensor
    centred: bool
    scale: Tensor
    factor: float
    softcap: float | None
    _adapter: passes.Lender = field(repr=False)
    _base: Trace = field(repr=False)
    _norm: str | None = field(repr=False)

    def normed(self, parts: Tensor, row: int) -> Tensor:
        """What the norm makes of parts [n, d_model] of the stream at a position; its bias is no part of any."""
        if self.centred:
            parts = parts - parts.mean(-1, keepdim=True)
        return self.gain * parts / self.scale[row]

    def directions(self, row: int, ids: Sequence[int], contrast_ids: Sequence[int] = ()) -> tuple[Tensor, Tensor]:
        """For each target (minus its contrast) at a position: a direction of the stream, [target, d_model], and a constant, [target].

        The logit before any soft cap is the product of the stream with the direction, plus the constant.
        """
        leaf = self.bias[None].repeat(len(ids), 1)
        value, slope = self._slope(leaf, ids, contrast_ids)
        constant = self.factor * value
        through = self.factor * slope * self.gain / self.scale[row]
        if self.centred:
            through = through - through.mean(-1, keepdim=True)
        return through, constant

    def vocabulary(self, parts: Tensor, row: int) -> Tensor:
        """What parts [n, d_model] of the stream at a position add to the logits before any soft cap: [n, d_vocab]."""
        normed = self.normed(parts, row)
        heads, _ = tail(self._adapter, self._base, self._norm, torch.cat([torch.zeros_like(normed[:1]), normed]))
        return self.factor * (heads[1:] - heads[:1])

    def _slope(self, states: Tensor, ids: Sequence[int], contrast_ids: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The output embedding's result for each row's target minus its contrast, and its slope by what leaves the norm."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            leaf = states.clone().requires_grad_()
            heads, _ = tail(self._adapter, self._base, self._norm, leaf)
            rows = range(len(ids))
            value = heads[rows, list(ids)]
            if contrast_ids:
                value = value - heads[rows, list(contrast_ids)]
            (slope,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), slope.detach()


def tail(adapter: passes.Lender, base: Trace, norm: str | None, states: Tensor) -> tuple[Tensor, Tensor]:
    """What follows the final norm, on states [n, d_model] in its output's place: the output embedding's result and the logits.

    Both float32 [n, d_vocab]; each state stands in a row of its own.
    """
    given: list[Tensor] = []
    ids = torch.tensor([[base.ids[0]]] * len(states), device=adapter.device_of_inputs)
    last = base.states[-1]
    stream = states[:, None].to(last) if norm is None else last[:, -1:].expand(len(states), -1, -1)
    with adapter.session() as view:
        begin_at(view, base.outputs, len(base.states) - 1, stream)
        handles = [adapter.head_of(view).register_forward_hook(lambda _m, _a, out: given.append(out))]
        if norm is not None:
            handles.append(view.get_submodule(norm).register_forward_hook(lambda _m, _a, own: _put(own, states)))
        with hooked(*handles):
            logits, _ = passes.run(adapter, view, ids, torch.arange(len(states), device=ids.device))
    heads = given[0].reshape(len(states), -1)[:, : logits.shape[-1]]
    return heads.float(), logits.float()


def _put(own: Any, states: Tensor) -> Any:  # noqa: ANN401 - as the norm's
    new = states[:, None].to(first(own))
    return type(own)([new, *own[1:]]) if isinstance(own, (tuple, list)) else new


@dataclass(frozen=True, eq=False)
class Form:
    """What there is after the last block, found once a model: see `FinalReadout`. `norm` is its path, None where there is none."""

    norm: str | None
    gain: Tensor
    bias: Tensor
    centred: bool
    factor: float
    softcap: float | None


def find(adapter: passes.Lender, base: Trace) -> Form:
    """The form of what follows the last block.

    Raises:
        CapabilityError: it is not a norm, a linear map and at most a soft cap.
    """
    norm = _norm_of(adapter, base)
    rows = base.streams(len(base.states) - 1).float()
    gain, bias, centred = _probed(adapter, norm, rows)
    factor, softcap = _after(adapter, base, norm, rows, gain, bias)
    return Form(norm, gain, bias, centred, factor, softcap)


def fitted(adapter: passes.Lender, base: Trace, form: Form, rows: Tensor) -> FinalReadout:
    """The readout at some positions, whose last streams are `rows` [pos, d_model], with their own scales.

    Raises:
        CapabilityError: the norm does something else to these.
    """
    normed = through(adapter, form.norm, rows)
    scale, reason = _scales(rows.float(), normed, form.gain, form.bias, centred=form.centred, near=_near(adapter))
    if reason:
        raise _refuse(reason)
    return FinalReadout(
        form.gain, form.bias, form.centred, scale, form.factor, form.softcap, adapter, base, form.norm
    )  # fmt: skip


def _norm_of(adapter: passes.Lender, base: Trace) -> str | None:
    """Path of the first module that reads what leaves the last block; None where that is the output embedding itself."""
    found: list[str] = []
    left: list[Tensor] = []
    with adapter.session() as view, torch.no_grad():
        inside = {id(m) for block in blocks_of(view) for m in block.modules()}
        head = adapter.head_of(view)

        def reads(path: str, module: nn.Module) -> Any:  # noqa: ANN401 - a handle
            def hook(_module: nn.Module, args: tuple[Any, ...]) -> None:
                if left and args and args[0] is left[0]:
                    found.append("" if module is head else path)

            return module.register_forward_pre_hook(hook)

        handles = [reads(path, m) for path, m in view.named_modules() if path and id(m) not in inside]
        handles.append(blocks_of(view)[-1].register_forward_hook(lambda _m, _a, out: left.append(first(out))))
        inputs = torch.tensor([base.ids], device=adapter.device_of_inputs)
        with hooked(*handles):
            passes.run(adapter, view, inputs, torch.tensor([len(base.ids) - 1], device=inputs.device))
    if not found:
        raise _refuse("no module reads what leaves its last block, so its final norm was not found")
    return found[0] or None


def through(adapter: passes.Lender, norm: str | None, rows: Tensor) -> Tensor:
    """The norm of rows [n, d_model], float32."""
    if norm is None:
        return rows.float()
    with adapter.session() as view, torch.no_grad():
        module = view.get_submodule(norm)
        try:
            made = first(module(rows[None].to(getattr(torch, adapter.dtype))))[0]
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise _refuse(f"what reads its last stream can't be asked by itself ({str(error)[:80]})") from error
    if made.shape != rows.shape:
        raise _refuse("what reads its last stream does not give one state a position")
    return made.float()


def _probed(adapter: passes.Lender, norm: str | None, rows: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Gain, bias and whether the mean is taken off, of a norm that gives `bias + gain * (x - c mean(x)) / s`."""
    d = rows.shape[-1]
    if norm is None:
        return rows.new_ones(d), rows.new_zeros(d), False
    # entries of size 1 with mean 0: both kinds of norm leave them as they are, up to one factor
    probe = rows.new_ones(d)
    probe[1::2] = -1
    if d % 2:
        probe[-3:] = rows.new_tensor([1.0, 1.0, -2.0])
    made = through(adapter, norm, torch.stack([torch.zeros_like(probe), probe * 64]))
    bias = made[0]
    gain = (made[1] - bias) / (probe / probe.square().mean().sqrt())
    rows = torch.cat([rows, rows + rows.std()])  # streams whose mean is 0 don't tell
    normed = through(adapter, norm, rows)
    for centred in (False, True):
        _, reason = _scales(rows, normed, gain, bias, centred=centred, near=_near(adapter))
        if not reason:
            return gain, bias, centred
    raise _refuse("what reads its last stream is not a norm that scales each state")


def _scales(
    rows: Tensor, normed: Tensor, gain: Tensor, bias: Tensor, *, centred: bool, near: float
) -> tuple[Tensor, str]:
    """`s` of each row, by least squares, and why the form does not hold ("" where it does)."""
    plain = gain * (rows - rows.mean(-1, keepdim=True) if centred else rows)
    moved = normed - bias
    scale = plain.square().sum(-1) / (plain * moved).sum(-1)
    gap = float((plain / scale[:, None] - moved).abs().max())
    size = max(float(normed.abs().max()), 1e-30)
    return scale, "" if gap <= near * size else f"its final norm is not linear at a fixed scale ({gap / size:.1g} off)"


def _after(
    adapter: passes.Lender, base: Trace, norm: str | None, rows: Tensor, gain: Tensor, bias: Tensor
) -> tuple[float, float | None]:
    """The factor of the logits and their soft cap, once what comes before is seen to be linear."""
    near = _near(adapter)
    generator = torch.Generator().manual_seed(3)
    draws = torch.randn(2, len(bias), generator=generator).to(rows) * gain + bias if norm is not None else rows[:2]
    with torch.no_grad():
        points = torch.stack([torch.zeros_like(bias), draws[0], draws[1], draws[0] + draws[1]])
        heads, logits = tail(adapter, base, norm, points)
        size = float(heads.abs().max())
        if float((heads[3] - heads[1] - heads[2] + heads[0]).abs().max()) > 2 * near * size:
            raise _refuse("what follows its final norm is not linear up to the output embedding")
        # small logits show the factor, large ones the cap
        ways = torch.stack([draws[0] * (1e-2 / size), draws[0] * (_LARGE / size)])
        more_heads, more_logits = tail(adapter, base, norm, ways)
    heads, logits = torch.cat([heads, more_heads]), torch.cat([logits, more_logits])
    usable = torch.isfinite(logits)
    small = usable[4]
    factor = float((heads[4] * logits[4])[small].sum() / heads[4][small].square().sum())
    cap = _cap(factor * heads[5][usable[5]], logits[5][usable[5]], near)
    expected = factor * heads if cap is None else cap * torch.tanh(factor * heads / cap)
    gap = float((expected - logits)[usable].abs().max())
    if not gap <= 10 * near * float(logits[usable].abs().max()):
        raise _refuse(
            "what its logits are made of is not the output embedding's result times a factor, nor a soft cap of it"
        )
    return factor, cap


def _cap(before: Tensor, after: Tensor, near: float) -> float | None:
    """The cap of `after = cap * tanh(before / cap)`; None where both are the same."""
    if float((before - after).abs().max()) <= 10 * near * float(before.abs().max()):
        return None
    at = int(before.abs().argmax())
    x, y = abs(float(before[at])), abs(float(after[at]))
    low, high = y, 1e6
    for _ in range(200):  # cap * tanh(x / cap) grows with the cap
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if middle * float(torch.tanh(torch.tensor(x / middle, dtype=torch.float64))) < y
            else (low, middle)
        )
    return (low + high) / 2


def short_trace(adapter: passes.Lender, ids: Sequence[int]) -> Trace:
    """A pass over a short text, from which what follows the blocks can be taken up."""
    return trace(adapter, ids, Context())


def _near(adapter: passes.Lender) -> float:
    return NEAR.get(getattr(torch, adapter.dtype), 2e-2)


def _refuse(reason: str) -> CapabilityError:
    return CapabilityError(
        "Reading a part of the last stream as logits", reason=reason, hint="use the lens, which resumes the whole model"
    )
