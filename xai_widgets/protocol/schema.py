"""The wire, written once: synced state, messages both ways and arrays. `typescript.py` writes the browser's copy.

State survives the kernel and is enough to redraw: the traits `explanation`, `selection`, `display`, `status`,
`protocol_version` and `uid`. Everything else is a message with an id; each request ends in exactly one of
`result`, `error`, `cancelled`. Numbers in JSON are finite or null; arrays travel as little-endian buffers.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired, TypedDict

PROTOCOL_VERSION: Final = 1
"""Raised when an old page could misread a new kernel, or the reverse."""


class ArrayHeader(TypedDict):
    """An array in the buffer of that index: C order, little-endian. Axes are named where it is used."""

    dtype: Literal["float32", "float16", "int32", "uint8"]
    shape: list[int]
    buffer: int


class Message(TypedDict):
    """One chat message."""

    role: str
    content: str


class Input(TypedDict):
    """What was typed: a text, or chat messages, or ids (then not editable)."""

    kind: Literal["text", "chat", "ids"]
    text: NotRequired[str]
    messages: NotRequired[list[Message]]


class TargetSpec(TypedDict):
    """A choice of target or contrast: a vocabulary entry, a text, the n-th generated token, or several tokens in order."""

    kind: Literal["token", "text", "generated", "tokens"]
    id: NotRequired[int]
    text: NotRequired[str]
    index: NotRequired[int]
    parts: NotRequired[list[int | str]]


class TokenColumns(TypedDict):
    """All tokens, by column.

    `unit` is the entry of the position axis each belongs to, `turn` the chat message (0 in plain text); spans are -1
    where there is none.
    """

    text: list[str]
    raw: list[str]
    kind: list[str]
    role: list[str]
    part: list[str]
    id: ArrayHeader
    start: ArrayHeader
    end: ArrayHeader
    unit: ArrayHeader
    turn: ArrayHeader


class TargetRow(TypedDict):
    """One entry of the target axis."""

    text: str
    id: int
    contrast: str
    value: float | None
    baseline_value: float | None


class CandidateRow(TypedDict):
    """A possible next token, or one that was generated (with the probability it had)."""

    id: int
    text: str
    prob: float
    logit: float


class QualityInfo(TypedDict):
    """How exact the scores are; null is unknown."""

    exact: bool | None
    relative_gap: float | None
    n_samples: int | None
    standard_error: ArrayHeader | None


class ParamInfo(TypedDict):
    """One parameter of a method, for the picker."""

    name: str
    kind: Literal["int", "float", "bool", "choice", "text"]
    value: Any
    choices: list[str]
    doc: str


class MethodInfo(TypedDict):
    """One method: for the header and the picker. Cost texts are null until measured."""

    name: str
    title: str
    family: str
    summary: str
    reference: str
    params: list[ParamInfo]
    available: bool
    reason: str
    seconds: float | None
    cost: str


class ModelInfo(TypedDict):
    """The model, for header and footer."""

    name: str
    fingerprint: str
    device: str
    dtype: str


class Snapshot(TypedDict):
    """Everything a view needs to draw one answer. With its buffers it is the trait `explanation`, and a saved page."""

    v: int
    revision: int
    input: Input
    text: str
    tokens: TokenColumns
    unit_kind: str
    unit_labels: list[str]
    axes: list[str]
    scores: ArrayHeader | None
    labels: dict[str, list[str]]
    rows: list[TargetRow]
    quantity: str
    each: bool
    unit: str
    signed: bool
    baseline: str | None
    quality: QualityInfo
    method: MethodInfo | None
    model: ModelInfo | None
    candidates: list[CandidateRow]
    generated: list[CandidateRow]
    target: TargetSpec | None
    contrast: TargetSpec | None
    n_prompt: int
    seconds: float | None
    seed: int | None
    created: str
    code: str


class Packed(TypedDict):
    """The trait `explanation`: a snapshot (null before the first answer) and the buffers its headers count."""

    snapshot: Snapshot | None
    buffers: list[bytes]


class Selection(TypedDict):
    """Pinned entries only, by axis; hovering stays in the browser. `source` says which view set it."""

    pos: list[int]
    target: list[int]
    source: str


class Display(TypedDict):
    """How to show, not what."""

    row: int | None
    link_id: str | None


class ErrorInfo(TypedDict):
    """A refusal: a stable code, what went wrong, what was given, what is accepted, what to do."""

    code: str
    problem: str
    given: str
    accepted: str
    hint: str


class Status(TypedDict):
    """What the kernel is doing for this widget. `asks`: too long to start without a yes."""

    state: Literal["idle", "running", "asks", "error", "cancelled", "static"]
    error: ErrorInfo | None
    cost: str
    seconds: float | None


class Request(TypedDict):
    """Browser to kernel: ask something. `view` tells whose it is.

    explain: fields left out keep the value of the last answer; `generated` gives the ids of tokens that were written before
    (undo needs them); `confirmed` says yes to a long run.
    generate: write `max_new_tokens` tokens after the input. methods: list methods with their cost for this question.
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["explain", "generate", "methods"]
    input: NotRequired[Input]
    target: NotRequired[TargetSpec | None]
    contrast: NotRequired[TargetSpec | None]
    quantity: NotRequired[str]
    method: NotRequired[str]
    params: NotRequired[dict[str, Any]]
    unit: NotRequired[str]
    generated: NotRequired[list[int]]
    max_new_tokens: NotRequired[int]
    confirmed: NotRequired[bool]


class Cancel(TypedDict):
    """Browser to kernel: stop that request."""

    type: Literal["cancel"]
    v: int
    id: str


class Fetch(TypedDict):
    """Browser to kernel: rows of the target axis that were too large to push. Answered by `result`."""

    type: Literal["fetch"]
    v: int
    id: str
    view: str
    revision: int
    row: int


class Progress(TypedDict):
    """Kernel to browser: accepted (done 0 of 0), how far, and partial answers as they come.

    `candidates` come first; `scores` (target x pos over the same units as the final ones) with `known` (uint8 a
    position: final) follow. `estimate`: the rest is an estimate, of each row or, where `sum` [pos] is given, of the sum
    over rows alone. `tokens` and `unit_labels` come with the first part when the input changed.
    """

    type: Literal["progress"]
    v: int
    id: str
    revision: int
    done: int
    total: int
    note: str
    candidates: NotRequired[list[CandidateRow]]
    snapshot: NotRequired[Snapshot]
    scores: NotRequired[ArrayHeader]
    known: NotRequired[ArrayHeader]
    sum: NotRequired[ArrayHeader]
    estimate: NotRequired[bool]


class Result(TypedDict):
    """Kernel to browser: that request is done; a new explanation is in the trait (`revision` says which)."""

    type: Literal["result"]
    v: int
    id: str
    revision: int
    methods: NotRequired[list[MethodInfo]]
    scores: NotRequired[ArrayHeader]


class Failure(TypedDict):
    """Kernel to browser: that request was refused or broke."""

    type: Literal["error"]
    v: int
    id: str
    revision: int
    error: ErrorInfo


class Cancelled(TypedDict):
    """Kernel to browser: that request was cancelled, or replaced by a newer one."""

    type: Literal["cancelled"]
    v: int
    id: str
    revision: int


class NoKernel(TypedDict):
    """A saved page to its own view: nobody is there to compute."""

    type: Literal["no-kernel"]
    id: str


EXPORTED: Final = (
    ArrayHeader,
    Message,
    Input,
    TargetSpec,
    TokenColumns,
    TargetRow,
    CandidateRow,
    QualityInfo,
    ParamInfo,
    MethodInfo,
    ModelInfo,
    Snapshot,
    Packed,
    Selection,
    Display,
    ErrorInfo,
    Status,
    Request,
    Cancel,
    Fetch,
    Progress,
    Result,
    Failure,
    Cancelled,
    NoKernel,
)
"""Types the TypeScript copy has, in order."""

UNIONS: Final = {
    "ToKernel": (Request, Cancel, Fetch),
    "ToBrowser": (Progress, Result, Failure, Cancelled, NoKernel),
}

TRAITS: Final = {
    "explanation": Packed,
    "selection": Selection,
    "display": Display,
    "status": Status,
    "protocol_version": int,
    "uid": str,
}
"""Synced state of every widget, by trait name."""

PUSH_LIMIT: Final = 4_000_000
"""Bytes of scores pushed in state; above it the sum over targets is pushed and rows are fetched."""
