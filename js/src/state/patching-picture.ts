/** From a patching answer to the cells of its grid, how its prompts go together, and its strongest cells. Values only. */
import type { PatchingAnswer } from "../protocol/decode-patching.ts";

/** What the grid shows: exact numbers (with estimates where rows were not run), estimates alone, or the second less the first. */
export type Shown = "exact" | "estimate" | "difference";

/** The last layer is on top. Its own inverse. */
export const rowOf = (layers: number, layer: number) => layers - 1 - layer;

/** There is no second pass: parts are put out of action. */
export const isAblation = ({ snapshot }: PatchingAnswer) => snapshot.source_value === null;

/**
 * What a number comes to. 0: as without a patch, 1: as in the pass that states come from. Of an ablation what the number loses, in its
 * own unit.
 */
export function effectOf({ snapshot }: PatchingAnswer, value: number): number {
  const { base_value: base, source_value: source } = snapshot;
  return source === null ? base - value : (value - base) / (source - base);
}

/** Standard error of what a cell shows; null where numbers are not means. */
export function errorAt({ error, snapshot, width }: PatchingAnswer, layer: number, column: number): number | null {
  const own = error?.[layer * width + column];
  if (own === undefined || Number.isNaN(own)) return null;
  const { base_value: base, source_value: source } = snapshot;
  return source === null ? own : own / Math.abs(source - base);
}

/** The number with a cell patched, and whether it was run. */
export function numberAt(answer: PatchingAnswer, layer: number, column: number): { value: number; exact: boolean } {
  const exact = answer.exact[layer] === 1;
  const at = layer * answer.width + column;
  return { value: (exact ? answer.values[at] : answer.estimate[at]) ?? Number.NaN, exact };
}

export function estimateOf({ estimate, width }: PatchingAnswer, layer: number, column: number): number {
  return estimate[layer * width + column] ?? Number.NaN;
}

/** What a cell of the grid shows: a share of the difference between both passes, or what is lost. */
export function shareOf(answer: PatchingAnswer, shown: Shown, layer: number, column: number): number {
  const estimate = effectOf(answer, estimateOf(answer, layer, column));
  if (shown === "estimate") return estimate;
  const own = effectOf(answer, numberAt(answer, layer, column).value);
  return shown === "exact" ? own : estimate - own;
}

/** Cells as they are drawn, [row, column]. */
export function gridOf(answer: PatchingAnswer, shown: Shown): Float32Array {
  const [layers, width] = [answer.exact.length, answer.width];
  return Float32Array.from({ length: layers * width }, (_, i) =>
    shareOf(answer, shown, rowOf(layers, Math.floor(i / width)), i % width),
  );
}

/**
 * What is at full ink: all of the difference, or the largest that was run. An estimate that is far off must not change what the
 * colours mean; only of an ablation, which has no whole, it is what there is before the first row. Differences have a scale of their own.
 */
export function topOf(answer: PatchingAnswer, shown: Shown): number {
  const rows = [...answer.exact.keys()];
  const run = rows.filter((layer) => answer.exact[layer] === 1);
  const of = shown === "difference" ? shown : "exact";
  const [from, least] = isAblation(answer) ? [run.length ? run : rows, 0] : [run, shown === "difference" ? 0 : 1];
  let top = least;
  for (const layer of from) {
    for (let column = 0; column < answer.width; column++) {
      const size = Math.abs(shareOf(answer, of, layer, column));
      if (size > top && size < Number.POSITIVE_INFINITY) top = size;
    }
  }
  return top;
}

export const exactRows = ({ exact }: PatchingAnswer) => exact.reduce((sum, row) => sum + row, 0);
/** Every row was run. */
export const isWhole = ({ exact }: PatchingAnswer) => exact.every((row) => row === 1);
/** Columns are heads, each exchanged at all positions; otherwise positions. */
export const ofHeads = ({ snapshot }: PatchingAnswer) => snapshot.part === "head";
/** Positions without a counterpart are left as they are. */
export const hasAlone = ({ pairs }: PatchingAnswer) => pairs.includes(-1);

/** Why nothing can be put into a cell: no counterpart at its position, or a layer without the part. Null: it can. */
export type Gap = "pair" | "part" | null;

export function gapAt(answer: PatchingAnswer, { layer, column }: Cell): Gap {
  if (!ofHeads(answer) && (answer.pairs[column] ?? -1) < 0) return "pair";
  if (answer.snapshot.part === "resid") return null;
  // Layers may have fewer heads than the widest; of other parts a layer has all or nothing.
  const [from, to] = ofHeads(answer) ? [column, column + 1] : [0, answer.width];
  const cells = [answer.values, answer.estimate].map((of) =>
    of.subarray(layer * answer.width + from, layer * answer.width + to),
  );
  return cells.every((row) => row.every(Number.isNaN)) ? "part" : null;
}

/** Positions that go together, in the order of the texts; null: no counterpart. */
export interface Together {
  readonly base: number | null;
  readonly source: number | null;
  /** Both are there, and another token is read. */
  readonly differ: boolean;
}

export function togetherOf({ pairs, base, source }: PatchingAnswer): Together[] {
  const found: Together[] = [];
  let next = 0;
  const alone = (until: number) => {
    for (; next < until; next++) found.push({ base: null, source: next, differ: false });
  };
  for (const [position, pair] of pairs.entries()) {
    if (pair < 0) {
      found.push({ base: position, source: null, differ: false });
      continue;
    }
    alone(pair);
    found.push({ base: position, source: pair, differ: base.ids[position] !== source.ids[pair] });
    next = pair + 1;
  }
  alone(source.ids.length);
  return found;
}

export interface Cell {
  readonly layer: number;
  /** A position of the patched prompt, or a head. */
  readonly column: number;
}

/** Cells of the largest shares, largest first. */
export function strongest(answer: PatchingAnswer, shown: Shown, count: number): (Cell & { share: number })[] {
  const { width } = answer;
  return Array.from({ length: answer.exact.length * width }, (_, i) => {
    const [layer, column] = [Math.floor(i / width), i % width];
    return { layer, column, share: shareOf(answer, shown, layer, column) };
  })
    .filter(({ share }) => Number.isFinite(share))
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share))
    .slice(0, count);
}
