"""The wire of the view of centred kernel alignment (CKA)."""

from __future__ import annotations

from typing import Final, Literal, TypedDict

from xai_widgets.protocol.schema import ArrayHeader, ModelInfo


class CKASnapshot(TypedDict):
    """Everything the view of CKA draws; with its buffers the trait `explanation`. It asks for no more.

    `rows` and `columns` name the residual streams of the two models, in order; `names` the models (`one`: they are one). `debiased` and
    `plain` float32 [row, column]: not a number where a stream is the same at all samples. `by_chance`: about what `plain` is for
    independent streams. `loudest` float32 [row] and `loudest_columns` float32 [column]: the part of a stream's variance that is one
    sample's, the largest such. `n` samples, each a position or a whole text (`per`), of `n_texts` texts; `texts` are the first of them, cut.
    `first`: first positions count too.
    """

    v: int
    revision: int
    kind: Literal["cka"]
    names: list[str]
    one: bool
    rows: list[str]
    columns: list[str]
    debiased: ArrayHeader
    plain: ArrayHeader
    by_chance: float
    loudest: ArrayHeader
    loudest_columns: ArrayHeader
    n: int
    per: Literal["position", "text"]
    n_texts: int
    texts: list[str]
    first: bool
    widths: list[int]
    model: ModelInfo | None
    versus: ModelInfo | None
    seconds: float | None
    created: str
    code: str


class CKAPacked(TypedDict):
    """The trait `explanation` of such a view."""

    snapshot: CKASnapshot | None
    buffers: list[bytes]


class CKARequest(TypedDict):
    """Browser to kernel, from a view of CKA: compare the same texts again."""

    type: Literal["request"]
    v: int
    id: str
    revision: int
    view: str
    action: Literal["look"]


EXPORTED: Final = (CKASnapshot, CKAPacked, CKARequest)
"""Types the TypeScript copy has, in order."""
