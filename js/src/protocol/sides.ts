/** Tokens with their integer columns, checked against each other. */
import { type Bytes, DecodeError, readInts } from "./arrays.ts";
import type { ArrayHeader, TokenColumns } from "./generated.ts";

/** Tokens of one side, with their integer columns. */
export interface Side {
  readonly tokens: TokenColumns;
  readonly ids: Int32Array;
  readonly turn: Int32Array;
}

/** Throws DecodeError where a column has another length. */
export function readSide(tokens: TokenColumns, buffers: readonly Bytes[]): Side {
  const count = tokens.text.length;
  const ids = readInts(tokens.id, buffers);
  const turn = readInts(tokens.turn, buffers);
  for (const column of [tokens.raw, tokens.kind, tokens.role, tokens.part, ids, turn]) {
    if (column.length !== count)
      throw new DecodeError(`a token column has ${column.length} entries for ${count} tokens`);
  }
  return { tokens, ids, turn };
}

/** Throws DecodeError where an array is of another shape. */
export function checkShape({ shape }: ArrayHeader, wanted: readonly number[]): void {
  if (shape.join() !== wanted.join()) throw new DecodeError(`an array is [${shape}], not [${wanted}]`);
}
