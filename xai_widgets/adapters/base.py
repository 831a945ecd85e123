"""What an explainer may ask of a model, whatever library the model comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.targets import Quantity, Question, Target
from xai_widgets.core.tokens import Tokens

if TYPE_CHECKING:
    import numpy as np
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
    """

    layer: int
    at: tuple[int, ...]
    states: Tensor


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

    def unsplit(self, layer: int) -> tuple[str, str]:
        """Why a layer can't be split over heads, and why not over neurons; "" where it can."""
        ...


@runtime_checkable
class ModelAdapter(Protocol):
    """A causal language model and its tokenizer, lent to us: nothing here changes either.

    Calls are serial (one lock). Every call takes a `Context`, reports to it between batches, and stops when it
    raises `CancelledError`.
    """

    name: str
    n_layers: int
    n_heads: int
    d_model: int
    d_vocab: int
    max_length: int
    model: Any
    tokenizer: Any
    origin: str
    """The call that loads it again (`xw.load("...")`); empty for objects of the user's own."""

    @property
    def device(self) -> str:
        """Where the embedding lives."""
        ...

    @property
    def dtype(self) -> str:
        """`float32`, `bfloat16`, ..."""
        ...

    @property
    def fingerprint(self) -> str:
        """Short hash of the weights now: changes when training changes them."""
        ...

    @property
    def tokenizer_fingerprint(self) -> str:
        """Short hash of vocabulary, special tokens and template."""
        ...

    @property
    def capabilities(self) -> Mapping[CapabilityName, Capability]:
        """What works, measured at load."""
        ...

    def require(self, *names: CapabilityName) -> None:
        """Raise `CapabilityError` with the reason unless all of these work."""
        ...

    def tokenize(self, source: str | Sequence[Mapping[str, str]] | Sequence[int]) -> Tokens:
        """Tokens of a text, of chat messages (through the model's own template, ready to be answered) or of ids.

        Raises:
            EmptyTextError, TooLongError, TokenizerError, ValueRefusedError.
        """
        ...

    def continuation(self, text: str) -> tuple[int, ...]:
        """Ids of a text that follows the prompt (no specials added)."""
        ...

    def token_text(self, token_id: int) -> str:
        """Text of one vocabulary entry, for labels; lossless pieces of characters show as `<0xNN>`."""
        ...

    def candidates(
        self, tokens: Tokens, k: int = 10, context: Context | None = None, also: Sequence[int] = ()
    ) -> list[Candidate]:
        """The `k` most probable next tokens, then those of `also` that are not among them.

        The prefix shared with the last call is not computed again.
        """
        ...

    def generate(
        self,
        source: str | Sequence[Mapping[str, str]] | Tokens,
        max_new_tokens: int = 20,
        context: Context | None = None,
        *,
        temperature: float = 0.0,
    ) -> Tokens:
        """The input followed by what the model writes (greedy at temperature 0), as tokens of part `generated`."""
        ...

    def with_generated(self, prompt: Tokens, ids: Sequence[int]) -> Tokens:
        """The prompt followed by ids the model wrote earlier, as tokens of part `generated` (text decoded losslessly)."""
        ...

    def score(
        self,
        question: Question,
        variants: Sequence[Variant],
        context: Context,
        on_batch: Callable[[np.ndarray, np.ndarray], None] | None = None,
    ) -> np.ndarray:
        """The explained number under each variant: float32 [variant, row].

        `on_batch` is called with (indices of variants, their rows) as batches finish, in the order the scorer chose.
        """
        ...

    def score_cost(self, question: Question, shapes: Sequence[tuple[int, int]]) -> Cost:
        """What `score` would run for variants given as (positions shared with the input, positions in all)."""
        ...

    def value(self, question: Question, context: Context) -> np.ndarray:
        """The explained number on the input as it is: float32 [row]."""
        ...

    def embed(self, ids: Sequence[int]) -> Tensor:
        """Input embeddings [pos, d_model], as the model's first block receives their source, detached."""
        ...

    def embedding_table(self) -> Tensor:
        """All embeddings [d_vocab, d_model] after whatever the embedding module does to them; detached."""
        ...

    def gradient(self, question: Question, embeddings: Tensor, context: Context) -> Gradient:
        """Values and gradients when the input's embeddings are replaced by each of `embeddings` [step, pos, d_model].

        Target tokens keep their own embeddings. All steps go in one batch: the caller chooses how many.
        """
        ...

    def gradient_cost(self, question: Question, steps: int, forward_only: int = 0) -> Cost:
        """What gradients at so many embeddings, and values alone at `forward_only` more, would run in batches."""
        ...

    def values_at(self, question: Question, embeddings: Tensor, context: Context) -> Tensor:
        """The values of `gradient` without the gradients: [row, step], at a third of the cost or less."""
        ...

    def attention(
        self,
        ids: Sequence[int],
        found: Callable[[AttentionCall], None],
        context: Context,
        layers: Sequence[int] | None = None,
    ) -> Tensor | None:
        """Run the model and hand over each attention call of these layers (None: all), in order, while the pass runs.

        With layers given, the pass ends after the last of them. What is not kept costs no memory; what is kept can be
        asked later.

        Returns:
            Logits of the next token, float32 [d_vocab], where the pass ran to its end and the model has them.

        Raises:
            CapabilityError: the model has no attention weights. ValueRefusedError: a layer out of range.
            CancelledError: between layers.
        """
        ...

    def attention_gaps(self) -> Mapping[int, str]:
        """Blocks without attention weights, and what stands there instead."""
        ...

    def value_zeroing(self, ids: Sequence[int], layer: int, context: Context) -> Tensor:
        """How much each position's output of the block changes without each key's values: float32 [query, key], 0 to 2.

        Raises:
            CapabilityError: this model's blocks can't be run so. ValueRefusedError: no such layer, or a text too long.
        """
        ...

    def without_attention(self, ids: Sequence[int], offs: Sequence[Off | None], context: Context) -> Tensor:
        """Logits of the next token, float32 [off, d_vocab], with each part switched off in turn (None: nothing is off).

        A head's (or layer's) output is set to zero before the output projection; at an edge the query may not see the key.

        Raises:
            CapabilityError: this model's heads can't be switched. ValueRefusedError: no such layer, head or position.
        """
        ...

    def trace(
        self, ids: Sequence[int], context: Context, wanted: Sequence[int] | None = None, *, edits: bool = True
    ) -> Trace:
        """Read a text once and keep every residual stream. `wanted`: positions whose logits are kept, by default the last.

        With `edits` keys and values are kept too, which makes `resumed` faster.

        Raises:
            CapabilityError: passes of this model can't be taken up. OutOfMemoryError. CancelledError: between layers.
        """
        ...

    def resumed(self, trace: Trace, edits: Sequence[Edit], context: Context) -> Iterator[tuple[int, Tensor]]:
        """(index of an edit, logits [wanted, d_vocab]) of the pass taken up with that edit; those of one layer share passes."""
        ...

    def readout(
        self, trace: Trace, states: Tensor, use: Callable[[int, Tensor], None], context: Context, chunk: int
    ) -> None:
        """What the model would say next if each of `states` [state, d_model] left its last block (the logit lens).

        `use(first index, logits [n, d_vocab])` is called in order, with at most `chunk` at once; the logits are its to overwrite.
        """
        ...

    def stream_gradients(self, trace: Trace, number: Callable[[Tensor], Tensor], context: Context) -> Sequence[Tensor]:
        """Derivative of `number(logits [wanted, d_vocab])` by every stream: [stream][pos, d_model], detached."""
        ...

    def parts(self, ids: Sequence[int], at: Sequence[int], context: Context) -> LogitParts:
        """Read a text once and take the logits after each of the positions `at` apart by who wrote them.

        Raises:
            CapabilityError: what this model's blocks add can't be told apart, or its logits are no linear reading of it.
            ValueRefusedError: no such position.
        """
        ...

    def exchanged(
        self,
        ids: Sequence[int],
        source: Sequence[int],
        pairs: Sequence[int | None],
        part: Literal["attn_out", "mlp_out", "head"],
        context: Context,
    ) -> Sequence[Tensor]:
        """What leaves each block if its part had written at a position what it writes in another text: float32 [layer, pos, d_model].

        One entry; of `head` one for each head. Not a number where a layer has no such part. `pairs`: for each position its
        counterpart in `source`.

        Raises:
            CapabilityError: this model's parts, or its heads, can't be told apart.
        """
        ...

    def steps_per_batch(self, question: Question) -> int:
        """How many embedding rows one `gradient` call should carry on this device."""
        ...

    def estimate(self, cost: Cost) -> Cost:
        """The same cost with seconds from the speed measured on this model and device."""
        ...


__all__ = [
    "AttentionCall",
    "Candidate",
    "Capability",
    "CapabilityName",
    "Edit",
    "Gradient",
    "LogitParts",
    "ModelAdapter",
    "Off",
    "Quantity",
    "Target",
    "Trace",
    "Variant",
]
