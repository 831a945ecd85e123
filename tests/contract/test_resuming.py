"""A pass taken up at a layer equals hand-written hooks on the whole model: a row a type of causal language model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn

from tests.contract.architectures import TYPES, Bare, built
from xai_widgets.adapters.base import Edit
from xai_widgets.adapters.blocks import blocks_of
from xai_widgets.adapters.hooks import first
from xai_widgets.adapters.resuming import Trace, check, probe, readout, resumed, trace
from xai_widgets.adapters.scoring import Scorer
from xai_widgets.core.context import Context
from xai_widgets.testing.traces import differences, snapshot

N = 11
IDS = [3 + 7 * i % 50 for i in range(N)]
NEAR = 1e-5
REFUSED: Final = {
    "cpmant": "must match the size",
    "hrm_text": "its blocks run more than once",
    "hy_v4": "it ends elsewhere",
    "inkling2_text": "mixes positions",
}
"""Types whose pass can't be taken up, and what is said of them."""


def near(a: Tensor, b: Tensor, scale: Tensor) -> bool:
    """Equal to rounding of the logits' own size."""
    assert a.shape == b.shape
    return float((a - b).abs().max()) < NEAR * max(1.0, float(scale.abs().max()))


def by_hand(kind: str, layer: int, edit: Callable[[Tensor], Tensor]) -> Tensor:
    """Logits [pos, d_vocab] of the user's model with a hook on the block the stream enters (or on the last one's output)."""
    model = built(kind)
    blocks = blocks_of(model)

    def before(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (edit(args[0].clone()), *args[1:])

    def after(_module: nn.Module, _args: Any, output: Any) -> Any:
        stream = edit(first(output).clone())
        return stream if torch.is_tensor(output) else type(output)([stream, *output[1:]])

    if layer < len(blocks):
        blocks[layer].register_forward_pre_hook(before)
    else:
        blocks[-1].register_forward_hook(after)
    with torch.no_grad():
        return model(torch.tensor([IDS]), use_cache=False).logits[0]


def moved(base: Trace, layer: int, at: tuple[int, ...]) -> Edit:
    """Other states of the size of those that stand there."""
    own = base.streams(layer)
    noise = torch.randn(own.shape, generator=torch.Generator().manual_seed(layer)) * own.std()
    return Edit(layer, at, (own + noise)[list(at)])


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in REFUSED])
def test_a_pass_taken_up_is_the_pass_with_a_hook(kind: str) -> None:
    """At the first, a middle and behind the last block; one position and several; every state read out; no trace."""
    model = built(kind)
    lent = Bare(kind, model)
    before = snapshot(model)
    packs = Scorer(lent).packs(N)
    base = trace(lent, IDS, Context(), (N - 3, N - 1), keep_cache=packs)
    with torch.no_grad():
        plain = built(kind)(torch.tensor([IDS]), use_cache=False).logits[0]
    assert near(base.logits, plain[[N - 3, N - 1]], plain)
    n = base.n_streams - 1
    edits = [moved(base, layer, at) for layer in (0, n // 2, n) for at in ((2,), (N - 2, N - 1), (N - 1,))]
    axis = base.pos_axis
    wanted = []
    for edit in edits:

        def put(stream: Tensor, edit: Edit = edit) -> Tensor:
            stream.movedim((axis - 1, axis), (0, 1))[0, list(edit.at)] = edit.states
            return stream

        wanted.append(by_hand(kind, edit.layer, put)[[N - 3, N - 1]])
    for packed in {False, packs}:
        found = dict(resumed(lent, base, edits, Context(), 64, packed=packed))
        assert sorted(found) == list(range(len(edits)))
        for i, truth in enumerate(wanted):
            assert near(found[i], truth, plain), (packed, edits[i].layer, edits[i].at)
    layer = n // 2
    assert check(lent, packed=packs) == ""
    lens: list[Tensor] = []
    readout(lent, base, base.streams(layer), lambda start, logits: lens.append(logits.clone()), Context(), 4)
    assert near(torch.cat(lens), by_hand(kind, n, lambda stream: base.states[layer].clone()), plain)
    if kind != "rwkv":  # it rewrites its weights in any pass, which the loader refuses
        assert not differences(before, snapshot(model))


@pytest.mark.parametrize("kind", REFUSED)
def test_types_that_are_refused_with_the_reason(kind: str) -> None:
    """The check at load finds it out by running, not by name."""
    model = built(kind)
    lent = Bare(kind, model)
    found = probe(lent, packed=False)
    assert not found.works
    assert REFUSED[kind] in found.reason
