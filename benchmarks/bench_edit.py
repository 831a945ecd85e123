"""The last word of a prompt is edited: how soon are the new next-token candidates there, against a full forward pass?

    python benchmarks/bench_edit.py [--device cuda] [--length 128] [--write]

Ours: the edited text is tokenized and `candidates` called, every time with another last word, as an editor does. Full: the same
text is tokenized and run whole, only the last position through the output matrix, and the ten most probable tokens taken.
"""

from __future__ import annotations

from itertools import cycle

import machine
import questions
import report
import timing

import xai_widgets as xw

WORDS = (" river", " winter", " garden", " mountain", " window")
"""Last words to go through; each is one token of the default model's tokenizer."""
OURS, FULL = "candidates after the edit", "full forward pass"


def main() -> None:
    """Measure and print."""
    parser = report.arguments(__doc__, repetitions=15)
    parser.add_argument("--length", type=int, default=128)
    args = parser.parse_args()
    if args.shared:
        timing.share_machine()
    import torch

    lm = xw.load(args.model, device=args.device)
    device = lm.model.get_input_embeddings().weight.device
    prompt = questions.cut(lm, args.length - 1)
    edited, whole = cycle(WORDS), cycle(WORDS)

    def ours() -> object:
        return lm.candidates(lm.tokenize(prompt + next(edited)), 10)

    def full() -> object:
        text = prompt + next(whole)
        with torch.no_grad():
            ids = torch.tensor([lm.tokenize(text).ids.tolist()], device=device)
            return lm.model(ids, use_cache=False, logits_to_keep=1).logits[0, -1].softmax(-1).topk(10)

    rows = timing.interleaved(
        {OURS: timing.local(ours, args.device), FULL: timing.local(full, args.device)}, args.repetitions, warm=2
    )
    n = len(lm.tokenize(prompt + WORDS[0]))
    text = prompt + WORDS[0]
    ids = torch.tensor([lm.tokenize(text).ids.tolist()], device=device)
    lm.candidates(lm.tokenize(prompt + WORDS[1]), 10)
    mine = lm.candidates(lm.tokenize(text), 10)
    with torch.no_grad():
        right = lm.model(ids, use_cache=False).logits[0, -1].softmax(-1)
    gap = max(abs(c.prob - float(right[c.id])) for c in mine)
    lines = [
        machine.line(args.device), "",
        f"### Last word of {n} tokens", "",
        *timing.table(rows, first=FULL, unit=1e-3, name="ms"), "",
        report.holds("candidates over a full forward pass", rows[OURS].best / rows[FULL].best, at_most=0.5),
        f"- same probabilities as a full pass up to {gap:.1e}",
        "", machine.load() + " at the end.",
    ]  # fmt: skip
    report.publish(__file__, "Editing the last word", lines, device=args.device, write=args.write)


if __name__ == "__main__":
    main()
