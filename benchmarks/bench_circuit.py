"""What a circuit takes, in plain passes: scores of every edge by EAP and EAP-IG, the patched check, and ACDC's pruning.

    python benchmarks/bench_circuit.py [--tokens 16] [--write]

Every edge is one into a head's query, key or value, an MLP or the logits (123,211 of them in the default model). Both prompts'
passes are included. No peer is measured: the published implementations run on TransformerLens's own copies of a few models.
"""

from __future__ import annotations

import machine
import questions
import report
import timing
from bench_attention import plain

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.patching import Contrast
from xai_widgets.core.registry import INSPECTORS

PLAIN, EAP, IG, CHECK, ACDC = (
    "plain pass",
    "EAP, every edge",
    "EAP-IG, every edge, 5 points",
    "one circuit of 200 edges: what it keeps, and what the rest does",
    "ACDC, the 100 strongest edges",
)


def main() -> None:
    """Measure and print."""
    parser = report.arguments(__doc__)
    parser.add_argument("--tokens", type=int, default=16)
    args = parser.parse_args()
    if args.shared:
        timing.share_machine()
    lm = xw.load(args.model, device=args.device)
    lm.model.requires_grad_(False)
    lines = [machine.line(args.device), "", *measured(lm, args.tokens, args.repetitions, args.device), ""]
    lines += [machine.load() + " at the end."]
    report.publish(__file__, "Circuits", lines, device=args.device, write=args.write)


def measured(lm: ModelAdapter, n: int, repetitions: int, device: str) -> list[str]:
    """Lines about one pair of prompts of `n` tokens that differ in two."""
    clean = lm.tokenize(questions.cut(lm, n)).ids.tolist()
    corrupted = list(clean)
    corrupted[3], corrupted[n // 2] = 1000, 2000
    target = lm.candidates(lm.tokenize(clean), 1)[0].id
    other = next(c.id for c in lm.candidates(lm.tokenize(corrupted), 2) if c.id != target)

    def asked() -> object:
        return INSPECTORS["edge_attribution"](lm, lm.tokenize(clean), lm.tokenize(corrupted), Contrast(target, other))

    kept = asked()
    graph = kept.graph(Context())
    ways = {
        PLAIN: timing.local(plain(lm, clean), device),
        EAP: timing.local(lambda: asked().graph(Context(), "eap"), device),
        IG: timing.local(lambda: asked().graph(Context(), "eap_ig", 5), device),
        CHECK: timing.local(lambda: kept.check(graph, 200, graph.strongest(200), Context()), device),
        ACDC: timing.local(lambda: kept.pruned(graph, graph.strongest(100), 0.01, Context()), device),
    }
    rows = timing.interleaved(ways, repetitions)
    lines = [f"### {lm.n_layers} layers x {n} positions, {len(graph):,} edges", "", *timing.table(rows, first=EAP), ""]
    lines += [f"- {name}: {rows[name].best / rows[PLAIN].best:.1f} plain passes" for name in (EAP, IG, CHECK)]
    check = kept.check(graph, 200, graph.strongest(200), Context())
    lines.append(
        f"- {check.kept} edges keep {check.faithfulness:.2f} of the difference, the rest {check.completeness:.2f}"
    )
    return lines


if __name__ == "__main__":
    main()
