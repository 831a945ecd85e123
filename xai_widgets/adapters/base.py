"""What an explainer may ask of a model, whatever library the model comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from xai_widgets.adapters.handed import (
    AttentionCall,
    Candidate,
    Capability,
    CapabilityName,
    EdgeRun,
    Edit,
    Gradient,
    LogitParts,
    Off,
    PartName,
    PartOutputs,
    Trace,
    Variant,
)
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.directions import Direction
from xai_widgets.core.interventions import Intervention, What
from xai_widgets.core.sites import Sites
from xai_widgets.core.targets import Quantity, Question, Target
from xai_widgets.core.tokens import Tokens

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


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

    @property
    def stop_ids(self) -> frozenset[int]:
        """Ids that end a text."""
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
        self,
        ids: Sequence[int],
        context: Context,
        wanted: Sequence[int] | None = None,
        *,
        edits: bool = True,
        embeddings: Tensor | None = None,
    ) -> Trace:
        """Read a text once and keep every residual stream. `wanted`: positions whose logits are kept, by default the last.

        With `edits` keys and values are kept too, which makes `resumed` faster. `embeddings` [pos, d_model] are read in place of
        those of the ids.

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

    def traced_gradients(
        self,
        ids: Sequence[int],
        number: Callable[[Tensor], Tensor],
        context: Context,
        wanted: Sequence[int] | None = None,
        *,
        edits: bool = True,
        embeddings: Tensor | None = None,
    ) -> tuple[Trace, Sequence[Tensor]]:
        """`trace` and `stream_gradients` of it in one forward and one backward pass."""
        ...

    def readout_gradients(
        self, trace: Trace, states: Tensor, number: Callable[[int, Tensor], Tensor], context: Context, chunk: int
    ) -> Tensor:
        """Derivative of `number(first index, logits [n, d_vocab])`, added up over chunks, by each of `states`: float32, detached.

        The logits are those of `readout`. The model is held for one chunk at a time.

        Raises:
            CapabilityError: the model gives no gradients. OutOfMemoryError: a chunk does not fit.
        """
        ...

    def parts(self, ids: Sequence[int], at: Sequence[int], context: Context) -> LogitParts:
        """Read a text once and take the logits after each of the positions `at` apart by who wrote them.

        Raises:
            CapabilityError: what this model's blocks add can't be told apart, or its logits are no linear reading of it.
            ValueRefusedError: no such position.
        """
        ...

    def part_outputs(
        self, ids: Sequence[int], part: PartName, context: Context, embeddings: Tensor | None = None
    ) -> PartOutputs:
        """What a part of each block adds at each position. `embeddings` as in `trace`.

        Raises:
            CapabilityError: this model's blocks, or the heads of all of them, can't be told apart.
        """
        ...

    def exchanged(self, here: PartOutputs, new: Sequence[Tensor], context: Context) -> Sequence[Tensor]:
        """What leaves each block if its part had written something else at a position: float32 [layer, pos, d_model].

        `new`: what it writes, as `here.outputs` has it. One entry; of `head` one for each head. Not a number where a layer has no
        such part.
        """
        ...

    def sites(self) -> Sites:
        """Which activations can be changed by hand, and why others can't; found by measuring at first use.

        Raises:
            CapabilityError: none can.
        """
        ...

    def intervened(
        self,
        ids: Sequence[int],
        interventions: Sequence[Intervention],
        context: Context,
        wanted: Sequence[int] | None = None,
        base: Trace | None = None,
    ) -> Tensor:
        """Logits [wanted, d_vocab] of a text while activations are changed; `wanted`: positions, by default the last.

        With `base`, a trace of the same text, the pass begins at the lowest changed layer.

        Raises:
            ValueRefusedError: no such place or position, or logits that are no numbers. CapabilityError: a part that can't be told
            apart. OutOfMemoryError. CancelledError: before the pass.
        """
        ...

    def written(
        self, ids: Sequence[int], interventions: Sequence[Intervention], max_new_tokens: int, context: Context
    ) -> list[int]:
        """Ids the model writes after a text (greedy) while activations are changed; as `intervened` otherwise.

        Positions given by `at` are the prompt's; with `start`, and everywhere, written tokens are changed as they are read.
        """
        ...

    def recorded(self, ids: Sequence[int], what: What, layer: int, index: int | None, context: Context) -> Tensor:
        """An activation as it is, float32 [pos, width]: what an intervention of the same `what`, `layer` and `index` changes."""
        ...

    def direction(self, direction: Direction, context: Context) -> Tensor:
        """The numbers of a direction with these weights, float32 [d_model] (of given ones as many as given).

        Raises:
            TargetError: no such token. ValueRefusedError: two sides that are the same. CapabilityError: neurons can't be told apart.
        """
        ...

    def edges(self, ids: Sequence[int], other: Sequence[int], pairs: Sequence[int | None], context: Context) -> EdgeRun:
        """Read two texts, for edges of the first to be cut. `pairs`: for each position its counterpart in `other`.

        Raises:
            CapabilityError: heads or MLPs of this model can't be run on streams of their own.
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
    "EdgeRun",
    "Edit",
    "Gradient",
    "LogitParts",
    "ModelAdapter",
    "Off",
    "PartName",
    "PartOutputs",
    "Quantity",
    "Target",
    "Trace",
    "Variant",
]
