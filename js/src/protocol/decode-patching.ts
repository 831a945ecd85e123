/** The patching view's trait as it arrives, turned into what it draws from. */
import { DecodeError, readFloats, readInts, readMask } from "./arrays.ts";
import { checkVersion } from "./decode.ts";
import type { PatchingAsked, PatchingPacked, PatchingSnapshot } from "./generated.ts";
import { checkShape, readSide, type Side } from "./sides.ts";

/** A snapshot with its arrays: `values` and `estimate` [layer, column], `exact` [layer], `pairs` [pos of base]. */
export interface PatchingAnswer {
  readonly snapshot: PatchingSnapshot;
  /** The prompt whose pass is patched, and the one that states come from. */
  readonly base: Side;
  readonly source: Side;
  /** Counterparts in `source`, in order; -1 where there is none. */
  readonly pairs: Int32Array;
  /** Columns of the grid: positions of `base`, or heads. */
  readonly width: number;
  readonly values: Float32Array;
  readonly exact: Uint8Array;
  readonly estimate: Float32Array;
  /** Standard errors of `values`; null of one draw, and while rows are run. */
  readonly error: Float32Array | null;
}

/** What was asked first; null where it is not said. */
export const decodeAsked = (packed: PatchingPacked | null | undefined): PatchingAsked | null => packed?.asked ?? null;

/** The trait `explanation`; null before the first answer. Throws VersionError or DecodeError; never returns half a picture. */
export function decodePatching(packed: PatchingPacked | null | undefined): PatchingAnswer | null {
  if (!packed?.snapshot) return null;
  const { snapshot } = packed;
  checkVersion(snapshot.v);
  const buffers = packed.buffers ?? [];
  const [base, source] = [readSide(snapshot.base, buffers), readSide(snapshot.source, buffers)];
  const [layers, positions] = [snapshot.rows.length, base.ids.length];
  const { part, columns } = snapshot;
  if (part !== "head" && columns.length) throw new DecodeError(`names of ${columns.length} columns for ${part}`);
  const width = part === "head" ? columns.length : positions;
  if (layers < 1 || positions < 1 || width < 1)
    throw new DecodeError(`a grid of ${layers} layers over ${width} columns`);
  checkShape(snapshot.pairs, [positions]);
  checkShape(snapshot.values, [layers, width]);
  checkShape(snapshot.exact, [layers]);
  checkShape(snapshot.estimate, [layers, width]);
  if (snapshot.error) checkShape(snapshot.error, [layers, width]);
  // What is drawn is a share of this difference; of an ablation, which has no second pass, it is what the number loses.
  const gap = snapshot.source_value === null ? null : snapshot.source_value - snapshot.base_value;
  if ((gap === null) !== (snapshot.against === "ablation")) throw new DecodeError("a second number and an ablation");
  if (gap === 0 || !Number.isFinite(gap ?? 1)) throw new DecodeError(`two prompts whose number differs by ${gap}`);
  const pairs = readInts(snapshot.pairs, buffers);
  checkPairs(pairs, source.ids.length);
  return {
    snapshot,
    base,
    source,
    pairs,
    width,
    values: readFloats(snapshot.values, buffers),
    exact: readMask(snapshot.exact, buffers),
    estimate: readFloats(snapshot.estimate, buffers),
    error: snapshot.error ? readFloats(snapshot.error, buffers) : null,
  };
}

/** Counterparts exist and follow each other as the tokens do. */
function checkPairs(pairs: Int32Array, count: number): void {
  let last = -1;
  for (const [position, pair] of pairs.entries()) {
    if (pair === -1) continue;
    if (pair <= last || pair >= count) throw new DecodeError(`position ${position} goes with ${pair} of ${count}`);
    last = pair;
  }
}
