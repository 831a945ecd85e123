"""Activation patching: which states, put from one pass into another, bring its answer with them; and what their absence takes away.

Vig et al. 2020 (arXiv 2004.12265); Meng et al. 2022 (arXiv 2202.05262); terms of Heimersheim & Nanda 2024 (arXiv 2404.15255): states of
the clean prompt are put into the corrupted one (denoising) or the other way round (noising). Corrupted is another prompt, the same one with
noise on its subject (causal tracing), or, with an ablation, there is no second run: a part is set to zero, a mean, or what it is
elsewhere (Wang et al. 2022, arXiv 2211.00593, for the last two).

A patched pass is taken up at the patched layer, all positions of a layer in the same passes, and of each only what follows the
patched position is run (`ModelAdapter.resumed`): numbers equal those of whole passes with a hook. What a patch does not change is not run.

Attribution patching (Nanda 2023; Syed et al. 2023, arXiv 2310.10348) is the instant estimate: the gradient of the number by the
stream, times the difference of states. It is exact where the number is linear in the stream, and says nothing of how far it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import Edit, ModelAdapter, PartName, Trace
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, ModelError, ValueRefusedError
from xai_widgets.core.patching import Ablation, Contrast, Noise, Number, PatchGrid
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens
from xai_widgets.explainers.patching.draws import Draw, is_template, of_ablation, of_noise, of_prompts
from xai_widgets.explainers.patching.reading import readings
from xai_widgets.explainers.patching.replacing import OfPass

Direction = Literal["denoise", "noise"]
Part = Literal["resid", "attn_out", "mlp_out", "head"]
Cells = list[tuple[int, Edit]]
"""Of a layer what can be patched: (column, the edit that does it). Columns are positions, or heads."""
LEAST = 1e-3
"""Difference of the number (of a probability: relative to the larger one) below which there is nothing to explain."""


@INSPECTORS.register("activation_patching")
class ActivationPatching:
    """What is patched, one number, and every residual stream. Serial, like the model it asks.

    Args:
        adapter: the model. clean: the prompt.
        corrupted: another prompt, whose positions go together with the clean one's as `core.patching.aligned` says; noise on the clean
            one's subject; or an ablation of the clean one's parts.
        number: what is followed. direction: `denoise` puts clean states into the corrupted pass, `noise` the reverse; an
            ablation has none.

    Attributes:
        base, source: prompts of the pass that is patched, and of the one that states come from (the same, but with another prompt).
        pairs: for each position of base its counterpart in source. n_samples: draws that numbers are means over.
        template: an ablation's texts are taken position by position.

    Raises:
        CapabilityError: passes of this model can't be taken up. ValueRefusedError: a subject that is not in the prompt.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        clean: Tokens,
        corrupted: Tokens | Noise | Ablation,
        number: Contrast | Number,
        direction: Direction = "denoise",
    ) -> None:
        """Only tokens are read and, for noise, embeddings."""
        adapter.require("resume")
        if isinstance(number, Contrast):
            number = Number((number.target,), () if number.other is None else (number.other,))
        self.adapter, self.followed = adapter, number
        self.fingerprint = adapter.fingerprint
        self.noise = corrupted if isinstance(corrupted, Noise) else None
        self.ablates = isinstance(corrupted, Ablation)
        self.template = isinstance(corrupted, Ablation) and is_template(adapter, len(clean), corrupted.texts)
        self._readings = readings(number)
        if isinstance(corrupted, Noise):
            self.base = self.source = clean
            self._draws = of_noise(adapter, clean, corrupted, self._readings, denoise=direction == "denoise")
        elif isinstance(corrupted, Ablation):
            self.base = self.source = clean
            self._draws = of_ablation(adapter, clean, corrupted, self._readings)
        else:
            self.base, self.source = (corrupted, clean) if direction == "denoise" else (clean, corrupted)
            self._draws = of_prompts(adapter, self.base, self.source, self._readings)
        own = self._draws[0].new.pairs[: len(self.base)]
        self.pairs = [None if q is None else p if self.ablates else q for p, q in enumerate(own)]
        self.n_samples = 1 + max(draw.sample for draw in self._draws)
        self._edits: dict[tuple[Draw, Part], list[Cells]] = {}
        self._checked = False

    def traces(self, context: Context) -> tuple[Trace, Trace]:
        """The pass that is patched and the one that states come from (of an ablation the same), of the first draw.

        Raises:
            ValueRefusedError: both give the same number, so there is nothing to explain.
        """
        self._ready(context)
        base, new = self._draws[0].base.trace(context), self._draws[0].new
        return base, new.other.trace(context) if isinstance(new, OfPass) and not self.ablates else base

    def number(self, logits: Tensor) -> float:
        """The number that is followed, of logits [wanted, d_vocab] of the first draw; of several continuations the first one's part."""
        return float(self._readings[0](logits))

    def ends(self, context: Context) -> tuple[float, float]:
        """The number in the pass that is patched, and in the one that states come from; not a number where that is an ablation's."""
        self._ready(context)
        return self._ends(context)

    def says(self, context: Context) -> tuple[np.ndarray, np.ndarray | None]:
        """Logits [d_vocab] of the next token in both, float32; over draws logarithms of mean probabilities. None: an ablation."""
        self._ready(context)
        draws = [draw for draw in self._draws if draw.reading is self._readings[0]]
        base = _mean([draw.base.trace(context).logits[0] for draw in draws])
        if self.ablates:
            return base, None
        others = [draw.new.other for draw in draws if isinstance(draw.new, OfPass)]
        return base, _mean([other.trace(context).logits[0] for other in others])

    def grid(
        self,
        context: Context,
        layers: Sequence[int] | None = None,
        on_row: Callable[[int, np.ndarray], None] | None = None,
        part: Part = "resid",
    ) -> PatchGrid:
        """The number with each cell patched, [layer, pos], or of heads [layer, head].

        `resid`: what enters the layer at a position. `attn_out`, `mlp_out`: what its attention or MLP adds there. `head`: what one
        head adds, at all positions.

        Args:
            context: told (rows done, rows). layers: which, in the order they are run (None: all, from the first).
            on_row: told of each row when it is done. part: what is exchanged.
        """
        self._ready(context)
        n_layers = self._n_layers(context)
        order = list(range(n_layers)) if layers is None else list(layers)
        for layer in order:
            _in_range("layer", layer, n_layers)
        base, source = self._ends(context)
        values = np.full((n_layers, self._width(context, part)), np.nan, dtype=np.float32)
        error = np.full_like(values, np.nan) if self.n_samples > 1 else None
        exact = np.zeros(n_layers, dtype=bool)
        for done, layer in enumerate(order):
            context.step(done, len(order), "layers")
            found = self._row(layer, values.shape[1], part, context)
            values[layer] = found.mean(0)
            if error is not None:
                error[layer] = found.std(0, ddof=1) / np.sqrt(self.n_samples)
            exact[layer] = True
            if on_row is not None:
                on_row(layer, values[layer].copy())
        context.step(len(order), len(order), "layers")
        return PatchGrid(values, base, source, exact, error)

    def estimate(self, context: Context, part: Part = "resid") -> PatchGrid:
        """Attribution patching: the same grid from one forward and one backward pass. An estimate: `exact` is false throughout.

        Of a layer's parts the gradient is that of what leaves the layer, and the change is what leaves it with the part patched: so
        what the layer itself makes of the part is exact. Of several layers' parts the changes are summed.
        """
        for i, draw in enumerate(self._draws):
            if len(self._draws) > 1:
                context.step(i, len(self._draws), "passes")
            draw.base.gradients(draw.reading, context)
        self._ready(context)
        base, source = self._ends(context)
        n_layers = self._n_layers(context)
        total = np.zeros((n_layers, self._width(context, part)))
        for draw in self._draws:
            context.check()
            change = self._changes(draw, part, context)
            total += np.stack([change[self._window(layer, part)].sum(0) for layer in range(n_layers)]) / self.n_samples
        values = (base + total).astype(np.float32)
        return PatchGrid(values, base, source, np.zeros(n_layers, dtype=bool))

    def patched(self, layer: int, column: int, context: Context, part: Part = "resid") -> tuple[np.ndarray, np.ndarray]:
        """Logits [d_vocab] of the next token as it is, and with one cell patched, float32; over draws see `says`."""
        usual, changed, _ = self.cell(layer, column, context, part)
        return usual, changed

    def cell(
        self, layer: int, column: int, context: Context, part: Part = "resid"
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """The same, and the number with the cell patched.

        Raises:
            ValueRefusedError: no such cell, or one where nothing can be put in.
        """
        self._ready(context)
        _in_range("layer", layer, self._n_layers(context))
        _in_range("head" if part == "head" else "position", column, self._width(context, part))
        number, changed = 0.0, []
        for draw in self._draws:
            edit = dict(self._cells(draw, part, context)[layer]).get(column)
            if edit is None:
                raise ValueRefusedError(
                    "cell", given=f"layer {layer}, {column}", accepted="a cell that can be patched",
                    hint="its position has no counterpart, or the layer has no such part",
                )  # fmt: skip
            ((_, logits),) = self.adapter.resumed(draw.base.trace(context), [edit], context)
            number += float(draw.reading(logits)) / self.n_samples
            if draw.reading is self._readings[0]:
                changed.append(logits[0])
        return self.says(context)[0], _mean(changed), number

    # -- what is run

    def _ready(self, context: Context) -> None:
        """The same weights as before, and something to explain."""
        if self.adapter.fingerprint != self.fingerprint:
            raise ModelError(
                "The model changed since these prompts were run.", given="other weights than those of the picture",
                accepted="the same weights", hint="run again: edit a prompt, or run the cell again",
            )  # fmt: skip
        if self._checked or self.ablates:
            return
        base, source = self._ends(context)
        least = LEAST * (max(abs(base), abs(source)) if self.followed.quantity == "prob" else 1)
        if not abs(source - base) >= least:
            raise ValueRefusedError(
                "prompts", given=f"two runs whose number differs by {source - base:.2g}", accepted=f"a difference of {least:.2g} at least",
                hint="nothing to explain: follow a token that only one of them favours, or change a prompt",
            )  # fmt: skip
        self._checked = True

    def _ends(self, context: Context) -> tuple[float, float]:
        base = source = 0.0
        for draw in self._draws:
            context.check()
            base += float(draw.reading(draw.base.trace(context).logits)) / self.n_samples
            if isinstance(draw.new, OfPass) and not self.ablates:
                source += float(draw.reading(draw.new.other.trace(context).logits)) / self.n_samples
        return base, float("nan") if self.ablates else source

    def _row(self, layer: int, width: int, part: Part, context: Context) -> np.ndarray:
        """The number with each cell of a layer patched, float64 [sample, column]."""
        found = np.full((self.n_samples, width), np.nan)
        for draw in self._draws:
            trace = draw.base.trace(context)
            cells = self._cells(draw, part, context)[layer]
            columns = [column for column, _ in cells]
            found[draw.sample, columns] = np.nan_to_num(found[draw.sample, columns])
            todo = []
            for column, edit in cells:
                if _changes_nothing(edit, trace, draw.new.first):
                    found[draw.sample, column] += float(draw.reading(trace.logits))
                else:
                    todo.append((column, edit))
            for i, logits in self.adapter.resumed(trace, [edit for _, edit in todo], context):
                found[draw.sample, todo[i][0]] += float(draw.reading(logits))
        return found

    def _cells(self, draw: Draw, part: Part, context: Context) -> list[Cells]:
        """For each layer the cells that can be patched."""
        if (draw, part) not in self._edits:
            self._edits[draw, part] = self._made_cells(draw, part, context)
        return self._edits[draw, part]

    def _made_cells(self, draw: Draw, part: Part, context: Context) -> list[Cells]:
        trace = draw.base.trace(context)
        there = [p for p, q in enumerate(draw.new.pairs) if q is not None]
        places = [p for p in there if p < len(self.base)]
        layers = range(self._n_layers(context))
        if part == "resid":
            found = []
            for layer in layers:
                new = draw.new.streams(layer, trace.streams(layer), context)
                found.append([(p, Edit(layer, (p,), new[p : p + 1])) for p in places])
            return found
        if part == "head":
            at = tuple(there)
            left = self._left(draw, part, context)
            return [
                [(h, Edit(i + 1, at, of[i][list(at)])) for h, of in enumerate(left) if _known(of[i])] for i in layers
            ]
        if any(len(self._window(layer, part)) > 1 for layer in layers):
            return [self._windowed(draw, part, self._window(layer, part), places, context) for layer in layers]
        (of,) = self._left(draw, part, context)
        return [[(p, Edit(i + 1, (p,), of[i][p : p + 1])) for p in places if _known(of[i])] for i in layers]

    def _windowed(self, draw: Draw, part: PartName, window: range, places: Sequence[int], context: Context) -> Cells:
        """One part of several layers, at each position."""
        made = []
        for layer in window:
            one = draw.new.made(layer, part, context)
            if one is None:
                raise CapabilityError(
                    "Restoring several layers at once", reason=f"what layer {layer} adds there is not the output of one module",
                    hint="choose a window of one layer (window=1)",
                )  # fmt: skip
            made.append(one)
        stream = draw.base.trace(context).streams(window.start)
        return [
            (p, Edit(window.start, (p,), stream[p : p + 1], tuple((path, of[p : p + 1]) for path, of in made)))
            for p in places
        ]

    def _left(self, draw: Draw, part: PartName, context: Context) -> Sequence[Tensor]:
        if part not in draw.left:
            here = draw.base.outputs(part, context)
            draw.left[part] = self.adapter.exchanged(here, draw.new.outputs(here, context), context)
        return draw.left[part]

    def _changes(self, draw: Draw, part: Part, context: Context) -> np.ndarray:
        """What each cell changes, to first order: float64 [layer, column]."""
        trace, slopes = draw.base.trace(context), draw.base.gradients(draw.reading, context)
        there = torch.tensor([q is not None for q in draw.new.pairs])
        found = []
        for layer in range(self._n_layers(context)):
            at = layer if part == "resid" else layer + 1
            own, slope = trace.streams(at).float(), slopes[at].float()
            if part == "resid":
                new = [draw.new.streams(layer, trace.streams(layer), context)]
            else:
                new = [of[layer].reshape(own.shape) for of in self._left(draw, part, context)]
            moved = [((of.float().to(own) - own) * slope).flatten(1).sum(1).cpu() for of in new]
            if part == "head":
                found.append([float(of[there].sum()) for of in moved])
            else:
                found.append(moved[0].masked_fill(~there, torch.nan)[: len(self.base)].tolist())
        return np.array(found, dtype=np.float64)

    def _window(self, layer: int, part: Part) -> range:
        """Layers whose part is exchanged together."""
        if self.noise is None or part in ("resid", "head"):
            return range(layer, layer + 1)
        return self.noise.layers_of(layer, self.adapter.n_layers)

    def window(self, part: Part) -> int:
        """How many layers a cell stands for, away from the first and the last."""
        return max(len(self._window(layer, part)) for layer in range(self.adapter.n_layers))

    def _n_layers(self, context: Context) -> int:
        return self._draws[0].base.trace(context).n_streams - 1

    def _width(self, context: Context, part: Part) -> int:
        return len(self._left(self._draws[0], part, context)) if part == "head" else len(self.base)


def _changes_nothing(edit: Edit, trace: Trace, first: int) -> bool:
    """What is put in is what is there: before the first position that differs, or bit for bit."""
    if edit.at[-1] < first:
        return True
    own = trace.streams(edit.layer)[list(edit.at)]
    return not edit.made and torch.equal(edit.states.to(own), own)


def _known(states: Tensor) -> bool:
    return bool(states.isfinite().all())


def _mean(logits: Sequence[Tensor]) -> np.ndarray:
    """Logits that give the mean of the probabilities; those that were given, where there is one."""
    if len(logits) == 1:
        one: np.ndarray = logits[0].float().cpu().numpy()
        return one
    mean = torch.stack([row.float().log_softmax(-1) for row in logits]).logsumexp(0) - np.log(len(logits))
    found: np.ndarray = mean.cpu().numpy()
    return found


def _in_range(name: str, given: int, size: int) -> None:
    if not 0 <= given < size:
        raise ValueRefusedError(name, given=str(given), accepted=f"0 to {size - 1}", hint="counted from 0")
