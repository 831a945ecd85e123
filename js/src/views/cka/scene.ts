/** What is to be drawn now, from what the store knows: one value that all pieces of the view read. */
import type { CKAAnswer } from "../../protocol/decode-cka.ts";
import { type Estimate, lineOf, type Pair, upsideDown } from "../../state/cka-picture.ts";
import type { CKAStore } from "../../state/cka-store.ts";
import { tilesOf } from "../../state/tiling.ts";

/** One estimate laid out, made once for each answer. */
export interface Layout {
  /** [row, column], the last row first. */
  readonly cells: Float32Array;
  readonly tile: ReturnType<typeof tilesOf>;
}

export interface Scene {
  readonly answer: CKAAnswer | null;
  readonly estimate: Estimate;
  readonly layout: Layout | null;
  /** The pairs of the line under the matrix. */
  readonly line: readonly Pair[];
  readonly pinned: Pair | null;
  /** What is pointed at, else what is pinned. */
  readonly focus: Pair | null;
  readonly hovered: Pair | null;
  /** The picture is older than the question. */
  readonly dim: boolean;
}

export interface Context {
  readonly store: CKAStore;
  scene(): Scene;
}

/** A piece of the view, drawn again after every change. */
export interface Piece {
  draw(scene: Scene): void;
}

const layouts = new WeakMap<Float32Array, Layout>();
const lines = new WeakMap<CKAAnswer, readonly Pair[]>();

function layoutOf(answer: CKAAnswer, estimate: Estimate): Layout {
  const values = answer[estimate];
  const old = layouts.get(values);
  if (old) return old;
  const cells = upsideDown(answer, values);
  const { rows, columns } = answer.snapshot;
  const made = { cells, tile: tilesOf(cells, rows.length, columns.length) };
  layouts.set(values, made);
  return made;
}

function keptLine(answer: CKAAnswer): readonly Pair[] {
  const made = lines.get(answer) ?? lineOf(answer);
  lines.set(answer, made);
  return made;
}

export function makeScene(store: CKAStore): Scene {
  const answer = store.answer.value;
  const live = store.connection.live.value;
  const estimate = store.estimate.value;
  const pinned = store.pinned();
  const hovered = store.hovered.value;
  return {
    answer,
    estimate,
    layout: answer && layoutOf(answer, estimate),
    line: answer ? keptLine(answer) : [],
    pinned,
    hovered,
    focus: hovered ?? pinned,
    dim: live !== null && (answer?.snapshot.revision ?? 0) < live.revision,
  };
}
