/** Snapshots and messages as they arrive, turned into what the views draw from. */
import { type Bytes, DecodeError, readFloats, readInts, readMask } from "./arrays.ts";
import { type Packed, PROTOCOL_VERSION, type Progress, type Snapshot, type ToBrowser } from "./generated.ts";

/** The page and the kernel speak different versions of the protocol. */
export class VersionError extends Error {}

/**
 * A snapshot with its arrays. While an answer is still arriving, `known` (1 a position) says what is final, `estimate` that
 * the rest is an estimate, and `sum` is the sum over rows where only that is estimated.
 */
export interface Answer {
  readonly snapshot: Snapshot;
  readonly ids: Int32Array;
  readonly unit: Int32Array;
  readonly turn: Int32Array;
  readonly scores: Float32Array | null;
  readonly shape: readonly number[];
  readonly standardError: Float32Array | null;
  readonly known: Uint8Array | null;
  readonly sum: Float32Array | null;
  readonly estimate: boolean;
}

export function checkVersion(v: unknown): void {
  if (v !== PROTOCOL_VERSION) throw new VersionError(`this page speaks version ${PROTOCOL_VERSION}, the kernel ${v}`);
}

/** Throws VersionError or DecodeError; never returns half a picture. */
export function decodeSnapshot(snapshot: Snapshot, buffers: readonly Bytes[]): Answer {
  checkVersion(snapshot.v);
  const { tokens, scores, quality } = snapshot;
  const count = tokens.text.length;
  const ids = readInts(tokens.id, buffers);
  const unit = readInts(tokens.unit, buffers);
  // Files written before turns were on the wire lack the column: one turn then.
  const turn = tokens.turn ? readInts(tokens.turn, buffers) : new Int32Array(count);
  for (const column of [tokens.raw, tokens.kind, tokens.role, tokens.part, ids, unit, turn]) {
    if (column.length !== count)
      throw new DecodeError(`a token column has ${column.length} entries for ${count} tokens`);
  }
  return {
    snapshot,
    ids,
    unit,
    turn,
    scores: scores ? readFloats(scores, buffers) : null,
    shape: scores?.shape ?? [],
    standardError: quality.standard_error ? readFloats(quality.standard_error, buffers) : null,
    known: null,
    sum: null,
    estimate: false,
  };
}

/** The trait `explanation`; null before the first answer. */
export function decodePacked(packed: Packed | null | undefined): Answer | null {
  if (!packed?.snapshot) return null;
  return decodeSnapshot(packed.snapshot, packed.buffers ?? []);
}

/**
 * What a progress message adds to the picture, over `base` (the partial picture so far, or the last answer).
 * Null when it carries no picture.
 */
export function decodePartial(message: Progress, buffers: readonly Bytes[], base: Answer | null): Answer | null {
  const start = message.snapshot ? decodeSnapshot(message.snapshot, buffers) : base;
  if (!start || !(message.snapshot || message.scores)) return null;
  return {
    ...start,
    scores: message.scores ? readFloats(message.scores, buffers) : start.scores,
    shape: message.scores?.shape ?? start.shape,
    known: message.known ? readMask(message.known, buffers) : message.scores ? null : start.known,
    sum: message.scores ? (message.sum ? readFloats(message.sum, buffers) : null) : start.sum,
    estimate: message.estimate ?? start.estimate,
  };
}

const TYPES = new Set(["progress", "result", "error", "cancelled", "no-kernel"]);

/** A message of the closed set, or null for anything else. Throws VersionError for another version's. */
export function readMessage(content: unknown): ToBrowser | null {
  if (typeof content !== "object" || content === null) return null;
  const message = content as { type?: unknown; id?: unknown; v?: unknown };
  if (typeof message.type !== "string" || !TYPES.has(message.type) || typeof message.id !== "string") return null;
  if (message.type !== "no-kernel") checkVersion(message.v);
  return content as ToBrowser;
}
