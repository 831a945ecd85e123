"""Which passes a number needs, and the number in their logits: a continuation is read after the prompt, each token after those before it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from xai_widgets.core.patching import Followed, Number


@dataclass(frozen=True)
class Reading:
    """One pass: the prompt and tokens that follow it, and what of the number is found there. Called with logits it gives that.

    Attributes:
        read: tokens after the prompt.
        terms: (factor, continuation); each continuation but for its last token begins `read`.
        quantity: see `core.patching.Number`.
    """

    read: tuple[int, ...]
    terms: tuple[tuple[float, tuple[int, ...]], ...]
    quantity: Followed

    def wanted(self, n: int) -> tuple[int, ...]:
        """Positions whose logits are needed, after a prompt of n tokens: its last, and those of `read`."""
        return tuple(range(n - 1, n + len(self.read)))

    def __call__(self, logits: Tensor) -> Tensor:
        """Of logits [wanted, d_vocab] a differentiable number."""
        rows = logits.float()
        found = rows.new_zeros(())
        for factor, ids in self.terms:
            if self.quantity == "logit":
                found = found + factor * rows[0, ids[0]]
                continue
            log_probs = torch.stack([rows[i].log_softmax(-1)[token] for i, token in enumerate(ids)]).sum()
            found = found + factor * (log_probs.exp() if self.quantity == "prob" else log_probs)
        return found


def readings(number: Number) -> list[Reading]:
    """As few passes as hold all of the number: a continuation that begins another is read with it."""
    terms = [(1.0, number.target)] + ([(-1.0, number.other)] if number.other else [])
    reads: list[tuple[int, ...]] = []
    for _, ids in sorted(terms, key=lambda term: -len(term[1])):
        if not any(read[: len(ids) - 1] == ids[:-1] for read in reads):
            reads.append(ids[:-1])
    left = list(terms)
    found = []
    for read in reads:
        here = [term for term in left if read[: len(term[1]) - 1] == term[1][:-1]]
        left = [term for term in left if term not in here]
        found.append(Reading(read, tuple(here), number.quantity))
    return found
