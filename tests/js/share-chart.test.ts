import { describe, expect, test, vi } from "vitest";
import { type ShareChartCallbacks, type ShareChartProps, shareChart } from "../../js/src/kit/share-chart.ts";
import { ticks } from "../../js/src/kit/shared/ticks.ts";
import { place, press } from "./mounting.ts";
import "../../js/src/kit/kit.css";

const VALUES = [0.5, 1, -2, 4, 0, 0.5];
const GROUPS = ["embedding", "0", "0", "1", "1", "bias"];

function sumsOf(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => {
    sum += value;
    return sum;
  });
}

function show(fields: Partial<ShareChartProps> = {}, width = 580) {
  const { root, signal, end } = place();
  root.className = "xw";
  root.style.width = `${width}px`;
  const props: ShareChartProps = {
    bars: VALUES.map((value, i) => ({ value, group: GROUPS[i] ?? "", look: i % 2 ? "solid" : "hollow" })),
    sums: sumsOf(VALUES),
    total: 4,
    titles: ["layer", "share", "sum so far"],
    pinned: null,
    hovered: null,
    cursor: null,
    label: "shares of the logit",
    describe: (index) => `part ${index}`,
    dim: false,
    ...fields,
  };
  const callbacks = {
    hover: vi.fn<ShareChartCallbacks["hover"]>(),
    pin: vi.fn<ShareChartCallbacks["pin"]>(),
    move: vi.fn<ShareChartCallbacks["move"]>(),
    clear: vi.fn<ShareChartCallbacks["clear"]>(),
  };
  const part = shareChart(root, props, callbacks, signal);
  const chart = root.querySelector("[role=application]") as HTMLElement;
  const bars = () => [...root.querySelectorAll<SVGRectElement>(".xw-shares-bar")];
  const names = () => [...root.querySelectorAll(".xw-shares-name")].map((name) => name.textContent);
  const point = (type: string, clientY: number) => {
    const clientX = chart.getBoundingClientRect().left + 100;
    const init = { clientX, clientY, bubbles: true };
    chart.dispatchEvent(type === "click" ? new MouseEvent(type, init) : new PointerEvent(type, init));
  };
  const update = (next: Partial<ShareChartProps>) => part.update({ ...props, ...next });
  const drawn = () => vi.waitFor(() => expect(root.querySelector(".xw-shares-sum")).not.toBeNull());
  return { root, chart, callbacks, bars, names, point, update, drawn, end };
}

const box = (element: Element | undefined) => (element as Element).getBoundingClientRect();

describe("the picture", () => {
  test("a bar for each share but those of nothing, the first at the bottom, lengths in proportion", async () => {
    const v = show();
    await v.drawn();
    const bars = v.bars();
    expect(bars.length).toBe(5);
    for (let i = 1; i < bars.length; i++) expect(box(bars[i]).top).toBeLessThan(box(bars[i - 1]).top);
    const width = (i: number) => Number(bars[i]?.getAttribute("width"));
    expect(width(3) / width(1)).toBeCloseTo(4, 2);
    expect(width(2) / width(1)).toBeCloseTo(2, 2);
  });
  test("what counts against goes to the left of zero, in the other hue", async () => {
    const v = show();
    await v.drawn();
    const zero = Number(v.root.querySelector(".xw-shares-zero")?.getAttribute("x1"));
    for (const bar of v.bars()) {
      const [x, width] = ["x", "width"].map((name) => Number(bar.getAttribute(name))) as [number, number];
      const against = bar.classList.contains("xw-shares-against");
      expect(against ? x + width : x).toBeCloseTo(zero, 3);
      const fill = getComputedStyle(bar).fill;
      expect(fill.includes("213, 94, 0")).toBe(against);
    }
    expect(v.bars().filter((bar) => bar.classList.contains("xw-shares-against")).length).toBe(1);
  });
  test("the sum goes up step by step and ends at the total", async () => {
    const v = show();
    await v.drawn();
    const way = v.root.querySelector(".xw-shares-sum")?.getAttribute("d") ?? "";
    const xs = [...way.matchAll(/H([-\d.]+)/g)].map((m) => Number(m[1]));
    expect(xs.length).toBe(6);
    const scale = ((xs[3] ?? 0) - (xs[0] ?? 0)) / 3;
    sumsOf(VALUES).forEach((sum, i) => {
      expect((xs[i] ?? 0) - (xs[0] ?? 0)).toBeCloseTo((sum - 0.5) * scale, 3);
    });
    expect(Number(v.root.querySelector(".xw-shares-total")?.getAttribute("x1"))).toBeCloseTo(xs[5] ?? 0, 3);
  });
  test("a share that is not a number has no bar and breaks nothing", async () => {
    const v = show({
      bars: VALUES.map((value, i) => ({ value: i === 3 ? Number.NaN : value, group: "g", look: "solid" })),
    });
    await v.drawn();
    expect(v.bars().length).toBe(4);
    expect(v.root.innerHTML).not.toContain("NaN");
  });
  test("names never run into each other, and both ends have theirs, at 2 layers and at 80", async () => {
    for (const layers of [2, 30, 80]) {
      const groups = ["embedding", ...Array.from({ length: 2 * layers }, (_, i) => String(Math.floor(i / 2))), "bias"];
      const bars = groups.map((group, i) => ({ value: Math.sin(i), group, look: "solid" as const }));
      const v = show({ bars, sums: sumsOf(bars.map((b) => b.value)) }, 320);
      await v.drawn();
      expect(v.names()).toEqual(expect.arrayContaining(["embedding", "bias"]));
      const tops = [...v.root.querySelectorAll(".xw-shares-name")]
        .map((n) => Number(n.getAttribute("y")))
        .sort((a, b) => a - b);
      for (let i = 1; i < tops.length; i++) expect((tops[i] ?? 0) - (tops[i - 1] ?? 0)).toBeGreaterThanOrEqual(11.99);
      expect(v.chart.scrollWidth).toBeLessThanOrEqual(320);
      v.end();
    }
  });
  test("a group's name that looks like markup is text", async () => {
    const v = show({ bars: [{ value: 1, group: "<img src=x>", look: "solid" }], sums: [1], total: 1 });
    await v.drawn();
    expect(v.names()).toEqual(["<img src=x>"]);
    expect(v.root.querySelector("img")).toBeNull();
  });
  test("the same numbers are not drawn again for a cursor", async () => {
    const v = show();
    await v.drawn();
    const before = v.bars();
    v.update({ cursor: 2, hovered: 1, pinned: 3 });
    expect(v.bars()).toEqual(before);
    expect(v.bars()[0]).toBe(before[0]);
    for (const name of ["cursor", "hovered", "pinned"])
      expect(v.root.querySelector(`.xw-shares-${name}`)).not.toBeNull();
  });
});

describe("pointing and keys", () => {
  test("anywhere in the row of a bar", async () => {
    const v = show();
    await v.drawn();
    const y = (i: number) => box(v.bars()[i]).top + box(v.bars()[i]).height / 2;
    v.point("pointermove", y(2));
    expect(v.callbacks.hover.mock.lastCall).toEqual([2]);
    v.point("pointermove", y(2) + 1);
    expect(v.callbacks.hover.mock.calls.length).toBe(1);
    v.point("click", y(3));
    expect(v.callbacks.pin.mock.calls).toEqual([[3]]);
    v.point("pointerleave", y(3));
    expect(v.callbacks.hover.mock.lastCall).toEqual([null]);
    v.point("click", box(v.chart).top + 2);
    expect(v.callbacks.pin.mock.calls.length).toBe(1);
  });
  test("from what is pinned, else from the top; never past an end; Enter pins, Escape clears", async () => {
    const v = show();
    await v.drawn();
    const moved = (key: string, fields: Partial<ShareChartProps>) => {
      v.update(fields);
      press(v.chart, key);
      return v.callbacks.move.mock.lastCall?.[0];
    };
    expect(moved("ArrowDown", {})).toBe(5);
    expect(moved("ArrowDown", { pinned: 2 })).toBe(2);
    expect(moved("ArrowUp", { cursor: 2 })).toBe(3);
    expect(moved("ArrowLeft", { cursor: 2 })).toBe(1);
    expect(moved("ArrowUp", { cursor: 5 })).toBe(5);
    expect(moved("PageDown", { cursor: 3 })).toBe(0);
    expect(moved("End", { cursor: 0 })).toBe(5);
    press(v.chart, "Enter");
    expect(v.callbacks.pin.mock.calls).toEqual([[0]]);
    press(v.chart, "Escape");
    expect(v.callbacks.clear).toHaveBeenCalledOnce();
  });
  test("Enter without a cursor pins nothing; the cursor's part is said", async () => {
    const v = show();
    press(v.chart, "Enter");
    expect(v.callbacks.pin).not.toHaveBeenCalled();
    const said = () => v.root.querySelector("[role=status]")?.textContent;
    expect(said()).toBe("");
    v.update({ cursor: 4 });
    expect(said()).toBe("part 4");
    expect(v.chart.getAttribute("aria-label")).toBe("shares of the logit");
  });
});

describe("round numbers along an axis", () => {
  test.each([
    [-1, 3, 4, [-1, 0, 1, 2, 3]],
    [0, 0.29, 3, [0, 0.1, 0.2]],
    [-12, 48, 5, [0, 20, 40]],
    [0, 3e-7, 3, [0, 1e-7, 2e-7, 3e-7]],
    [2, 2, 3, []],
    [0, Number.NaN, 3, []],
  ])("from %s to %s, about %s", (low, high, most, wanted) => {
    expect(ticks(low, high, most)).toEqual(wanted);
  });
});
