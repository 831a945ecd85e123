"""Explanations of transformer language models that live inside the notebook cell.

>>> import xai_widgets as xw
>>> lm = xw.load()  # doctest: +SKIP
>>> xw.explain(lm, "The capital of France is")  # doctest: +SKIP

Names are loaded on first use: importing this package imports neither torch nor transformers.
"""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "load": "xai_widgets.api",
    "wrap": "xai_widgets.api",
    "explain": "xai_widgets.api",
    "show": "xai_widgets.api",
    "open": "xai_widgets.api",
    "methods": "xai_widgets.api",
    "link": "xai_widgets.api",
    "Answer": "xai_widgets.api",
    "Generated": "xai_widgets.core.ask",
    "Explanation": "xai_widgets.core.explanation",
    "Direction": "xai_widgets.core.directions",
    "Intervention": "xai_widgets.core.interventions",
    "Tokens": "xai_widgets.core.tokens",
    "XaiError": "xai_widgets.core.errors",
    "TokenAttribution": "xai_widgets.widgets.token_attribution",
    "Attention": "xai_widgets.attention",
    "CKA": "xai_widgets.cka",
    "Circuit": "xai_widgets.circuit",
    "DirectLogitAttribution": "xai_widgets.direct_logit_attribution",
    "LogitLens": "xai_widgets.logit_lens",
    "Patching": "xai_widgets.patching",
    "Noise": "xai_widgets.core.patching",
    "Ablation": "xai_widgets.core.patching",
    "TunedLens": "xai_widgets.explainers.lens.tuned_lens",
    "Steer": "xai_widgets.steer",
}

__all__ = ["__version__", *_NAMES]  # noqa: PLE0604 - names are strings of the table


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    """Import the module of a public name the first time it is used."""
    if name == "__version__":
        from importlib.metadata import version

        return version("xai_widgets")
    if name not in _NAMES:
        raise AttributeError(f"module 'xai_widgets' has no attribute {name!r}; it has: {', '.join(__all__)}")
    value = getattr(importlib.import_module(_NAMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, for completion."""
    return sorted(__all__)
