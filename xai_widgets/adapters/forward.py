"""The plainest call of a view, or of the user's own module to compare the two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from xai_widgets.adapters.passes import accepted


def plain_logits(module: nn.Module, rows: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
    """Logits of whole sequences of one length, as the module gives them (no cache).

    Mask and position numbers are passed wherever they are accepted: some families guess them wrongly.
    """
    ids = torch.tensor([list(row) for row in rows], device=device)
    given: dict[str, Any] = {
        "attention_mask": torch.ones_like(ids),
        "position_ids": torch.arange(ids.shape[1], device=device).expand_as(ids),
        "use_cache": False,
        "return_dict": True,
    }
    names = accepted(module)
    output = module(input_ids=ids, **{name: value for name, value in given.items() if name in names})
    return output.logits


def last_logits(
    view: nn.Module,
    ids: Sequence[int],
    device: torch.device,
    *,
    past: Any = None,  # noqa: ANN401 - a transformers Cache
    start: int = 0,
    keep_cache: bool = False,
) -> tuple[torch.Tensor, Any]:
    """Logits [d_vocab] after `ids`, and the cache of the whole sequence if it is kept (None if there is none).

    Args:
        view, device: a view, and where its input goes.
        past: cache of the first `start` positions, which are not computed again; it is extended.
    """
    n = len(ids)
    given: dict[str, Any] = {
        "attention_mask": torch.ones(1, n, dtype=torch.long, device=device),
        "position_ids": torch.arange(start, n, device=device)[None],
        "use_cache": keep_cache,
        "past_key_values": past,
        "logits_to_keep": 1,
        "return_dict": True,
    }
    names = accepted(view)
    given = {name: value for name, value in given.items() if name in names and value is not None}
    output = view(input_ids=torch.tensor([list(ids[start:])], device=device), **given)
    return output.logits[0, -1], getattr(output, "past_key_values", None) if keep_cache else None


__all__ = ["last_logits", "plain_logits"]
