/** The trait of the view of CKA as it arrives, turned into what it draws from. */
import { DecodeError, readFloats } from "./arrays.ts";
import { checkVersion } from "./decode.ts";
import type { CKAPacked, CKASnapshot } from "./generated.ts";
import { checkShape } from "./sides.ts";

/** A snapshot with its arrays [row, column], not a number where there is none. */
export interface CKAAnswer {
  readonly snapshot: CKASnapshot;
  readonly debiased: Float32Array;
  readonly plain: Float32Array;
  /** Of the rows' and of the columns' streams: the part of its variance that is one sample's. */
  readonly loudest: readonly [rows: Float32Array, columns: Float32Array];
}

/** The trait `explanation`; null before the first answer. Throws VersionError or DecodeError; never returns half a picture. */
export function decodeCKA(packed: CKAPacked | null | undefined): CKAAnswer | null {
  if (!packed?.snapshot) return null;
  const { snapshot } = packed;
  checkVersion(snapshot.v);
  const buffers = packed.buffers ?? [];
  const { rows, columns, names, widths } = snapshot;
  if (!rows.length || !columns.length) throw new DecodeError(`${rows.length} and ${columns.length} streams`);
  if (names.length !== 2 || widths.length !== 2)
    throw new DecodeError(`${names.length} names and ${widths.length} widths`);
  for (const header of [snapshot.debiased, snapshot.plain]) checkShape(header, [rows.length, columns.length]);
  checkShape(snapshot.loudest, [rows.length]);
  checkShape(snapshot.loudest_columns, [columns.length]);
  const loudest = [snapshot.loudest, snapshot.loudest_columns].map((header) => readFloats(header, buffers));
  return {
    snapshot,
    debiased: readFloats(snapshot.debiased, buffers),
    plain: readFloats(snapshot.plain, buffers),
    loudest: loudest as [Float32Array, Float32Array],
  };
}
