"""Circuits as files: what is written comes back; circuit-tracer's graphs are read; damage is said."""

import json
from pathlib import Path

import numpy as np
import pytest

import xai_widgets as xw
from xai_widgets.adapters.tiny import byte_tokenizer, tiny
from xai_widgets.core.errors import FileError
from xai_widgets.export.circuit_file import FORMAT, is_one, open_file

FOREIGN = Path(__file__).parents[2] / "fixtures" / "circuit_tracer" / "graph.json"


@pytest.fixture(scope="module")
def found():
    view = xw.Circuit(tiny("llama", tokenizer=byte_tokenizer()), "The cat", "The dog", target=65, contrast=90, size=40)
    view.now()
    return view


def test_what_is_saved_comes_back(found, tmp_path):
    path = found.save(tmp_path / "c.json")
    assert is_one(path)
    before, after = found.found, open_file(path)
    assert after.graph.nodes == before.graph.nodes
    for name in ("sources", "targets", "paths", "scores"):
        assert np.array_equal(getattr(after.graph, name), getattr(before.graph, name))
    assert np.array_equal(after.kept, before.kept)
    assert (after.check, after.curve, after.size) == (before.check, before.curve, 40)
    assert after.base.texts == before.base.texts
    assert (after.target, after.other) == (before.target, before.other)
    assert after.clean.source == "The cat"
    assert after.model == before.model
    shown = xw.open(path)
    assert shown.explanation["snapshot"]["names"][0] == "embedding"
    assert shown.explanation["snapshot"]["faithfulness"] == pytest.approx(before.check.faithfulness)
    assert "Circuit" in repr(shown)


def test_few_edges_can_be_saved_but_never_fewer_than_are_kept(found, tmp_path):
    from xai_widgets.export.circuit_file import save

    after = open_file(save(found.found, tmp_path / "few.json", n_edges=3))
    assert after.kept.sum() == found.found.kept.sum()
    assert len(after.graph) < len(found.graph)
    assert after.n_edges == len(found.graph)


def test_a_graph_of_circuit_tracer():
    circuit = open_file(FOREIGN)
    graph = circuit.graph
    assert circuit.method == "file"
    assert circuit.title == "dallas-austin"
    assert circuit.base.texts == ("Fact", ":", " <b>Dallas</b>", "\n", " capital")
    by_name = {n.name: n for n in graph.nodes}
    assert by_name["feature 0.4096"].pos == 2
    assert by_name["feature 2.90"].label == "says a capital"
    assert by_name["error 1"].pos == 4
    assert {n.layer for n in graph.nodes if n.kind == "logits"} == {3}
    assert {n.layer for n in graph.nodes if n.kind == "token"} == {-1}
    assert [n.label for n in graph.nodes if n.kind == "token"] == list(circuit.base.texts)
    assert sorted(graph.scores.tolist()) == pytest.approx([-1, -0.5, -0.25, 0.125, 0.5, 0.5, 0.75, 1.25, 1.5, 2])
    strongest = graph.nodes[graph.sources[0]], graph.nodes[graph.targets[0]]
    assert strongest[0].name == "feature 2.90"
    assert strongest[1].label == " Austin"
    assert circuit.kept.all()
    assert graph.strongest(len(graph)).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "can't be read"),
        ("[]", "can't be read"),
        ("{}", "no graph"),
        ('{"nodes": [], "links": 3}', "can't be read"),
        ('{"nodes": [{"node_id": "a"}], "links": []}', "can't be read"),
        (json.dumps({"format": FORMAT, "version": 99}), "newer version"),
        (json.dumps({"format": FORMAT, "version": 1}), "can't be read"),
    ],
)
def test_damage_is_said(text, said, tmp_path):
    path = tmp_path / "graph.json"
    path.write_text(text)
    with pytest.raises(FileError, match=said):
        open_file(path)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "x"}, {"method": "magic"}, {"threshold": float("nan")}, {"ends": [float("inf"), 0]}, {"steps": float("inf")},
        {"check": {"asked": 1, "kept": 1, "faithfulness": float("nan"), "completeness": 0}},
        {"curve": [{"asked": "a", "kept": 1, "faithfulness": 1, "completeness": 0}]},
        {"base": {"texts": ["a"], "ids": [1, 2]}}, {"target": {"id": 1, "text": "a", "prob": "x", "logit": 0}},
        {"edges": [[10**12, 1, "", 1, None, True]]}, {"edges": [[0, 1, "", 1, float("inf"), True]]},
        {"nodes": [{"kind": "magic", "layer": 0, "index": 0, "pos": 0, "label": ""}] * 20},
        {"nodes": [{"kind": "head", "layer": 10**12, "index": 0, "pos": 0, "label": ""}] * 20},
    ],
    ids=str,
)  # fmt: skip
def test_fields_that_make_no_sense(found, change, tmp_path):
    path = found.save(tmp_path / "c.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(FileError, match="can't be read"):
        open_file(path)


def test_a_file_of_brackets(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text('{"a": ' + "[" * 100_000)
    with pytest.raises(FileError, match="can't be read"):
        open_file(path)


def test_edges_of_nodes_that_are_not_there(found, tmp_path):
    path = found.save(tmp_path / "c.json")
    content = json.loads(path.read_text())
    content["edges"][0][0] = 10_000
    path.write_text(json.dumps(content))
    with pytest.raises(FileError, match="not there"):
        open_file(path)
    with pytest.raises(FileError, match="no such file"):
        open_file(tmp_path / "nowhere.json")
