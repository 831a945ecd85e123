/** Invented circuits: of a model of so many layers, and of a file with features at positions; and a kernel that answers about them. */
import type {
  ArrayHeader,
  CandidateRow,
  CircuitPacked,
  CircuitRequest,
  CircuitSnapshot,
  Packed,
  TokenColumns,
} from "../src/protocol/generated.ts";
import type { FakeModel } from "./fake-model.ts";
import { packed } from "./fixtures.ts";
import { answerId, says, sentence } from "./patching.ts";

export interface InventedNode {
  readonly name: string;
  readonly kind: string;
  readonly layer: number;
  readonly index: number;
  readonly pos: number;
  readonly label: string;
}

export interface InventedEdge {
  readonly source: number;
  readonly target: number;
  readonly path: number;
  readonly score: number;
  readonly exact: number;
}

export interface CircuitSpec {
  layers?: number;
  heads?: number;
  /** Edges that are sent. */
  edges?: number;
  size?: number;
  method?: CircuitSnapshot["method"];
  clean?: readonly string[];
  corrupted?: readonly string[];
  /** Whether sizes were run. */
  curve?: boolean;
  nodes?: readonly InventedNode[];
  /** Nodes of a file, with features at positions. */
  file?: { readonly features: number };
  fields?: Partial<CircuitSnapshot>;
}

export interface InventedCircuit {
  readonly spec: CircuitSpec;
  readonly packed: CircuitPacked;
  readonly nodes: readonly InventedNode[];
  readonly edges: readonly InventedEdge[];
  kept(size: number): Uint8Array;
}

const noise = (...seed: number[]) => {
  let x = 0.5;
  for (const s of seed) x = (Math.sin(x * 91.7 + s * 12.9898) * 43758.5453) % 1;
  return Math.abs(x);
};

const node = (kind: string, layer: number, index: number, name: string, pos = -1, label = ""): InventedNode => {
  return { kind, layer, index, name, pos, label };
};

function ofModel(layers: number, heads: number): InventedNode[] {
  const nodes = [node("embedding", -1, -1, "embed")];
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) nodes.push(node("head", layer, head, `a${layer}.h${head}`));
    nodes.push(node("mlp", layer, -1, `m${layer}`));
  }
  return [...nodes, node("logits", layers, -1, "logits")];
}

const LABELS = ["capital cities", "France", "location of", "say a name", "<script>alert(1)</script>", "ends of lists"];
const RTL = "עיר בירה";

/** Features at positions, what they leave out, tokens and two logits, as a file of circuit-tracer has them. */
function ofFile(layers: number, features: number, tokens: readonly string[]): InventedNode[] {
  const nodes = tokens.map((text, pos) => node("token", -1, pos, `token ${pos}`, pos, text));
  for (let i = 0; i < features; i++) {
    const layer = Math.floor((i / features) * layers);
    const pos = noise(i, 3) > 0.45 ? tokens.length - 1 : Math.floor(noise(i, 4) * tokens.length);
    const index = Math.floor(noise(i, 5) * 16_000);
    const label = i === 7 ? RTL : noise(i, 6) > 0.4 ? (LABELS[Math.floor(noise(i, 7) * LABELS.length)] ?? "") : "";
    const kind = noise(i, 8) > 0.93 ? "error" : "feature";
    nodes.push(node(kind, layer, kind === "error" ? -1 : index, `${kind} ${layer}/${index}`, pos, label));
  }
  const last = tokens.length - 1;
  return [
    ...nodes,
    node("logits", layers, 500, "logit Paris", last, " Paris"),
    node("logits", layers, 501, "logit Rome", last, " Rome"),
  ];
}

const isStart = ({ kind }: InventedNode) => kind === "embedding" || kind === "token" || kind === "error";

function edgesOf(nodes: readonly InventedNode[], count: number, exact: boolean): InventedEdge[] {
  const all: InventedEdge[] = [];
  // A few carry most of it, so that ways from end to end are among the strongest edges.
  const planted =
    nodes.filter((n) => n.kind === "head" || n.kind === "mlp" || n.kind === "feature").length > 40 ? 0.88 : 0.6;
  const strength = nodes.map((n, i) => {
    if (isStart(n) || n.kind === "logits") return 0.9;
    return noise(i, 11) > (n.kind === "mlp" ? planted - 0.25 : planted)
      ? 0.5 + 0.5 * noise(i, 12)
      : 0.3 * noise(i, 12) ** 2;
  });
  const follows = (a: InventedNode, b: InventedNode) =>
    (a.layer < b.layer || (a.layer === b.layer && a.kind === "head" && b.kind === "mlp")) &&
    !isStart(b) &&
    a.kind !== "logits" &&
    (a.pos < 0 || a.pos <= b.pos);
  for (const [source, a] of nodes.entries()) {
    for (const [target, b] of nodes.entries()) {
      if (!follows(a, b)) continue;
      for (const path of b.kind === "head" ? [1, 2, 3] : [0]) {
        const own = (strength[source] ?? 0) * (strength[target] ?? 0) * noise(source, target, path) ** 4;
        const score = own * (noise(source, target, path, 2) > 0.28 ? 1.9 : -1.2);
        const off = 0.75 + 0.4 * noise(source, target, path, 3);
        all.push({ source, target, path, score, exact: exact && own > 0.25 ? score * off : Number.NaN });
      }
    }
  }
  return all.sort((a, b) => Math.abs(b.score) - Math.abs(a.score)).slice(0, count);
}

/** Of the strongest those on a way from the input to the logits. */
function keptOf(
  nodes: readonly InventedNode[],
  edges: readonly InventedEdge[],
  size: number,
  file: boolean,
): Uint8Array {
  const some = edges.slice(0, size);
  const read = new Set(edges.map((e) => e.target));
  const down = new Set([...nodes.keys()].filter((i) => nodes[i] && (isStart(nodes[i]) || (file && !read.has(i)))));
  const up = new Set([...nodes.keys()].filter((i) => nodes[i]?.kind === "logits"));
  for (let i = 0; i < nodes.length; i++) {
    for (const { source, target } of some) {
      if (down.has(source)) down.add(target);
      if (up.has(target)) up.add(source);
    }
  }
  return Uint8Array.from(edges, (e, i) => (i < size && down.has(e.source) && up.has(e.target) ? 1 : 0));
}

const keeps = (count: number, all: number) => (count ? 1.04 - Math.exp(-count / (0.05 * all + 9)) : 0);

export function inventCircuit(spec: CircuitSpec = {}): InventedCircuit {
  const { layers = 12, heads = 12, edges: count = 400, clean = sentence("France"), curve = true } = spec;
  const method = spec.method ?? (spec.file ? "file" : "eap_ig");
  const file = method === "file";
  const corrupted = spec.corrupted ?? sentence("Italy");
  const nodes = spec.nodes ?? (spec.file ? ofFile(layers, spec.file.features, clean) : ofModel(layers, heads));
  const edges = edgesOf(nodes, count, !file);
  const size = Math.min(spec.size ?? 60, edges.length);
  const total = file ? edges.length : Math.max(edges.length, 12_345);
  const kept = (of: number) => keptOf(nodes, edges, of, file);
  const sum = (array: Uint8Array) => array.reduce((a, b) => a + b, 0);
  const own = kept(size);

  const buffers: DataView[] = [];
  const put = (dtype: ArrayHeader["dtype"], array: Float32Array | Int32Array | Uint8Array, shape?: number[]) => {
    buffers.push(new DataView(array.buffer));
    return { dtype, shape: shape ?? [array.length], buffer: buffers.length - 1 };
  };
  const ints = (values: readonly number[]) => put("int32", Int32Array.from(values));
  const columns = (tokens: readonly string[]): TokenColumns => {
    const of = packed({ tokens: [...tokens] });
    const given = of.snapshot?.tokens as TokenColumns;
    const ids = tokens.map((text) => [...text].reduce((sum, c) => (sum * 31 + (c.codePointAt(0) ?? 0)) | 0, 7));
    const moved = (header: ArrayHeader) => {
      buffers.push(of.buffers[header.buffer] as DataView);
      return { ...header, buffer: buffers.length - 1 };
    };
    return {
      ...given,
      id: ints(ids),
      start: moved(given.start),
      end: moved(given.end),
      unit: moved(given.unit),
      turn: moved(given.turn),
    };
  };
  const candidate = (text: string): CandidateRow =>
    says(1).find((c) => c.text === text) ?? { id: answerId(text), text, prob: 0, logit: 0 };
  const sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].filter((n) => n <= edges.length);
  const points = curve && !file ? sizes : [];
  const snapshot: CircuitSnapshot = {
    v: 1,
    revision: 0,
    kind: "circuit",
    title: "",
    clean: file ? null : { kind: "text", text: clean.join("") },
    corrupted: file ? null : { kind: "text", text: corrupted.join("") },
    base: columns(clean),
    source: file ? null : columns(corrupted),
    method,
    steps: 5,
    threshold: 0.01,
    names: nodes.map((n) => n.name),
    kinds: nodes.map((n) => n.kind),
    layers: ints(nodes.map((n) => n.layer)),
    index: ints(nodes.map((n) => n.index)),
    pos: ints(nodes.map((n) => n.pos)),
    labels: nodes.map((n) => n.label),
    sources: ints(edges.map((e) => e.source)),
    targets: ints(edges.map((e) => e.target)),
    paths: put(
      "uint8",
      Uint8Array.from(edges, (e) => e.path),
    ),
    scores: put(
      "float32",
      Float32Array.from(edges, (e) => e.score),
    ),
    exact: put(
      "float32",
      Float32Array.from(edges, (e) => e.exact),
    ),
    kept: put("uint8", own),
    n_edges: total,
    size,
    faithfulness: curve && !file ? keeps(sum(own), edges.length) : null,
    completeness: curve && !file ? 1 - 0.9 * keeps(sum(own), edges.length) : null,
    curve: put(
      "float32",
      Float32Array.from(
        points.flatMap((n) => {
          const count = sum(kept(n));
          return [n, count, keeps(count, edges.length), 1 - 0.9 * keeps(count, edges.length)];
        }),
      ),
      [points.length, 4],
    ),
    target: candidate(" Paris"),
    other: file ? null : candidate(" Rome"),
    base_value: file ? null : 4.4,
    source_value: file ? null : -3.1,
    base_candidates: file ? [] : says(1),
    source_candidates: file ? [] : says(0),
    model: { name: "invented/tiny-12x12", fingerprint: "9f3c21aa77d0e1b2", device: "cpu", dtype: "float32" },
    seconds: 6.2,
    created: "2026-01-01T00:00:00Z",
    code: file ? 'xw.Circuit("graph.json")' : `xw.Circuit(lm, ${JSON.stringify(clean.join(""))}, ...)`,
    ...spec.fields,
  };
  return { spec, packed: { snapshot, buffers }, nodes, edges, kept };
}

const words = (text: string | undefined) => text?.match(/\s*\S+/g) ?? [];

/** What a fake host answers to one request. */
export function replyCircuit(model: FakeModel, invented: InventedCircuit, ask: CircuitRequest): InventedCircuit {
  const { id, revision } = ask;
  if (model.get("status").state === "static") {
    model.say({ type: "no-kernel", id });
    return invented;
  }
  const { edges } = invented;
  if (ask.action === "keep") {
    const array = invented.kept(ask.size ?? 1);
    const count = array.reduce((a, b) => a + b, 0);
    const faithfulness = keeps(count, edges.length);
    const found = { size: ask.size, faithfulness, completeness: 1 - 0.9 * faithfulness };
    const header: ArrayHeader = { dtype: "uint8", shape: [array.length], buffer: 0 };
    const both = { before: says(1), after: says(faithfulness) };
    model.say({ type: "result", v: 1, id, revision, array: header, ...found, ...both } as never, [
      new DataView(array.buffer),
    ]);
    return invented;
  }
  if (ask.action === "edge") {
    const edge = edges[ask.edge ?? 0];
    const value = Number.isNaN(edge?.exact ?? Number.NaN) ? (edge?.score ?? 0) * 0.83 : (edge?.exact ?? 0);
    model.say({ type: "result", v: 1, id, revision, before: says(1), after: says(1 - value / 7.5), value } as never);
    return invented;
  }
  const old = invented.packed.snapshot as CircuitSnapshot;
  if (ask.clean && ask.clean.text === ask.corrupted?.text) {
    const error = {
      code: "target",
      problem: "Both prompts are the same, so there is no difference to explain.",
      given: `clean and corrupted ${JSON.stringify(ask.clean.text)}`,
      accepted: "two prompts with different answers",
      hint: "change a word of one of them",
    };
    model.say({ type: "error", v: 1, id, revision, error });
    return invented;
  }
  const next = inventCircuit({
    ...invented.spec,
    clean: words(ask.clean?.text ?? old.clean?.text),
    corrupted: words(ask.corrupted?.text ?? old.corrupted?.text),
    method: ask.method ?? old.method,
    fields: { ...invented.spec.fields, steps: ask.steps ?? old.steps },
  });
  const snapshot = next.packed.snapshot && { ...next.packed.snapshot, revision };
  model.set("explanation", circuitTrait({ ...next.packed, snapshot }));
  model.say({ type: "result", v: 1, id, revision });
  return next;
}

/** Let a fake host answer as this invented circuit would; `hold` keeps requests of these actions unanswered. */
export function serveCircuit(model: FakeModel, invented: InventedCircuit, hold: readonly string[] = []): void {
  let now = invented;
  model.answer = (message) => {
    if (message.type === "cancel" && message.id !== "probe") {
      queueMicrotask(() => model.say({ type: "cancelled", v: 1, id: message.id, revision: 0 }));
      return;
    }
    if (message.type !== "request") return;
    const ask = message as unknown as CircuitRequest;
    if (hold.includes(ask.action)) return;
    queueMicrotask(() => {
      now = replyCircuit(model, now, ask);
    });
  };
}

/** The trait under the type that all views share. */
export function circuitTrait(circuit: CircuitPacked): Packed {
  return circuit as unknown as Packed;
}
