/** Tiles, lines and other answers of an attention view, fetched beside its overview. */
import { readFloats, readMask } from "../protocol/arrays.ts";
import { type AttentionAsk, encodeAttention } from "../protocol/encode.ts";
import type { CandidateRow } from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import * as fetched from "./fetched.ts";

/** What an answer holds; `array` in C order, by `shape`. */
export interface Found {
  readonly array: Float32Array | Uint8Array | null;
  readonly shape: readonly number[];
  readonly unit: string;
  readonly scale: number | null;
  readonly before: readonly CandidateRow[];
  readonly after: readonly CandidateRow[];
  readonly kl: number | null;
  readonly agreement: Readonly<Record<string, number>>;
  readonly prompts: number;
}

export type Detail = fetched.Detail<Found>;
export type Details = fetched.Details<AttentionAsk, Found>;

const KIND: fetched.Kind<AttentionAsk, Found> = {
  encode: encodeAttention,
  read({ array, unit, scale, before, after, kl, agreement, prompts }, buffers) {
    return {
      array: array ? (array.dtype === "uint8" ? readMask : readFloats)(array, buffers) : null,
      shape: array?.shape ?? [],
      unit: unit ?? "",
      scale: scale ?? null,
      before: before ?? [],
      after: after ?? [],
      kl: kl ?? null,
      agreement: agreement ?? {},
      prompts: prompts ?? 0,
    };
  },
  isClicked: ({ action }) => ["off", "effects", "elsewhere"].includes(action),
  isSmall: ({ action }) => action === "tile" || action === "line",
};

export function fetchDetails(connection: Connection, revision: () => number, kept?: number): Details {
  return fetched.fetchWith(KIND, connection, revision, kept);
}
