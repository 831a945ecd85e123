"""The cell that asks a question again."""

from __future__ import annotations

from typing import Any

from xai_widgets.core.ask import Ask, Generated


def as_code(ask: Ask, origin: str = "") -> str:
    """Python that computes the same answer.

    Args:
        ask: the question.
        origin: how the model was got (`xw.load("...")`); empty for objects of the user's own.
    """
    source: Any = ask.source
    if ask.kind == "chat":
        source = ask.messages
    elif ask.kind == "ids":
        source = list(source)
    arguments = [f"lm, {source!r}", f"method={ask.method!r}"]
    target, lines = ask.target, ["import xai_widgets as xw", ""]
    lines.append(f"lm = {origin}" if origin else "lm = xw.wrap(model, tokenizer)  # your own objects")
    if isinstance(target, Generated):
        lines.append(f"written = lm.with_generated(lm.tokenize({source!r}), {list(ask.generated)})")
        arguments[0] = "lm, written"
        arguments.append(f"target=xw.Generated({target.index})")
    elif target is not None:
        arguments.append(f"target={list(target) if isinstance(target, tuple) else target!r}")
    if ask.contrast is not None:
        arguments.append(f"contrast={list(ask.contrast) if isinstance(ask.contrast, tuple) else ask.contrast!r}")
    for name, value, default in (
        ("quantity", ask.quantity, None),
        ("each", ask.each, True),
        ("unit", ask.unit, "token"),
        ("spans", ask.spans, None),
        ("reference", ask.reference, None),
        ("seed", ask.seed, 0),
    ):
        if value != default:
            arguments.append(f"{name}={list(value) if isinstance(value, tuple) else value!r}")
    arguments += [f"{name}={value!r}" for name, value in ask.params.items()]
    lines.append(f"xw.explain({', '.join(arguments)})")
    return "\n".join(lines)
