"""A head's share by where it comes from sums to the share: a row a type of causal language model."""

from __future__ import annotations

from typing import Final

import pytest
import torch

from tests.contract.architectures import TYPES, Bare
from tests.contract.test_parts import IDS, REFUSED, WHOLE_LAYERS, N
from xai_widgets.adapters.attention import capture
from xai_widgets.adapters.base import AttentionCall
from xai_widgets.adapters.logit_parts import LogitParts, logit_parts
from xai_widgets.core.context import Context

LAST: Final = N - 1
TARGET, CONTRAST = [5], [9]
WEIGHTS_ONLY: Final = frozenset(("bloom", "codegen", "falcon", "gpt_neo", "gpt_neox_japanese", "gptj", "mpt", "xglm"))
"""Types whose layers give their weights and not their values."""
BETWEEN: Final = frozenset(
    (
        "afmoe", "axk2", "bailing_hybrid", "bitnet", "granite_swa", "granitemoe_swa", "laguna", "lfm3", "qwen3_5_moe_text",
        "qwen3_5_text", "qwen3_next",
    )
)  # fmt: skip
"""Types with a gate or a norm between the weighted values and the output projection."""


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in {*REFUSED, *WHOLE_LAYERS}])
def test_what_comes_from_each_position_sums_to_the_head(kind: str) -> None:
    """To 1e-4 of the layer's largest head, at every head that can be split; elsewhere the reason is said."""
    lent = Bare(kind)
    parts = logit_parts(lent, IDS, [LAST], Context())
    reasons = set()
    for layer in range(lent.n_layers):
        if not parts.unsplit(layer)[0]:
            reasons |= sources_of(lent, parts, layer)
    if kind in WEIGHTS_ONLY:
        assert reasons == {"this kind of layer gives its weights, not its values"}
    elif kind in BETWEEN:
        assert any("a gate or a norm stands between" in reason for reason in reasons)
    else:
        assert reasons == {""}


def sources_of(lent: Bare, parts: LogitParts, layer: int) -> set[str]:
    """The reasons that were given for the heads of a layer ("" for those that were split), which are checked."""
    calls: list[AttentionCall] = []
    capture(lent, IDS, calls.append, Context(), [layer])
    assert len(calls) == 1
    heads = parts.heads(layer, LAST, TARGET, CONTRAST)[0][0]
    reasons = set()
    for head, share in enumerate(heads):
        weights, by_key, reason = parts.sources(calls[0], head, LAST, TARGET, CONTRAST)
        reasons.add(reason)
        assert weights.shape == (calls[0].n_key,)
        torch.testing.assert_close(weights, calls[0].rows(LAST, LAST + 1, head)[0, 0])
        assert (by_key is None) == bool(reason)
        if by_key is not None:
            assert by_key.shape == (1, calls[0].n_key)
            assert abs(float(by_key.sum() - share)) < 1e-4 * float(heads.abs().max())
    return reasons
