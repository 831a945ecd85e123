"""The explained number under many changed inputs, exactly, with as little of the model run as can be.

The base input is run once and its keys and values kept. Of each variant only what follows its first difference is run. How is
a *plan*, chosen by what the model was seen to do right (`Scorer.probe`) and by the length of the input:

- `packed`: the remaining tokens of many variants in few rows, by tree attention (see `packing`). Little is computed twice.
- `prefix`: variants that share a stretch of the base form the rows of a batch on top of the expanded cache.
- `padded`: whole inputs, padded on the right. `grouped`: whole inputs of equal length, no padding.

All four give what a plain full pass of each variant gives (`attention_mask` 0 at hidden positions, positions 0, 1, 2 ...), up to
rounding. One case is defined here because a plain pass leaves it to chance: where a hidden position predicts and nothing at all
before it is visible, its query sees itself alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from xai_widgets.adapters import batching, footprint, packing, probing, quantities
from xai_widgets.adapters.base import Capability, CapabilityName, Variant
from xai_widgets.adapters.batching import Reading
from xai_widgets.adapters.passes import Lender
from xai_widgets.adapters.running import CACHED, Plan, Run
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import CapabilityError, EmptyTextError, TooLongError
from xai_widgets.core.targets import Question, Target

CPU_TOKENS: Final = 1024
"""Tokens of one batch on a CPU (measured: fewer waste the fixed cost of a pass, more leave the caches)."""
GPU_TOKENS: Final = 16384

OnBatch = Callable[[np.ndarray, np.ndarray], None]


class Scorer:
    """Scores variants on one adapter's model.

    Args:
        adapter: gives `session`, `head_of`, `embedding_of`, `device_of_inputs`, `max_length`, `d_vocab`, `speed`.
        tokens_per_batch: budget; None: by device.
    """

    def __init__(self, adapter: Lender, tokens_per_batch: int | None = None) -> None:
        """Nothing is run until it is needed."""
        self._adapter = adapter
        self._tokens_per_batch = tokens_per_batch
        self._found: probing.Found | None = None

    def probe(self) -> dict[CapabilityName, Capability]:
        """What this model does right, measured once on a short input: tree_packing, prefix_reuse, padding, attention_mask."""
        return dict(self._probed().capabilities)

    @property
    def plan(self) -> Plan:
        """The plan for inputs of ordinary length."""
        return self._probed().plan()

    def packs(self, n: int) -> bool:
        """Whether several continuations of a text of so many tokens can be read in one row; see `packed`."""
        return self._probed().plan(n, n) == "packed"

    def value(self, question: Question, context: Context) -> np.ndarray:
        """The explained number on the input as it is: float32 [row]."""
        base, target = self._reading(_ids(question), frozenset(), question.target), question.target
        context.check()
        with self._adapter.session() as view, torch.no_grad():
            logits = Run(self._adapter, view, "grouped", base, (), 1).prepare()
            reference = self._reference(view, question, logits)
            return quantities.sum_rows(quantities.per_token(logits, target, None, reference), target).cpu().numpy()

    def score(
        self, question: Question, variants: Sequence[Variant], context: Context, on_batch: OnBatch | None = None
    ) -> np.ndarray:
        """The explained number under each variant: float32 [variant, row].

        Args:
            question: the base input and the target.
            variants: changed inputs. Equal ones are run once, those equal to the base are free.
            context: told (variants done, variants in all) after each batch; stops between batches.
            on_batch: called with (indices of variants, their rows) as they finish, each index once.

        Raises:
            EmptyTextError: a variant without tokens. TooLongError: one beyond the model's context.
            CapabilityError: hidden positions where the model does not honour an attention mask.
            OutOfMemoryError: a single input does not fit.
        """
        target = question.target
        base = self._reading(_ids(question), frozenset(), target)
        of_reading: dict[Reading, list[int]] = {}
        for i, variant in enumerate(variants):
            of_reading.setdefault(self._reading(variant.ids, variant.hidden, target), []).append(i)
        readings = list(of_reading)
        found = self._probed()
        if any(r.hidden for r in readings) and not found.capabilities["attention_mask"].works:
            raise CapabilityError(
                "Hiding positions", reason=found.capabilities["attention_mask"].reason,
                hint="delete or replace the tokens instead",
            )  # fmt: skip
        out = np.zeros((len(variants), target.n_rows), dtype=np.float32)
        if not variants:
            return out
        done = 0
        context.step(done, len(variants))
        with self._adapter.session() as view, torch.no_grad():
            plan = found.plan(len(base.ids), max(len(r.ids) for r in readings))
            run = self._run(view, found, plan, base, readings)
            for ready, numbers in self._numbers(run, view, question, base, readings, need_base=plan in CACHED):
                for r in ready:
                    out[of_reading[readings[r]]] = numbers[r] if target.each else numbers[r].sum(keepdims=True)
                indices = np.array(sorted(i for r in ready for i in of_reading[readings[r]]), dtype=np.int64)
                done += len(indices)
                if on_batch and len(indices):
                    on_batch(indices, out[indices])
                context.step(done, len(variants))
        return out

    def _numbers(
        self,
        run: Run,
        view: nn.Module,
        question: Question,
        base: Reading,
        readings: Sequence[Reading],
        *,
        need_base: bool,
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """After each batch: the readings that are complete, and all numbers so far [reading, target token]."""
        target = question.target
        numbers = np.zeros((len(readings), len(target.ids)), dtype=np.float32)
        reference: Tensor | None = None
        same = [r for r, reading in enumerate(readings) if reading == base]
        if need_base or same or target.quantity == "kl":
            logits = run.prepare()
            reference = self._reference(view, question, logits)
            for r in same:
                numbers[r] = quantities.per_token(logits, target, None, reference).cpu().numpy()
                yield [r], numbers
            del logits

        def use(logits: Tensor, inputs: Tensor, tokens: Tensor) -> None:
            values = quantities.per_token(logits, target, tokens.to(logits.device), reference)
            numbers[inputs.numpy(), tokens.numpy()] = values.cpu().numpy()

        for ready in run.batches([r for r in range(len(readings)) if r not in same], use):
            yield ready, numbers

    def cost(self, question: Question, variants: Sequence[Variant] | Sequence[tuple[int, int]]) -> Cost:
        """What `score` would run, padding included, and about how much memory its largest batch takes.

        Args:
            question: the base input and the target.
            variants: the variants themselves, or for each (positions shared with the base, positions in all), target
                not counted, which is enough where variants share nothing but the base: for leave-one-out by
                replacement `[(i, n) for i in range(n)]`, by deletion `[(i, n - 1) for i in range(n)]`.
        """
        whole = [v for v in variants if isinstance(v, Variant)]
        n_base = question.n_pos + len(question.target.ids) - 1
        if whole:
            base = self._reading(_ids(question), frozenset(), question.target)
            readings = list(dict.fromkeys(self._reading(v.ids, v.hidden, question.target) for v in whole))
            todo = [i for i, reading in enumerate(readings) if reading != base]
            plan = self._probed().plan(n_base, max(len(r.ids) for r in readings))
            sizes = self._run(nn.Identity(), self._probed(), plan, base, readings).sizes(todo)
            needs_base = plan in CACHED or len(todo) < len(readings)
        else:
            shapes = [shape for shape in variants if not isinstance(shape, Variant)]
            changed = [(shared, n) for shared, n in shapes if (shared, n) != (question.n_pos, question.n_pos)]
            todo = list(range(len(changed)))
            plan = self._probed().plan(n_base, n_base + max((n for _, n in changed), default=0) - question.n_pos)
            sizes = self._sizes_of_shapes(plan, changed, len(question.target.ids) - 1)
            needs_base = (plan in CACHED and bool(shapes)) or len(changed) < len(shapes)
        if needs_base:
            sizes = [n_base, *sizes]
        if not sizes:
            return Cost(0, 0)
        # predicting positions are taken to be spread over the batches as the tokens are
        predicting = max(1, len(todo) * len(question.target.ids) * max(sizes) // sum(sizes))
        return Cost(len(sizes), sum(sizes), peak_bytes=footprint.of_scoring(self._adapter, max(sizes), predicting))

    def _sizes_of_shapes(self, plan: Plan, shapes: Sequence[tuple[int, int]], more: int) -> list[int]:
        """Tokens of each batch for variants of these (shared, length), `more` target tokens read after each."""
        shapes = [(min(shared, n - 1), n + more) for shared, n in shapes]
        if plan == "packed":
            tokens = sum(n - shared for shared, n in shapes)
            n_batches = -(-tokens // self.budget)
            return [tokens // n_batches + (i < tokens % n_batches) for i in range(n_batches)]
        if plan == "prefix":
            blocks = [[shapes[i] for i in group] for group in batching.by_prefix(shapes, self.budget)]
            return [len(block) * (max(n for _, n in block) - block[0][0]) for block in blocks]
        lengths = [n for _, n in shapes]
        groups = batching.by_length(lengths, self.budget, pad=plan == "padded")
        return [len(group) * lengths[group[0]] for group in groups]

    @property
    def budget(self) -> int:
        """Tokens of one batch."""
        if self._tokens_per_batch is not None:
            return self._tokens_per_batch
        return CPU_TOKENS if torch.device(self._adapter.device_of_inputs).type == "cpu" else GPU_TOKENS

    def _run(
        self, view: nn.Module, found: probing.Found, plan: Plan, base: Reading, readings: Sequence[Reading]
    ) -> Run:
        row_tokens = max(1, min(packing.ROW_TOKENS, found.limits.index - len(base.ids)))
        return Run(self._adapter, view, plan, base, readings, self.budget, row_tokens)

    def _probed(self) -> probing.Found:
        if self._found is None:
            self._found = probing.probe(self._adapter)
        return self._found

    def _reading(self, ids: Sequence[int], hidden: frozenset[int], target: Target) -> Reading:
        if not len(ids):
            raise EmptyTextError
        reading = Reading((*map(int, ids), *target.ids[:-1]), hidden & frozenset(range(len(ids))), len(ids) - 1)
        if len(reading.ids) > self._adapter.max_length:
            raise TooLongError(len(reading.ids), self._adapter.max_length)
        return reading

    def _reference(self, view: nn.Module, question: Question, base_logits: Tensor) -> Tensor | None:
        """Log-probabilities [target token, d_vocab] that `kl` compares with."""
        if question.target.quantity != "kl":
            return None
        if question.target.reference is None:
            return torch.log_softmax(base_logits.float(), -1)
        other = self._reading(question.target.reference.ids.tolist(), frozenset(), question.target)
        return torch.log_softmax(Run(self._adapter, view, "grouped", other, (), 1).prepare().float(), -1)


def _ids(question: Question) -> list[int]:
    return question.tokens.ids.tolist()
