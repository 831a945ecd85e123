"""CKA by layer as its view's snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from xai_widgets.core.cka import LayerCKA
from xai_widgets.protocol.arrays import put
from xai_widgets.protocol.schema import PROTOCOL_VERSION, ModelInfo
from xai_widgets.protocol.wire.cka import CKAPacked, CKASnapshot

SHOWN: Final = 5
"""Texts that are named."""
LONG: Final = 80
"""Characters of each."""


def encode_cka(
    cka: LayerCKA,
    names: tuple[str, str],
    texts: Sequence[str],
    models: tuple[ModelInfo | None, ModelInfo | None],
    *,
    one: bool,
    first: bool,
    revision: int = 0,
    created: str = "",
    code: str = "",
) -> CKAPacked:
    """The snapshot and its buffers.

    Args:
        cka: the numbers. names, models: whose they are. one: the two are one model. texts: that were read.
        first: first positions count. revision, created, code: as in every snapshot.
    """
    buffers: list[bytes] = []
    snapshot: CKASnapshot = {
        "v": PROTOCOL_VERSION,
        "revision": revision,
        "kind": "cka",
        "names": list(names),
        "one": one,
        "rows": list(cka.rows),
        "columns": list(cka.columns),
        "debiased": put(cka.debiased, buffers),
        "plain": put(cka.plain, buffers),
        "by_chance": cka.by_chance,
        "loudest": put(cka.loudest[0], buffers),
        "loudest_columns": put(cka.loudest[1], buffers),
        "n": cka.n,
        "per": cka.per,
        "n_texts": cka.n_texts,
        "texts": [text if len(text) <= LONG else text[: LONG - 1] + "…" for text in texts[:SHOWN]],
        "first": first,
        "widths": list(cka.widths),
        "model": models[0],
        "versus": models[1],
        "seconds": cka.seconds,
        "created": created,
        "code": code,
    }
    return {"snapshot": snapshot, "buffers": buffers}
