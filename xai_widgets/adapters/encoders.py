"""Models that write no next token after what they read: encoders, classifiers and bare stacks, and encoder-decoders.

Their attention can be looked at. Everything that needs the logits of a next token is refused with one sentence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, get_args

import torch
from torch import nn

from xai_widgets.adapters import attention, checks
from xai_widgets.adapters.base import AttentionCall, Candidate, Capability, CapabilityName, Off
from xai_widgets.adapters.blocks import decoder_blocks_of, encoder_blocks_of, n_layers_of
from xai_widgets.adapters.lent import Lent, first_of
from xai_widgets.adapters.tokenization import TokenReader
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, ModelError, TooLongError, ValueRefusedError
from xai_widgets.core.tokens import Tokens

WRITTEN: Final = 20
"""Tokens an encoder-decoder writes where nothing is said about its output."""


def _refused(what: str) -> Callable[..., NoReturn]:
    """A member only causal language models have: it says so."""

    def refuse(self: EncoderAdapter, *_: Any, **__: Any) -> NoReturn:  # noqa: ANN401 - whatever it is asked
        raise CapabilityError(what, reason=f"it is {self.kind}: not for this kind of model yet", hint=self.hint)

    return refuse


class EncoderAdapter(Lent):
    """One stack of blocks without next-token logits: bert and its kin, with or without a head; a decoder's base model.

    Args:
        model: the model, in any mode, on any device. tokenizer: the one it was trained with.
        name: shown to people; by default the name in the model's config.

    Raises:
        ModelError: weights hold NaN, or a forward pass rewrites them or fails. TokenizerError: the tokenizer's
            vocabulary does not fit the model's embedding.

    >>> lm = EncoderAdapter(model, tokenizer)  # doctest: +SKIP
    >>> lm.attention(lm.tokenize("The cat").ids.tolist(), print, Context())  # doctest: +SKIP
    """

    hint = "xw.Attention(lm, text) shows this model's attention; xw.explain needs a causal language model so far"
    kind = "an encoder, or a model without a next token's logits"
    _stack: attention.Stack = "encoder"

    def __init__(self, model: nn.Module, tokenizer: Any, name: str | None = None) -> None:  # noqa: ANN401
        """Check the pair by running it on a short input."""
        super().__init__(model, tokenizer, name)
        rows, width = checks.check_embedding(self)
        self.d_vocab = rows
        self.d_model = int(self.said("hidden_size", "d_model", "dim", "n_embd") or width)
        self.n_heads = int(
            self.said("num_attention_heads", "encoder_attention_heads", "n_heads", "num_heads", "n_head") or 0
        )
        self.max_length = _positions(model, tokenizer, self.max_length)
        checks.check_tokenizer(tokenizer, rows)
        self._reader = TokenReader(tokenizer, rows, self.max_length)
        self._run_once(rows)
        with self.session() as view:
            self.n_layers = self._count(view)
        calls: list[bool] = []
        kinds: set[str] = set()

        def ask(ids: Sequence[int], found: Callable[[AttentionCall], None]) -> None:
            def both(call: AttentionCall) -> None:
                calls.append(call.causal)
                kinds.add(call.stack)
                found(call)

            self._capture(ids, both, Context())

        works, self._attention_gaps = attention.probe(self, rows, ask)
        if works.works and (lacking := self._lacking(kinds)):
            works = Capability(False, f"its {' and '.join(lacking)} attention gives no weights")
        self._stack = "decoder" if calls and all(calls) else "encoder"
        no = Capability(False, f"it is {self.kind}: not for this kind of model yet")
        self._capabilities = dict.fromkeys(get_args(CapabilityName), no) | {"attention": works}

    def _count(self, view: nn.Module) -> int:
        return n_layers_of(view)

    def _lacking(self, stacks: set[str]) -> list[str]:
        """Stacks that should give weights and gave none."""
        return []

    def _capture(
        self,
        ids: Sequence[int],
        found: Callable[[AttentionCall], None],
        context: Context,
        layers: Sequence[int] | None = None,
    ) -> None:
        attention.capture(self, ids, found, context, layers, self._stack)

    def _run_once(self, rows: int) -> None:
        """A pass under guard; a second one tells the speed."""
        ids = [(7 + 31 * i) % rows for i in range(6)]
        with self.session() as view, torch.no_grad():
            inputs = torch.tensor([ids], device=self.device_of_inputs)
            with checks.guarded(getattr(self.model, "_orig_mod", self.model)):
                try:
                    self.read(view, inputs)
                except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
                    if isinstance(error, checks.RewriteError):
                        raise
                    raise ModelError(
                        f"The model fails on a short input: {type(error).__name__}: {str(error)[:200]}.",
                        given=f"{len(ids)} token ids",
                        accepted="a model that runs: model(input_ids=...)",
                        hint="run it yourself on a short input first; its configuration and weights may not fit together",
                    ) from error
            began = time.perf_counter()
            self.read(view, inputs)
            self.speed.record(len(ids), 1, time.perf_counter() - began)

    def read(self, view: nn.Module, inputs: torch.Tensor) -> None:
        """Run a view over ids [row, pos], for its hooks' sake."""
        view(input_ids=inputs, attention_mask=torch.ones_like(inputs), return_dict=True)

    def candidates(
        self, tokens: Tokens, k: int = 10, context: Context | None = None, also: Sequence[int] = ()
    ) -> list[Candidate]:
        """None: no next token follows."""
        return []

    def attention(
        self,
        ids: Sequence[int],
        found: Callable[[AttentionCall], None],
        context: Context,
        layers: Sequence[int] | None = None,
    ) -> None:
        """Run the model and hand over each attention call of these layers, of stack `encoder` (`decoder` where causal)."""
        self.require("attention")
        self._capture(ids, found, context, layers)

    def value_zeroing(self, ids: Sequence[int], layer: int, context: Context) -> torch.Tensor:
        """How much each position's output of the block changes without each key's values: [query, key]."""
        from xai_widgets.adapters.value_zeroing import value_zeroing

        self.require("attention")
        return value_zeroing(self, ids, layer, context)

    def without_attention(self, ids: Sequence[int], offs: Sequence[Off | None], context: Context) -> torch.Tensor:
        """Refused: there is no next token to compare.

        Raises:
            CapabilityError: always.
        """
        raise CapabilityError("Switching attention off", reason=f"it is {self.kind}", hint=self.hint)

    continuation = _refused("A continuation of the text")
    generate = _refused("Generation")
    with_generated = _refused("Generation")
    score = _refused("A target's score")
    score_cost = _refused("A target's score")
    value = _refused("A target's score")
    embed = _refused("Input embeddings")
    embedding_table = _refused("Input embeddings")
    gradient = _refused("Gradients")
    gradient_cost = _refused("Gradients")
    values_at = _refused("Gradients")
    steps_per_batch = _refused("Gradients")
    trace = _refused("A layer's state in words")
    resumed = _refused("A layer's state in words")
    readout = _refused("A layer's state in words")
    stream_gradients = _refused("Gradients")
    readout_gradients = _refused("Gradients")
    traced_gradients = _refused("Gradients")
    part_outputs = _refused("A part's state")
    exchanged = _refused("A part's state")
    sites = _refused("Steering")
    intervened = _refused("Steering")
    written = _refused("Steering")
    recorded = _refused("Steering")
    direction = _refused("Steering")
    parts = _refused("Taking a logit apart")
    edges = _refused("Cutting edges")


class EncoderDecoderAdapter(EncoderAdapter):
    """An encoder and a decoder that looks at it: t5, bart, marian and their kin.

    The text is what the encoder reads. Calls of attention have the stacks `encoder` (layers count its blocks), `decoder`
    and `cross` (layers count the decoder's blocks; queries are positions of the output, keys those of the text).
    """

    kind = "an encoder-decoder"
    _written: tuple[tuple[str, tuple[int, ...], int], tuple[int, ...]] | None = None
    """The last source and what was written for it: maps of one text are asked for again and again."""

    def _count(self, view: nn.Module) -> int:
        n = max(len(encoder_blocks_of(view)), len(decoder_blocks_of(view)))
        return n or super()._count(view)

    def _lacking(self, stacks: set[str]) -> list[str]:
        return [name for name in ("encoder", "decoder", "cross") if name not in stacks]

    def read(self, view: nn.Module, inputs: torch.Tensor) -> None:
        """Run a view over source ids [row, pos], the decoder over its first token."""
        self._run(view, inputs, [self._start()])

    def _run(self, view: nn.Module, inputs: torch.Tensor, output_ids: Sequence[int]) -> None:
        outputs = torch.tensor([list(output_ids)], device=inputs.device)
        view(
            input_ids=inputs, attention_mask=torch.ones_like(inputs), decoder_input_ids=outputs, use_cache=False,
            return_dict=True,
        )  # fmt: skip

    def _start(self) -> int:
        config = self.model.config
        return int(first_of(config, "decoder_start_token_id", "bos_token_id", "pad_token_id") or 0)

    def output_of(self, ids: Sequence[int], context: Context, max_new_tokens: int = WRITTEN) -> tuple[int, ...]:
        """What the model writes for a source, greedily, as its decoder reads it: the start token first.

        A model without a language-model head writes nothing: the start token alone.
        """
        context.check()
        asked = (self.fingerprint, tuple(ids), max_new_tokens)
        if self._written is not None and self._written[0] == asked:
            return self._written[1]
        can = getattr(self.model, "can_generate", None)
        if not callable(can) or not can():
            return (self._start(),)
        with self.session() as view, torch.inference_mode():
            inputs = torch.tensor([list(ids)], device=self.device_of_inputs)
            start = {} if first_of(view.config, "decoder_start_token_id") is not None else {
                "decoder_start_token_id": self._start()
            }  # fmt: skip
            written = view.generate(
                inputs, attention_mask=torch.ones_like(inputs), max_new_tokens=max_new_tokens, do_sample=False,
                num_beams=1, **start,
            )  # fmt: skip
        context.check()
        self._written = asked, tuple(int(i) for i in written[0])
        return self._written[1]

    def attention(
        self,
        ids: Sequence[int],
        found: Callable[[AttentionCall], None],
        context: Context,
        layers: Sequence[int] | None = None,
        output_ids: Sequence[int] | None = None,
    ) -> None:
        """Run the model and hand over each attention call of these layers of both stacks.

        Args:
            ids: what the encoder reads. found, context, layers: see `adapters.base.ModelAdapter.attention`.
            output_ids: what the decoder reads, its start token included; None: what the model writes (`output_of`).
        """
        self.require("attention")
        written = self.output_of(ids, context) if output_ids is None else tuple(output_ids)
        if not written:
            raise ValueRefusedError(
                "output_ids", given="no ids", accepted="at least the decoder's start token",
                hint="leave it out for what the model writes",
            )  # fmt: skip
        if len(written) > self.max_length:
            raise TooLongError(len(written), self.max_length)
        self._reader.check_ids(written)

        self._both(ids, written, found, context, layers)

    def _capture(
        self,
        ids: Sequence[int],
        found: Callable[[AttentionCall], None],
        context: Context,
        layers: Sequence[int] | None = None,
    ) -> None:
        self._both(ids, [self._start(), *ids[:3]], found, context, layers)

    def _both(
        self,
        ids: Sequence[int],
        written: Sequence[int],
        found: Callable[[AttentionCall], None],
        context: Context,
        layers: Sequence[int] | None,
    ) -> None:
        def checked(call: AttentionCall) -> None:
            context.check()
            found(call)

        with self.session() as view, torch.inference_mode():
            attention.check_layers(layers, self.n_layers)
            inputs = torch.tensor([list(ids)], device=self.device_of_inputs)
            encoder, decoder = encoder_blocks_of(view), decoder_blocks_of(view)
            above = None if layers is None else [i for i in layers if i < len(decoder)]
            below = None if layers is None else [i for i in layers if i < len(encoder)]
            with (
                attention.watched(view, below, checked, blocks=encoder, stack="encoder", to_the_end=True),
                attention.watched(view, above, checked, blocks=decoder, stack="decoder", to_the_end=not above),
            ):
                self._run(view, inputs, written)

    def value_zeroing(self, ids: Sequence[int], layer: int, context: Context) -> torch.Tensor:
        """Refused so far: a decoder's block needs the encoder's output.

        Raises:
            CapabilityError: always.
        """
        raise CapabilityError("Value zeroing", reason=f"it is {self.kind}: not for this kind yet", hint=self.hint)


def _positions(model: nn.Module, tokenizer: Any, said: int) -> int:  # noqa: ANN401 - any tokenizer
    """The longest input: roberta's kin count positions from after the padding id, and have as many fewer."""
    for path, module in model.named_modules():
        if path.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            said = min(said, module.num_embeddings - module.padding_idx - 1)
    limit = getattr(tokenizer, "model_max_length", None)
    return min(said, limit) if isinstance(limit, int) and limit > 0 else said


def adapter_of(model: nn.Module, tokenizer: Any, name: str | None = None) -> EncoderAdapter:  # noqa: ANN401
    """The adapter of a model that is no causal language model."""
    config = getattr(model, "_orig_mod", model).config
    made = EncoderDecoderAdapter if getattr(config, "is_encoder_decoder", False) else EncoderAdapter
    return made(model, tokenizer, name)


__all__ = ["WRITTEN", "EncoderAdapter", "EncoderDecoderAdapter", "adapter_of"]
