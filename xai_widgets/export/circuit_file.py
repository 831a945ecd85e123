"""A circuit as a JSON file, and the graph files of circuit-tracer. Opening one reads data and can run nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np

from xai_widgets.core.ask import Ask, NextToken
from xai_widgets.core.circuit import PATHS, Check, Circuit, Graph, Node, NodeKind
from xai_widgets.core.errors import FileError
from xai_widgets.core.tokens import Tokens
from xai_widgets.protocol.codec import decode_input, encode_input

FORMAT: Final = "xai_widgets circuit"
VERSION: Final = 1
_OUTPUT: Final = re.compile(r'Output "(.*)" \(p=', re.DOTALL)
"""How it labels the nodes of tokens that may come next."""
_FOREIGN: Final[Mapping[str, NodeKind]] = {
    "cross layer transcoder": "feature",
    "mlp reconstruction error": "error",
    "embedding": "token",
    "logit": "logits",
}
"""What circuit-tracer calls its nodes."""


def save(circuit: Circuit, path: str | Path, n_edges: int = 20_000) -> Path:
    """Write a circuit and its strongest edges (all kept ones among them); what was there is replaced only once all is written."""
    target = Path(path)
    last_kept = int(np.flatnonzero(circuit.kept).max(initial=-1)) + 1
    graph = circuit.graph.first(max(n_edges, last_kept))
    kept = circuit.kept[: len(graph)]
    content = {
        "format": FORMAT,
        "version": VERSION,
        "model": circuit.model,
        "method": circuit.method,
        "steps": circuit.steps,
        "threshold": circuit.threshold,
        "size": circuit.size,
        "clean": None if circuit.clean is None else encode_input(circuit.clean),
        "corrupted": None if circuit.corrupted is None else encode_input(circuit.corrupted),
        "base": _tokens(circuit.base),
        "source": None if circuit.source is None else _tokens(circuit.source),
        "target": None if circuit.target is None else asdict(circuit.target),
        "other": None if circuit.other is None else asdict(circuit.other),
        "ends": circuit.ends,
        "check": None if circuit.check is None else asdict(circuit.check),
        "curve": [asdict(c) for c in circuit.curve],
        "n_edges": max(circuit.n_edges, len(circuit.graph)),
        "title": circuit.title,
        "nodes": [asdict(n) for n in graph.nodes],
        "edges": [
            [int(s), int(t), PATHS[int(p)], float(w), None if np.isnan(x) else float(x), bool(k)]
            for s, t, p, w, x, k in zip(
                graph.sources, graph.targets, graph.paths, graph.scores, graph.exact, kept, strict=True
            )
        ],
    }
    partial = target.with_name(target.name + ".partial")
    partial.write_text(json.dumps(content, allow_nan=False, ensure_ascii=False), encoding="utf-8")
    partial.replace(target)
    return target


def is_one(path: str | Path) -> bool:
    """Whether a file is JSON text, as circuits are and answers are not."""
    try:
        with Path(path).open("rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except OSError:
        return False


def open_file(path: str | Path) -> Circuit:
    """Read a file of `save`, or a graph file of circuit-tracer.

    Raises:
        FileError: it is not there, damaged, of another kind, or from a newer version.
    """
    source = Path(path)
    try:
        content = json.loads(source.read_text(encoding="utf-8-sig"))
        if not isinstance(content, dict):
            raise TypeError("not an object")
        if content.get("format") == FORMAT:
            if int(content["version"]) > VERSION:
                raise FileError(
                    "The file is from a newer version.", given=f"version {content['version']}", accepted=f"up to {VERSION}",
                    hint="upgrade xai_widgets",
                )  # fmt: skip
            return _own(content, source.name)
        if "nodes" in content and "links" in content:
            return _foreign(content, source.name)
    except FileNotFoundError as error:
        raise FileError(
            "There is no such file.", given=source.name, accepted="a file written by save", hint="check the path"
        ) from error
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise FileError(
            "The file can't be read as a graph.", given=f"{source.name}: {type(error).__name__}: {str(error)[:100]}",
            accepted="a file written by Circuit.save, or a graph file of circuit-tracer (JSON)", hint="save it again",
        ) from error  # fmt: skip
    raise FileError(
        "The file is no graph.", given=source.name,
        accepted="a file written by Circuit.save, or a graph file of circuit-tracer (JSON with nodes and links)", hint="check the path",
    )  # fmt: skip


def _tokens(tokens: Tokens) -> dict[str, Any]:
    return {"texts": list(tokens.texts), "ids": tokens.ids.tolist()}


def _own(content: Mapping[str, Any], name: str) -> Circuit:
    edges = content["edges"]
    graph = Graph(
        tuple(_node(n) for n in content["nodes"]),
        _column(edges, 0, np.int32), _column(edges, 1, np.int32),
        np.array([PATHS.index(e[2]) for e in edges], dtype=np.uint8), _column(edges, 3, np.float32),
        np.array([np.nan if e[4] is None else e[4] for e in edges], dtype=np.float32),
    )  # fmt: skip
    _within(graph)
    source = content["source"]
    return Circuit(
        graph,
        _column(edges, 5, np.bool_),
        int(content["size"]),
        _one_of(content["method"], ("eap", "eap_ig", "acdc", "file")),
        int(content["steps"]),
        _read(content["base"]),
        None if source is None else _read(source),
        _ask(content["clean"]),
        _ask(content["corrupted"]),
        _next(content["target"]),
        _next(content["other"]),
        None if content["ends"] is None else (_finite(content["ends"][0]), _finite(content["ends"][1])),
        None if content["check"] is None else _check(content["check"]),
        tuple(_check(c) for c in content["curve"]),
        int(content["n_edges"]),
        _finite(content["threshold"]),
        str(content["title"]) or name,
        str(content["model"]),
    )


def _node(given: Mapping[str, Any]) -> Node:
    layer, index, pos = (int(given[name]) for name in ("layer", "index", "pos"))
    return Node(_one_of(given["kind"], get_args(NodeKind)), layer, index, pos, str(given["label"]))


def _read(given: Mapping[str, Any]) -> Tokens:
    texts, ids = given["texts"], given["ids"]
    if len(texts) != len(ids):
        raise ValueError(f"{len(texts)} tokens with {len(ids)} ids")
    return Tokens.of_texts(texts, ids)


def _next(given: Any) -> NextToken | None:  # noqa: ANN401 - JSON
    if given is None:
        return None
    return NextToken(int(given["id"]), str(given["text"]), _finite(given["prob"]), _finite(given["logit"]))


def _check(given: Mapping[str, Any]) -> Check:
    shares = (_finite(given[name]) for name in ("faithfulness", "completeness"))
    return Check(int(given["asked"]), int(given["kept"]), *shares)


def _finite(given: Any) -> float:  # noqa: ANN401 - JSON
    if not np.isfinite(number := float(given)):
        raise ValueError("a number that is not finite")
    return number


def _one_of(given: Any, known: Sequence[Any]) -> Any:  # noqa: ANN401 - one of literals
    if given not in known:
        raise ValueError(f"{str(given)[:40]!r} is none of {', '.join(known)}")
    return given


def _ask(given: Any) -> Ask | None:  # noqa: ANN401 - JSON
    return None if given is None or given["kind"] == "ids" else Ask(source=decode_input(given))


def _foreign(content: Mapping[str, Any], name: str) -> Circuit:
    """A graph of circuit-tracer: transcoder features, errors and tokens at positions, with direct effects as weights."""
    meta = content.get("metadata") or {}
    texts = [str(t) for t in meta.get("prompt_tokens") or []]
    given = content["nodes"]
    layers = [int(n["layer"]) for n in given if str(n["layer"]).isdigit() and n["feature_type"] != "logit"]
    last = max(layers, default=-1) + 1
    groups = {i: str(group[0]) for group in (content.get("qParams") or {}).get("supernodes") or [] for i in group[1:]}
    nodes: list[Node] = []
    place: dict[str, int] = {}
    for n in sorted(given, key=lambda n: _order(n, last)):
        kind = _FOREIGN.get(str(n["feature_type"]), "feature")
        pos = int(n["ctx_idx"])
        label = str(n.get("clerp") or "") or groups.get(str(n["node_id"]), "")
        if kind == "token" and not label:
            label = texts[pos] if 0 <= pos < len(texts) else ""
        if kind == "logits" and (said := _OUTPUT.match(label)):
            label = said[1]
        place[str(n["node_id"])] = len(nodes)
        nodes.append(Node(kind, _layer(n, last), _feature(n, kind), pos, label))
    links = [e for e in content["links"] if str(e["source"]) in place and str(e["target"]) in place]
    graph = Graph.of(
        nodes,
        np.array([place[str(e["source"])] for e in links], dtype=np.int32),
        np.array([place[str(e["target"])] for e in links], dtype=np.int32),
        np.zeros(len(links), dtype=np.uint8),
        np.array([float(e["weight"]) for e in links], dtype=np.float32),
    )
    _within(graph)
    title = str(meta.get("slug") or name)
    return Circuit(
        graph, np.ones(len(graph), dtype=bool), len(graph), "file", 0, Tokens.of_texts(texts), title=title,
        n_edges=len(graph), model=str(meta.get("scan") or ""),
    )  # fmt: skip


def _order(node: Mapping[str, Any], last: int) -> tuple[int, int]:
    return _layer(node, last), int(node["ctx_idx"])


def _layer(node: Mapping[str, Any], last: int) -> int:
    if node["feature_type"] == "logit":
        return last
    return int(node["layer"]) if str(node["layer"]).isdigit() else -1


def _feature(node: Mapping[str, Any], kind: NodeKind) -> int:
    """Index of a feature in its layer, which the node's name holds: `layer_feature_position`."""
    if kind != "feature":
        return -1
    parts = str(node["node_id"]).split("_")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else int(node.get("feature") or -1)


def _column(edges: Sequence[Sequence[Any]], i: int, dtype: Any) -> np.ndarray:  # noqa: ANN401 - numpy's
    return np.array([e[i] for e in edges], dtype=dtype)


def _within(graph: Graph) -> None:
    """Edges between nodes that are there, with finite weights; numbers that the browser can be sent."""
    np.array([(node.layer, node.index, node.pos) for node in graph.nodes], dtype=np.int32)
    n = len(graph.nodes)
    for ends in (graph.sources, graph.targets):
        if len(ends) and not (int(ends.min()) >= 0 and int(ends.max()) < n):
            raise ValueError("an edge of a node that is not there")
    if not np.isfinite(graph.scores).all() or np.isinf(graph.exact).any():
        raise ValueError("a weight that is no number")
