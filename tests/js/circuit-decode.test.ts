import { describe, expect, test } from "vitest";
import { type InventedNode, inventCircuit } from "../../js/gallery/circuit.ts";
import { DecodeError } from "../../js/src/protocol/arrays.ts";
import { VersionError } from "../../js/src/protocol/decode.ts";
import { type CircuitAnswer, decodeCircuit } from "../../js/src/protocol/decode-circuit.ts";
import type { CircuitPacked } from "../../js/src/protocol/generated.ts";
import * as picture from "../../js/src/state/circuit-picture.ts";
import { graphOf } from "../../js/src/views/circuit/graph-of.ts";
import { drawnName, edgeName, fullName } from "../../js/src/views/circuit/names.ts";
import { share } from "../../js/src/views/circuit/words.ts";
import { bytes } from "./mounting.ts";

const read = (packed: CircuitPacked) => decodeCircuit(packed) as CircuitAnswer;

function changed(fields: object, buffers: Record<number, DataView> = {}): CircuitPacked {
  const { packed } = inventCircuit();
  return {
    snapshot: packed.snapshot && { ...packed.snapshot, ...fields },
    buffers: packed.buffers.map((buffer, i) => buffers[i] ?? buffer),
  };
}

/** Nodes by "kind layer", edges as [from, to, score], the strongest first. */
function small(kinds: readonly string[], edges: readonly (readonly [number, number, number])[], method = "eap") {
  const answer = read(inventCircuit().packed);
  const split = kinds.map((k) => k.split(" "));
  return {
    ...answer,
    snapshot: {
      ...answer.snapshot,
      method,
      kinds: split.map(([kind]) => kind),
      names: kinds,
      labels: kinds.map(() => ""),
      n_edges: edges.length,
    },
    layers: Int32Array.from(split, ([, layer]) => Number(layer)),
    index: Int32Array.from(kinds, () => 0),
    pos: Int32Array.from(kinds, () => -1),
    sources: Int32Array.from(edges, ([from]) => from),
    targets: Int32Array.from(edges, ([, to]) => to),
    paths: new Uint8Array(edges.length),
    scores: Float32Array.from(edges, ([, , score]) => score),
    exact: new Float32Array(edges.length).fill(Number.NaN),
    kept: new Uint8Array(edges.length).fill(1),
  } as CircuitAnswer;
}

describe("what arrives", () => {
  test("nothing yet is nothing", () => {
    expect(decodeCircuit({ snapshot: null, buffers: [] })).toBeNull();
    expect(decodeCircuit(null)).toBeNull();
  });
  test("arrays of nodes and of edges", () => {
    const invented = inventCircuit({ layers: 3, heads: 2, edges: 20 });
    const answer = read(invented.packed);
    expect(answer.layers.length).toBe(2 + 3 * 3);
    expect([...answer.sources]).toEqual(invented.edges.map((e) => e.source));
    expect([...answer.paths]).toEqual(invented.edges.map((e) => e.path));
    expect(answer.curve.length % 4).toBe(0);
    expect(answer.source?.tokens.text[3]).toBe(" Italy");
  });
  test("of a file: one prompt and no second", () => {
    const answer = read(inventCircuit({ file: { features: 20 }, edges: 40 }).packed);
    expect(answer.source).toBeNull();
    expect(answer.snapshot.clean).toBeNull();
  });
  test("a graph without edges is one", () => {
    const answer = read(inventCircuit({ edges: 0 }).packed);
    expect(picture.edgeCount(answer)).toBe(0);
  });
  test("another version is said to be one", () => {
    expect(() => read(changed({ v: 2 }))).toThrow(VersionError);
  });
  const { snapshot } = inventCircuit().packed;
  test.each([
    ["no nodes", { names: [], kinds: [], labels: [] }],
    ["a kind too few", { kinds: snapshot?.kinds.slice(1) }],
    ["a label too few", { labels: snapshot?.labels.slice(1) }],
    ["scores of another number of edges", { scores: { ...snapshot?.scores, shape: [3] } }],
    ["a curve of three columns", { curve: { ...snapshot?.curve, shape: [4, 3] } }],
  ])("refused: %s", (_, fields) => {
    expect(() => read(changed(fields as object))).toThrow(DecodeError);
  });
  test("refused: an edge to a node that is not there, and a way of reading there is none of", () => {
    const { targets, paths } = snapshot as NonNullable<typeof snapshot>;
    const far = bytes(new Int32Array(400).fill(100_000));
    expect(() => read(changed({}, { [targets.buffer]: far }))).toThrow(/edge 0 goes from/);
    expect(() => read(changed({}, { [paths.buffer]: bytes(new Uint8Array(400).fill(4)) }))).toThrow(/read in way 4/);
  });
});

describe("a circuit of the strongest edges", () => {
  const KINDS = ["embedding -1", "head 0", "head 1", "mlp 1", "logits 2"];
  test("are those on a way from the input to the logits", () => {
    const answer = small(KINDS, [
      [0, 1, 9],
      [2, 4, -8],
      [1, 3, 7],
      [3, 4, 6],
      [1, 2, 5],
    ]);
    expect([...picture.keptByRank(answer, 3)]).toEqual([0, 0, 0, 0, 0]);
    expect([...picture.keptByRank(answer, 4)]).toEqual([1, 0, 1, 1, 0]);
    expect([...picture.keptByRank(answer, 5)]).toEqual([1, 1, 1, 1, 1]);
    expect([...picture.keptByRank(answer, 500)]).toEqual([1, 1, 1, 1, 1]);
  });
  test("are what the invented kernel keeps, of every size", () => {
    const invented = inventCircuit();
    const answer = read(invented.packed);
    for (const size of [1, 17, 60, 200, 400])
      expect([...picture.keptByRank(answer, size)]).toEqual([...invented.kept(size)]);
  });
  test("of a file begin wherever nothing comes before, of a model at the embedding only", () => {
    const edges = [
      [1, 2, 3],
      [2, 3, 2],
    ] as const;
    const kinds = ["embedding -1", "feature 0", "feature 1", "logits 2"];
    expect([...picture.keptByRank(small(kinds, edges, "file"), 2)]).toEqual([1, 1]);
    expect([...picture.keptByRank(small(kinds, edges), 2)]).toEqual([0, 0]);
  });
  test("of a file of which only a part is here begin at what is an input for certain", () => {
    const edges = [
      [1, 2, 3],
      [2, 3, 2],
    ] as const;
    const answer = small(["embedding -1", "feature 0", "feature 1", "logits 2"], edges, "file");
    const part = { ...answer, snapshot: { ...answer.snapshot, n_edges: 5000 } };
    expect([...picture.keptByRank(part, 2)]).toEqual([0, 0]);
  });
  test("edges around a node, in and out, and how many are not kept", () => {
    const answer = small(KINDS, [
      [0, 1, 9],
      [1, 3, 7],
      [1, 2, 5],
    ]);
    const kept = Uint8Array.from([1, 1, 0]);
    expect(picture.aroundOf(answer, kept, 1)).toEqual({ into: [0], out: [1], others: 1 });
  });
  test("full ink is the strongest score; none gives a scale too", () => {
    expect(picture.topScore(small(KINDS, [[0, 1, -9]]))).toBe(9);
    expect(picture.topScore(small(KINDS, []))).toBe(1);
  });
});

describe("names", () => {
  test("of heads, MLPs, ends; edges with the way they are read", () => {
    const answer = read(inventCircuit({ layers: 2, heads: 3 }).packed);
    expect(drawnName(answer, 0)).toEqual({ label: "embedding", short: "emb" });
    expect(drawnName(answer, 2)).toEqual({ label: "0.1", short: "1" });
    expect(drawnName(answer, 4)).toEqual({ label: "MLP 0", short: "M" });
    expect(fullName(answer, 2)).toBe("head 0.1");
    const edge = answer.paths.indexOf(2);
    expect(edgeName(answer, edge)).toMatch(/^(embedding|head|MLP).* → head \d\.\d, as key$/);
  });
  test("of attention whose heads can't be told apart: it has a place of its own beside the MLP", () => {
    const node = (kind: string, layer: number): InventedNode => ({
      kind,
      layer,
      index: -1,
      pos: -1,
      name: kind,
      label: "",
    });
    const nodes = [
      node("embedding", -1),
      node("attn", 0),
      node("mlp", 0),
      node("attn", 1),
      node("mlp", 1),
      node("logits", 2),
    ];
    const answer = read(inventCircuit({ nodes, edges: 6 }).packed);
    expect(fullName(answer, 3)).toBe("attention 1");
    const { nodes: drawn } = graphOf(answer, { all: true, node: null });
    expect(drawn.map((n) => n.order)).toEqual([-1, 0, 1, 0, 1, -1]);
  });
  test("of features: the label with its place, else the number; hostile text is text", () => {
    const node = (label: string): InventedNode => ({ kind: "feature", layer: 3, index: 77, pos: 2, name: "n", label });
    const nodes = [node("<script>x</script>"), node(""), { ...node(" Paris"), kind: "logits", layer: 9 }];
    const answer = read(inventCircuit({ method: "file", nodes, edges: 2 }).packed);
    expect(fullName(answer, 0)).toBe("<script>x</script> at “from” (2)");
    expect(fullName(answer, 1)).toBe("feature 3.77 at “from” (2)");
    expect(fullName(answer, 2)).toBe("logit of “Paris” at “from” (2)");
    expect(drawnName(answer, 1)).toEqual({ label: "#77", short: "77" });
  });
  test("shares have two digits and a true minus", () => {
    expect([0.934, -0.104, -0.001, 1.2].map(share)).toEqual(["0.93", "−0.10", "0.00", "1.20"]);
  });
});

describe("the graph", () => {
  test("has a band for each layer between the input and the logits, a place for each head, MLPs beside them", () => {
    const graph = graphOf(read(inventCircuit({ layers: 2, heads: 3 }).packed), { all: false, node: null });
    expect(graph.rows).toEqual(["embed", "0", "1", "logits"]);
    expect(graph.columns).toEqual([]);
    expect(graph.nodes.map(({ row, order }) => [row, order])).toEqual(
      [[0, -1], [1, 0], [1, 1], [1, 2], [1, 3], [2, 0], [2, 1], [2, 2], [2, 3], [3, -1]], // biome-ignore format: a table
    );
  });
  test("has positions with their tokens, where nodes have any", () => {
    const graph = graphOf(read(inventCircuit({ file: { features: 20 }, edges: 40 }).packed), {
      all: false,
      node: null,
    });
    expect(graph.columns.slice(0, 4)).toEqual(["Paul", "comes", "from", "France"]);
    expect(graph.nodes[1]?.column).toBe(1);
  });
  test("reads query, key and value apart at one head or at all", () => {
    const answer = read(inventCircuit({ layers: 2, heads: 3 }).packed);
    const apart = (all: boolean, node: number | null) =>
      graphOf(answer, { all, node }).nodes.flatMap((n, i) => (n.apart ? [i] : []));
    expect(apart(false, 2)).toEqual([2]);
    expect(apart(false, 4)).toEqual([]);
    expect(apart(true, null)).toEqual([1, 2, 3, 5, 6, 7]);
  });
});
