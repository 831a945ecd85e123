/** Words inside the cells of a matrix, and the chart of one token's way. */
import { describe, expect, test, vi } from "vitest";
import { contrast, cutTo, drawWords, READABLE, readableOn, rgbOf } from "../../js/src/kit/shared/cell-text.ts";
import type { Inks, Rgb } from "../../js/src/kit/shared/inks.ts";
import { marked } from "../../js/src/kit/shared/token-text.ts";
import { roundTop, traceChart, worstRank } from "../../js/src/kit/trace-chart.ts";
import { drawn, frames, show, tilesOf } from "./heat-maps.ts";
import { place } from "./mounting.ts";

const LIGHT: Inks = {
  paper: "rgb(255, 255, 255)",
  ink: "rgb(28, 31, 35)",
  soft: "rgb(91, 100, 112)",
  line: "rgb(227, 230, 234)",
  focus: "rgb(0, 114, 178)",
  one: [0, 114, 178],
  against: [213, 94, 0],
};
const DARK: Inks = {
  ...LIGHT,
  paper: "rgb(21, 24, 28)",
  ink: "rgb(230, 233, 237)",
  one: [86, 180, 233],
  against: [240, 140, 60],
};
/** As JupyterLab gives them. */
const LAB: Inks = { ...LIGHT, ink: "rgba(0, 0, 0, 0.87)", paper: "color(srgb 1 1 1)" };

describe("readable on any ink", () => {
  test.each([
    ["light", LIGHT, [255, 255, 255]],
    ["dark", DARK, [21, 24, 28]],
    ["JupyterLab", LAB, [255, 255, 255]],
  ] as [string, Inks, Rgb][])("%s: at least 4.5 to 1, whatever the strength", (_, inks, paper) => {
    for (let i = -100; i <= 100; i++) {
      const over = i < 0 ? inks.against : inks.one;
      const ground = paper.map((p, c) => p + ((over[c] ?? 0) - p) * Math.abs(i / 100)) as unknown as Rgb;
      const text = rgbOf(readableOn(inks, i / 100), ground, ground);
      expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
    }
  });
  test("the page's own ink wherever it can be read", () => {
    expect(readableOn(LIGHT, 0)).toBe(LIGHT.ink);
    expect(readableOn(LIGHT, 0.3)).toBe(LIGHT.ink);
    expect(readableOn(LIGHT, 1)).toBe(LIGHT.paper);
  });
  test("black on white is 21 to 1; colours are read however they are written", () => {
    expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 5);
    expect(rgbOf("color(srgb 0 0.5 1)", [9, 9, 9])).toEqual([0, 127.5, 255]);
    expect(rgbOf("rgba(0, 0, 0, 0.5)", [9, 9, 9], [100, 100, 100])).toEqual([50, 50, 50]);
    expect(rgbOf("#0080ff", [9, 9, 9])).toEqual([0, 128, 255]);
    expect(rgbOf("oklch(50% 0.1 20)", [9, 9, 9])).toEqual([9, 9, 9]);
  });
});

describe("what is written", () => {
  const width = (text: string) => [...text].length;
  test.each([
    [" Paris", "Paris"],
    ["\n\n", "↵↵"],
    ["  ", "··"],
    [" ", "·"],
    ["\t", "⇥"],
    ["", "⋯"],
    ["a\u200bb", "a▯b"],
  ])("%j as %s", (text, wanted) => {
    expect(marked(text)).toBe(wanted);
  });
  test("as much as there is room for, and an emoji is never cut through", () => {
    expect(cutTo("capital", 7, width)).toBe("capital");
    expect(cutTo("capital", 4, width)).toBe("cap…");
    expect(cutTo("ab👩‍🚀cd", 5, width)).toBe("ab…");
    expect(cutTo("capital", 0, width)).toBe("…");
  });
  test("nothing in cells too narrow to read", () => {
    const fillText = vi.fn();
    const context = { canvas: { dataset: {} }, measureText: () => ({ width: 1 }), fillText } as never;
    const words = { text: () => "x", strength: () => 0 };
    const extent = { width: 100, height: 20, rows: 1, columns: 3, rowHeight: 20 };
    drawWords(context, words, { x: 0, y: 0, scale: READABLE - 1 }, extent, LIGHT);
    expect(fillText).not.toHaveBeenCalled();
    drawWords(context, words, { x: 0, y: 0, scale: READABLE }, extent, LIGHT);
    expect(fillText).toHaveBeenCalledTimes(3);
  });
});

describe("in a wide matrix", () => {
  const wide = (columns: number, text: (row: number, column: number) => string | null) =>
    show({
      rows: 3,
      columns,
      shape: "wide",
      tile: tilesOf(3, columns, () => 0),
      cellText: { draw: drawWords, text },
    });
  test("a picture at first, words after zooming in", async () => {
    const text = vi.fn(() => "word");
    const map = wide(300, text);
    await drawn(map);
    expect(text).not.toHaveBeenCalled();
    for (let i = 0; i < 8; i++) map.button("zoom in").click();
    await frames();
    expect(text).toHaveBeenCalled();
  });
  test("rows are high enough to read, cells as wide as the place allows", async () => {
    const map = wide(4, () => "word");
    await drawn(map);
    expect(map.canvas.getBoundingClientRect()).toMatchObject({ width: 84 + 4 * 110 + 1, height: 64 + 3 * 20 + 1 });
  });
  test("words differ from their ground, none where there is none to write", async () => {
    const map = wide(4, (_, column) => (column === 1 ? null : "█████"));
    await drawn(map);
    await frames();
    expect(map.colour(55, 10)[0]).toBeLessThan(120);
    expect(map.colour(165, 10)).toEqual([255, 255, 255]);
  });
});

describe("the chart", () => {
  test("its scales", () => {
    expect(worstRank([1, 1])).toBe(10);
    expect(worstRank([11, 3])).toBe(100);
    expect(worstRank([49_152])).toBe(100_000);
    expect(roundTop([0.3, 0.9])).toBe(1);
    expect(roundTop([0.3])).toBe(0.5);
    expect(roundTop([0.004])).toBeCloseTo(0.005, 9);
  });
  test("rank 1 is on top, both lines have a point for every stream, the marked one stands out", async () => {
    const { root, signal } = place();
    root.className = "xw";
    root.style.width = "600px";
    const names = ["embedding", "layer 0", "<b>x</b>"];
    traceChart(
      root,
      { names, rank: [100, 10, 1], prob: [0, 0.2, 0.8], marked: 1, label: "the way", dim: false },
      { hover() {}, pick() {} },
      signal,
    );
    await vi.waitFor(() => expect(root.querySelectorAll("polyline").length).toBe(2));
    const ys = (i: number) =>
      (root.querySelectorAll("polyline")[i]?.getAttribute("points") ?? "")
        .split(" ")
        .map((p) => Number(p.split(",")[1]));
    const [rank, prob] = [ys(0), ys(1)];
    expect(rank).toEqual([...rank].sort((a, b) => b - a));
    expect((rank[0] ?? 0) - (rank[1] ?? 0)).toBeCloseTo((rank[1] ?? 0) - (rank[2] ?? 0), 6);
    expect(prob).toEqual([...prob].sort((a, b) => b - a));
    expect(root.querySelectorAll('circle[r="4"]').length).toBe(2);
    expect(root.querySelector("[role=img]")?.getAttribute("aria-label")).toBe("the way");
    expect(root.querySelector("b")).toBeNull();
    expect([...root.querySelectorAll("text")].map((t) => t.textContent)).toContain("<b>x</b>");
  });
});
