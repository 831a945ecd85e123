"""The view of an input coloured by how much each token (or unit) counts for a target."""

from __future__ import annotations

from xai_widgets.widgets.base import asset
from xai_widgets.widgets.explaining import ExplanationView


class TokenAttribution(ExplanationView):
    """Token strip, next-token candidates, method and exactness. Shows axes (target, pos) or (pos)."""

    _esm = asset("token_attribution.js")
    _css = asset("token_attribution.css")

    axes = (("target", "pos"), ("pos",))
    """Axes this view draws."""
