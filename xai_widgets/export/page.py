"""An answer as one HTML file that opens from disk, offline, with the same view."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from xai_widgets.core.ask import Finding
from xai_widgets.export.text import headline, table
from xai_widgets.protocol.codec import encode
from xai_widgets.protocol.schema import PROTOCOL_VERSION, MethodInfo

_STATIC = Path(__file__).parent.parent / "static"
_POLICY = "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src data: blob:"


def page(
    findings: Sequence[tuple[Finding, MethodInfo | None, str]], *, title: str = "", module: str = "token_attribution"
) -> str:
    """The HTML text.

    Args:
        findings: answers with the description of their method and their code, in order.
        title: of the page; the first question if empty.
        module: the built view.
    """
    widgets = [
        (module, state(encode(finding, method=method, code=code, push_limit=2**62), f"page-{i}"))
        for i, (finding, method, code) in enumerate(findings)
    ]
    plain = "\n\n".join(table(finding) for finding, _, _ in findings)
    return assembled(widgets, title or headline(findings[0][0]), plain)


def assembled(widgets: Sequence[tuple[str, dict[str, Any]]], title: str, plain: str) -> str:
    """One HTML file of views, each a built module and its state, with `plain` where scripts don't run."""
    modules = list(dict.fromkeys(module for module, _ in widgets))
    data = {"widgets": [{"module": module, "state": its} for module, its in widgets]}
    sources = {module: (_STATIC / f"{module}.js").read_text(encoding="utf-8") for module in modules}
    css = "".join((_STATIC / f"{module}.css").read_text(encoding="utf-8") for module in modules)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{escape(title)}</title>'
        f"<style>{_inline(css)}\nbody{{margin:24px auto;max-width:900px;padding:0 12px;font-family:system-ui,sans-serif}}"
        "@media (prefers-color-scheme:dark){body{background:#101215;color:#e6e9ed}}</style></head><body>"
        + "".join(f'<div data-xai-widget="{i}"></div>' for i in range(len(widgets)))
        + f"<noscript><pre>{escape(plain)}</pre></noscript>"
        f'<script type="application/json" id="xai-states">{_json(data)}</script>'
        f'<script type="application/json" id="xai-modules">{_json(sources)}</script>'
        f"<script>{_inline((_STATIC / 'page.js').read_text(encoding='utf-8'))}</script></body></html>"
    )


def state(
    packed: Mapping[str, Any], uid: str, answers: Sequence[tuple[dict[str, Any], dict[str, Any], list[bytes]]] = ()
) -> dict[str, Any]:
    """A widget's traits as a page holds them; `answers` are requests with the fields and buffers of their results."""
    return {
        "explanation": {"snapshot": packed["snapshot"], "buffers": _texts(packed["buffers"])},
        "selection": {"pos": [], "target": [], "source": ""},
        "display": {"row": None, "link_id": None},
        "status": {"state": "static", "error": None, "cost": "", "seconds": None},
        "protocol_version": PROTOCOL_VERSION,
        "uid": uid,
        "answers": [{"ask": ask, "result": result, "buffers": _texts(buffers)} for ask, result, buffers in answers],
    }


def _texts(buffers: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(b).decode("ascii") for b in buffers]


def _json(value: object) -> str:
    """JSON that can stand inside a script element whatever texts it holds."""
    return json.dumps(value, allow_nan=False, ensure_ascii=True).replace("<", "\\u003c")


def _inline(text: str) -> str:
    """Our own script or style inside its element."""
    return text.replace("</", "<\\/")
