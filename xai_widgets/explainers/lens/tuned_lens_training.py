"""Training a tuned lens: every stream's answer is brought nearer to the final one, while the model stays as it is.

The loss of Belrose et al. 2023 (arXiv 2303.08112): KL(final answer || translated stream's), averaged over positions, for each stream
by itself; translators start as the identity. A step reads one piece of text and takes the same few positions of all streams, in
chunks, so that streams x positions x vocabulary is never there. The slope by a translated stream comes from the model
(`readout_gradients`), which is held for one chunk at a time; the rest of the chain is a product.

Departures from the paper: Adam instead of SGD; inputs are divided by their typical size in each dimension, and outputs by that
of the stream, so that one rate suits all streams and models; the first position, whose stream is an outlier in most models (Xiao et
al. 2023, arXiv 2309.17453), is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import ModelAdapter, Trace
from xai_widgets.core.context import Context
from xai_widgets.core.errors import LensTrainingError, TooLongError, ValueRefusedError
from xai_widgets.core.lens import LensLosses
from xai_widgets.explainers.lens.tuned_lens import Base, TunedLens, plain_streams
from xai_widgets.explainers.lens.tuned_lens_file import unembed_hash
from xai_widgets.explainers.lens.vocabulary import divergence

CHUNK: Final = 128
"""Rows of logits at once, which are there four times over: 100 MB of a vocabulary of 49,152."""
BIAS: Final = 0.2
"""Rate of the bias, relative to that of the whole map."""
JUDGED: Final = 32
"""Positions on which a lens is judged."""
WINDOW: Final = 10
"""Steps whose mean loss is judged while training."""
FAR: Final = (3.0, 1.0)
"""Diverged while training: a loss above so many times the logit lens's, plus so many nats; losses are of other positions than that."""
WORSE: Final = (1.5, 0.3)
"""The same after training, where both are of the same positions."""


def train(
    adapter: ModelAdapter,
    texts: str | Sequence[str | Sequence[int] | Sequence[Mapping[str, str]]],
    *,
    steps: int,
    rows: int,
    length: int,
    rate: float,
    seed: int,
    on_step: Callable[[int, int, str], None] | None,
) -> TunedLens:
    """See `TunedLens.train`."""
    adapter.require("resume", "gradients")
    for name, given, least in (("steps", steps, 1), ("rows", rows, 1), ("length", length, 2)):
        if given < least:
            raise ValueRefusedError(name, given=str(given), accepted=f"at least {least}", hint="give a larger one")
    if not 0 < rate < float("inf"):
        raise ValueRefusedError("rate", given=str(rate), accepted="a number above 0", hint="leave it out for 0.1")
    pieces = pieces_of(adapter, texts, min(length, adapter.max_length))
    held = max(1, len(pieces) // 10) if len(pieces) > 1 else 0
    training, judging = pieces[: len(pieces) - held], pieces[-held:] if held else pieces
    base = Base(adapter.name, None, unembed_hash(adapter), adapter.fingerprint)
    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode(mode=False), torch.no_grad():
        places = drawn_places(judging, generator)
        judged = [_read(adapter, judging[i], at) for i, at in places.items()]
        before = judge(adapter, judged, None)
        maps = Maps(_read(adapter, max(training, key=len)).states)
        done = _steps(adapter, maps, training, before, generator, steps, rows, rate, on_step)
        weights, biases = maps.translators()
        lens = TunedLens(weights, biases, base)
        after = judge(adapter, judged, lens)
    names = ("embedding", *(f"layer {i}" for i in range(adapter.n_layers - 1)))
    _check(after, before, names, "after training", than=WORSE)
    notes = () if done == steps else (f"Training was stopped after {done} of {steps} steps.",)
    losses = LensLosses(names, before, after, sum(len(r.final) for r in judged), bool(held))
    return TunedLens(weights, biases, base, losses, done, notes)


def pieces_of(
    adapter: ModelAdapter, texts: str | Sequence[str | Sequence[int] | Sequence[Mapping[str, str]]], length: int
) -> list[list[int]]:
    """Token ids in pieces of at most this length and at least 2.

    Raises:
        ValueRefusedError: there is none.
    """
    pieces = []
    for text in [texts] if isinstance(texts, str) else texts:
        ids = _whole(adapter, text)
        pieces += [ids[at : at + length] for at in range(0, len(ids), length)]
    pieces = [piece for piece in pieces if len(piece) > 1]
    if not pieces:
        raise ValueRefusedError(
            "texts", given="no text of two tokens", accepted="texts to train on, of thousands of tokens together",
            hint="give texts like those you will look at",
        )  # fmt: skip
    return pieces


def _whole(adapter: ModelAdapter, text: str | Sequence[int] | Sequence[Mapping[str, str]]) -> list[int]:
    """Ids of a text of any length: one longer than the model reads is cut in halves, as it is cut into pieces anyway."""
    if isinstance(text, str) and not text.strip():
        return []
    try:
        return adapter.tokenize(text).ids.tolist()
    except TooLongError:
        if not isinstance(text, str):
            raise
    middle = text.rfind(" ", 1, len(text) // 2)
    cut = middle if middle > 0 else len(text) // 2
    return _whole(adapter, text[:cut]) + _whole(adapter, text[cut:])


@dataclass(frozen=True, eq=False)
class Read:
    """Some positions of a piece: the pass, its streams [stream, pos, d_model] but the last, and the final log-probabilities."""

    trace: Trace
    states: Tensor
    final: Tensor


def _read(adapter: ModelAdapter, ids: Sequence[int], at: Sequence[int] | None = None) -> Read:
    """`at`: positions; left out, all but the first, and no final answer."""
    trace = adapter.trace(ids, Context(), edits=False)
    chosen = list(range(1, len(ids))) if at is None else list(at)
    n = trace.n_streams - 1
    states = torch.stack([plain_streams(adapter, trace.streams(i)[chosen]) for i in range(n)])
    final: list[Tensor] = []
    if at is not None:
        adapter.readout(
            trace, trace.streams(n)[chosen],
            lambda _, logits: final.append(torch.log_softmax(logits.float(), -1)), Context(), CHUNK,
        )  # fmt: skip
    return Read(trace, states, torch.cat(final) if final else states.new_zeros(0))


def drawn_places(pieces: Sequence[Sequence[int]], generator: torch.Generator) -> dict[int, list[int]]:
    """Up to `JUDGED` positions, none of them the first of its piece, by the piece they are in."""
    places = [(i, at) for i, piece in enumerate(pieces) for at in range(1, len(piece))]
    out: dict[int, list[int]] = {}
    for index in sorted(torch.randperm(len(places), generator=generator)[:JUDGED].tolist()):
        out.setdefault(places[index][0], []).append(places[index][1])
    return out


def judge(adapter: ModelAdapter, judged: Sequence[Read], lens: TunedLens | None) -> np.ndarray:
    """Mean KL(final || stream's) in nats, float32 [stream], by the logit lens or by this one."""
    count = 0
    sums = np.zeros(len(judged[0].states), dtype=np.float64)
    for read in judged:
        n = len(read.final)
        states = read.states
        if lens is not None:
            states = torch.stack([lens.translate(i, state) for i, state in enumerate(states)])

        def use(first: int, logits: Tensor, read: Read = read, n: int = n) -> None:
            row = torch.arange(first, first + len(logits))
            found = divergence(read.final[(row % n).to(read.final.device)], logits).cpu().double().numpy()
            np.add.at(sums, (row // n).numpy(), found)

        adapter.readout(read.trace, states.flatten(0, 1), use, Context(), CHUNK)
        count += n
    return (sums / count).astype(np.float32)


class Maps:
    """What is trained: z = h + size * (W (h / scale) + c), with the typical sizes of a first piece. Starts as the identity.

    Args:
        states: [stream, pos, d_model].
    """

    def __init__(self, states: Tensor) -> None:
        """Medians, because single dimensions and positions are far larger than the rest."""
        states = states.float()
        n, _, d = states.shape
        size = states.square().mean(-1).sqrt().median(1).values.clamp_min(1e-6)
        self.size = size[:, None, None]
        self.scale = torch.maximum(states.abs().median(1).values, 1e-3 * size[:, None])[:, None] * 1.4826
        self.weight = states.new_zeros(n, d, d)
        self.shift = states.new_zeros(n, d)

    def __call__(self, states: Tensor) -> Tensor:
        """Translate [stream, pos, d_model], float32."""
        states = states.float()
        return states + self.size * (torch.bmm(states / self.scale, self.weight.mT) + self.shift[:, None])

    def slopes(self, states: Tensor, given: Tensor) -> None:
        """Put the slopes by `weight` and `shift` where the optimizer looks, from those by what comes out."""
        inner = given * self.size
        self.weight.grad = torch.bmm(inner.mT, states.float() / self.scale)
        self.shift.grad = inner.sum(1)

    def translators(self) -> tuple[Tensor, Tensor]:
        """A [stream, d_model, d_model] and b [stream, d_model] of h + A h + b."""
        return (self.size * self.weight / self.scale).cpu(), (self.size[:, 0] * self.shift).cpu()


def _steps(
    adapter: ModelAdapter,
    maps: Maps,
    pieces: Sequence[Sequence[int]],
    before: np.ndarray,
    generator: torch.Generator,
    steps: int,
    rows: int,
    rate: float,
    on_step: Callable[[int, int, str], None] | None,
) -> int:
    """Train, and say how many steps were done: fewer where it was interrupted."""
    d = maps.weight.shape[-1]
    optimizer = torch.optim.Adam(
        [{"params": [maps.weight], "lr": rate / d}, {"params": [maps.shift], "lr": rate * BIAS}]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    names = ("embedding", *(f"layer {i}" for i in range(adapter.n_layers - 1)))
    losses: list[np.ndarray] = []
    done = 0
    with _shown(on_step, steps) as told:
        try:
            while done < steps:
                piece = pieces[int(torch.randint(len(pieces), (1,), generator=generator))]
                at = (1 + torch.randperm(len(piece) - 1, generator=generator)[:rows]).tolist()
                losses.append(_step(adapter, maps, _read(adapter, piece, at)))
                _check(
                    np.mean(losses[-WINDOW:], axis=0), before, names, f"in step {done + 1}", soon=len(losses) < WINDOW
                )
                optimizer.step()
                schedule.step()
                done += 1
                told(done, steps, f"KL to the answer {losses[-1].mean():.3g} nats")
        except KeyboardInterrupt:
            print(f"Stopped after {done} of {steps} steps; what was trained so far is kept.")  # noqa: T201 - the answer to Ctrl-C
    return done


def _step(adapter: ModelAdapter, maps: Maps, read: Read) -> np.ndarray:
    """Put the slopes of one piece's loss in their place. Returns the loss of each stream, float64 [stream]."""
    n = len(read.final)
    out = maps(read.states)
    if not bool(torch.isfinite(out).all()):
        return np.full(len(out), np.nan)
    loss = np.zeros(len(out), dtype=np.float64)

    def number(first: int, logits: Tensor) -> Tensor:
        row = torch.arange(first, first + len(logits))
        own = torch.log_softmax(logits.float(), -1)
        final = read.final[(row % n).to(read.final.device)]
        # a token that both rule out counts for nothing; everything else that is no number was caught before
        each = torch.nn.functional.kl_div(own, final, log_target=True, reduction="none").nan_to_num(0.0).sum(-1)
        np.add.at(loss, (row // n).numpy(), each.detach().cpu().double().numpy() / n)
        return each.sum() / n

    slope = adapter.readout_gradients(read.trace, out.flatten(0, 1), number, Context(), CHUNK)
    maps.slopes(read.states, slope.view_as(out))
    return loss if bool(torch.isfinite(slope).all()) else np.full(len(out), np.nan)


def _check(
    loss: np.ndarray,
    before: np.ndarray,
    names: Sequence[str],
    when: str,
    *,
    soon: bool = False,
    than: tuple[float, float] = FAR,
) -> None:
    """Raise unless the losses are numbers and not far above the logit lens's. `soon`: too few steps to judge by."""
    times, more = than
    bad = ~np.isfinite(loss) if soon else ~(loss <= times * before + more)
    if not bad.any():
        return
    at = int(np.argmax(bad))
    raise LensTrainingError(
        f"The lens diverged {when}: its answers went away from the model's own.",
        given=f"KL to the answer {loss[at]:.3g} nats at the {names[at]} stream, {before[at]:.3g} by the logit lens",
        accepted="a loss that falls", hint="train with a smaller rate (a third, say), and more texts if there are few",
    )  # fmt: skip


@contextmanager
def _shown(on_step: Callable[[int, int, str], None] | None, steps: int) -> Iterator[Callable[[int, int, str], None]]:
    """Tells `on_step`, or shows a progress bar where nobody is told."""
    if on_step is not None:
        yield on_step
        return
    from tqdm.auto import tqdm  # type: ignore[import-untyped]  # transformers brings it

    with tqdm(total=steps, desc="tuned lens", unit="step") as bar:

        def told(done: int, _total: int, note: str) -> None:
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)

        yield told
