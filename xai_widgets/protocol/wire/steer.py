"""The wire of the steering view."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TokenColumns


class DirectionSpec(TypedDict):
    """A direction of the residual stream as `core.directions.Direction` writes it: what its kind needs, nothing else."""

    kind: Literal["prompts", "token", "neuron", "array"]
    layer: NotRequired[int]
    positive: NotRequired[list[str]]
    negative: NotRequired[list[str]]
    text: NotRequired[str | int]
    index: NotRequired[int]
    vector: NotRequired[list[float]]


class InterventionSpec(TypedDict):
    """One intervention as `core.interventions.Intervention` writes it; what is left out is its usual value."""

    what: Literal["resid", "attn_out", "mlp_out", "head", "neuron"]
    layer: int
    how: Literal["set", "scale", "add", "swap"]
    index: NotRequired[int]
    value: NotRequired[float | list[float]]
    direction: NotRequired[DirectionSpec]
    source: NotRequired[str | list[int]]
    at: NotRequired[list[int]]
    start: NotRequired[int]
    on: NotRequired[bool]


class SteerRow(TypedDict):
    """What is known of one intervention on this text.

    `at`: positions of the prompt that it changes. `now` float32 [pos]: what the activation is without any intervention, its norm (of a
    neuron its value). `width`: numbers of the activation at one position. `length`: norm of its direction as used, null without one.
    """

    at: list[int]
    now: ArrayHeader
    width: int
    length: float | None


class SteerSites(TypedDict):
    """What can be changed: by layer, how many heads and neurons (0: none that can be told apart), and for each part that can't be changed in some layer the reasons ("" where it can)."""

    n_layers: int
    heads: list[int]
    neurons: list[int]
    lacks: dict[str, list[str]]


class SteerSnapshot(TypedDict):
    """Everything the steering view needs before it asks what the model writes; with its buffers the trait `explanation`.

    `interventions` are done in order; `rows` says of each what is known. `norms`: median over positions of the norm of the stream that
    enters each layer, and of what leaves the last. `before`, `after`: next tokens without and with the interventions, `kl` in nats from
    the first distribution to the second (null: without any that is on). `count`: tokens to be written. `code`, `json`: the same as a
    cell, and as `xw.Steer.save` writes it.
    """

    v: int
    revision: int
    kind: Literal["steer"]
    input: Input
    tokens: TokenColumns
    interventions: list[InterventionSpec]
    rows: list[SteerRow]
    sites: SteerSites
    norms: list[float]
    before: list[CandidateRow]
    after: list[CandidateRow]
    kl: float | None
    count: int
    model: ModelInfo | None
    seconds: float | None
    created: str
    code: str
    json: str


class SteerPacked(TypedDict):
    """The trait `explanation` of a steering view."""

    snapshot: SteerSnapshot | None
    buffers: list[bytes]


class SteerRequest(TypedDict):
    """Browser to kernel, from a steering view.

    look: another text, other interventions; what is left out stays. `settled`: false while a slider moves (such steps are one for undo).
    write: what the model writes after the text, without and with the interventions of the picture; `count` tokens each.
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["look", "write"]
    input: NotRequired[Input]
    interventions: NotRequired[list[InterventionSpec]]
    settled: NotRequired[bool]
    count: NotRequired[int]


class WrittenToken(TypedDict):
    """A token the model wrote."""

    id: int
    text: str


class SteerResult(TypedDict):
    """Kernel to browser: the end of such a request. write: both continuations."""

    type: Literal["result"]
    v: int
    id: str
    revision: int
    written_before: NotRequired[list[WrittenToken]]
    written_after: NotRequired[list[WrittenToken]]


EXPORTED: Final = (
    DirectionSpec,
    InterventionSpec,
    SteerRow,
    SteerSites,
    SteerSnapshot,
    SteerPacked,
    SteerRequest,
    WrittenToken,
    SteerResult,
)
"""Types the TypeScript copy has, in order."""
