"""Everything a person asks about the attention of one text: an overview of all heads, then detail where they look.

One pass gives the overview: each map is pooled and scored row block by row block while it is there, and what is needed to
compute any of its rows again (queries, keys, values) is kept within a budget of bytes; beyond it, a later question runs the
model again up to its layer. Finer levels of a head are a pyramid of pooled weights, made when that head is opened; exact
tiles are computed on demand from the kept queries and keys.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import Tensor

from xai_widgets.adapters.base import AttentionCall, ModelAdapter, Off
from xai_widgets.core.attention import TILE, MapInfo, Overview, levels_of
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError, ModelError, ValueRefusedError
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.core.tokens import Tokens
from xai_widgets.explainers.attention.kept import KEPT, Key, key_of
from xai_widgets.explainers.attention.paths import flow, rollout
from xai_widgets.explainers.attention.patterns import PATTERNS, Counter, Total, is_punctuation, labels
from xai_widgets.explainers.attention.rows import Pool, in_blocks, places, pooled, spans

CELLS: Final = 32
"""Squares of an overview's side, at most."""
SINK: Final = 1e-2
"""What rows may lack of 1 by rounding; more is a sink of the model's own (seen at the last query of each map)."""
PYRAMID_BYTES: Final = 128 << 20

Measure = Literal["weight", "norm", "value_zeroing"]


@INSPECTORS.register("attention")
class AttentionMaps:
    """The attention of a model over one text. Serial, like the model it asks.

    Args:
        adapter: the model. tokens: the text; of an encoder-decoder, what the encoder reads.

    Attributes:
        output: what the decoder of an encoder-decoder reads: what the model writes itself. None for other models.
        next_logits: of the next token, float64 [d_vocab], once all layers were looked at; None where none follows.

    Raises:
        CapabilityError: the model has no attention weights that can be had.
    """

    def __init__(self, adapter: ModelAdapter, tokens: Tokens) -> None:
        """Nothing runs yet."""
        adapter.require("attention")
        self.adapter, self.tokens = adapter, tokens
        self.ids = tuple(int(i) for i in tokens.ids)
        self.fingerprint = adapter.fingerprint
        self.overview: Overview | None = None
        self.output: Tokens | None = None
        self.next_logits: np.ndarray | None = None
        self._changes: tuple[int, Tensor] | None = None
        self._pyramids: OrderedDict[tuple[Key, int, str], _Pyramid] = OrderedDict()

    def look(
        self, context: Context, longest: int = 0, on_layer: Callable[[Callable[[], Overview]], None] | None = None
    ) -> Overview:
        """One pass over all layers: float32 numbers of every head.

        Args:
            context: reported to and asked at each layer.
            longest: squares as large as a text of that length has.
            on_layer: called after each layer with a function that gives the overview of the layers so far.
        """
        start = time.perf_counter()
        writes = getattr(self.adapter, "output_of", None)
        if writes is not None:
            self.output = self.adapter.tokenize(writes(self.ids, context))
        texts = {"encoder": self.tokens, "decoder": self.output or self.tokens}
        cell = -(-max(*map(len, texts.values()), longest) // CELLS)
        gathered = _Gathered(cell, {stack: _counter(text) for stack, text in texts.items()})

        def found(call: AttentionCall) -> None:
            context.step(call.layer, self.adapter.n_layers, "layers")
            gathered.take(call)
            KEPT.put(self, call)
            if on_layer is not None:
                on_layer(lambda: gathered.overview({}, time.perf_counter() - start))

        logits = self._run(found, context, None)
        self.next_logits = None if logits is None else logits.double().cpu().numpy()
        context.step(self.adapter.n_layers, self.adapter.n_layers, "layers")
        self.overview = gathered.overview(self.adapter.attention_gaps(), time.perf_counter() - start)
        return self.overview

    def call(self, index: int, context: Context) -> AttentionCall:
        """The call of attention of that index, from what is kept or by another pass up to its layer."""
        overview = self.overview or self.look(context)
        if not 0 <= index < len(overview.maps):
            raise ValueRefusedError(
                "map", given=str(index), accepted=f"0 to {len(overview.maps) - 1}", hint="one of the overview's maps"
            )
        info = overview.maps[index]
        key = (info.stack, info.layer, info.nth)
        found = KEPT.get(self, key)
        if found is None:
            self.same_weights()
            again: dict[Key, AttentionCall] = {}
            self._run(lambda call: again.update({key_of(call): call}), context, [info.layer])
            found = again[key]
            KEPT.put(self, found)
        return found

    def same_weights(self) -> None:
        """Refuse to mix numbers of two models in one picture.

        Raises:
            ModelError: the weights changed since the text was looked at.
        """
        if self.adapter.fingerprint != self.fingerprint:
            raise ModelError(
                "The model changed since this text was looked at.", given="other weights than those of the picture",
                accepted="the same weights", hint="look again: edit the text, or run the cell again",
            )  # fmt: skip

    def _run(self, found: Callable[[AttentionCall], None], context: Context, layers: list[int] | None) -> Tensor | None:
        if self.output is None:
            return self.adapter.attention(self.ids, found, context, layers)
        both: Any = self.adapter
        both.attention(self.ids, found, context, layers, output_ids=[int(i) for i in self.output.ids])
        return None

    def tile(
        self,
        index: int,
        head: int,
        level: int,
        row: int,
        column: int,
        context: Context,
        *,
        measure: Measure = "weight",
        pool: Pool = "max",
    ) -> np.ndarray:
        """A square of `TILE` cells a side of one head, each cell 2**level positions a side: float32 [row, column].

        Level 0 is exact. With `measure="norm"` each weight is multiplied by the length of what its value adds; `value_zeroing`
        is of the whole layer (see `adapters.base.ModelAdapter.value_zeroing`). Where rows sum to less than 1, the last
        column of weights is what no key gets.
        """
        call = self.call(index, context)
        self._check_head(call, head)
        if level == 0:
            whole = self._rows(call, head, row * TILE, min((row + 1) * TILE, call.n_query), measure, context)
            return whole[:, column * TILE : (column + 1) * TILE].cpu().numpy()
        found = self._pyramid(call, head, measure, context).level(level, pool)
        return found[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]

    def line(
        self,
        index: int,
        head: int,
        axis: Literal["query", "key"],
        at: int,
        context: Context,
        *,
        measure: Measure = "weight",
    ) -> np.ndarray:
        """Exact numbers of one query over all keys, or of all queries on one key: float32 [position]."""
        call = self.call(index, context)
        self._check_head(call, head)
        size = call.n_query if axis == "query" else call.n_key + self._rest(measure)
        if not 0 <= at < size:
            raise ValueRefusedError(
                axis, given=str(at), accepted=f"0 to {size - 1}", hint="positions are counted from 0"
            )
        if axis == "query":
            return self._rows(call, head, at, at + 1, measure, context)[0].cpu().numpy()
        parts = [rows[:, at] for _, rows in self._all_rows(call, head, measure, context, 1)]
        return torch.cat(parts).cpu().numpy()

    def measure_words(self, index: int, measure: Measure, context: Context) -> str:
        """What a map's numbers are."""
        if measure == "value_zeroing":
            return "1 - cosine of the layer's output with and without the key's values"
        return "weight" if measure == "weight" else f"weight x {self.call(index, context).value_lengths()[1]}"

    def pair(self, index: int, head: int, query: int, key: int, context: Context) -> tuple[np.ndarray, float | None]:
        """Query and key vector of one weight, float32 [2, d_head], and the factor of their product (None: more than that)."""
        call = self.call(index, context)
        self._check_head(call, head)
        found = call.pair(head, query, key)
        if found is None:
            raise CapabilityError(
                "The vectors behind a weight",
                reason="this layer gives its weights only",
                hint="look at the weights themselves",
            )
        return torch.stack(found[:2]).cpu().numpy(), found[2]

    def part(self, index: int, head: int | None, query: int | None = None, key: int | None = None) -> Off:
        """A map's head (None: the whole layer), or an edge of it, as something to switch off."""
        overview = self.overview or self.look(Context())
        if not 0 <= index < len(overview.maps):
            raise ValueRefusedError(
                "map", given=str(index), accepted=f"0 to {len(overview.maps) - 1}", hint="one of the overview's maps"
            )
        return Off(overview.maps[index].layer, head, query, key)

    def index(self, layer: int, stack: str | None = None) -> int:
        """Index of a layer's first map; of the first stack that has it if none is named (of an encoder-decoder: its encoder).

        Raises:
            ValueRefusedError: the layer is out of range or has no attention weights.
        """
        overview = self.overview or self.look(Context())
        for i, info in enumerate(overview.maps):
            if info.layer == layer and stack in (None, info.stack):
                return i
        have = sorted({info.layer for info in overview.maps if stack in (None, info.stack)})
        raise ValueRefusedError(
            "layer", given=str(layer), accepted=f"a layer with attention weights ({have[0]} to {have[-1]})",
            hint=f"instead of them it has {overview.missing[layer]}" if layer in overview.missing else "counted from 0",
        )  # fmt: skip

    def whole(self, index: int, head: int | None, context: Context) -> np.ndarray:
        """All weights of a map, float32 [head, query, key]; with `head` of that one alone."""
        call = self.call(index, context)
        if head is not None:
            self._check_head(call, head)
        parts = []
        for start, stop in spans(call, call.n_heads):
            context.check()
            rows = call.rows(start, stop, head)
            parts.append(torch.nn.functional.pad(rows, (0, call.n_key - rows.shape[-1])).cpu())
        return torch.cat(parts, 1).numpy()

    def with_and_without(self, off: Off, context: Context) -> tuple[Tensor, Tensor]:
        """Logits of the next token with everything and without this part, float32 [d_vocab] each."""
        self.same_weights()
        usual, without = self.adapter.without_attention(self.ids, [None, off], context)
        return usual, without

    def heads(self) -> list[Off]:
        """Every head, in the order of arrays over all heads."""
        overview = self.overview or self.look(Context())
        return [Off(info.layer, head) for info in overview.maps for head in range(info.n_heads)]

    def effects(self, context: Context) -> np.ndarray:
        """What the most probable next token loses in log-probability without each head: float32 [head].

        Positive: the head helps it. A block that attends twice loses its head in both.
        """
        self.same_weights()
        found = torch.log_softmax(self.adapter.without_attention(self.ids, [None, *self.heads()], context), -1)
        best = int(found[0].argmax())
        return (found[0, best] - found[1:, best]).cpu().numpy()

    def last_position(self, context: Context) -> tuple[np.ndarray, np.ndarray]:
        """What the last position gives to others than the first and itself, and the length of what it takes in from them.

        float32 [head] each; the second is NaN where values can't be had.
        """
        overview = self.overview or self.look(context)
        looks, takes = [], []
        for index in range(len(overview.maps)):
            call = self.call(index, context)
            weights = call.rows(call.n_query - 1, call.n_query)[:, 0].clone()
            weights[:, 0] = 0
            weights[:, call.n_query - 1 :] = 0
            lengths, _ = call.value_lengths()
            looks.append(weights.sum(-1).cpu().numpy())
            nothing = torch.full_like(weights, torch.nan)
            taken = nothing if lengths is None else weights * lengths[:, : weights.shape[1]]
            takes.append(taken.sum(-1).cpu().numpy())
        return np.concatenate(looks), np.concatenate(takes)

    def flow(self, at: int, how: Literal["rollout", "flow"], context: Context) -> np.ndarray:
        """How much of each position reaches position `at`: float32 [layer + 1, pos], the input first; see `paths`.

        By `flow` only the first row is known; the others are NaN.
        """
        if not 0 <= at < len(self.ids):
            raise ValueRefusedError(
                "position", given=str(at), accepted=f"0 to {len(self.ids) - 1}", hint="positions are counted from 0"
            )
        self.same_weights()
        if how == "rollout":
            return rollout(self.adapter, self.ids, [at], context)[0]
        first = flow(self.adapter, self.ids, [at], context)
        return np.concatenate([first, np.full((self.adapter.n_layers, len(self.ids)), np.nan, dtype=np.float32)])

    def _check_head(self, call: AttentionCall, head: int) -> None:
        if not 0 <= head < call.n_heads:
            raise ValueRefusedError(
                "head",
                given=str(head),
                accepted=f"0 to {call.n_heads - 1}",
                hint="heads are counted from 0 in each layer",
            )

    def _rest(self, measure: Measure) -> bool:
        """Whether rows have a last column of what no key gets."""
        return self.overview is not None and self.overview.sinks > 0 and measure == "weight"

    def _rows(
        self, call: AttentionCall, head: int, start: int, stop: int, measure: Measure, context: Context
    ) -> Tensor:
        """Rows [row, key] of one head over all keys, in the measure asked for."""
        if measure == "value_zeroing":
            return self._zeroed(call, context)[start:stop]
        weights = call.rows(start, stop, head)[0]
        weights = torch.nn.functional.pad(weights, (0, call.n_key - weights.shape[-1]))
        if measure == "norm":
            lengths, reason = call.value_lengths()
            if lengths is None:
                raise CapabilityError("The length of values", reason=reason, hint="look at the weights themselves")
            return weights * lengths[head]
        if self._rest(measure):
            return torch.cat([weights, (1 - weights.sum(-1, keepdim=True)).clamp_min(0)], -1)
        return weights

    def _all_rows(
        self, call: AttentionCall, head: int, measure: Measure, context: Context, multiple: int
    ) -> Iterator[tuple[int, Tensor]]:
        for start, stop in spans(call, 1, multiple):
            context.check()
            yield start, self._rows(call, head, start, stop, measure, context)

    def _zeroed(self, call: AttentionCall, context: Context) -> Tensor:
        if call.stack == "cross" or self.output is not None:
            raise CapabilityError(
                "Value zeroing", reason="it is for models of one stack", hint="look at weights x |v W_O|"
            )
        if self._changes is None or self._changes[0] != call.layer:
            self.same_weights()
            self._changes = call.layer, self.adapter.value_zeroing(self.ids, call.layer, context)
        return self._changes[1]

    def _pyramid(self, call: AttentionCall, head: int, measure: Measure, context: Context) -> _Pyramid:
        key = (key_of(call), head, measure)
        if key not in self._pyramids:
            made = _Pyramid(call.n_query, call.n_key, rest=self._rest(measure))
            for _, rows in self._all_rows(call, head, measure, context, made.multiple):
                made.add(rows)
            self._pyramids[key] = made
            while len(self._pyramids) > 1 and sum(p.nbytes for p in self._pyramids.values()) > PYRAMID_BYTES:
                self._pyramids.popitem(last=False)
        self._pyramids.move_to_end(key)
        return self._pyramids[key]


def _counter(text: Tokens) -> Counter:
    return Counter([int(i) for i in text.ids], [is_punctuation(t.text) for t in text])


def _together(maps: list[np.ndarray]) -> np.ndarray:
    """[head, row, column] of all maps, each with as many rows and columns as the largest has."""
    side = max(max(m.shape[1:]) for m in maps)
    return np.concatenate([np.pad(m, ((0, 0), (0, side - m.shape[1]), (0, side - m.shape[2]))) for m in maps])


class _Pyramid:
    """Levels 1 and up of one head: float16 [row, column] of the largest and the summed weight of squares.

    What no key gets (`rest`) is pooled over rows alone and stays a column of its own.
    """

    def __init__(self, n_query: int, n_key: int, *, rest: bool) -> None:
        self._n_query, self._n_key, self._rest = n_query, n_key, rest
        self.levels = max(1, levels_of(n_query, n_key, rest=rest) - 1)
        self.multiple = 2**self.levels
        self._parts: dict[tuple[int, Pool], list[np.ndarray]] = {}
        self._made: dict[tuple[int, Pool], np.ndarray] = {}

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in self._made.values()) + sum(a.nbytes for p in self._parts.values() for a in p)

    def add(self, weights: Tensor) -> None:
        """The next rows; all but the last are a multiple of the coarsest cell long."""
        for how in ("max", "mean"):
            part, rest = weights[None, :, : self._n_key], weights[:, self._n_key :]
            for level in range(1, self.levels + 1):
                part = pooled(part, 2, -(-part.shape[-1] // 2), how)
                both = torch.cat([part[0], pooled(rest[None], 2**level, 1, how)[0]], 1) if self._rest else part[0]
                self._parts.setdefault((level, how), []).append(both.cpu().numpy().astype(np.float32))

    def level(self, level: int, how: Pool) -> np.ndarray:
        """float32 [row, column] of a level; `mean` over the places each square has."""
        if not 1 <= level <= self.levels:
            raise ValueRefusedError(
                "level",
                given=str(level),
                accepted=f"0 to {self.levels}",
                hint="the coarsest level shows all in one tile",
            )
        if (level, how) not in self._made:
            whole = np.concatenate(self._parts.pop((level, how)))
            if how == "mean":
                squares = places(self._n_query, self._n_key, 2**level, torch.device("cpu")).numpy()
                whole[:, : squares.shape[1]] /= squares
                if self._rest:
                    whole[:, -1] /= places(self._n_query, 1, 2**level, torch.device("cpu")).numpy()[:, 0]
            self._made[level, how] = whole.astype(np.float16)
        return self._made[level, how].astype(np.float32)


@dataclass
class _Gathered:
    """What one pass gathers, map by map."""

    cell: int
    counters: Mapping[str, Counter]
    maps: list[MapInfo] = field(default_factory=list)
    most: list[np.ndarray] = field(default_factory=list)
    mean: list[np.ndarray] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    sinks: float = 0.0

    def take(self, call: AttentionCall) -> None:
        """Pool and score a call's rows as they come."""
        n_cells = -(-max(call.n_query, call.n_key) // self.cell)
        total = Total(self.counters.get(call.stack, Counter((), ())), call)
        most, mean = [], []
        for start, weights in in_blocks(call, multiple=self.cell):
            total.add(start, weights)
            most.append(pooled(weights, self.cell, n_cells, "max"))
            mean.append(pooled(weights, self.cell, n_cells, "mean"))
        squares = places(call.n_query, call.n_key, self.cell, most[0].device)
        self.most.append(torch.cat(most, 1).cpu().numpy())
        whole = torch.cat(mean, 1)
        whole[:, :, : squares.shape[1]] /= squares
        self.mean.append(whole.cpu().numpy())
        self.scores.append(total.scores())
        self._last(call)
        first = sum(m.n_heads for m in self.maps)
        self.maps.append(
            MapInfo(
                call.layer, call.nth, call.stack, first, call.n_heads, call.n_query, call.n_key, call.causal, call.how
            )
        )

    def _last(self, call: AttentionCall) -> None:
        rest = 1 - float(call.rows(call.n_query - 1, call.n_query).sum(-1).min())
        self.sinks = max(self.sinks, rest if rest > SINK else 0.0)

    def overview(self, missing: Mapping[int, str], seconds: float) -> Overview:
        """All maps together."""
        scores = np.concatenate(self.scores)
        return Overview(
            tuple(self.maps), dict(missing), self.cell, _together(self.most), _together(self.mean), PATTERNS, scores,
            tuple(labels(scores)), self.sinks, seconds,
        )  # fmt: skip
