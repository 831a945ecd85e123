"""Everything about a lent model that must be as before: a snapshot to compare with a later one."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np

_HOOKS = "hooks"


def snapshot(model: Any, tokenizer: Any = None) -> dict[str, Any]:  # noqa: ANN401 - any module and tokenizer
    """What could have been left behind, by the place where it would be found.

    Modules: identity, mode, names of attributes, number of hooks. Parameters: identity, storage, version,
    `requires_grad`, identity of `.grad`. Buffers: identity, version. Beside these the configuration, the random states
    of torch, numpy and Python, torch's gradient mode, and the tokenizer's settings. Values of weights need no copy:
    writing to a tensor raises its version, replacing it changes its identity.
    """
    import torch

    found: dict[str, Any] = {}
    for name, module in model.named_modules():
        hooks = {key: len(value) for key, value in vars(module).items() if _HOOKS in key and isinstance(value, dict)}
        found[f"module {name}"] = (
            id(module),
            module.training,
            sorted(vars(module)),
            hooks,
            id(getattr(module, "forward", None).__func__),
        )
    for name, parameter in model.named_parameters():
        found[f"parameter {name}"] = (
            id(parameter),
            parameter.data_ptr(),
            parameter._version,
            parameter.requires_grad,
            id(parameter.grad) if parameter.grad is not None else None,
        )
    for name, buffer in model.named_buffers():
        found[f"buffer {name}"] = (id(buffer), buffer._version)
    found["config"] = copy.deepcopy(model.config.to_dict()) if hasattr(model, "config") else None
    found["torch random state"] = torch.get_rng_state().numpy().tobytes()
    if torch.cuda.is_available():
        found["cuda random state"] = [state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
    found["numpy random state"] = repr(np.random.get_state())  # noqa: NPY002 - the global state is what must not move
    found["python random state"] = random.getstate()
    found["gradient mode"] = (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
    if tokenizer is not None:
        found["tokenizer"] = tokenizer_settings(tokenizer)
    return found


def tokenizer_settings(tokenizer: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any transformers tokenizer
    """Size, sides, truncation, padding and special tokens."""
    inner = getattr(tokenizer, "backend_tokenizer", None)
    return (
        len(tokenizer),
        tokenizer.padding_side,
        tokenizer.truncation_side,
        str(tokenizer.special_tokens_map),
        tokenizer.chat_template,
        repr(inner.truncation) if inner is not None else "",
        repr(inner.padding) if inner is not None else "",
    )


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Places that differ, in words."""
    places = sorted(set(before) | set(after))
    return [
        f"{place}: {before.get(place)!r} -> {after.get(place)!r}"[:300]
        for place in places
        if before.get(place) != after.get(place)
    ]
