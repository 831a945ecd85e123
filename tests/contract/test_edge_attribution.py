"""On models of known mechanism the planted edges are found, checked and told apart; on others scores equal their meaning."""

from __future__ import annotations

import copy
from typing import Any, Final

import numpy as np
import pytest
import torch

from xai_widgets.adapters.tiny import tiny
from xai_widgets.core.circuit import PATHS, Graph
from xai_widgets.core.context import Context
from xai_widgets.core.errors import CancelledError, CapabilityError, ModelError, ValueRefusedError
from xai_widgets.core.patching import Contrast
from xai_widgets.core.registry import INSPECTORS
from xai_widgets.testing.mechanisms import MECHANISMS, Mechanism
from xai_widgets.testing.planted import hits
from xai_widgets.testing.traces import differences, snapshot

every = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
FLAT: Final = {
    "saturated": "the unit is flat at the clean prompt, so no gradient comes back through it",
    "redundant": "the unit is flat at the clean prompt, so no gradient comes back through it",
}
"""Mechanisms whose planted edges EAP does not find, and why. EAP-IG finds all."""


def of(mechanism: Mechanism) -> Any:
    """The inspector of a mechanism's two prompts."""
    lm, question = mechanism.adapter, mechanism.question
    other = question.target.contrast_ids[0] if question.target.contrast_ids else None
    return INSPECTORS["edge_attribution"](
        lm, question.tokens, lm.tokenize(mechanism.corrupted), Contrast(question.target.ids[0], other)
    )


def keys(graph: Graph) -> list[tuple[str, str, str]]:
    """(source, target, path) of each edge."""
    names = [node.name for node in graph.nodes]
    return [(names[s], names[t], PATHS[p]) for s, t, p in zip(graph.sources, graph.targets, graph.paths, strict=True)]


@every
def test_each_planted_edge_brings_what_it_should(mechanism: Mechanism) -> None:
    """Path patching of one edge, as a share of the difference, against paper; no other edge brings as much as the least of them."""
    asked = of(mechanism)
    graph = asked.graph(Context())
    clean, cut = asked.ends
    lost = {key: asked.edge(graph, i, Context())[0] / (clean - cut) for i, key in enumerate(keys(graph))}
    for edge in mechanism.edges:
        assert lost[edge.key] == pytest.approx(edge.brings, abs=1e-3), edge.key
    assert hits({edge.key for edge in mechanism.edges}, lost) == len(mechanism.edges)


@every
def test_integrated_gradients_find_the_planted_edges(mechanism: Mechanism) -> None:
    """Of k planted edges the k strongest by EAP-IG are all; EAP's misses are those where a unit is flat."""
    asked = of(mechanism)
    planted = {edge.key for edge in mechanism.edges}
    found = {}
    for method in ("eap", "eap_ig"):
        graph = asked.graph(Context(), method, 8)
        found[method] = hits(planted, dict(zip(keys(graph), graph.scores.tolist(), strict=True)))
    assert found["eap_ig"] == len(planted)
    assert (found["eap"] < len(planted)) == (mechanism.name in FLAT)


@every
def test_the_planted_circuit_is_the_answer(mechanism: Mechanism) -> None:
    """Alone it keeps all of the difference, and without it nothing is left; pruning the whole model leaves no other edge."""
    asked = of(mechanism)
    graph = asked.graph(Context())
    planted = {edge.key for edge in mechanism.edges}
    chosen = np.array([key in planted for key in keys(graph)])
    assert graph.connected(chosen).sum() == len(planted), "all of them are on a way from the input to the logits"
    check = asked.check(graph, len(planted), chosen, Context())
    assert check.faithfulness == pytest.approx(1.0, abs=1e-3)
    assert check.completeness == pytest.approx(0.0, abs=1e-3)
    kept = asked.pruned(graph, np.ones(len(graph), dtype=bool), 0.01, Context())
    assert {key for key, keep in zip(keys(graph), kept, strict=True) if keep} == planted


@pytest.fixture(scope="module")
def asked() -> Any:
    """Two prompts on a tiny random model."""
    lm = tiny("llama")
    clean, corrupted = (lm.tokenize(text) for text in ("the cat sat on it", "the dog sat on it"))
    return INSPECTORS["edge_attribution"](lm, clean, corrupted, Contrast(65, 90))


def test_the_model_itself_and_nothing(asked: Any) -> None:
    """All edges are 1, none is 0, whatever else there is; the curve's ends are what the prompts say."""
    graph = asked.graph(Context(), "eap")
    everything = np.ones(len(graph), dtype=bool)
    whole = asked.check(graph, len(graph), everything, Context())
    assert whole.faithfulness == pytest.approx(1.0, abs=1e-4)
    assert whole.completeness == pytest.approx(0.0, abs=1e-4)
    nothing = asked.check(graph, 0, ~everything, Context())
    assert nothing.faithfulness == pytest.approx(0.0, abs=1e-4)
    assert nothing.completeness == pytest.approx(1.0, abs=1e-4)
    assert abs(graph.scores).tolist() == sorted(abs(graph.scores), reverse=True)
    assert len(graph) == int(asked.run(Context()).reads.sum())


class Elsewhere(torch.Tensor):
    """A tensor of another device: it goes together with nothing of this one until it is brought here."""

    def __and__(self, _other: Any) -> Any:
        raise RuntimeError("Expected all tensors to be on the same device")

    def cpu(self, *_: Any, **__: Any) -> torch.Tensor:
        return self.as_subclass(torch.Tensor)


class Remote:
    """A run whose edges are on another device; like the real one it takes cuts from anywhere."""

    def __init__(self, run: Any) -> None:
        self.run, self.reads = run, run.reads.as_subclass(Elsewhere)

    def cut(self, cuts: torch.Tensor, context: Context) -> torch.Tensor:
        return self.run.cut(cuts.as_subclass(torch.Tensor), context)


def test_a_check_mixes_no_devices(asked: Any) -> None:
    """Edges are chosen where their scores are (the CPU), whichever device the model is on."""
    graph = asked.graph(Context(), "eap")
    expected = asked.check(graph, 40, graph.strongest(40), Context())
    there = copy.copy(asked)
    there._run = Remote(asked.run(Context()))
    found = there.check(graph, 40, graph.strongest(40), Context())
    assert found.faithfulness == pytest.approx(expected.faithfulness, abs=1e-5)
    assert found.completeness == pytest.approx(expected.completeness, abs=1e-5)


def test_scores_of_a_linear_reader_are_exact(asked: Any) -> None:
    """An edge into the logits is linear up to the final norm's scale: cut alone it loses nearly its score, and exactly what is said."""
    graph = asked.graph(Context(), "eap_ig", 32)
    last = len(graph.nodes) - 1
    direct = [i for i in range(len(graph)) if graph.targets[i] == last][:6]
    for i in direct:
        value, before, after = asked.edge(graph, i, Context())
        assert value == pytest.approx((before[65] - before[90]) - (after[65] - after[90]), abs=1e-4)
    values = np.array([asked.edge(graph, i, Context())[0] for i in direct])
    assert np.corrcoef(values, graph.scores[direct])[0, 1] > 0.9


def test_pruning_keeps_what_matters_more_than_its_threshold(asked: Any) -> None:
    """A lower threshold keeps at least as much of the difference; nothing is kept that is on no way to the logits."""
    graph = asked.graph(Context())
    start = graph.strongest(60)
    told: list[np.ndarray] = []
    loose = asked.pruned(graph, start, 0.05, Context(), told.append)
    tight = asked.pruned(graph, start, 0.005, Context())
    assert told
    assert loose.sum() <= tight.sum() <= start.sum()
    assert (graph.connected(tight) == tight).all()
    whole = asked.check(graph, 60, start, Context()).faithfulness
    left = asked.check(graph, int(tight.sum()), tight, Context()).faithfulness
    assert abs(left - whole) <= 0.005 * (start.sum() - tight.sum()) + 1e-3, (
        "each edge taken away changed it by less than that"
    )


def test_refusals_and_no_trace() -> None:
    """Nothing to explain, an edge that is not there, other weights, a model without attention; cancelled without a trace."""
    lm = tiny("llama")
    before = snapshot(lm.model)
    same = INSPECTORS["edge_attribution"](lm, lm.tokenize("abc"), lm.tokenize("abc"), Contrast(5, 6))
    with pytest.raises(ValueRefusedError, match="nothing to explain"):
        same.graph(Context())
    with pytest.raises(CancelledError):
        same.graph(Context(is_cancelled=lambda: True))
    two = INSPECTORS["edge_attribution"](lm, lm.tokenize("the cat"), lm.tokenize("the dog"), Contrast(5, 6))
    graph = two.graph(Context(), "eap")
    with pytest.raises(ValueRefusedError, match="0 to"):
        two.edge(graph, len(graph), Context())
    assert differences(before, snapshot(lm.model)) == []
    next(lm.model.parameters()).data.mul_(1.5)
    with pytest.raises(ModelError, match="changed"):
        two.graph(Context(), "eap")
    with pytest.raises(CapabilityError, match="without attention"):
        INSPECTORS["edge_attribution"](tiny("mamba"), lm.tokenize("a"), lm.tokenize("b"), Contrast(5, 6))
