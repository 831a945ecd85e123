"""What a model adapter hands out: passes that were kept, what was found in them, and what can be asked of those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from xai_widgets.core.context import Context

if TYPE_CHECKING:
    from torch import Tensor

CapabilityName = Literal[
    "logits",
    "gradients",
    "batched_gradients",
    "prefix_reuse",
    "tree_packing",
    "padding",
    "attention_mask",
    "attention",
    "generation",
    "resume",
    "parts",
    "edges",
]
"""What a model may or may not be able to do; methods name the ones they need."""


@dataclass(frozen=True)
class Capability:
    """Whether something works on this model, found out by doing it; `reason` says why not."""

    works: bool
    reason: str = ""


@dataclass(frozen=True)
class Candidate:
    """A possible next token."""

    id: int
    text: str
    prob: float
    logit: float


@dataclass(frozen=True)
class Variant:
    """A changed input, to be scored for the same targets as the unchanged one.

    Attributes:
        ids: prompt token ids (any length of at least 1). The target tokens follow them.
        hidden: positions of `ids` that no later position may attend to; they keep their place (position
            numbers stay). The query at a hidden position does not attend to itself either.
    """

    ids: tuple[int, ...]
    hidden: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Gradient:
    """Result of `ModelAdapter.gradient`, on the model's device, detached, in float32.

    Attributes:
        values: [row, step]: the explained number for each row of the target axis at each embedding given.
        grads: [row, step, pos, d_model]: its derivative by each embedding of the input.
    """

    values: Tensor
    grads: Tensor


class AttentionCall(Protocol):
    """One call of attention in a forward pass: any of its rows on demand, as long as it is kept.

    Attributes:
        layer: index of the block. nth: how many calls of that block came before (a block may attend twice).
        stack: `decoder`, `encoder`, or `cross` where the decoder looks at the encoder's input.
        n_heads, n_query, n_key: sizes. causal: no row has weight after its own position. nbytes: memory it holds on to.
        how: how the weights are had, in words.
    """

    layer: int
    nth: int
    stack: Literal["decoder", "encoder", "cross"]
    n_heads: int
    n_query: int
    n_key: int
    causal: bool
    how: str

    @property
    def nbytes(self) -> int:
        """Memory it holds on to."""
        ...

    def rows(self, start: int, stop: int, head: int | None = None) -> Tensor:
        """Weights of query rows, float32 [head, row, key]; keys after the last visible one may be left out (they are 0)."""
        ...

    def value_lengths(self) -> tuple[Tensor | None, str]:
        """Length of what each key's value would add to the residual stream, float32 [head, key], and how it is measured.

        `|v W_O|` of Kobayashi et al. 2020 (arXiv 2004.10102) where the output projection is found, else `|v|`; None and the
        reason where values can't be had.
        """
        ...

    def values(self, head: int) -> Tensor | None:
        """What a head takes from each key, float32 [key, d_value]: its weights times these are what it gives; None where not to be had."""
        ...

    def pair(self, head: int, query: int, key: int) -> tuple[Tensor, Tensor, float | None] | None:
        """The query's and the key's vector, float32 [d_head], as they are multiplied, and the factor of their product.

        The factor is None where the model does more with the product than to scale it (a soft cap, a bias); the whole is
        None where vectors can't be had.
        """
        ...


@dataclass(frozen=True)
class Off:
    """A part of attention to do without.

    Attributes:
        layer: index of the block. head: None is the whole layer.
        query, key: only this edge of the head: the query may not see the key, the others take over its weight. None is all edges.
    """

    layer: int
    head: int | None = None
    query: int | None = None
    key: int | None = None


@dataclass(frozen=True, eq=False)
class Edit:
    """A residual stream that is another one at some positions.

    Attributes:
        layer: the block it enters; `n_layers` is the stream that leaves the last.
        at: positions, ascending. states: what stands there, [len(at), d_model].
        made: for this block and those that follow, the path of a module in it and what that gives at these positions whatever it
            reads, [len(at), d_model]; as `PartOutputs.made` has them.
    """

    layer: int
    at: tuple[int, ...]
    states: Tensor
    made: tuple[tuple[str, Tensor], ...] = ()


PartName = Literal["attn_out", "mlp_out", "head"]


class PartOutputs(Protocol):
    """What a part of every block (or every head) adds to the residual stream of one text."""

    @property
    def ids(self) -> tuple[int, ...]:
        """What was read."""
        ...

    @property
    def part(self) -> PartName:
        """Which."""
        ...

    @property
    def outputs(self) -> Sequence[Tensor]:
        """float32 [layer, pos, d_model], one entry, or of `head` one for each head; not a number where a layer has no such part."""
        ...

    def made(self, layer: int) -> tuple[str, Tensor] | None:
        """The module of the block whose output the part is, before norms and multipliers, and that output [pos, d_model].

        None where it is not the output of one module.
        """
        ...


class Trace(Protocol):
    """One pass with all its residual streams, kept.

    Attributes:
        ids: what was read. wanted: positions whose logits are kept. logits: [wanted, d_vocab].
        n_streams: `n_layers + 1`: what enters each block, and what leaves the last.
    """

    ids: tuple[int, ...]
    wanted: tuple[int, ...]
    logits: Tensor

    @property
    def n_streams(self) -> int:
        """What enters each block, and what leaves the last."""
        ...

    def streams(self, layer: int) -> Tensor:
        """The streams that enter a block (or leave the last), [pos, d_model]; some families have axes between."""
        ...


class EdgeRun(Protocol):
    """A text of which edges can be cut: what one part reads of another is then what that one writes in another text.

    Attributes:
        nodes: (kind, layer, head) of who writes, in order: embedding, then of each block its heads and its MLP.
        readers: (node, path) of who reads: of each block all queries, keys and values of its heads (`q`, `k`, `v`), then its MLP (``);
            the logits last, whose node is the one after the last.
        logits: float32 [d_vocab], of the next token, nothing cut.
    """

    nodes: tuple[tuple[str, int, int], ...]
    readers: tuple[tuple[int, str], ...]
    logits: Tensor

    @property
    def reads(self) -> Tensor:
        """Which edges there are, bool [reader, node]."""
        ...

    def cut(self, cuts: Tensor, context: Context) -> Tensor:
        """Logits of the next token, float32 [d_vocab], with these edges (bool [reader, node]) carrying what they carry in the other text."""
        ...

    def trying(self) -> AbstractContextManager[None]:
        """Inside, passes with cuts begin where they differ from the last one before, which must have been run."""
        ...

    def slopes(self, number: Callable[[Tensor], Tensor], context: Context, moved: float = 0.0) -> Tensor:
        """To first order, what `number(logits [1, d_vocab])` gains when each edge is cut: float32 [reader, node].

        Slopes are taken with the embedding so much of the way `moved` to the other text's.
        """
        ...


class LogitParts(Protocol):
    """The logits after some positions of a text, as sums of what each part of the model wrote into the last stream there.

    All float32, of logits before any soft cap. A target's number is its logit, minus its contrast's where there are contrasts.

    Attributes:
        components: (kind, layer) of each, in order: `embedding` first, then what each block adds (`attn`, `mlp`, and `mixer` for what
            takes something from other positions without attention), `bias` last (of the final norm and of the head). The first and
            the last have layer -1.
        softcap: the model's logits are `softcap * tanh(sum / softcap)`; None where they are the sum.
    """

    components: tuple[tuple[str, int], ...]
    softcap: float | None

    def logits(self, pos: int) -> Tensor:
        """All logits by the model's own norm and head, [d_vocab]."""
        ...

    def scale(self, pos: int) -> float:
        """What the final norm divides the stream by at a position, in this run."""
        ...

    def rescaled(self, scale: float) -> LogitParts:
        """The same parts as if the final norm divided by `scale`: two runs compared so differ only in what was written."""
        ...

    def shares(self, pos: int, ids: Sequence[int], contrast_ids: Sequence[int] = ()) -> Tensor:
        """Share of each component, at this run's scale of the final norm: [target, component]. They sum to the number."""
        ...

    def heads(
        self, layer: int, pos: int, ids: Sequence[int], contrast_ids: Sequence[int] = ()
    ) -> tuple[Tensor, Tensor]:
        """Share of each head, [target, head], and of the constant attention adds whatever they say, [target].

        Raises:
            CapabilityError: the layer can't be split so; `unsplit` says why.
        """
        ...

    def neurons(
        self, layer: int, pos: int, ids: Sequence[int], contrast_ids: Sequence[int] = ()
    ) -> tuple[Tensor, Tensor]:
        """The same of an MLP's neurons, [target, neuron] and [target]."""
        ...

    def activations(self, layer: int, pos: int) -> Tensor:
        """What the MLP's output projection reads of each neuron (gates multiplied in), [neuron]."""
        ...

    def words(self, layer: int, pos: int, neurons: Sequence[int]) -> Tensor:
        """What one unit of activation of each of these adds to every logit, [neuron, d_vocab]."""
        ...

    def sources(
        self, call: AttentionCall, head: int, pos: int, ids: Sequence[int], contrast_ids: Sequence[int] = ()
    ) -> tuple[Tensor, Tensor | None, str]:
        """Where a head's share comes from: its weights at a position, [key], and its share by key, [target, key], which sum to it.

        The second is weight x value, projected and read as the head is; None, with the reason, where values are not to be had or a
        head is not the sum of its weighted values (a gate or a norm stands between). Keys after the position have 0.

        Raises:
            CapabilityError: the layer can't be split over heads.
        """
        ...

    def unsplit(self, layer: int) -> tuple[str, str]:
        """Why a layer can't be split over heads, and why not over neurons; "" where it can."""
        ...
