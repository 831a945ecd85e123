"""The view of two prompts whose states are exchanged: where one's answer is made, proved by putting it into the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from xai_widgets.core.ask import Ask, TargetChoice
from xai_widgets.core.errors import UnknownNameError, ValueRefusedError
from xai_widgets.core.patching import FOLLOWED, Ablation, Followed, Noise
from xai_widgets.core.tokens import Tokens
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.patching import Exchanging, Pair, Patched
from xai_widgets.jobs.resolve import most_probable, read
from xai_widgets.protocol.codec import decode_input, decode_target, encode_candidate
from xai_widgets.protocol.patching import decode_ablation, decode_noise, encode_asked, encode_patching
from xai_widgets.widgets.base import asset
from xai_widgets.widgets.looking import Answer, LookingView, Reply, one_of, source_code

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context

DIRECTIONS = ("denoise", "noise")
PARTS = ("resid", "attn_out", "mlp_out", "head")
AGAINST = ("prompt", "noise", "ablation")


class PatchingView(LookingView[Pair, Patched]):
    """The view, and the questions it answers; arguments and errors are those of `xw.Patching`, which adds the numbers."""

    _esm = asset("patching.js")
    _css = asset("patching.css")

    def __init__(
        self,
        lm: ModelAdapter,
        clean: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        corrupted: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens | Noise | Ablation,
        *,
        target: TargetChoice = None,
        contrast: TargetChoice = None,
        quantity: Followed | None = None,
        direction: Literal["denoise", "noise"] = "denoise",
        part: Literal["resid", "attn_out", "mlp_out", "head"] = "resid",
        link_id: str | None = None,
    ) -> None:
        """Run what is patched, show the estimate, and replace it by exact numbers."""
        lm.require("resume", "gradients")
        choices = ("direction", direction, DIRECTIONS), ("part", part, PARTS), ("quantity", quantity, (None, *FOLLOWED))
        for name, given, known in choices:
            if given not in known:
                raise UnknownNameError(name, given, [str(one) for one in known if one is not None])
        if part != "resid":
            lm.require("parts")
        ask = Ask(source=source_of(lm, clean))
        tokens = read(lm, ask)[0]
        against = corrupted if isinstance(corrupted, (Noise, Ablation)) else Ask(source=source_of(lm, corrupted))
        if isinstance(against, Noise):
            against.positions(tokens)
        elif isinstance(against, Ask):
            read(lm, against)
        pair = Pair(ask, against, direction, part, target, contrast, quantity)
        # Written before the first look ends, so that the prompts can be edited where it fails.
        self._first = encode_asked(ask, against, direction, part)
        self._begin(Exchanging(lm, pair), link_id)

    def _open(self, state: str, link_id: str | None) -> None:
        """The widget, with what was asked in the place of a picture."""
        super()._open(state, link_id)
        self.publish(explanation={"snapshot": None, "buffers": [], "asked": self._first})

    def ask_of(self, content: Mapping[str, Any]) -> Pair:
        """The pair a message asks for: what it leaves out stays."""
        now = self._looking.ask
        changes: dict[str, Any] = {}
        given = content.get("clean")
        if given and given.get("kind") != "ids":
            changes["clean"] = Ask(source=decode_input(given))
        for name, known in (("direction", DIRECTIONS), ("part", PARTS), ("quantity", FOLLOWED)):
            if name in content:
                changes[name] = one_of(content, name, known) if content[name] is not None else None
        changes |= {name: decode_target(content[name]) for name in ("target", "other") if name in content}
        against = one_of(content, "against", AGAINST) if "against" in content else _against(now.corrupted)
        if against == "noise":
            changes["corrupted"] = decode_noise(
                content.get("noise") or {}, now.corrupted if isinstance(now.corrupted, Noise) else None
            )
        elif against == "ablation":
            changes["corrupted"] = decode_ablation(
                content.get("ablation") or {}, now.corrupted if isinstance(now.corrupted, Ablation) else None
            )
        else:
            given = content.get("corrupted")
            if given and given.get("kind") != "ids":
                changes["corrupted"] = Ask(source=decode_input(given))
            elif not isinstance(now.corrupted, Ask):
                raise ValueRefusedError(
                    "corrupted prompt", given="none", accepted="a prompt like the clean one but for what matters", hint="type one"
                )  # fmt: skip
        return replace(now, **changes)

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
                (patched.chosen.number, patched.chosen.target, patched.chosen.other),
                (patched.base_candidates, patched.source_candidates),
                self.model_info(patched.patching.fingerprint),
                positions=patched.positions,
                template=patched.patching.template,
                window=patched.patching.window(pair.part),
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
        layer, column = int(asked["layer"]), int(asked["index"])
        usual, changed, value = patched.patching.cell(layer, column, context, patched.pair.part)
        lm = self._looking.adapter
        return {
            "before": [encode_candidate(c) for c in most_probable(lm, usual)],
            "after": [encode_candidate(c) for c in most_probable(lm, changed)],
            "value": value,
        }, []


def _against(corrupted: Ask | Noise | Ablation) -> str:
    return "noise" if isinstance(corrupted, Noise) else "ablation" if isinstance(corrupted, Ablation) else "prompt"


def _code(pair: Pair, origin: str) -> str:
    against = pair.corrupted
    typed = repr(against.typed) if isinstance(against, Ask) else _made(against)
    more = "".join(
        f", {name}={value!r}"
        for name, value, usual in (
            ("target", pair.target, None), ("contrast", pair.other, None), ("quantity", pair.quantity, None),
            ("direction", pair.direction, "denoise"), ("part", pair.part, "resid"),
        )
        if value != usual
    )  # fmt: skip
    return source_code(origin, f"xw.Patching(lm, {pair.clean.typed!r}, {typed}{more})")


def _made(value: Noise | Ablation) -> str:
    """The call that makes it, with what is not as usual."""
    first, *rest = fields(value)
    given = [repr(getattr(value, first.name))]
    given += [f"{f.name}={getattr(value, f.name)!r}" for f in rest if getattr(value, f.name) != f.default]
    return f"xw.{type(value).__name__}({', '.join(given)})"
