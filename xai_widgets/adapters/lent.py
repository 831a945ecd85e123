"""What adapters of all kinds of models share: the user's model and tokenizer, lent to us, and what they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import torch
from torch import nn

from xai_widgets.adapters.base import Capability, CapabilityName
from xai_widgets.adapters.fingerprint import WeightsFingerprint, tokenizer_fingerprint
from xai_widgets.adapters.generation import stop_ids
from xai_widgets.adapters.hooks import view
from xai_widgets.adapters.speed import Speed
from xai_widgets.adapters.tokenization import TokenReader
from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import CapabilityError
from xai_widgets.core.tokens import Tokens

_NO_LIMIT: Final = 1_000_000


class Lent:
    """See `adapters.base.ModelAdapter` for every member that is not described here. Kinds set the rest when they are made."""

    hint = "choose a method that does not need it (xw.methods() says what each needs)"
    """What to do where something is asked that does not work."""

    d_model: int
    _reader: TokenReader
    _capabilities: dict[CapabilityName, Capability]
    _later: dict[CapabilityName, Callable[[], Capability]]
    """Capabilities that are measured when they are first asked about."""
    _attention_gaps: Mapping[int, str]

    def __init__(self, model: nn.Module, tokenizer: Any, name: str | None = None) -> None:  # noqa: ANN401
        """Look at the configuration; nothing is run here."""
        self.model = model
        self.tokenizer = tokenizer
        self.origin = ""
        self.lock = threading.RLock()
        self.speed = Speed()
        self.text_config = model.config.get_text_config(decoder=True)
        self.name = name or getattr(model.config, "_name_or_path", "") or type(model).__name__
        self.n_layers = int(self.said("num_hidden_layers", "n_layer", "num_layers", "n_layers") or 0)
        self.n_heads = int(self.said("num_attention_heads", "n_head", "num_heads") or 0)
        self.max_length = _max_length(self.text_config, tokenizer)
        self._fingerprint = WeightsFingerprint(model)
        self._tokenizer_state: tuple[Any, str] | None = None
        self._capabilities, self._later = {}, {}

    def __repr__(self) -> str:
        """One line: what it is and where."""
        return f"<{self.name}: {self.n_layers} layers, {self.n_heads} heads, d_model {self.d_model}, {self.dtype} on {self.device}>"

    def said(self, *names: str) -> Any:  # noqa: ANN401 - any setting
        """The first of these settings that the configuration has."""
        return first_of(self.text_config, *names)

    # -- the model -------------------------------------------------------------------------------------------------

    @contextmanager
    def session(self) -> Iterator[nn.Module]:
        """A fresh private view, alone: one lock for each adapter. Inference and gradient modes are left to the caller."""
        with self.lock:
            yield view(self.model)

    def embedding_of(self, view: nn.Module) -> nn.Module:
        """The input embedding of a view."""
        return view.get_input_embeddings()

    @property
    def device_of_inputs(self) -> torch.device:
        """Where ids go: the embedding's device, or the one it is brought to when it runs."""
        embedding = self.embedding_of(getattr(self.model, "_orig_mod", self.model))
        found = next((p.device for p in embedding.parameters()), torch.device("cpu"))
        if found.type == "meta":
            return torch.device(getattr(embedding._hf_hook, "execution_device", None) or "cpu")
        return found

    @property
    def device(self) -> str:
        """Where the embedding lives."""
        return str(self.device_of_inputs)

    @property
    def dtype(self) -> str:
        """`float32`, `bfloat16`, ..."""
        embedding = self.embedding_of(getattr(self.model, "_orig_mod", self.model))
        return str(
            next((p.dtype for p in embedding.parameters() if p.is_floating_point()), torch.float32)
        ).removeprefix("torch.")

    @property
    def fingerprint(self) -> str:
        """Short hash of the weights now."""
        with self.lock:
            return self._fingerprint()

    @property
    def tokenizer_fingerprint(self) -> str:
        """Short hash of vocabulary, special tokens and template."""
        state = (len(self.tokenizer), str(self.tokenizer.special_tokens_map), str(self.tokenizer.chat_template))
        if self._tokenizer_state is None or self._tokenizer_state[0] != state:
            self._tokenizer_state = (state, tokenizer_fingerprint(self.tokenizer))
        return self._tokenizer_state[1]

    # -- what it can do --------------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> Mapping[CapabilityName, Capability]:
        """What works, measured."""
        for name in list(self._later):
            self._capability(name)
        return self._capabilities

    def _capability(self, name: CapabilityName) -> Capability:
        with self.lock:
            if name in self._later:
                self._capabilities[name] = self._later[name]()
                del self._later[name]
            return self._capabilities.get(name, Capability(False, "it was not checked"))

    def require(self, *names: CapabilityName) -> None:
        """Raise `CapabilityError` with the reason unless all of these work."""
        for name in names:
            found = self._capability(name)
            if not found.works:
                raise CapabilityError(name.replace("_", " ").capitalize(), reason=found.reason, hint=self.hint)

    def attention_gaps(self) -> Mapping[int, str]:
        """Blocks without attention weights, and what stands there instead."""
        return self._attention_gaps

    def estimate(self, cost: Cost) -> Cost:
        """The same cost with seconds from the speed measured."""
        return replace(cost, seconds=self.speed.seconds(cost))

    @property
    def stop_ids(self) -> frozenset[int]:
        """Ids that end a text."""
        return stop_ids(self.model, self.tokenizer)

    # -- tokens ----------------------------------------------------------------------------------------------------

    def tokenize(self, source: str | Sequence[Mapping[str, str]] | Sequence[int]) -> Tokens:
        """Tokens of a text, of chat messages or of ids."""
        return self._reader.read(source)

    def token_text(self, token_id: int) -> str:
        """Text of one vocabulary entry."""
        return self._reader.token_text(token_id)


def first_of(config: Any, *names: str) -> Any:  # noqa: ANN401 - any config
    """The first of these attributes that is there."""
    return next((value for name in names if (value := getattr(config, name, None)) is not None), None)


def _max_length(config: Any, tokenizer: Any) -> int:  # noqa: ANN401 - any config and tokenizer
    """Positions the model was made for; by the tokenizer if the config does not say; a million if neither does."""
    found = first_of(
        config, "max_position_embeddings", "n_positions", "max_seq_len", "n_ctx", "seq_length", "max_sequence_length"
    )
    if isinstance(found, int) and found > 0:
        return found
    limit = getattr(tokenizer, "model_max_length", None)
    return int(limit) if isinstance(limit, int) and 0 < limit < _NO_LIMIT else _NO_LIMIT


__all__ = ["Lent", "first_of"]
