"""Do patching and its estimates find what was planted in models of known mechanism, and how much of the answer do they say it carries?

    python benchmarks/known_mechanisms.py [--write]

With k parts planted, "found" is how many of them are among the k of their kind with the largest scores, without any threshold; ties
count against them. Shares are of the difference between both prompts: 1 is the whole answer, "by hand" is worked out on paper.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import machine
import numpy as np
import report

from xai_widgets.core.circuit import PATHS
from xai_widgets.core.context import Context
from xai_widgets.core.errors import XaiError
from xai_widgets.core.patching import Contrast
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.testing.mechanisms import MECHANISMS, Mechanism
from xai_widgets.testing.planted import KINDS, Kind, grids, hits

PARTS: Final = {"resid": "residual", "attn_out": "attention", "head": "heads", "mlp_out": "MLP", "neuron": "neurons"}
Shares = Mapping[tuple[str, str, str], float]
"""By (source, target, path): the share of the answer that a method says an edge carries."""


def main() -> None:
    """Ask every method about every mechanism and print."""
    parser = report.arguments(__doc__)
    args = parser.parse_args()
    lines = [machine.line(args.device), "", *parts(), "", *edges()]
    report.publish(__file__, "Models of known mechanism", lines, device=args.device, write=args.write)


def parts() -> list[str]:
    """Exact patching and attribution patching of every kind of part."""
    lines = [
        "### Parts", "",
        "| mechanism | kind | planted | cells | by hand | exact patching | found | attribution patching | found |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    exact, estimated, n, reasons = 0, 0, 0, []
    for mechanism in MECHANISMS.values():
        for kind in KINDS:
            asked = grids(mechanism, kind)
            if not asked.planted:
                continue
            k = len(asked.cells)
            found = asked.hits(asked.exact), asked.hits(asked.estimate)
            exact, estimated, n = exact + found[0], estimated + found[1], n + k
            columns = (
                list(asked.cells.values()),
                [asked.exact[cell] for cell in asked.cells],
                [asked.estimate[cell] for cell in asked.cells],
            )
            by_hand, patched, guessed = map(numbers, columns)
            lines.append(
                f"| {mechanism.name} | {PARTS[kind]} | {k} | {asked.exact.size} | {by_hand} | {patched} | {found[0]} of {k} "
                f"| {guessed} | {found[1]} of {k} |"
            )
            reasons += reason(mechanism, kind)
    lines += ["", report.holds("share of planted parts that exact patching finds", exact / n, at_least=1.0)]
    return [*lines, f"- attribution patching finds {estimated} of {n}; where its shares are off:", *reasons]


def reason(mechanism: Mechanism, kind: Kind) -> list[str]:
    """Why the estimate is off, if it is."""
    return [f"  - {mechanism.name}, {PARTS[kind]}: {mechanism.off[kind]}"] if kind in mechanism.off else []


def edges() -> list[str]:
    """Every method that scores edges, beside what each edge carries by hand."""
    names = list(EDGE_METHODS)
    lines = ["### Edges", ""]
    if "edge_attribution" not in INSPECTORS:
        return [*lines, "- not known: nothing that scores edges is registered"]
    lines += [
        "| mechanism | planted | edges | by hand | " + " | ".join(f"{name} | found" for name in names) + " |",
        "|---" * (4 + 2 * len(names)) + "|",
    ]
    total, found = 0, dict.fromkeys(names, 0)
    for mechanism in MECHANISMS.values():
        planted = {edge.key: edge.brings for edge in mechanism.edges}
        cells, size = [], 0
        for name, method in EDGE_METHODS.items():
            try:
                said = method(mechanism)
            except XaiError as error:
                cells += [str(error).splitlines()[0], ""]
                continue
            size = len(said)
            n = hits(planted, said)
            found[name] += n
            cells += [numbers([said.get(key, 0.0) for key in planted]), f"{n} of {len(planted)}"]
        total += len(planted)
        row = [mechanism.name, str(len(planted)), str(size), numbers(list(planted.values())), *cells]
        lines.append("| " + " | ".join(row) + " |")
    return [*lines, "", *(f"- {name} finds {n} of {total} edges" for name, n in found.items()), EDGE_MISSES]


def shares(mechanism: Mechanism, *, exact: bool = False, **params: Any) -> Shares:  # noqa: ANN401 - the method's own
    """What the registered inspector says of every edge; with `exact` what is really lost when that edge alone is cut."""
    lm, target = mechanism.adapter, mechanism.question.target
    contrast = Contrast(target.ids[0], target.contrast_ids[0] if target.contrast_ids else None)
    asked = INSPECTORS["edge_attribution"](lm, mechanism.question.tokens, lm.tokenize(mechanism.corrupted), contrast)
    graph = asked.graph(Context(), **params)
    scores = np.array([asked.edge(graph, i, Context())[0] for i in range(len(graph))]) if exact else graph.scores
    clean, corrupted = asked.ends
    names = [node.name for node in graph.nodes]
    ends = zip(graph.sources.tolist(), graph.targets.tolist(), graph.paths.tolist(), strict=True)
    keys = [(names[source], names[target], PATHS[path]) for source, target, path in ends]
    return dict(zip(keys, (scores / (clean - corrupted)).tolist(), strict=True))


EDGE_MISSES: Final = (
    "- EAP takes slopes at the clean prompt: where there is evidence enough (saturated, redundant) they are zero before the unit that "
    "saturates. EAP-IG sees the steep part, the first 1/3.6 of the way (saturated) or 1/6 (redundant), if a step falls there: of "
    "5 steps, at 1/5 and on, none does on the second"
)
EDGE_METHODS: Final[dict[str, Callable[[Mechanism], Shares]]] = {
    "path patching": functools.partial(shares, exact=True),
    "EAP": functools.partial(shares, method="eap"),
    "EAP-IG, 5 steps": functools.partial(shares, method="eap_ig", steps=5),
    "EAP-IG, 50 steps": functools.partial(shares, method="eap_ig", steps=50),
}
"""Another way to score edges goes here: from a mechanism to the share that it says each edge carries."""


def numbers(values: Sequence[float]) -> str:
    """Shares in their order, those that are alike once: `3.6, -2.6`, `0.282 (2x)`."""
    rounded = [f"{value + 0.0:.3g}" if abs(value) >= 5e-4 else "0" for value in values]
    return ", ".join(f"{text} ({n}x)" if (n := rounded.count(text)) > 1 else text for text in dict.fromkeys(rounded))


if __name__ == "__main__":
    main()
