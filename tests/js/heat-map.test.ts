import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { HeatMapProps } from "../../js/src/kit/heat-map.ts";
import { BLUE, drawn, frames, LEFT, PAPER, show, TOP, tilesOf, under } from "./heat-maps.ts";
import { press } from "./mounting.ts";

describe("what is drawn", () => {
  test("a small matrix in cells of 28 pixels: ink where there is weight, paper at zero", async () => {
    const map = show();
    await drawn(map);
    expect(map.colour(1.5 * 28, 2.5 * 28)).toEqual(BLUE);
    expect(map.colour(2.5 * 28, 2.5 * 28)).toEqual(PAPER);
    expect(map.note()).toBe("single cells");
  });
  test("ink by strength, not by presence; what is no number is grey", async () => {
    const map = show({ top: 2, tile: () => Float32Array.from([0.5, 1, 2, 9, ...Array(11).fill(0), Number.NaN]) });
    await drawn(map);
    const blueness = (x: number) => 255 - (map.colour((x + 0.5) * 28, 14)[0] ?? 0);
    expect(blueness(0)).toBeCloseTo(64, -1);
    expect(blueness(1)).toBeCloseTo(128, -1);
    expect(blueness(2)).toBe(255);
    expect(blueness(3)).toBe(255);
    const [r, g, b] = map.colour(3.5 * 28, 3.5 * 28);
    expect(r).toBe(g);
    expect(g).toBe(b);
    expect(r).toBeLessThan(250);
  });
  test("two hues where values have signs", async () => {
    const map = show({ signed: true, tile: () => Float32Array.from([1, -1, ...Array(14).fill(0)]) });
    await drawn(map);
    expect(map.colour(14, 14)).toEqual(BLUE);
    expect(map.colour(42, 14)).toEqual([213, 94, 0]);
  });
  test("the colours of a dark page, also when it turns dark later", async () => {
    const map = show();
    await drawn(map);
    map.root.dataset.theme = "dark";
    await vi.waitFor(() => expect(map.colour(1.5 * 28, 2.5 * 28)).toEqual([86, 180, 233]));
    expect(map.colour(2.5 * 28, 2.5 * 28)).toEqual([0x15, 0x18, 0x1c]);
  });
  test("nothing is drawn above the diagonal of a causal map, whatever the tile holds there; the last column stays", async () => {
    const map = show({ columns: 5, causal: true, lastColumn: "rest", tile: () => new Float32Array(20).fill(1) });
    await drawn(map);
    expect(map.colour(0.5 * 28, 0.5 * 28)).toEqual(BLUE);
    expect(map.colour(1.5 * 28, 0.5 * 28)).toEqual(PAPER);
    expect(map.colour(3.5 * 28, 2.5 * 28)).toEqual(PAPER);
    expect(map.colour(3.5 * 28, 3.5 * 28)).toEqual(BLUE);
    expect(map.colour(4.5 * 28, 0.5 * 28)).toEqual(BLUE);
    expect(under(map, 2.5 * 28, 14)).toBeUndefined();
    expect(under(map, 4.5 * 28, 14)).toEqual({ row: 0, column: 4 });
  });
  test("rows and columns are named beside large cells; markup in a name is drawn, not made", async () => {
    const names = vi.fn<(i: number) => string>((i) => (i === 0 ? "<img src=x onerror=alert(1)>" : "\n"));
    const map = show({ rowLabel: names });
    await drawn(map);
    expect([...new Set(names.mock.calls.map(([i]) => i))]).toEqual([0, 1, 2, 3]);
    expect(map.root.querySelector("img")).toBeNull();
    const context = map.canvas.getContext("2d") as CanvasRenderingContext2D;
    const gutter = context.getImageData(0, TOP, LEFT - 4, 28).data;
    expect(gutter.some((part) => part < 200)).toBe(true);
  });
  test("positions stand at ticks beside small cells, and names only of what is pointed at", async () => {
    const rowLabel = vi.fn<(i: number) => string>((i) => `r${i}`);
    const map = show({ rows: 200, columns: 200, rowLabel });
    await drawn(map);
    expect(rowLabel).not.toHaveBeenCalled();
    map.update({ hoveredRow: 120 });
    await vi.waitFor(() => expect(rowLabel).toHaveBeenCalledWith(120));
  });
});

describe("level of detail", () => {
  const large = { rows: 4096, columns: 4096, levels: 5 };

  test("the whole matrix first, in cells no smaller than a pixel, and said so", async () => {
    const map = show({ ...large, tile: tilesOf(4096, 4096, () => 0, 0.5) });
    await drawn(map);
    expect(map.note()).toBe("maximum of 8 × 8");
    expect(map.callbacks.need).not.toHaveBeenCalled();
  });
  test("asks for each missing tile once, the visible ones only, and again when the source is another", async () => {
    const map = show({ ...large, tile: () => null });
    await vi.waitFor(() => expect(map.callbacks.need).toHaveBeenCalled());
    await frames();
    // 520 pixels: cells of 8 x 8, in 2 x 2 tiles; and the coarsest, which comes first and stands in.
    const asked = [
      [3, 0, 0],
      [4, 0, 0],
      [3, 0, 1],
      [3, 1, 0],
      [3, 1, 1],
    ];
    expect(map.callbacks.need.mock.calls).toEqual(asked);
    map.update({ tile: () => null });
    await frames();
    expect(map.callbacks.need).toHaveBeenCalledTimes(5);
    map.update({ tile: () => null, source: {} });
    await frames();
    expect(map.callbacks.need.mock.calls.slice(5)).toEqual(asked);
  });
  test("zoomed in, the coarser tile that is here stands in, and the words say where cells are coarser", async () => {
    const all = tilesOf(4096, 4096, () => 0, 1);
    let here = new Set(["4/0/0"]);
    const tile = (level: number, row: number, column: number) =>
      here.has(`${level}/${row}/${column}`) ? all(level, row, column) : null;
    const map = show({ ...large, tile });
    await drawn(map);
    for (let i = 0; i < 8; i++) map.wheel(100, 100, -40, { ctrlKey: true });
    map.callbacks.need.mockClear();
    await frames();
    expect(map.note()).toBe("maximum of 16 × 16");
    expect(map.colour(300, 300)).toEqual(BLUE);
    const asked = map.callbacks.need.mock.calls;
    const level = asked[0]?.[0] ?? 0;
    expect(level).toBeLessThan(3);
    // What is seen is 520 by 520 pixels, so at most 4 x 4 tiles of at least a pixel a cell.
    expect(asked.length).toBeLessThanOrEqual(16);
    expect(asked.every(([at]) => at === level)).toBe(true);
    const [, row, column] = asked[0] ?? [];
    here = new Set([...here, `${level}/${row}/${column}`]);
    map.update({ tile });
    const cells = level === 0 ? "single cells" : `maximum of ${2 ** level} × ${2 ** level}`;
    await vi.waitFor(() => expect(map.note()).toBe(`${cells}, in places maximum of 16 × 16`));
    expect(map.callbacks.need.mock.calls.length).toBe(asked.length);
  });
  test.each(["finer tiles are here", "only the coarsest is here"])(
    "what is drawn at a point is the cell that is picked there, when %s",
    async (which) => {
      // The cell at a whole pixel, for wheel events have no others.
      const [x, y] = [165, 381];
      const [row, column] = [Math.floor(y / (520 / 4096)), Math.floor(x / (520 / 4096))];
      const tile = (level: number, tileRow: number, tileColumn: number) => {
        if (which.startsWith("only") && level < 4) return null;
        const cell = 2 ** level;
        const out = new Float32Array(256 * 256);
        const [r, c] = [Math.floor(row / cell) - 256 * tileRow, Math.floor(column / cell) - 256 * tileColumn];
        if (r >= 0 && r < 256 && c >= 0 && c < 256) out[r * 256 + c] = 1;
        return out;
      };
      const map = show({ ...large, tile });
      await drawn(map);
      for (let i = 0; i < 12; i++) {
        map.wheel(x, y, -40, { ctrlKey: true });
        await frames();
        expect(under(map, x, y)).toEqual({ row, column });
        // Where cells are about a pixel, a pixel shows parts of two: the cell is at it or beside it.
        const near = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => map.colour(x + dx, y + dy)));
        expect(near).toContainEqual(BLUE);
        // Nothing else is inked: a cell of the coarsest tile is 16 cells wide, the largest here some 17 pixels each.
        expect(map.colour(x > 260 ? 5 : 515, y)).toEqual(PAPER);
        expect(map.colour(x, y > 260 ? 5 : 515)).toEqual(PAPER);
      }
    },
  );
  test("tiles wholly above the diagonal are neither drawn nor asked for", async () => {
    const map = show({ ...large, levels: 1, causal: true, tile: () => null });
    await vi.waitFor(() => expect(map.callbacks.need).toHaveBeenCalled());
    await frames();
    const asked = map.callbacks.need.mock.calls;
    expect(asked.length).toBe((16 * 17) / 2);
    expect(asked.every(([, row, column]) => column <= row)).toBe(true);
  });
  test("where no level is coarse enough the words say that cells share pixels", async () => {
    const map = show({ rows: 1100, columns: 1100, tile: tilesOf(1100, 1100, () => 1) });
    await vi.waitFor(() => expect(map.note()).toBe("single cells, several to a pixel, blended"));
  });
  test("what is nowhere yet is grey and said", async () => {
    const map = show({ tile: () => null });
    await drawn(map);
    expect(map.note()).toBe("grey is not here yet");
    expect(map.colour(14, 14)).not.toEqual(PAPER);
  });
  test("coloured tiles beyond the budget are dropped, what is seen stays and is coloured once", async () => {
    const make = vi.spyOn(OffscreenCanvas.prototype, "transferToImageBitmap");
    const close = vi.spyOn(ImageBitmap.prototype, "close");
    onTestFinished(() => {
      make.mockRestore();
      close.mockRestore();
    });
    const map = show({ rows: 4096, columns: 4096, tile: tilesOf(4096, 4096, () => 1), budget: 9 * 256 * 256 * 4 });
    map.canvas.setPointerCapture = () => {};
    await drawn(map);
    // One level only: all 256 tiles are seen at once, more than the budget allows.
    await vi.waitFor(() => expect(make.mock.calls.length).toBe(256));
    await frames();
    expect(make.mock.calls.length).toBe(256);
    expect(close).not.toHaveBeenCalled();
    for (let i = 0; i < 8; i++) map.pointer("dblclick", 100, 100);
    await frames();
    map.pointer("pointerdown", 400, 400);
    map.pointer("pointermove", -900, -900);
    await vi.waitFor(() => expect(make.mock.calls.length - close.mock.calls.length).toBeLessThanOrEqual(9));
    expect(map.colour(300, 300)).toEqual(BLUE);
  });
  test("where the browser has no memory for a tile the rest goes on", async () => {
    const fail = vi.spyOn(OffscreenCanvas.prototype, "transferToImageBitmap").mockImplementation(() => {
      throw new RangeError("out of memory");
    });
    onTestFinished(() => fail.mockRestore());
    const map = show();
    await drawn(map);
    expect(map.note()).toContain("no memory");
    fail.mockRestore();
    map.update({});
    await vi.waitFor(() => expect(map.note()).toBe("single cells"));
    expect(map.colour(1.5 * 28, 2.5 * 28)).toEqual(BLUE);
  });
});

/** 601 positions and the rest of each row: no pooled cell ends at position 600. */
function withRest(fields: Partial<HeatMapProps> = {}) {
  const keys = 601;
  return show({
    rows: keys,
    columns: keys + 1,
    levels: 3,
    lastColumn: "rest",
    tile: (level, row, column) => {
      const size = Math.ceil(keys / 2 ** level);
      const width = Math.min(256, size + 1 - 256 * column);
      const height = Math.min(256, size - 256 * row);
      return Float32Array.from({ length: width * height }, (_, i) => Number(256 * column + (i % width) === size));
    },
    ...fields,
  });
}

describe("the rest's column", () => {
  test("is apart from the keys and can be seen and pointed at, however small cells are", async () => {
    const map = withRest();
    await drawn(map);
    expect(map.note()).toMatch(/maximum of/);
    const scale = 520 / 602;
    const edge = 601 * scale;
    for (const y of [3, 200, 515]) {
      expect(map.colour(edge - 2, y)).toEqual(PAPER);
      expect(map.colour(edge + 3, y)).toEqual(BLUE);
    }
    expect(under(map, edge + 5, 200)).toMatchObject({ column: 601 });
    expect(under(map, edge - 3, 200)?.column).toBeLessThan(601);
  });
  test("is where it belongs at single cells, and nowhere when it is out of sight", async () => {
    const map = withRest();
    await drawn(map);
    for (let i = 0; i < 6; i++) map.wheel(2, 2, -200, { ctrlKey: true });
    await vi.waitFor(() => expect(map.note()).toBe("single cells"));
    await frames();
    expect(map.colour(517, 200)).toEqual(PAPER);
    expect(map.colour(523, 200)).not.toEqual(BLUE);
    expect(under(map, 523, 200)).not.toMatchObject({ column: 601 });
    map.update({ cursor: { row: 300, column: 600 } });
    press(map.canvas, "ArrowRight");
    await frames();
    expect(map.callbacks.move.mock.lastCall?.[0]).toEqual({ row: 300, column: 601 });
    expect(map.colour(515, 200)).toEqual(BLUE);
  });
  test("hides nothing of the keys beside it where rows see no later column", async () => {
    const map = withRest({
      causal: true,
      tile: (level, row, column) => {
        const size = Math.ceil(601 / 2 ** level);
        return new Float32Array(Math.min(256, size + 1 - 256 * column) * Math.min(256, size - 256 * row)).fill(1);
      },
    });
    await drawn(map);
    expect(map.colour(500, 3)).toEqual(PAPER);
    expect(map.colour((601 * 520) / 602 - 1, 519)).toEqual(BLUE);
    expect(map.colour((601 * 520) / 602 + 3, 3)).toEqual(BLUE);
  });
});

test("ticks of small cells carry numbers of positions, and names where rows are none", async () => {
  for (const [namedTicks, wanted] of [
    [false, /^\d+$/],
    [true, /^[rc]\d+$/],
  ] as const) {
    const written = vi.spyOn(CanvasRenderingContext2D.prototype, "fillText");
    const shown = show({ rows: 60, columns: 60, namedTicks }, 300);
    await drawn(shown);
    const texts = written.mock.calls.map(([text]) => text);
    written.mockRestore();
    expect(texts.length).toBeGreaterThan(4);
    expect(texts.filter((text) => !wanted.test(text))).toEqual([]);
  }
});
