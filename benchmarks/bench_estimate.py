"""How soon is leave-one-out of use? Time until its first-order estimate is handed out, against one forward and backward pass.

    python benchmarks/bench_estimate.py [--device cuda] [--lengths 32 128] [--write]

The forward and backward pass is plain torch on the user's own module: log-probabilities of the target at the predicting
positions alone, added up, and one gradient by the input's embeddings. With 8 targets the estimate is of their sum, which is what a view shows first.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import machine
import questions
import report
import timing

import xai_widgets as xw
from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context, Partial
from xai_widgets.core.errors import CancelledError
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Question

ESTIMATE, ONE = "estimate handed out", "one forward and one backward pass"


def main() -> None:
    """Measure for the next token and for 8 tokens at each length."""
    parser = report.arguments(__doc__, repetitions=7)
    parser.add_argument("--lengths", type=int, nargs="+", default=[32, 128])
    args = parser.parse_args()
    if args.shared:
        timing.share_machine()
    lm = xw.load(args.model, device=args.device)
    lm.model.requires_grad_(False)
    lines = [machine.line(args.device), ""]
    for n in args.lengths:
        for k in (1, questions.N_TARGETS):
            lines += [*measured(lm, n, k, args.repetitions, args.device), ""]
    lines.append(machine.load() + " at the end.")
    report.publish(__file__, "Leave-one-out, time to the estimate", lines, device=args.device, write=args.write)


def measured(lm: ModelAdapter, n: int, k: int, repetitions: int, device: str) -> list[str]:
    """Lines about one length and number of targets."""
    question = questions.ask(lm, n, k).question
    ways = {
        ESTIMATE: lambda: until_estimate(lm, question),
        ONE: timing.local(passes(lm, question), device),
    }
    rows = timing.interleaved(ways, repetitions, warm=2)
    what = "next token" if k == 1 else f"{k} target tokens"
    lines = [f"### {what}, prompt of {n} tokens", "", *timing.table(rows, first=ONE, unit=1e-3, name="ms"), ""]
    lines.append(
        report.holds("estimate over one forward and backward pass", rows[ESTIMATE].best / rows[ONE].best, at_most=1.5)
    )
    return lines


def until_estimate(lm: ModelAdapter, question: Question) -> timing.Cost:
    """Run leave-one-out as a view does, note when the estimate comes, and cancel."""
    came: list[float] = []

    def look(partial: Partial) -> None:
        if partial.estimate and not came:
            came.append(timing.clock())

    context = Context(on_partial=look, is_cancelled=lambda: bool(came))
    used, start = time.process_time(), timing.clock()
    with contextlib.suppress(CancelledError):
        EXPLAINERS["leave_one_out"]().explain(lm, question, context)
    if not came:
        raise RuntimeError("leave-one-out handed out no estimate")
    return timing.Cost(came[0] - start, time.process_time() - used)


def passes(lm: ModelAdapter, question: Question) -> Callable[[], object]:
    """Plain torch: forward, then backward to the embeddings of the sum of all rows."""
    import torch

    device = lm.model.get_input_embeddings().weight.device
    target = torch.tensor(question.target.ids, device=device)
    ids = torch.tensor([[*question.tokens.ids.tolist(), *question.target.ids[:-1]]], device=device)
    k = len(target)

    def run() -> object:
        embeddings = lm.model.get_input_embeddings()(ids).detach().requires_grad_()
        logits = lm.model(inputs_embeds=embeddings, use_cache=False, logits_to_keep=k).logits[0]
        numbers = torch.log_softmax(logits, -1)[torch.arange(k, device=device), target]
        return torch.autograd.grad(numbers.sum(), embeddings)

    return run


if __name__ == "__main__":
    main()
