/** From the answer of CKA to what is drawn: cells, and the line through the layers. Values only. */
import type { CKAAnswer } from "../protocol/decode-cka.ts";

/** Which of the two estimates. */
export type Estimate = "debiased" | "plain";

/** One stream of each model, both counted from the embedding. */
export interface Pair {
  readonly row: number;
  readonly column: number;
}

export function ckaOf(answer: CKAAnswer, estimate: Estimate, { row, column }: Pair): number {
  return answer[estimate][row * answer.snapshot.columns.length + column] ?? Number.NaN;
}

/** The pair of a cell counted over all, as the trait `display` keeps it; null where there is none. */
export function pairAt({ snapshot: { rows, columns } }: CKAAnswer, cell: number | null): Pair | null {
  if (cell === null || !Number.isInteger(cell) || cell < 0 || cell >= rows.length * columns.length) return null;
  return { row: Math.floor(cell / columns.length), column: cell % columns.length };
}

export function cellOf({ snapshot: { columns } }: CKAAnswer, { row, column }: Pair): number {
  return row * columns.length + column;
}

/** The matrix with the last stream of the rows on top, as it is drawn. */
export function upsideDown({ snapshot: { rows, columns } }: CKAAnswer, values: Float32Array): Float32Array {
  const out = new Float32Array(values.length);
  const width = columns.length;
  for (let row = 0; row < rows.length; row++)
    out.set(values.subarray(row * width, (row + 1) * width), (rows.length - 1 - row) * width);
  return out;
}

/**
 * The pairs of the line: of one model each stream with the next, so that the line says how much each block changes; of two with
 * as many streams those at the same place; else each stream of the rows with the one it is most alike.
 */
export function lineOf(answer: CKAAnswer): readonly Pair[] {
  const { rows, columns, one } = answer.snapshot;
  if (one) return rows.slice(1).map((_, i) => ({ row: i, column: i + 1 }));
  if (rows.length === columns.length) return rows.map((_, i) => ({ row: i, column: i }));
  return rows.map((_, row) => {
    let best = 0;
    for (let column = 1; column < columns.length; column++) {
      const [a, b] = [best, column].map((at) => ckaOf(answer, "debiased", { row, column: at })) as [number, number];
      if (b > a || (Number.isNaN(a) && !Number.isNaN(b))) best = column;
    }
    return { row, column: best };
  });
}
