"""The wire of the attention view."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TokenColumns


class AttentionMap(TypedDict):
    """One call of attention: whose block, which of several in it, and its heads' place in arrays over all heads.

    `version` is an index into the snapshot's `versions`. `stack` is where the block stands: a `decoder` map looks from queries at
    queries, an `encoder` map from keys at keys (where keys are null: from queries at queries), a `cross` map from queries at keys. `how`: how its weights are had.
    """

    version: int
    layer: int
    nth: int
    stack: Literal["decoder", "encoder", "cross"]
    first_head: int
    n_heads: int
    n_query: int
    n_key: int
    causal: bool
    how: str


class PatternInfo(TypedDict):
    """Something a head may do, scored 0 to 1 for every head; from `threshold` on it is the head's label."""

    name: str
    title: str
    doc: str
    source: str
    threshold: float


class AttentionSnapshot(TypedDict):
    """Everything the attention view needs before it asks for detail; with its buffers the trait `explanation`.

    `versions` names what is compared, in order: one, or two models or texts. `queries` are the positions of the text (of an
    encoder-decoder: of the decoder), `keys` those of the encoder, else null; `other` those of the second version where its text is
    another, else null.
    `most` is the overview: for every head the largest weight in each of `cells` x `cells` squares of `cell` positions a side, uint8 of
    255 * sqrt(weight) [head, row, column]; `mean` the same of mean weights, null until fetched. `pattern_scores` [head,
    pattern] float32, `labels` a pattern's name for each head or "". `sinks`: rows sum to less than 1, and every
    map of `weight` has one column more than keys, the last: what no key gets. `missing` says in sentences which blocks have no
    weights and why.
    """

    v: int
    revision: int
    kind: Literal["attention"]
    input: Input
    text: str
    versions: list[str]
    queries: TokenColumns
    keys: TokenColumns | None
    other: TokenColumns | None
    maps: list[AttentionMap]
    missing: list[str]
    cells: int
    cell: int
    most: ArrayHeader
    mean: ArrayHeader | None
    patterns: list[PatternInfo]
    pattern_scores: ArrayHeader
    labels: list[str]
    sinks: bool
    model: ModelInfo | None
    candidates: list[CandidateRow]
    seconds: float | None
    created: str
    code: str


class AttentionPacked(TypedDict):
    """The trait `explanation` of an attention view."""

    snapshot: AttentionSnapshot | None
    buffers: list[bytes]


class AttentionRequest(TypedDict):
    """Browser to kernel, from an attention view. `map` is an index into `maps`, `head` counts within that map.

    attend: a new overview of `input`. mean: the overview's means.
    tile: weights of a square of `measure` at `level` (each cell 2**level positions a side; level 0 is exact), tile `row`, `column` of 256
    cells a side, pooled by `pool`. line: one row (`axis` query) or column (`axis` key) at position `index`, exact float32.
    pair: the dimensions of query and key behind one weight. off: what the model says next without a head (`head`), a whole layer
    (`head` null) or one edge (`query`, `key`). effects: that for every head, on this text. elsewhere: on others, in the background.
    flow: how much of each position reaches position `index` through all layers, by `method`.
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["attend", "mean", "tile", "line", "pair", "off", "effects", "elsewhere", "flow"]
    input: NotRequired[Input]
    map: NotRequired[int]
    head: NotRequired[int | None]
    measure: NotRequired[Literal["weight", "norm", "value_zeroing"]]
    pool: NotRequired[Literal["max", "mean"]]
    level: NotRequired[int]
    row: NotRequired[int]
    column: NotRequired[int]
    axis: NotRequired[Literal["query", "key"]]
    index: NotRequired[int]
    query: NotRequired[int]
    key: NotRequired[int]
    method: NotRequired[Literal["rollout", "flow"]]


class AttentionResult(TypedDict):
    """Kernel to browser: the end of an attention view's request, with what it asked for.

    array: mean uint8 [head, row, column] as `most`; tile float16 [row, column]; line float32 [position]; pair float32 [2,
    d_head] (query, key; `scale` times their product, added up, is the logit before the softmax where `scale` is known); effects
    float32 [head]: log-probability of the first candidate lost without that head, heads of the first version; elsewhere float32
    [head]: the mean of its size over `prompts` other texts; flow float32 [layer + 1, position], the input first.
    unit says what the numbers are in words. off: `before` and `after` (candidates of both, most probable first) and
    `kl` in nats. effects: `agreement`, rank correlation over heads, here, of |effect| with how much the last position looks away from the
    first token and with the length of what it takes in, by name.
    """

    type: Literal["result"]
    v: int
    id: str
    revision: int
    array: NotRequired[ArrayHeader]
    unit: NotRequired[str]
    scale: NotRequired[float | None]
    before: NotRequired[list[CandidateRow]]
    after: NotRequired[list[CandidateRow]]
    kl: NotRequired[float]
    agreement: NotRequired[dict[str, float]]
    prompts: NotRequired[int]


EXPORTED: Final = (AttentionMap, PatternInfo, AttentionSnapshot, AttentionPacked, AttentionRequest, AttentionResult)
"""Types the TypeScript copy has, in order."""
