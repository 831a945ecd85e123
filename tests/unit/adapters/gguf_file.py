"""Writes a tiny random Llama as a GGUF file with a byte-level tokenizer, as llama.cpp would."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write(path: Path) -> None:
    import gguf
    from tokenizers.pre_tokenizers import ByteLevel

    rng = np.random.default_rng(0)
    width, hidden, heads, layers = 32, 64, 4, 2
    words = ["<unk>", "<s>", "</s>", *sorted(ByteLevel.alphabet()), "Ġa"]
    out = gguf.GGUFWriter(path, "llama")
    out.add_block_count(layers)
    out.add_context_length(64)
    out.add_embedding_length(width)
    out.add_feed_forward_length(hidden)
    out.add_head_count(heads)
    out.add_head_count_kv(heads)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_vocab_size(len(words))
    out.add_tokenizer_model("gpt2")
    out.add_token_list(words)
    out.add_token_types([3, 3, 3] + [1] * (len(words) - 3))
    out.add_token_merges(["Ġ a"])
    out.add_unk_token_id(0)
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    shapes = {"token_embd": (len(words), width), "output": (len(words), width), "output_norm": (width,)}
    for i in range(layers):
        block = {
            "attn_norm": (width,),
            "ffn_norm": (width,),
            "ffn_gate": (hidden, width),
            "ffn_up": (hidden, width),
            "ffn_down": (width, hidden),
        }
        block |= {f"attn_{name}": (width, width) for name in ("q", "k", "v", "output")}
        shapes |= {f"blk.{i}.{name}": shape for name, shape in block.items()}
    for name, shape in shapes.items():
        out.add_tensor(f"{name}.weight", rng.normal(1 if len(shape) == 1 else 0, 0.2, shape).astype(np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
