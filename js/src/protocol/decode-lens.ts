/** The lens view's trait as it arrives, turned into what it draws from. */
import { type Bytes, DecodeError, readFloats, readInts, readMask } from "./arrays.ts";
import { checkVersion } from "./decode.ts";
import type { LensOther, LensPacked, LensSnapshot } from "./generated.ts";
import { checkShape, readSide, type Side } from "./sides.ts";

/** A snapshot with its arrays: `top` and `prob` [stream, pos, k], `known` [pos]. */
export interface LensAnswer {
  readonly snapshot: LensSnapshot;
  readonly tokens: Side;
  readonly top: Int32Array;
  readonly prob: Float32Array;
  readonly known: Uint8Array;
  /** How the tokens in `top` are written. */
  readonly texts: ReadonlyMap<number, string>;
  readonly other: LensOtherAnswer | null;
}

/** Another model's cells, and how far they are: `kl` and `change` [stream, pos], not numbers where a position was not read. */
export interface LensOtherAnswer {
  readonly name: string;
  readonly top: Int32Array;
  readonly prob: Float32Array;
  readonly kl: Float32Array;
  readonly change: Float32Array;
}

/** The trait `explanation`; null before the first answer. Throws VersionError or DecodeError; never returns half a picture. */
export function decodeLens(packed: LensPacked | null | undefined): LensAnswer | null {
  if (!packed?.snapshot) return null;
  const { snapshot } = packed;
  checkVersion(snapshot.v);
  const buffers = packed.buffers ?? [];
  const tokens = readSide(snapshot.tokens, buffers);
  const { streams, k } = snapshot;
  const positions = tokens.ids.length;
  if (streams.length < 1 || !(k >= 1))
    throw new DecodeError(`a lens of ${streams.length} streams with ${k} tokens each`);
  const size = [streams.length, positions, k];
  checkShape(snapshot.top, size);
  checkShape(snapshot.prob, size);
  checkShape(snapshot.known, [positions]);
  checkShape(snapshot.vocabulary, [snapshot.texts.length]);
  const vocabulary = readInts(snapshot.vocabulary, buffers);
  const answer = {
    snapshot,
    tokens,
    top: readInts(snapshot.top, buffers),
    prob: readFloats(snapshot.prob, buffers),
    known: readMask(snapshot.known, buffers),
    texts: new Map(snapshot.texts.map((text, i) => [vocabulary[i] ?? -1, text])),
    other: snapshot.other && readOther(snapshot.other, size, buffers),
  };
  checkCells(answer, answer);
  if (answer.other) checkCells(answer, answer.other);
  return answer;
}

function readOther(other: LensOther, size: number[], buffers: readonly Bytes[]): LensOtherAnswer {
  for (const array of [other.top, other.prob]) checkShape(array, size);
  for (const array of [other.kl, other.change]) checkShape(array, size.slice(0, 2));
  return {
    name: other.name,
    top: readInts(other.top, buffers),
    prob: readFloats(other.prob, buffers),
    kl: readFloats(other.kl, buffers),
    change: readFloats(other.change, buffers),
  };
}

/** Every cell that was read has tokens with a text, and a probability for each. */
function checkCells({ snapshot, known, texts }: LensAnswer, { top, prob }: Pick<LensAnswer, "top" | "prob">): void {
  const { k } = snapshot;
  for (let i = 0; i < top.length; i++) {
    const at = Math.floor(i / k) % known.length;
    if (!known[at]) continue;
    const [id, p] = [top[i] as number, prob[i] as number];
    if (!texts.has(id)) throw new DecodeError(`token ${id} at position ${at} has no text`);
    // A rounded sum of softmax terms may pass 1 by a hair; a model may give what is not a number.
    if (p < 0 || p > 1.001) throw new DecodeError(`a probability of ${p} at position ${at}`);
  }
}
