"""Does patching give TransformerLens's numbers? Every cell of tiny models, its `transformer_lens.patching` beside ours.

    python benchmarks/check_transformer_lens.py [--write]

The same weights on both sides, by way of `save_pretrained`; TransformerLens runs in an environment of its own (see `environments`). Both
directions, prompts that differ in one token and in all. Speed is another question: `bench_patching`.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import environments
import machine
import numpy as np
import report

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.adapters.tiny import tiny
from xai_widgets.core.context import Context
from xai_widgets.core.patching import Contrast
from xai_widgets.core.registry import INSPECTORS

KINDS: Final = ("gpt2", "llama")
PARTS: Final = ("resid", "attn_out", "mlp_out", "head")
CLOSE: Final = 1e-4
"""Largest difference of logits that counts as the same number."""
PROMPTS: Final = {
    "one token differs": ((11, 42, 7, 99, 150, 23, 201, 64), (11, 42, 7, 180, 150, 23, 201, 64)),
    "all but the first differ": ((11, 42, 7, 99, 150, 23, 201, 64), (11, 35, 128, 8, 77, 240, 19, 90)),
}
NUMBER: Final = Contrast(5, 60)


def main() -> None:
    """Compare and print; ends with an error where a difference is too large."""
    parser = report.arguments(__doc__)
    args = parser.parse_args()
    version = environments.PEERS["transformer_lens"]
    lines = [machine.line("cpu"), "", f"{version}, float32.", ""]
    lines += [
        "| model | prompts | direction | part | cells | span of the numbers | largest difference |",
        "|---" * 7 + "|",
    ]
    found = [each for kind in KINDS for each in compared(kind)]
    lines += [row for row, _ in found]
    worst = float(np.max([difference for _, difference in found]))  # not a number stays so
    lines += ["", report.holds("largest difference of logits", worst, at_most=CLOSE)]
    report.publish(__file__, "Patching beside TransformerLens", lines, device="cpu", write=args.write)
    if not worst <= CLOSE:
        raise SystemExit("The numbers differ.")


def compared(kind: str) -> Iterator[tuple[str, float]]:
    """A line of the table for each part of a tiny model, and its largest difference."""
    lm = tiny(kind)
    for name, pair in PROMPTS.items():
        for direction, (clean, corrupted) in (("denoise", pair), ("noise", pair[::-1])):
            theirs = by_transformer_lens(lm, clean, corrupted)
            patching = INSPECTORS["activation_patching"](
                lm, *(lm.tokenize(list(ids)) for ids in pair), NUMBER, direction
            )
            for part in PARTS:
                ours, said = patching.grid(Context(), part=part), np.array(theirs[part])
                if ours.values.shape != said.shape:
                    raise SystemExit(f"{kind}, {part}: {ours.values.shape} cells here, {said.shape} there")
                ends = np.array([ours.source, ours.base]) - theirs["numbers"]
                gap = float(np.max(np.abs([*(ours.values - said).ravel(), *ends])))
                row = [kind, name, direction, part, str(said.size), f"{np.ptp(said):.3g}", f"{gap:.1e}"]
                yield "| " + " | ".join(row) + " |", gap


def by_transformer_lens(lm: ModelAdapter, clean: Sequence[int], corrupted: Sequence[int]) -> dict[str, Any]:
    """Numbers of every cell, by part; states of `clean` are put into the pass of `corrupted`."""
    asked = {"clean": clean, "corrupted": corrupted, "target": NUMBER.target, "other": NUMBER.other}
    worker = Path(__file__).with_name("_transformer_lens_worker.py")
    with tempfile.TemporaryDirectory(prefix="xai-check-") as folder:
        lm.model.save_pretrained(folder)
        lm.tokenizer.save_pretrained(folder)
        done = subprocess.run(
            [environments.python_of("transformer_lens"), str(worker), folder],
            input=json.dumps(asked) + "\n", capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode or not done.stdout:
        raise SystemExit(f"TransformerLens failed: {(done.stderr.strip() or 'it said nothing').splitlines()[-1]}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


if __name__ == "__main__":
    try:
        main()
    except environments.NoEnvironmentError as error:
        raise SystemExit(str(error)) from error
