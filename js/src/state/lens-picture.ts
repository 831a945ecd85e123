/** From a lens answer to the cells of its grid, what each says, and the way of one token through the streams. Values only. */
import type { LensAnswer } from "../protocol/decode-lens.ts";
import type { LensFound } from "./lens-details.ts";
import type { LensCell } from "./lens-store.ts";

export interface Guess {
  readonly id: number;
  readonly text: string;
  readonly prob: number;
}

/** Of two models. */
export type Whose = "this" | "other";

/** The cells of one of two models; of the only one where there is no other. */
export function cellsOf(answer: LensAnswer, whose: Whose): Pick<LensAnswer, "top" | "prob"> {
  return whose === "other" && answer.other ? answer.other : answer;
}

/** The last stream, which gives the model's own answer, is on top. */
export const rowOf = (streams: number, stream: number) => streams - 1 - stream;

/** The most probable tokens of a cell, first first; none where its position was not read. */
export function guessesOf(answer: LensAnswer, { stream, position }: LensCell, whose: Whose = "this"): Guess[] {
  const { snapshot, known, texts } = answer;
  const { top, prob } = cellsOf(answer, whose);
  if (!known[position]) return [];
  const from = (stream * known.length + position) * snapshot.k;
  return Array.from({ length: snapshot.k }, (_, i) => {
    const id = top[from + i] ?? -1;
    return { id, text: texts.get(id) ?? "", prob: prob[from + i] ?? 0 };
  });
}

/** Numbers of the grid as it is drawn, [row, position]: of `values` [stream, position], else the first token's probability; NaN where not read. */
export function gridOf(answer: LensAnswer, values: Float32Array | null, whose: Whose = "this"): Float32Array {
  const { snapshot, known } = answer;
  const { prob } = cellsOf(answer, whose);
  const [streams, width] = [snapshot.streams.length, known.length];
  return Float32Array.from({ length: streams * width }, (_, i) => {
    const position = i % width;
    if (!known[position]) return Number.NaN;
    const cell = rowOf(streams, Math.floor(i / width)) * width + position;
    return (values ? values[cell] : prob[cell * snapshot.k]) ?? Number.NaN;
  });
}

/** The largest magnitude. */
export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++)
    if (Math.abs(values[i] as number) > most) most = Math.abs(values[i] as number);
  return most;
}

/** Every position was read. */
export const isWhole = ({ known }: LensAnswer) => known.every((k) => k > 0);

/** Rank (1 is the first) and probability of one token in every stream. */
export interface Trace {
  readonly token: number | null;
  readonly text: string;
  readonly rank: Float32Array;
  readonly prob: Float32Array;
}

export function traceOf({ array, token, text }: LensFound): Trace | null {
  if (!array) return null;
  const half = array.length / 2;
  return { token, text, rank: array.slice(0, half).map((r) => r + 1), prob: array.slice(half) };
}

/** Where a token first is the most probable, whether it stays so to the end, and its best. Indices of streams. */
export interface Course {
  readonly first: number | null;
  /** From here on it is first to the end. */
  readonly settled: number | null;
  readonly best: number;
}

export function courseOf({ rank }: Trace): Course {
  const first = rank.indexOf(1);
  let settled = rank.length;
  while (settled > 0 && rank[settled - 1] === 1) settled -= 1;
  const best = rank.indexOf(Math.min(...rank));
  return { first: first < 0 ? null : first, settled: settled < rank.length ? settled : null, best };
}
