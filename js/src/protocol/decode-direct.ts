/** The trait of direct logit attribution as it arrives, turned into what its view draws from. */
import { DecodeError, readFloats } from "./arrays.ts";
import { checkVersion } from "./decode.ts";
import type { DirectPacked, DirectSnapshot } from "./generated.ts";
import { checkShape, readSide, type Side } from "./sides.ts";

/** A snapshot with its arrays: `values` [component]; `heads` [layer, head], not a number where there is none. */
export interface DirectAnswer {
  readonly snapshot: DirectSnapshot;
  readonly tokens: Side;
  readonly values: Float32Array;
  readonly heads: Float32Array;
  readonly headShape: readonly [layers: number, heads: number];
}

/** The trait `explanation`; null before the first answer. Throws VersionError or DecodeError; never returns half a picture. */
export function decodeDirect(packed: DirectPacked | null | undefined): DirectAnswer | null {
  if (!packed?.snapshot) return null;
  const { snapshot } = packed;
  checkVersion(snapshot.v);
  const buffers = packed.buffers ?? [];
  const tokens = readSide(snapshot.tokens, buffers);
  const { components, kinds, layers } = snapshot;
  if (components.length < 1) throw new DecodeError("a logit of no parts");
  if (kinds.length !== components.length || layers.length !== components.length)
    throw new DecodeError(`${kinds.length} kinds and ${layers.length} layers for ${components.length} parts`);
  checkShape(snapshot.values, [components.length]);
  const [rows, columns] = snapshot.heads.shape;
  if (snapshot.heads.shape.length !== 2 || rows === undefined || columns === undefined)
    throw new DecodeError(`heads are [${snapshot.heads.shape}], not [layer, head]`);
  return {
    snapshot,
    tokens,
    values: readFloats(snapshot.values, buffers),
    heads: readFloats(snapshot.heads, buffers),
    headShape: [rows, columns],
  };
}
