/** The cells of a large matrix on a canvas: the finest tiles that are here, coarser ones in the place of those that are not. */
import type { Inks } from "./inks.ts";
import { colourInto, colourTable, Rasters, TILE } from "./rasters.ts";
import { type Extent, levelFor, restWidth, rowScale, type Viewport } from "./viewport.ts";

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly levels: number;
  readonly tile: (level: number, row: number, column: number) => Float32Array | null;
  readonly pooled: string;
  /** What grey cells are; "is not here yet" unless told. */
  readonly grey?: string | undefined;
  readonly top: number;
  readonly causal: boolean;
  readonly lastColumn?: string | undefined;
  /** Columns that are positions; the last that a row sees. */
  readonly keys: number;
  readonly seen: (row: number) => number;
}

/** Where the cells begin on the canvas, in device pixels. */
export interface Origin {
  readonly left: number;
  readonly top: number;
  /** Device pixels a CSS pixel. */
  readonly ratio: number;
}

/** Which tile of a level, and where in it. */
interface Across {
  readonly tile: number;
  readonly start: number;
  readonly count: number;
}

type Box = readonly [left: number, top: number, width: number, height: number];

export interface Painted {
  /** Tiles not here and not asked for before, as [level, row, column]. */
  readonly wanted: readonly (readonly [number, number, number])[];
  /** There is more to colour in the next frame. */
  readonly later: boolean;
  /** Which cells stand for how many. */
  readonly words: string;
}

/** Tiles coloured in one frame, beside those that stand in for others; the rest follow in the next frames. */
const A_FRAME = 4;

const keyOf = (level: number, row: number, column: number) => (level * 4096 + row) * 4096 + column;

export class Tiles {
  private readonly rasters: Rasters;
  private asked = new Set<number>();
  private table = new Uint32Array(511);

  constructor(budget: number) {
    this.rasters = new Rasters(budget);
  }

  set budget(bytes: number) {
    this.rasters.budget = bytes;
  }

  /** The numbers are others now: ask again. */
  forget(): void {
    this.asked = new Set();
  }

  /** The colours are others now. */
  recolour(inks: Inks | null, signed: boolean): void {
    if (inks) this.table = colourTable(inks, signed);
    this.rasters.clear();
  }

  paint(
    context: CanvasRenderingContext2D,
    origin: Origin,
    view: Viewport,
    extent: Extent,
    matrix: Matrix,
    inks: Inks,
  ): Painted {
    const wanted: [number, number, number][] = [];
    const want = (level: number, row: number, column: number) => {
      const key = keyOf(level, row, column);
      if (this.asked.has(key)) return;
      this.asked.add(key);
      wanted.push([level, row, column]);
    };
    const size = view.scale * origin.ratio;
    const high = rowScale(view, extent) * origin.ratio;
    const level = levelFor(size, matrix.levels);
    const coarsest = matrix.levels - 1;
    const span = TILE * 2 ** level;
    const extra = matrix.lastColumn === undefined ? 0 : 1;
    const shown = new Set<number>();
    let made = 0;
    let waits = false;
    let later = false;
    let blank = false;
    let full = false;
    let small = false;

    /** The tile as a bitmap; undefined while its numbers are not here, null where it can't be made in this frame. */
    const bitmap = (at: number, row: number, column: number, most: number): ImageBitmap | null | undefined => {
      const kept = this.rasters.get(keyOf(at, row, column));
      if (kept) return kept;
      const values = matrix.tile(at, row, column);
      if (!values) return undefined;
      if (made >= most) {
        waits = true;
        return null;
      }
      made++;
      const wide = Math.min(TILE, Math.ceil(matrix.keys / 2 ** at) + extra - TILE * column);
      const high = Math.min(TILE, Math.floor(values.length / wide));
      const done = this.rasters.make(keyOf(at, row, column), wide, high, (out) => {
        colourInto(out, values, matrix.top, this.table);
        if (matrix.causal) hide(out, matrix, at, row, column, wide);
      });
      full ||= !done;
      return done;
    };

    const top = Math.max(0, Math.floor(view.y));
    const bottom = Math.min(matrix.rows, Math.ceil(view.y + extent.height / rowScale(view, extent)));
    const first = Math.max(0, Math.floor(view.x));
    const end = Math.min(matrix.columns, Math.ceil(view.x + extent.width / view.scale));
    const x = (column: number) => Math.round(origin.left + (column - view.x) * size);
    const y = (row: number) => Math.round(origin.top + (row - view.y) * high);
    /** Part of a tile: rows r0 to r1, and the columns [tile, from, count] that stand for it at a level; `box` on the canvas. */
    const piece = (row: number, r0: number, r1: number, at: (level: number) => Across, box: Box) => {
      let from = level;
      let image = bitmap(level, row, at(level).tile, A_FRAME);
      const missing = image === undefined;
      const deferred = waits;
      waits = false;
      if (missing) want(level, row, at(level).tile);
      while (!image && from < coarsest) {
        from++;
        image = bitmap(from, row >> (from - level), at(from).tile, Number.POSITIVE_INFINITY);
      }
      if (image && deferred) later = true;
      else if (!image && !missing) {
        from = level;
        image = bitmap(level, row, at(level).tile, Number.POSITIVE_INFINITY);
      }
      if (!image) {
        blank = true;
        if (missing) want(coarsest, row >> (coarsest - level), at(coarsest).tile);
        context.fillStyle = inks.line;
        context.fillRect(...box);
        return;
      }
      shown.add(from);
      const cell = 2 ** from;
      // Fewer pixels than cells happens only where no coarser level is left: better averaged than left out.
      const packed = size * cell < 0.99;
      small ||= packed;
      context.imageSmoothingEnabled = packed;
      const { start, count } = at(from);
      context.drawImage(image, start, (r0 / cell) % TILE, count, (r1 - r0) / cell, ...box);
    };
    /** The rest's column: one cell wide at each level, after the last that stands for positions. */
    const rest = (at: number): Across => {
      const index = Math.ceil(matrix.keys / 2 ** at);
      return { tile: Math.floor(index / TILE), start: index % TILE, count: 1 };
    };
    const keysEnd = Math.min(end, matrix.keys);
    for (let row = Math.floor(top / span); row * span < bottom; row++) {
      const r0 = Math.max(top, row * span);
      const r1 = Math.min(bottom, (row + 1) * span);
      const down = y(r1) - y(r0);
      for (let column = Math.floor(first / span); column * span < keysEnd; column++) {
        const c0 = Math.max(first, column * span);
        const c1 = Math.min(keysEnd, (column + 1) * span);
        if (c0 > matrix.seen(r1 - 1)) continue;
        const keys = (at: number): Across => {
          const cell = 2 ** at;
          return { tile: column >> (at - level), start: (c0 / cell) % TILE, count: (c1 - c0) / cell };
        };
        piece(row, r0, r1, keys, [x(c0), y(r0), x(c1) - x(c0), down]);
      }
      if (end > matrix.keys) {
        const wide = Math.round(restWidth(view) * origin.ratio);
        piece(row, r0, r1, rest, [x(matrix.keys), y(r0), wide, down]);
      }
    }
    this.rasters.endFrame();
    const levels = [...shown].sort((a, b) => a - b);
    return { wanted, later, words: say(matrix, levels, { small, blank, full }) };
  }
}

function say(
  { pooled, grey = "is not here yet" }: Matrix,
  shown: readonly number[],
  { small, blank, full }: { small: boolean; blank: boolean; full: boolean },
): string {
  const cells = (level: number) => (level === 0 ? "single cells" : `${pooled} of ${2 ** level} × ${2 ** level}`);
  const [finest, ...others] = shown;
  const parts: string[] = [];
  if (finest !== undefined) parts.push(cells(finest));
  if (others.length > 0) parts.push(`in places ${others.map(cells).join(" and ")}`);
  if (small) parts.push("several to a pixel, blended");
  if (blank) parts.push(`grey ${grey}`);
  if (full) parts.push("coarser: the browser has no memory left");
  return parts.join(", ");
}

/** Take away the cells of a tile that rows can't see. */
function hide(out: Uint32Array, matrix: Matrix, level: number, row: number, column: number, width: number): void {
  const cell = 2 ** level;
  const end = Math.ceil(matrix.keys / cell) - TILE * column;
  const stop = matrix.lastColumn === undefined ? width : Math.min(width, end);
  for (let r = 0; r * width < out.length; r++) {
    const last = Math.min(matrix.rows, (row * TILE + r + 1) * cell) - 1;
    const start = Math.max(0, Math.floor(matrix.seen(last) / cell) + 1 - TILE * column);
    if (start < stop) out.fill(0, r * width + start, r * width + stop);
  }
}
