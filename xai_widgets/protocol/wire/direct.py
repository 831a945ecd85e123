"""The wire of the view of direct logit attribution."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TargetSpec, TokenColumns


class Unsplit(TypedDict):
    """Why a layer can't be split over heads, and why not over neurons; "" where it can."""

    layer: int
    heads: str
    neurons: str


class DirectDifference(TypedDict):
    """Part by part, how much more the first model writes than the second, both read at the first's scale of the last norm.

    `components` are those of the snapshot and one more, the last: what the second's own scale makes of its parts. `values` sum to
    the difference of the two logits; `heads` are not a number where either model has none.
    """

    components: list[str]
    kinds: list[str]
    layers: list[int]
    values: ArrayHeader
    heads: ArrayHeader


class DirectVersion(TypedDict):
    """The same logit split in the model that is compared with: the fields of `DirectSnapshot` that are its own.

    `values` are of the same components; `heads` float32 [layer, head] may have another number of heads. `scale`: how many times as
    much its last norm divides by as that of the first.
    """

    name: str
    values: ArrayHeader
    heads: ArrayHeader
    unsplit: list[Unsplit]
    logit: float
    softcap: float | None
    gap: float
    target: CandidateRow
    other: CandidateRow | None
    model: ModelInfo | None
    scale: float
    difference: DirectDifference


class DirectSnapshot(TypedDict):
    """Everything the view of direct logit attribution needs before it asks for detail; with its buffers the trait `explanation`.

    What is split is `logit`: of `target` after the last token, less that of `other` where there is one (before a soft cap, where
    `softcap` is a number). `components` are its parts in order, each with its kind (embedding, attn, mlp, mixer, bias) and layer (-1: none);
    `values` float32 [component] sum to `logit` up to `gap` (a share of the largest logit). `heads` float32 [layer, head] is of
    attention's components, not a number where there is none. `gaps`: sentences about layers that can't be split over heads;
    `unsplit`: every layer that can't be split over heads or neurons, with the reasons. `mlps`: layers whose neurons can be asked for.
    `versus`: the same of another model over the same text, which `name` is told from.
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
    unsplit: list[Unsplit]
    mlps: list[int]
    logit: float
    softcap: float | None
    gap: float
    target: CandidateRow
    other: CandidateRow | None
    name: str
    versus: DirectVersion | None
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


class DirectRequest(TypedDict):
    """Browser to kernel, from a view of direct logit attribution.

    look: another text, target or contrast; what is left out stays (a target of null is the most probable token, an `other` of null
    none). neurons: the strongest of the MLP of `layer`. head: where `head` of `layer` looks from the last position. `version`: of
    which model, 0 (left out) or 1 where two are compared.
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["look", "neurons", "head"]
    input: NotRequired[Input]
    target: NotRequired[TargetSpec | None]
    other: NotRequired[TargetSpec | None]
    layer: NotRequired[int]
    head: NotRequired[int]
    version: NotRequired[int]


class HeadRow(TypedDict):
    """Where a head looks from the last position, and what comes from there.

    `share`: of the logit. `weights` float32 [key]. `shares` float32 [key], which sum to it; None where they can't be had, for the
    `reason`. `pattern` float16 [query, key], None above `longest` tokens. Keys beyond the text's tokens are the layer's own entries.
    """

    share: float
    weights: ArrayHeader
    shares: ArrayHeader | None
    reason: str
    pattern: ArrayHeader | None
    longest: int


class DirectResult(TypedDict):
    """Kernel to browser: the end of such a request. neurons: largest share first, whatever its sign; head: with buffers."""

    type: Literal["result"]
    v: int
    id: str
    revision: int
    neurons: NotRequired[list[NeuronRow]]
    head: NotRequired[HeadRow]


EXPORTED: Final = (
    Unsplit, DirectDifference, DirectVersion, DirectSnapshot, DirectPacked, NeuronRow, DirectRequest, HeadRow, DirectResult,
)  # fmt: skip
"""Types the TypeScript copy has, in order."""
