"""The view of a text's lens: what every layer would say next, at every position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.errors import CapabilityError, EmptyTextError
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.reading import Lensed, LensName, Reading, Readings, scoped
from xai_widgets.jobs.resolve import read
from xai_widgets.jobs.versus import comparable, told_apart
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import decode_input, encode_candidate
from xai_widgets.protocol.lens import encode_lens
from xai_widgets.widgets.base import asset
from xai_widgets.widgets.looking import Answer, LookingView, Reply, one_of, source_code

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context
    from xai_widgets.core.lens import Translator
    from xai_widgets.core.tokens import Tokens

MEASURES = ("entropy", "kl", "agreement")
LENSES: tuple[LensName, ...] = ("tuned", "logit")
WHOSE = ("this", "other")


class LogitLensView(LookingView[Reading, Lensed]):
    """The view, and the questions it answers; arguments and errors are those of `xw.LogitLens`, which adds the numbers."""

    long_actions = ("measure", "scope")
    _esm = asset("logit_lens.js")
    _css = asset("logit_lens.css")

    def __init__(
        self,
        lm: ModelAdapter,
        text: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        *,
        lens: Translator | None = None,
        versus: ModelAdapter | None = None,
        link_id: str | None = None,
    ) -> None:
        """Read the text, and show the last position as soon as it is there."""
        lm.require("resume")
        ask = Ask(source=source_of(lm, text))
        read(lm, ask)
        self._notes: tuple[str, ...] = () if lens is None else lens.fits(lm)
        if versus is not None:
            if lens is not None:
                raise CapabilityError(
                    "Comparing two models by a tuned lens", reason="a lens belongs to the model it was trained for",
                    hint="leave out lens= or versus=, or make a view of each model",
                )  # fmt: skip
            versus.require("resume")
            comparable(lm, versus, ask)
        self._readings = Readings(lm, ask, lens, versus)
        self._begin(self._readings, link_id)

    def ask_of(self, content: Mapping[str, Any]) -> Reading:
        """Another text, or another lens over the same."""
        now = self._looking.ask
        given = content.get("input")
        ask = now.ask if not given or given.get("kind") == "ids" else Ask(source=decode_input(given))
        lens = one_of(content, "lens", LENSES) if content.get("lens") else now.lens
        return Reading(ask, lens if self._readings.translator is not None else "logit")

    def packed(self, lensed: Lensed, revision: int) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""
        translator, lens = self._readings.translator, lensed.reading.lens
        tuned = translator if lens == "tuned" else None
        return dict(
            encode_lens(
                lensed.reading.ask,
                lensed.tokens,
                lensed.grid,
                lensed.texts,
                lensed.candidates,
                self.model_info(lensed.lens.fingerprint),
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=self._code(lensed.reading.ask),
                lens=lens,
                lenses=("logit",) if translator is None else LENSES,
                lens_words="" if tuned is None else tuned.words(),
                notes=() if tuned is None else self._notes,
                other=None if lensed.difference is None else (self.names()[1], lensed.difference),
            )
        )

    def names(self) -> tuple[str, str]:
        """Of this model and of the one it is compared with, told apart."""
        ours = self._looking.adapter.name
        theirs = ours if self._readings.versus is None else self._readings.versus.name
        return told_apart(ours, theirs)

    def _code(self, ask: Ask) -> str:
        """The cell that makes such a view again; what a cell can't make is named."""
        versus = self._readings.versus
        tuned = self._readings.translator is not None
        first = "tuned = xw.TunedLens.load(folder, lm)  # or TunedLens.train(lm, texts)\n" if tuned else ""
        call = f"{first}xw.LogitLens(lm, {ask.typed!r}{', lens=tuned' if tuned else ''}"
        return source_code(self._looking.adapter.origin, call + ")", versus)

    def answers(self) -> Mapping[str, Answer[Lensed]]:
        """By action."""
        return {"follow": self._follow, "cell": self._cell, "measure": self._measure, "scope": self._scope}

    def _follow(self, lensed: Lensed, asked: Mapping[str, Any], context: Context) -> Reply:
        token = asked.get("token")
        if token is None:
            token = self.first_token(str(asked.get("text", "")))
        found = lensed.by(one_of(asked, "whose", WHOSE)).follow(int(asked["index"]), int(token), context)
        buffers: list[bytes] = []
        array = put(np.stack([found.rank.astype(np.float32), found.prob]), buffers)
        return {"array": array, "token": found.token, "text": self._looking.adapter.token_text(found.token)}, buffers

    def _cell(self, lensed: Lensed, asked: Mapping[str, Any], context: Context) -> Reply:
        lens = lensed.by(one_of(asked, "whose", WHOSE))
        found = lens.cell(int(asked["layer"]), int(asked["index"]), 10, context)
        return {"candidates": [encode_candidate(NextToken(c.id, c.text, c.prob, c.logit)) for c in found]}, []

    def _measure(self, lensed: Lensed, asked: Mapping[str, Any], context: Context) -> Reply:
        buffers: list[bytes] = []
        found = lensed.by(one_of(asked, "whose", WHOSE)).measure(one_of(asked, "measure", MEASURES), context)
        return {"array": put(found, buffers)}, buffers

    def _scope(self, lensed: Lensed, asked: Mapping[str, Any], context: Context) -> Reply:
        into = asked.get("into")
        found = scoped(
            lensed, int(asked["layer"]), int(asked["index"]), str(asked.get("text", "")), context,
            into=None if into is None else int(into), tokens=int(asked.get("tokens") or 8),
        )  # fmt: skip
        return {
            "text": found.text,
            "candidates": [encode_candidate(c) for c in found.candidates],
            "before": [encode_candidate(c) for c in found.before],
            "pieces": list(found.prompt),
            "at": found.at,
        }, []

    def first_token(self, text: str) -> int:
        """The first token of a text that follows the prompt."""
        ids = self._looking.adapter.continuation(text)
        if not ids:
            raise EmptyTextError
        return ids[0]
