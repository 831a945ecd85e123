"""From the arguments of `explain` to a session: everything that can be refused without running the model is, here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_widgets.core.ask import DEFAULT_METHOD, Ask, Generated, NextToken, TargetChoice
from xai_widgets.core.errors import TargetError, UnknownNameError, ValueRefusedError
from xai_widgets.core.methods import describe, make
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.core.targets import Quantity
from xai_widgets.core.tokens import Token, Tokens, UnitKind
from xai_widgets.jobs.resolve import read, resolve
from xai_widgets.jobs.session import Session

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter

_SETTINGS = ("target", "contrast", "method", "quantity", "each", "unit", "spans", "reference", "seed")


def begin(
    lm: ModelAdapter,
    text: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
    *,
    target: Any = None,  # noqa: ANN401 - looked at by _choice
    contrast: Any = None,  # noqa: ANN401
    method: str = DEFAULT_METHOD,
    quantity: Quantity | None = None,
    each: bool = True,
    unit: UnitKind = "token",
    spans: Sequence[tuple[int, int]] | None = None,
    reference: str | None = None,
    seed: int = 0,
    watched: bool = False,
    **params: Any,  # noqa: ANN401 - the method's own
) -> Session:
    """Check the question, queue it, and return the session at once. Arguments as those of `xw.explain`."""
    explainer_class = EXPLAINERS[method]
    known = [p["name"] for p in describe(explainer_class)["params"]]
    for name in params:
        if name not in known:
            raise UnknownNameError(f"parameter of explain with method {method!r}", name, [*known, *_SETTINGS])
    explainer = make(explainer_class, params)
    lm.require(*explainer.needs)
    source, generated, target = _source(lm, text, target)
    ask = Ask(
        source=source,
        generated=generated,
        target=_choice(target),
        contrast=_choice(contrast),
        quantity=quantity,
        each=each,
        method=method,
        params=params,
        unit=unit,
        spans=tuple((int(a), int(b)) for a, b in spans) if spans is not None else None,
        reference=reference,
        seed=seed,
    )
    tokens, _ = read(lm, ask)
    resolve(lm, ask, tokens, (NextToken(0, "", 0.0, 0.0),))
    session = Session(lm, ask, watched=watched)
    session.submit(ask)
    return session


def source_of(lm: ModelAdapter, text: Any) -> Any:  # noqa: ANN401 - a text, messages, ids or tokens
    """What was given, in the form a question keeps; tokens the model wrote become part of the input, as ids."""
    source, generated, _ = _source(lm, text, None)
    return tuple(int(i) for i in text.ids) if generated else source


def _source(lm: ModelAdapter, text: Any, target: Any) -> tuple[Any, tuple[int, ...], Any]:  # noqa: ANN401
    if isinstance(text, Tokens):
        ids = tuple(int(i) for i in text.ids)
        plain = text.head(text.n_prompt).text
        same = bool(plain) and np.array_equal(lm.tokenize(plain).ids, text.ids[: text.n_prompt])
        return plain if same else ids[: text.n_prompt], ids[text.n_prompt :], _generated_target(text, target)
    if isinstance(text, str):
        return text, (), target
    if len(text) and isinstance(text[0], Mapping):
        for message in text:
            if not isinstance(message, Mapping) or not {"role", "content"} <= set(message):
                raise ValueRefusedError(
                    "messages",
                    given=repr(message)[:100],
                    accepted='dicts with "role" and "content"',
                    hint='for example [{"role": "user", "content": "Hello"}]',
                )
        return tuple((str(m["role"]), str(m["content"])) for m in text), (), target
    return tuple(int(i) for i in text), (), target


def _generated_target(text: Tokens, target: Any) -> Any:  # noqa: ANN401
    if not isinstance(target, Token):
        return target
    places = [i for i, t in enumerate(text) if t is target] or [i for i, t in enumerate(text) if t == target]
    if not places or places[0] < text.n_prompt:
        raise TargetError(
            "That token was not generated.",
            given=repr(target.text),
            accepted="an item of lm.generate(...) after the prompt",
            hint="use target=written[-1], say",
        )
    return Generated(places[0] - text.n_prompt)


def _choice(value: Any) -> TargetChoice:  # noqa: ANN401
    if value is None or isinstance(value, (str, Generated)):
        return value
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, Token):
        return value.id
    if isinstance(value, (list, tuple)):
        return tuple(
            part if isinstance(part, str) else int(part.id if isinstance(part, Token) else part) for part in value
        )
    raise TargetError(
        "A target is a text, a token id, a generated token, or a list of those.",
        given=repr(value)[:100],
        accepted="str, int, Token or list",
        hint='for example target=" Paris"',
    )
