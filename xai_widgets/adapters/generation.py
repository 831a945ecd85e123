"""What the model writes after a prompt, token by token, so that it can be cancelled between any two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from xai_widgets.core.context import Context


def write(
    logits_of: Callable[[Sequence[int]], torch.Tensor],
    ids: Sequence[int],
    max_new_tokens: int,
    context: Context,
    *,
    temperature: float,
    stop_ids: frozenset[int],
) -> Iterator[int]:
    """Ids one by one: the most probable at temperature 0, else drawn from softmax(logits / temperature).

    Args:
        logits_of: next-token logits [d_vocab] of a sequence.
        context: its seed makes the draws; asked before each token whether to go on.
        stop_ids: the id that ends the text is given too, and is the last.
    """
    generator = torch.Generator().manual_seed(context.seed)
    sequence = list(ids)
    for done in range(max_new_tokens):
        context.step(done, max_new_tokens, "writing")
        logits = logits_of(sequence)
        if temperature == 0:
            chosen = int(logits.argmax())
        else:
            prob = torch.softmax(logits.double().cpu() / temperature, dim=-1)
            chosen = int(torch.multinomial(prob, 1, generator=generator))
        sequence.append(chosen)
        yield chosen
        if chosen in stop_ids:
            break
    context.step(max_new_tokens, max_new_tokens, "writing")


def stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:  # noqa: ANN401 - any model and tokenizer
    """Ids that end a text, from the generation config (one or several), the config and the tokenizer."""
    found: set[int] = set()
    for owner in (getattr(model, "generation_config", None), getattr(model, "config", None), tokenizer):
        value = getattr(owner, "eos_token_id", None)
        found.update(value if isinstance(value, (list, tuple)) else [] if value is None else [value])
    return frozenset(int(i) for i in found)


__all__ = ["stop_ids", "write"]
