/** What a view of direct logit attribution asks beside its picture: the strongest neurons of an MLP, where a head looks. */
import { DecodeError } from "../protocol/arrays.ts";
import { type HeadFound, readHead } from "../protocol/decode-direct.ts";
import { type DirectAsk, encodeDirect } from "../protocol/encode.ts";
import type { NeuronRow } from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import * as fetched from "./fetched.ts";

/** What was asked for: neurons, largest share first whatever its sign, or a head. `array` is for what counts bytes. */
export interface DirectFound {
  readonly array: Float32Array | null;
  readonly neurons: readonly NeuronRow[] | null;
  readonly head: HeadFound | null;
}

export type DirectDetail = fetched.Detail<DirectFound>;
export type DirectDetails = fetched.Details<DirectAsk, DirectFound>;

/** `positions`: of the text on the screen. */
export function fetchDirect(connection: Connection, positions: () => number, revision: () => number): DirectDetails {
  const kind: fetched.Kind<DirectAsk, DirectFound> = {
    encode: encodeDirect,
    read({ neurons = null, head = null }, buffers, { action }) {
      if (action === "head" ? !head : !neurons) throw new DecodeError(`nothing came for ${action}`);
      const found = head && readHead(head, positions(), buffers);
      return { array: found && (found.pattern ?? found.weights), neurons, head: found };
    },
    isClicked: () => false,
    isSmall: () => false,
  };
  return fetched.fetchWith(kind, connection, revision);
}
