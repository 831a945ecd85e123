/** From a patching answer to the cells of its grid, how its prompts go together, and its strongest cells. Values only. */
import type { PatchingAnswer } from "../protocol/decode-patching.ts";

/** What the grid shows: exact numbers (with estimates where rows were not run), estimates alone, or the second less the first. */
export type Shown = "exact" | "estimate" | "difference";

/** The last layer is on top. Its own inverse. */
export const rowOf = (layers: number, layer: number) => layers - 1 - layer;

/** 0: as without a patch, 1: as in the prompt that states come from. */
export function recoveredOf({ snapshot }: PatchingAnswer, value: number): number {
  return (value - snapshot.base_value) / (snapshot.source_value - snapshot.base_value);
}

/** The number with a cell patched, and whether it was run. */
export function numberAt(answer: PatchingAnswer, layer: number, position: number): { value: number; exact: boolean } {
  const exact = answer.exact[layer] === 1;
  const at = layer * answer.pairs.length + position;
  return { value: (exact ? answer.values[at] : answer.estimate[at]) ?? Number.NaN, exact };
}

export function estimateOf({ estimate, pairs }: PatchingAnswer, layer: number, position: number): number {
  return estimate[layer * pairs.length + position] ?? Number.NaN;
}

/** What a cell of the grid shows: a share of the difference between both prompts. */
export function shareOf(answer: PatchingAnswer, shown: Shown, layer: number, position: number): number {
  const estimate = recoveredOf(answer, estimateOf(answer, layer, position));
  if (shown === "estimate") return estimate;
  const own = recoveredOf(answer, numberAt(answer, layer, position).value);
  return shown === "exact" ? own : estimate - own;
}

/** Cells as they are drawn, [row, position]. */
export function gridOf(answer: PatchingAnswer, shown: Shown): Float32Array {
  const [layers, width] = [answer.exact.length, answer.pairs.length];
  return Float32Array.from({ length: layers * width }, (_, i) =>
    shareOf(answer, shown, rowOf(layers, Math.floor(i / width)), i % width),
  );
}

/**
 * The share at full ink: 1, or the largest that was run. An estimate that is far off must not change what the colours mean.
 * Differences have a scale of their own.
 */
export function topOf(answer: PatchingAnswer, shown: Shown): number {
  let top = shown === "difference" ? 0 : 1;
  for (let layer = 0; layer < answer.exact.length; layer++) {
    if (answer.exact[layer] !== 1) continue;
    for (let p = 0; p < answer.pairs.length; p++) {
      const size = Math.abs(shareOf(answer, shown === "difference" ? shown : "exact", layer, p));
      if (size > top && size < Number.POSITIVE_INFINITY) top = size;
    }
  }
  return top;
}

export const exactRows = ({ exact }: PatchingAnswer) => exact.reduce((sum, row) => sum + row, 0);
/** Every row was run. */
export const isWhole = ({ exact }: PatchingAnswer) => exact.every((row) => row === 1);
export const hasPair = ({ pairs }: PatchingAnswer, position: number) => (pairs[position] ?? -1) >= 0;

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
  readonly position: number;
}

/** Cells of the largest shares, largest first. */
export function strongest(answer: PatchingAnswer, shown: Shown, count: number): (Cell & { share: number })[] {
  const width = answer.pairs.length;
  return Array.from({ length: answer.exact.length * width }, (_, i) => {
    const [layer, position] = [Math.floor(i / width), i % width];
    return { layer, position, share: shareOf(answer, shown, layer, position) };
  })
    .filter(({ share }) => Number.isFinite(share))
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share))
    .slice(0, count);
}
