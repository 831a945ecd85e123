"""One peer library in its own environment: runs one of its ways to explain for every line on its standard input.

Started by `peers` as `PYTHON _peer_worker.py inseq|interpreto MODEL_FOLDER DEVICE THREADS`. Lines in: JSON
`{"method": name, "prompt": ..., "continuation": ..., "options": {...}}`; explainers are made once and kept. One JSON line out for
each. Imports nothing of xai_widgets, which is not installed here.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

from timing import once


def main(peer: str, folder: str, device: str, threads: int) -> None:
    """Answer until standard input ends; whatever the library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    model, tokenizer = _load(folder, device, threads)
    make = {"inseq": _inseq, "interpreto": _interpreto}[peer]
    made: dict[str, Callable[[], Any]] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if line not in made:
                made[line] = make(model, tokenizer, asked)
            cost = once(made[line], device)
            said: dict[str, Any] = {"seconds": cost.seconds, "processor": cost.processor, "peak": cost.peak}
        except Exception as error:  # noqa: BLE001 - the driver decides what a failure means
            traceback.print_exc()
            said = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def _load(folder: str, device: str, threads: int) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device).eval()
    for weight in model.parameters():
        weight.requires_grad_(False)  # gradients of weights would be work nobody asked for
    return model, AutoTokenizer.from_pretrained(folder)


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


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
