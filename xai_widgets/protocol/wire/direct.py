"""The wire of the view of direct logit attribution."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TargetSpec, TokenColumns


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


EXPORTED: Final = (DirectSnapshot, DirectPacked, NeuronRow, DirectRequest, DirectResult)
"""Types the TypeScript copy has, in order."""
