"""Activation patching: which states, put from one prompt's pass into another's, bring its answer with them.

Vig et al. 2020 (arXiv 2004.12265); Meng et al. 2022 (arXiv 2202.05262); terms of Heimersheim & Nanda 2024 (arXiv 2404.15255): states of
the clean prompt are put into the corrupted one (denoising) or the other way round (noising). A patched pass is taken up at the
patched layer, all positions of a layer in the same passes, and of each only what follows the patched position is run
(`ModelAdapter.resumed`): numbers equal those of whole passes with a hook.

Attribution patching (Nanda 2023; Syed et al. 2023, arXiv 2310.10348) is the instant estimate: the gradient of the number by the
stream, times the difference of states. It is exact where the number is linear in the stream, and says nothing of how far it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from torch import Tensor

from xai_widgets.adapters.base import Edit, ModelAdapter, Trace
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ModelError, ValueRefusedError
from xai_widgets.core.patching import Contrast, PatchGrid, aligned
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens

Direction = Literal["denoise", "noise"]
Part = Literal["resid", "attn_out", "mlp_out", "head"]
LEAST = 1e-3
"""Difference of the number between both prompts below which there is nothing to explain."""


@INSPECTORS.register("activation_patching")
class ActivationPatching:
    """Two prompts, one number, and every residual stream of both. Serial, like the model it asks.

    Args:
        adapter: the model. clean, corrupted: the prompts; positions go together as `core.patching.aligned` says.
        contrast: what is followed. direction: `denoise` puts clean states into the corrupted pass, `noise` the reverse.

    Raises:
        CapabilityError: passes of this model can't be taken up.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        clean: Tokens,
        corrupted: Tokens,
        contrast: Contrast,
        direction: Direction = "denoise",
    ) -> None:
        """Nothing runs yet."""
        adapter.require("resume")
        self.adapter, self.contrast = adapter, contrast
        self.fingerprint = adapter.fingerprint
        self.base, self.source = (corrupted, clean) if direction == "denoise" else (clean, corrupted)
        self.pairs = aligned(self.base.ids.tolist(), self.source.ids.tolist())
        self._traces: tuple[Trace, Trace] | None = None
        self._gradients: Sequence[Tensor] | None = None
        self._states: dict[str, Sequence[Tensor]] = {}

    def traces(self, context: Context) -> tuple[Trace, Trace]:
        """Passes of the patched prompt and of the one that states come from.

        Raises:
            ValueRefusedError: both give the same number, so there is nothing to explain.
        """
        if self._traces is None:
            base = self.adapter.trace(self.base.ids.tolist(), context)
            source = self.adapter.trace(self.source.ids.tolist(), context, edits=False)
            gap = self.number(source.logits) - self.number(base.logits)
            if abs(gap) < LEAST:
                raise ValueRefusedError(
                    "prompts", given=f"two whose number differs by {gap:.2g}", accepted=f"a difference of {LEAST} at least",
                    hint="nothing to explain: choose a target that only one of them favours",
                )  # fmt: skip
            self._traces = base, source
        elif self.adapter.fingerprint != self.fingerprint:
            raise ModelError(
                "The model changed since these prompts were run.", given="other weights than those of the picture",
                accepted="the same weights", hint="run again: edit a prompt, or run the cell again",
            )  # fmt: skip
        return self._traces

    def number(self, logits: Tensor) -> float:
        """The number that is followed, of logits [1, d_vocab]."""
        return float(_number(logits, self.contrast))

    def edits(self, part: Part, context: Context) -> list[list[tuple[int, Edit]]]:
        """For each layer the cells that can be patched: (column, the edit that does it). Columns are positions, or heads.

        `resid`: what enters the layer at a position. `attn_out`, `mlp_out`: what its attention or MLP adds there. `head`: what one
        head adds, at all positions.
        """
        base, source = self.traces(context)
        places = [(p, q) for p, q in enumerate(self.pairs) if q is not None]
        if part == "resid":
            return [
                [(p, Edit(layer, (p,), source.streams(layer)[q : q + 1])) for p, q in places]
                for layer in range(base.n_streams - 1)
            ]
        if part not in self._states:
            ids = self.base.ids.tolist(), self.source.ids.tolist()
            self._states[part] = self.adapter.exchanged(*ids, self.pairs, part, context)
        found = self._states[part]
        layers = range(base.n_streams - 1)
        if part == "head":
            at = tuple(p for p, _ in places)
            return [
                [(h, Edit(i + 1, at, left[i][list(at)])) for h, left in enumerate(found) if _known(left[i])]
                for i in layers
            ]
        (left,) = found
        return [[(p, Edit(i + 1, (p,), left[i][p : p + 1])) for p, _ in places if _known(left[i])] for i in layers]

    def grid(
        self,
        context: Context,
        layers: Sequence[int] | None = None,
        on_row: Callable[[int, np.ndarray], None] | None = None,
        part: Part = "resid",
    ) -> PatchGrid:
        """The number with each cell patched, [layer, pos], or of heads [layer, head].

        Args:
            context: told (rows done, rows). layers: which, in the order they are run (None: all, from the first).
            on_row: told of each row when it is done. part: see `edits`.
        """
        edits = self.edits(part, context)
        base, source = self.traces(context)
        n_layers = len(edits)
        values = self._empty(edits, part)
        exact = np.zeros(n_layers, dtype=bool)
        order = list(range(n_layers)) if layers is None else list(layers)
        for done, layer in enumerate(order):
            if not 0 <= layer < n_layers:
                raise ValueRefusedError(
                    "layer", given=str(layer), accepted=f"0 to {n_layers - 1}", hint="counted from 0"
                )
            context.step(done, len(order), "layers")
            columns = [column for column, _ in edits[layer]]
            for i, logits in self.adapter.resumed(base, [edit for _, edit in edits[layer]], context):
                values[layer, columns[i]] = self.number(logits)
            exact[layer] = True
            if on_row is not None:
                on_row(layer, values[layer].copy())
        context.step(len(order), len(order), "layers")
        return PatchGrid(values, self.number(base.logits), self.number(source.logits), exact)

    def estimate(self, context: Context, part: Part = "resid") -> PatchGrid:
        """Attribution patching: the same grid from one forward and one backward pass. An estimate: `exact` is false throughout.

        Of a layer's parts the gradient is that of what leaves the layer, and the change is what leaves it with the part patched: so
        what the layer itself makes of the part is exact.
        """
        edits = self.edits(part, context)
        base, source = self.traces(context)
        if self._gradients is None:
            self._gradients = self.adapter.stream_gradients(
                base, lambda logits: _number(logits, self.contrast), context
            )
        value = self.number(base.logits)
        values = self._empty(edits, part)
        for layer, cells in enumerate(edits):
            for column, edit in cells:
                at = list(edit.at)
                change = edit.states.float() - base.streams(edit.layer)[at].float()
                values[layer, column] = value + float((change * self._gradients[edit.layer][at].float()).sum())
        return PatchGrid(values, value, self.number(source.logits), np.zeros(len(edits), dtype=bool))

    def _empty(self, edits: Sequence[Sequence[tuple[int, Edit]]], part: Part) -> np.ndarray:
        heads = 1 + max((column for cells in edits for column, _ in cells), default=0)
        return np.full((len(edits), heads if part == "head" else len(self.base)), np.nan, dtype=np.float32)

    def patched(self, layer: int, column: int, context: Context, part: Part = "resid") -> tuple[np.ndarray, np.ndarray]:
        """Logits [d_vocab] of the next token as it is, and with one cell patched, float32."""
        edits = self.edits(part, context)
        base, _ = self.traces(context)
        width = self._empty(edits, part).shape[1]
        names = ("layer", layer, len(edits)), ("head" if part == "head" else "position", column, width)
        for name, given, size in names:
            if not 0 <= given < size:
                raise ValueRefusedError(name, given=str(given), accepted=f"0 to {size - 1}", hint="counted from 0")
        edit = dict(edits[layer]).get(column)
        if edit is None:
            raise ValueRefusedError(
                "cell", given=f"layer {layer}, {column}", accepted="a cell that can be patched",
                hint="its position has no counterpart in the other prompt, or the layer has no such part",
            )  # fmt: skip
        ((_, logits),) = self.adapter.resumed(base, [edit], context)
        return base.logits[-1].float().cpu().numpy(), logits[-1].float().cpu().numpy()


def _known(states: Tensor) -> bool:
    return bool(states.isfinite().all())


def _number(logits: Tensor, contrast: Contrast) -> Tensor:
    last = logits[-1].float()
    return last[contrast.target] if contrast.other is None else last[contrast.target] - last[contrast.other]
