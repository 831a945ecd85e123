"""Which sums a block makes of the residual stream: read off the operations while they run, whatever the family calls its parts.

Every tensor of the stream's size is followed as a linear form: so much of the stream that entered, plus terms, each a factor
times something computed elsewhere. Sums and differences add forms; a product with something smaller (a multiplier, a gain, a
norm's scale at each position) goes into the factors, frozen at this run's value; copies and views keep the form; anything else
starts a new term. So attention and MLP, in one line or parallel, added inside their modules or outside, scaled or normed before
they are added, all come out as terms, and the form of what leaves the block says exactly what was added to what entered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from xai_widgets.adapters.hooks import first

Factor = Tensor | float
"""Broadcasts against [pos, d_model]."""
_MOST_TERMS: Final = 64
"""A longer sum is a loop over something (experts, steps of a recurrence): followed no further."""

_aten: Final = torch.ops.aten
_IN_PLACE: Final = {
    _aten.add_: _aten.add, _aten.sub_: _aten.sub, _aten.mul_: _aten.mul, _aten.div_: _aten.div, _aten.neg_: _aten.neg
}  # fmt: skip
_SOFTMAX: Final = ("_softmax", "_safe_softmax")
_COPIES: Final = frozenset((_aten.clone, _aten._to_copy, _aten.alias, _aten.detach, _aten.contiguous))


@dataclass(eq=False)
class Term:
    """Something computed in a block that goes into a sum.

    Attributes:
        tensor: of the stream's size (or [d_model], the same at every position). path: the module that made it, in the block.
        linear, given: path of the linear map whose output it is, and what that read [pos, n]; "" and None where it is none.
    """

    tensor: Tensor
    path: str
    linear: str = ""
    given: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Form:
    """`own` times the stream that entered the block (None: without it), plus factors times terms."""

    own: Factor | None
    terms: tuple[tuple[Factor, Term], ...] = ()

    def times(self, factor: Factor) -> Form:
        """All of it, multiplied."""
        own = None if self.own is None else self.own * factor
        return Form(own, tuple((f * factor, term) for f, term in self.terms))

    def plus(self, other: Form) -> Form:
        """The sum of both."""
        owns = [f.own for f in (self, other) if f.own is not None]
        return Form(owns[0] + owns[1] if len(owns) > 1 else next(iter(owns), None), self.terms + other.terms)


class Ledger:
    """The forms of one block's run.

    Args:
        stream: what enters, [1, pos, d_model].
        shake: (nth sum, edit): what is done to the stream after its nth sum in this block, to see who reads it from there.
    """

    def __init__(self, stream: Tensor, shake: tuple[int, Callable[[Tensor], None]] | None = None) -> None:
        """Know the stream and nothing else."""
        self.size, self.d_model = stream.numel(), stream.shape[-1]
        self.sums = 0
        self.attended: dict[str, tuple[int, int]] = {}
        self.path: list[str] = []
        self._weighs = ""
        self._reached = {stream.untyped_storage().data_ptr()}
        self._shake = shake
        self._forms: dict[Any, Form] = {}
        self._held: list[Tensor] = []  # so that no memory is given to another tensor meanwhile
        self._set(stream, Form(1.0))

    def form(self, tensor: Tensor) -> Form | None:
        """What a tensor of the stream's size is made of; None if nothing is known."""
        key = self._key(tensor)
        return None if key is None else self._forms.get(key)

    def depends(self, tensor: Tensor) -> bool:
        """Whether anything in it was computed from the stream."""
        return tensor.untyped_storage().data_ptr() in self._reached

    def leave(self, path: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        """A module in the block gave its output."""
        out = first(output)
        key = self._key(out)
        if key is None:
            return
        form = self._forms.get(key)
        if linear_like(module) and args and torch.is_tensor(args[0]):
            self._set(out, Form(None, ((1.0, Term(out, path, path, args[0])),)))
        elif form is None:
            self._set(out, Form(None, ((1.0, Term(out, path)),)))
        elif form.own is None and len(form.terms) == 1 and isinstance(form.terms[0][0], float):
            term = form.terms[0][1]
            if term.path.startswith(f"{path}."):  # the whole module's output: dropouts and norms after it don't count
                term.path = path

    def run(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Do an operation and note what its result is made of."""
        packet = func.overloadpacket
        in_place = packet in _IN_PLACE
        kind = _IN_PLACE.get(packet, packet)
        form: Form | None = None
        if kind in (_aten.add, _aten.sub):
            form = self._sum(args, kwargs, -1.0 if kind is _aten.sub else 1.0, keep=in_place)
        elif kind in (_aten.mul, _aten.div):
            form = self._product(args, divide=kind is _aten.div, keep=in_place)
        elif kind is _aten.neg or kind in _COPIES:
            form = self._copied(args[0], -1.0 if kind is _aten.neg else 1.0, keep=in_place)
        out = func(*args, **kwargs)
        if any(self.depends(t) for t in _tensors((args, tuple(kwargs.values())))):
            self._reached.update(t.untyped_storage().data_ptr() for t in _tensors(out))
        self._look_for_attention(packet, out)
        if func._schema.is_mutable:
            self._forget(func, args, kwargs)
        if packet is getattr(_aten, "_fused_rms_norm", None):
            form = self._normed(args, out)
        if form is not None and len(form.terms) <= _MOST_TERMS:
            self._note(first(out), form, summed=kind in (_aten.add, _aten.sub))
        return out

    def _look_for_attention(self, packet: Any, out: Any) -> None:  # noqa: ANN401
        """Where attention runs, and its (heads, width of a value): in torch's own function, or a softmax over keys and a product."""
        n_pos, here, name = self.size // self.d_model, ".".join(self.path[-1:]), packet.__name__
        shape = tuple(first(out).shape) if isinstance(first(out), Tensor) else ()
        if "scaled_dot_product" in name and len(shape) == 4:
            self._attends(here, shape[1], shape[-1])
        elif (
            name in _SOFTMAX
            and (len(shape) == 4 or (len(shape) == 3 and shape[0] > 1))
            and shape[-2] == n_pos <= shape[-1]
        ):
            self._attends(here, shape[-3], 0)
            self._weighs = here
        elif name == "bmm" and self._weighs == here and here in self.attended and shape[-2] == n_pos:
            self.attended[here], self._weighs = (self.attended[here][0], shape[-1]), ""

    def _attends(self, place: str, n_heads: int, width: int) -> None:
        # attention that runs twice in one place is put together in a way of its own: its sizes say nothing about heads
        self.attended[place] = (0, 0) if place in self.attended else (n_heads, width)

    def _note(self, out: Tensor, form: Form, *, summed: bool) -> None:
        self._set(out, form)
        if form.own is not None and summed:
            self.sums += 1
            if self._shake is not None and self._shake[0] == self.sums:
                self._shake[1](out)

    def _set(self, tensor: Tensor, form: Form) -> None:
        key = self._key(tensor)
        if key is not None:
            self._forms[key] = form
            self._held.append(tensor)

    def _key(self, tensor: Any) -> Any:  # noqa: ANN401 - whatever an operation is given
        """The memory a tensor of the stream's size lies in, in the stream's order; None for all else."""
        if not isinstance(tensor, Tensor) or tensor.numel() != self.size or not tensor.is_contiguous():
            return None
        return tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.dtype, tensor.device

    def _forget(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:  # noqa: ANN401
        """What is known of memory an operation wrote into is no longer so."""
        for i, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                given = args[i] if i < len(args) else kwargs.get(argument.name)
                for tensor in given if isinstance(given, (list, tuple)) else [given]:
                    if isinstance(tensor, Tensor):
                        place = tensor.untyped_storage().data_ptr()
                        for key in [k for k in self._forms if k[0] == place]:
                            del self._forms[key]

    def _form_of(self, operand: Any, *, keep: bool = False) -> Form | None:  # noqa: ANN401
        """The form of an operand; what is not known becomes a term. `keep`: it is about to be written over."""
        if not isinstance(operand, Tensor):
            return None
        form = self.form(operand)
        if form is None:
            per_position = operand.numel() == self.size
            if not per_position and operand.shape[-1:] != (self.d_model,) and operand.numel() != self.d_model:
                return None
            form = Form(None, ((1.0, Term(operand, ".".join(self.path))),))
            if per_position and not keep:
                self._set(operand, form)
        if keep:
            mine = self._key(operand)
            held = [t for _, t in form.terms if self._key(t.tensor) == mine and mine is not None]
            for term in held or [t for _, t in form.terms if t.tensor is operand]:
                depends = self.depends(term.tensor)
                term.tensor = term.tensor.clone()
                if depends:
                    self._reached.add(term.tensor.untyped_storage().data_ptr())
        return form

    def _sum(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], sign: float, *, keep: bool) -> Form | None:
        a, b = args[0], args[1]
        if not any(isinstance(t, Tensor) and t.numel() == self.size for t in (a, b)):
            return None
        left, right = self._form_of(a, keep=keep), self._form_of(b)
        if left is None or right is None:
            return None
        alpha = kwargs.get("alpha", args[2] if len(args) > 2 else 1)
        factor = sign * float(alpha)
        return left.plus(right if factor == 1.0 else right.times(factor))

    def _product(self, args: tuple[Any, ...], *, divide: bool, keep: bool) -> Form | None:
        a, b = args[0], args[1]
        if (
            not divide
            and isinstance(b, Tensor)
            and (not isinstance(a, Tensor) or a.ndim < b.ndim or a.numel() < b.numel())
        ):
            a, b = b, a
            keep = False
        if not isinstance(a, Tensor) or a.numel() != self.size:
            return None
        factor = self._factor(b, a)
        if factor is None:
            return None
        form = self._form_of(a, keep=keep)
        return None if form is None else form.times(1 / factor if divide else factor)

    def _factor(self, operand: Any, base: Tensor) -> Factor | None:  # noqa: ANN401
        """Something that multiplies a stream, as it broadcasts against [pos, d_model]; None where it is as large itself."""
        if not isinstance(operand, Tensor):
            return float(operand) if isinstance(operand, (int, float)) else None
        if operand.numel() == 1:
            return operand.detach().reshape(1, 1).float().clone()
        if base.shape[-1] != self.d_model:
            return None
        if operand.shape[-1] == 1 and operand.numel() == self.size // self.d_model:
            return operand.detach().reshape(-1, 1).float().clone()
        if operand.numel() == self.d_model and operand.shape[-1] == self.d_model and operand.ndim < base.ndim:
            return operand.detach().reshape(1, -1).float().clone()
        return None

    def _copied(self, operand: Any, factor: float, *, keep: bool) -> Form | None:  # noqa: ANN401
        if self._key(operand) is None:
            return None
        form = self._form_of(operand, keep=keep)
        return form if form is None or factor == 1.0 else form.times(factor)

    def _normed(self, args: tuple[Any, ...], out: Any) -> Form | None:  # noqa: ANN401
        """A root-mean-square norm done in one operation: its scale at each position is a factor."""
        if not isinstance(args[0], Tensor) or args[0].numel() != self.size or args[0].shape[-1] != self.d_model:
            return None
        form, scale = self._form_of(args[0]), out[1].detach().reshape(-1, 1).float()
        if form is None:
            return None
        weight = args[2]
        return form.times(scale if weight is None else scale * weight.detach().reshape(1, -1).float())


class Watch(TorchDispatchMode):
    """While it is on, operations are noted in `ledger` if there is one."""

    ledger: Ledger | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        """See torch."""
        kwargs = kwargs or {}
        return func(*args, **kwargs) if self.ledger is None else self.ledger.run(func, args, kwargs)


def _tensors(given: Any) -> Iterator[Tensor]:  # noqa: ANN401 - what an operation is given or gives
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, (tuple, list)):
        for item in given:
            yield from _tensors(item)


def linear_like(module: nn.Module) -> bool:
    """Whether a module is a linear map with or without a bias, wrapped or quantised or not."""
    sizes = hasattr(module, "in_features") and hasattr(module, "out_features")
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D" or sizes
