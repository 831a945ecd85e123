/** The attention view's trait as it arrives, turned into what it draws from. */
import { DecodeError, readFloats, readMask } from "./arrays.ts";
import { checkVersion } from "./decode.ts";
import type { AttentionMap, AttentionPacked, AttentionSnapshot } from "./generated.ts";
import { checkShape, readSide, type Side } from "./sides.ts";

/** A snapshot with its arrays: `most` and `mean` [head, cells, cells], `patterns` [head, pattern]. */
export interface AttentionAnswer {
  readonly snapshot: AttentionSnapshot;
  readonly queries: Side;
  /** The encoder's side of a model that has two, else null. */
  readonly keys: Side | null;
  /** Of the second version where its text is another, else null. */
  readonly other: Side | null;
  readonly heads: number;
  readonly most: Uint8Array;
  readonly mean: Uint8Array | null;
  readonly patterns: Float32Array;
}

/** The trait `explanation`; null before the first answer. Throws VersionError or DecodeError; never returns half a picture. */
export function decodeAttention(packed: AttentionPacked | null | undefined): AttentionAnswer | null {
  if (!packed?.snapshot) return null;
  checkVersion(packed.snapshot.v);
  const snapshot = versioned(packed.snapshot);
  const buffers = packed.buffers ?? [];
  const queries = readSide(snapshot.queries, buffers);
  const keys = snapshot.keys ? readSide(snapshot.keys, buffers) : null;
  const other = snapshot.other ? readSide(snapshot.other, buffers) : null;
  const { maps, versions, cells, most, mean, pattern_scores, labels } = snapshot;
  let heads = 0;
  for (const map of maps) {
    if (!(map.version in versions)) throw new DecodeError(`a map of version ${map.version} of ${versions.length}`);
    if (map.first_head !== heads) throw new DecodeError(`heads of a map begin at ${map.first_head}, not ${heads}`);
    heads += map.n_heads;
    const { looks, seen } = sidesOf({ queries, keys, other }, map);
    for (const [n, { ids }] of [
      [map.n_query, looks],
      [map.n_key, seen],
    ] as const) {
      const count = ids.length;
      if (n !== count) throw new DecodeError(`a map of ${n} positions for ${count} tokens`);
      if (n > cells * snapshot.cell) throw new DecodeError(`${n} positions in ${cells} squares of ${snapshot.cell}`);
    }
  }
  checkShape(most, [heads, cells, cells]);
  if (mean) checkShape(mean, [heads, cells, cells]);
  checkShape(pattern_scores, [heads, snapshot.patterns.length]);
  if (labels.length !== heads) throw new DecodeError(`${labels.length} labels for ${heads} heads`);
  return {
    snapshot,
    queries,
    keys,
    other,
    heads,
    most: readMask(most, buffers),
    mean: mean ? readMask(mean, buffers) : null,
    patterns: readFloats(pattern_scores, buffers),
  };
}

/** Files written before there were versions have one, without a name. */
function versioned(snapshot: AttentionSnapshot): AttentionSnapshot {
  if (snapshot.versions) return snapshot;
  return { ...snapshot, versions: [""], other: null, maps: snapshot.maps.map((map) => ({ ...map, version: 0 })) };
}

/** Whose positions look in a map, and whose are looked at. */
export function sidesOf(
  { queries, keys, other }: Pick<AttentionAnswer, "queries" | "keys" | "other">,
  { stack, version }: AttentionMap,
): { looks: Side; seen: Side } {
  const text = version > 0 && other ? other : queries;
  return {
    looks: keys && stack === "encoder" ? keys : text,
    seen: keys && stack !== "decoder" ? keys : text,
  };
}
