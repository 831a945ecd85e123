"""An explanation as a drawing for a paper: the sentence with its strengths, set in lines, with a legend."""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape

import numpy as np

from xai_widgets.core.ask import Finding
from xai_widgets.core.errors import CapabilityError
from xai_widgets.core.scores import strength
from xai_widgets.export.text import footer, headline, visible

FOR, AGAINST = "#0072b2", "#d55e00"
_SIZE, _CHAR, _LINE, _PAD = 15.0, 9.03, 38.0, 14.0
_MONO = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def draw(finding: Finding, *, row: int | None = None, width: int = 720) -> str:
    """SVG text of the token strip.

    Args:
        finding: what to draw; its axes must be (target, pos) or (pos).
        row: entry of the target axis; None adds them up.
        width: of the drawing, in px; the sentence wraps.

    Raises:
        CapabilityError: other axes.
    """
    e = finding.explanation
    if e.axes not in (("pos",), ("target", "pos")):
        raise CapabilityError(
            "A drawing", reason=f"this explanation has axes {e.axes}", hint="reduce it to (target, pos) or (pos) first"
        )
    line = e.scores if e.axes == ("pos",) else (e.scores.sum(0) if row is None else e.scores[row])
    share = np.nan_to_num(strength(line))
    body, x, y = [], _PAD, 56.0
    for i in range(len(e.units)):
        text, special = visible(e, i), not e.units.labels[i]
        span = sum(_columns(c) for c in text) * _CHAR + (8 if special else 2)
        if x + span > width - _PAD and x > _PAD:
            x, y = _PAD, y + _LINE
        body.append(_token(text, x, y, span, float(share[i]), float(line[i]), special=special))
        x += span + (2 if special else 0)
        if e.units.labels[i].endswith("\n"):
            x, y = _PAD, y + _LINE
    height = y + 58
    legend = _legend(width, height - 20, signed=e.signed)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" viewBox="0 0 {width} {height:.0f}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12"><title>{escape(headline(finding))}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{_PAD}" y="26" fill="#1c1f23">{escape(headline(finding))}</text>{"".join(body)}{legend}'
        f'<text x="{width - _PAD}" y="{height - 12:.0f}" text-anchor="end" fill="#5b6470" font-size="11">{escape(footer(e))}</text></svg>'
    )


def _token(text: str, x: float, y: float, span: float, share: float, value: float, *, special: bool) -> str:
    ink, size = (FOR if share >= 0 else AGAINST), abs(share)
    bar = (span - 2) * size
    left = x + 1 if share >= 0 else x + span - 1 - bar
    box = f'<rect x="{x:.1f}" y="{y - 17:.1f}" width="{span:.1f}" height="24" rx="3" ' + (
        'fill="none" stroke="#c8ced6" stroke-dasharray="2 2"/>'
        if special
        else f'fill="{ink}" fill-opacity="{0.42 * size:.3f}"/>'
    )
    style = 'fill="#5b6470" font-size="11"' if special else f'fill="#1c1f23" font-size="{_SIZE}"'
    return (
        f"<g><title>{escape(f'{text}  {value:.6g}')}</title>{box}"
        f'<rect x="{left:.1f}" y="{y + 4:.1f}" width="{bar:.1f}" height="3" rx="1.5" fill="{ink}"/>'
        f'<text x="{x + 1:.1f}" y="{y:.1f}" xml:space="preserve" font-family="{_MONO}" textLength="{span - 2:.1f}" '
        f'lengthAdjust="spacingAndGlyphs" {style}>{escape(text)}</text></g>'
    )


def _legend(width: int, y: float, *, signed: bool) -> str:
    del width
    low = (
        f'<stop offset="0" stop-color="{AGAINST}" stop-opacity=".8"/><stop offset=".5" stop-color="#fff"/>'
        if signed
        else '<stop offset="0" stop-color="#fff"/>'
    )
    left, right = ("against", "for") if signed else ("0", "strong")
    return (
        f'<defs><linearGradient id="xw">{low}<stop offset="1" stop-color="{FOR}" stop-opacity=".8"/></linearGradient></defs>'
        f'<g fill="#5b6470" font-size="11"><text x="{_PAD}" y="{y + 8:.0f}">{left}</text>'
        f'<rect x="{_PAD + 46}" y="{y:.0f}" width="120" height="8" rx="3" fill="url(#xw)" stroke="#e3e6ea" stroke-width=".5"/>'
        f'<text x="{_PAD + 174}" y="{y + 8:.0f}">{right}</text></g>'
    )


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
