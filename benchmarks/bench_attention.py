"""Attention at length: one chosen layer and the overview of all heads, against transformers' eager capture and a plain pass.

    python benchmarks/bench_attention.py [--device cuda] [--lengths 128 512 2048] [--long 4096 8192] [--write]

Eager capture: the same weights loaded with eager attention (it keeps no other), `output_attentions=True`, only the last position
through the output matrix. Plain pass: the model as it is (sdpa), the same way. One chosen layer: its exact weights of every head, row
block by row block (each block is computed and dropped, as a view that pools them does); the pass ends there. Overview: every head
of every layer pooled and scored. Long texts: one layer only; eager capture of
all maps is not tried where they would take more than half the memory.
"""

from __future__ import annotations

from collections.abc import Callable

import machine
import questions
import report
import timing

import xai_widgets as xw
from xai_widgets.adapters.base import AttentionCall, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.registry import INSPECTORS

PLAIN, EAGER, OVERVIEW = (
    "plain pass, no maps",
    "transformers eager, output_attentions",
    "xai_widgets, overview of all heads",
)


def main() -> None:
    """Measure at each length and print."""
    parser = report.arguments(__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512, 2048])
    parser.add_argument("--long", type=int, nargs="*", default=[4096, 8192])
    args = parser.parse_args()
    if args.shared:
        timing.share_machine()
    lm = xw.load(args.model, device=args.device)
    lines = [machine.line(args.device), ""]
    for n in [*args.lengths, *args.long]:
        lines += [*measured(lm, n, args.repetitions, args.device, whole=n in args.lengths), ""]
    lines.append(machine.load() + " at the end.")
    report.publish(__file__, "Attention", lines, device=args.device, write=args.write)


def measured(lm: ModelAdapter, n: int, repetitions: int, device: str, *, whole: bool) -> list[str]:
    """Lines about one length."""
    once = lm.tokenize(questions.TEXT).ids.tolist()
    ids = (once * (1 + n // len(once)))[:n]
    middle, last = (f"xai_widgets, layer {i} alone" for i in (lm.n_layers // 2, lm.n_layers - 1))
    ways = {
        PLAIN: timing.local(plain(lm, ids), device),
        middle: timing.local(lambda: layer(lm, ids, lm.n_layers // 2), device),
        last: timing.local(lambda: layer(lm, ids, lm.n_layers - 1), device),
    }
    if whole:
        tokens = lm.tokenize(ids)
        ways[OVERVIEW] = timing.local(lambda: INSPECTORS["attention"](lm, tokens).look(Context()), device)
        ways[EAGER] = timing.local(eager(lm, ids), device)
    rows = timing.interleaved(ways, repetitions)
    lines = [f"### {n:,} tokens", "", *timing.table(rows, first=PLAIN), ""]
    share = rows[last].best / rows[PLAIN].best
    lines.append(report.holds("the last layer alone over a plain pass", share, at_most=1.1 if whole else 1.5))
    lines.append(f"- the middle layer alone over a plain pass: {rows[middle].best / rows[PLAIN].best:.2f}")
    lines.append(report.holds("peak of one layer alone, GB", gigabytes(rows[last]), at_most=1.0))
    if whole:
        over = rows[OVERVIEW].best / rows[EAGER].best
        lines.append(
            report.holds("overview over one eager pass", over, at_most=1.3)
            if n >= 2048
            else f"- overview over one eager pass: {over:.2f}"
        )
        lines.append(f"- overview beyond a plain pass: {rows[OVERVIEW].best - rows[PLAIN].best:.2f} s")
    if whole and n >= 2048:
        ours, theirs = rows[middle], rows[EAGER]
        lines.append(report.holds("eager over the middle layer alone, time", theirs.best / ours.best, at_least=6.0))
        if theirs.peak and ours.peak:
            lines.append(
                report.holds("eager over the middle layer alone, memory", theirs.peak / ours.peak, at_least=8.0)
            )
        lines.append(report.holds("peak of the overview, GB", gigabytes(rows[OVERVIEW]), at_most=0.5))
    return lines


def plain(lm: ModelAdapter, ids: list[int]) -> Callable[[], object]:
    """The model as it is, only the last position through the output matrix."""
    import torch

    inputs = torch.tensor([ids], device=lm.model.get_input_embeddings().weight.device)

    def run() -> object:
        with torch.no_grad():
            return lm.model(inputs, use_cache=False, logits_to_keep=1).logits

    return run


def eager(lm: ModelAdapter, ids: list[int]) -> Callable[[], object]:
    """Every map of every layer, by the switch that transformers has for it; back to sdpa afterwards."""
    import torch

    inputs = torch.tensor([ids], device=lm.model.get_input_embeddings().weight.device)

    def run() -> object:
        lm.model.set_attn_implementation("eager")
        try:
            with torch.no_grad():
                return lm.model(inputs, use_cache=False, logits_to_keep=1, output_attentions=True).attentions
        finally:
            lm.model.set_attn_implementation("sdpa")

    return run


def layer(lm: ModelAdapter, ids: list[int], index: int) -> None:
    """Exact weights of all heads of a layer, block by block."""

    def rows(call: AttentionCall) -> None:
        size = max(1, (1 << 20) // (call.n_heads * call.n_key))
        for start in range(0, call.n_query, size):
            call.rows(start, min(start + size, call.n_query))

    lm.attention(ids, rows, Context(), [index])


def gigabytes(row: timing.Row) -> float | None:
    """Peak above the start."""
    return None if row.peak is None else row.peak / 1e9


if __name__ == "__main__":
    main()
