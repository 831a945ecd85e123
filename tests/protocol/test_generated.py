"""The TypeScript side of the wire is what the Python side says."""

from __future__ import annotations

from pathlib import Path

from xai_widgets.protocol.typescript import render

GENERATED = Path(__file__).parents[2] / "js" / "src" / "protocol" / "generated.ts"


def test_generated_typescript_is_up_to_date() -> None:
    written = GENERATED.read_text(encoding="utf-8")
    again = "python -m xai_widgets.protocol.typescript js/src/protocol/generated.ts"
    assert written == render(), f"schema.py has changed since; run: {again}"
