/** What a steering view asks beside its picture: what the model writes without and with the interventions. */
import { DecodeError } from "../protocol/arrays.ts";
import { encodeSteer, type SteerAsk } from "../protocol/encode.ts";
import type { WrittenToken } from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import * as fetched from "./fetched.ts";

export interface Written {
  readonly array: null;
  readonly before: readonly WrittenToken[];
  readonly after: readonly WrittenToken[];
}

export type SteerDetail = fetched.Detail<Written>;
export type SteerDetails = fetched.Details<SteerAsk, Written>;

export function fetchWritten(connection: Connection, revision: () => number): SteerDetails {
  const kind: fetched.Kind<SteerAsk, Written> = {
    encode: encodeSteer,
    read({ written_before, written_after }) {
      if (!written_before || !written_after) throw new DecodeError("no text came");
      return { array: null, before: written_before, after: written_after };
    },
    isClicked: () => false,
    isSmall: () => false,
  };
  return fetched.fetchWith(kind, connection, revision);
}
