/** What is to be drawn now, from what the store knows: one value that all pieces of the view read. */
import type { CircuitAnswer } from "../../protocol/decode-circuit.ts";
import type { CircuitAsk } from "../../protocol/encode.ts";
import type { CircuitDetail } from "../../state/circuit-details.ts";
import {
  type Around,
  aroundOf,
  countOf,
  curveOf,
  isEdge,
  isFile,
  keptByRank,
  type Thing,
  topScore,
} from "../../state/circuit-picture.ts";
import type { CircuitLook, CircuitStore } from "../../state/circuit-store.ts";
import { type Graph, graphOf } from "./graph-of.ts";

/** The circuit of the size that is looked at. */
export interface Circuit {
  /** Edges asked for, the strongest. */
  readonly size: number;
  /** [edge] */
  readonly kept: Uint8Array;
  readonly count: number;
  /** `rank`: chosen here by strength alone, and not run; `acdc`: edge by edge, whatever their rank. */
  readonly by: "kernel" | "acdc" | "rank" | "file";
  readonly faithfulness: number | null;
  readonly completeness: number | null;
  /** What the kernel was asked about this size; null: not (yet). */
  readonly check: CircuitDetail | null;
}

/** A node whose edges are listed. */
export interface Listed extends Around {
  readonly node: number;
}

export interface Scene {
  readonly answer: CircuitAnswer | null;
  readonly look: CircuitLook;
  readonly circuit: Circuit | null;
  readonly graph: Graph | null;
  /** The score at full ink. */
  readonly top: number;
  readonly pinned: Thing | null;
  readonly pinnedEdge: number | null;
  readonly listed: Listed | null;
  /** Asked for where an edge is pinned that can be cut. */
  readonly edgeAsk: CircuitAsk | null;
  readonly edge: CircuitDetail | null;
  /** The picture is older than the question. */
  readonly dim: boolean;
}

/** What every piece of the view is given. */
export interface Context {
  readonly store: CircuitStore;
  readonly view: string;
  scene(): Scene;
}

/** A piece of the view, drawn again after every change. */
export interface Piece {
  draw(scene: Scene): void;
}

const byRank = new WeakMap<CircuitAnswer, { size: number; kept: Uint8Array }>();
const tops = new WeakMap<CircuitAnswer, number>();

/** Kept for the size that is looked at, so that the graph is laid out again only when it is another. */
function rankFor(answer: CircuitAnswer, size: number): Uint8Array {
  const known = byRank.get(answer);
  if (known?.size === size) return known.kept;
  const kept = keptByRank(answer, size);
  byRank.set(answer, { size, kept });
  return kept;
}

function topFor(answer: CircuitAnswer): number {
  const top = tops.get(answer) ?? topScore(answer);
  tops.set(answer, top);
  return top;
}

function circuitOf(answer: CircuitAnswer, { size }: CircuitLook, check: CircuitDetail | null): Circuit {
  const { snapshot } = answer;
  const wanted = size ?? snapshot.size;
  const point = curveOf(answer).find((p) => p.size === wanted);
  const found = check?.found ?? null;
  const own = size === null;
  const kept = own ? answer.kept : (found?.array ?? rankFor(answer, wanted));
  const checked = own ? snapshot : found;
  const acdc = own && snapshot.method === "acdc";
  // A size of the curve was run, and if as many are kept they are the same.
  const run = !acdc && point?.kept === countOf(kept) ? point : null;
  return {
    size: wanted,
    kept,
    count: countOf(kept),
    by: isFile(answer) ? "file" : acdc ? "acdc" : own || found || run ? "kernel" : "rank",
    faithfulness: checked?.faithfulness ?? run?.faithfulness ?? null,
    completeness: checked?.completeness ?? run?.completeness ?? null,
    check,
  };
}

export function makeScene(store: CircuitStore): Scene {
  const answer = store.answer.value;
  const look = store.look.value;
  const live = store.connection.live.value;
  const dim = live !== null && (answer?.snapshot.revision ?? 0) < live.revision;
  const pinned = store.pinned();
  const pinnedEdge = pinned && isEdge(pinned) ? pinned.edge : null;
  const circuit = answer && circuitOf(answer, look, store.keep());
  const node = pinned && !isEdge(pinned) ? pinned.node : pinnedEdge === null ? null : look.listed;
  const edgeAsk: CircuitAsk | null =
    answer && !isFile(answer) && store.settled() && pinnedEdge !== null ? { action: "edge", edge: pinnedEdge } : null;
  return {
    answer,
    look,
    circuit,
    graph: answer && graphOf(answer, { all: look.apart, node }),
    top: answer ? topFor(answer) : 1,
    pinned,
    pinnedEdge,
    listed: answer && circuit && node !== null ? { node, ...aroundOf(answer, circuit.kept, node) } : null,
    edgeAsk,
    edge: edgeAsk && store.details.get(edgeAsk),
    dim,
  };
}
