"""Do the methods point at the word that linguistics says decides? Mean reciprocal rank on BLiMP phenomena, beside random.

    python benchmarks/alignment.py --data DIR [--rows 100] [--model NAME] [--only leave_one_out,gradient_norm]

`DIR` holds one CSV a phenomenon with the columns prefix, good, bad, evidence (the deciding word in the prefix). The
number explained is the log-probability of the first token of `good` against that of `bad`. A row's figure is 1 / dense
rank of the best-scored token of the evidence word; signed scores are ranked with their sign. Rows are left out, for all
methods alike, where the evidence is not in the prefix or good and bad begin with the same token. `random` is the mean over
200 draws of scores on the same rows: short prefixes make it high. In brackets: the half width of a 95 % interval over rows.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xai_widgets.adapters.base import ModelAdapter
from xai_widgets.core.context import Context
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
        {"replacement": ","},
        {"replacement": "<pad>"},
        {"replacement": "<unk>"},
    ),
    "occlusion": ({"window": 2}, {"window": 3}),
    "shapley_sampling": ({"n_samples": 10}, {"n_samples": 10, "mode": "mask"}),
    "shapley_values": ({}, {"mode": "mask"}),
    "gradient_norm": ({"norm": "l1"}, {"norm": "l2"}, {"norm": "l2", "smooth": 10}),
    "saliency": ({},),
    "input_x_gradient": ({}, {"smooth": 10}),
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
            spans = [token.span or (0, 0) for token in question.tokens]
            evidence = [i for i, (a, b) in enumerate(spans) if a < match.end() and b > match.start()]
            found.append(Row(question, evidence))
    return found


def random_ranks(rows: list[Row], draws: int = 200) -> np.ndarray:
    """Mean reciprocal rank of random scores, by row."""
    rng = np.random.default_rng(0)
    return np.array(
        [np.mean([reciprocal_rank(rng.random(row.question.n_pos), row.evidence) for _ in range(draws)]) for row in rows]
    )


def configurations(only: set[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """Methods with the parameters to run."""
    return [(name, params) for name in EXPLAINERS if not only or name in only for params in VARIANTS.get(name, ({},))]


def resolved(adapter: ModelAdapter, params: Mapping[str, Any]) -> dict[str, Any]:
    """`<pad>` and `<unk>` stand for the tokenizer's own."""
    ids = {"<pad>": adapter.tokenizer.pad_token_id, "<unk>": adapter.tokenizer.unk_token_id}
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
    print(f"{adapter!r}; rows used: " + ", ".join(f"{name} {len(rows)}" for name, rows in sets.items()))
    print("columns: mean over sets, seconds a row, then each set")
    report("random", {name: random_ranks(rows) for name, rows in sets.items()}, 0.0)
    n_rows = sum(len(rows) for rows in sets.values())
    for name, params in configurations(wanted):
        explainer = make(EXPLAINERS[name], resolved(adapter, params))
        start = time.perf_counter()
        ranks = {}
        for set_name, rows in sets.items():
            usable = [row for row in rows if name != "shapley_values" or row.question.n_pos <= 10]
            ranks[set_name] = np.array(
                [
                    reciprocal_rank(explainer.explain(adapter, row.question, Context(seed=i)).scores[0], row.evidence)
                    for i, row in enumerate(usable)
                ]
            )
        label = name + "".join(f" {key}={value!r}" for key, value in params.items())
        report(label, ranks, (time.perf_counter() - start) / n_rows)


def report(label: str, ranks: Mapping[str, np.ndarray], seconds: float) -> None:
    """One line of the table."""
    every = np.concatenate(list(ranks.values()))
    mean = np.mean([r.mean() for r in ranks.values() if len(r)])
    half = 1.96 * every.std() / np.sqrt(len(every))
    each = "  ".join(f"{r.mean():.3f}" if len(r) else "  -  " for r in ranks.values())
    print(f"{label:48s} {mean:.3f} [{half:.3f}]  {seconds:6.3f} s   {each}", flush=True)


if __name__ == "__main__":
    main()
