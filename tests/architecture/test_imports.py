"""Arrows between folders point the way the design says, in both languages; and importing the package is cheap."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.architecture import rules
from tests.architecture.arrows import (
    REPOSITORY,
    Import,
    all_python_imports,
    all_typescript_imports,
    python_imports,
    python_sources,
    typescript_imports,
    typescript_sources,
    without_comments,
)


def test_the_package_is_looked_at() -> None:
    """An empty list of files would pass every test below."""
    parts = {rules.folder(path.relative_to(REPOSITORY).as_posix()) for path in python_sources()}
    assert {"core", "protocol", "adapters", "jobs", "explainers", "widgets"} <= parts
    assert len(all_python_imports()) > 100
    assert len(all_typescript_imports()) > 10


@pytest.mark.parametrize("rule", [rules.python_arrow, rules.python_library], ids=["arrows", "libraries"])
def test_python(rule: rules.Rule) -> None:
    assert _broken(all_python_imports(), rule) == []


def test_typescript() -> None:
    assert _broken(all_typescript_imports(), rules.typescript_arrow) == []


def test_each_method_library_is_used_by_one_file() -> None:
    users: dict[str, set[str]] = {}
    for found in all_python_imports():
        library = found.target.split(".")[0]
        if library in rules.METHOD_LIBRARIES:
            users.setdefault(library, set()).add(found.source)
    assert {library: files for library, files in users.items() if len(files) > 1} == {}


def test_only_api_teach_and_testing_import_widgets() -> None:
    """Said by `PYTHON_ARROWS` for every folder there is; this says it for those to come."""
    users = {rules.folder(f.source) for f in all_python_imports() if f.target.startswith("xai_widgets.widgets")}
    assert users <= rules.FREE | {"widgets"}


def test_no_module_is_named_after_nothing() -> None:
    paths = [p.relative_to(REPOSITORY) for p in [*python_sources(), *typescript_sources()]]
    named = [str(p) for p in paths if rules.FORBIDDEN_NAMES & {part.split(".")[0].strip("_") for part in p.parts}]
    assert named == []


DOM = re.compile(
    r"\b(document|window|HTML\w*Element|SVG\w*Element|Element|DocumentFragment|ShadowRoot|customElements"
    r"|getComputedStyle|requestAnimationFrame|ResizeObserver|MutationObserver|IntersectionObserver)\b",
)


def test_protocol_and_state_touch_no_dom() -> None:
    touched = []
    for path in typescript_sources():
        place = path.relative_to(REPOSITORY / "js" / "src")
        if place.parts[0] in ("protocol", "state"):
            code = without_comments(path.read_text(encoding="utf-8"))
            touched += [f"{place}: {word}" for word in sorted({found[0] for found in DOM.finditer(code)})]
    assert touched == []


def test_importing_the_package_loads_neither_torch_nor_transformers() -> None:
    assert _loaded("import xai_widgets") & rules.MODEL_LIBRARIES == set()


def test_whatever_needs_no_model_loads_no_model_library() -> None:
    """Including the names they use: an innocent import can load torch through another."""
    modules = [
        path.relative_to(REPOSITORY).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for path in python_sources()
        if rules.folder(path.relative_to(REPOSITORY).as_posix()) in rules.NO_MODEL_LIBRARY
    ]
    assert _loaded("; ".join(f"import {name}" for name in modules)) & rules.MODEL_LIBRARIES == set()


def _loaded(code: str) -> set[str]:
    """Top-level modules loaded by code run in a Python of its own."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def _broken(imports: list[Import], rule: rules.Rule) -> list[str]:
    reasons = [(found, rule(found)) for found in imports]
    return sorted(f"{found}: {reason}" for found, reason in reasons if reason is not None)


# -- the checks themselves: each of these imports is wrong and is seen ----------------------------------------------------

WRONG_PYTHON = [
    ("core/x.py", "from xai_widgets.adapters.base import ModelAdapter"),
    ("core/x.py", "def f():\n    import torch"),
    ("core/x.py", "import scipy"),
    ("core/x.py", "import pandas"),
    ("core/x.py", "from ..jobs import worker"),
    ("protocol/x.py", "def f():\n    from transformers import AutoModel"),
    ("jobs/x.py", "import importlib\ndef f():\n    return importlib.import_module('torch.nn')"),
    ("jobs/x.py", "from xai_widgets.protocol import schema"),
    ("widgets/x.py", "from xai_widgets.explainers.gradient import saliency"),
    ("widgets/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
    ("explainers/gradient/x.py", "from xai_widgets.adapters import scoring"),
    ("explainers/gradient/x.py", "from xai_widgets import widgets"),
    ("explainers/gradient/x.py", "def f():\n    import transformers"),
    ("explainers/gradient/x.py", "import captum.attr"),
    ("training/x.py", "import trl"),
    ("__init__.py", "import torch"),
    ("api.py", "from transformers import AutoModel"),
    ("brand_new/x.py", "from xai_widgets.core import axes"),
]


@pytest.mark.parametrize(("source", "text"), WRONG_PYTHON)
def test_a_wrong_python_import_is_seen(source: str, text: str) -> None:
    imports = list(python_imports(text, f"xai_widgets/{source}"))
    assert _broken(imports, rules.python_arrow) + _broken(imports, rules.python_library)


RIGHT_PYTHON = [
    ("explainers/gradient/x.py", "import torch\nfrom xai_widgets.adapters.base import ModelAdapter"),
    ("explainers/gradient/x.py", "def f():\n    from captum.attr import Saliency"),
    ("explainers/gradient/x.py", "from xai_widgets.adapters import base"),
    ("core/x.py", "import numpy as np\nfrom . import axes\ndef f():\n    import pandas"),
    ("api.py", "from xai_widgets.widgets import x\ndef f():\n    import torch"),
    ("adapters/x.py", "import transformers"),
]


@pytest.mark.parametrize(("source", "text"), RIGHT_PYTHON)
def test_a_right_python_import_is_let_through(source: str, text: str) -> None:
    imports = list(python_imports(text, f"xai_widgets/{source}"))
    assert imports
    assert _broken(imports, rules.python_arrow) + _broken(imports, rules.python_library) == []


WRONG_TYPESCRIPT = [
    ("protocol/x.ts", 'import { a } from "../state/a";'),
    ("state/x.ts", 'import {\n  a,\n  b,\n} from "../kit/legend";'),
    ("kit/legend.ts", 'export * from "./tooltip.ts";'),
    ("kit/legend/x.ts", 'import "../tooltip/draw.js";'),
    ("kit/legend.ts", 'import type { V } from "../views/attention";'),
    ("views/attention.ts", 'const other = await import("./lens.js");'),
    ("views/attention.ts", 'import { scaleLinear } from "d3-scale";'),
]


@pytest.mark.parametrize(("source", "text"), WRONG_TYPESCRIPT)
def test_a_wrong_typescript_import_is_seen(source: str, text: str) -> None:
    assert _broken(list(typescript_imports(text, source)), rules.typescript_arrow)


def test_right_typescript_imports_are_let_through() -> None:
    text = """
    import { a } from "../kit/legend.ts"; // import { b } from "../views/other";
    import { c } from "../state/selection";
    /* import "d3"; */
    import { d } from "./attention/rows";
    import type { Traits } from "../protocol/generated";
    """
    imports = list(typescript_imports(text, "views/attention.ts"))
    assert [found.line for found in imports] == [2, 3, 5, 6]
    assert _broken(imports, rules.typescript_arrow) == []
