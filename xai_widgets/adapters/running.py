"""Many inputs through a view of the model by one plan, batch after batch, with less in a batch when memory runs out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from xai_widgets.adapters import batching, cache, hooks, memory, packing, passes
from xai_widgets.adapters.batching import Batch, Reading
from xai_widgets.adapters.passes import Lender
from xai_widgets.core.errors import OutOfMemoryError

Plan = Literal["packed", "prefix", "padded", "grouped"]
"""How inputs are run; see `scoring`."""

CACHED: Final = ("packed", "prefix")
"""Plans that stand on the base's keys and values."""

Use = Callable[[Tensor, Tensor, Tensor], None]
"""Takes logits [n, d_vocab], and for each row the index of its input and of its target token (int64 [n], on the CPU)."""


class Run:
    """One set of inputs on one view.

    Args:
        adapter, view: the model.
        plan: how. base: the unchanged input. readings: the changed ones.
        budget: tokens of a batch. row_tokens: length of packed rows.
        kept: the base's cache, where it was run already; else `prepare` makes it.
    """

    def __init__(
        self, adapter: Lender, view: nn.Module, plan: Plan, base: Reading, readings: Sequence[Reading], budget: int,
        row_tokens: int | None = None, kept: Any = None,  # noqa: ANN401
    ) -> None:  # fmt: skip
        """Nothing is run yet."""
        self._adapter, self._view, self._plan, self._budget = adapter, view, plan, budget
        self._base, self._readings, self._row_tokens = base, readings, row_tokens
        self._cache = kept

    def prepare(self) -> Tensor:
        """Run the base, keeping its keys and values where the plan needs them; its logits [target token, d_vocab]."""
        wanted = np.arange(self._base.first, len(self._base.ids))
        ids = np.array([self._base.ids], dtype=np.int64)
        keep = self._plan in CACHED
        try:
            logits, self._cache = self._timed(ids, wanted, keep_cache=keep)
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
            raise OutOfMemoryError("the input", n_tokens=len(self._base.ids)) from error
        return logits

    def batches(self, todo: Sequence[int], use: Use) -> Iterator[list[int]]:
        """Run the readings `todo`; after each batch, those that are complete."""
        have = dict.fromkeys(todo, 0)
        while have:
            failed: Batch | None = None
            for batch in self._planned(list(have)):
                try:
                    self._run(batch, use)
                except (RuntimeError, MemoryError) as error:
                    if not memory.ran_out(error):
                        raise
                    failed = batch
                if failed is not None:  # out of the handler, whose traceback holds on to tensors
                    break
                ready = []
                for i, _, slots in batch.serves:
                    have[i] += len(slots)
                    if have[i] == len(self._readings[i].ids) - self._readings[i].first:
                        del have[i]
                        ready.append(i)
                yield ready
            if failed is not None:
                if len({i for i, _, _ in failed.serves}) == 1:
                    longest = max(len(self._readings[i].ids) for i, _, _ in failed.serves)
                    raise OutOfMemoryError("the changed input", n_tokens=longest)
                self._budget = max(1, failed.ids.size // 2)
                have = dict.fromkeys(have, 0)
                memory.give_back()

    def sizes(self, todo: Sequence[int]) -> list[int]:
        """Tokens of each batch, padding included; nothing is run."""
        if self._plan == "packed":
            return packing.sizes(self._base, self._readings, todo, self._budget, self._row_tokens)
        return [batch.ids.size for batch in self._planned(todo)]

    def _planned(self, todo: Sequence[int]) -> Iterator[Batch]:
        if self._plan == "packed":
            return packing.packed(self._base, self._readings, todo, self._budget, self._row_tokens)
        if self._plan == "prefix":
            return batching.on_prefix(self._base, self._readings, todo, self._budget)
        return batching.whole(self._readings, todo, self._budget, pad=self._plan == "padded")

    def _run(self, batch: Batch, use: Use) -> None:
        logits, _ = self._timed(batch.ids, batch.wanted, batch)
        slots = [slot for _, _, part in batch.serves for slot in part]
        inputs = [i for i, _, part in batch.serves for _ in part]
        tokens = [token + j for _, token, part in batch.serves for j in range(len(part))]
        if slots != list(range(logits.shape[0])):  # two inputs share a predicting position
            logits = logits[torch.tensor(slots, device=logits.device)]
        use(logits, torch.tensor(inputs), torch.tensor(tokens))

    def _timed(
        self, ids: np.ndarray, wanted: np.ndarray, batch: Batch | None = None, *, keep_cache: bool = False
    ) -> tuple[Tensor, Any]:
        device = self._adapter.device_of_inputs
        positions = mask = lent = None
        if batch is not None:
            positions = torch.from_numpy(batch.positions).to(device)
            lent = cache.lent(self._cache, ids.shape[0], batch.base) if batch.base else None
            if batch.visible is not None:
                mask = torch.from_numpy(batch.visible).to(device)
                mask = mask.long() if mask.ndim == 2 else additive(mask, self._adapter.embedding_of(self._view))
        start = time.perf_counter()
        # rotary frequencies that follow an input's length stay behind in the view; the next input must not get them
        view = hooks.view(self._view) if self._plan == "grouped" else self._view
        logits, kept = passes.run(
            self._adapter, view, torch.from_numpy(ids).to(device), torch.from_numpy(wanted).to(device),
            positions=positions, mask=mask, cache=lent, keep_cache=keep_cache,
        )  # fmt: skip
        if logits.is_cuda:
            torch.cuda.synchronize(logits.device)
        self._adapter.speed.record(tokens=int(ids.size), passes=1, seconds=time.perf_counter() - start)
        return logits, kept


def additive(visible: Tensor, embedding: nn.Module) -> Tensor:
    """[row, pos, key] bool to [row, 1, pos, key] of 0 and the lowest number: what both eager and sdpa attention add."""
    weight = getattr(embedding, "weight", None)
    dtype = weight.dtype if torch.is_tensor(weight) and weight.is_floating_point() else torch.float32
    mask = torch.full(visible.shape, torch.finfo(dtype).min, dtype=dtype, device=visible.device)
    return mask.masked_fill_(visible, 0.0).unsqueeze(1)
