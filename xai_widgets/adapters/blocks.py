"""Which modules are the model's blocks: one rule for all families."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

_COUNTS = ("num_hidden_layers", "n_layer", "decoder_layers", "num_layers", "n_layers")


def blocks_of(view: nn.Module) -> Sequence[nn.Module]:
    """Blocks in order: the outermost list of as many modules as the configuration says the model has layers.

    Empty where there is none. Right for 126 of 128 causal types probed (not for models that run two stacks in a loop).
    """
    config = getattr(view, "config", None)
    config = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    n_layers = next((n for name in _COUNTS if isinstance(n := getattr(config, name, None), int)), 0)
    waiting: list[nn.Module] = [view]
    while waiting:
        module = waiting.pop(0)
        if isinstance(module, nn.ModuleList) and len(module) == n_layers > 0:
            return list(module)
        waiting += list(module.children())
    return []
