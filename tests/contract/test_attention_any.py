"""The overview and a closer look at every kind of decoder that has attention, through the adapter people use."""

from __future__ import annotations

import numpy as np
import pytest

from tests.contract.architectures import TYPES, built
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.tiny import byte_tokenizer
from xai_widgets.core.context import Context
from xai_widgets.core.errors import XaiError
from xai_widgets.explainers.attention.maps import AttentionMaps

TEXT = "a cat, a cat sat"
NONE = {"mamba", "mamba2", "falcon_mamba", "rwkv", "cpmant"}
"""No attention weights, or refused at load with the reason (rwkv rewrites its weights, cpmant puts tokens of its own in front)."""


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in NONE])
def test_every_head_is_drawn(kind: str) -> None:
    """Rows of every map sum to 1 with what is kept by sinks; any head can be opened; blocks without weights are named."""
    tokenizer = byte_tokenizer()
    lm = HuggingFaceAdapter(built(kind, vocabulary=len(tokenizer)), tokenizer, kind)
    maps = AttentionMaps(lm, lm.tokenize(TEXT))
    overview = maps.look(Context())
    n_heads = sum(info.n_heads for info in overview.maps)
    assert overview.most.shape[0] == overview.mean.shape[0] == len(overview.labels) == n_heads
    assert np.isfinite(overview.most).all()
    assert {info.layer for info in overview.maps}.isdisjoint(overview.missing)
    for index, info in enumerate(overview.maps):
        tile = maps.tile(index, info.n_heads - 1, 0, 0, 0, Context())
        assert tile.shape[0] == info.n_query
        sums = tile.sum(1)
        if info.n_key == info.n_query:
            assert np.allclose(sums, 1, atol=1e-3), f"{info} sums to {sums}"
        else:  # entries of the layer's own take part, and may be more than a tile shows
            assert ((sums > 0) & (sums < 1 + 1e-3)).all(), f"{info} sums to {sums}"


@pytest.mark.parametrize("kind", sorted(NONE))
def test_what_has_no_attention_says_so(kind: str) -> None:
    """Refused with a reason, at load or before it runs; nothing breaks."""
    tokenizer = byte_tokenizer()

    def look() -> None:
        lm = HuggingFaceAdapter(built(kind, vocabulary=len(tokenizer)), tokenizer, kind)
        AttentionMaps(lm, lm.tokenize(TEXT))

    with pytest.raises(XaiError) as refusal:
        look()
    assert len(str(refusal.value)) > 40


def test_the_list_is_of_the_table() -> None:
    """A type that was renamed would otherwise be left out without a word."""
    assert set(TYPES) >= NONE
