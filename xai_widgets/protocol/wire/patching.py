"""The wire of the patching view."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, CandidateRow, Input, ModelInfo, TargetSpec, TokenColumns


class NoiseSpec(TypedDict):
    """Noise on a subject.

    `subject` as it was typed (null: chosen by its tokens), `positions` of its tokens; `scale` in standard deviations of the embedding
    table; `samples` draws from `seed`; `together` layers of attention or MLP restored together, null: as fits.

    In a request one of `subject` and `positions` is enough, and what is left out stays (or is as usual).
    """

    subject: NotRequired[str | None]
    positions: NotRequired[list[int]]
    scale: NotRequired[float]
    samples: NotRequired[int]
    seed: NotRequired[int]
    together: NotRequired[int | None]


class AblationSpec(TypedDict):
    """What a part is replaced by.

    `kind`: `zero`, `mean` or `resample`; over `texts` (none: the prompt's own positions). `template`: they have as
    many tokens as the prompt, so that each position is taken by itself. In a request what is left out stays (or is as usual).
    """

    kind: Literal["zero", "mean", "resample"]
    texts: NotRequired[list[str]]
    samples: NotRequired[int]
    seed: NotRequired[int]
    template: NotRequired[bool]


class PatchingAsked(TypedDict):
    """What was asked first, so that it can be seen and edited before there is a picture, also where there never is one."""

    against: Literal["prompt", "noise", "ablation"]
    clean: Input
    corrupted: Input | None
    noise: NoiseSpec | None
    ablation: AblationSpec | None
    direction: Literal["denoise", "noise"]
    part: Literal["resid", "attn_out", "mlp_out", "head"]


class PatchingSnapshot(TypedDict):
    """Everything the patching view needs before it asks for detail; with its buffers the trait `explanation`.

    `clean` is the prompt as typed. `against` says what it is held against: another `prompt` (`corrupted`), `noise` on its subject, or an
    `ablation`; the others of the three are null. `denoise` puts clean states into the corrupted prompt's pass, `noise` the
    reverse: the pass that is patched is of `base`, states come from `source` (token columns). `pairs` int32 [pos of base]: the counterpart
    in `source`, -1 where there is none. `part` is what is exchanged: `resid`, what enters a layer at a position; `attn_out`, `mlp_out`, what
    its attention or MLP adds there; `head`, what one head adds, at all positions: then `columns` names the heads, otherwise it is
    empty and columns are the positions of base. `rows` names the layers. `values` float32 [layer, column]: the number with
    that cell patched, not a number where it was not run or can't be; `exact` uint8 [layer]: run, not estimated. `estimate` float32 of the
    same shape: what attribution patching says of every cell. `agreement`: correlation of both over the rows that were run, null before.
    The number is the logit of `target`, less that of `other` where there is one; `base_value` and `source_value` are the two
    passes' own; without a second pass (an ablation) `source_value` is null, and what is shown is what the number loses: `base_value` less
    the cell's. `quantity` says what the number is made of: `logit`, `log_prob` (natural) or `prob` of the whole continuation;
    `target_ids`, `other_ids` are all its tokens, `target` and `other` have its text and the numbers of its first token.
    Under noise numbers are means over draws, under `resample` over texts; `error` float32 like `values`: their standard error, null of
    one draw or while rows are run. `together`: layers a cell stands for. `base_candidates`, `source_candidates`: next tokens of both passes.
    """

    v: int
    revision: int
    kind: Literal["patching"]
    against: Literal["prompt", "noise", "ablation"]
    clean: Input
    corrupted: Input | None
    noise: NoiseSpec | None
    ablation: AblationSpec | None
    together: int
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
    error: ArrayHeader | None
    quantity: Literal["logit", "log_prob", "prob"]
    target: CandidateRow
    target_ids: list[int]
    other: CandidateRow | None
    other_ids: list[int]
    base_value: float
    source_value: float | None
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
    asked: NotRequired[PatchingAsked]


class PatchingRequest(TypedDict):
    """Browser to kernel, from a patching view.

    look: other prompts, something else to hold the clean one against (`against` with what goes with it), another direction, part or
    number; what is left out stays (a target or `other` of null is chosen anew: what the clean and the corrupted prompt say next; without
    another prompt no `other`; a quantity of null is the usual one). cell: what the base's pass says next with the cell of `layer` and column `index` patched.
    """

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["look", "cell"]
    against: NotRequired[Literal["prompt", "noise", "ablation"]]
    clean: NotRequired[Input]
    corrupted: NotRequired[Input]
    noise: NotRequired[NoiseSpec]
    ablation: NotRequired[AblationSpec]
    direction: NotRequired[Literal["denoise", "noise"]]
    part: NotRequired[Literal["resid", "attn_out", "mlp_out", "head"]]
    quantity: NotRequired[Literal["logit", "log_prob", "prob"] | None]
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


EXPORTED: Final = (
    NoiseSpec,
    AblationSpec,
    PatchingAsked,
    PatchingSnapshot,
    PatchingPacked,
    PatchingRequest,
    PatchingResult,
)
"""Types the TypeScript copy has, in order."""
