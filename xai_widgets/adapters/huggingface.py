"""A causal language model of transformers, lent by the user: run through private views, never changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from xai_widgets.adapters import attention, edges, logit_parts, passes, resuming
from xai_widgets.adapters.base import (
    AttentionCall,
    Candidate,
    EdgeRun,
    Edit,
    Gradient,
    LogitParts,
    Off,
    PartName,
    PartOutputs,
    Trace,
    Variant,
)  # fmt: skip
from xai_widgets.adapters.checks import check_logits, check_model, check_tokenizer, measure
from xai_widgets.adapters.generation import write
from xai_widgets.adapters.lent import Lent
from xai_widgets.adapters.memory import ran_out
from xai_widgets.adapters.prompt_cache import PromptCache
from xai_widgets.adapters.tokenization import TokenReader
from xai_widgets.core.context import Context
from xai_widgets.core.cost import Cost
from xai_widgets.core.directions import Direction
from xai_widgets.core.errors import OutOfMemoryError, TooLongError, ValueRefusedError
from xai_widgets.core.interventions import Intervention, What
from xai_widgets.core.sites import Sites
from xai_widgets.core.targets import Question
from xai_widgets.core.tokens import Tokens

if TYPE_CHECKING:
    import numpy as np

    from xai_widgets.adapters.scoring import Scorer


class HuggingFaceAdapter(Lent):
    """See `adapters.base.ModelAdapter` for every member that is not described here.

    Args:
        model: a decoder-only model with a language-model head, in any mode, on any device, wrapped by PEFT,
            accelerate or torch.compile or not.
        tokenizer: the one it was trained with.
        name: shown to people; by default the name in the model's config.

    Raises:
        ModelError: weights hold NaN, or a forward pass rewrites them, or the module gives no logits.
        CapabilityError: a kind of model that is not supported (encoder, encoder-decoder, classifier).
        TokenizerError: the tokenizer's vocabulary does not fit the model's embedding.
    """

    def __init__(self, model: nn.Module, tokenizer: Any, name: str | None = None) -> None:  # noqa: ANN401
        """Check the pair by running it (well under a second on a small model)."""
        super().__init__(model, tokenizer, name)
        self._prompts = PromptCache(lambda: self.fingerprint, lambda: self.device_of_inputs)
        self._scorer: Scorer | None = None

        facts = check_model(self)
        self.d_vocab = facts.d_vocab
        self.d_model = int(self.said("hidden_size", "n_embd", "d_model") or facts.d_embedding)
        check_tokenizer(tokenizer, facts.n_embeddings)
        self._reader = TokenReader(tokenizer, facts.n_embeddings, self.max_length)
        self._capabilities = measure(self, facts)
        self._later = {
            "resume": lambda: resuming.probe(self, packed=self._capabilities["tree_packing"].works),
            "parts": lambda: logit_parts.probe(self),
            "edges": lambda: edges.probe(self),
        }
        self._capabilities["attention"], self._attention_gaps = attention.probe(self, self.d_vocab)
        # rotary angles that change with the length of the text make kept keys wrong for a longer one
        angles = str(self.said("rope_parameters", "rope_scaling"))
        self._prompts.works = self._capabilities["prefix_reuse"].works and not re.search("dynamic|longrope", angles)

    # -- the model -------------------------------------------------------------------------------------------------

    def head_of(self, view: nn.Module) -> nn.Module:
        """The output embedding of a view."""
        return view.get_output_embeddings()

    def read(self, view: nn.Module, inputs: torch.Tensor) -> torch.Tensor | None:
        """Run a view over ids [row, pos], for its hooks' sake; logits [1, d_vocab] at the last position only."""
        logits, _ = passes.run(self, view, inputs, torch.tensor([inputs.numel() - 1], device=inputs.device))
        return logits

    # -- tokens ----------------------------------------------------------------------------------------------------

    def continuation(self, text: str) -> tuple[int, ...]:
        """Ids of a text that follows the prompt."""
        return self._reader.continuation(text)

    # -- what comes next -------------------------------------------------------------------------------------------

    def candidates(
        self, tokens: Tokens, k: int = 10, context: Context | None = None, also: Sequence[int] = ()
    ) -> list[Candidate]:
        """The `k` most probable next tokens, then those of `also` that are not among them."""
        (context or Context()).check()
        logits = self._next_logits(tokens.ids.tolist())
        prob = torch.softmax(logits, dim=-1)
        top = torch.topk(logits, min(k, len(logits))).indices.tolist()
        return [
            Candidate(i, self.token_text(i), float(prob[i]), float(logits[i])) for i in dict.fromkeys([*top, *also])
        ]

    def generate(
        self,
        source: str | Sequence[Mapping[str, str]] | Tokens,
        max_new_tokens: int = 20,
        context: Context | None = None,
        *,
        temperature: float = 0.0,
    ) -> Tokens:
        """The input followed by what the model writes."""
        tokens = source if isinstance(source, Tokens) else self.tokenize(source)
        context = context or Context()
        if max_new_tokens < 0 or temperature < 0:
            raise ValueRefusedError(
                "generate",
                given=f"max_new_tokens={max_new_tokens}, temperature={temperature}",
                accepted="numbers of at least 0",
                hint="temperature 0 takes the most probable token",
            )
        if len(tokens) >= self.max_length:
            raise TooLongError(len(tokens) + 1, self.max_length)
        before = tokens.ids.tolist()
        steps = min(max_new_tokens, self.max_length - len(before))
        ids = list(write(self._next_logits, before, steps, context, temperature=temperature, stop_ids=self.stop_ids))
        return self.with_generated(tokens, ids)

    def with_generated(self, prompt: Tokens, ids: Sequence[int]) -> Tokens:
        """The prompt followed by ids the model wrote earlier."""
        chat = any(token.role != "text" and token.kind != "special" for token in prompt)
        return prompt.extended(
            self._reader.written(
                prompt.ids.tolist(),
                list(ids),
                part="generated",
                role="assistant" if chat else "text",
                turn=prompt[-1].turn,
            )
        )

    def _next_logits(self, ids: Sequence[int]) -> torch.Tensor:
        """Logits [d_vocab] after ids, float32 on the CPU."""
        with self.session() as own, torch.inference_mode():
            try:
                logits = self._prompts.logits(own, ids).cpu()
            except (RuntimeError, MemoryError) as error:
                if not ran_out(error):
                    raise
                self._prompts.drop()
                raise OutOfMemoryError("the prompt", n_tokens=len(ids)) from error
        check_logits(logits)
        return logits.clone()

    # -- numbers ---------------------------------------------------------------------------------------------------

    @property
    def scorer(self) -> Scorer:
        """The engine under all perturbation methods, made at first use."""
        if self._scorer is None:
            from xai_widgets.adapters.scoring import Scorer

            self._scorer = Scorer(self)
        return self._scorer

    def score(
        self,
        question: Question,
        variants: Sequence[Variant],
        context: Context,
        on_batch: Callable[[np.ndarray, np.ndarray], None] | None = None,
    ) -> np.ndarray:
        """The explained number under each variant: float32 [variant, row]."""
        return self.scorer.score(question, variants, context, on_batch)

    def score_cost(self, question: Question, shapes: Sequence[tuple[int, int]]) -> Cost:
        """What `score` would run for variants of these shapes."""
        return self.scorer.cost(question, shapes)

    def value(self, question: Question, context: Context) -> np.ndarray:
        """The explained number on the input as it is: float32 [row]."""
        return self.scorer.value(question, context)

    def embed(self, ids: Sequence[int]) -> torch.Tensor:
        """Input embeddings [pos, d_model]."""
        with self.session() as own, torch.no_grad():
            return (
                self.embedding_of(own)(torch.tensor(list(ids), device=self.device_of_inputs)[None])[0].detach().clone()
            )

    def embedding_table(self) -> torch.Tensor:
        """All embeddings [d_vocab, d_model]; the weight itself where the module does nothing but look up."""
        with self.session() as own, torch.no_grad():
            embedding = self.embedding_of(own)
            if (
                type(embedding) is nn.Embedding
                and embedding.max_norm is None
                and not embedding.weight.is_meta
                and not embedding._forward_hooks
            ):
                return embedding.weight.detach()
            ids = torch.arange(self._reader.n_ids, device=self.device_of_inputs)
            return torch.cat([embedding(part[None])[0].detach() for part in ids.split(8192)])

    def gradient(self, question: Question, embeddings: torch.Tensor, context: Context) -> Gradient:
        """Values and gradients at each of `embeddings` [step, pos, d_model]."""
        from xai_widgets.adapters import gradients

        return gradients.gradient(self, question, embeddings, context)

    def values_at(self, question: Question, embeddings: torch.Tensor, context: Context) -> torch.Tensor:
        """The values of `gradient` without the gradients: [row, step]."""
        from xai_widgets.adapters import gradients

        return gradients.values_at(self, question, embeddings, context)

    def attention(
        self,
        ids: Sequence[int],
        found: Callable[[AttentionCall], None],
        context: Context,
        layers: Sequence[int] | None = None,
    ) -> torch.Tensor | None:
        """Run the model and hand over each attention call of these layers; logits of the next token if it ran to its end."""
        self.require("attention")
        logits = attention.capture(self, ids, found, context, layers)
        if logits is not None:
            check_logits(logits)
        return logits

    def value_zeroing(self, ids: Sequence[int], layer: int, context: Context) -> torch.Tensor:
        """How much each position's output of the block changes without each key's values: [query, key]."""
        from xai_widgets.adapters.value_zeroing import value_zeroing

        self.require("attention")
        return value_zeroing(self, ids, layer, context)

    def without_attention(self, ids: Sequence[int], offs: Sequence[Off | None], context: Context) -> torch.Tensor:
        """Logits of the next token [off, d_vocab] with each part switched off in turn."""
        from xai_widgets.adapters.attention_off import without

        self.require("attention")
        return without(self, ids, offs, context)

    def trace(
        self,
        ids: Sequence[int],
        context: Context,
        wanted: Sequence[int] | None = None,
        *,
        edits: bool = True,
        embeddings: torch.Tensor | None = None,
    ) -> Trace:
        """Read a text once and keep every residual stream."""
        self.require("resume")
        keep = edits and self.scorer.packs(len(ids))
        found = resuming.trace(self, ids, context, wanted, keep_cache=keep, embeddings=embeddings)
        check_logits(found.logits)
        return found

    def resumed(self, trace: Trace, edits: Sequence[Edit], context: Context) -> Iterator[tuple[int, torch.Tensor]]:
        """(index of an edit, logits [wanted, d_vocab]) of the pass taken up with that edit."""
        assert isinstance(trace, resuming.Trace)
        packed = trace.cache is not None
        return resuming.resumed(self, trace, edits, context, self.scorer.budget, packed=packed)

    def readout(
        self,
        trace: Trace,
        states: torch.Tensor,
        use: Callable[[int, torch.Tensor], None],
        context: Context,
        chunk: int,
    ) -> None:
        """What the model would say next if each of `states` left its last block."""
        assert isinstance(trace, resuming.Trace)
        resuming.readout(self, trace, states, use, context, chunk)

    def stream_gradients(
        self, trace: Trace, number: Callable[[torch.Tensor], torch.Tensor], context: Context
    ) -> list[torch.Tensor]:
        """Derivative of a number by every stream: [stream][pos, d_model]."""
        from xai_widgets.adapters.stream_gradients import stream_gradients

        assert isinstance(trace, resuming.Trace)
        self.require("gradients")
        return stream_gradients(self, trace, number, context)

    def traced_gradients(
        self,
        ids: Sequence[int],
        number: Callable[[torch.Tensor], torch.Tensor],
        context: Context,
        wanted: Sequence[int] | None = None,
        *,
        edits: bool = True,
        embeddings: torch.Tensor | None = None,
    ) -> tuple[Trace, list[torch.Tensor]]:
        """`trace` and `stream_gradients` of it, in one forward and one backward pass."""
        self.require("resume", "gradients")
        keep = edits and self.scorer.packs(len(ids))
        found, gradients = resuming.traced(
            self, ids, context, wanted, keep_cache=keep, embeddings=embeddings, number=number
        )
        check_logits(found.logits)
        return found, gradients

    def readout_gradients(
        self,
        trace: Trace,
        states: torch.Tensor,
        number: Callable[[int, torch.Tensor], torch.Tensor],
        context: Context,
        chunk: int,
    ) -> torch.Tensor:
        """Derivative of a number of the readout by each of `states`."""
        from xai_widgets.adapters.readout_gradients import readout_gradients

        assert isinstance(trace, resuming.Trace)
        self.require("gradients")
        return readout_gradients(self, trace, states, number, context, chunk)

    def parts(self, ids: Sequence[int], at: Sequence[int], context: Context) -> LogitParts:
        """The logits after some positions, taken apart by who wrote them."""
        from xai_widgets.adapters.logit_parts import logit_parts

        self.require("parts")
        return logit_parts(self, ids, at, context)

    def part_outputs(
        self, ids: Sequence[int], part: PartName, context: Context, embeddings: torch.Tensor | None = None
    ) -> PartOutputs:
        """What a part of each block adds at each position."""
        from xai_widgets.adapters.exchange import part_outputs

        self.require("parts")
        return part_outputs(self, ids, part, context, embeddings)

    def exchanged(self, here: PartOutputs, new: Sequence[torch.Tensor], context: Context) -> list[torch.Tensor]:
        """What leaves each block if its part had written something else."""
        from xai_widgets.adapters.exchange import Outputs, exchanged

        self.require("parts")
        assert isinstance(here, Outputs)
        return exchanged(self, here, new, context)

    @property
    def reuses_prefix(self) -> bool:
        """Whether keys and values of a prompt can be used for a longer one."""
        return self._prompts.works

    def sites(self) -> Sites:
        """Which activations can be changed by hand, and why others can't."""
        from xai_widgets.adapters import intervening

        return intervening.sites(self)

    def intervened(
        self,
        ids: Sequence[int],
        interventions: Sequence[Intervention],
        context: Context,
        wanted: Sequence[int] | None = None,
        base: Trace | None = None,
    ) -> torch.Tensor:
        """Logits [wanted, d_vocab] of a text while activations are changed."""
        from xai_widgets.adapters import intervening

        assert base is None or isinstance(base, resuming.Trace)
        return intervening.intervened(self, ids, interventions, context, wanted, base)

    def written(
        self, ids: Sequence[int], interventions: Sequence[Intervention], max_new_tokens: int, context: Context
    ) -> list[int]:
        """Ids the model writes after a text while activations are changed."""
        from xai_widgets.adapters import intervening

        return intervening.written(self, ids, interventions, max_new_tokens, context)

    def recorded(self, ids: Sequence[int], what: What, layer: int, index: int | None, context: Context) -> torch.Tensor:
        """An activation as it is, float32 [pos, width]."""
        from xai_widgets.adapters import intervening

        return intervening.recorded(self, ids, what, layer, index, context)

    def direction(self, direction: Direction, context: Context) -> torch.Tensor:
        """The numbers of a direction with these weights."""
        from xai_widgets.adapters import intervening

        return intervening.direction(self, direction, context)

    def edges(self, ids: Sequence[int], other: Sequence[int], pairs: Sequence[int | None], context: Context) -> EdgeRun:
        """Read two texts, for edges of the first to be cut."""
        self.require("edges")
        return edges.edge_run(self, ids, other, pairs, context)

    def gradient_cost(self, question: Question, steps: int, forward_only: int = 0) -> Cost:
        """What `gradient` at so many embeddings, and `values_at` at `forward_only` more, would run."""
        from xai_widgets.adapters import gradients

        return gradients.cost(self, question, steps, forward_only)

    def steps_per_batch(self, question: Question) -> int:
        """How many embedding rows one `gradient` call should carry."""
        from xai_widgets.adapters import gradients

        return gradients.steps_per_batch(self, question)


__all__ = ["HuggingFaceAdapter"]
