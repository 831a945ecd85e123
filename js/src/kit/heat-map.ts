/** A matrix of up to 8,192 x 8,193 cells: as fine as the screen allows, drawn from tiles, picked by arithmetic. */
import type { drawWords } from "./shared/cell-text.ts";
import { focused, h, on, setAttribute, setText, wordButton } from "./shared/dom.ts";
import { drawGutters, nameWidth } from "./shared/gutters.ts";
import { drawGaps, drawMarks } from "./shared/heat-marks.ts";
import { followInks, type Inks } from "./shared/inks.ts";
import { TILE } from "./shared/rasters.ts";
import { Tiles } from "./shared/tiles.ts";
import {
  type Extent,
  fitScale,
  REST,
  reveal,
  rowScale,
  type Viewport,
  whole,
  within,
  zoom,
} from "./shared/viewport.ts";

export interface Cell {
  readonly row: number;
  readonly column: number;
}

export interface HeatMapProps {
  readonly rows: number;
  readonly columns: number;
  /** At level L a cell stands for 2**L positions a side; level 0 is exact. */
  readonly levels: number;
  /** Row by row; narrower than 256 cells at the right and lower edge; null while it is not here. */
  readonly tile: (level: number, row: number, column: number) => Float32Array | null;
  /** Another object when `tile` gives other numbers than before. */
  readonly source: object;
  /** What a cell that stands for several shows: "maximum", "mean". */
  readonly pooled: string;
  /** The magnitude at full ink. */
  readonly top: number;
  readonly signed: boolean;
  readonly rowLabel: (row: number) => string;
  readonly columnLabel: (column: number) => string;
  /** Rows and columns are no positions of a text: where cells are too small for all names, ticks carry names, not numbers. */
  readonly namedTicks?: boolean | undefined;
  /** Name of a last column that is no position ("rest"); it counts among `columns`. */
  readonly lastColumn?: string | undefined;
  readonly pinnedRows: readonly number[];
  readonly pinnedColumns: readonly number[];
  readonly hoveredRow: number | null;
  readonly hoveredColumn: number | null;
  readonly cursor: Cell | null;
  /** Rows see no later column: cells above the diagonal are not there. */
  readonly causal: boolean;
  readonly label: string;
  /** "wide": few rows over many columns. Cells are as wide as the place allows, rows high enough to be read and all seen. */
  readonly shape?: "square" | "wide" | undefined;
  /** Cells without a number: hatched, and said to be `gap`. */
  readonly isGap?: ((row: number, column: number) => boolean) | undefined;
  /** What hatched cells are; "not computed" unless told. */
  readonly gap?: string | undefined;
  /**
   * Words inside the cells of a wide matrix, wherever these are wide enough; null for none. `draw` is `drawWords` of
   * shared/cell-text, given so that pictures without words do not carry it.
   */
  readonly cellText?:
    | { readonly draw: typeof drawWords; readonly text: (row: number, column: number) => string | null }
    | undefined;
  /** Draws over the cells, under words and marks, in CSS pixels from their left top. */
  readonly overlay?:
    | ((context: CanvasRenderingContext2D, view: Viewport, extent: Extent, inks: Inks) => void)
    | undefined;
  /** What grey cells are; "is not here yet" unless told. */
  readonly grey?: string | undefined;
  /** What a screen reader says of a cell. */
  readonly describe: (row: number, column: number) => string;
  /** Bytes of coloured tiles kept; 64 MB unless told. */
  readonly budget?: number | undefined;
}

export interface HeatMapCallbacks {
  need(level: number, row: number, column: number): void;
  hover(cell: Cell | null): void;
  pin(cell: Cell): void;
  move(cell: Cell): void;
  /** Escape. */
  clear?(): void;
}

/** Script time of every frame is measured under this name: a PerformanceObserver for "measure" receives it. */
export const FRAME = "xw-heat-frame";

const BUDGET = 64_000_000;
/** Height at most, and at least, in CSS pixels. */
const TALL = 520;
const LOW = 96;
const GUTTER = 64;
/** CSS pixels of a row of a wide matrix: at least, at most, and of all together where that leaves room for the least. */
const ROWS = { least: 6, most: 18, all: 400 };
/** The same where cells hold words, and how wide such a cell gets. */
const WORDS = { least: 13, most: 20, all: 620, widest: 110 };
/** Scroll bars are no wider than this. */
const SCROLLBAR = 16;
const STEP = 1.5;

/** Props that decide what colour a cell has. */
const COLOUR = ["source", "rows", "columns", "levels", "pooled", "top", "signed", "causal", "lastColumn"] as const;
/** Props that decide what a tile holds. */
const CONTENT = ["source", "rows", "columns", "levels", "pooled"] as const;

export function heatMap(root: HTMLElement, props: HeatMapProps, callbacks: HeatMapCallbacks, signal: AbortSignal) {
  const note = h("span", { class: "xw-soft xw-heat-note" });
  const keys = "Drag to move. Zoom: Ctrl and wheel, the wheel alone once clicked, double-click, + and -.";
  const help = h("span", { hidden: true, id: `xw-heat-${Math.random().toString(36).slice(2)}` });
  help.textContent = `Arrow keys move the cursor, + and - zoom, 0 shows the whole, Enter pins, Escape clears.`;
  const live = h("span", { class: "xw-hidden", role: "status" });
  /** Rows that do not fit are scrolled to: the canvas stays where it is, under it is room for what is not seen. */
  const more = h("div", { class: "xw-heat-more" });
  const canvas = h("canvas", {
    class: "xw-heat-canvas",
    tabindex: 0,
    role: "application",
    "aria-roledescription": "matrix",
    "aria-describedby": help.id,
  });
  const button = (text: string, name: string, press: () => void) =>
    wordButton(text, { "aria-label": name, title: `${name}. ${keys}` }, press, signal);
  const bar = h(
    "div",
    { class: "xw-heat-bar" },
    note,
    h("span", { class: "xw-gap" }),
    button("+", "zoom in", () => zoomBy(STEP)),
    button("−", "zoom out", () => zoomBy(1 / STEP)),
    button("whole", "whole matrix", () => look(whole(extent))),
  );
  const roll = h("div", { class: "xw-heat-roll" }, canvas, more);
  root.append(h("div", { class: "xw-heat" }, bar, roll, help, live));

  let now = props;
  let inks: Inks | null = null;
  /** Width there is, and what row names take of it, in CSS pixels. */
  let room = 0;
  let left = GUTTER;
  let extent: Extent = { width: 0, height: 0, rows: props.rows, columns: props.columns };
  let view: Viewport = { x: 0, y: 0, scale: 0 };
  let frame = 0;
  /** Not all rows fit. */
  let rolls = false;
  let over: Cell | null = null;
  let drag: { x: number; y: number; view: Viewport; moved: boolean } | null = null;
  const tiles = new Tiles(props.budget ?? BUDGET);

  /** Columns that are positions. */
  const keysOf = () => now.columns - (now.lastColumn === undefined ? 0 : 1);
  /** The last position that a row sees. */
  const seen = (row: number) => (now.causal ? row + Math.max(0, keysOf() - now.rows) : now.columns);
  /** Room kept past the right edge for the last column, and what of it is in use: none where that column is out of sight. */
  const kept = () => (now.lastColumn === undefined ? 0 : REST);
  const strip = () => (view.x + extent.width / view.scale > keysOf() ? kept() : 0);
  const isThere = (row: number, column: number) => column <= seen(row) || column >= keysOf();

  /** The cells get a rectangle of the shape of the whole, so that zooming can keep any of them in place. */
  function layout(): void {
    const all = view.scale === 0 || view.scale <= fitScale(extent);
    const { rows, columns } = now;
    left = room < 420 ? 52 : 84;
    // Rows of a wide matrix always have names, which are all there is to tell them apart.
    if (now.shape === "wide") left = Math.max(left, Math.min(room * 0.3, nameWidth(now.rowLabel, rows)));
    const { least, most, all: high } = now.cellText ? WORDS : ROWS;
    const rowHeight = Math.max(least, Math.min(most, Math.floor(high / rows)));
    const hidden = now.shape === "wide" ? Math.max(0, rows * rowHeight - high) : 0;
    const width = Math.max(1, room - left - 1 - kept() - (hidden > 0 ? SCROLLBAR : 0));
    if (now.shape === "wide") {
      const widest = now.cellText ? WORDS.widest : undefined;
      const all = { width, height: rows * rowHeight - hidden, rows, columns, rowHeight, widest };
      extent = { ...all, width: Math.max(1, Math.min(width, Math.round(columns * fitScale(all)))) };
    } else {
      const scale = fitScale({ width, height: TALL, rows, columns });
      const side = (cells: number) => Math.max(LOW, Math.round(cells * scale));
      extent = { width: Math.max(1, Math.min(side(columns), width)), height: side(rows), rows, columns };
    }
    canvas.style.width = `${left + extent.width + 1 + kept()}px`;
    canvas.style.height = `${GUTTER + extent.height + 1}px`;
    rolls = hidden > 0;
    setAttribute(roll, "data-rolls", rolls);
    roll.style.height = rolls ? canvas.style.height : "";
    more.style.height = `${hidden}px`;
    view = all ? whole(extent) : within(view, extent);
    redraw();
  }

  function redraw(): void {
    if (frame === 0 && inks && room > 0 && !signal.aborted) frame = requestAnimationFrame(draw);
  }

  function look(next: Viewport): void {
    view = next;
    if (extent.rowHeight) roll.scrollTop = view.y * extent.rowHeight;
    redraw();
  }

  function draw(): void {
    frame = 0;
    const start = performance.now();
    const context = canvas.getContext("2d");
    if (!context || !inks) return;
    const ratio = devicePixelRatio;
    const width = Math.round((left + extent.width + 1 + kept()) * ratio);
    const height = Math.round((GUTTER + extent.height + 1) * ratio);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = inks.paper;
    context.fillRect(0, 0, width, height);
    context.save();
    context.beginPath();
    context.rect(left * ratio, GUTTER * ratio, (extent.width + strip()) * ratio + 1, extent.height * ratio + 1);
    context.clip();
    const origin = { left: Math.round(left * ratio), top: Math.round(GUTTER * ratio), ratio };
    const { wanted, later, words } = tiles.paint(context, origin, view, extent, { ...now, keys: keysOf(), seen }, inks);
    if (later) redraw();
    context.setTransform(ratio, 0, 0, ratio, left * ratio, GUTTER * ratio);
    const gaps = now.isGap && drawGaps(context, now.isGap, view, extent, inks);
    now.overlay?.(context, view, extent, inks);
    now.cellText?.draw(context, { text: now.cellText.text, strength: strengthAt }, view, extent, inks);
    setText(note, gaps ? `${words}, hatched: ${now.gap ?? "not computed"}` : words);
    drawMarks(context, { ...now, keys: keysOf(), seen }, view, extent, inks, ratio);
    context.restore();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const strong = (...at: (number | null | undefined)[]) => new Set(at.filter((i) => i !== null && i !== undefined));
    drawGutters(
      context,
      {
        left,
        top: GUTTER,
        rowName: now.rowLabel,
        always: now.namedTicks,
        columnName: (j) => (j >= keysOf() && now.lastColumn !== undefined ? now.lastColumn : now.columnLabel(j)),
        rows: strong(...now.pinnedRows, now.hoveredRow, now.cursor?.row),
        columns: strong(...now.pinnedColumns, now.hoveredColumn, now.cursor?.column),
      },
      view,
      extent,
      inks,
    );
    performance.measure(FRAME, { start });
    performance.clearMeasures(FRAME);
    for (const [level, row, column] of wanted) callbacks.need(level, row, column);
  }

  /** Ink under a cell, from -1 to 1. */
  function strengthAt(row: number, column: number): number {
    const values = now.tile(0, Math.floor(row / TILE), Math.floor(column / TILE));
    const width = Math.min(TILE, now.columns - Math.floor(column / TILE) * TILE);
    const value = values?.[(row % TILE) * width + (column % TILE)] ?? 0;
    return now.top > 0 ? value / now.top : 0;
  }

  function cellAt(event: MouseEvent): Cell | null {
    const box = canvas.getBoundingClientRect();
    const right = event.clientX - box.left - left;
    const at = Math.floor(view.x + right / view.scale);
    const column = right <= extent.width + strip() ? Math.min(at, now.columns - 1) : now.columns;
    const row = Math.floor(view.y + (event.clientY - box.top - GUTTER) / rowScale(view, extent));
    const inside = right >= 0 && event.clientY - box.top >= GUTTER;
    return inside && row >= 0 && row < now.rows && column >= 0 && column < now.columns && isThere(row, column)
      ? { row, column }
      : null;
  }

  function hover(cell: Cell | null): void {
    if (cell?.row === over?.row && cell?.column === over?.column) return;
    over = cell;
    callbacks.hover(cell);
  }

  /** Zoom at the cursor where it is seen, else in the middle. */
  function zoomBy(factor: number): void {
    let px = extent.width / 2;
    let py = extent.height / 2;
    if (now.cursor) {
      const x = (now.cursor.column + 0.5 - view.x) * view.scale;
      const y = (now.cursor.row + 0.5 - view.y) * rowScale(view, extent);
      if (x >= 0 && x <= extent.width && y >= 0 && y <= extent.height) [px, py] = [x, y];
    }
    look(zoom(view, extent, px, py, factor));
  }

  function zoomAt(event: MouseEvent, factor: number): boolean {
    const box = canvas.getBoundingClientRect();
    const next = zoom(view, extent, event.clientX - box.left - left, event.clientY - box.top - GUTTER, factor);
    const changed = next.scale !== view.scale;
    look(next);
    return changed;
  }

  function go(row: number, column: number): void {
    const to = Math.max(0, Math.min(now.rows - 1, row));
    let into = Math.max(0, Math.min(now.columns - 1, column));
    // From the last position that a row sees, the next step to the right is the extra column.
    if (!isThere(to, into))
      into = now.lastColumn !== undefined && column > (now.cursor?.column ?? 0) ? keysOf() : seen(to);
    look(reveal(view, extent, to, into));
    callbacks.move({ row: to, column: into });
  }

  on(
    canvas,
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      drag = { x: event.clientX, y: event.clientY, view, moved: false };
    },
    signal,
  );
  on(
    canvas,
    "pointermove",
    (event) => {
      if (!drag) {
        hover(cellAt(event));
        return;
      }
      const x = event.clientX - drag.x;
      const y = event.clientY - drag.y;
      drag.moved ||= Math.hypot(x, y) > 3;
      const { scale } = view;
      if (drag.moved)
        look(within({ x: drag.view.x - x / scale, y: drag.view.y - y / rowScale(view, extent), scale }, extent));
    },
    signal,
  );
  on(
    canvas,
    "pointerup",
    (event) => {
      const cell = drag && !drag.moved ? cellAt(event) : null;
      drag = null;
      if (!cell) return;
      callbacks.move(cell);
      callbacks.pin(cell);
    },
    signal,
  );
  on(
    canvas,
    "pointercancel",
    () => {
      drag = null;
    },
    signal,
  );
  on(canvas, "pointerleave", () => hover(null), signal);
  on(canvas, "dblclick", (event) => zoomAt(event, 2), signal);
  on(
    canvas,
    "wheel",
    (event) => {
      const command = event.ctrlKey || event.metaKey;
      // A wheel that turns over a matrix nobody works in scrolls the page, and so it does at either end of the zoom. Where rows are
      // scrolled to, it scrolls those.
      if (!command && (rolls || focused(canvas) !== canvas)) return;
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * 16;
      if (zoomAt(event, Math.exp(Math.max(-0.4, Math.min(0.4, -lines * 0.01)))) || command) event.preventDefault();
    },
    signal,
    { passive: false },
  );
  on(
    canvas,
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      // One cell, or as many as make a step that can be seen.
      const stepOf = (scale: number) => 2 ** Math.max(0, Math.ceil(Math.log2(4 / scale)));
      const step = stepOf(view.scale);
      const down = stepOf(rowScale(view, extent));
      const at = now.cursor;
      const by = (rows: number, columns: number) => () =>
        at ? go(at.row + rows, at.column + columns) : go(Math.floor(view.y), Math.floor(view.x));
      const acts: Record<string, () => void> = {
        ArrowUp: by(-down, 0),
        ArrowDown: by(down, 0),
        ArrowLeft: by(0, -step),
        ArrowRight: by(0, step),
        "+": () => zoomBy(STEP),
        "=": () => zoomBy(STEP),
        "-": () => zoomBy(1 / STEP),
        "0": () => look(whole(extent)),
        Enter: () => at && callbacks.pin(at),
        Escape: () => {
          hover(null);
          callbacks.clear?.();
        },
      };
      const act = acts[event.key];
      if (!act) return;
      act();
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );

  on(
    roll,
    "scroll",
    () => {
      // A position set from the view comes back rounded: that is no scrolling.
      if (!extent.rowHeight || Math.abs(roll.scrollTop - view.y * extent.rowHeight) < 1) return;
      view = within({ ...view, y: roll.scrollTop / extent.rowHeight }, extent);
      redraw();
    },
    signal,
  );
  followInks(
    bar,
    (next) => {
      inks = next;
      canvas.dataset.font = getComputedStyle(canvas).fontFamily;
      tiles.recolour(next, now.signed);
      redraw();
    },
    signal,
  );
  // The bar's size does not follow from the canvas, which is laid out by it.
  const sized = new ResizeObserver((entries) => {
    const width = entries[0]?.contentRect.width ?? 0;
    if (width === 0 || width === room) return;
    room = width;
    layout();
  });
  sized.observe(bar);
  signal.addEventListener(
    "abort",
    () => {
      sized.disconnect();
      cancelAnimationFrame(frame);
      tiles.recolour(null, false);
    },
    { once: true },
  );

  const update = (next: HeatMapProps) => {
    const before = now;
    now = next;
    tiles.budget = next.budget ?? BUDGET;
    if (CONTENT.some((key) => next[key] !== before[key])) tiles.forget();
    if (COLOUR.some((key) => next[key] !== before[key])) tiles.recolour(inks, next.signed);
    setAttribute(
      canvas,
      "aria-label",
      `${next.label}, ${next.rows.toLocaleString("en")} rows, ${next.columns.toLocaleString("en")} columns`,
    );
    const { cursor } = next;
    const valid = cursor && cursor.row < next.rows && cursor.column < next.columns;
    setText(live, valid ? next.describe(cursor.row, cursor.column) : "");
    if (room > 0 && (next.rows !== before.rows || next.columns !== before.columns)) {
      view = { x: 0, y: 0, scale: 0 };
      layout();
    }
    redraw();
  };
  update(props);
  return { update };
}
