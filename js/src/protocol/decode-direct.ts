/** The trait of direct logit attribution as it arrives, turned into what its view draws from. */
import { type Bytes, DecodeError, readFloats } from "./arrays.ts";
import { checkVersion } from "./decode.ts";
import type { DirectPacked, DirectSnapshot, DirectVersion, HeadRow } from "./generated.ts";
import { checkShape, readSide, type Side } from "./sides.ts";

/** Shares of one model: `values` [component]; `heads` [layer, head], not a number where there is none. */
export interface Shares {
  readonly values: Float32Array;
  readonly heads: Float32Array;
  readonly headShape: readonly [layers: number, heads: number];
}

/** A snapshot with its arrays, and those of the model that it is compared with. */
export interface DirectAnswer extends Shares {
  readonly snapshot: DirectSnapshot;
  readonly tokens: Side;
  readonly versus: (Shares & { readonly version: DirectVersion; readonly difference: Shares }) | null;
}

/** The trait `explanation`; null before the first answer. Throws VersionError or DecodeError; never returns half a picture. */
export function decodeDirect(packed: DirectPacked | null | undefined): DirectAnswer | null {
  if (!packed?.snapshot) return null;
  const { snapshot } = packed;
  checkVersion(snapshot.v);
  const buffers = packed.buffers ?? [];
  const tokens = readSide(snapshot.tokens, buffers);
  const { components, kinds, layers, versus } = snapshot;
  if (components.length < 1) throw new DecodeError("a logit of no parts");
  if (kinds.length !== components.length || layers.length !== components.length)
    throw new DecodeError(`${kinds.length} kinds and ${layers.length} layers for ${components.length} parts`);
  return {
    snapshot,
    tokens,
    ...readShares(snapshot, components.length, buffers),
    versus: versus && readVersion(versus, components.length, buffers),
  };
}

function readVersion(version: DirectVersion, count: number, buffers: readonly Bytes[]) {
  const { difference } = version;
  // One more: what the other's own scale of the last norm makes of its parts.
  for (const list of [difference.components, difference.kinds, difference.layers])
    if (list.length !== count + 1) throw new DecodeError(`a difference of ${list.length} parts, not ${count + 1}`);
  const shares = readShares(version, count, buffers);
  return { version, ...shares, difference: readShares(difference, count + 1, buffers) };
}

function readShares(
  { values, heads }: Pick<DirectSnapshot, "values" | "heads">,
  count: number,
  buffers: readonly Bytes[],
): Shares {
  checkShape(values, [count]);
  const [rows, columns] = heads.shape;
  if (heads.shape.length !== 2 || rows === undefined || columns === undefined)
    throw new DecodeError(`heads are [${heads.shape}], not [layer, head]`);
  return { values: readFloats(values, buffers), heads: readFloats(heads, buffers), headShape: [rows, columns] };
}

/** Where a head looks: `weights` and `shares` [key], and the whole map [query, key] where the text is short. */
export interface HeadFound {
  readonly row: HeadRow;
  readonly weights: Float32Array;
  readonly shares: Float32Array | null;
  readonly pattern: Float32Array | null;
}

/** Throws DecodeError where there are fewer keys than the text has positions. */
export function readHead(row: HeadRow, positions: number, buffers: readonly Bytes[]): HeadFound {
  const weights = readFloats(row.weights, buffers);
  if (weights.length < positions) throw new DecodeError(`${weights.length} weights for ${positions} positions`);
  if (row.shares) checkShape(row.shares, [weights.length]);
  if (row.pattern) checkShape(row.pattern, [positions, weights.length]);
  return {
    row,
    weights,
    shares: row.shares && readFloats(row.shares, buffers),
    pattern: row.pattern && readFloats(row.pattern, buffers),
  };
}
