"""The wire of views that look inside a model: attention, lens, patching, direct logit attribution.

What all views share is in `schema`.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TargetSpec, TokenColumns


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


class LensSnapshot(TypedDict):
    """Everything the lens view needs before it asks for detail; with its buffers the trait `explanation`.

    `streams` names the residual streams in order: what enters the first block, then what leaves each; the last gives the model's own
    answer. `top` int32 [stream, pos, k]: ids of the tokens that would come next if that stream left the last block, most probable first;
    `prob` float32 of the same shape; both -1 where a position was not read yet (`known` uint8 [pos]; the last position comes first).
    `vocabulary` and `texts` (the same length): the ids in `top`, and how they are written.
    """

    v: int
    revision: int
    kind: Literal["lens"]
    input: Input
    text: str
    tokens: TokenColumns
    streams: list[str]
    k: int
    top: ArrayHeader
    prob: ArrayHeader
    known: ArrayHeader
    vocabulary: ArrayHeader
    texts: list[str]
    model: ModelInfo | None
    candidates: list[CandidateRow]
    seconds: float | None
    created: str
    code: str


class LensPacked(TypedDict):
    """The trait `explanation` of a lens view."""

    snapshot: LensSnapshot | None
    buffers: list[bytes]


class PatchingSnapshot(TypedDict):
    """Everything the patching view needs before it asks for detail; with its buffers the trait `explanation`.

    `clean` and `corrupted` are the two prompts as typed. `denoise` puts clean states into the corrupted prompt's pass, `noise` the
    reverse: the pass that is patched is of `base`, states come from `source` (token columns). `pairs` int32 [pos of base]: the counterpart
    in `source`, -1 where there is none. `part` is what is exchanged: `resid`, what enters a layer at a position; `attn_out`, `mlp_out`, what
    its attention or MLP adds there; `head`, what one head adds, at all positions: then `columns` names the heads, otherwise it is
    empty and columns are the positions of base. `rows` names the layers. `values` float32 [layer, column]: the number with
    that cell patched, not a number where it was not run or can't be; `exact` uint8 [layer]: run, not estimated. `estimate` float32 of the
    same shape: what attribution patching says of every cell. `agreement`: correlation of both over the rows that were run, null before.
    The number is the logit of `target`, less that of `other` where there is one; `base_value` and `source_value` are the two
    prompts' own. `base_candidates`, `source_candidates`: their next tokens.
    """

    v: int
    revision: int
    kind: Literal["patching"]
    clean: Input
    corrupted: Input
    direction: Literal["denoise", "noise"]
    part: Literal["resid", "attn_out", "mlp_out", "head"]
    columns: list[str]
    base: TokenColumns
    source: TokenColumns
    pairs: ArrayHeader
    rows: list[str]
    values: ArrayHeader
    exact: ArrayHeader
    estimate: ArrayHeader
    agreement: float | None
    target: CandidateRow
    other: CandidateRow | None
    base_value: float
    source_value: float
    base_candidates: list[CandidateRow]
    source_candidates: list[CandidateRow]
    model: ModelInfo | None
    seconds: float | None
    created: str
    code: str


class PatchingPacked(TypedDict):
    """The trait `explanation` of a patching view."""

    snapshot: PatchingSnapshot | None
    buffers: list[bytes]


class DirectSnapshot(TypedDict):
    """Everything the view of direct logit attribution needs before it asks for detail; with its buffers the trait `explanation`.

    What is split is `logit`: of `target` after the last token, less that of `other` where there is one (before a soft cap, where
    `softcap` is a number). `components` are its parts in order, each with its kind (embedding, attn, mlp, mixer, bias) and layer (-1: none);
    `values` float32 [component] sum to `logit` up to `gap` (a share of the largest logit). `heads` float32 [layer, head] is of
    attention's components, not a number where there is none. `gaps`: sentences about layers that can't be split. `mlps`: layers
    whose neurons can be asked for.
    """

    v: int
    revision: int
    kind: Literal["direct"]
    input: Input
    text: str
    tokens: TokenColumns
    components: list[str]
    kinds: list[str]
    layers: list[int]
    values: ArrayHeader
    heads: ArrayHeader
    gaps: list[str]
    mlps: list[int]
    logit: float
    softcap: float | None
    gap: float
    target: CandidateRow
    other: CandidateRow | None
    candidates: list[CandidateRow]
    model: ModelInfo | None
    seconds: float | None
    created: str
    code: str


class DirectPacked(TypedDict):
    """The trait `explanation` of such a view."""

    snapshot: DirectSnapshot | None
    buffers: list[bytes]


class NeuronRow(TypedDict):
    """A neuron of an MLP: how much it is on, its share of the logit, and words one unit of it speaks for and against."""

    index: int
    activation: float
    share: float
    top: list[str]
    bottom: list[str]


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


class LensRequest(TypedDict):
    """Browser to kernel, from a lens view.

    look: read `input` anew. follow: rank and probability of `token` (or of `text`, its first token) in every stream at position
    `index`. cell: the most probable tokens of stream `layer` at position `index`. measure: a number for every cell (entropy in nats; kl,
    from the final answer to the cell's, in nats; agreement, 1 where the first token is the final answer's).
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["look", "follow", "cell", "measure"]
    input: NotRequired[Input]
    index: NotRequired[int]
    layer: NotRequired[int]
    token: NotRequired[int]
    text: NotRequired[str]
    measure: NotRequired[Literal["entropy", "kl", "agreement"]]


class LensResult(TypedDict):
    """Kernel to browser: the end of a lens view's request, with what it asked for.

    array: follow float32 [2, stream], rank (0 is the first) and probability; measure float32 [stream, pos]. token, text: what is
    followed. candidates: of the cell, most probable first.
    """

    type: Literal["result"]
    v: int
    id: str
    revision: int
    array: NotRequired[ArrayHeader]
    token: NotRequired[int]
    text: NotRequired[str]
    candidates: NotRequired[list[CandidateRow]]


class PatchingRequest(TypedDict):
    """Browser to kernel, from a patching view.

    look: other prompts, another direction, part or number; what is left out stays (a target or `other` of null is chosen anew:
    what the clean and the corrupted prompt say next). cell: what the base's pass says next with the cell of `layer` and column `index` patched.
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["look", "cell"]
    clean: NotRequired[Input]
    corrupted: NotRequired[Input]
    direction: NotRequired[Literal["denoise", "noise"]]
    part: NotRequired[Literal["resid", "attn_out", "mlp_out", "head"]]
    target: NotRequired[TargetSpec | None]
    other: NotRequired[TargetSpec | None]
    layer: NotRequired[int]
    index: NotRequired[int]


class PatchingResult(TypedDict):
    """Kernel to browser: the end of a patching view's request. cell: `before` and `after` (candidates of both), `value`: the number."""

    type: Literal["result"]
    v: int
    id: str
    revision: int
    before: NotRequired[list[CandidateRow]]
    after: NotRequired[list[CandidateRow]]
    value: NotRequired[float]


class DirectRequest(TypedDict):
    """Browser to kernel, from a view of direct logit attribution.

    look: another text, target or contrast; what is left out stays (a target of null is the most probable token, an `other` of null
    none). neurons: the strongest of the MLP of `layer`.
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["look", "neurons"]
    input: NotRequired[Input]
    target: NotRequired[TargetSpec | None]
    other: NotRequired[TargetSpec | None]
    layer: NotRequired[int]


class DirectResult(TypedDict):
    """Kernel to browser: the end of such a request. neurons: largest share first, whatever its sign."""

    type: Literal["result"]
    v: int
    id: str
    revision: int
    neurons: NotRequired[list[NeuronRow]]


EXPORTED: Final = (
    AttentionMap,
    PatternInfo,
    AttentionSnapshot,
    AttentionPacked,
    LensSnapshot,
    LensPacked,
    PatchingSnapshot,
    PatchingPacked,
    DirectSnapshot,
    DirectPacked,
    NeuronRow,
    AttentionRequest,
    AttentionResult,
    LensRequest,
    LensResult,
    PatchingRequest,
    PatchingResult,
    DirectRequest,
    DirectResult,
)
"""Types the TypeScript copy has, in order, after those of `schema`."""
