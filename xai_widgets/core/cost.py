"""What a method will cost, said before it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Counted work, and what it means on this model and device.

    Attributes:
        passes: calls of the model.
        tokens: tokens through the layers, forward. backward_tokens: tokens through the backward pass.
        peak_bytes: extra memory at the highest point; None if not known.
        seconds: from the speed measured on this model and device; None before that is known.
    """

    passes: int
    tokens: int
    backward_tokens: int = 0
    peak_bytes: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        """For a person: `12 passes, 420 tokens, about 0.8 s`."""
        parts = [
            f"{self.passes:,} pass" + ("" if self.passes == 1 else "es"),
            f"{self.tokens + self.backward_tokens:,} tokens",
        ]
        if self.seconds is not None:
            parts.append("about " + duration(self.seconds))
        if self.peak_bytes is not None and self.peak_bytes >= 500_000:
            parts.append(f"{self.peak_bytes / 1e6:,.0f} MB")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 1:
        return f"{seconds:.1g} s" if seconds >= 0.1 else "0.1 s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
