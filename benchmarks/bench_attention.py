"""Attention at length: one chosen layer and the overview of all heads, against transformers' eager capture and a plain pass.

    python benchmarks/bench_attention.py [--device cuda] [--lengths 128 512 2048] [--long 4096 8192] [--write]

Eager capture: the same weights loaded with eager attention (it keeps no other), `output_attentions=True`, only the last position
through the output matrix. Plain pass: the model as it is (sdpa), the same way. One chosen layer: its exact weights of every head, row
block by row block (each block is computed and dropped, as a view that pools them does); the pass ends there. Overview: every head
of every layer pooled and scored. Bytes: what the view is sent before anybody clicks. Long texts: one layer only; eager capture of
all maps is not tried where they would take more than half the memory.
"""

from __future__ import annotations

import copy

import machine
import questions
import report
import timing

import xai_widgets as xw
from xai_widgets.adapters.base import AttentionCall, ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.registry import INSPECTORS

PLAIN, EAGER, OVERVIEW = "plain pass, no maps", "transformers eager, output_attentions", "xai_widgets, overview of all heads"


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
    import torch

    once = lm.tokenize(questions.TEXT).ids.tolist()
    ids = (once * (1 + n // len(once)))[:n]
    tokens = lm.tokenize(ids)
    middle, last = lm.n_layers // 2, lm.n_layers - 1
    inputs = torch.tensor([ids], device=lm.model.get_input_embeddings().weight.device)
    other = copy.copy(lm.model)  # the same weights; eager is switched on for the time of a run
    sent: list[int] = []

    def plain() -> object:
        with torch.no_grad():
            return lm.model(inputs, use_cache=False, logits_to_keep=1).logits

    def eager() -> object:
        other.set_attn_implementation("eager")
        try:
            with torch.no_grad():
                return other(inputs, use_cache=False, logits_to_keep=1, output_attentions=True).attentions
        finally:
            other.set_attn_implementation("sdpa")

    def layer(index: int) -> object:
        def rows(call: AttentionCall) -> None:
            size = max(1, (1 << 20) // (call.n_heads * call.n_key))
            for start in range(0, call.n_query, size):
                call.rows(start, min(start + size, call.n_query))

        return lm.attention(ids, rows, Context(), [index])

    def overview() -> object:
        return INSPECTORS["attention"](lm, tokens).look(Context())

    def first_picture() -> None:
        view = xw.Attention(lm, ids)
        assert view.overview
        sent.append(sum(map(len, view.explanation["buffers"])))

    names = {i: f"xai_widgets, layer {i} alone" for i in (middle, last)}
    ways = {PLAIN: timing.local(plain, device)}
    ways |= {names[i]: timing.local(lambda i=i: layer(i), device) for i in names}
    if whole:
        ways |= {OVERVIEW: timing.local(overview, device), EAGER: timing.local(eager, device)}
    rows = timing.interleaved(ways, repetitions)
    mean = (rows[names[middle]].best + 0.0) / rows[PLAIN].best
    lines = [f"### {n:,} tokens", "", *timing.table(rows, first=PLAIN), ""]
    lines.append(report.holds("the last layer alone over a plain pass", rows[names[last]].best / rows[PLAIN].best, at_most=1.1 if whole else 1.5))
    lines.append(f"- the middle layer alone over a plain pass: {mean:.2f}")
    peak = rows[names[last]].peak
    lines.append(report.holds("peak of one layer alone, GB", None if peak is None else peak / 1e9, at_most=1.0))
    if whole:
        first_picture()
        lines.append(report.holds("kB sent for the first picture", sent[0] / 1000, at_most=500 if n <= 128 else 2000))
        lines.append(report.holds("overview over one eager pass", rows[OVERVIEW].best / rows[EAGER].best, at_most=1.3))
        lines.append(f"- overview over a plain pass: {rows[OVERVIEW].best - rows[PLAIN].best:.2f} s more")
    if n >= 2048 and whole and rows[EAGER].costs:
        ours, theirs = rows[names[middle]], rows[EAGER]
        lines.append(report.holds("eager over the middle layer alone, time", theirs.best / ours.best, at_least=6.0))
        if theirs.peak and ours.peak:
            lines.append(report.holds("eager over the middle layer alone, memory", theirs.peak / ours.peak, at_least=8.0))
        if rows[OVERVIEW].peak is not None:
            lines.append(report.holds("peak of the overview, GB", rows[OVERVIEW].peak / 1e9, at_most=0.5))
    return lines


if __name__ == "__main__":
    main()
