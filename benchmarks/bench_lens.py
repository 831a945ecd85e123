"""The logit lens of every layer and position, against TransformerLens and the arithmetic; and the last position alone.

    python benchmarks/bench_lens.py [--lengths 128] [--write]

Ours: five most probable tokens of every cell with their probabilities, the pass included; theirs: run_with_cache, accumulated
residual, final norm and output matrix, which stops at logits (in an environment of its own). Plain pass: the model as it is,
only the last position through the output matrix.
"""

from __future__ import annotations

import arithmetic
import machine
import peers
import questions
import report
import timing
from bench_attention import plain

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError
from xai_widgets.core.lens import LensGrid
from xai_widgets.core.registry import INSPECTORS

PLAIN, FIRST, GRID = "plain pass", "xai_widgets, last position", "xai_widgets, every cell, top 5 with probabilities"
THEIRS = "TransformerLens, every cell, logits only"


def main() -> None:
    """Measure at each length and print."""
    parser = report.arguments(__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128])
    args = parser.parse_args()
    if args.shared:
        timing.share_machine()
    lm = xw.load(args.model, device=args.device)
    lines = [machine.line(args.device), ""]
    with peers.started(lm, ["transformer_lens"], args.device) as (found, missing):
        lines += missing
        for n in args.lengths:
            lines += [*measured(lm, found, n, args.repetitions, args.device), ""]
    lines.append(machine.load() + " at the end.")
    report.publish(__file__, "Logit lens", lines, device=args.device, write=args.write)


def measured(lm: ModelAdapter, found: dict[str, peers.Peer], n: int, repetitions: int, device: str) -> list[str]:
    """Lines about one length."""
    once = lm.tokenize(questions.TEXT).ids.tolist()
    ids = (once * (1 + n // len(once)))[:n]
    tokens = lm.tokenize(ids)
    ways = {
        PLAIN: timing.local(plain(lm, ids), device),
        FIRST: timing.local(lambda: last_position(lm, ids), device),
        GRID: timing.local(lambda: INSPECTORS["logit_lens"](lm, tokens).look(Context(), 5), device),
    }
    if found:
        ways[THEIRS] = found["transformer_lens"].task("lens", ids=ids)
    speed = machine.gflops(device)
    rows = timing.interleaved(ways, repetitions)
    speed = max(speed, machine.gflops(device))
    limit = arithmetic.lens(arithmetic.Sizes.of(lm.model), n, lm.n_layers + 1) / speed / 1e9
    lines = [f"### {n:,} tokens, {lm.n_layers + 1} streams", "", *timing.table(rows, first=GRID), ""]
    lines.append(f"- arithmetic at {speed:.0f} GFLOP/s (float32, measured): {limit:.3f} s")
    lines.append(report.holds("last position over a plain pass", rows[FIRST].best / rows[PLAIN].best, at_most=1.6))
    lines.append(report.holds("every cell over the arithmetic", rows[GRID].best / limit, at_most=2.5))
    if THEIRS in rows and rows[THEIRS].peak and rows[GRID].peak:
        lines.append(report.holds("peak over TransformerLens's", rows[GRID].peak / rows[THEIRS].peak, at_most=0.5))
    return lines


def last_position(lm: ModelAdapter, ids: list[int]) -> None:
    """Until the first part is there."""
    enough: list[LensGrid] = []
    context = Context(is_cancelled=lambda: bool(enough))
    try:
        INSPECTORS["logit_lens"](lm, lm.tokenize(ids)).look(context, 5, enough.append)
    except CancelledError:
        return


if __name__ == "__main__":
    main()
