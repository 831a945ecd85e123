/** What is to be drawn now, from what the store knows: one value that all pieces of the view read. */
import type { PatchingAnswer } from "../../protocol/decode-patching.ts";
import type { PatchingAsk } from "../../protocol/encode.ts";
import type { PatchingDetail } from "../../state/patching-details.ts";
import { type Cell, gapAt, gridOf, isWhole, ofHeads, type Shown, topOf } from "../../state/patching-picture.ts";
import type { PatchingLook, PatchingStore } from "../../state/patching-store.ts";
import { tilesOf } from "../../state/tiling.ts";
import { working } from "../shared/said.ts";
import { gapWord } from "./parts.ts";

/** The numbers under the ink. */
export interface Grid {
  /** [row, column] as drawn: the last layer first; NaN where nothing can be put in. */
  readonly values: Float32Array;
  readonly tile: ReturnType<typeof tilesOf>;
  /** Full ink. */
  readonly top: number;
  /** What cells without a number are. */
  readonly gap: string;
}

export interface Scene {
  readonly answer: PatchingAnswer | null;
  readonly look: PatchingLook;
  /** What is shown; other than exact numbers only once all rows were run. */
  readonly shown: Shown;
  readonly pinned: Cell | null;
  /** What is pointed at, else what is pinned. */
  readonly focus: Cell | null;
  /** Positions to mark: pinned, and pointed at; a head is none. */
  readonly pinnedPosition: number | null;
  readonly hoveredPosition: number | null;
  readonly grid: Grid | null;
  /** Asked for where a cell is pinned that can be patched. */
  readonly cellAsk: PatchingAsk | null;
  readonly cell: PatchingDetail | null;
  /** The picture is older than the question. */
  readonly dim: boolean;
  /** There is no picture, and none is on its way. */
  readonly failed: boolean;
}

/** What every piece of the view is given. */
export interface Context {
  readonly store: PatchingStore;
  readonly view: string;
  scene(): Scene;
}

/** A piece of the view, drawn again after every change. */
export interface Piece {
  draw(scene: Scene): void;
}

const grids = new WeakMap<PatchingAnswer, Map<Shown, Grid>>();

/** Made once for each answer, so that the picture is coloured again only when its numbers are others. */
function gridFor(answer: PatchingAnswer, shown: Shown): Grid {
  const kept = grids.get(answer) ?? new Map<Shown, Grid>();
  grids.set(answer, kept);
  let grid = kept.get(shown);
  if (!grid) {
    const values = gridOf(answer, shown);
    const tile = tilesOf(values, answer.exact.length, answer.width);
    grid = { values, tile, top: topOf(answer, shown), gap: gapWord(answer) };
    kept.set(shown, grid);
  }
  return grid;
}

export function makeScene(store: PatchingStore): Scene {
  const answer = store.answer.value;
  const look = store.look.value;
  const live = store.connection.live.value;
  const shown = answer && isWhole(answer) ? look.shown : "exact";
  const place = store.pinned();
  const asCell = (at: { layer: number | null; column: number } | null): Cell | null =>
    at && at.layer !== null ? { layer: at.layer, column: at.column } : null;
  const pinned = asCell(place);
  const dim = live !== null && (answer?.snapshot.revision ?? 0) < live.revision;
  // The kernel answers about the last look that ended well, which a look that was cancelled half-way is not.
  const ready = answer !== null && isWhole(answer) && !dim;
  const cellAsk: PatchingAsk | null =
    ready && pinned && !gapAt(answer, pinned) ? { action: "cell", layer: pinned.layer, index: pinned.column } : null;
  const heads = answer !== null && ofHeads(answer);
  const { hovered } = look;
  return {
    answer,
    look,
    shown,
    pinned,
    focus: asCell(hovered) ?? pinned,
    pinnedPosition: heads ? null : (place?.column ?? null),
    hoveredPosition: hovered && !(heads && hovered.layer !== null) ? hovered.column : null,
    grid: answer && gridFor(answer, shown),
    cellAsk,
    cell: cellAsk && store.details.get(cellAsk),
    dim,
    failed: answer === null && store.asked.value !== null && !working(store),
  };
}
