"""What a model does right when inputs are batched, found by comparing each way with plain full passes on a short input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from xai_widgets.adapters import passes
from xai_widgets.adapters.base import Capability, CapabilityName
from xai_widgets.adapters.batching import Reading
from xai_widgets.adapters.passes import Lender
from xai_widgets.adapters.running import Plan, Run

TOLERANCE: Final = {torch.float32: 1e-3, torch.float64: 1e-3, torch.float16: 3e-2}
"""Root mean square difference of logits allowed as rounding, in standard deviations of the logits, by dtype; 0.15 for others.

Seen between plain and packed passes of SmolLM2: float32 5e-6, float16 0.01, bfloat16 0.02 to 0.06, where both are as far from the
float32 model as from each other. A mask or position gone wrong makes 0.4 and more.
"""

_POSITION_WINDOWS: Final = ("sliding_window", "attention_chunk_size")
_INDEX_WINDOWS: Final = ("window_size", "attention_window_size", "local_attention_window", "attention_window")


@dataclass(frozen=True)
class Limits:
    """Lengths beyond which the short input's findings don't hold.

    Attributes:
        window: some layer sees only so many positions back, by position number.
        index: attention goes by place in the batch (a causal buffer, a local window), so far at most.
        rotary: rotary frequencies change with the longest input of a batch beyond this length.
    """

    window: int
    index: int
    rotary: int


@dataclass(frozen=True)
class Found:
    """Capabilities by name, and lengths they hold for."""

    capabilities: Mapping[CapabilityName, Capability]
    limits: Limits

    def plan(self, base: int = 1, longest: int = 1) -> Plan:
        """The fastest plan that is right for a base of so many tokens and variants of at most `longest`."""
        works, reach = self.capabilities, max(base, longest)
        if reach <= self.limits.rotary and reach < self.limits.window:
            if works["tree_packing"].works and base + longest <= self.limits.index:
                return "packed"
            if works["prefix_reuse"].works:
                return "prefix"
        return "padded" if works["padding"].works and reach <= self.limits.rotary else "grouped"


def limits(view: nn.Module) -> Limits:
    """Read the limits off the configuration and the buffers."""
    config = getattr(view, "config", None)
    config = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    far = 1 << 62
    kinds = getattr(config, "layer_types", None)
    windowed = kinds is None or any("sliding" in k or "chunk" in k or "local" in k for k in kinds)
    window = min((_whole(config, name) or far for name in _POSITION_WINDOWS), default=far) if windowed else far
    index = min(_whole(config, name) or far for name in _INDEX_WINDOWS)
    for buffer in view.buffers():
        if buffer.ndim >= 2 and buffer.shape[-1] == buffer.shape[-2] > 1:
            index = min(index, buffer.shape[-1])
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    nested = [r for r in rope.values() if isinstance(r, Mapping)] or [rope]
    rotary = min(
        (
            r.get("original_max_position_embeddings") or getattr(config, "max_position_embeddings", far)
            for r in nested
            if r.get("rope_type") in ("dynamic", "longrope")
        ),
        default=far,
    )
    return Limits(window, index, rotary)


def _whole(config: Any, name: str) -> int | None:  # noqa: ANN401 - a transformers configuration
    value = getattr(config, name, None)
    return value if isinstance(value, int) and value > 0 else None


def probe(adapter: Lender) -> Found:
    """Run a short input in every way until the fastest right one is known: 5 passes where that is `packed`, 8 at most."""
    with adapter.session() as view, torch.no_grad():
        return _Probe(adapter, view).found()


class _Probe:
    """Four inputs (unchanged, cut short, a token replaced and one deleted, a position hidden); logits by plain passes."""

    def __init__(self, adapter: Lender, view: nn.Module) -> None:
        self._adapter, self._view = adapter, view
        self._masks = "attention_mask" in passes.accepted(view)
        stride = 37 if adapter.d_vocab % 37 else 41
        # low numbers are frequent tokens in most vocabularies: rare ones in a row make a model's rounding worse
        ids = tuple((260 + stride * i) % adapter.d_vocab for i in range(9))
        self._base = Reading(ids, frozenset(), 7)
        self._changed = Reading((*ids[:2], (ids[2] + 1) % adapter.d_vocab, *ids[3:5], *ids[6:]), frozenset(), 6)
        self._hidden = Reading(ids, frozenset({4}), 7)
        # reads what the base reads, and predicts earlier: its logits are the base's own
        self._short = Reading(ids[:5], frozenset(), 3)
        every, self._kept = self._plain(self._base._replace(first=0), keep_cache=True)
        self._base_logits, self._short_logits = every[7:], every[3:5]
        self._scale = float(self._base_logits.std()) or 1.0
        self._tolerance = self._scale * TOLERANCE.get(self._base_logits.dtype, 0.15)

    def found(self) -> Found:
        bounds = limits(self._view)
        if not bool(torch.isfinite(self._base_logits).all()):
            no = Capability(False, "the model's logits are not finite numbers")
            return Found(dict.fromkeys(_NAMES, no), bounds)
        cases = [(self._changed, self._plain(self._changed)[0]), (self._short, self._short_logits)]
        hidden = self._plain(self._hidden)[0] if self._masks else self._base_logits
        sees_mask = self._gap(hidden, self._base_logits) > self._tolerance
        if sees_mask:
            cases.append((self._hidden, hidden))
        packing = self._compare("packed", cases) if self._masks else _NO_MASK
        if packing.works:
            # a packed pass does not even compute what is hidden: equal to the plain one, nothing leaks
            mask = Capability(True) if sees_mask else _NO_MASK
            prefix = Capability(True)
        else:
            mask = self._mask(hidden) if sees_mask else _NO_MASK
            cases = cases if mask.works else cases[:2]
            prefix = self._compare("prefix", cases)
        padding = self._compare("padded", [*cases, (self._base, self._base_logits)])
        return Found(dict(zip(_NAMES, (packing, prefix, padding, mask), strict=True)), bounds)

    def _mask(self, hidden: Tensor) -> Capability:
        """Whether what stands at a hidden position is without influence on later ones."""
        ids = list(self._hidden.ids)
        ids[4] = (ids[4] + 5) % self._adapter.d_vocab
        leak = self._gap(self._plain(self._hidden._replace(ids=tuple(ids)))[0], hidden)
        if leak <= self._tolerance:
            return Capability(True)
        return Capability(False, "a hidden position still has an influence on later ones")

    def _compare(self, plan: Plan, cases: Sequence[tuple[Reading, Tensor]]) -> Capability:
        try:
            got = self._planned(plan, [reading for reading, _ in cases])
        except Exception as error:  # noqa: BLE001 - whatever a model raises here is a "no", said with its reason
            return Capability(False, f"{type(error).__name__}: {str(error)[:200]}")
        gap = max(self._gap(ours, plain) for ours, (_, plain) in zip(got, cases, strict=True))
        if gap <= self._tolerance:
            return Capability(True)
        return Capability(False, f"logits differ from full passes by {gap:.2g} where their spread is {self._scale:.2g}")

    def _gap(self, a: Tensor, b: Tensor) -> float:
        return float((a.float() - b.float()).square().mean().sqrt())

    def _plain(self, reading: Reading, *, keep_cache: bool = False) -> tuple[Tensor, Any]:
        device = self._adapter.device_of_inputs
        mask = None
        if reading.hidden:
            mask = torch.ones(1, len(reading.ids), dtype=torch.long, device=device)
            mask[0, list(reading.hidden)] = 0
        wanted = torch.arange(reading.first, len(reading.ids), device=device)
        ids = torch.tensor([reading.ids], device=device)
        return passes.run(self._adapter, self._view, ids, wanted, mask=mask, keep_cache=keep_cache)

    def _planned(self, plan: Plan, readings: Sequence[Reading]) -> list[Tensor]:
        run = Run(self._adapter, self._view, plan, self._base, readings, budget=1 << 12, kept=self._kept)
        got: dict[tuple[int, int], Tensor] = {}

        def use(logits: Tensor, inputs: Tensor, tokens: Tensor) -> None:
            got.update({(int(i), int(t)): row for row, i, t in zip(logits, inputs, tokens, strict=True)})

        for _ in run.batches(range(len(readings)), use):
            pass
        return [torch.stack([got[i, t] for t in range(len(r.ids) - r.first)]) for i, r in enumerate(readings)]


_NAMES: Final[tuple[CapabilityName, ...]] = ("tree_packing", "prefix_reuse", "padding", "attention_mask")
_NO_MASK: Final = Capability(False, "the model does not honour an attention mask")
