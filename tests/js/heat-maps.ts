/** A heat map on the page of a test, its pixels and what it asks for. */
import { expect, vi } from "vitest";
import { type Cell, type HeatMapCallbacks, type HeatMapProps, heatMap } from "../../js/src/kit/heat-map.ts";
import { place } from "./mounting.ts";
import "../../js/src/kit/kit.css";

export const LEFT = 84;
export const TOP = 64;
export const BLUE = [0, 114, 178];
export const PAPER = [255, 255, 255];

/** Tiles of `value(row, column)` at level 0; above it, of `pool` everywhere. */
export function tilesOf(rows: number, columns: number, value: (row: number, column: number) => number, pool = 1) {
  return (level: number, row: number, column: number): Float32Array => {
    const cell = 2 ** level;
    const width = Math.min(256, Math.ceil(columns / cell) - 256 * column);
    const height = Math.min(256, Math.ceil(rows / cell) - 256 * row);
    return Float32Array.from({ length: width * height }, (_, i) =>
      level > 0 ? pool : value(row * 256 + Math.floor(i / width), column * 256 + (i % width)),
    );
  };
}

export function show(fields: Partial<HeatMapProps> = {}, width = 860) {
  const { root, signal, end } = place();
  root.className = "xw";
  root.style.width = `${width}px`;
  const rows = fields.rows ?? 4;
  const columns = fields.columns ?? 4;
  const props: HeatMapProps = {
    rows,
    columns,
    levels: 1,
    tile: tilesOf(rows, columns, (row, column) => (row === 2 && column === 1 ? 1 : 0)),
    source: {},
    pooled: "maximum",
    top: 1,
    signed: false,
    rowLabel: (i) => `r${i}`,
    columnLabel: (j) => `c${j}`,
    pinnedRows: [],
    pinnedColumns: [],
    hoveredRow: null,
    hoveredColumn: null,
    cursor: null,
    causal: false,
    label: "weights of head 5.3",
    describe: (row, column) => `row ${row}, column ${column}`,
    ...fields,
  };
  const callbacks = {
    need: vi.fn<HeatMapCallbacks["need"]>(),
    hover: vi.fn<HeatMapCallbacks["hover"]>(),
    pin: vi.fn<HeatMapCallbacks["pin"]>(),
    move: vi.fn<HeatMapCallbacks["move"]>(),
    clear: vi.fn<() => void>(),
  };
  const part = heatMap(root, props, callbacks, signal);
  const canvas = root.querySelector("canvas") as HTMLCanvasElement;
  const context = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  /** Colour of a point of the cells, in CSS pixels from their left top. */
  const colour = (x: number, y: number) => [
    ...context
      .getImageData(Math.round((LEFT + x) * devicePixelRatio), Math.round((TOP + y) * devicePixelRatio), 1, 1)
      .data.slice(0, 3),
  ];
  const pointer = (type: string, x: number, y: number, init: PointerEventInit = {}) => {
    const box = canvas.getBoundingClientRect();
    const clientX = box.left + LEFT + x;
    const clientY = box.top + TOP + y;
    const all = { clientX, clientY, bubbles: true, cancelable: true, pointerId: 1, button: 0, ...init };
    const event = type === "dblclick" ? new MouseEvent(type, all) : new PointerEvent(type, all);
    canvas.dispatchEvent(event);
  };
  const wheel = (x: number, y: number, deltaY: number, init: WheelEventInit = {}) => {
    const box = canvas.getBoundingClientRect();
    const clientX = box.left + LEFT + x;
    const clientY = box.top + TOP + y;
    const event = new WheelEvent("wheel", { clientX, clientY, deltaY, bubbles: true, cancelable: true, ...init });
    canvas.dispatchEvent(event);
    return event;
  };
  return {
    root,
    props,
    callbacks,
    canvas,
    colour,
    pointer,
    wheel,
    end,
    note: () => root.querySelector(".xw-heat-note")?.textContent ?? "",
    said: () => root.querySelector("[role=status]")?.textContent ?? "",
    button: (name: string) => root.querySelector(`button[aria-label="${name}"]`) as HTMLButtonElement,
    update: (next: Partial<HeatMapProps>) => part.update({ ...props, ...next }),
  };
}

/** Two frames: the one that was asked for is drawn, and one it may have asked for. */
export async function frames(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((done) => requestAnimationFrame(done));
}

export const drawn = (map: ReturnType<typeof show>) => vi.waitFor(() => expect(map.note()).not.toBe(""));

/** Where the pointer is said to be. */
export function under(map: ReturnType<typeof show>, x: number, y: number): Cell | null | undefined {
  map.pointer("pointerleave", 0, 0);
  map.callbacks.hover.mockClear();
  map.pointer("pointermove", x, y);
  return map.callbacks.hover.mock.lastCall?.[0];
}
