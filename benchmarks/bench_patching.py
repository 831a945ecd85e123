"""Residual patching of every layer at every position, against TransformerLens, nnsight, a loop of whole passes and the arithmetic.

    python benchmarks/bench_patching.py [--tokens 16] [--write]

The number is a logit difference at the last position. All give the same numbers (checked). Peers run in environments of their
own. The loop: one whole pass a cell with a hook. The estimate: attribution patching, both prompts' passes included.
"""

from __future__ import annotations

import time

import arithmetic
import machine
import numpy as np
import peers
import questions
import report
import timing
from bench_attention import plain

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.patching import Contrast
from xai_widgets.core.registry import INSPECTORS

OURS, ESTIMATE, PLAIN, LOOP = (
    "xai_widgets, exact",
    "xai_widgets, estimate of every cell",
    "plain pass",
    "a loop of whole passes",
)
NAMES = {"transformer_lens": "TransformerLens, get_act_patch_resid_pre", "nnsight": "nnsight, one trace a cell"}


def main() -> None:
    """Measure and print."""
    parser = report.arguments(__doc__)
    parser.add_argument("--tokens", type=int, default=16)
    args = parser.parse_args()
    if args.shared:
        timing.share_machine()
    lm = xw.load(args.model, device=args.device)
    lm.model.requires_grad_(False)
    lines = [machine.line(args.device), ""]
    with peers.started(lm, list(NAMES), args.device) as (found, missing):
        lines += [*missing, *measured(lm, found, args.tokens, args.repetitions, args.device), ""]
    lines += [click(lm), "", machine.load() + " at the end."]
    report.publish(__file__, "Residual patching", lines, device=args.device, write=args.write)


def measured(lm: ModelAdapter, found: dict[str, peers.Peer], n: int, repetitions: int, device: str) -> list[str]:
    """Lines about one pair of prompts of `n` tokens that differ in two."""
    clean = lm.tokenize(questions.cut(lm, n)).ids.tolist()
    corrupted = list(clean)
    corrupted[3], corrupted[n // 2] = 1000, 2000
    target = lm.candidates(lm.tokenize(clean), 1)[0].id
    other = next(c.id for c in lm.candidates(lm.tokenize(corrupted), 2) if c.id != target)
    contrast = Contrast(target, other)

    def asked() -> object:
        return INSPECTORS["activation_patching"](lm, lm.tokenize(clean), lm.tokenize(corrupted), contrast)

    ways = {
        PLAIN: timing.local(plain(lm, clean), device),
        OURS: timing.local(lambda: asked().grid(Context()), device),
        ESTIMATE: timing.local(lambda: asked().estimate(Context()), device),
        LOOP: timing.local(lambda: loop(lm, clean, corrupted, target, other), device),
    }
    about = {"clean": clean, "corrupted": corrupted, "target": target, "other": other}
    ways |= {NAMES[name]: peer.task("patching", **about) for name, peer in found.items()}
    speed = machine.gflops(device)
    rows = timing.interleaved(ways, repetitions)
    speed = max(speed, machine.gflops(device))
    limit = arithmetic.patching(arithmetic.Sizes.of(lm.model), n, lm.n_layers) / speed / 1e9
    exact, estimate = asked().grid(Context()), asked().estimate(Context())
    gap = float(np.abs(exact.values - loop(lm, clean, corrupted, target, other)).max())
    rest = float(np.corrcoef(exact.values.ravel(), estimate.values.ravel())[0, 1])
    lines = [f"### {lm.n_layers} layers x {n} positions", "", *timing.table(rows, first=OURS), ""]
    lines.append(
        f"- arithmetic at {speed:.0f} GFLOP/s (float32, measured), each cell a row from its layer on: {limit:.3f} s"
    )
    lines.append(f"- largest difference from the loop {gap:.1e}, where numbers span {np.ptp(exact.values):.3g}")
    lines.append(report.holds("ours over the arithmetic", rows[OURS].best / limit, at_most=1.7))
    for name, least in (("nnsight", 7.0), ("transformer_lens", 10.0)):
        if NAMES[name] in rows:
            lines.append(report.holds(f"{name} over ours", rows[NAMES[name]].best / rows[OURS].best, at_least=least))
    lines.append(report.holds("estimate in plain passes", rows[ESTIMATE].best / rows[PLAIN].best, at_most=4.0))
    lines.append(f"- correlation of the estimate with the exact numbers: {rest:.2f}")
    return lines


def loop(lm: ModelAdapter, clean: list[int], corrupted: list[int], target: int, other: int) -> np.ndarray:
    """The same by whole passes with a hook."""
    import torch

    layers = lm.model.model.layers
    device = lm.model.device
    values = np.zeros((len(layers), len(clean)), dtype=np.float32)
    with torch.no_grad():
        hidden = lm.model(
            torch.tensor([clean], device=device), output_hidden_states=True, use_cache=False
        ).hidden_states
        ids = torch.tensor([corrupted], device=device)
        for layer, block in enumerate(layers):
            for pos in range(len(clean)):

                def put(_module: object, args: tuple, layer: int = layer, pos: int = pos) -> tuple:
                    stream = args[0].clone()
                    stream[:, pos] = hidden[layer][:, pos]
                    return (stream, *args[1:])

                handle = block.register_forward_pre_hook(put)
                last = lm.model(ids, use_cache=False, logits_to_keep=1).logits[0, -1]
                handle.remove()
                values[layer, pos] = float(last[target] - last[other])
    return values


def click(lm: ModelAdapter, n: int = 64) -> str:
    """One cell of a longer prompt, in the middle: what it takes beyond the part of a pass that it needs."""
    import torch

    clean = lm.tokenize(questions.cut(lm, n)).ids.tolist()
    corrupted = [*clean[:3], 1000, *clean[4:]]
    asked = INSPECTORS["activation_patching"](
        lm, lm.tokenize(clean), lm.tokenize(corrupted), Contrast(clean[5], clean[6])
    )
    layer = lm.n_layers // 2
    asked.patched(layer, 3, Context())
    seconds, whole = [], []
    for _ in range(5):
        start = time.perf_counter()
        asked.patched(layer, 3, Context())
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        with torch.no_grad():
            lm.model(torch.tensor([corrupted], device=lm.model.device), use_cache=False, logits_to_keep=1)
        whole.append(time.perf_counter() - start)
    beyond = min(seconds) - min(whole) * (lm.n_layers - layer) / lm.n_layers
    return report.holds(f"ms of one cell at {n} tokens beyond its half of a pass", 1000 * beyond, at_most=100.0)


if __name__ == "__main__":
    main()
