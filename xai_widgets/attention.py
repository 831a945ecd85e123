"""A text's attention: the live view, the same numbers for a script, and a page to keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from xai_widgets.core.attention import TILE, Overview, levels_of, shape_at
from xai_widgets.core.context import Context
from xai_widgets.core.explanation import Explanation
from xai_widgets.core.tokens import Tokens
from xai_widgets.export.page import assembled, state
from xai_widgets.jobs.attending import Attended, Effects, Switched, effects, elsewhere, switched
from xai_widgets.widgets.attention import AttentionView

LINES: Final = 512
"""Tokens up to which a saved page holds every exact row and column of a head."""


class Attention(AttentionView):
    """Where every head looks, what it does, and whether it matters. As a cell's last line it is the live view.

    Args:
        lm: a model from `xw.load` or `xw.wrap`.
        text: a prompt, chat messages or token ids.
        versus: another model over the same text, or another text, to compare with.
        others: texts on which a head's effect is measured too, in the background.
        link_id: views of the same id share selections.

    Raises:
        CapabilityError: the model has no attention weights that can be had (the reason is said).
        EmptyTextError, TooLongError: as for any input.

    Weights are the model's own, recomputed on the rows that are looked at; see `adapters.attention`. Patterns and their
    definitions are in `explainers.attention.patterns`.

    >>> import xai_widgets as xw
    >>> from xai_widgets.adapters.tiny import tiny
    >>> view = xw.Attention(tiny("llama"), "The capital of France is")
    >>> view.weights(layer=2).axes, view.weights(layer=2, head=1).scores.shape
    (('head', 'query_pos', 'key_pos'), (5, 5))
    >>> view.without(layer=2, head=1).kl > 0
    True
    """

    def __repr__(self) -> str:
        """Which model, how many heads, and what those with a label do. Waits for nothing: a notebook asks it to show the view."""
        attended = self._attending.seen
        if attended is None:
            return f"<Attention of {self._attending.adapter.name}: not looked at yet>"
        n = len(attended.overview.labels)
        layers = len({(m.stack, m.layer) for m in attended.overview.maps})
        known = Counter(label.replace("_", " ") for label in attended.overview.labels if label)
        does = ", ".join(f"{count} {label}" for label, count in known.most_common())
        return f"<Attention of {attended.maps.adapter.name}: {layers} layers, {n} heads{': ' if does else ''}{does}>"

    @property
    def overview(self) -> Overview:
        """All heads: what they do (`scores`, `labels`), and their maps pooled (`most`, `mean`)."""
        return self.now().overview

    def heads(self) -> list[dict[str, Any]]:
        """A row for each head: layer, head, label, and its score for each pattern (None where the text gives it no chance)."""
        o = self.overview
        rows = []
        for i, (label, scores) in enumerate(zip(o.labels, o.scores, strict=True)):
            index, head = o.place(i)
            known = {p.name: None if np.isnan(s) else float(s) for p, s in zip(o.patterns, scores, strict=True)}
            rows.append({"layer": o.maps[index].layer, "head": head, "label": label, **known})
        return rows

    def weights(self, layer: int, head: int | None = None, *, stack: str | None = None) -> Explanation:
        """Exact weights of a layer: axes (head, query_pos, key_pos), or (query_pos, key_pos) of one head.

        Args:
            layer, head: counted from 0. stack: of an encoder-decoder `encoder` (default), `decoder`, or `cross`: from the output at
                the text.

        Raises:
            ValueRefusedError: no such layer, head or stack.
        """

        def look(attended: Attended, context: Context) -> tuple[np.ndarray, Tokens, tuple[str, ...]]:
            maps = attended.maps
            index = maps.index(layer, stack)
            where = attended.overview.maps[index].stack
            keys = attended.tokens if where != "decoder" or maps.output is None else maps.output
            whole = maps.whole(index, head, context)
            own = tuple(
                f"[{i}]" for i in range(whole.shape[-1] - len(keys))
            )  # entries of the layer that are no positions
            return whole, maps.output if where == "cross" else keys, (*keys.texts, *own)

        found, queries, keys = self.wait_for(look)
        axes = ("head", "query_pos", "key_pos")
        labels = {"head": tuple(map(str, range(len(found)))), "query_pos": queries.texts, "key_pos": keys}
        whole = Explanation(found, axes, queries, queries.units(), labels=labels, unit="weight", signed=False)
        return whole if head is None else whole.select("head", 0)

    def without(
        self, layer: int, head: int | None = None, *, query: int | None = None, key: int | None = None
    ) -> Switched:
        """The next token with and without a head, a whole layer, or one edge of a head.

        Raises:
            ValueRefusedError: no such layer, head or position. CapabilityError: this model's heads can't be switched.
        """
        return self.wait_for(lambda a, c: switched(a, a.maps.part(a.maps.index(layer), head, query, key), c))  # type: ignore[no-any-return]

    def effects(self) -> Effects:
        """What every head matters for here: what the most probable next token loses without it, in nats."""
        return self.wait_for(effects)  # type: ignore[no-any-return]

    def effects_elsewhere(self) -> np.ndarray:
        """The mean size of every head's effect on the other texts, float32 [head]: is it this text or every text?"""
        return self.wait_for(lambda a, c: elsewhere(a, self._attending.others, c))  # type: ignore[no-any-return]

    def saved_bytes(self, heads: Sequence[tuple[int, int]] = ()) -> int:
        """How large the page of `to_html` would be with these heads, in bytes."""
        return len(self._page(heads))

    def to_html(self, path: str | Path, heads: Sequence[tuple[int, int]] = ()) -> Path:
        """One file that opens offline with the same view: the overview, and of the heads (layer, head) named their maps too.

        What is not in it says so when it is clicked. `saved_bytes` tells the size beforehand: a head of 256 tokens takes about
        1 MB, because every exact row and column is in it; above `LINES` tokens the rows are left out.
        """
        target = Path(path)
        target.write_text(self._page(heads), encoding="utf-8")
        return target

    def _page(self, heads: Sequence[tuple[int, int]]) -> str:
        attended = self.now()
        answers = [(ask, *self.reply(ask)) for ask in self._asks(attended, heads)]
        packed = self.packed(attended, 0, with_mean=True)
        title = f"Attention of {self._attending.adapter.name}"
        return assembled([("attention", state(packed, "page-0", answers))], title, self._table(attended))

    def _asks(self, attended: Attended, heads: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any]]:
        """The requests a reader of the page may make of these heads, as the view makes them."""
        for layer, head in heads:
            index = attended.maps.index(layer)
            info = attended.overview.maps[index]
            rest = attended.overview.sinks > 0
            about = {"map": index, "head": head, "measure": "weight"}
            for level, row, column in tiles(info.n_query, info.n_key, rest=rest):
                for pool in ("max", "mean") if level else ("max",):
                    yield {"action": "tile", **about, "pool": pool, "level": level, "row": row, "column": column}
            if info.n_query <= LINES:
                for axis, size in (("query", info.n_query), ("key", info.n_key + rest)):
                    for at in range(size):
                        yield {"action": "line", **about, "axis": axis, "index": at}

    def _table(self, attended: Attended) -> str:
        """The heads with a label, for where no view can be shown."""
        o = attended.overview
        rows = []
        for i, label in enumerate(o.labels):
            if label:
                index, head = o.place(i)
                rows.append(f"layer {o.maps[index].layer:>3}  head {head:>3}  {label.replace('_', ' ')}")
        return "\n".join([f"{self._attending.adapter.name}, attention over {attended.tokens.text[:60]!r}", *rows])


def tiles(n_query: int, n_key: int, *, rest: bool) -> Iterator[tuple[int, int, int]]:
    """(level, row, column) of every tile of a map, exact ones first, up to the level that one tile holds."""
    for level in range(levels_of(n_query, n_key, rest=rest)):
        rows, columns = shape_at(n_query, n_key, level, rest=rest)
        for row in range(-(-rows // TILE)):
            for column in range(-(-columns // TILE)):
                yield level, row, column
