"""The logit lens: what the model would say next if a residual stream left its last block as it is.

nostalgebraist 2020, "interpreting GPT: the logit lens". Each stream is put in the place of what leaves the last block and the model
goes on by its own code (final norm, head, scales, soft caps), so a stream that is the last one gives the model's own answer
exactly. The last position is read first. Nothing of size streams x positions x vocabulary is ever held. With a translator (the tuned
lens) each stream but the last is first said in the last layer's terms.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import Candidate, ModelAdapter, Trace
from xai_widgets.core.context import Context
from xai_widgets.core.errors import ModelError, ValueRefusedError
from xai_widgets.core.lens import Followed, LensGrid, Translator
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens
from xai_widgets.explainers.lens import vocabulary

CPU_ROWS: Final = 128
"""Rows of logits at once: 25 MB of a vocabulary of 49,152."""
GPU_ROWS: Final = 2048

BATCHES: Final = 8
"""Of so many rows the positions are read together, and then shown: what a pass needs is set up once for them."""

Measure = Literal["entropy", "kl", "agreement"]


@INSPECTORS.register("logit_lens")
class LogitLens:
    """Every residual stream of one text, read out. Serial, like the model it asks.

    Args:
        adapter: the model. tokens: the text. translator: of each stream, before it is read; None is the logit lens.

    Raises:
        CapabilityError: passes of this model can't be taken up.
    """

    def __init__(self, adapter: ModelAdapter, tokens: Tokens, translator: Translator | None = None) -> None:
        """Nothing runs yet."""
        adapter.require("resume")
        self.adapter, self.tokens, self.translator = adapter, tokens, translator
        self.fingerprint = adapter.fingerprint
        self._trace: Trace | None = None

    def read_by(self, translator: Translator | None) -> LogitLens:
        """The same pass through another lens."""
        other = LogitLens(self.adapter, self.tokens, translator)
        other.fingerprint, other._trace = self.fingerprint, self._trace
        return other

    def look(self, context: Context, k: int, on_part: Callable[[LensGrid], None] | None = None) -> LensGrid:
        """The k most probable tokens of every cell; `on_part` is told of the last position, and then of each batch of others."""
        start = time.perf_counter()
        trace = self.trace(context)
        n_streams, n = trace.n_streams, len(self.tokens)
        top = np.full((n_streams, n, k), -1, dtype=np.int32)
        prob = np.full((n_streams, n, k), -1, dtype=np.float32)
        known = np.zeros(n, dtype=bool)
        done = 0
        for positions in self.batches(n_streams):

            def take(first: int, logits: Tensor, positions: list[int] = positions, done: int = done) -> None:
                ids, probs = vocabulary.candidates(logits, k)
                row = np.arange(first, first + len(ids))
                stream, pos = row % n_streams, np.array(positions)[row // n_streams]
                top[stream, pos], prob[stream, pos] = ids.cpu().numpy(), probs.cpu().numpy()
                context.step(done + int(row[-1] + 1) // n_streams, n, "positions")

            self._read(trace, positions, take, context)
            known[positions] = True
            done += len(positions)
            if on_part is not None and done < n:
                on_part(self.grid(top.copy(), prob.copy(), known.copy(), start))
        return self.grid(top, prob, known, start)

    def batches(self, n_streams: int) -> Iterator[list[int]]:
        """Positions that are read together: the last, and then the others from the end."""
        n = len(self.tokens)
        at_once = max(1, BATCHES * self.rows() // n_streams)
        yield [n - 1]
        for end in range(n - 1, 0, -at_once):
            yield list(range(max(0, end - at_once), end))

    def trace(self, context: Context) -> Trace:
        """The pass that is read, made once.

        Raises:
            ModelError: the weights changed since.
        """
        if self._trace is None:
            self._trace = self.adapter.trace(self.tokens.ids.tolist(), context, edits=False)
        elif self.adapter.fingerprint != self.fingerprint:
            raise ModelError(
                "The model changed since this text was looked at.", given="other weights than those of the picture",
                accepted="the same weights", hint="look again: edit the text, or run the cell again",
            )  # fmt: skip
        return self._trace

    def follow(self, pos: int, token: int, context: Context) -> Followed:
        """Rank and probability of one token in every stream at one position.

        Raises:
            ValueRefusedError: no such position or token.
        """
        trace = self.trace(context)
        self._check("position", pos, len(self.tokens))
        self._check("token", token, self.adapter.d_vocab)
        rank = np.zeros(trace.n_streams, dtype=np.int64)
        prob = np.zeros(trace.n_streams, dtype=np.float32)

        def take(first: int, logits: Tensor) -> None:
            logits = logits.float()
            own = logits[:, token : token + 1]
            here = slice(first, first + len(logits))
            rank[here] = (logits > own).sum(-1).cpu().numpy()
            prob[here] = (own[:, 0] - torch.logsumexp(logits, -1)).exp().cpu().numpy()

        self._read(trace, [pos], take, context)
        return Followed(token, rank, prob)

    def cell(self, stream: int, pos: int, k: int, context: Context) -> list[Candidate]:
        """The most probable tokens of one stream at one position, with their logits."""
        trace = self.trace(context)
        self._check("position", pos, len(self.tokens))
        self._check("layer", stream, trace.n_streams)
        found: list[Candidate] = []

        def take(_: int, logits: Tensor) -> None:
            own = logits.float()[0]
            prob = torch.softmax(own, -1)
            ids = own.topk(min(k, len(own))).indices.tolist()
            found.extend(Candidate(i, self.adapter.token_text(i), float(prob[i]), float(own[i])) for i in ids)

        self.adapter.readout(trace, self._states(trace, stream, [pos]), take, context, 1)
        return found

    def measure(self, name: Measure, context: Context) -> np.ndarray:
        """A number for every cell, float32 [stream, pos].

        `entropy` of its answer in nats; `kl`, KL(final answer || cell's) in nats; `agreement`, 1 where both put the same token first.
        """
        trace = self.trace(context)
        n = len(self.tokens)
        out = np.zeros((trace.n_streams, n), dtype=np.float32)
        at_once = max(1, BATCHES * self.rows() // trace.n_streams)
        for start in range(0, n, at_once):
            context.step(start, n, "positions")
            positions = list(range(start, min(start + at_once, n)))
            final = self._final(trace, positions, context) if name != "entropy" else None

            def take(
                first: int, logits: Tensor, positions: list[int] = positions, final: Tensor | None = final
            ) -> None:
                row = np.arange(first, first + len(logits))
                column = row // trace.n_streams
                if final is None:
                    found = vocabulary.entropy(logits)
                elif name == "kl":
                    found = vocabulary.divergence(final[torch.from_numpy(column).to(final.device)], logits)
                else:
                    same = final.argmax(-1)[torch.from_numpy(column).to(final.device)]
                    found = (logits.argmax(-1) == same).float()
                out[row % trace.n_streams, np.array(positions)[column]] = found.cpu().numpy()

            self._read(trace, positions, take, context)
        context.step(n, n, "positions")
        return out

    def _final(self, trace: Trace, positions: list[int], context: Context) -> Tensor:
        """Log-probabilities [pos, d_vocab] of the model's own answer."""
        parts: list[Tensor] = []
        self.adapter.readout(
            trace, trace.streams(trace.n_streams - 1)[positions],
            lambda _, logits: parts.append(torch.log_softmax(logits.float(), -1)), context, self.rows(),
        )  # fmt: skip
        return torch.cat(parts)

    def _read(self, trace: Trace, positions: list[int], use: Callable[[int, Tensor], None], context: Context) -> None:
        """All streams at these positions, position by position: row = index of the position * n_streams + stream."""
        self.adapter.readout(trace, self.states(trace, positions), use, context, self.rows())

    def states(self, trace: Trace, positions: Sequence[int]) -> Tensor:
        """All streams at these positions as they are read out: row = index of the position * n_streams + stream."""
        return torch.stack([self._states(trace, i, positions) for i in range(trace.n_streams)], 1).flatten(0, 1)

    def _states(self, trace: Trace, stream: int, positions: Sequence[int]) -> Tensor:
        states = trace.streams(stream)[list(positions)]
        return states if self.translator is None else self.translator.translate(stream, states)

    def rows(self) -> int:
        """Rows of logits at once."""
        return CPU_ROWS if self.adapter.device == "cpu" else GPU_ROWS

    def grid(self, top: np.ndarray, prob: np.ndarray, known: np.ndarray, start: float) -> LensGrid:
        """What was read so far."""
        names = ("embedding", *(f"layer {i}" for i in range(len(top) - 1)))
        return LensGrid(names, top, prob, known, time.perf_counter() - start)

    def _check(self, name: str, given: int, size: int) -> None:
        if not 0 <= given < size:
            raise ValueRefusedError(name, given=str(given), accepted=f"0 to {size - 1}", hint="counted from 0")
