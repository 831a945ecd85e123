"""Where a number came from: method, parameters, model, seed, versions, time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """Enough to compute the same numbers again, or to see why they differ.

    Attributes:
        method: registered name ("given" for arrays that a person brought).
        params: every parameter of the method with its value, defaults included.
        model: name the model goes by. model_fingerprint, tokenizer_fingerprint: short hashes of weights and vocabulary.
        device, dtype: where and in what the model computed.
        seed: seed of the method's own random numbers; None if it draws none.
        versions: package name to version.
        seconds: wall-clock time of the computation. created: UTC, ISO 8601.
        reference: where the method is published.
    """

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    model_fingerprint: str = ""
    tokenizer_fingerprint: str = ""
    device: str = ""
    dtype: str = ""
    seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    created: str = ""
    reference: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "params": dict(self.params), "versions": dict(self.versions)}
