"""An explanation as a short text table, for terminals and for tests."""

from __future__ import annotations

import numpy as np

from xai_widgets.core.ask import Finding
from xai_widgets.core.explanation import Explanation
from xai_widgets.core.tokens import Token

_BAR = 12


def table(finding: Finding, limit: int = 40) -> str:
    """Question, one line a unit (at most `limit`, the strongest kept in reading order), exactness."""
    e = finding.explanation
    lines = [headline(finding)]
    if e.axes not in (("pos",), ("target", "pos")):
        shape = ", ".join(f"{a} {n}" for a, n in zip(e.axes, e.scores.shape, strict=True))
        return "\n".join([*lines, f"scores: {shape}; unit {e.unit}"])
    line = e.scores.sum(0) if e.axes[0] == "target" and e.scores.shape[0] > 0 else e.scores
    names = [visible(e, i) for i in range(len(e.units))]
    shown = np.sort(np.argsort(-np.abs(np.nan_to_num(line)), kind="stable")[:limit])
    width = min(max((len(names[i]) for i in shown), default=0), 28)
    top = float(np.nanmax(np.abs(line))) if line.size and np.isfinite(line).any() else 0.0
    for i in shown:
        value = float(line[i])
        bar = (
            "" if not np.isfinite(value) or top == 0 else ("+" if value >= 0 else "-") * round(_BAR * abs(value) / top)
        )
        lines.append(f"{names[i][:28]:<{width}} {value:>11.4g}  {bar}")
    if len(line) > len(shown):
        lines.append(f"... and {len(line) - len(shown)} weaker")
    return "\n".join([*lines, footer(e)])


def headline(finding: Finding) -> str:
    """The question in words, with the number it explains."""
    e = finding.explanation
    if not e.rows:
        return f"{len(e.units)} {e.units.kind}s"
    target, contrast = "".join(r.text for r in e.rows), "".join(r.contrast for r in e.rows)
    values = [r.value for r in e.rows if r.value is not None]
    number = f"  {quantity_words(finding.quantity)} {sum(values):+.4g}" if values else ""
    if finding.quantity in ("entropy", "kl"):
        return f"Why this next-token distribution?{number}"
    if finding.quantity == "":
        return f"{target!r}{number}"
    return f"Why {target!r}" + (f" rather than {contrast!r}?" if contrast else "?") + number


def quantity_words(quantity: str) -> str:
    """How a quantity is called in a sentence."""
    return {
        "logit": "logit",
        "log_prob": "log-probability",
        "prob": "probability",
        "logit_diff": "logit difference",
        "entropy": "entropy",
        "kl": "KL divergence",
    }.get(quantity, quantity)


def exactness(e: Explanation) -> str:
    """One phrase: exact, gap, standard error, or nothing known."""
    q = e.quality
    if q.standard_error is not None and q.standard_error.size:
        return f"± {float(np.nanmax(q.standard_error)):.2g} standard error"
    if e.relative_gap is not None:
        return f"gap {100 * e.relative_gap:.2g} %"
    return {True: "exact", False: "approximate", None: ""}[q.exact]


def footer(e: Explanation) -> str:
    """Method, exactness, size, time, device."""
    p = e.provenance
    parts = [
        p.method,
        exactness(e),
        f"{len(e.tokens)} tokens",
        f"{p.seconds:.2g} s" if p.seconds is not None else "",
        p.device,
        p.dtype,
    ]
    return " · ".join(part for part in parts if part)


def visible(e: Explanation, unit: int) -> str:
    """Text of a unit on one line: marks for newlines and tabs, the raw entry where there is no text."""
    positions = e.units.groups[unit]
    text = e.units.labels[unit]
    if not text and positions and positions[0] < len(e.tokens):
        token: Token = e.tokens[positions[0]]
        text = token.raw or f"[{token.id}]"
    text = text.replace("\n", "↵").replace("\t", "⇥")
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
