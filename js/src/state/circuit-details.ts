/** What a circuit view asks beside its picture: the circuit of another size, and what one edge really carries. */
import { DecodeError, readMask } from "../protocol/arrays.ts";
import { type CircuitAsk, encodeCircuit } from "../protocol/encode.ts";
import type { CandidateRow } from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import * as fetched from "./fetched.ts";

/** Of `keep`: which edges are kept (`array` [edge]) and how good they are; of `edge`: `value`, what the number loses. */
export interface CircuitFound {
  readonly array: Uint8Array | null;
  readonly faithfulness: number | null;
  readonly completeness: number | null;
  readonly before: readonly CandidateRow[] | null;
  readonly after: readonly CandidateRow[] | null;
  readonly value: number | null;
}

export type CircuitDetail = fetched.Detail<CircuitFound>;
export type CircuitDetails = fetched.Details<CircuitAsk, CircuitFound>;

/** `edges`: how many the picture has. */
export function fetchCircuit(connection: Connection, revision: () => number, edges: () => number): CircuitDetails {
  const kind: fetched.Kind<CircuitAsk, CircuitFound> = {
    encode: encodeCircuit,
    read({ array, faithfulness, completeness, before, after, value }, buffers, { action }) {
      if (action === "keep" && array?.shape.join() !== String(edges()))
        throw new DecodeError(`what is kept is [${array?.shape}], not [${edges()}]`);
      if (action === "edge" && (typeof value !== "number" || !before || !after))
        throw new DecodeError("nothing came for this edge");
      return {
        array: array ? readMask(array, buffers) : null,
        faithfulness: faithfulness ?? null,
        completeness: completeness ?? null,
        before: before ?? null,
        after: after ?? null,
        value: value ?? null,
      };
    },
    isClicked: () => false,
    isSmall: () => false,
  };
  return fetched.fetchWith(kind, connection, revision);
}
