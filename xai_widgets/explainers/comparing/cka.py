"""Centred kernel alignment of residual streams: how alike what two models make of the same positions is, up to rotation and scale.

Kornblith et al. 2019 (arXiv 1905.00414), with a linear kernel: HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) of the Gram matrices of two
sets of samples. Where samples are few beside the width, HSIC's usual estimate makes independent streams look alike; the debiased
form takes the unbiased estimate of Song et al. 2012 (JMLR 13, eq. 5) for all three terms, as Nguyen et al. 2021 (arXiv 2010.15327) do.
Each text's first position is left out unless asked for: in many models its stream is hundreds of times as long as any other, whatever
the text says (Sun et al. 2024, arXiv 2402.17762), and alone decides the number. Other positions may do so too: `loudest` tells.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.cka import LayerCKA, Per
from xai_widgets.core.context import Context
from xai_widgets.core.errors import TokenizerError, ValueRefusedError
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens

SAME: Final = 1e-6
"""Relative to what samples have in common, what differs less is rounding of float32."""
FEWEST: Final = 4
"""Samples below which there is no unbiased estimate."""


def centred(gram: np.ndarray) -> np.ndarray:
    """A Gram matrix [n, n] with the mean of rows and of columns taken off; the products of two such sum to (n - 1)^2 HSIC."""
    rows = gram.mean(0)
    made: np.ndarray = gram - rows[None] - rows[:, None] + rows.mean()
    return made


def u_centred(gram: np.ndarray) -> np.ndarray:
    """The same without bias (n at least 4): off the diagonal the products of two such sum to n (n - 3) times the unbiased HSIC.

    Szekely & Rizzo 2014 (Annals of Statistics 42) write Song et al.'s three terms in this form.
    """
    n = len(gram)
    made = gram.astype(np.float64)
    np.fill_diagonal(made, 0)
    rows = made.sum(0)
    made = made - (rows[None] + rows[:, None]) / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(made, 0)
    return made


def by_chance(n: int, widths: tuple[int, int]) -> float:
    """About what plain CKA gives for `n` samples of two independent streams of these widths, all directions alike."""
    p, q = widths
    return float(np.sqrt(p * q / ((n + p) * (n + q))))


@INSPECTORS.register("cka")
class CKA:
    """Every stream of one model beside every stream of another (or of itself), over the same texts. Serial, like the models it asks.

    Args:
        adapter: the model. texts: what it reads, each with its tokens by both models (the same twice for a model beside itself).
        versus: the other model; None: the same.
        per: what one sample is. most: samples at most; beyond that a part of the positions is drawn (by `seed`).
        first: whether the first position of a text counts.

    Raises:
        CapabilityError: a model's streams can't be read. ValueRefusedError: fewer than four samples. TokenizerError: samples are
        positions, and the two models cut a text differently.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        texts: Sequence[tuple[Tokens, Tokens]],
        versus: ModelAdapter | None = None,
        *,
        per: Per = "position",
        most: int = 512,
        first: bool = False,
        seed: int = 0,
    ) -> None:
        """Nothing runs yet."""
        for lm in (adapter, versus or adapter):
            lm.require("resume")
        self.adapter, self.versus, self.per = adapter, versus, per
        self._texts = list(texts)
        if per == "position":
            for number, (ours, theirs) in enumerate(self._texts):
                _check_same(number, ours, theirs)
        sizes = [(len(ours), len(theirs)) for ours, theirs in self._texts]
        self._rows = [_positions(sizes, side, per, most, seed, first=first) for side in (0, 1)]
        self.n = len(sizes) if per == "text" else sum(len(rows) for rows in self._rows[0])
        short = any(not len(rows) for side in self._rows for rows in side) and per == "text"
        if short or self.n < FEWEST:
            raise ValueRefusedError(
                "texts",
                given="a text of one token" if short else f"{self.n} {per}s" + ("" if first else ", first positions left out"),
                accepted=f"at least {FEWEST} {per}s", hint="give more or longer texts, or first=True",
            )  # fmt: skip

    def look(self, context: Context) -> LayerCKA:
        """Read every text by every model and compare all streams. `context` is asked at each text."""
        start = time.perf_counter()
        models = [self.adapter] if self.versus is None else [self.adapter, self.versus]
        total = len(models) * len(self._texts)
        grams, names, widths = [], [], []
        for side, lm in enumerate(models):
            samples = self._samples(lm, side, context, total)
            widths.append(samples.shape[-1])
            names.append(("embedding", *(f"layer {i}" for i in range(len(samples) - 1))))
            # entries of very different size: in double precision, and one stream at a time
            grams.append([s @ s.T for s in map(_double, samples)])
        ours, theirs = grams[0], grams[-1]
        context.step(total, total, "texts")
        return LayerCKA(
            names[0], names[-1],
            _products([u_centred(g) for g in ours], None if ours is theirs else [u_centred(g) for g in theirs]),
            _products([centred(g) for g in ours], None if ours is theirs else [centred(g) for g in theirs]),
            by_chance(self.n, (widths[0], widths[-1])), (_loudest(ours), _loudest(theirs)), self.n, self.per, len(self._texts), (widths[0], widths[-1]),
            time.perf_counter() - start,
        )  # fmt: skip

    def _samples(self, lm: ModelAdapter, side: int, context: Context, total: int) -> np.ndarray:
        """Streams at the samples, float32 [stream, sample, d_model]."""
        found = []
        for number, (text, rows) in enumerate(zip(self._texts, self._rows[side], strict=True)):
            context.step(side * len(self._texts) + number, total, "texts")
            if not len(rows):
                continue
            trace = lm.trace(text[side].ids.tolist(), context, edits=False)
            # some families have axes between position and width: they belong to one state
            kept = [trace.streams(i)[rows.tolist()].flatten(1).float() for i in range(trace.n_streams)]
            own = [s.mean(0, keepdim=True) for s in kept] if self.per == "text" else kept
            found.append(np.stack([s.cpu().numpy() for s in own]))
        return np.concatenate(found, axis=1)


def _double(samples: np.ndarray) -> np.ndarray:
    """Samples [n, d_model] about their mean, which is no part of any CKA and may be much larger than what differs."""
    own = samples.astype(np.float64)
    made: np.ndarray = own - own.mean(0)
    # what is the same at all samples differs by float32's rounding, which is nothing to compare
    return made if np.linalg.norm(made) > SAME * np.linalg.norm(own) else np.zeros_like(made)


def _products(ours: list[np.ndarray], theirs: list[np.ndarray] | None) -> np.ndarray:
    """Cosines of centred Gram matrices, as vectors: float32 [ours, theirs]; not a number beside one that is all 0."""
    left = _unit(ours)
    right = left if theirs is None else _unit(theirs)
    made: np.ndarray = (left @ right.T).astype(np.float32)
    return made


def _loudest(grams: list[np.ndarray]) -> np.ndarray:
    """The largest part of a stream's variance that one sample has, float32 [stream]; not a number where there is none."""
    sizes = np.stack([np.diagonal(g) for g in grams])
    total = sizes.sum(1)
    made: np.ndarray = np.divide(sizes.max(1), total, out=np.full(len(total), np.nan), where=total > 0).astype(
        np.float32
    )
    return made


def _unit(grams: list[np.ndarray]) -> np.ndarray:
    flat = np.stack([g.ravel() for g in grams])
    sizes = np.linalg.norm(flat, axis=1, keepdims=True)
    made: np.ndarray = np.divide(flat, sizes, out=np.full_like(flat, np.nan), where=sizes > 0)
    return made


def _positions(
    sizes: Sequence[tuple[int, int]], side: int, per: Per, most: int, seed: int, *, first: bool
) -> list[np.ndarray]:
    """Positions of each text that count, ascending. Where samples are positions they are the same for both models."""
    begin = 0 if first else 1
    every = [np.arange(begin, size[side]) for size in sizes]
    if per == "text":
        return every
    count = sum(map(len, every))
    if count <= most:
        return every
    drawn = np.zeros(count, dtype=bool)
    drawn[np.random.default_rng(seed).choice(count, most, replace=False)] = True
    ends = np.cumsum([len(rows) for rows in every])[:-1]
    return [rows[kept] for rows, kept in zip(every, np.split(drawn, ends), strict=True)]


def _check_same(number: int, ours: Tokens, theirs: Tokens) -> None:
    if [t.span for t in ours] != [t.span for t in theirs]:
        raise TokenizerError(
            f"The two models cut text {number} into other tokens, so its positions have no counterparts.",
            given=f"{len(ours)} and {len(theirs)} tokens", accepted="tokens of the same characters",
            hint='compare whole texts: per="text"',
        )  # fmt: skip
