"""The wire of the circuit view."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TargetSpec, TokenColumns


class CircuitSnapshot(TypedDict):
    """Everything the circuit view needs before it asks for detail; with its buffers the trait `explanation`.

    Two prompts, `clean` and `corrupted` as typed (null: a graph opened from a file), read as `base` and `source` (token columns; source null
    of a file), and the graph of who reads whom. `steps` are of `eap_ig`, `threshold` of `acdc`.
    Nodes, in the order of the pass: `names`, `kinds` (embedding, head, mlp, logits; attn where a block's heads can't be told apart; of a file
    also feature, error, token), `layers` int32 [node] (-1: before the first, n_layers: after the last), `index` int32 [node]
    (head or feature, -1: none), `pos` int32 [node] (position, -1: all), `labels` (what a feature stands for, or "").
    Edges, the strongest first: `sources`, `targets` int32 [edge], indices of nodes; `paths` uint8 [edge], by what the reader
    takes it in: 0 its whole input, 1 query, 2 key, 3 value; `scores` float32 [edge], in the number's unit: what the number is
    estimated to lose if this edge carried what it carries in the corrupted prompt (positive: it speaks for the answer; of a file the
    weight). `n_edges`: how many there are with those too weak to be sent. `kept` uint8 [edge]: in the circuit, that is among the
    `size` strongest and on a way from the input to the logits. `exact` float32 [edge]: what it really loses, not a number where it was not run.
    `curve` float32 [point, 4]: edges asked for, edges kept, faithfulness, completeness. Faithfulness: number of the circuit alone, where
    all other edges carry what they carry in the corrupted prompt, as a share of the way from the corrupted prompt's number (0) to the clean one's (1);
    completeness: the same of the rest without the circuit (a complete circuit leaves 0). `faithfulness` and `completeness` are of what is kept,
    null where it was not run.
    The number is the logit of `target` less that of `other` where there is one; `base_value` is the clean prompt's, `source_value` what is
    left of it with every edge cut: of prompts of one length the corrupted prompt's.
    """

    v: int
    revision: int
    kind: Literal["circuit"]
    title: str
    clean: Input | None
    corrupted: Input | None
    base: TokenColumns
    source: TokenColumns | None
    method: Literal["eap", "eap_ig", "acdc", "file"]
    steps: int
    threshold: float
    names: list[str]
    kinds: list[str]
    layers: ArrayHeader
    index: ArrayHeader
    pos: ArrayHeader
    labels: list[str]
    sources: ArrayHeader
    targets: ArrayHeader
    paths: ArrayHeader
    scores: ArrayHeader
    exact: ArrayHeader
    kept: ArrayHeader
    n_edges: int
    size: int
    faithfulness: float | None
    completeness: float | None
    curve: ArrayHeader
    target: CandidateRow | None
    other: CandidateRow | None
    base_value: float | None
    source_value: float | None
    base_candidates: list[CandidateRow]
    source_candidates: list[CandidateRow]
    model: ModelInfo | None
    seconds: float | None
    created: str
    code: str


class CircuitPacked(TypedDict):
    """The trait `explanation` of a circuit view."""

    snapshot: CircuitSnapshot | None
    buffers: list[bytes]


class CircuitRequest(TypedDict):
    """Browser to kernel, from a circuit view.

    look: other prompts, method, number of steps (of eap_ig), threshold (of acdc) or number; what is left out stays (a target or `other`
    of null is chosen anew). keep: the circuit of the `size` strongest edges, with the patched check. edge: what the base's pass says next
    if the edge `edge` alone carries what it carries in the corrupted prompt (path patching).
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["look", "keep", "edge"]
    clean: NotRequired[Input]
    corrupted: NotRequired[Input]
    method: NotRequired[Literal["eap", "eap_ig", "acdc"]]
    steps: NotRequired[int]
    threshold: NotRequired[float]
    target: NotRequired[TargetSpec | None]
    other: NotRequired[TargetSpec | None]
    size: NotRequired[int]
    edge: NotRequired[int]


class CircuitResult(TypedDict):
    """Kernel to browser: the end of a circuit view's request, with what it asked for.

    keep: array uint8 [edge], what is kept; size, faithfulness, completeness; `before` (the whole model) and `after` (the circuit alone), next
    tokens. edge: `before` and `after`, value: what the number loses.
    """

    type: Literal["result"]
    v: int
    id: str
    revision: int
    array: NotRequired[ArrayHeader]
    size: NotRequired[int]
    faithfulness: NotRequired[float]
    completeness: NotRequired[float]
    before: NotRequired[list[CandidateRow]]
    after: NotRequired[list[CandidateRow]]
    value: NotRequired[float]


EXPORTED: Final = (CircuitSnapshot, CircuitPacked, CircuitRequest, CircuitResult)
"""Types the TypeScript copy has, in order."""
