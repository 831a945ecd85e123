/** Which part of a matrix is seen, and at what size: fitting, zooming, panning and picking as arithmetic. Values only. */

export interface Viewport {
  /** The cell, with fraction, at the left and top edge. */
  readonly x: number;
  readonly y: number;
  /** CSS pixels a cell is wide, and high where rows have no height of their own. */
  readonly scale: number;
}

/** Room on the screen in CSS pixels, and what is shown in it in cells. */
export interface Extent {
  readonly width: number;
  readonly height: number;
  readonly rows: number;
  readonly columns: number;
  /** CSS pixels of a row where all rows are seen at any zoom: few rows over many columns. */
  readonly rowHeight?: number | undefined;
  /** CSS pixels a cell is wide at most, where it holds words. */
  readonly widest?: number | undefined;
}

/** Cells of a small matrix, and the most one can zoom in. */
const LARGE = 28;
const LARGEST = 48;
/** Width of a cell beside others of a height of its own. */
const WIDE = 64;
/** Width at least of a last column that is no position. */
export const REST = 6;

/** CSS pixels of a row. */
export function rowScale({ scale }: Pick<Viewport, "scale">, { rowHeight }: Extent): number {
  return rowHeight ?? scale;
}

/** CSS pixels of a last column that is no position: seen at any zoom, past the edge of the others where they are narrower. */
export function restWidth({ scale }: Pick<Viewport, "scale">): number {
  return Math.max(scale, REST);
}

export function fitScale(extent: Extent): number {
  if (extent.rowHeight) return Math.min(extent.width / extent.columns, extent.widest ?? WIDE);
  return Math.min(extent.width / extent.columns, extent.height / extent.rows, LARGE);
}

export function whole(extent: Extent): Viewport {
  return { x: 0, y: 0, scale: fitScale(extent) };
}

/** The nearest viewport that is not smaller than the whole and does not look past an edge. */
export function within(view: Viewport, extent: Extent): Viewport {
  const least = fitScale(extent);
  const scale = Math.max(least, Math.min(view.scale, Math.max(least, extent.widest ?? LARGEST)));
  const keep = (at: number, cells: number, seen: number) => Math.max(0, Math.min(at, cells - seen));
  const high = extent.height / rowScale({ scale }, extent);
  return { x: keep(view.x, extent.columns, extent.width / scale), y: keep(view.y, extent.rows, high), scale };
}

/** Zoom by a factor so that the cell under the point (CSS pixels from the left top) stays there. */
export function zoom(view: Viewport, extent: Extent, px: number, py: number, factor: number): Viewport {
  const { scale } = within({ ...view, scale: view.scale * factor }, extent);
  const y = view.y + py / rowScale(view, extent) - py / rowScale({ scale }, extent);
  return within({ x: view.x + px / view.scale - px / scale, y, scale }, extent);
}

/** Move just so far that the cell is seen. */
export function reveal(view: Viewport, extent: Extent, row: number, column: number): Viewport {
  const into = (at: number, cell: number, size: number) => {
    return cell < at ? cell : cell + 1 > at + size ? cell + 1 - size : at;
  };
  const x = into(view.x, column, extent.width / view.scale);
  return within({ ...view, x, y: into(view.y, row, extent.height / rowScale(view, extent)) }, extent);
}

/** The finest level whose cells (2**level positions a side) are at least one device pixel. */
export function levelFor(devicePixels: number, levels: number): number {
  return Math.max(0, Math.min(levels - 1, Math.ceil(-Math.log2(devicePixels))));
}

/** Distance of ticks in cells: the first of 1, 2, 5, 10, 20, ... that leaves `room` pixels between two. */
export function tickStep(scale: number, room: number): number {
  const least = room / scale;
  const ten = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((n) => n * ten).find((step) => step >= least) ?? 10 * ten;
}
