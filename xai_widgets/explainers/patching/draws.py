"""From what was asked (another prompt, a noised subject, an ablation) to passes that are patched and states that are put into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.errors import ValueRefusedError
from xai_widgets.core.patching import Ablation, Noise, aligned
from xai_widgets.core.tokens import Tokens
from xai_widgets.explainers.patching.passes import Pass
from xai_widgets.explainers.patching.reading import Reading
from xai_widgets.explainers.patching.replacing import Mean, OfPass, Replacement, Zero


@dataclass(eq=False)
class Draw:
    """A pass that is patched, what is put into it, and what is read off. Numbers are sums over readings, means over samples.

    Attributes:
        base, new, reading: see there. sample: which.
        left: what leaves each block with a part exchanged, by part; filled as it is asked for.
    """

    base: Pass
    new: Replacement
    reading: Reading
    sample: int = 0
    left: dict[str, Sequence[Tensor]] = field(default_factory=dict, repr=False)


def of_prompts(adapter: ModelAdapter, base: Tokens, source: Tokens, readings: Sequence[Reading]) -> list[Draw]:
    """States of one prompt into the pass of another."""
    mine, other = base.ids.tolist(), source.ids.tolist()
    pairs = aligned(mine, other)
    first = next((i for i, (a, b) in enumerate(zip(mine, other, strict=False)) if a != b or pairs[i] != i), 0)
    found = []
    for reading in readings:
        here = Pass(adapter, (*mine, *reading.read), reading.wanted(len(mine)), edits=True)
        there = Pass(adapter, (*other, *reading.read), reading.wanted(len(other)))
        after = [len(other) + i for i in range(len(reading.read))]
        found.append(Draw(here, OfPass(there, [*pairs, *after], first), reading))
    return found


def of_noise(
    adapter: ModelAdapter, tokens: Tokens, noise: Noise, readings: Sequence[Reading], *, denoise: bool
) -> list[Draw]:
    """States of the clean pass into passes whose subject is noised, or the reverse."""
    ids = tokens.ids.tolist()
    at = noise.positions(tokens)
    own = adapter.embed(ids)
    scale = noise.scale * float(adapter.embedding_table().float().std())
    generator = np.random.default_rng(noise.seed)
    noised = []
    for _ in range(noise.samples):
        drawn = generator.standard_normal((len(at), own.shape[-1]), dtype=np.float32)
        changed = own.clone()
        changed[list(at)] += (scale * torch.from_numpy(drawn)).to(changed)
        noised.append(changed)
    found = []
    for reading in readings:
        whole, wanted = (*ids, *reading.read), reading.wanted(len(ids))
        clean = Pass(adapter, whole, wanted, edits=not denoise)
        for sample, embeddings in enumerate(noised):
            corrupted = Pass(adapter, whole, wanted, edits=denoise, embeddings=embeddings)
            base, source = (corrupted, clean) if denoise else (clean, corrupted)
            found.append(Draw(base, OfPass(source, range(len(whole)), at[0]), reading, sample))
    return found


def of_ablation(adapter: ModelAdapter, tokens: Tokens, ablation: Ablation, readings: Sequence[Reading]) -> list[Draw]:
    """Parts of one prompt's pass put out of action.

    Raises:
        ValueRefusedError: a text of one token, where positions after the first are needed.
    """
    ids = tokens.ids.tolist()
    texts = [adapter.tokenize(text).ids.tolist() for text in ablation.texts]
    found = []
    for reading in readings:
        base = Pass(adapter, (*ids, *reading.read), reading.wanted(len(ids)), edits=True)
        for sample, new in enumerate(_replacements(adapter, base, ids, texts, ablation, reading.read)):
            found.append(Draw(base, new, reading, sample))
    return found


def is_template(adapter: ModelAdapter, n: int, texts: Sequence[str]) -> bool:
    """Whether texts have as many tokens as a prompt, n: then they are taken position by position."""
    return bool(texts) and all(len(adapter.tokenize(text)) == n for text in texts)


def _replacements(
    adapter: ModelAdapter,
    base: Pass,
    ids: list[int],
    texts: Sequence[list[int]],
    ablation: Ablation,
    read: tuple[int, ...],
) -> list[Replacement]:
    n = len(base.ids)
    if ablation.kind == "zero":
        return [Zero(n)]
    if texts and all(len(text) == len(ids) for text in texts):
        passes = [Pass(adapter, (*text, *read)) for text in texts]
        if ablation.kind == "mean":
            return [Mean(passes, n, pooled=False)]
        return [OfPass(p, range(n)) for p in passes]
    passes = [Pass(adapter, text) for text in texts] or [Pass(adapter, ids) if read else base]
    if ablation.kind == "mean":
        return [Mean(passes, n, pooled=True)]
    generator = np.random.default_rng(ablation.seed)
    if texts:
        return [OfPass(p, [0, *_later(generator, n, len(p.ids))]) for p in passes]
    if len(ids) < 3:
        raise ValueRefusedError(
            "prompt", given=f"{len(ids)} tokens, to be shuffled after the first", accepted="three at least",
            hint="choose texts to take states from, or another ablation",
        )  # fmt: skip
    after = range(len(ids), n)
    return [OfPass(base, [None, *_moved(generator, len(ids)), *after]) for _ in range(ablation.samples)]


def _later(generator: np.random.Generator, n: int, size: int) -> list[int]:
    """For positions after the first of n one each after the first of `size` (where there is one)."""
    if size < 2:
        return [0] * (n - 1)
    return [int(i) for i in generator.integers(1, size, n - 1)]


def _moved(generator: np.random.Generator, n: int) -> list[int]:
    """Positions 1 to n - 1 in an order in which none is at its own place: a draw among all such orders."""
    own = np.arange(1, n)
    while True:
        order = generator.permutation(own)
        if not (order == own).any():
            return [int(i) for i in order]


__all__ = ["Draw", "is_template", "of_ablation", "of_noise", "of_prompts"]
