"""One peer library in its own environment: runs one of its ways to explain for every line on its standard input.

Started by `peers` as `PYTHON _peer_worker.py PEER MODEL_FOLDER DEVICE THREADS`. Lines in: JSON
`{"method": name, "prompt": ..., "continuation": ..., "options": {...}}`, or for a page of attention
`{"ids": [...], "options": {"layers": null or [...]}}`, or `{"task": "lens" or "patching", ...}` for libraries that look inside; explainers are made once, the latest is kept. One JSON line out for each.
Imports nothing of xai_widgets, which is not installed here.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from timing import once

PAGE_MEMORY: Final = 16 << 30
"""Bytes of address space that a library may take to write a page."""


def main(peer: str, folder: str, device: str, threads: int) -> None:
    """Answer until standard input ends; whatever the library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    model, tokenizer = _load(folder, device, threads)
    make = MAKERS[peer]
    made: dict[str, Callable[[], Any]] = {}
    pages = peer in ("bertviz", "circuitsvis")
    if pages:
        _keep_below(PAGE_MEMORY)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if line not in made:
                if pages:
                    made.clear()  # each holds the maps it draws
                made[line] = make(model, tokenizer, asked)
            cost = once(made[line], device)
            said: dict[str, Any] = asdict(cost)
        except Exception as error:  # noqa: BLE001 - the driver decides what a failure means
            traceback.print_exc()
            said = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def _keep_below(size: int) -> None:
    """A MemoryError in this process instead of the end of another."""
    try:
        import resource
    except ImportError:  # no such limit on this system
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _load(folder: str, device: str, threads: int) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device).eval()
    for weight in model.parameters():
        weight.requires_grad_(False)  # gradients of weights would be work nobody asked for
    return model, AutoTokenizer.from_pretrained(folder)


def _maps(model: Any, ids: list[int], layers: list[int] | None) -> list[Any]:  # noqa: ANN401
    """Maps [1, head, query, key] of these layers (None: all) of the model loaded with eager attention; others are let go."""
    import torch

    model.set_attn_implementation("eager")
    maps: dict[int, Any] = {}

    def keep(module: Any, _: Any, output: Any) -> None:  # noqa: ANN401
        if layers is None or module.layer_idx in layers:
            maps[module.layer_idx] = output[1]

    attentions = [module for module in model.modules() if hasattr(module, "layer_idx") and hasattr(module, "o_proj")]
    hooks = [module.register_forward_hook(keep) for module in attentions]
    try:
        with torch.no_grad():
            model(torch.tensor([ids], device=model.device), use_cache=False, logits_to_keep=1)
    finally:
        for hook in hooks:
            hook.remove()
    return [maps[layer] for layer in sorted(maps)]


def _bertviz(model: Any, tokenizer: Any, asked: dict[str, Any]) -> Callable[[], Any]:  # noqa: ANN401
    from bertviz import head_view

    maps = _maps(model, asked["ids"], asked["options"]["layers"])
    tokens = tokenizer.convert_ids_to_tokens(asked["ids"])
    return lambda: head_view(maps, tokens, html_action="return").data


def _circuitsvis(model: Any, tokenizer: Any, asked: dict[str, Any]) -> Callable[[], Any]:  # noqa: ANN401
    from circuitsvis.attention import attention_patterns

    (layer,) = _maps(model, asked["ids"], asked["options"]["layers"])
    tokens = tokenizer.convert_ids_to_tokens(asked["ids"])
    return lambda: str(attention_patterns(tokens, layer[0]))


def _transformer_lens(model: Any, tokenizer: Any, asked: dict[str, Any]) -> Callable[[], Any]:  # noqa: ANN401
    import torch
    from transformer_lens import patching
    from transformer_lens.model_bridge import TransformerBridge

    bridge = TransformerBridge.boot_transformers(model.name_or_path, hf_model=model, tokenizer=tokenizer)
    tensor = lambda name: torch.tensor([asked[name]], device=model.device)  # noqa: E731

    def lens() -> object:
        with torch.no_grad():
            _, cache = bridge.run_with_cache(tensor("ids"))
            streams = cache.accumulated_resid(layer=-1, incl_mid=False, apply_ln=False)
            return model.lm_head(model.model.norm(streams))

    def residuals() -> str:
        with torch.no_grad():
            _, cache = bridge.run_with_cache(tensor("clean"))
            target, other = asked["target"], asked["other"]
            found = patching.get_act_patch_resid_pre(
                bridge, tensor("corrupted"), cache, lambda logits: logits[0, -1, target] - logits[0, -1, other]
            )
        return json.dumps(found.tolist())

    return {"lens": lens, "patching": residuals}[asked["task"]]


def _nnsight(model: Any, _tokenizer: Any, asked: dict[str, Any]) -> Callable[[], Any]:  # noqa: ANN401
    import nnsight
    import torch

    wrapped = nnsight.NNsight(model)
    clean, corrupted = (torch.tensor([asked[name]], device=model.device) for name in ("clean", "corrupted"))
    target, other = asked["target"], asked["other"]

    def residuals() -> str:
        rows = []
        with torch.no_grad():
            hidden = model(clean, output_hidden_states=True, use_cache=False).hidden_states
            for layer in range(model.config.num_hidden_layers):
                row = []
                for pos in range(clean.shape[1]):
                    with wrapped.trace(corrupted):
                        stream = wrapped.model.layers[layer].input.clone()
                        stream[:, pos] = hidden[layer][:, pos]
                        wrapped.model.layers[layer].input = stream
                        last = wrapped.lm_head.output[0, -1].save()
                    row.append(float(last[target] - last[other]))
                rows.append(row)
        return json.dumps(rows)

    return residuals


def _inseq(model: Any, tokenizer: Any, asked: dict[str, Any]) -> Callable[[], Any]:  # noqa: ANN401
    import inseq

    wrapped = inseq.load_model(model, asked["method"], tokenizer=tokenizer)
    quiet = {"show_progress": False, "pretty_progress": False}
    whole = asked["prompt"] + asked["continuation"]
    return lambda: wrapped.attribute(asked["prompt"], whole, **quiet, **asked["options"])


def _interpreto(model: Any, tokenizer: Any, asked: dict[str, Any]) -> Callable[[], Any]:  # noqa: ANN401
    import interpreto

    method = getattr(interpreto, asked["method"])
    explainer = method(model, tokenizer, granularity=interpreto.Granularity.TOKEN, **asked["options"])
    return lambda: explainer(asked["prompt"], asked["continuation"])


MAKERS: Final = {
    "bertviz": _bertviz,
    "circuitsvis": _circuitsvis,
    "inseq": _inseq,
    "interpreto": _interpreto,
    "nnsight": _nnsight,
    "transformer_lens": _transformer_lens,
}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
