"""The view of two prompts whose states are exchanged: where one's answer is made, proved by putting it into the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from xai_widgets.core.ask import Ask, TargetChoice
from xai_widgets.core.errors import UnknownNameError
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.patching import Exchanging, Pair, Patched
from xai_widgets.jobs.resolve import most_probable, read
from xai_widgets.protocol.codec import decode_input, decode_target, encode_candidate
from xai_widgets.protocol.patching import encode_patching
from xai_widgets.widgets.base import asset
from xai_widgets.widgets.looking import Answer, LookingView, Reply, one_of, source_code

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context
    from xai_widgets.core.tokens import Tokens

DIRECTIONS = ("denoise", "noise")
PARTS = ("resid", "attn_out", "mlp_out", "head")


class PatchingView(LookingView[Pair, Patched]):
    """The view, and the questions it answers; arguments and errors are those of `xw.Patching`, which adds the numbers."""

    _esm = asset("patching.js")
    _css = asset("patching.css")

    def __init__(
        self,
        lm: ModelAdapter,
        clean: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        corrupted: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        *,
        target: TargetChoice = None,
        contrast: TargetChoice = None,
        direction: Literal["denoise", "noise"] = "denoise",
        part: Literal["resid", "attn_out", "mlp_out", "head"] = "resid",
        link_id: str | None = None,
    ) -> None:
        """Run both prompts, show the estimate, and replace it by exact numbers."""
        lm.require("resume", "gradients")
        for name, given, known in (("direction", direction, DIRECTIONS), ("part", part, PARTS)):
            if given not in known:
                raise UnknownNameError(name, given, known)
        if part != "resid":
            lm.require("parts")
        asks = [Ask(source=source_of(lm, text)) for text in (clean, corrupted)]
        for ask in asks:
            read(lm, ask)
        self._begin(Exchanging(lm, Pair(asks[0], asks[1], direction, part, target, contrast)), link_id)

    def ask_of(self, content: Mapping[str, Any]) -> Pair:
        """The pair a message asks for: what it leaves out stays."""
        changes: dict[str, Any] = {}
        for name in ("clean", "corrupted"):
            given = content.get(name)
            if given and given.get("kind") != "ids":
                changes[name] = Ask(source=decode_input(given))
        for name, known in (("direction", DIRECTIONS), ("part", PARTS)):
            if name in content:
                changes[name] = one_of(content, name, known)
        changes |= {name: decode_target(content[name]) for name in ("target", "other") if name in content}
        return replace(self._looking.ask, **changes)

    def packed(self, patched: Patched, revision: int) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""
        pair, lm = patched.pair, self._looking.adapter
        return dict(
            encode_patching(
                (pair.clean, pair.corrupted),
                pair.direction,
                pair.part,
                (patched.base, patched.source),
                patched.patching.pairs,
                patched.grid,
                patched.estimate,
                patched.agreement,
                (patched.target, patched.other),
                (patched.base_candidates, patched.source_candidates),
                self.model_info(patched.patching.fingerprint),
                seconds=patched.seconds,
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=_code(pair, lm.origin),
            )
        )

    def answers(self) -> Mapping[str, Answer[Patched]]:
        """By action."""
        return {"cell": self._cell}

    def _cell(self, patched: Patched, asked: Mapping[str, Any], context: Context) -> Reply:
        usual, changed = patched.patching.patched(int(asked["layer"]), int(asked["index"]), context, patched.pair.part)
        value = changed[patched.target.id] - changed[patched.other.id]
        lm = self._looking.adapter
        return {
            "before": [encode_candidate(c) for c in most_probable(lm, usual)],
            "after": [encode_candidate(c) for c in most_probable(lm, changed)],
            "value": float(value),
        }, []


def _code(pair: Pair, origin: str) -> str:
    more = "".join(
        f", {name}={value!r}"
        for name, value, usual in (
            ("target", pair.target, None), ("contrast", pair.other, None), ("direction", pair.direction, "denoise"),
            ("part", pair.part, "resid"),
        )
        if value != usual
    )  # fmt: skip
    return source_code(origin, f"xw.Patching(lm, {pair.clean.typed!r}, {pair.corrupted.typed!r}{more})")
