"""The wire of the patching view."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TargetSpec, TokenColumns


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


EXPORTED: Final = (PatchingSnapshot, PatchingPacked, PatchingRequest, PatchingResult)
"""Types the TypeScript copy has, in order."""
