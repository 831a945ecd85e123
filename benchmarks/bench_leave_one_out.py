"""Leave-one-out of 8 target tokens: ours against captum, inseq, interpreto and the arithmetic.

    python benchmarks/bench_leave_one_out.py [--device cuda] [--lengths 32 128] [--without inseq] [--write]

All replace one token at a time by one other and report log-probabilities of the same 8 tokens (interpreto: logits, and it replaces
the first 7 target tokens too). captum runs in this process, `forward_in_tokens=False`; with its defaults and transformers 5.23 it feeds the growing sequence again on top
of the key/value cache: its scores are wrong from the second target on, and it is slower. That is shown, and not counted.
"""

from __future__ import annotations

import time
from typing import Any

import arithmetic
import machine
import numpy as np
import questions
import report
import timing
from peers import Peer, started

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.registry import EXPLAINERS

OURS, CAPTUM, INSEQ = "xai_widgets leave_one_out", "captum FeatureAblation, forward_in_tokens=False", "inseq occlusion"
BATCHES = (4, 8, 16, 32)
"""Batch sizes of interpreto that are tried untimed; its fastest takes part."""
REPLACEMENT = 0
"""captum's own choice; the scores are compared, so ours takes the same."""


def main() -> None:
    """Measure at each length and print."""
    parser = report.arguments(__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--without", nargs="*", default=[], choices=["inseq", "interpreto"])
    args = parser.parse_args()
    if args.shared:
        timing.share_machine()
    lm = xw.load(args.model, device=args.device)
    lm.model.requires_grad_(False)
    lines = [machine.line(args.device), ""]
    names = [name for name in ("inseq", "interpreto") if name not in args.without]
    with started(lm, names, args.device) as (peers, missing):
        for n in args.lengths:
            lines += [*measured(lm, n, peers, args.repetitions, args.device), ""]
    lines += [*missing, "", machine.load() + " at the end."]
    report.publish(__file__, "Leave-one-out, 8 target tokens", lines, device=args.device, write=args.write)


def measured(lm: ModelAdapter, n: int, peers: dict[str, Peer], repetitions: int, device: str) -> list[str]:
    """Lines about one length."""
    asked = questions.ask(lm, n)
    ours = EXPLAINERS["leave_one_out"](replacement=REPLACEMENT)
    captum = with_captum(lm, asked)
    speed = machine.gflops(device)
    ways = {
        OURS: timing.local(lambda: ours.explain(lm, asked.question), device),
        CAPTUM: timing.local(lambda: captum(forward_in_tokens=False), device),
    }
    others = []
    if "interpreto" in peers:
        tried = {b: peers["interpreto"].way("Occlusion", asked, batch_size=b) for b in BATCHES}
        costs = {b: row.best for b, row in timing.interleaved({str(b): w for b, w in tried.items()}, 1, warm=1).items()}
        best = min(costs, key=lambda b: costs[b])
        others.append(f"interpreto Occlusion, batch {best} (its best of {', '.join(map(str, BATCHES))})")
        ways[others[-1]] = tried[int(best)]
    if "inseq" in peers:
        others.append(INSEQ)
        ways[INSEQ] = peers["inseq"].way("occlusion", asked)
    rows = timing.interleaved(ways, repetitions)
    speed = max(speed, machine.gflops(device))

    sizes = arithmetic.Sizes.of(lm.model)
    limit = arithmetic.leave_one_out(sizes, n, len(asked.target_ids)) / speed / 1e9
    whole = arithmetic.leave_one_out_whole(sizes, n, len(asked.target_ids)) / speed / 1e9
    right = captum(forward_in_tokens=False)
    top = float(np.abs(right).max())
    gap = float(np.abs(ours.explain(lm, asked.question).scores - right).max()) / top
    peer = timing.ratio(rows, [CAPTUM, *others], OURS)
    lines = [
        f"### Prompt of {n} tokens", "",
        *timing.table(rows, first=OURS), "",
        f"- arithmetic at {speed:.0f} GFLOP/s (float32, measured): prefix shared {limit:.3f} s, whole sequences {whole:.3f} s",
        f"- same scores as captum's: largest difference over largest score {gap:.1e}, 1e-4 allowed"
        + ("" if gap <= 1e-4 else " **MISSED**"),
        report.holds(f"fastest peer ({peer[1]}) over ours" if peer else "fastest peer over ours", peer and peer[0], at_least=1.4),
        report.holds("captum over ours", rows[CAPTUM].best / rows[OURS].best, at_least=2.0),
        report.holds("ours over the arithmetic", rows[OURS].best / limit, at_most=2.3),
    ]  # fmt: skip
    if n <= 32:
        start = time.perf_counter()
        wrong = float(np.abs(captum() - right).max())
        took = time.perf_counter() - start
        lines.append(
            f"- captum with its defaults: {took:.1f} s (one run) and wrong, off by up to {wrong:.2g} where the largest score is "
            f"{top:.3g}; not counted as a win"
        )
    return lines


def with_captum(lm: ModelAdapter, asked: questions.Asked) -> Any:  # noqa: ANN401 - a function of captum's options
    """captum on the user's own module: a function that gives scores [target, pos]."""
    import torch
    from captum.attr import FeatureAblation, LLMAttribution, TextTokenInput

    attribution = LLMAttribution(FeatureAblation(lm.model), lm.tokenizer)
    target = torch.tensor(asked.target_ids, device=lm.model.device)

    def run(**options: Any) -> np.ndarray:  # noqa: ANN401
        given = TextTokenInput(asked.prompt, lm.tokenizer)
        return np.asarray(attribution.attribute(given, target=target, **options).token_attr.cpu())

    return run


if __name__ == "__main__":
    main()
