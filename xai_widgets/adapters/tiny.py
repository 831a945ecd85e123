"""Small seeded models of several architectures, built from a config in memory: for tests and checks, never for demos."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import nn

from xai_widgets.adapters import default_model
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.core.errors import UnknownNameError

_CONFIGS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "llama": (
        "LlamaConfig",
        {
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
        },
    ),
    "gpt2": ("GPT2Config", {"n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": 256}),
    "gpt_neox": (
        "GPTNeoXConfig",
        {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4},
    ),
    "mistral": (
        "MistralConfig",
        {
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "sliding_window": 5,
        },
    ),
    "qwen2": (
        "Qwen2Config",
        {
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
        },
    ),
    "bloom": ("BloomConfig", {"hidden_size": 48, "n_layer": 3, "n_head": 4}),
    "gemma2": (
        "Gemma2Config",
        {
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 12,
            "sliding_window": 5,
        },
    ),
    "mamba": ("MambaConfig", {"hidden_size": 48, "num_hidden_layers": 3, "state_size": 8}),
}

KINDS: Final = tuple(_CONFIGS)
"""Architectures: plain and grouped attention, learned and rotary positions, parallel blocks, sliding windows, ALiBi, soft-capped logits, no attention."""


def tiny(kind: str = "llama", seed: int = 0, tokenizer: Any = None) -> HuggingFaceAdapter:  # noqa: ANN401 - any tokenizer
    """A checked adapter of a random model: weights of standard deviation 0.2, so nothing it does is uniform.

    Args:
        kind: one of `KINDS`. seed: of the weights; the global random state is left as it was.
        tokenizer: by default SmolLM2's where the default model is in the user's cache, else `byte_tokenizer()`.

    >>> tiny("gpt2").n_layers
    3
    """
    tokenizer = tokenizer if tokenizer is not None else small_tokenizer()
    return HuggingFaceAdapter(tiny_model(kind, seed, len(tokenizer)), tokenizer, f"tiny {kind}")


def tiny_model(kind: str = "llama", seed: int = 0, vocab_size: int = 300) -> nn.Module:
    """The model alone, in evaluation mode, float32 on the CPU."""
    import transformers

    if kind not in _CONFIGS:
        raise UnknownNameError("tiny model", kind, KINDS)
    name, sizes = _CONFIGS[kind]
    config = getattr(transformers, name)(vocab_size=vocab_size, bos_token_id=1, eos_token_id=2, pad_token_id=2, **sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(config).float()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator) * 0.2
            # weights of norms stay near 1 (gemma's are stored less 1); mamba's A_log and D keep their meaning
            norm = parameter.ndim == 1 and name.endswith("weight") and float(parameter.mean()) > 0.5
            parameter.copy_(parameter + drawn if norm or name.endswith(("A_log", ".D")) else drawn)
    return model.eval()


def small_tokenizer() -> Any:  # noqa: ANN401 - a transformers tokenizer
    """SmolLM2's tokenizer if the default model is in the cache (nothing is downloaded), else a byte-level one."""
    from transformers import AutoTokenizer

    folder = default_model.cached()
    return byte_tokenizer() if folder is None else AutoTokenizer.from_pretrained(folder)


def byte_tokenizer() -> Any:  # noqa: ANN401 - a transformers tokenizer
    """One token a byte, with `<|end|>` (id 2) and a plain chat template; built in memory."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    specials = ["<|unk|>", "<|start|>", "<|end|>"]
    vocabulary = {text: i for i, text in enumerate(specials + sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token=specials[0], bos_token=specials[1], eos_token=specials[2]
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
    )
    return tokenizer


__all__ = ["KINDS", "byte_tokenizer", "small_tokenizer", "tiny", "tiny_model"]
