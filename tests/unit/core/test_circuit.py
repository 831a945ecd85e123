"""Which edges of a graph are kept: by hand."""

import numpy as np
import pytest

from xai_widgets.core.circuit import Graph, Node

NODES = (
    Node("embedding", -1),
    Node("head", 0, 0),
    Node("head", 0, 1),
    Node("mlp", 0),
    Node("attn", 1),
    Node("logits", 2),
)
EDGES = [
    # source, target, path, score
    (0, 1, 3, 0.5), (1, 3, 0, -4.0), (3, 5, 0, 3.0), (0, 2, 1, 2.0), (2, 5, 0, 0.1), (0, 5, 0, 0.0), (4, 5, 0, 1.0), (3, 4, 2, 0.2),
]  # fmt: skip


@pytest.fixture
def graph():
    sources, targets, paths, scores = (np.array(column) for column in zip(*EDGES, strict=True))
    return Graph.of(NODES, sources, targets, paths, scores)


def named(graph, kept):
    names = [n.name for n in graph.nodes]
    return {(names[s], names[t]) for s, t, k in zip(graph.sources, graph.targets, kept, strict=True) if k}


def test_edges_stand_by_size_whatever_their_sign(graph):
    assert graph.scores.tolist() == pytest.approx([-4, 3, 2, 1, 0.5, 0.2, 0.1, 0])
    assert [n.name for n in NODES] == ["embedding", "head 0.0", "head 0.1", "MLP 0", "attention 1", "logits"]
    assert np.isnan(graph.exact).all()


def test_only_ways_from_input_to_output_are_kept(graph):
    assert not graph.strongest(4).any(), "what feeds head 0.0 is the fifth"
    assert named(graph, graph.strongest(5)) == {("embedding", "head 0.0"), ("head 0.0", "MLP 0"), ("MLP 0", "logits")}
    assert named(graph, graph.strongest(6)) == {
        ("embedding", "head 0.0"), ("head 0.0", "MLP 0"), ("MLP 0", "logits"), ("MLP 0", "attention 1"), ("attention 1", "logits"),
    }  # fmt: skip
    assert graph.strongest(len(EDGES)).all()
    assert not graph.connected(np.zeros(len(EDGES), dtype=bool)).any()


def test_an_edge_by_its_names(graph):
    index = graph.edge("MLP 0", "attention 1", "k")
    assert graph.scores[index] == pytest.approx(0.2)
    assert graph.edge("MLP 0", "attention 1", "q") == -1
    assert graph.edge("nobody", "logits") == -1


def test_the_first_edges_are_the_strongest(graph):
    few = graph.first(2)
    assert len(few) == 2
    assert few.nodes == NODES
