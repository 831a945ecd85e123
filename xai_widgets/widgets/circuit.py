"""The view of a circuit: which parts of a model work together, and how much of the answer they keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_widgets.core.ask import Ask, TargetChoice
from xai_widgets.core.circuit import Circuit
from xai_widgets.core.errors import KernelError, UnknownNameError, ValueRefusedError
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.circuit import Circuited, CircuitFinding, Method, Wanted
from xai_widgets.jobs.resolve import most_probable, read
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.circuit import SENT, encode_circuit
from xai_widgets.protocol.codec import decode_input, decode_target, encode_candidate
from xai_widgets.widgets.base import Ticket, View, asset
from xai_widgets.widgets.looking import Answer, LookingView, Reply, one_of, source_code

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context
    from xai_widgets.core.tokens import Tokens

METHODS = ("eap_ig", "eap", "acdc")
_MOST_STEPS = 64


class CircuitFileView(View):
    """A circuit of a file, without a model: what asks for one is answered with the reason."""

    _esm = asset("circuit.js")
    _css = asset("circuit.css")

    def __init__(self, circuit: Circuit, link_id: str | None = None) -> None:
        """Show it."""
        self.circuit = circuit
        self._open("static", link_id)
        self.publish(explanation=dict(encode_circuit(circuit, ((), ()), None, code=f"# {circuit.title}")))

    def __repr__(self) -> str:
        """What the file is of, and its size."""
        return f"<Circuit {self.circuit.title!r}: {int(self.circuit.kept.sum())} of {len(self.circuit.graph)} edges>"

    def _dispatch(self, content: Mapping[str, Any], ticket: Ticket) -> None:  # noqa: ARG002 - the base's
        raise KernelError(
            "This graph was opened from a file, without its model.", given=str(content.get("action")),
            accepted="looking at what is saved", hint="xw.Circuit(lm, clean, corrupted) asks a model",
        )  # fmt: skip


class CircuitView(LookingView[Wanted, Circuited]):
    """The view, and the questions it answers; arguments and errors are those of `xw.Circuit`, which adds the numbers."""

    _esm = asset("circuit.js")
    _css = asset("circuit.css")

    def __init__(
        self,
        lm: ModelAdapter,
        clean: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        corrupted: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        *,
        method: Method = "eap_ig",
        steps: int = 5,
        threshold: float = 0.01,
        size: int | None = None,
        target: TargetChoice = None,
        contrast: TargetChoice = None,
        link_id: str | None = None,
    ) -> None:
        """Read both prompts, score every edge, and check circuits of growing size."""
        lm.require("edges", "gradients")
        if method not in METHODS:
            raise UnknownNameError("method", method, METHODS)
        asks = [Ask(source=source_of(lm, text)) for text in (clean, corrupted)]
        for ask in asks:
            read(lm, ask)
        wanted = Wanted(asks[0], asks[1], method, steps, threshold, size, target, contrast)
        self._begin(CircuitFinding(lm, _checked(wanted)), link_id)

    def ask_of(self, content: Mapping[str, Any]) -> Wanted:
        """What a message asks for: what it leaves out stays, but for the size."""
        changes: dict[str, Any] = {"size": None}
        for name in ("clean", "corrupted"):
            given = content.get(name)
            if given and given.get("kind") != "ids":
                changes[name] = Ask(source=decode_input(given))
        if "method" in content:
            changes["method"] = one_of(content, "method", METHODS)
        changes |= {name: content[name] for name in ("steps", "threshold", "size") if name in content}
        changes |= {name: decode_target(content[name]) for name in ("target", "other") if name in content}
        return _checked(replace(self._looking.ask, **changes))

    def packed(self, seen: Circuited, revision: int) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""
        lm = self._looking.adapter
        return dict(
            encode_circuit(
                seen.circuit,
                seen.candidates,
                self.model_info(seen.inspector.fingerprint),
                seconds=seen.seconds,
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=_code(seen.ask, lm.origin),
            )
        )

    def answers(self) -> Mapping[str, Answer[Circuited]]:
        """By action."""
        return {"keep": self._keep, "edge": self._edge}

    def _keep(self, seen: Circuited, asked: Mapping[str, Any], context: Context) -> Reply:
        graph, inspector = seen.circuit.graph, seen.inspector
        size = _in_range("size", asked.get("size"), 1, min(SENT, len(graph)))
        kept = graph.strongest(size)
        alone = inspector.logits(graph, kept, context).cpu().numpy()  # first: the check takes up where this pass ends
        check = inspector.check(graph, size, kept, context)
        buffers: list[bytes] = []
        return {
            "array": put(kept[:SENT], buffers),
            "size": size,
            "faithfulness": check.faithfulness,
            "completeness": check.completeness,
            "before": [encode_candidate(c) for c in seen.candidates[0]],
            "after": self._most_probable(alone),
        }, buffers

    def _edge(self, seen: Circuited, asked: Mapping[str, Any], context: Context) -> Reply:
        index = _in_range("edge", asked.get("edge"), 0, len(seen.circuit.graph) - 1)
        value, before, after = seen.inspector.edge(seen.circuit.graph, index, context)
        return {"before": self._most_probable(before), "after": self._most_probable(after), "value": value}, []

    def _most_probable(self, logits: np.ndarray) -> list[Any]:
        return [encode_candidate(c) for c in most_probable(self._looking.adapter, logits)]


def _checked(wanted: Wanted) -> Wanted:
    """The same, its numbers in their range."""
    _in_range("steps", wanted.steps, 1, _MOST_STEPS)
    if wanted.size is not None:
        _in_range("size", wanted.size, 1, SENT)
    threshold: Any = wanted.threshold  # from the browser: of any type
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 < threshold <= 1:
        raise ValueRefusedError(
            "threshold", given=repr(threshold), accepted="a share of the difference, above 0 and up to 1", hint="0.01"
        )  # fmt: skip
    return wanted


def _in_range(name: str, given: object, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise ValueRefusedError(name, given=repr(given), accepted=f"{least} to {most}", hint="a whole number")
    return given


def _code(wanted: Wanted, origin: str) -> str:
    usual = Wanted(wanted.clean, wanted.corrupted)
    more = "".join(
        f", {name}={getattr(wanted, field)!r}"
        for name, field in (
            ("method", "method"), ("steps", "steps"), ("threshold", "threshold"), ("size", "size"), ("target", "target"), ("contrast", "other")
        )
        if getattr(wanted, field) != getattr(usual, field)
    )  # fmt: skip
    return source_code(origin, f"xw.Circuit(lm, {wanted.clean.typed!r}, {wanted.corrupted.typed!r}{more})")
