/** What a view of direct logit attribution asks beside its picture: the strongest neurons of an MLP. */
import { DecodeError } from "../protocol/arrays.ts";
import { type DirectAsk, encodeDirect } from "../protocol/encode.ts";
import type { NeuronRow } from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import * as fetched from "./fetched.ts";

/** Largest share first, whatever its sign; `array` is for what counts bytes, and there is none here. */
export interface DirectFound {
  readonly array: null;
  readonly neurons: readonly NeuronRow[];
}

export type DirectDetail = fetched.Detail<DirectFound>;
export type DirectDetails = fetched.Details<DirectAsk, DirectFound>;

export function fetchDirect(connection: Connection, revision: () => number): DirectDetails {
  const kind: fetched.Kind<DirectAsk, DirectFound> = {
    encode: encodeDirect,
    read({ neurons }, _, { action }) {
      if (!neurons) throw new DecodeError(`nothing came for ${action}`);
      return { array: null, neurons };
    },
    isClicked: () => false,
    isSmall: () => false,
  };
  return fetched.fetchWith(kind, connection, revision);
}
