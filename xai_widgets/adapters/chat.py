"""What a chat template writes for messages, and which characters of it each message wrote."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from xai_widgets.core.errors import TokenizerError, ValueRefusedError
from xai_widgets.core.tokens import Role

_ALIASES: dict[str, Role] = {"developer": "system", "function": "tool", "model": "assistant", "human": "user"}
_MARK = "\u2063xaiw\u2063"


@dataclass(frozen=True)
class Rendered:
    """A rendered conversation.

    Attributes:
        text: what the template wrote, ready to be answered.
        contents: characters [start, end) that are each message's content, in order.
        roles: who wrote each content. starts: first character of each turn; the last turn is the one to be answered.
    """

    text: str
    contents: tuple[tuple[int, int], ...]
    roles: tuple[Role, ...]
    starts: tuple[int, ...]

    def role_at(self, character: int) -> Role:
        """The message's role inside a content, `special` elsewhere (the template wrote it)."""
        for (start, end), role in zip(self.contents, self.roles, strict=True):
            if start <= character < end:
                return role
        return "special"

    def turn_at(self, character: int) -> int:
        """Index of the message (template text around it included); one more than the last for the answer's opening."""
        return max(bisect_right(self.starts, character) - 1, 0)


def render(tokenizer: Any, messages: Sequence[Mapping[str, str]]) -> Rendered:  # noqa: ANN401 - any tokenizer
    """Apply the tokenizer's own template and find each content in what it wrote.

    A content is found by rendering once more with a mark in its place: what is the same before and after the mark
    frames the content, also where the template trims or shortens it. Where a template looks across messages and
    the frame differs, the content is searched in order.

    Raises:
        TokenizerError: there is no template, or it refuses these messages.
        ValueRefusedError: a message without role or content, or with a content that is no text.
    """
    plain = [_checked(message) for message in messages]
    text = _apply(tokenizer, plain, answer=True)
    contents: list[tuple[int, int]] = []
    cursor = 0
    for i, message in enumerate(plain):
        span = _framed(tokenizer, plain, i, text) or _searched(text, message["content"], cursor)
        span = (max(span[0], cursor), max(span[1], cursor))
        contents.append(span)
        cursor = span[1]
    roles = tuple(_role(message["role"]) for message in plain)
    return Rendered(text, tuple(contents), roles, tuple(_starts(tokenizer, plain, text, contents)))


def _checked(message: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(message.get("role"), str) or not isinstance(message.get("content"), str):
        raise ValueRefusedError(
            "A chat message",
            given=str(dict(message))[:80],
            accepted='{"role": "user", "content": "a text"}',
            hint="give every message a role and a content that is one text",
        )
    return dict(message)


def _apply(tokenizer: Any, messages: Sequence[Mapping[str, str]], *, answer: bool) -> str:  # noqa: ANN401 - any tokenizer
    import jinja2

    if not getattr(tokenizer, "chat_template", None):
        raise TokenizerError(
            "This tokenizer has no chat template, so there is no telling how messages become text.",
            given="chat messages",
            accepted="a text, or a tokenizer with a chat_template",
            hint="write the conversation as one text, or set tokenizer.chat_template to the one the model was trained with",
        )
    try:
        return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=answer))
    except (jinja2.TemplateError, ValueError, TypeError, KeyError) as error:
        raise TokenizerError(
            f"The model's chat template refuses these messages: {error}.",
            given=", ".join(str(m.get("role")) for m in messages),
            accepted="the roles and order this model was trained with",
            hint="often: one optional system message, then user and assistant in turn",
        ) from error


def _framed(tokenizer: Any, messages: list[dict[str, str]], i: int, text: str) -> tuple[int, int] | None:  # noqa: ANN401
    marked = [*messages[:i], {**messages[i], "content": _MARK}, *messages[i + 1 :]]
    try:
        other = _apply(tokenizer, marked, answer=True)
    except TokenizerError:
        return None
    if other.count(_MARK) != 1:
        return None
    before, after = other.split(_MARK)
    fits = text.startswith(before) and text.endswith(after) and len(before) + len(after) <= len(text)
    return (len(before), len(text) - len(after)) if fits else None


def _searched(text: str, content: str, cursor: int) -> tuple[int, int]:
    """Where a content stands at or after `cursor`; an empty range if the template left it out."""
    wanted = content.strip()
    at = text.find(wanted, cursor)
    return (at, at + len(wanted)) if at >= 0 else (cursor, cursor)


def _starts(tokenizer: Any, messages: list[dict[str, str]], text: str, contents: list[tuple[int, int]]) -> list[int]:  # noqa: ANN401
    """First character of each turn: where the messages before it end if the template writes them one by one."""
    starts = [0]
    for i in range(1, len(messages) + 1):
        at = contents[i - 1][1]
        try:
            before = _apply(tokenizer, messages[:i], answer=False)
        except TokenizerError:
            before = ""
        following = contents[i][0] if i < len(messages) else len(text)
        if before and text.startswith(before) and contents[i - 1][1] <= len(before) <= following:
            at = len(before)
        starts.append(at)
    return starts


def _role(name: str) -> Role:
    if name in get_args(Role) and name not in ("special", "text"):
        return name  # type: ignore[return-value]
    return _ALIASES.get(name, "text")


__all__ = ["Rendered", "render"]
