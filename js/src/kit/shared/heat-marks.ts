/** What is drawn over the cells of a matrix: its edge, lines between large cells, pins, hover and cursor. */
import { NAMED } from "./gutters.ts";
import type { Inks } from "./inks.ts";
import { type Extent, restWidth, rowScale, type Viewport } from "./viewport.ts";

export interface Marks {
  readonly pinnedRows: readonly number[];
  readonly pinnedColumns: readonly number[];
  readonly hoveredRow: number | null;
  readonly hoveredColumn: number | null;
  readonly cursor: { readonly row: number; readonly column: number } | null;
  readonly causal: boolean;
  readonly lastColumn?: string | undefined;
  /** Columns that are positions; the last that a row sees. */
  readonly keys: number;
  readonly seen: (row: number) => number;
}

/** Hatch the cells that have no number; says whether there are any. */
export function drawGaps(
  context: CanvasRenderingContext2D,
  isGap: (row: number, column: number) => boolean,
  view: Viewport,
  extent: Extent,
  inks: Inks,
): boolean {
  const high = rowScale(view, extent);
  const to = Math.min(extent.columns, Math.ceil(view.x + extent.width / view.scale));
  const last = Math.min(extent.rows, Math.ceil(view.y + extent.height / high));
  context.beginPath();
  let any = false;
  for (let row = Math.max(0, Math.floor(view.y)); row < last; row++) {
    for (let from = Math.max(0, Math.floor(view.x)); from < to; from++) {
      let end = from;
      while (end < to && isGap(row, end)) end++;
      if (end === from) continue;
      any = true;
      context.rect((from - view.x) * view.scale, (row - view.y) * high, (end - from) * view.scale, high);
      from = end;
    }
  }
  if (!any) return false;
  context.save();
  context.fillStyle = inks.paper;
  context.fill();
  context.clip();
  context.strokeStyle = inks.soft;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = -extent.height; at < extent.width; at += 7) {
    context.moveTo(at, extent.height);
    context.lineTo(at + extent.height, 0);
  }
  context.stroke();
  context.restore();
  return true;
}

/** Draws in CSS pixels from the left top of the cells. */
export function drawMarks(
  context: CanvasRenderingContext2D,
  marks: Marks,
  view: Viewport,
  extent: Extent,
  inks: Inks,
  ratio: number,
): void {
  const high = rowScale(view, extent);
  const crisp = (at: number) => (Math.round(at * ratio) + 0.5) / ratio;
  const x = (column: number) => crisp((column - view.x) * view.scale);
  const y = (row: number) => crisp((row - view.y) * high);
  const right = x(Math.min(extent.columns, view.x + extent.width / view.scale + 1));
  const lower = y(Math.min(extent.rows, view.y + extent.height / high + 1));
  const box = (row: number, column: number, rows: number, columns: number, grow: number) =>
    context.rect(
      x(column) - grow,
      y(row) - grow,
      (column >= marks.keys ? restWidth(view) : x(column + columns) - x(column)) + 2 * grow,
      y(row + rows) - y(row) + 2 * grow,
    );
  context.lineWidth = 1 / ratio;
  context.strokeStyle = inks.line;
  context.beginPath();
  box(0, 0, extent.rows, extent.columns, 0);
  if (marks.lastColumn !== undefined) box(0, marks.keys, extent.rows, 1, 0);
  const first = Math.max(0, Math.floor(view.y));
  const last = Math.min(extent.rows, Math.ceil(view.y + extent.height / high));
  if (Math.min(view.scale, high) >= NAMED) {
    // A line around every cell that is there, so that zero and nothing look different.
    for (let row = first; row < last; row++) {
      context.moveTo(x(0), y(row + 1));
      context.lineTo(Math.min(right, x(Math.min(marks.keys, marks.seen(row) + 1))), y(row + 1));
      context.moveTo(x(marks.keys), y(row + 1));
      context.lineTo(x(extent.columns), y(row + 1));
    }
    const from = Math.max(0, Math.floor(view.x));
    for (let column = from; column < extent.columns && x(column) <= right; column++) {
      let row = first;
      while (row < last && column < marks.keys && marks.seen(row) < column) row++;
      context.moveTo(x(column + 1), y(row));
      context.lineTo(x(column + 1), lower);
    }
  } else if (marks.causal) {
    context.moveTo(x(marks.seen(first) + 1), y(first));
    context.lineTo(x(marks.seen(last) + 1), y(last));
  }
  context.stroke();

  const stroke = (style: string, width: number, draw: () => void) => {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    draw();
    context.stroke();
  };
  stroke(inks.soft, 1, () => {
    if (marks.hoveredRow !== null) box(marks.hoveredRow, 0, 1, extent.columns, 0);
    if (marks.hoveredColumn !== null) box(0, marks.hoveredColumn, extent.rows, 1, 0);
  });
  stroke(inks.focus, 1.5, () => {
    for (const row of marks.pinnedRows) box(row, 0, 1, extent.columns, 0);
    for (const column of marks.pinnedColumns) box(0, column, extent.rows, 1, 0);
  });
  if (marks.cursor) {
    const { row, column } = marks.cursor;
    // At least a square that can be seen.
    stroke(inks.ink, 2, () => box(row, column, 1, 1, Math.max(0, (7 - Math.min(view.scale, high)) / 2)));
  }
}
