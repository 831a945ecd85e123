/** The steering view's trait as it arrives, turned into what it draws from. */
import { DecodeError, readFloats } from "./arrays.ts";
import { checkVersion } from "./decode.ts";
import type { SteerPacked, SteerSnapshot } from "./generated.ts";
import { checkShape, readSide, type Side } from "./sides.ts";

/** What is known of one intervention on this text. */
export interface Row {
  /** Positions of the prompt that it changes. */
  readonly at: readonly number[];
  /** What the activation is without any intervention, by position: its norm, of a neuron its value. */
  readonly now: Float32Array;
  readonly width: number;
  /** Norm of its direction; null without one. */
  readonly length: number | null;
}

export interface SteerAnswer {
  readonly snapshot: SteerSnapshot;
  readonly tokens: Side;
  /** One for each intervention. */
  readonly rows: readonly Row[];
}

/** The trait `explanation`; null before the first answer. Throws VersionError or DecodeError; never returns half a picture. */
export function decodeSteer(packed: SteerPacked | null | undefined): SteerAnswer | null {
  if (!packed?.snapshot) return null;
  const { snapshot } = packed;
  checkVersion(snapshot.v);
  const buffers = packed.buffers ?? [];
  const tokens = readSide(snapshot.tokens, buffers);
  const count = tokens.ids.length;
  const { n_layers, heads, neurons, lacks } = snapshot.sites;
  for (const column of [heads, neurons, ...Object.values(lacks)]) {
    if (column.length !== n_layers) throw new DecodeError(`${column.length} entries for ${n_layers} layers`);
  }
  if (snapshot.norms.length !== n_layers + 1) throw new DecodeError(`${snapshot.norms.length} norms of streams`);
  if (snapshot.rows.length !== snapshot.interventions.length) {
    throw new DecodeError(`${snapshot.rows.length} rows for ${snapshot.interventions.length} interventions`);
  }
  const rows = snapshot.rows.map(({ at, now, width, length }) => {
    checkShape(now, [count]);
    if (at.some((p) => p < 0 || p >= count)) throw new DecodeError(`a position that is not of ${count}`);
    return { at, now: readFloats(now, buffers), width, length };
  });
  return { snapshot, tokens, rows };
}
