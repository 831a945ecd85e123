import { expect, test, vi } from "vitest";
import { type CurveChartProps, curveChart } from "../../js/src/kit/curve-chart.ts";
import { place } from "./mounting.ts";
import "../../js/src/kit/kit.css";

const PROPS: CurveChartProps = {
  names: ["a", "b", "c", "<b>d</b>"],
  curves: [
    { name: "one", values: [0.5, Number.NaN, 0.25, 1], dashed: false },
    { name: "two", values: [1, 1, 1, 1], dashed: true },
  ],
  range: [0, 1],
  title: "<i>title</i>",
  marked: null,
  label: "two lines",
  dim: false,
};

function show(props: CurveChartProps | null) {
  const { root, signal, end } = place();
  const el = document.createElement("div");
  el.className = "xw";
  el.style.width = "452px";
  root.append(el);
  const said: string[] = [];
  const chart = curveChart(
    el,
    props,
    { hover: (index) => said.push(`hover ${index}`), pick: (index) => said.push(`pick ${index}`) },
    signal,
  );
  return { el, chart, said, end };
}

const lines = (el: HTMLElement) =>
  [...el.querySelectorAll(".xw-curve-line")].map((l) => l.getAttribute("points") ?? "");

test("a line for each, broken where there is no number; names and title are text", async () => {
  const { el } = show(PROPS);
  // The value alone before the gap has a dot, but nothing to be joined to.
  await vi.waitFor(() => expect(lines(el).length).toBe(2));
  expect(lines(el).map((points) => points.split(" ").length)).toEqual([2, 4]);
  expect(el.querySelectorAll(".xw-curve-dot").length).toBe(3);
  expect(el.textContent).toContain("<b>d</b>");
  expect(el.querySelector("b, i")).toBeNull();
  expect(el.querySelector("svg")?.getAttribute("aria-label")).toBe("two lines");
});

test("the axis is widened for what lies outside", async () => {
  const { el, chart } = show(PROPS);
  await vi.waitFor(() => expect(lines(el).length).toBe(2));
  const lowest = () => Math.max(...[...el.querySelectorAll(".xw-curve-grid")].map((g) => Number(g.getAttribute("y1"))));
  expect(lowest()).toBe(144);
  chart.update({ ...PROPS, curves: [{ name: "one", values: [-1, 0, 0, 1], dashed: false }] });
  expect(lines(el)[0]).toMatch(/^[\d.]+,144 /);
  expect(el.textContent).toContain("-1");
});

test("the step under the pointer, and none beside the lines", async () => {
  const { el, said, chart } = show(PROPS);
  await vi.waitFor(() => expect(lines(el).length).toBe(2));
  const box = el.querySelector(".xw-curve") as HTMLElement;
  const { left, top } = box.getBoundingClientRect();
  const at = (x: number) => ({ clientX: left + x, clientY: top + 40, bubbles: true });
  box.dispatchEvent(new PointerEvent("pointermove", at(52 + 97 * 2.5)));
  box.dispatchEvent(new MouseEvent("click", at(52 + 97 * 0.5)));
  box.dispatchEvent(new PointerEvent("pointermove", at(10)));
  expect(said).toEqual(["hover 2", "pick 0", "hover null"]);
  chart.update({ ...PROPS, marked: 3, dim: true });
  expect(el.querySelector(".xw-curve-marked")).not.toBeNull();
  expect(box.hasAttribute("data-dim")).toBe(true);
  chart.update(null);
  expect(box.checkVisibility()).toBe(false);
});
