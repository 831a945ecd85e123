"""The arrows of the design, as predicates over one import: each returns why it is forbidden, or None."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.architecture.arrows import PACKAGE, Import

Rule = Callable[[Import], str | None]

EXPLAINING = {"core", "adapters.base", "explainers"}
PYTHON_ARROWS: dict[str, set[str]] = {
    "core": {"core"},
    "protocol": {"core", "protocol"},
    "adapters": {"core", "adapters"},
    "jobs": {"core", "adapters.base", "jobs"},
    "explainers": EXPLAINING,
    "evaluate": EXPLAINING | {"evaluate"},
    "training": EXPLAINING | {"training"},
    "export": {"core", "protocol", "export"},
    "widgets": {"core", "protocol", "jobs", "adapters.base", "widgets"},
}
"""What each folder may import of the package."""
SURFACE = {
    "",
    "api",
    "answer",
    "attention",
    "circuit",
    "cka",
    "direct_logit_attribution",
    "logit_lens",
    "patching",
    "steer",
}
"""The names people type: the package's own `__init__`, the verbs, and what a verb returns."""
FREE = SURFACE | {"teach", "testing"}
"""May see every part."""

MODEL_LIBRARIES = {
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "trl",
    "datasets",
    "tokenizers",
    "safetensors",
    "gguf",
}
NO_MODEL_LIBRARY = {"core", "protocol", "jobs", "widgets", "export"}
"""Folders that import none of them, not even inside a function."""
TRANSFORMERS_FAMILY = {"transformers", "peft", "trl", "accelerate", "gguf"}
MAY_TRANSFORMERS = {"adapters", "training", "testing"}
METHOD_LIBRARIES = {"captum", "lxt", "sklearn", "statsmodels", "shap", "lime", "inseq"}
"""Borrowed by one file each, inside functions, so that nobody pays for a method they don't use."""
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


def folder(path: str) -> str:
    """Top-level part of the package a module belongs to: `core`, `api`, ...; "" for the package's own `__init__`."""
    parts = path.removesuffix(".py").split("/")[1:]
    return "" if parts == ["__init__"] else parts[0]


def python_arrow(found: Import) -> str | None:
    """Whether one part of the package may see another."""
    target = found.target.split(".")
    if target[0] != PACKAGE:
        return None
    here = folder(found.source)
    if here in FREE:
        return None
    if here not in PYTHON_ARROWS:
        return f"{here} is a new part: say in tests/architecture/rules.py what it may import"
    allowed = PYTHON_ARROWS[here]
    inner = ".".join(target[1:])
    if any(inner == name or inner.startswith(name + ".") for name in allowed):
        return None
    return f"{here} may import {', '.join(sorted(allowed))} only"


def python_library(found: Import) -> str | None:
    """Whether a part of the package may import an installed package, and where in the file."""
    library, here, top = found.target.split(".")[0], folder(found.source), found.at_top
    of_models, of_transformers = library in MODEL_LIBRARIES, library in TRANSFORMERS_FAMILY
    plain = {PACKAGE, "numpy", "pandas", *sys.stdlib_module_names}
    reasons = {
        "core is numpy and the standard library": here == "core" and library not in plain,
        "pandas is optional: import it inside the function that makes a frame": library == "pandas" and top,
        f"{here} never sees a model library": here in NO_MODEL_LIBRARY and of_models,
        "importing the package must stay quick: import it inside a function": here in SURFACE and of_models and top,
        f"besides adapters, only training may import {library}": of_transformers and here not in MAY_TRANSFORMERS,
        f"training imports {library} inside functions": of_transformers and here == "training" and top,
        f"{library} is imported inside the function that uses it": library in METHOD_LIBRARIES and top,
    }
    return next((reason for reason, broken in reasons.items() if broken), None)


def typescript_arrow(found: Import) -> str | None:
    """Whether a module of js/src may import another.

    `views/x.ts` and everything in `views/x/` are one view; the same for parts in `kit`. `views/shared` and `kit/shared` are for all.
    """
    here, part = _place(found.source)
    there, other = _place(found.target)
    allowed = {
        "protocol": {"protocol"},
        "state": {"protocol", "state"},
        "kit": {"protocol", "kit"},
        "views": {"protocol", "state", "kit", "views"},
        "page": {"protocol", "state", "page"},  # a saved page gets the view's module as text
    }
    if "/" not in found.target or there not in allowed:
        return "the views are self-contained: no packages, nothing outside js/src"
    if here not in allowed:
        return f"{here} is a new part: say in tests/architecture/rules.py what it may import"
    if there not in allowed[here]:
        return f"{here} may import {', '.join(sorted(allowed[here]))} only"
    if here == there == "views" and other not in ("shared", part):
        return "a view never imports a view"
    if here == there == "kit" and other not in ("shared", part):
        return "a kit part knows no other part but through kit/shared"
    return None


def _place(path: str) -> tuple[str, str]:
    parts = path.split("/")
    stem = parts[1] if len(parts) > 1 else ""
    for suffix in (".ts", ".js"):
        stem = stem.removesuffix(suffix)
    return parts[0], stem
