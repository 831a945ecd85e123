"""A picture beside the live view, for places that show no widgets: seen only where the view is not."""

from __future__ import annotations

import base64
from html import escape

from xai_widgets.core.ask import Finding
from xai_widgets.export.svg import draw
from xai_widgets.export.text import table

LONGEST = 400
"""Units a drawing may have here; above it the notebook keeps a table of the strongest, not megabytes of picture."""

# The rule travels with the picture: wherever the same output area holds a view, the picture takes no room. Where scripts
# or styles of an untrusted notebook are dropped there is no view either, and the picture shows.
_HIDE = "<style>.jp-OutputArea:has(.xw) .jp-OutputArea-child:has(.xw-still){display:none}</style>"


def still(finding: Finding | None) -> dict[str, str]:
    """MIME bundle of the last answer (text/html, text/plain); without one, a line that says so.

    The drawing is an `img` with its data inside, because notebooks refuse untrusted SVG but show images.
    """
    if finding is None:
        text = "no answer yet"
        return {"text/html": f'{_HIDE}<div class="xw-still"><small>{text}</small></div>', "text/plain": text}
    text, e = table(finding), finding.explanation
    if e.axes not in (("pos",), ("target", "pos")) or len(e.units) > LONGEST:
        return {"text/html": f'{_HIDE}<pre class="xw-still">{escape(text)}</pre>', "text/plain": text}
    data = base64.b64encode(draw(finding).encode()).decode()
    image = f'<img class="xw-still" alt="{escape(text)}" src="data:image/svg+xml;base64,{data}">'
    return {"text/html": _HIDE + image, "text/plain": text}


__all__ = ["LONGEST", "still"]
