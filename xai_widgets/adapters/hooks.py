"""A private view of a user's model: a second tree of modules over the same tensors, on which we may hook and switch.

Why: a hook on the user's own module is seen by every thread that runs it, a mode switch changes training, and both
have to be undone after an error. The view has its own hook dictionaries, its own children and `training=False`, so
nothing has to be undone and no other thread can see what we do. It costs a few milliseconds to make.

Parameters are replaced by detached tensors of the same storage: an optimizer's step shows through, but a forward pass
saves nothing for weight gradients. Parameters of special classes (quantised ones carry state) are shared as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

_HOOK_DICTS = tuple(name for name in nn.Module().__dict__ if "hooks" in name)


def view(model: nn.Module) -> nn.Module:
    """A view of `model` in evaluation mode. torch.compile wrappers are taken off; modules used twice stay one."""
    made: dict[int, nn.Module] = {}

    def copy(module: nn.Module) -> nn.Module:
        if id(module) in made:
            return made[id(module)]
        new = module.__class__.__new__(module.__class__)
        made[id(module)] = new
        state: dict[str, Any] = new.__dict__
        state.update(module.__dict__)
        for name in _HOOK_DICTS:
            if isinstance(state.get(name), dict):
                state[name] = state[name].copy()
        state["training"] = False
        state["_compiled_call_impl"] = None
        state["_buffers"] = dict(module._buffers)
        state["_parameters"] = {name: _detached(p) for name, p in module._parameters.items()}
        state["_modules"] = {name: child if child is None else copy(child) for name, child in module._modules.items()}
        # accelerate binds `forward` to the module it was given; left as it is, the view would run the original
        for name in ("forward", "_old_forward"):
            function = state.get(name)
            if isinstance(function, functools.partial) and function.args and function.args[0] is module:
                state[name] = functools.partial(function.func, new, *function.args[1:], **function.keywords)
            elif getattr(function, "__self__", None) is module:
                state[name] = function.__func__.__get__(new)
        return new

    return copy(getattr(model, "_orig_mod", model))


def _detached(parameter: nn.Parameter | None) -> torch.Tensor | None:
    if type(parameter) is not nn.Parameter or parameter.is_meta:
        return parameter
    return nn.Parameter(parameter.detach(), requires_grad=False)


def module_ids(model: nn.Module) -> tuple[int, ...]:
    """Identity of every module: changes when one is added or removed (an adapter, a resized head)."""
    return tuple(id(m) for m in getattr(model, "_orig_mod", model).modules())


@contextmanager
def hooked(*handles: Any) -> Iterator[None]:  # noqa: ANN401 - torch's RemovableHandle
    """Remove hooks of a view at the end, for views that serve more than one call."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def first(output: Any) -> torch.Tensor:  # noqa: ANN401 - blocks return tensors, tuples or lists
    """The hidden state in a block's output."""
    return output[0] if isinstance(output, (tuple, list)) else output
