"""A stand-in for the Hugging Face adapter: just what scorer and gradients ask of one, on a tiny model of any type."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from xai_widgets.adapters import hooks
from xai_widgets.core.targets import Question, Target
from xai_widgets.core.tokens import Token, Tokens

D_VOCAB = 61
_SIZES = {
    "vocab_size": D_VOCAB, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 48, "max_position_embeddings": 128, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
_OWN: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 128},
    "gpt_neo": {
        "num_layers": 4,
        "num_hidden_layers": 4,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 2]],
        "window_size": 64,
    },
    "bloom": {"n_layer": 3, "n_head": 4},
    "gemma2": {"head_dim": 8, "sliding_window": 5, "query_pre_attn_scalar": 8},
    "mistral": {"sliding_window": 5},
    "mamba": {"state_size": 4},
}


class Recorder:
    """Keeps what was recorded of speed."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def record(self, **call: Any) -> None:
        self.calls.append(call)


class Lent:
    """A model as the adapter lends it."""

    max_length = 128

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.lock = threading.RLock()
        self.speed = Recorder()
        self.d_vocab = model.config.get_text_config(decoder=True).vocab_size
        self.device_of_inputs = torch.device("cpu")
        self.n_layers, self.d_model = 3, 32
        self.dtype = "float32"

    @contextmanager
    def session(self) -> Iterator[nn.Module]:
        with self.lock:
            yield hooks.view(self.model)

    def embedding_of(self, view: nn.Module) -> nn.Module:
        return view.get_input_embeddings()

    def head_of(self, view: nn.Module) -> nn.Module:
        return view.get_output_embeddings()


def tiny(kind: str, **changes: Any) -> nn.Module:
    """A seeded random model of a transformers type, weights large enough that attention is far from uniform."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(kind, **{**_SIZES, **_OWN.get(kind, {}), **changes})
    model = AutoModelForCausalLM.from_config(config).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim > 1:
                p.copy_(torch.randn(p.shape, generator=generator) * 0.2)
    return model


def question(ids: list[int], target: Target) -> Question:
    """A question about bare ids."""
    tokens = Tokens(tuple(Token(i, f"t{i}") for i in ids), " ".join(f"t{i}" for i in ids))
    return Question(tokens, tokens.units(), target)
