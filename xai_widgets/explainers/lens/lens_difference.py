"""One text through the lens of two models: where, and from which layer on, they say something else.

Both are read in step, a chunk of rows at a time, so neither's distribution is ever there for more than that. The two models are
asked one after the other and never at the same time, so that two views that compare them the other way round can't wait for each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import Trace
from xai_widgets.core.context import Context
from xai_widgets.core.lens import LensDifference as Difference
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.explainers.lens import vocabulary
from xai_widgets.explainers.lens.logit_lens import LogitLens


@INSPECTORS.register("lens_difference")
class LensDifference:
    """Two lenses over the same tokens.

    Args:
        this, other: of models with the same vocabulary and number of layers.
    """

    def __init__(self, this: LogitLens, other: LogitLens) -> None:
        """Nothing runs yet."""
        self.this, self.other = this, other

    def look(self, context: Context, k: int, on_part: Callable[[Difference], None] | None = None) -> Difference:
        """The k most probable tokens of every cell of both, and how far they are apart; `on_part` as of `LogitLens.look`."""
        start = time.perf_counter()
        pair = (self.this, self.other)
        traces = [lens.trace(context) for lens in pair]
        n_streams, n = traces[0].n_streams, len(self.this.tokens)
        top = np.full((2, n_streams, n, k), -1, dtype=np.int32)
        prob = np.full((2, n_streams, n, k), -1, dtype=np.float32)
        kl, change = (np.full((n_streams, n), np.nan, dtype=np.float32) for _ in range(2))
        known = np.zeros(n, dtype=bool)

        def so_far() -> Difference:
            grids = [self.this.grid(top[i].copy(), prob[i].copy(), known.copy(), start) for i in range(2)]
            return Difference(grids[0], grids[1], kl.copy(), change.copy())

        for positions in self.this.batches(n_streams):
            states = [lens.states(trace, positions) for lens, trace in zip(pair, traces, strict=True)]
            for first in range(0, len(states[0]), self.this.rows()):
                rows = slice(first, first + self.this.rows())
                logits = [self._logits(i, traces[i], states[i][rows], context) for i in range(2)]
                index = np.arange(first, first + len(logits[0]))
                stream, pos = index % n_streams, np.array(positions)[index // n_streams]
                kl[stream, pos] = vocabulary.divergence(torch.log_softmax(logits[1], -1), logits[0]).cpu().numpy()
                chosen = logits[0].argmax(-1, keepdim=True)
                ours, theirs = (
                    (own.gather(1, chosen)[:, 0] - torch.logsumexp(own, -1)).exp().cpu().numpy() for own in logits
                )
                change[stream, pos] = ours - theirs
                for i, own in enumerate(logits):  # last: it overwrites them
                    ids, probs = vocabulary.candidates(own, k)
                    top[i, stream, pos], prob[i, stream, pos] = ids.cpu().numpy(), probs.cpu().numpy()
            known[positions] = True
            context.step(int(known.sum()), n, "positions")
            if on_part is not None and not known.all():
                on_part(so_far())
        return so_far()

    def _logits(self, which: int, trace: Trace, states: Tensor, context: Context) -> Tensor:
        """Float32 [row, d_vocab] where this model is."""
        lens = (self.this, self.other)[which]
        found: list[Tensor] = []
        lens.adapter.readout(trace, states, lambda _, logits: found.append(logits.float()), context, len(states))
        return found[0].to(self.this.adapter.device)
