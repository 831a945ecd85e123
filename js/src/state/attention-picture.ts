/** From an attention answer, a head and a way of looking to rows, tiles and lines. Values only. */
import { type AttentionAnswer, sidesOf } from "../protocol/decode-attention.ts";
import type { AttentionAsk } from "../protocol/encode.ts";
import type { Side } from "../protocol/sides.ts";
import type { Details } from "./attention-details.ts";
import { headPlace, type Place } from "./attention-names.ts";
import type { Axis, Look, Pool } from "./attention-store.ts";
import type { Unit } from "./picture.ts";
import { TILE } from "./tiling.ts";

/** Whether weights have one more column for the rest: where rows do not sum to 1. */
function hasRest(answer: AttentionAnswer, { measure }: Pick<Look, "measure">): boolean {
  return answer.snapshot.sinks && measure === "weight";
}

/** Levels until one tile holds everything; the rest has a column of its own at each. */
export function levelsOf(rows: number, keys: number, rest = false): number {
  let levels = 1;
  let [high, wide] = [rows, keys];
  for (; Math.max(high, wide + Number(rest)) > TILE; levels++)
    [high, wide] = [Math.ceil(high / 2), Math.ceil(wide / 2)];
  return levels;
}

const units = new WeakMap<Side, readonly Unit[]>();

/** Tokens as the strip draws them, one a position. */
export function unitsOf(side: Side): readonly Unit[] {
  let made = units.get(side);
  if (!made) {
    const { tokens, ids, turn } = side;
    made = tokens.text.map((text, i): Unit => {
      const piece = { text, raw: tokens.raw[i] ?? "", id: ids[i] ?? -1, kind: tokens.kind[i] ?? "text", index: i };
      const [role, part] = [tokens.role[i] ?? "text", tokens.part[i] ?? "prompt"];
      return { pieces: [piece], label: text, role, part, turn: turn[i] ?? 0, entry: i, generated: -1 };
    });
    units.set(side, made);
  }
  return made;
}

/** At level 0 a cell is one weight, whatever the pooling. */
export function tileAsk(
  { map, head }: Place,
  measure: Look["measure"],
  pool: Pool,
  level: number,
  row: number,
  column: number,
): AttentionAsk {
  return { action: "tile", map, head, measure, pool: level ? pool : "max", level, row, column };
}

export function lineAsk({ map, head }: Place, measure: Look["measure"], axis: Axis, index: number): AttentionAsk {
  return { action: "line", map, head, measure, axis, index };
}

/** What a head is asked for and how it is shown, with what has come of it. */
export interface HeadView {
  readonly head: number;
  readonly place: Place;
  readonly looks: Side;
  readonly seen: Side;
  readonly rows: number;
  /** Columns that are positions; with `rest` there is one more. */
  readonly keys: number;
  readonly rest: boolean;
  readonly columns: number;
  readonly levels: number;
  /** Weights are drawn without the first position, the rest of each row brought to 1. */
  readonly renormalised: boolean;
}

export function headView(answer: AttentionAnswer, head: number, look: Look): HeadView | null {
  const place = headPlace(answer, head);
  if (!place) return null;
  const { looks, seen } = sidesOf(answer, place.of);
  const rows = place.of.n_query;
  const rest = hasRest(answer, look);
  const renormalised = look.hideFirst && look.measure === "weight";
  const keys = place.of.n_key;
  const levels = levelsOf(rows, keys, rest);
  return { head, place, looks, seen, rows, keys, rest, columns: keys + Number(rest), levels, renormalised };
}

/** Asked before anything of a head can be brought to 1 without its first position. */
export function firstAsk({ place }: HeadView): AttentionAsk {
  return lineAsk(place, "weight", "key", 0);
}

const shown = new WeakMap<Float32Array, { first: Float32Array | null; out: Float32Array }>();

/**
 * A tile as it is drawn: as it came, or without the first position. Where a cell stands for several rows it is then divided by
 * the largest remainder among them, so what is drawn is at least reached. Null while something is missing.
 */
export function tileOf(
  view: HeadView,
  look: Look,
  details: Pick<Details, "get">,
  level: number,
  row: number,
  column: number,
  pool: Pool = look.pool,
): Float32Array | null {
  const found = details.get(tileAsk(view.place, look.measure, pool, level, row, column))?.found;
  const raw = found?.array;
  if (!(raw instanceof Float32Array)) return null;
  if (!look.hideFirst) return raw;
  const first = view.renormalised ? details.get(firstAsk(view))?.found?.array : null;
  if (view.renormalised && !(first instanceof Float32Array)) return null;
  const kept = shown.get(raw);
  if (kept && kept.first === (first ?? null)) return kept.out;
  const width = found?.shape[1] ?? 1;
  const out = Float32Array.from(raw);
  const side = 2 ** level;
  for (let r = 0; r * width < out.length; r++) {
    let rest = first ? 0 : 1;
    const from = (row * TILE + r) * side;
    for (let i = from; first && i < Math.min(from + side, first.length); i++)
      rest = Math.max(rest, remainder(first, i));
    for (let c = 0; c < width; c++) {
      const at = r * width + c;
      out[at] = column === 0 && c === 0 ? 0 : over(out[at] ?? 0, rest);
    }
  }
  shown.set(raw, { first: (first as Float32Array | null | undefined) ?? null, out });
  return out;
}

const remainder = (first: ArrayLike<number>, i: number) => 1 - (first[i] ?? 0);
/** Nothing is left to be shared out where the first position has it all. */
const over = (value: number, rest: number) => (rest < 1e-4 ? 0 : value / rest);

/**
 * Exact values of one row or column, the first position left out if it is hidden; from the line itself, else put together from
 * the finest tiles where they are here (`exact` false: those are rounded to halves). Null while neither has come.
 */
export function lineOf(
  view: HeadView,
  look: Look,
  details: Pick<Details, "get">,
  axis: Axis,
  index: number,
): { values: Float32Array; exact: boolean } | null {
  const found = details.get(lineAsk(view.place, look.measure, axis, index))?.found?.array;
  if (!(found instanceof Float32Array)) {
    const values = fromTiles(view, look, details, axis, index);
    return values && { values, exact: false };
  }
  if (!look.hideFirst) return { values: found, exact: true };
  const first = view.renormalised ? details.get(firstAsk(view))?.found?.array : null;
  if (view.renormalised && !first) return null;
  const rest = (i: number) => (first ? remainder(first, i) : 1);
  const values = found.map((value, i) =>
    axis === "query" ? (i ? over(value, rest(index)) : 0) : over(value, rest(i)),
  );
  if (axis === "key" && index === 0) values.fill(0);
  return { values, exact: true };
}

function fromTiles(
  view: HeadView,
  look: Look,
  details: Pick<Details, "get">,
  axis: Axis,
  index: number,
): Float32Array | null {
  const along = axis === "query" ? view.columns : view.rows;
  const out = new Float32Array(along);
  const [across, inside] = [Math.floor(index / TILE), index % TILE];
  for (let t = 0; t * TILE < along; t++) {
    const [row, column] = axis === "query" ? [across, t] : [t, across];
    const tile = tileOf(view, look, details, 0, row, column);
    if (!tile) return null;
    const width = Math.min(TILE, view.columns - column * TILE);
    for (let i = 0; i < Math.min(TILE, along - t * TILE); i++)
      out[t * TILE + i] = tile[axis === "query" ? inside * width + i : i * width + inside] ?? 0;
  }
  return out;
}

/** The tile that holds the whole map. */
export function wholeAsk({ place, levels }: HeadView, look: Look): AttentionAsk {
  return tileAsk(place, look.measure, "max", levels - 1, 0, 0);
}

/** The largest value there is, which is the top of the scale; 0 while it is not known. */
export function topOf(view: HeadView, look: Look, details: Pick<Details, "get">): number {
  const tile = tileOf(view, look, details, view.levels - 1, 0, 0, "max");
  let top = 0;
  for (const value of tile ?? []) if (value > top) top = value;
  return top;
}

/** One of the strongest cells of a whole map: the first and last row and column it stands for, and the value. */
export interface Strong {
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
  readonly value: number;
}

export function strongest(view: HeadView, look: Look, details: Pick<Details, "get">, count: number): Strong[] {
  const level = view.levels - 1;
  const tile = tileOf(view, look, details, level, 0, 0, "max");
  if (!tile) return [];
  const side = 2 ** level;
  const width = Math.ceil(view.keys / side) + Number(view.rest);
  const best: number[] = [];
  for (let i = 0; i < tile.length; i++) {
    const value = tile[i] ?? 0;
    if (value <= 0 || (best.length === count && value <= (tile[best[count - 1] ?? 0] ?? 0))) continue;
    let at = best.length;
    while (at && (tile[best[at - 1] ?? 0] ?? 0) < value) at--;
    best.splice(at, 0, i);
    if (best.length > count) best.pop();
  }
  const upTo = (size: number, i: number) => [i * side, Math.min(size, (i + 1) * side) - 1] as const;
  return best.map((i) => ({
    rows: upTo(view.rows, Math.floor(i / width)),
    columns: view.rest && i % width === width - 1 ? [view.keys, view.keys] : upTo(view.keys, i % width),
    value: tile[i] ?? 0,
  }));
}
