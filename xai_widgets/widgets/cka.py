"""The view of centred kernel alignment: how alike two models' streams are, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, get_args

from xai_widgets.core.cka import Per
from xai_widgets.core.errors import UnknownNameError, ValueRefusedError
from xai_widgets.jobs.aligning import Aligned, Aligning, Comparison, inspector
from xai_widgets.protocol.cka import encode_cka
from xai_widgets.protocol.schema import ModelInfo
from xai_widgets.widgets.base import asset
from xai_widgets.widgets.looking import Answer, LookingView, source_code

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter


_MOST: Final = 2048


class CKAView(LookingView[Comparison, Aligned]):
    """The view; arguments and errors are those of `xw.CKA`."""

    _esm = asset("cka.js")
    _css = asset("cka.css")

    def __init__(
        self,
        lm: ModelAdapter,
        texts: str | Sequence[str],
        *,
        versus: ModelAdapter | None = None,
        per: Per = "position",
        most: int = 512,
        first: bool = False,
        seed: int = 0,
        link_id: str | None = None,
    ) -> None:
        """Read the texts by both models and compare."""
        if per not in get_args(Per):
            raise UnknownNameError("per", per, get_args(Per))
        if most != int(most) or not 4 <= most <= _MOST:
            raise ValueRefusedError(
                "most", given=repr(most), accepted=f"4 to {_MOST} samples",
                hint="every pair of samples is a number, for each layer: 512 take 2 MB, 2048 take 34 MB",
            )  # fmt: skip
        if seed != int(seed) or seed < 0:
            raise ValueRefusedError("seed", given=repr(seed), accepted="a whole number from 0", hint="0")
        given = (texts,) if isinstance(texts, str) else tuple(texts or ())
        comparison = Comparison(given, per, most, first, seed)
        inspector(lm, versus, comparison)
        self._aligning = Aligning(lm, comparison, versus)
        self._begin(self._aligning, link_id)

    def ask_of(self, _content: Mapping[str, Any]) -> Comparison:
        """The same texts again."""
        return self._aligning.ask

    def packed(self, aligned: Aligned, revision: int) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""
        ask, versus = aligned.comparison, self._aligning.versus
        return dict(
            encode_cka(
                aligned.cka,
                aligned.names,
                ask.texts,
                (self.model_info(aligned.fingerprints[0]), _info(versus, aligned.fingerprints[1])),
                one=versus is None,
                first=ask.first,
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=_code(ask, self._aligning.adapter.origin, versus),
            )
        )

    def answers(self) -> Mapping[str, Answer[Aligned]]:
        """All is in the picture."""
        return {}


def _info(lm: ModelAdapter | None, fingerprint: str) -> ModelInfo | None:
    if lm is None:
        return None
    return {"name": lm.name, "fingerprint": fingerprint, "device": lm.device, "dtype": lm.dtype}


def _code(ask: Comparison, origin: str, versus: ModelAdapter | None) -> str:
    usual = Comparison((), "position", 512, first=False, seed=0)
    more = "".join(
        f", {name}={getattr(ask, name)!r}"
        for name in ("per", "most", "first", "seed")
        if getattr(ask, name) != getattr(usual, name)
    )
    return source_code(origin, f"xw.CKA(lm, {list(ask.texts)!r}{more})", versus)
