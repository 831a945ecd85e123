/** What a lens view asks beside its picture: a token followed through the streams, more of a cell, a number for every cell. */
import { DecodeError, readFloats } from "../protocol/arrays.ts";
import type { LensAnswer } from "../protocol/decode-lens.ts";
import { encodeLens, type LensAsk } from "../protocol/encode.ts";
import type { CandidateRow } from "../protocol/generated.ts";
import { checkShape } from "../protocol/sides.ts";
import type { Connection } from "./connection.ts";
import * as fetched from "./fetched.ts";

/**
 * What an answer holds; `array`: follow [2, stream] (rank from 0, probability), measure [stream, pos]. Of a stream read with a prompt:
 * `text` was written, `candidates` and `before` come next with the stream and without, `pieces` are the prompt, `at` is the placeholder.
 */
export interface LensFound {
  readonly array: Float32Array | null;
  readonly token: number | null;
  readonly text: string;
  readonly candidates: readonly CandidateRow[];
  readonly before: readonly CandidateRow[];
  readonly pieces: readonly string[];
  readonly at: number;
}

export type LensDetail = fetched.Detail<LensFound>;
export type LensDetails = fetched.Details<LensAsk, LensFound>;

export function fetchLens(
  connection: Connection,
  answer: () => LensAnswer | null,
  revision: () => number,
): LensDetails {
  const kind: fetched.Kind<LensAsk, LensFound> = {
    encode: encodeLens,
    read({ array, token, text, candidates, before, pieces, at }, buffers, { action }) {
      const streams = answer()?.snapshot.streams.length ?? 0;
      const whole = action === "cell" ? candidates : action === "scope" ? candidates && before && pieces : array;
      if (!whole) throw new DecodeError(`nothing came for ${action}`);
      if (array) checkShape(array, action === "follow" ? [2, streams] : [streams, answer()?.known.length ?? 0]);
      return {
        array: array ? readFloats(array, buffers) : null,
        token: token ?? null,
        text: text ?? "",
        candidates: candidates ?? [],
        before: before ?? [],
        pieces: pieces ?? [],
        at: at ?? -1,
      };
    },
    isClicked: ({ action }) => action === "cell",
    isSmall: () => false,
  };
  return fetched.fetchWith(kind, connection, revision);
}
