"""A fact of SmolLM2, traced: early MLPs at the name bring the answer back, late attention at the last token reads it (Meng et al. 2022, figure 1)."""

from __future__ import annotations

import numpy as np
import pytest

import xai_widgets as xw

pytestmark = pytest.mark.slow

PROMPT, NAME, ANSWER = "The capital of France is the city of", " France", " Paris"


def test_where_paris_comes_from() -> None:
    """The stream: at the name first, at the last token in the end, nowhere else. MLP and attention in windows of ten layers."""
    lm = xw.load()
    tokens = lm.tokenize(PROMPT)
    name, last = tokens.texts.index(NAME), len(tokens) - 1
    grids = {
        part: xw.Patching(lm, PROMPT, xw.Noise(NAME.strip(), samples=3), target=ANSWER, part=part).grid
        for part in ("resid", "attn_out", "mlp_out")
    }
    stream, attention, mlp = (grids[part].recovered for part in ("resid", "attn_out", "mlp_out"))
    usual = lm.candidates(tokens, 1)[0]
    assert usual.text == ANSWER
    assert grids["resid"].source == pytest.approx(usual.prob, abs=1e-4)
    assert grids["resid"].base < 0.1
    assert grids["resid"].source > 0.9
    third = lm.n_layers // 3
    assert stream[:third, name].min() > 0.9
    assert np.abs(stream[:third, last]).max() < 0.1
    assert stream[-third // 2 :, last].min() > 0.9
    assert np.abs(stream[-third // 2 :, name]).max() < 0.1
    assert np.abs(np.delete(stream, [name, last], axis=1)).max() < 0.1
    assert mlp[:3, name].min() > 0.9
    assert np.abs(attention[:, name]).max() < 0.1
    late = slice(lm.n_layers - third, lm.n_layers - third // 2)
    assert attention[late, last].min() > 0.6
    assert np.abs(attention[:third, last]).max() < 0.1
