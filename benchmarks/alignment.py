"""Do the methods point at the word that linguistics says decides? Mean reciprocal rank on BLiMP phenomena, beside random.

    python benchmarks/alignment.py --data DIR [--rows 100] [--model NAME] [--only leave_one_out,gradient_norm]

`DIR` holds one CSV a phenomenon with the columns prefix, good, bad, evidence (the deciding word in the prefix). The
number explained is the log-probability of the first token of `good` against that of `bad`. A row's figure is 1 / dense
rank of the best-scored token of the evidence word; signed scores are ranked with their sign. Rows are left out, for all
methods alike, where the evidence is not in the prefix, good and bad begin with the same token, or the prefix is a single
token, on which every method is right. `random` is the mean over
200 draws of scores on the same rows: short prefixes make it high. In brackets: the half width of a 95 % interval over rows.
Ctrl-C prints the table so far.
"""

from __future__ import annotations

import argparse
import csv
import re
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError
from xai_widgets.core.methods import make
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.scores import reciprocal_rank
from xai_widgets.core.targets import Question
from xai_widgets.testing import ask

VARIANTS: dict[str, tuple[Mapping[str, Any], ...]] = {
    "leave_one_out": (
        {"mode": "replace"},
        {"mode": "mask"},
        {"mode": "delete"},
        {"replacement": " the"},
        {"replacement": "<pad>"},
    ),
    "occlusion": ({"window": 2}, {"window": 3}),
    "shapley_sampling": ({"n_samples": 10}, {"n_samples": 10, "mode": "mask"}),
    "shapley_values": ({}, {"mode": "mask"}),
    "gradient_norm": ({"norm": "l1"}, {"norm": "l2"}),
    "input_x_gradient": ({},),
    "integrated_gradients": ({"baseline": "zero"}, {"baseline": "mean"}, {"baseline": "pad"}, {"baseline": "\n"}),
    "gradient_shap": ({"baseline": "random"}, {"baseline": "zero"}),
}
"""Parameters to try; methods not named here run with their defaults."""


@dataclass(frozen=True)
class Row:
    """One question and the positions of the word that decides."""

    question: Question
    evidence: list[int]


def read(path: Path, adapter: ModelAdapter, limit: int) -> list[Row]:
    """The usable rows among the first `limit` of a file."""
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        for record in list(csv.DictReader(file))[:limit]:
            prefix, word = record["prefix"], record["evidence"]
            match = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", prefix) if word else None
            good, bad = (adapter.continuation(" " + record[key])[:1] for key in ("good", "bad"))
            if match is None or good == bad:
                continue
            question = ask(adapter, prefix, good, bad)
            if question.n_pos == 1:
                continue
            spans = [token.span or (0, 0) for token in question.tokens]
            evidence = [i for i, (a, b) in enumerate(spans) if a < match.end() and b > match.start()]
            found.append(Row(question, evidence))
    return found


def random_rank(row: Row, draws: int = 200) -> float:
    """Mean reciprocal rank of random scores."""
    rng = np.random.default_rng(0)
    return float(np.mean([reciprocal_rank(rng.random(row.question.n_pos), row.evidence) for _ in range(draws)]))


def configurations(only: set[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """Methods with the parameters to run."""
    return [(name, params) for name in EXPLAINERS if not only or name in only for params in VARIANTS.get(name, ({},))]


def resolved(adapter: ModelAdapter, params: Mapping[str, Any]) -> dict[str, Any]:
    """`<pad>` stands for the tokenizer's own."""
    ids = {"<pad>": adapter.tokenizer.pad_token_id}
    return {key: ids.get(value, value) for key, value in params.items()}


def main() -> None:
    """Run all methods on all files and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100, help="rows read of each file")
    parser.add_argument("--model", default=None, help="name or folder; the package's default model if left out")
    parser.add_argument("--only", default="", help="method names, comma between")
    arguments = parser.parse_args()

    from xai_widgets.adapters.loading import load

    adapter = load(arguments.model)
    sets = {path.stem: read(path, adapter, arguments.rows) for path in sorted(arguments.data.glob("*.csv"))}
    if not any(sets.values()):
        sys.exit(f"no usable rows in {arguments.data}")
    wanted = {name for name in arguments.only.split(",") if name}
    methods = {
        name + "".join(f" {key}={value!r}" for key, value in params.items()): make(
            EXPLAINERS[name], resolved(adapter, params)
        )
        for name, params in configurations(wanted)
    }
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was started in the background
    table = Table(list(sets), ["random", *methods])
    # all methods on one row, and a row of each set in turn: stopped early, every figure is still over the same rows
    turns = [(name, rows[i]) for i in range(arguments.rows) for name, rows in sets.items() if i < len(rows)]
    try:
        for done, (name, row) in enumerate(turns):
            table.add("random", name, random_rank(row), 0.0)
            for label, explainer in methods.items():
                start = time.perf_counter()
                try:
                    scores = explainer.explain(adapter, row.question, Context(seed=done)).scores[0]
                except CapabilityError:  # too many units for exact Shapley values: not a row of that method
                    continue
                table.add(label, name, reciprocal_rank(scores, row.evidence), time.perf_counter() - start)
            print(f"\r{done + 1} of {len(turns)} rows", end="", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped early", file=sys.stderr)
    print(adapter)
    print(table)


class Table:
    """Reciprocal ranks by method and set, and the time they took."""

    def __init__(self, sets: list[str], methods: list[str]) -> None:
        """Empty."""
        self.ranks: dict[str, dict[str, list[float]]] = {m: {s: [] for s in sets} for m in methods}
        self.seconds = dict.fromkeys(methods, 0.0)

    def add(self, method: str, name: str, rank: float, seconds: float) -> None:
        """One row's figure."""
        self.ranks[method][name].append(rank)
        self.seconds[method] += seconds

    def __str__(self) -> str:
        """Method, mean over sets, half width of its interval, rows, seconds a row, then each set."""
        head = f"{'':46s} mean  [95 %]    n  s/row   " + "  ".join(name[:14] for name in self.ranks["random"])
        return "\n".join([head, *(self._line(method) for method in self.ranks)])

    def _line(self, method: str) -> str:
        sets = [np.array(r) for r in self.ranks[method].values()]
        every = np.concatenate(sets)
        if not len(every):
            return f"{method:46s} no rows"
        mean = np.mean([r.mean() for r in sets if len(r)])
        half = 1.96 * every.std() / np.sqrt(len(every))
        each = "  ".join(f"{r.mean():.3f}".ljust(14) if len(r) else " " * 14 for r in sets)
        return f"{method:46s} {mean:.3f} [{half:.3f}] {len(every):4d} {self.seconds[method] / len(every):6.2f}   {each}"


if __name__ == "__main__":
    main()
