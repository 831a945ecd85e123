"""TransformerLens's patching of every cell, in its own environment: one line of JSON in, one out.

Started by `check_transformer_lens` as `PYTHON _transformer_lens_worker.py MODEL_FOLDER`. In: `{"clean": [ids], "corrupted": [ids], "target":
id, "other": id}`. Out: for each kind of part the number with each cell patched, [layer][position or head], and the number of both
prompts. Imports nothing of xai_widgets, which is not installed here.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings

import torch


def main(folder: str) -> None:
    """Answer until standard input ends; whatever the library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    from transformer_lens import patching
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    bridge = TransformerBridge.boot_transformers(
        folder, hf_model=model, tokenizer=AutoTokenizer.from_pretrained(folder)
    )
    sweeps = {
        "resid": patching.get_act_patch_resid_pre,
        "attn_out": patching.get_act_patch_attn_out,
        "mlp_out": patching.get_act_patch_mlp_out,
        "head": patching.get_act_patch_attn_head_out_all_pos,
    }
    for line in sys.stdin:
        asked = json.loads(line)

        def number(logits: torch.Tensor, asked: dict[str, int] = asked) -> torch.Tensor:
            return logits[0, -1, asked["target"]] - logits[0, -1, asked["other"]]

        with torch.no_grad():
            clean, corrupted = (torch.tensor([asked[name]]) for name in ("clean", "corrupted"))
            logits, cache = bridge.run_with_cache(clean)
            said = {name: sweep(bridge, corrupted, cache, number).tolist() for name, sweep in sweeps.items()}
            said["numbers"] = [float(number(logits)), float(number(bridge(corrupted)))]
        answers.write(json.dumps(said) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
