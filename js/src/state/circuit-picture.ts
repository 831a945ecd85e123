/** From a circuit answer to what is in a circuit of some size, and what goes into and out of a node. Values only. */
import type { CircuitAnswer } from "../protocol/decode-circuit.ts";

/** What is pointed at or pinned: a node, or an edge. */
export type Thing = { readonly node: number } | { readonly edge: number };

export const isEdge = (thing: Thing): thing is { readonly edge: number } => "edge" in thing;
export const isFile = ({ snapshot }: CircuitAnswer) => snapshot.method === "file";
export const edgeCount = ({ scores }: CircuitAnswer) => scores.length;

/** How many entries are not zero. */
export const countOf = (kept: Uint8Array) => kept.reduce((sum, one) => sum + (one ? 1 : 0), 0);

/** Where a pass begins: what reads nothing. A file's graph was pruned, so there whatever has nothing before it, if all of it is here. */
function isStart(answer: CircuitAnswer, node: number, read: Uint8Array): boolean {
  const kind = answer.snapshot.kinds[node] ?? "";
  return (
    kind === "embedding" ||
    kind === "token" ||
    kind === "error" ||
    (isFile(answer) && !read[node] && edgeCount(answer) === answer.snapshot.n_edges)
  );
}

/**
 * Of the `size` strongest edges those on a way from the input to the logits [edge]: the kernel's rule, without its check of what
 * that circuit does.
 */
export function keptByRank(answer: CircuitAnswer, size: number): Uint8Array {
  const { sources, targets, snapshot } = answer;
  const count = Math.min(size, edgeCount(answer));
  const nodes = snapshot.kinds.length;
  const read = new Uint8Array(nodes);
  for (const target of targets) read[target] = 1;
  const fromInput = new Uint8Array(nodes).map((_, node) => (isStart(answer, node, read) ? 1 : 0));
  const toLogits = new Uint8Array(nodes).map((_, node) => (snapshot.kinds[node] === "logits" ? 1 : 0));
  // An edge may come before those it builds on, so again until nothing is added.
  let added = true;
  const spread = (reached: Uint8Array, from: number, to: number) => {
    if (!reached[from] || reached[to]) return;
    reached[to] = 1;
    added = true;
  };
  while (added) {
    added = false;
    for (let edge = 0; edge < count; edge++) {
      const [from = 0, to = 0] = [sources[edge], targets[edge]];
      spread(fromInput, from, to);
      spread(toLogits, to, from);
    }
  }
  return new Uint8Array(edgeCount(answer)).map((_, edge) =>
    edge < count && fromInput[sources[edge] ?? 0] && toLogits[targets[edge] ?? 0] ? 1 : 0,
  );
}

/** Edges into and out of a node, the strongest first, and how many others there are that are not kept. */
export interface Around {
  readonly into: readonly number[];
  readonly out: readonly number[];
  readonly others: number;
}

export function aroundOf({ sources, targets }: CircuitAnswer, kept: Uint8Array, node: number): Around {
  const into: number[] = [];
  const out: number[] = [];
  let others = 0;
  for (let edge = 0; edge < sources.length; edge++) {
    if (sources[edge] !== node && targets[edge] !== node) continue;
    if (!kept[edge]) others += 1;
    else if (targets[edge] === node) into.push(edge);
    else out.push(edge);
  }
  return { into, out, others };
}

/** The largest size of a score that is drawn; 1 where there is none. */
export function topScore({ scores }: CircuitAnswer): number {
  let top = 0;
  for (const score of scores)
    if (Math.abs(score) > top && Math.abs(score) < Number.POSITIVE_INFINITY) top = Math.abs(score);
  return top || 1;
}

/** One size that was run. */
export interface CurvePoint {
  readonly size: number;
  readonly kept: number;
  readonly faithfulness: number;
  readonly completeness: number;
}

export function curveOf({ curve }: CircuitAnswer): CurvePoint[] {
  return Array.from({ length: curve.length / 4 }, (_, i) => {
    const [size = 0, kept = 0, faithfulness = 0, completeness = 0] = curve.subarray(4 * i, 4 * i + 4);
    return { size, kept, faithfulness, completeness };
  }).sort((a, b) => a.size - b.size);
}
