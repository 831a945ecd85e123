"""Do patching and its estimates find the parts that were planted in a model of known mechanism?

A mechanism says of a clean and a corrupted prompt which parts carry the answer from one to the other, and how much of it each
brings by itself, worked out on paper. Here that is compared with exact patching and with any estimate of it. No threshold: with k
parts planted, how many of them are among the k cells of their kind with the largest scores?
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from xai_widgets.core.context import Context
from xai_widgets.core.patching import Contrast
from xai_widgets.core.registry import INSPECTORS

if TYPE_CHECKING:
    from torch import Tensor

    from xai_widgets.testing.mechanisms import Mechanism

Kind = Literal["resid", "attn_out", "mlp_out", "head", "neuron"]
KINDS: Final[tuple[Kind, ...]] = ("resid", "attn_out", "mlp_out", "head", "neuron")
_NOISE: Final = 5
"""Decimals of a score that count in a ranking; what differs less is a tie."""


@dataclass(frozen=True)
class Planted:
    """A part that carries the answer.

    Attributes:
        kind: `resid` is what enters a block, `neuron` a hidden unit of its MLP; the others as in activation patching.
        layer, pos: block and position; a head that works at several is planted at each. index: which head or neuron, else None.
        brings: what exact patching of this part alone (of a head: at all positions) recovers, worked out on paper: 0 nothing, 1 the
            whole answer.
    """

    kind: Kind
    layer: int
    pos: int
    index: int | None = None
    brings: float = 1.0

    @property
    def cell(self) -> tuple[int, ...]:
        """Its place in the grid of its kind: [layer, pos], of heads [layer, head], of neurons [layer, pos, neuron]."""
        if self.index is None:
            return self.layer, self.pos
        return (self.layer, self.index) if self.kind == "head" else (self.layer, self.pos, self.index)


@dataclass(frozen=True)
class PlantedEdge:
    """A way that the answer takes from one part to another.

    Attributes:
        source, target: names of nodes of a `core.circuit.Graph`: `embedding`, `head 1.0`, `MLP 0`, `logits`.
        path: what a head takes it in, `q`, `k` or `v`; "" is the whole input of another reader.
        brings: share of the answer that is lost when this edge alone carries the corrupted prompt's numbers, worked out on paper.
    """

    source: str
    target: str
    path: str = ""
    brings: float = 1.0

    @property
    def key(self) -> tuple[str, str, str]:
        """What the edge is found by."""
        return self.source, self.target, self.path


def hits(planted: Collection[Hashable], scores: Mapping[Hashable, float]) -> int:
    """How many of k planted things are among the k with the largest scores, by magnitude; ties count against them."""
    size = {thing: round(abs(float(score)), _NOISE) for thing, score in scores.items()}
    first = sorted(size, key=lambda thing: (-size[thing], thing in planted))[: len(planted)]
    return len(set(first).intersection(planted))


@dataclass(frozen=True, eq=False)
class Grids:
    """All cells of one kind: what exact patching of each recovers, and what attribution patching says that it does.

    Attributes:
        planted: those that carry the answer. exact, estimate: float [layer, pos], of heads [layer, head] (at all positions at once), of
            neurons [layer, pos, neuron].
    """

    planted: tuple[Planted, ...]
    exact: np.ndarray
    estimate: np.ndarray

    def hits(self, scores: np.ndarray) -> int:
        """How many planted cells are among as many cells of `scores` as are planted; see `hits`."""
        return hits(self.cells, dict(np.ndenumerate(scores)))

    @property
    def cells(self) -> dict[tuple[int, ...], float]:
        """The planted cells, and what each brings."""
        return {part.cell: part.brings for part in self.planted}


def grids(mechanism: Mechanism, kind: Kind) -> Grids:
    """Every cell of a kind, denoising: states of the clean prompt are put into the pass of the corrupted one."""
    planted = tuple(p for p in mechanism.planted if p.kind == kind)
    if kind == "neuron":
        return Grids(planted, *_neurons(mechanism))
    lm, question = mechanism.adapter, mechanism.question
    patching = INSPECTORS["activation_patching"](
        lm, question.tokens, lm.tokenize(mechanism.corrupted), Contrast(*_followed(mechanism))
    )
    exact, estimate = patching.grid(Context(), part=kind), patching.estimate(Context(), part=kind)
    return Grids(planted, np.nan_to_num(exact.recovered), np.nan_to_num(estimate.recovered))


def together(mechanism: Mechanism, kind: Kind, *, others: bool = False) -> float:
    """What all planted parts of a kind recover when patched at once (`others`: all but the planted), by hand-written hooks.

    Raises:
        ValueError: of `resid`, where a later part holds what earlier ones bring.
    """
    import torch

    if kind == "resid":
        raise ValueError(f"parts patched at once: {kind!r}")
    hand = _Hand(mechanism)
    masks = {site: torch.zeros_like(state, dtype=torch.bool) for site, state in hand.clean.items()}
    for p in mechanism.planted:
        if p.kind == kind:
            site, columns = hand.place(p)
            masks[site][p.pos, columns] = True
    mine = "mlp" if kind in ("mlp_out", "neuron") else "attn"
    if others:
        masks = {site: ~mask & (site[0] == mine) for site, mask in masks.items()}
    return hand.recovered(masks)


def _followed(mechanism: Mechanism) -> tuple[int, int | None]:
    """Ids of the target and, where there is one, the contrast."""
    target = mechanism.question.target
    return target.ids[0], target.contrast_ids[0] if target.contrast_ids else None


def _neurons(mechanism: Mechanism) -> tuple[np.ndarray, np.ndarray]:
    """What each neuron at each position recovers, exactly and by its gradient, [layer, pos, neuron]."""
    import torch

    hand = _Hand(mechanism)
    sites = [site for site in hand.clean if site[0] == "mlp"]
    changes = {site: hand.clean[site] - hand.corrupted[site] for site in sites}
    exact = np.zeros((len(sites), *changes[sites[0]].shape))
    for layer, site in enumerate(sites):
        for pos, neuron in changes[site].nonzero().tolist():
            mask = torch.zeros_like(changes[site], dtype=torch.bool)
            mask[pos, neuron] = True
            exact[layer, pos, neuron] = hand.recovered({site: mask})
    gradients = hand.gradients(sites)
    gap = hand.numbers[0] - hand.numbers[1]
    estimate = np.stack([(gradients[site] * changes[site] / gap).cpu().numpy() for site in sites])
    return exact, estimate


_Site = tuple[Literal["attn", "mlp"], int]


class _Hand:
    """Both prompts run with hooks on transformers' own modules: what enters the last projection of each attention and MLP.

    Args:
        mechanism: its circuit has GPT-2's module names.
    """

    def __init__(self, mechanism: Mechanism) -> None:
        import torch

        self.model, self.followed = mechanism.model, _followed(mechanism)
        lm = mechanism.adapter
        self.ids = [
            torch.tensor([t.ids.tolist()]) for t in (mechanism.question.tokens, lm.tokenize(mechanism.corrupted))
        ]
        with torch.no_grad():
            (self.clean, clean), (self.corrupted, corrupted) = (self._seen(ids) for ids in self.ids)
        self.numbers = float(clean), float(corrupted)

    def place(self, part: Planted) -> tuple[_Site, slice]:
        """Where a part's numbers enter a projection."""
        if part.kind == "neuron":
            assert part.index is not None
            return ("mlp", part.layer), slice(part.index, part.index + 1)
        if part.index is None:
            return ("mlp" if part.kind == "mlp_out" else "attn", part.layer), slice(None)
        width = self.clean["attn", part.layer].shape[-1] // int(self.model.config.n_head)
        return ("attn", part.layer), slice(part.index * width, (part.index + 1) * width)

    def recovered(self, masks: dict[_Site, Tensor]) -> float:
        """The corrupted prompt run with clean numbers where the masks say."""
        import torch

        def put(site: _Site) -> Callable[[Any, tuple[Tensor]], tuple[Tensor]]:
            return lambda _module, args: (torch.where(masks[site], self.clean[site], args[0]),)

        with torch.no_grad(), _hooked([(self._projection(site), put(site)) for site in masks]):
            number = float(self._number(self.ids[1]))
        return (number - self.numbers[1]) / (self.numbers[0] - self.numbers[1])

    def gradients(self, sites: Sequence[_Site]) -> dict[_Site, Tensor]:
        """Of the number in the corrupted pass, by what enters each projection [pos, width]."""
        import torch

        seen, number = self._seen(self.ids[1], whole=True)
        found = torch.autograd.grad(number, [seen[site] for site in sites])
        return {site: gradient[0] for site, gradient in zip(sites, found, strict=True)}

    def _seen(self, ids: Tensor, *, whole: bool = False) -> tuple[dict[_Site, Tensor], Tensor]:
        """What enters each projection, [pos, width] (`whole`: the tensors of the pass themselves), and the number."""
        seen: dict[_Site, Tensor] = {}

        def keep(site: _Site) -> Callable[[Any, tuple[Tensor]], None]:
            return lambda _module, args: seen.__setitem__(site, args[0] if whole else args[0][0].clone())

        sites: list[_Site] = [(part, i) for i in range(len(self.model.transformer.h)) for part in ("attn", "mlp")]
        with _hooked([(self._projection(site), keep(site)) for site in sites]):
            number = self._number(ids)
        return seen, number

    def _projection(self, site: _Site) -> Any:  # noqa: ANN401 - transformers' Conv1D
        part, layer = site
        return getattr(self.model.transformer.h[layer], part).c_proj

    def _number(self, ids: Tensor) -> Tensor:
        import torch

        last: Tensor = self.model(ids, attention_mask=torch.ones_like(ids)).logits[0, -1]
        target, other = self.followed
        return last[target] if other is None else last[target] - last[other]


@contextmanager
def _hooked(hooks: Sequence[tuple[Any, Callable[..., Any]]]) -> Iterator[None]:
    handles = [module.register_forward_pre_hook(hook) for module, hook in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
