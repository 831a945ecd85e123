"""The wire of the lens view."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TokenColumns

LensName = Literal["logit", "tuned"]


class LensOther(TypedDict):
    """Another model's lens over the same tokens. `top`, `prob`: as in the snapshot; their ids are in its `vocabulary` too.

    `kl` float32 [stream, pos]: KL(other's cell || this one's) in nats. `change` float32 [stream, pos]: the probability this model gives
    to its own first token, less the other's of the same token. Both are no numbers where a position was not read yet.
    """

    name: str
    top: ArrayHeader
    prob: ArrayHeader
    kl: ArrayHeader
    change: ArrayHeader


class LensSnapshot(TypedDict):
    """Everything the lens view needs before it asks for detail; with its buffers the trait `explanation`.

    `streams` names the residual streams in order: what enters the first block, then what leaves each; the last gives the model's own
    answer. `top` int32 [stream, pos, k]: ids of the tokens that would come next if that stream left the last block, most probable first;
    `prob` float32 of the same shape; both -1 where a position was not read yet (`known` uint8 [pos]; the last position comes first).
    `vocabulary` and `texts` (the same length): the ids in `top`, and how they are written. `lens`: by which of `lenses` it was read;
    `lens_words` says what that lens is, `notes` what is to be said of it. `prompt`: what a stream is read with unless another is typed.
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
    lens: LensName
    lenses: list[LensName]
    lens_words: str
    notes: list[str]
    other: LensOther | None
    prompt: str
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

    look: read `input` (or the same again), by `lens`. follow: rank and probability of `token` (or of `text`, its first token) in every stream at position
    `index`. cell: the most probable tokens of stream `layer` at position `index`. measure: a number for every cell (entropy in nats; kl,
    from the final answer to the cell's, in nats; agreement, 1 where the first token is the final answer's). These three of the other
    model if `whose` says so. scope: put stream `layer` at `index` in the place of stream `into` at a placeholder of the prompt `text`, and
    let the model write at most `tokens` on.
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["look", "follow", "cell", "measure", "scope"]
    input: NotRequired[Input]
    index: NotRequired[int]
    layer: NotRequired[int]
    token: NotRequired[int]
    text: NotRequired[str]
    measure: NotRequired[Literal["entropy", "kl", "agreement"]]
    lens: NotRequired[LensName]
    whose: NotRequired[Literal["this", "other"]]
    into: NotRequired[int]
    tokens: NotRequired[int]


class LensResult(TypedDict):
    """Kernel to browser: the end of a lens view's request, with what it asked for.

    array: follow float32 [2, stream], rank (0 is the first) and probability; measure float32 [stream, pos]. token, text: what is
    followed. candidates: of the cell, most probable first. scope: `text`, what was written; `candidates` and `before`, next tokens of the
    prompt with the stream put in and as it is; `pieces`, the prompt's tokens; `at`, which of them was the placeholder.
    """

    type: Literal["result"]
    v: int
    id: str
    revision: int
    array: NotRequired[ArrayHeader]
    token: NotRequired[int]
    text: NotRequired[str]
    candidates: NotRequired[list[CandidateRow]]
    before: NotRequired[list[CandidateRow]]
    pieces: NotRequired[list[str]]
    at: NotRequired[int]


EXPORTED: Final = (LensOther, LensSnapshot, LensPacked, LensRequest, LensResult)
"""Types the TypeScript copy has, in order."""
