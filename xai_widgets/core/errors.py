"""Every way this package refuses: one class a code, with what was given, what is accepted and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class XaiError(Exception):
    """Base of all refusals. `code` is stable and crosses to the browser with the other three texts.

    The string form is one readable paragraph: what went wrong, what is accepted, what to do.
    """

    code: ClassVar[str] = "error"

    def __init__(self, problem: str, *, given: str = "", accepted: str = "", hint: str = "") -> None:
        """Keep the parts apart (for the view) and join them for the traceback."""
        self.problem = problem
        self.given = given
        self.accepted = accepted
        self.hint = hint
        named = (("Given", given), ("Accepted", accepted), ("What to do", hint))
        parts = [
            problem,
            *(f"{name}: {text}" + ("" if text.endswith(("?", ".")) else ".") for name, text in named if text),
        ]
        super().__init__(" ".join(parts))


class UnknownNameError(XaiError):
    """A name (of a method, parameter, axis, unit, model, ...) that is not there; offers the nearest one."""

    code = "unknown_name"

    def __init__(self, what: str, given: object, known: Iterable[str]) -> None:
        """Name the `what`, the wrong value and all the right ones."""
        names = [str(name) for name in known]
        near = difflib.get_close_matches(str(given), names, n=1, cutoff=0.4)
        super().__init__(
            f"There is no {what} {given!r}.",
            given=repr(given),
            accepted=", ".join(names) if names else "nothing",
            hint=f"did you mean {near[0]!r}?" if near else f"choose one of the {len(names)} listed",
        )
        self.nearest: str | None = near[0] if near else None


class ValueRefusedError(XaiError):
    """A value of the right name and the wrong kind, size or range."""

    code = "value_refused"

    def __init__(self, what: str, *, given: str, accepted: str, hint: str) -> None:
        """Say which argument it was."""
        super().__init__(f"{what} can't be used as given.", given=given, accepted=accepted, hint=hint)


class EmptyTextError(XaiError):
    """The input has no token at all."""

    code = "empty_text"

    def __init__(self) -> None:
        """Say what an input needs."""
        super().__init__(
            "The text is empty.",
            given="no tokens",
            accepted="a text of at least one token",
            hint="type a prompt; its last token is where the next one is predicted",
        )


class TooLongError(XaiError):
    """The input does not fit in the model's context."""

    code = "too_long"

    def __init__(self, n_tokens: int, limit: int) -> None:
        """Give both lengths."""
        super().__init__(
            f"The text is {n_tokens:,} tokens, the model reads {limit:,}.",
            given=f"{n_tokens:,} tokens",
            accepted=f"at most {limit:,} tokens, target included",
            hint="shorten the text",
        )
        self.n_tokens, self.limit = n_tokens, limit


class TargetError(XaiError):
    """The target or contrast is not a token (or span) this question can be asked about."""

    code = "target"


class CapabilityError(XaiError):
    """The model or method can't do this; the reason is in the text."""

    code = "capability"

    def __init__(self, what: str, *, reason: str, hint: str) -> None:
        """Say what is missing, why, and the way round."""
        super().__init__(f"{what} is not available here: {reason}.", accepted="", hint=hint)
        self.reason = reason


class TokenizerError(XaiError):
    """The tokenizer gives no character offsets, has no chat template, or does not fit the model."""

    code = "tokenizer"


class ModelError(XaiError):
    """The model itself can't be explained: weights with NaN, weights that change when run, unknown shape."""

    code = "model"


class OutOfMemoryError(XaiError):
    """Memory ran out even at one sequence a batch."""

    code = "out_of_memory"

    def __init__(self, what: str, *, n_tokens: int) -> None:
        """Say at which size it happened."""
        super().__init__(
            f"Memory ran out while running {what}.",
            given=f"one sequence of {n_tokens:,} tokens",
            accepted="a sequence that fits in the device's memory",
            hint="shorten the text, free memory on the device, or load the model in a smaller dtype",
        )


class LensTrainingError(XaiError):
    """A lens got worse instead of better while it was trained."""

    code = "lens_training"


class FileError(XaiError):
    """A saved file is damaged, foreign or from a newer version."""

    code = "file"


class KernelError(XaiError):
    """A message from the browser could not be read: wrong version, unknown action, missing field."""

    code = "protocol"


class CancelledError(XaiError):
    """The person, or a newer question, cancelled this one. Not a fault."""

    code = "cancelled"

    def __init__(self) -> None:
        """One sentence."""
        super().__init__("Cancelled.", hint="ask again to run it anew")
