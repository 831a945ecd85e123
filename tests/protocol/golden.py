"""Golden files: snapshots as Python writes them, with the values a reader must get back.

`python -m tests.protocol.golden` writes them; a test compares, and the browser's tests decode them.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tests.protocol.samples import findings
from xai_widgets.protocol.arrays import get
from xai_widgets.protocol.codec import encode

FOLDER = Path(__file__).parent / "golden"


def golden() -> dict[str, dict[str, Any]]:
    """File stem to content. NaN and infinities are written as texts under `expect`, never as JSON numbers."""
    out = {}
    for name, finding in findings().items():
        packed = encode(finding, revision=7, code="xw.explain(lm)")
        snapshot = packed["snapshot"]
        headers = {
            "scores": snapshot["scores"],
            "id": snapshot["tokens"]["id"],
            "unit": snapshot["tokens"]["unit"],
            "start": snapshot["tokens"]["start"],
            "standard_error": snapshot["quality"]["standard_error"],
        }
        expect = {
            key: [value if value == value else "NaN" for value in get(header, packed["buffers"]).ravel().tolist()]  # noqa: PLR0124 - NaN test
            for key, header in headers.items()
            if header is not None
        }
        buffers = [base64.b64encode(b).decode() for b in packed["buffers"]]
        out[name] = {"packed": {"snapshot": snapshot, "buffers": buffers}, "expect": expect}
    return out


def text(content: dict[str, Any]) -> str:
    """How a golden file is written."""
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for stem, content in golden().items():
        (FOLDER / f"{stem}.json").write_text(text(content), encoding="utf-8")
