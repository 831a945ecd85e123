/** What is to be drawn now, from what the store knows: one value that all parts of a view read. */
import type { Answer } from "../protocol/decode.ts";
import type { CandidateRow, TargetSpec } from "../protocol/generated.ts";
import { current } from "./history.ts";
import {
  type Changes,
  changesOf,
  errorsOf,
  estimated,
  type Rows,
  rowsOf,
  rowValue,
  shownRow,
  type Unit,
  units,
  valuesOf,
} from "./picture.ts";
import type { Store } from "./store.ts";

export interface Scene {
  /** The last complete answer; null before the first. */
  readonly last: Answer | null;
  /** What is drawn: a partial answer once it has scores, else the last one. */
  readonly answer: Answer | null;
  /** Whose question is written out: the one being computed as soon as it is known. */
  readonly about: Answer | null;
  /** False: this view has no way to draw its axes. */
  readonly drawable: boolean;
  readonly rows: Rows | null;
  readonly row: number | null;
  readonly units: readonly Unit[];
  readonly values: Float32Array | null;
  readonly errors: Float32Array | null;
  readonly changes: Changes | null;
  /** What is not known yet of the values is an estimate. */
  readonly estimate: boolean;
  /** The row of `about`, and the number that is explained. */
  readonly aboutRow: number | null;
  readonly value: number | null;
  readonly candidates: readonly CandidateRow[];
  readonly target: number | null;
  readonly contrast: number | null;
  /** Index of the explained generated token, or -1. */
  readonly generated: number;
  /** The picture is older than the question. */
  readonly dim: boolean;
  readonly dimCandidates: boolean;
  readonly dimQuestion: boolean;
}

const NO_UNITS: readonly Unit[] = [];
const NO_CANDIDATES: readonly CandidateRow[] = [];
const NOTHING = {
  drawable: true,
  rows: null,
  row: null,
  units: NO_UNITS,
  values: null,
  errors: null,
  changes: null,
  estimate: false,
  aboutRow: null,
  value: null,
  target: null,
  contrast: null,
  generated: -1,
};

/** Derives scenes; what did not change keeps its identity, so that parts can skip work. */
export function sceneMaker(store: Store): () => Scene {
  const ink = memo((answer: Answer, row: number | null, fetched: ReadonlyMap<number, Float32Array>) => ({
    values: valuesOf(answer, answer.scores, row, fetched),
    errors: errorsOf(answer, row),
  }));
  const changes = memo((before: Answer | null, answer: Answer, row: number | null) => changesOf(before, answer, row));
  const choices = memo((answer: Answer) => rowsOf(answer));

  return () => {
    const last = current(store.history.value);
    const partial = store.partial.value;
    const about = partial?.answer ?? last;
    const answer = partial?.answer?.scores || !last?.scores ? about : last;
    const live = store.connection.live.value;
    // Asked before there was anything: what there is (the text, the next tokens) belongs to the question.
    const asks = store.status.value.state === "asks" && Boolean(last?.scores);
    const waiting = live !== null || asks;
    const fresh = partial !== null && (!live || partial.revision === live.revision);
    const dim = waiting && !(fresh && partial?.answer?.scores);
    // A partial answer may come without its own question yet.
    const dimQuestion = waiting && !(fresh && partial?.answer && partial.answer.snapshot !== last?.snapshot);
    const dimCandidates = waiting && !(fresh && partial?.candidates);
    const candidates = partial?.candidates ?? about?.snapshot.candidates ?? NO_CANDIDATES;
    const flags = { last, answer, about, candidates, dim, dimQuestion, dimCandidates };
    if (!answer || !about) return { ...NOTHING, ...flags };
    const chosen = store.display.value.row;
    const found = choices(answer);
    const rows = found === "cannot" ? null : found;
    const row = shownRow(rows, chosen);
    const aboutRows = about === answer ? found : rowsOf(about);
    const aboutRow = shownRow(aboutRows === "cannot" ? null : aboutRows, chosen);
    const drawable = found !== "cannot";
    const { values, errors } = drawable ? ink(answer, row, store.fetched.value) : { values: null, errors: null };
    const { snapshot } = about;
    const first = snapshot.rows[aboutRow ?? 0];
    const marks = drawable && !answer.estimate ? changes(store.before.value, answer, row) : null;
    return {
      ...flags,
      drawable,
      rows,
      row,
      units: units(answer),
      values,
      errors,
      changes: marks,
      estimate: estimated(answer, row),
      aboutRow,
      value: rowValue(about, aboutRow),
      target: first?.id ?? null,
      contrast: first?.contrast ? contrastId(snapshot.contrast, first.contrast, candidates) : null,
      generated: generatedIndex(answer, row),
    };
  };
}

function contrastId(spec: TargetSpec | null, text: string, candidates: readonly CandidateRow[]): number | null {
  if (spec?.kind === "token") return spec.id ?? null;
  return candidates.find((c) => c.text === text)?.id ?? null;
}

function generatedIndex({ snapshot }: Answer, row: number | null): number {
  const { target, rows, generated } = snapshot;
  if (target?.kind === "generated") return target.index ?? -1;
  return row !== null && rows.length === generated.length ? row : -1;
}

/** Remember the last call of a pure function. */
function memo<A extends unknown[], R>(make: (...args: A) => R): (...args: A) => R {
  let args: A | null = null;
  let result: R;
  return (...next) => {
    if (!args || next.some((value, i) => !Object.is(value, args?.[i]))) {
      result = make(...next);
      args = next;
    }
    return result;
  };
}
