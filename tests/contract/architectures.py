"""Which kinds of language models there are to try things on: a small seeded model of each, built from its configuration by rule.

The types are transformers' causal language models. A configuration is shrunk by the names of its fields (`SHRUNK`), with what
a type needs beside that in `EXTRAS`; a type left out says why in `LEFT_OUT`. Nothing is built before it is asked for. What a
type can do stands in one table a capability, `ATTENTION` so far, with the usual case left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import nn

from xai_widgets.adapters.hooks import view
from xai_widgets.adapters.speed import Speed

VOCABULARY: Final = 64
N_LAYERS: Final = 4
WINDOW: Final = 5

SHRUNK: Final[dict[str, Any]] = {
    "vocab_size": VOCABULARY,
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim"), 32),
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "dff", "shared_intermediate_size"), 48),
    **dict.fromkeys(("ffn_hidden_size",), 48),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"), 16),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers"), N_LAYERS),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads"), 4),
    "num_key_value_heads": 2,
    **dict.fromkeys(("head_dim", "kv_channels", "rotary_dim"), 8),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx", "model_max_length"), 64),
    **dict.fromkeys(("sliding_window", "sliding_window_size", "window_size", "attention_window_size"), WINDOW),
    "attention_chunk_size": WINDOW,
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token", "moe_k", "moe_topk"), 2),
    **dict.fromkeys(("n_group", "topk_group", "num_expert_group", "n_shared_experts", "num_shared_experts"), 1),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank"), 16),
    **dict.fromkeys(("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("mamba_n_heads", "linear_num_heads", "linear_num_value_heads"), 4),
    **dict.fromkeys(("mamba_d_head", "mamba_d_ssm"), 16),
    **dict.fromkeys(("mamba_d_state", "state_size", "linear_head_dim", "linear_key_head_dim"), 8),
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
"""Fields of configurations, by any name they have, and their small values."""

_HYBRID: Final = ["linear_attention", "full_attention"] * 2

EXTRAS: Final[dict[str, dict[str, Any]]] = {
    "bamba": {"attn_layer_indices": [1, 3], "mamba_n_heads": 4, "mamba_d_head": 16},
    "bailing_hybrid": {"layer_group_size": 2, "layer_types": _HYBRID},
    "falcon_h1": {"mamba_d_ssm": 64},
    "gemma2": {"attn_logit_softcapping": 2.0},
    "gemma3n_text": {
        "num_kv_shared_layers": 0, "vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 8,
        "laurel_rank": 8, "intermediate_size": [48] * 4, "activation_sparsity_pattern": [0.0] * 4,
    },
    "gemma4_text": {"vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 8, "per_layer_config": {}},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granitemoehybrid": {"layer_types": _HYBRID, "mamba_d_head": 16},
    "inkling_text": {"swa_num_attention_heads": 4, "swa_num_key_value_heads": 2, "swa_head_dim": 8, "rel_extent": 16},
    "inkling2_text": {"swa_num_attention_heads": 4, "swa_num_key_value_heads": 2, "swa_head_dim": 8, "rel_extent": 16},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False, "mamba_dt_rank": 4},
    "kimi_linear": {"layer_types": _HYBRID, "num_experts": 4},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "longcat_flash": {"zero_expert_num": 2},
    "cpmant": {"dim_ff": 48},
    "nemotron_h": {"mamba_num_heads": 4, "mamba_head_dim": 16, "n_groups": 1, "moe_shared_expert_intermediate_size": 16},
    "deepseek_v4": {"o_lora_rank": 8},
    "mamba2": {"head_dim": 16, "n_groups": 1, "expand": 2},
    "zamba": {"layers_block_type": ["linear_attention", "hybrid", "linear_attention", "hybrid"], "use_mamba_kernels": False, "num_key_value_heads": 4,
        "attention_hidden_size": 64, "attention_head_dim": 16, "mamba_dt_rank": 4},
    "zamba2": {"layers_block_type": ["linear_attention", "hybrid", "linear_attention", "hybrid"], "use_mamba_kernels": False,
        "num_key_value_heads": 4, "num_query_groups": 4, "n_mamba_heads": 4, "mamba_headdim": 16, "attention_hidden_size": 64, "attention_head_dim": 16, "adapter_rank": 4},
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip
"""What a type needs beside `SHRUNK`."""


_TYPES: Final = (
    "afmoe apertus arcee aria_text axk1 axk2 bailing_hybrid bamba biogpt bitnet bloom codegen cohere cohere2 "
    "cohere2_moe cpmant ctrl cwm deepseek_v2 deepseek_v3 deepseek_v32 deepseek_v4 diffllama doge dots1 ernie4_5 "
    "ernie4_5_moe exaone4 exaone_moe falcon falcon_h1 falcon_mamba flex_olmo flint gemma gemma2 gemma3_text "
    "gemma3n_text gemma4_text gemma4_unified_text glm glm4 glm4_moe glm4_moe_lite glm_moe_dsa gpt-sw3 gpt2 "
    "gpt_bigcode gpt_neo gpt_neox gpt_neox_japanese gpt_oss gptj granite granite_swa granitemoe granitemoe_swa "
    "granitemoehybrid granitemoeshared helium hrm_text hunyuan_v1_dense hunyuan_v1_moe hy_v3 hy_v4 hyperclovax "
    "inkling2_text inkling_text internlm3 iquestcoder jais2 jamba jetmoe kimi_linear kolibri1 laguna lfm2 lfm2_moe "
    "lfm3 llama llama4_text longcat_flash mamba mamba2 mellum mimo_v2_flash minicpm3 minimax minimax_m2 "
    "minimax_m3_vl_text ministral ministral3 mistral mixtral modernbert-decoder mpt nanochat nemotron nemotron_h "
    "olmo olmo2 olmo3 olmo_hybrid olmoe openai-gpt opt persimmon phi phi3 phimoe qwen2 qwen2_moe qwen3 "
    "qwen3_5_moe_text qwen3_5_text qwen3_moe qwen3_next recurrent_gemma rwkv seed_oss smollm3 solar_open stablelm "
    "starcoder2 vaultgemma xglm youtu zamba zamba2 zaya"
)
TYPES: Final = tuple(_TYPES.split())
"""Types that are built here."""

_ENCODERS: Final = (
    "bert bert-generation big_bird camembert data2vec-text electra ernie megatron-bert reformer rembert roberta "
    "roberta-prelayernorm roc_bert roformer xlm xlm-roberta xlm-roberta-xl xlnet xmod"
)
_SEQ2SEQ: Final = (
    "bart bigbird_pegasus blenderbot blenderbot-small marian mbart mvp pegasus plbart prophetnet trocr whisper"
)
_MANY_INPUTS: Final = (
    "beam dots3_note emu3 fuyu gemma3 gemma3n gemma4 gemma4_assistant gemma4_unified gemma4_unified_assistant git got_ocr2 "
    "llama4 mllama moshi moss_transcribe_diarize musicgen musicgen_melody phi4_multimodal qwen3_5 qwen3_5_moe"
)

LEFT_OUT: Final[dict[str, str]] = {
    **dict.fromkeys(_ENCODERS.split(), "an encoder, causal only when its configuration says is_decoder"),
    **dict.fromkeys(_SEQ2SEQ.split(), "half of an encoder-decoder"),
    **dict.fromkeys(
        _MANY_INPUTS.split(),
        "a wrapper that also reads images or sound; its language model stands above where it has a type",
    ),
    "blt": "reads bytes in patches: sizes sit in three configurations inside, not shrunk by rule",
    "cohere_compass_text": "its rotary angles have no entry for the shrunk layer types",
    "dbrx": "its attention's sizes sit in a configuration inside, without the field its rotary angles read",
    "dots3_note_text": "not shrunk by rule: layer types and experts have to fit each other",
    "gemma4_unified_assistant": "a draft model, which reads another model's hidden states",
    "qwen4_exp": "has no default sizes to shrink",
    "qwen4_exp_text": "not shrunk by rule",
    "xlstm": "recurrent, no attention; its small sizes don't fit its own kernels",
}
"""Registered types that are not built, and why."""


@dataclass(frozen=True)
class Attention:
    """How the weights of a type are had.

    Attributes:
        way: `function` (the layer's own attention function, run again on rows), `output` (second output of the attention
            module), `whole` (the model asked for all its maps), `none`.
        gaps: layers without weights. calls: of a layer in a pass. n_layers: in a pass. rest: rows may sum to less than 1.
    """

    way: Literal["function", "output", "whole", "none"] = "function"
    gaps: tuple[int, ...] = ()
    calls: int = 1
    n_layers: int = N_LAYERS
    rest: bool = False


_OUTPUT: Final = "bloom codegen gpt_neo gpt_neox_japanese gptj mpt xglm"

ATTENTION: Final[dict[str, Attention]] = {
    **dict.fromkeys(_OUTPUT.split(), Attention("output")),
    **dict.fromkeys(("falcon", "openai-gpt"), Attention("whole")),
    "cpmant": Attention("whole", rest=True),
    **dict.fromkeys(("mamba", "falcon_mamba", "mamba2", "rwkv"), Attention("none", (0, 1, 2, 3))),
    **dict.fromkeys(("bailing_hybrid", "bamba", "granitemoehybrid", "jamba", "kimi_linear"), Attention(gaps=(0, 2))),
    **dict.fromkeys(("lfm2_moe", "zamba", "zamba2"), Attention(gaps=(0, 2))),
    **dict.fromkeys(("olmo_hybrid", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next"), Attention(gaps=(0, 1, 2))),
    **dict.fromkeys(("lfm3", "nemotron_h", "recurrent_gemma"), Attention(gaps=(0, 1, 3))),
    "minimax": Attention(gaps=(1, 3)),
    "diffllama": Attention(calls=2),
    "longcat_flash": Attention(calls=2),
    "hrm_text": Attention(n_layers=32),
    **dict.fromkeys(
        ("deepseek_v4", "flint", "gpt_oss", "hy_v4", "inkling2_text", "mimo_v2_flash"), Attention(rest=True)
    ),
}
"""By type, where it is not the usual case."""


def config_of(kind: str, vocabulary: int = VOCABULARY) -> Any:
    """The small configuration of a type."""
    from transformers import CONFIG_MAPPING

    made = CONFIG_MAPPING[kind]
    names = set(made().to_dict())
    fields = {name: value for name, value in SHRUNK.items() if name in names}
    if "kv_lora_rank" in names:  # latent attention makes keys and values for every head
        fields["num_key_value_heads"] = 4
    if vocabulary != VOCABULARY:
        fields["vocab_size"] = vocabulary
    fields |= EXTRAS.get(kind, {})
    if "vocab_size_per_layer_input" in fields:
        fields["vocab_size_per_layer_input"] = vocabulary
    return made(**fields)


def built(kind: str, seed: int = 0, attention: str | None = None, vocabulary: int = VOCABULARY) -> nn.Module:
    """A small model in evaluation mode, float32 on the CPU; the same weights for any `attention` implementation."""
    from transformers import AutoModelForCausalLM

    config = config_of(kind, vocabulary)
    how = {} if attention is None else {"attn_implementation": attention}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = AutoModelForCausalLM.from_config(config, **how).float()
    redraw(model, seed)
    return model.eval()


class Bare:
    """A model lent without any check or measurement, so that a type is judged by one thing alone."""

    device_of_inputs = torch.device("cpu")
    dtype = "float32"

    def __init__(self, kind: str, model: nn.Module | None = None) -> None:
        self.model = built(kind) if model is None else model
        row = ATTENTION.get(kind, Attention())
        config = self.model.config
        heads = (getattr(config, name, None) for name in ("num_attention_heads", "n_head", "n_heads", "num_heads"))
        self.name = kind
        self.n_heads = int(next((n for n in heads if isinstance(n, int)), 0))
        self.n_layers, self.d_model, self.d_vocab, self.max_length = row.n_layers, 32, VOCABULARY, 64
        self.gaps = dict.fromkeys(row.gaps, "another kind of layer")
        self.speed = Speed()
        self.logits = torch.empty(0)

    @contextmanager
    def session(self) -> Iterator[nn.Module]:
        """A fresh view."""
        yield view(self.model)

    def embedding_of(self, view: nn.Module) -> nn.Module:
        """The input embedding."""
        return view.get_input_embeddings()

    def head_of(self, view: nn.Module) -> nn.Module:
        """The output embedding."""
        return view.get_output_embeddings()

    def read(self, view: nn.Module, inputs: torch.Tensor) -> None:
        """Run, and keep the logits."""
        self.logits = view(input_ids=inputs, use_cache=False).logits

    def attention_gaps(self) -> dict[int, str]:
        """Layers without weights."""
        return self.gaps


def redraw(model: nn.Module, seed: int = 0) -> None:
    """Weights of standard deviation 0.2, so nothing it does is uniform; norms stay near 1, decay rates keep their meaning."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator) * 0.2
            norm = parameter.ndim == 1 and name.endswith("weight") and float(parameter.mean()) > 0.5
            kept = name.endswith(("A_log", ".D", "dt_bias"))
            parameter.copy_(parameter + drawn if norm or kept else drawn)
