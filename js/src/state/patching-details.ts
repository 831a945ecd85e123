/** What a patching view asks beside its picture: what comes next with one cell patched. */
import { DecodeError } from "../protocol/arrays.ts";
import { encodePatching, type PatchingAsk } from "../protocol/encode.ts";
import type { CandidateRow } from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import * as fetched from "./fetched.ts";

/** Next tokens without and with the patch, most probable first, and the number with it. */
export interface PatchingFound {
  readonly array: null;
  readonly before: readonly CandidateRow[];
  readonly after: readonly CandidateRow[];
  readonly value: number;
}

export type PatchingDetail = fetched.Detail<PatchingFound>;
export type PatchingDetails = fetched.Details<PatchingAsk, PatchingFound>;

export function fetchPatched(connection: Connection, revision: () => number): PatchingDetails {
  const kind: fetched.Kind<PatchingAsk, PatchingFound> = {
    encode: encodePatching,
    read({ before, after, value }) {
      if (!before || !after || typeof value !== "number") throw new DecodeError("nothing came for this cell");
      return { array: null, before, after, value };
    },
    isClicked: () => false,
    isSmall: () => false,
  };
  return fetched.fetchWith(kind, connection, revision);
}
