/** An answer and a choice of row, turned into the columns a strip draws. Values only. */
import type { Answer } from "../protocol/decode.ts";
import { align } from "./diff.ts";

/** One token inside a unit. `index` is its position among all tokens. */
export interface Piece {
  readonly text: string;
  readonly raw: string;
  readonly id: number;
  readonly kind: string;
  readonly index: number;
}

/** One entry of the position axis: a token, or a group of them. */
export interface Unit {
  readonly pieces: readonly Piece[];
  readonly label: string;
  readonly role: string;
  readonly part: string;
  readonly turn: number;
  /** Entry of the position axis, or -1 for tokens outside of it (a generated token that nothing was asked about). */
  readonly entry: number;
  /** Index among the generated tokens, or -1. */
  readonly generated: number;
}

/** Entries of the axis before `pos` to choose from; `sum` says whether adding them up means something. */
export interface Rows {
  readonly axis: string;
  readonly labels: readonly string[];
  readonly sum: boolean;
}

const unitsOf = new WeakMap<Answer["snapshot"], readonly Unit[]>();

/** Units in reading order, then the generated tokens that came after the explained one. */
export function units(answer: Answer): readonly Unit[] {
  const cached = unitsOf.get(answer.snapshot);
  if (cached) return cached;
  const { tokens, unit_labels, n_prompt, generated } = answer.snapshot;
  const out: Unit[] = [];
  let pieces: Piece[] = [];
  const count = tokens.text.length;
  for (let i = 0; i < count; i++) {
    const piece = {
      text: tokens.text[i] ?? "",
      raw: tokens.raw[i] ?? "",
      id: answer.ids[i] ?? -1,
      kind: tokens.kind[i] ?? "text",
      index: i,
    };
    pieces.push(piece);
    const entry = answer.unit[i] ?? -1;
    if (i + 1 < count && entry >= 0 && answer.unit[i + 1] === entry) continue;
    const first = pieces[0]?.index ?? i;
    const written = tokens.part[first] === "generated";
    out.push({
      pieces,
      label: unit_labels[entry] ?? piece.text,
      role: roleOf(tokens.role, pieces),
      part: written ? "generated" : "prompt",
      turn: answer.turn[first] ?? 0,
      entry,
      generated: written ? first - n_prompt : -1,
    });
    pieces = [];
  }
  const lastTurn = out.at(-1)?.turn ?? 0;
  for (let g = count - n_prompt; g < generated.length; g++) {
    const row = generated[g];
    if (!row) continue;
    const piece = { text: row.text, raw: "", id: row.id, kind: "text", index: n_prompt + g };
    out.push({
      pieces: [piece],
      label: row.text,
      role: "text",
      part: "generated",
      turn: lastTurn,
      entry: -1,
      generated: g,
    });
  }
  unitsOf.set(answer.snapshot, out);
  return out;
}

function roleOf(roles: readonly string[], pieces: readonly Piece[]): string {
  return pieces.map((p) => roles[p.index] ?? "text").find((role) => role !== "special") ?? "special";
}

/** Whether this answer can be drawn along one line of text, and over which axis a row has to be chosen. */
export function rowsOf(answer: Answer): Rows | null | "cannot" {
  const { axes, rows, labels } = answer.snapshot;
  if (axes.length === 1 && axes[0] === "pos") {
    return rows.length > 1 ? { axis: "target", labels: rows.map((r) => r.text), sum: true } : null;
  }
  const axis = axes[0];
  if (axes.length !== 2 || axes[1] !== "pos" || axis === undefined) return "cannot";
  const size = answer.shape[0] ?? rows.length;
  if (axis === "target") {
    const texts = rows.length ? rows.map((r) => r.text) : (labels.target ?? []);
    return size > 1 ? { axis, labels: numbered(texts, size, "target"), sum: rows.length > 0 } : null;
  }
  return size > 1 ? { axis, labels: numbered(labels[axis] ?? [], size, axis), sum: false } : null;
}

function numbered(labels: readonly string[], size: number, axis: string): string[] {
  return Array.from({ length: size }, (_, i) => labels[i] ?? `${axis} ${i}`);
}

/** The row that is shown: what was chosen where it exists, else the sum (null), else the first. */
export function shownRow(rows: Rows | null, chosen: number | null): number | null {
  if (!rows) return null;
  if (chosen !== null && chosen >= 0 && chosen < rows.labels.length) return chosen;
  return rows.sum ? null : 0;
}

/** Values along the position axis for a row (null: the sum, which is NaN where any part is). Null when not here yet. */
export function valuesOf(
  answer: Answer,
  array: Float32Array | null,
  row: number | null,
  fetched: ReadonlyMap<number, Float32Array> | null,
): Float32Array | null {
  if (!array) return null;
  if (row === null && answer.sum && array === answer.scores) return answer.sum;
  const width = answer.snapshot.unit_labels.length;
  const height = width ? array.length / width : 0;
  if (height <= 1)
    return row === null || height === 0 || !fetched || answer.snapshot.rows.length < 2
      ? array
      : (fetched.get(row) ?? null);
  if (row !== null) return array.subarray(row * width, (row + 1) * width);
  const sum = new Float32Array(width);
  for (let r = 0; r < height; r++)
    for (let i = 0; i < width; i++) sum[i] = (sum[i] ?? 0) + (array[r * width + i] ?? Number.NaN);
  return sum;
}

/** Whether what is not known yet of this row (null: the sum) is an estimate, rather than nothing. */
export function estimated(answer: Answer, row: number | null): boolean {
  return answer.estimate && (row === null || !answer.sum);
}

/** Standard errors along the position axis; for the sum they add up in squares (draws of different rows are taken as independent). */
export function errorsOf(answer: Answer, row: number | null): Float32Array | null {
  const { standardError } = answer;
  if (!standardError || row !== null) return valuesOf(answer, standardError, row, null);
  const squares = valuesOf(
    answer,
    standardError.map((e) => e * e),
    null,
    null,
  );
  return squares ? squares.map(Math.sqrt) : null;
}

/** The number of the row that is explained; null where it is not known. */
export function rowValue(answer: Answer, row: number | null): number | null {
  const { rows } = answer.snapshot;
  if (row !== null) return rows[row]?.value ?? null;
  let sum = 0;
  for (const one of rows) {
    if (one.value === null) return null;
    sum += one.value;
  }
  return rows.length ? sum : null;
}

/** What differs from the version before, by entry of the position axis. Null where comparing makes no sense. */
export interface Changes {
  /** 1 where the text is new. */
  readonly fresh: Uint8Array;
  /** The value before; NaN where there was none. */
  readonly old: Float32Array;
}

/** Only an edited input is compared: another target, method or unit gives numbers of another kind. */
export function changesOf(before: Answer | null, now: Answer, row: number | null): Changes | null {
  if (!before?.scores || !now.scores || before.snapshot.text === now.snapshot.text) return null;
  const [a, b] = [before.snapshot, now.snapshot];
  const kind = (s: typeof a) =>
    JSON.stringify([s.method?.name, s.method?.params, s.quantity, s.unit_kind, s.target, s.contrast, s.axes]);
  if (a.rows.length !== b.rows.length || kind(a) !== kind(b)) return null;
  const was = valuesOf(before, before.scores, row, null);
  if (!was) return null;
  const map = align(before.ids, now.ids);
  const width = b.unit_labels.length;
  const fresh = new Uint8Array(width);
  const old = new Float32Array(width).fill(Number.NaN);
  for (let i = 0; i < now.ids.length; i++) {
    const entry = now.unit[i] ?? -1;
    if (entry < 0) continue;
    const from = map[i] ?? -1;
    if (from < 0) fresh[entry] = 1;
    else if (!(before.unit[from] === undefined)) old[entry] = was[before.unit[from] ?? -1] ?? Number.NaN;
  }
  for (let i = 0; i < width; i++) if (fresh[i]) old[i] = Number.NaN;
  return { fresh, old };
}
