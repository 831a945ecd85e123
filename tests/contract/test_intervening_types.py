"""What is taken hold of is what the blocks add, in every type of causal language model that can be taken apart: a row a type."""

from __future__ import annotations

from typing import Any, Final

import pytest
import torch

from tests.contract.architectures import TYPES, Bare
from xai_widgets.adapters import intervening
from xai_widgets.adapters.parts import record_parts
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CapabilityError
from xai_widgets.core.interventions import Intervention, What

N: Final = 11
IDS: Final = [3 + 7 * i % 50 for i in range(N)]
NEAR: Final = 1e-4
"""Of the largest entry: sums are rounded, as in `parts`."""
NO_STREAM: Final = {
    "cpmant": "rows for 11 tokens",  # its own prompt is prepended inside
    "deepseek_v4": "not one state a position",
    "gemma3n_text": "not one state a position",
    "hrm_text": "run more than once",
    "hy_v4": "not one state a position",
}
"""Types nothing of which can be changed, and what is said of them."""
NOWHERE: Final[dict[What, frozenset[str]]] = {
    "attn_out": frozenset(("doge", "minimax", "zaya")),
    "mlp_out": frozenset(("gemma4_text", "granitemoe_swa", "granitemoehybrid", "granitemoeshared", "zaya")),
}
"""Types that add what no single module gives: some part of them, in some layer, can't be taken hold of."""


def lent(kind: str) -> Any:
    """A model of a type, as far as it is needed here."""
    lm: Any = Bare(kind)
    lm.fingerprint = kind
    return lm


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Equal up to rounding."""
    return float((a - b).abs().max()) <= NEAR * max(float(b.abs().max()), 1e-9)


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in NO_STREAM])
def test_what_is_taken_hold_of_is_what_is_added(kind: str) -> None:
    """Recorded as `parts` has it; a stream times 1 is not one bit another; the last MLP off is the last stream without it."""
    lm = lent(kind)
    sites = intervening.sites(lm)
    plain = intervening.intervened(lm, IDS, [], Context(), range(N))
    same, other = (
        intervening.intervened(lm, IDS, [Intervention(what="resid", layer=1, value=x)], Context(), range(N))
        for x in (1, 1.5)
    )
    assert torch.equal(same, plain)
    assert not torch.equal(other, plain)
    if all(all(reasons) for reasons in sites.lacks.values()):
        return
    parts = record_parts(lm, IDS, Context())
    for what, added in (("attn_out", parts.attn_out), ("mlp_out", parts.mlp_out)):
        nowhere = False
        for layer, reason in enumerate(sites.lacks[what]):
            nowhere |= "one of its modules" in reason
            if not reason:
                assert close(intervening.recorded(lm, IDS, what, layer, None, Context()), added[layer])
        assert nowhere == (kind in NOWHERE[what])
    last = sites.n_layers - 1
    if sites.lacks["mlp_out"][last]:
        return
    left = (parts.resid_post[last] - parts.mlp_out[last])[-1]
    off = Intervention(what="mlp_out", layer=last, value=0)
    put = Intervention(what="resid", layer=sites.n_layers, how="set", value=left.tolist(), at=-1)
    assert close(*(intervening.intervened(lm, IDS, [one], Context()) for one in (off, put)))


@pytest.mark.parametrize("kind", list(NO_STREAM))
def test_types_without_one_state_a_position_say_so(kind: str) -> None:
    """The reason is of the model, not of a library's error."""
    lm = lent(kind)
    with pytest.raises(CapabilityError, match=NO_STREAM[kind]):
        intervening.intervened(lm, IDS, [Intervention(what="resid", layer=1, value=0.5)], Context())
