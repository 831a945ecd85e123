"""Write `js/src/protocol/generated.ts` from `schema.py` and the files of `wire`, so that the two sides can't drift apart.

Run as `python -m xai_widgets.protocol.typescript PATH`; a test runs it and compares.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from xai_widgets.protocol import schema
from xai_widgets.protocol.wire import attention, circuit, cka, direct, lens, patching, steer

WIRES = (attention, lens, patching, direct, circuit, steer, cka)
"""Of views, in the order in which they are written."""

_PLAIN = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    bytes: "DataView",
    type(None): "null",
    Any: "unknown",
}


def _type(hint: Any) -> str:  # noqa: ANN401 - type hints are of any type
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " | ".join(f'"{a}"' for a in args)
    if origin in (Union, types.UnionType):
        return " | ".join(_type(a) for a in args)
    if origin is list:
        inner = _type(args[0])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if origin is dict:
        return f"Record<string, {_type(args[1])}>"
    if is_typeddict(hint):
        return str(hint.__name__)
    raise TypeError(f"no TypeScript for {hint!r}")


def _doc(text: str | None, indent: str = "") -> str:
    lines = [line.strip() for line in (text or "").strip().splitlines()]
    body = "\n".join(f"{indent} * {line}".rstrip() for line in lines)
    return f"{indent}/**\n{body}\n{indent} */\n"


def render() -> str:
    """The whole TypeScript file."""
    out = ["// Written from schema.py and wire/ of xai_widgets/protocol by typescript.py. Change it there.\n\n"]
    out.append(f"export const PROTOCOL_VERSION = {schema.PROTOCOL_VERSION};\n\n")
    for kind in (*schema.EXPORTED, *(kind for wire in WIRES for kind in wire.EXPORTED)):
        out.append(_doc(kind.__doc__))
        out.append(f"export interface {kind.__name__} {{\n")
        for name, hint in get_type_hints(kind, include_extras=True).items():
            optional = get_origin(hint) is NotRequired
            inner = get_args(hint)[0] if optional else hint
            text = _type(inner)
            out.append(f"  {name}{'?' if optional else ''}: {text};\n")
        out.append("}\n\n")
    for name, members in schema.UNIONS.items():
        out.append(f"export type {name} = {' | '.join(m.__name__ for m in members)};\n\n")
    out.append("/** Synced state of every widget. */\nexport interface Traits {\n")
    out.extend(f"  {name}: {_type(hint)};\n" for name, hint in schema.TRAITS.items())
    out.append("}\n")
    return "".join(out)


def main() -> None:
    """Write the file named on the command line."""
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
