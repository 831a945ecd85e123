/** From an answer to the graph that is drawn: bands, places along them, names. Values only, made once for each answer. */
import type { GraphEdge, GraphNode, Port, Shape } from "../../kit/layer-graph.ts";
import type { CircuitAnswer } from "../../protocol/decode-circuit.ts";
import { drawnName, told } from "./names.ts";

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly rows: readonly string[];
  readonly columns: readonly string[];
}

const SHAPES: Readonly<Record<string, Shape>> = {
  head: "head",
  attn: "head",
  mlp: "mlp",
  embedding: "input",
  token: "input",
  logits: "output",
  error: "error",
};

/** Kinds with a place of their own along every band. */
const PLACED: ReadonlySet<string> = new Set(["head", "attn", "mlp"]);

/** With more positions than this, those without a node are left out. */
const ALL_COLUMNS = 24;

interface Base extends Graph {
  readonly byApart: Map<string, readonly GraphNode[]>;
}
const made = new WeakMap<CircuitAnswer, Base>();

/** `apart`: whether a head reads query, key and value at places of their own. */
export function graphOf(answer: CircuitAnswer, apart: { readonly all: boolean; readonly node: number | null }): Graph {
  let base = made.get(answer);
  if (!base) {
    base = { ...baseOf(answer), byApart: new Map() };
    made.set(answer, base);
  }
  const { byApart, ...graph } = base;
  const key = JSON.stringify(apart);
  let nodes = byApart.get(key);
  if (!nodes) {
    nodes = graph.nodes.map((node, i) =>
      node.shape === "head" && (apart.all || i === apart.node) ? { ...node, apart: true } : node,
    );
    byApart.set(key, nodes);
  }
  return { ...graph, nodes };
}

function baseOf(answer: CircuitAnswer): Graph {
  const { kinds } = answer.snapshot;
  const depth = Math.max(0, ...answer.layers);
  const positions = positionsOf(answer);
  const columnOf = new Map(positions.map((pos, i) => [pos, i]));
  // Attention whose heads can't be told apart takes the place of one.
  const heads = 1 + Math.max(0, ...answer.index.filter((_, i) => kinds[i] === "head"));
  // What has no place of its own stands side by side.
  const counts = new Map<number, number>();
  const alone = new Map<number, number>();
  for (const [i, kind] of kinds.entries()) {
    if (PLACED.has(kind)) continue;
    const layer = answer.layers[i] ?? 0;
    alone.set(layer, (alone.get(layer) ?? 0) + 1);
  }
  const orderOf = (i: number) => {
    const kind = kinds[i];
    if (kind === "head" || kind === "attn") return Math.max(0, answer.index[i] ?? 0);
    if (kind === "mlp") return heads;
    const layer = answer.layers[i] ?? 0;
    if ((alone.get(layer) ?? 0) < 2) return -1;
    const at = counts.get(layer) ?? 0;
    counts.set(layer, at + 1);
    return at;
  };
  const nodes = kinds.map((kind, i): GraphNode => {
    const column = columnOf.get(answer.pos[i] ?? -1) ?? -1;
    return {
      ...drawnName(answer, i),
      shape: SHAPES[kind] ?? "feature",
      row: Math.max(0, (answer.layers[i] ?? 0) + 1),
      order: column < 0 ? orderOf(i) : -1,
      column,
      raised: kind === "mlp",
      apart: false,
    };
  });
  const edges = Array.from(answer.sources, (source, i): GraphEdge => {
    return {
      source,
      target: answer.targets[i] ?? 0,
      port: (answer.paths[i] ?? 0) as Port,
      value: answer.scores[i] ?? 0,
    };
  });
  const top = kinds.some((kind, i) => kind === "logits" && answer.layers[i] === depth) ? "logits" : String(depth);
  const rows = Array.from({ length: depth + 2 }, (_, row) =>
    row === 0 ? "embed" : row === depth + 1 ? top : String(row - 1),
  );
  const columns = positions.map((pos) => {
    const text = answer.base.tokens.text[pos];
    return text === undefined ? String(pos) : told(text);
  });
  return { nodes, edges, rows, columns };
}

function positionsOf({ pos, base }: CircuitAnswer): number[] {
  const used = [...new Set(pos)].filter((p) => p >= 0).sort((a, b) => a - b);
  const last = used.at(-1);
  if (last === undefined) return [];
  const count = Math.max(last + 1, base.ids.length);
  return count > ALL_COLUMNS ? used : Array.from({ length: count }, (_, i) => i);
}
