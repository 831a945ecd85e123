"""Gradient norm and integrated gradients of 8 target tokens: ours against captum, inseq, interpreto and the arithmetic.

    python benchmarks/bench_gradient.py [--device cuda] [--length 32] [--long 128] [--only norm path memory] [--write]

captum has no plain gradient for language models; its gradient x activation costs the same passes and stands in. Integrated
gradients: 20 steps, captum's baseline (token 0), its default rule, whose scores ours must equal. The long prompt is for memory:
one run each, not warmed up. One score for the whole span (`each=False`) goes back once a step instead of 8 times.
"""

from __future__ import annotations

from collections.abc import Callable
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

STEPS = 20
PARTS = ("norm", "path", "memory")
NORM, IG, SPAN = "xai_widgets gradient_norm", "xai_widgets integrated_gradients", "xai_widgets, one score for the span"
CAPTUM_NORM, CAPTUM_IG = "captum LayerGradientXActivation", "captum LayerIntegratedGradients"
INSEQ_NORM, INSEQ_IG = "inseq saliency", "inseq integrated_gradients"
INTERPRETO_NORM, INTERPRETO_IG = "interpreto Saliency", "interpreto IntegratedGradients"


def main() -> None:
    """Measure and print."""
    parser = report.arguments(__doc__)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--long", type=int, default=128, help="tokens of the prompt for memory")
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS, help="leave the other parts out")
    parser.add_argument("--without", nargs="*", default=[], choices=["inseq", "interpreto"])
    args = parser.parse_args()
    if args.shared:
        timing.share_machine()
    lm = xw.load(args.model, device=args.device)
    lm.model.requires_grad_(False)
    lines = [machine.line(args.device), ""]
    names = [name for name in ("inseq", "interpreto") if name not in args.without]
    with started(lm, names, args.device) as (peers, missing):
        if "norm" in args.only:
            lines += [*norm(lm, args.length, peers, args.repetitions, args.device), ""]
        if "path" in args.only:
            lines += [*path(lm, args.length, peers, args.repetitions, args.device), ""]
        if "memory" in args.only:
            lines += [*memory(lm, args.long, peers, args.device), ""]
    lines += [*missing, "", machine.load() + " at the end."]
    report.publish(__file__, "Gradients, 8 target tokens", lines, device=args.device, write=args.write)


def norm(lm: ModelAdapter, n: int, peers: dict[str, Peer], repetitions: int, device: str) -> list[str]:
    """Lines about one gradient of each of the 8 log-probabilities."""
    asked = questions.ask(lm, n)
    ours = EXPLAINERS["gradient_norm"]()
    captum = with_captum(lm, asked, "LayerGradientXActivation")
    speed = machine.gflops(device)
    ways = {
        NORM: timing.local(lambda: ours.explain(lm, asked.question), device),
        CAPTUM_NORM: timing.local(captum, device),
    }
    if "interpreto" in peers:
        ways[INTERPRETO_NORM] = peers["interpreto"].way("Saliency", asked)
    if "inseq" in peers:
        ways[INSEQ_NORM] = peers["inseq"].way("saliency", asked)
    rows = timing.interleaved(ways, repetitions, warm=2)
    speed = max(speed, machine.gflops(device))
    limit = arithmetic.gradient(arithmetic.Sizes.of(lm.model), n, len(asked.target_ids)) / speed / 1e9
    peer = timing.ratio(rows, [name for name in ways if name != NORM], NORM)
    return [
        f"### Gradient norm, prompt of {n} tokens", "",
        *timing.table(rows, first=NORM), "",
        f"- arithmetic at {speed:.0f} GFLOP/s: {limit:.3f} s; ours is at {rows[NORM].best / limit:.2f} of it",
        report.holds(f"fastest peer ({peer[1]}) over ours" if peer else "fastest peer over ours", peer and peer[0], at_least=1.4),
    ]  # fmt: skip


def path(lm: ModelAdapter, n: int, peers: dict[str, Peer], repetitions: int, device: str) -> list[str]:
    """Lines about integrated gradients, and about one score for the span."""
    asked, whole = questions.ask(lm, n), questions.ask(lm, n, each=False)
    ours, captum, ways = _path_ways(lm, asked, peers, device)
    ways[SPAN] = timing.local(lambda: ours.explain(lm, whole.question), device)
    if "interpreto" in peers:
        ways[INTERPRETO_IG] = peers["interpreto"].way("IntegratedGradients", asked, n_perturbations=STEPS)
    speed = machine.gflops(device)
    rows = timing.interleaved(ways, repetitions)
    speed = max(speed, machine.gflops(device))

    sizes, k = arithmetic.Sizes.of(lm.model), len(asked.target_ids)
    limit = STEPS * arithmetic.gradient(sizes, n, k) / speed / 1e9
    span_limit = STEPS * arithmetic.gradient(sizes, n, k, rows=1) / speed / 1e9
    right, found = captum(), ours.explain(lm, asked.question).scores
    gap = float(np.abs(found - right).max() / np.abs(right).max())
    total = ours.explain(lm, whole.question).scores[0]
    parted = float(np.abs(total - found.sum(0)).max() / np.abs(total).max())
    return [
        f"### Integrated gradients, {STEPS} steps, prompt of {n} tokens", "",
        *timing.table(rows, first=IG), "",
        f"- arithmetic at {speed:.0f} GFLOP/s: {limit:.2f} s; ours is at {rows[IG].best / limit:.2f} of it",
        f"- arithmetic of one score for the span: {span_limit:.2f} s; ours is at {rows[SPAN].best / span_limit:.2f} of it",
        f"- same scores as captum's: largest difference over largest score {gap:.1e}, 5e-4 allowed"
        + ("" if gap <= 5e-4 else " **MISSED**"),
        report.holds("interpreto over ours", _over(rows, INTERPRETO_IG), at_least=1.1),
        report.holds("inseq over ours", _over(rows, INSEQ_IG), at_least=1.5),
        report.holds("captum over ours", _over(rows, CAPTUM_IG), at_least=1.8),
        f"- one score for the span saves {100 * (1 - rows[SPAN].best / rows[IG].best):.0f} % of the time",
        f"- it equals the sum of the {k} rows up to {parted:.1e} of the largest",
    ]  # fmt: skip


def memory(lm: ModelAdapter, n: int, peers: dict[str, Peer], device: str) -> list[str]:
    """Lines about the memory of integrated gradients on a longer prompt."""
    _, _, ways = _path_ways(lm, questions.ask(lm, n), peers, device)
    rows = timing.interleaved(ways, 1, warm=0)

    def share(peer: str) -> float | None:
        a, b = rows[IG].peak, rows[peer].peak if peer in rows else None
        return a / b if a and b else None

    return [
        f"### Integrated gradients, {STEPS} steps, prompt of {n} tokens: memory", "",
        *timing.table(rows, first=IG), "",
        report.holds("ours over captum's peak", share(CAPTUM_IG), at_most=0.333),
        report.holds("ours over inseq's peak", share(INSEQ_IG), at_most=0.333),
    ]  # fmt: skip


def _path_ways(
    lm: ModelAdapter, asked: questions.Asked, peers: dict[str, Peer], device: str
) -> tuple[Any, Callable[[], np.ndarray], dict[str, timing.Way]]:
    ours = EXPLAINERS["integrated_gradients"](n_steps=STEPS, baseline=str(lm.tokenizer.decode([0])))
    captum = with_captum(lm, asked, "LayerIntegratedGradients", n_steps=STEPS)
    ways = {IG: timing.local(lambda: ours.explain(lm, asked.question), device), CAPTUM_IG: timing.local(captum, device)}
    if "inseq" in peers:
        ways[INSEQ_IG] = peers["inseq"].way("integrated_gradients", asked, n_steps=STEPS)
    return ours, captum, ways


def _over(rows: dict[str, timing.Row], peer: str) -> float | None:
    found = timing.ratio(rows, [peer], IG)
    return found[0] if found else None


def with_captum(lm: ModelAdapter, asked: questions.Asked, method: str, **options: Any) -> Callable[[], np.ndarray]:  # noqa: ANN401
    """captum on the user's own module: a function that gives scores [target, pos]."""
    import captum.attr
    import torch

    layer = lm.model.get_input_embeddings()
    attribution = captum.attr.LLMGradientAttribution(getattr(captum.attr, method)(lm.model, layer), lm.tokenizer)
    target = torch.tensor(asked.target_ids, device=lm.model.device)

    def run() -> np.ndarray:
        given = captum.attr.TextTokenInput(asked.prompt, lm.tokenizer)
        return np.asarray(attribution.attribute(given, target=target, **options).token_attr.detach().cpu())

    return run


if __name__ == "__main__":
    main()
