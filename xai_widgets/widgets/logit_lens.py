"""The view of a text's lens: what every layer would say next, at every position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.errors import EmptyTextError
from xai_widgets.jobs.asking import source_of
from xai_widgets.jobs.reading import Lensed, reading
from xai_widgets.jobs.resolve import read
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.codec import encode_candidate
from xai_widgets.protocol.lens import encode_lens
from xai_widgets.widgets.base import asset
from xai_widgets.widgets.looking import Answer, LookingView, Reply, code_of, one_of

if TYPE_CHECKING:
    from xai_widgets.adapters.base import ModelAdapter
    from xai_widgets.core.context import Context
    from xai_widgets.core.tokens import Tokens

MEASURES = ("entropy", "kl", "agreement")


class LogitLensView(LookingView[Ask, Lensed]):
    """The view, and the questions it answers; arguments and errors are those of `xw.LogitLens`, which adds the numbers."""

    long_actions = ("measure",)
    _esm = asset("logit_lens.js")
    _css = asset("logit_lens.css")

    def __init__(
        self,
        lm: ModelAdapter,
        text: str | Sequence[Mapping[str, str]] | Sequence[int] | Tokens,
        *,
        link_id: str | None = None,
    ) -> None:
        """Read the text, and show the last position as soon as it is there."""
        lm.require("resume")
        ask = Ask(source=source_of(lm, text))
        read(lm, ask)
        self._begin(reading(lm, ask), link_id)

    def packed(self, lensed: Lensed, revision: int) -> dict[str, Any]:
        """The trait `explanation`: a snapshot and its buffers."""
        return dict(
            encode_lens(
                lensed.ask,
                lensed.tokens,
                lensed.grid,
                lensed.texts,
                lensed.candidates,
                self.model_info(lensed.lens.fingerprint),
                revision=revision,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code=code_of("LogitLens", lensed.ask, self._looking.adapter.origin),
            )
        )

    def answers(self) -> Mapping[str, Answer[Lensed]]:
        """By action."""
        return {"follow": self._follow, "cell": self._cell, "measure": self._measure}

    def _follow(self, lensed: Lensed, asked: Mapping[str, Any], context: Context) -> Reply:
        token = asked.get("token")
        if token is None:
            token = self.first_token(str(asked.get("text", "")))
        found = lensed.lens.follow(int(asked["index"]), int(token), context)
        buffers: list[bytes] = []
        array = put(np.stack([found.rank.astype(np.float32), found.prob]), buffers)
        return {"array": array, "token": found.token, "text": self._looking.adapter.token_text(found.token)}, buffers

    def _cell(self, lensed: Lensed, asked: Mapping[str, Any], context: Context) -> Reply:
        found = lensed.lens.cell(int(asked["layer"]), int(asked["index"]), 10, context)
        return {"candidates": [encode_candidate(NextToken(c.id, c.text, c.prob, c.logit)) for c in found]}, []

    def _measure(self, lensed: Lensed, asked: Mapping[str, Any], context: Context) -> Reply:
        buffers: list[bytes] = []
        found = lensed.lens.measure(one_of(asked, "measure", MEASURES), context)
        return {"array": put(found, buffers)}, buffers

    def first_token(self, text: str) -> int:
        """The first token of a text that follows the prompt."""
        ids = self._looking.adapter.continuation(text)
        if not ids:
            raise EmptyTextError
        return ids[0]
