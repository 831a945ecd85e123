"""The wire of the lens view."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TokenColumns


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


EXPORTED: Final = (LensSnapshot, LensPacked, LensRequest, LensResult)
"""Types the TypeScript copy has, in order."""
