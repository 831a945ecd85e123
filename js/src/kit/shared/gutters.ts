/** What stands beside a drawn matrix: names of its rows and columns where there is room, else positions at ticks. */
import { visible } from "./dom.ts";
import type { Inks } from "./inks.ts";
import { firstStrong } from "./token-text.ts";
import { type Extent, rowScale, tickStep, type Viewport } from "./viewport.ts";

/** From this size of a cell on, every row and column is named. */
export const NAMED = 11;

const CHARACTER = 6.7;

/** CSS pixels that the longest name of a row takes. */
export function nameWidth(name: (row: number) => string, rows: number): number {
  let most = 0;
  for (let row = 0; row < rows; row++) most = Math.max(most, [...visible(name(row))].length);
  return Math.ceil(most * CHARACTER) + 7;
}

export interface Gutters {
  /** Room for names in CSS pixels. */
  readonly left: number;
  readonly top: number;
  readonly rowName: (row: number) => string;
  readonly columnName: (column: number) => string;
  /** Names also where cells are small, for rows and columns that are no positions: their numbers would say something else. */
  readonly always?: boolean | undefined;
  /** Named also where cells are small. */
  readonly rows: ReadonlySet<number>;
  readonly columns: ReadonlySet<number>;
}

export function drawGutters(
  context: CanvasRenderingContext2D,
  { left, top, ...names }: Gutters,
  view: Viewport,
  extent: Extent,
  inks: Inks,
): void {
  context.font = `11px ${getFont(context)}`;
  context.textBaseline = "middle";
  const along = (
    first: number,
    cells: number,
    room: number,
    scale: number,
    ticks: number,
    strong: ReadonlySet<number>,
    write: (at: number, pixels: number, strong: boolean) => void,
  ) => {
    const last = Math.min(cells, first + room / scale);
    const pixels = (at: number) => (at + 0.5 - first) * scale;
    const near = [...strong].map(pixels);
    // Half under a name that stands out, a number can't be read.
    const covered = (at: number) => scale < NAMED && near.some((there) => Math.abs(there - pixels(at)) < 13);
    const step = scale >= NAMED ? 1 : tickStep(scale, ticks);
    for (let at = Math.ceil(Math.max(0, first - 0.5) / step) * step; at + 0.5 <= last; at += step) {
      if (!strong.has(at) && !covered(at)) write(at, pixels(at), false);
    }
    for (const at of strong) if (at + 0.5 >= first && at + 0.5 <= last) write(at, pixels(at), true);
  };
  const named = view.scale >= NAMED;
  const always = names.always ?? false;
  // Rows with a height of their own always have names: their number says nothing.
  const [high, own] = [rowScale(view, extent), extent.rowHeight !== undefined];
  const put = (text: string, x: number, strong: boolean, most: number, named: boolean) => {
    const shown = cut(text, Math.floor(most / CHARACTER));
    if (strong && !named) {
      const width = context.measureText(shown).width;
      context.fillStyle = inks.paper;
      context.fillRect(context.textAlign === "right" ? x - width - 2 : x - 2, -7, width + 4, 14);
    }
    context.fillStyle = strong ? inks.ink : inks.soft;
    context.direction = firstStrong(shown);
    context.fillText(shown, x, 0);
  };
  along(view.y, extent.rows, extent.height, high, own ? 13 : 44, names.rows, (at, pixels, strong) => {
    context.save();
    context.textAlign = "right";
    context.translate(left - 5, top + pixels);
    put(named || own || strong || always ? visible(names.rowName(at)) : String(at), 0, strong, left - 6, high >= NAMED);
    context.restore();
  });
  along(view.x, extent.columns, extent.width, view.scale, 44, names.columns, (at, pixels, strong) => {
    context.save();
    context.textAlign = "left";
    context.translate(left + pixels, top - 5);
    context.rotate(-Math.PI / 2);
    put(named || strong || always ? visible(names.columnName(at)) : String(at), 0, strong, top - 6, named);
    context.restore();
  });
}

/** The code font of the page, which the canvas's own style gives. */
function getFont(context: CanvasRenderingContext2D): string {
  return context.canvas.dataset.font ?? "monospace";
}

function cut(text: string, most: number): string {
  const all = [...text];
  return all.length <= most ? text : `${all.slice(0, most - 1).join("")}…`;
}
