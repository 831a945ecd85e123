"""Exact patching finds what is planted in models of known mechanism, each part with the share worked out on paper, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from xai_widgets.testing.mechanisms import MECHANISMS, Mechanism
from xai_widgets.testing.planted import KINDS, Grids, Kind, grids, together

every = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
each_kind = pytest.mark.parametrize("kind", KINDS)
SOFT = 0.02
"""What a look that is not quite sharp (e^-4 of a full match) brings from a word that is not meant."""


@every
@each_kind
def test_exact_patching_finds_the_planted(mechanism: Mechanism, kind: Kind) -> None:
    """With k planted, they are the k largest of their kind; each recovers its share, the others nothing."""
    found = grids(mechanism, kind)
    assert found.hits(found.exact) == len(found.cells)
    rest = found.exact.copy()
    for cell, brings in found.cells.items():
        assert found.exact[cell] == pytest.approx(brings, abs=1e-4)
        rest[cell] = 0
    assert np.abs(rest).max() < (SOFT if kind == "resid" else 1e-4)


@every
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "resid"])
def test_together_they_are_the_answer(mechanism: Mechanism, kind: Kind) -> None:
    """By hooks of the test's own: patched at once they bring all of it, and everything else of their kind brings nothing."""
    planted = any(part.kind == kind for part in mechanism.planted)
    assert together(mechanism, kind) == pytest.approx(float(planted), abs=1e-4)
    assert together(mechanism, kind, others=True) == pytest.approx(0.0, abs=1e-4)


@every
@each_kind
def test_estimates_are_right_or_off_as_said(mechanism: Mechanism, kind: Kind) -> None:
    """Attribution patching says what exact patching does, but where a reason is given."""
    found = grids(mechanism, kind)
    gaps = [abs(found.estimate[cell] - brings) for cell, brings in found.cells.items()]
    if kind in mechanism.off:
        assert max(gaps) > 0.05, "it is right after all"
    else:
        assert max(gaps, default=0) < 1e-4
        assert found.hits(found.estimate) == len(found.cells)


@every
def test_every_mechanism_has_planted_parts(mechanism: Mechanism) -> None:
    """Of the stream, of attention outputs and of heads at least, and prompts of one length that differ."""
    assert {"resid", "attn_out", "head"} <= {part.kind for part in mechanism.planted}
    words, corrupted = mechanism.prompt.split(), mechanism.corrupted.split()
    assert len(words) == len(corrupted)
    assert words != corrupted
    assert set(mechanism.off) <= {part.kind for part in mechanism.planted}


def test_ties_count_against_the_planted() -> None:
    """Scores that are all alike find nothing, and neither does noise below the fifth decimal."""
    planted = tuple(part for part in MECHANISMS["negation"].planted if part.kind == "neuron")
    real = grids(MECHANISMS["negation"], "neuron").exact
    assert len(planted) == 2
    for nothing in (np.zeros_like(real), real * 1e-8):
        assert Grids(planted, real, nothing).hits(nothing) == 0


def test_residual_parts_are_not_patched_at_once() -> None:
    """Later ones hold what earlier ones bring."""
    with pytest.raises(ValueError, match="resid"):
        together(MECHANISMS["copy"], "resid")
