import { describe, expect, test, vi } from "vitest";
import { type NumberFieldProps, numberField } from "../../js/src/kit/number-field.ts";
import { type SizeChartProps, sizeChart } from "../../js/src/kit/size-chart.ts";
import { sizeAt, sizeSlider, stepOf } from "../../js/src/kit/size-slider.ts";
import { place, press } from "./mounting.ts";
import "../../js/src/kit/kit.css";

describe("a slider of sizes", () => {
  test("goes by factors: the middle of 1 to 10,000 is 100", () => {
    expect(sizeAt(0, 10_000)).toBe(1);
    expect(sizeAt(500, 10_000)).toBe(100);
    expect(sizeAt(1000, 10_000)).toBe(10_000);
    for (const size of [1, 10, 100, 1000, 10_000]) expect(sizeAt(stepOf(size, 10_000), 10_000)).toBe(size);
    expect([sizeAt(500, 1), stepOf(1, 1)]).toEqual([1, 0]);
  });
  function mounted(value = 60, most = 400) {
    const { root, signal } = place();
    let now = { label: "edges", name: "number of edges", value, most, hidden: false };
    const chosen: number[] = [];
    const part = sizeSlider(
      root,
      now,
      {
        choose(size) {
          chosen.push(size);
          now = { ...now, value: size };
          part.update(now);
        },
      },
      signal,
    );
    return { input: root.querySelector("input") as HTMLInputElement, chosen };
  }
  test("is a slider that says its size and not its step", () => {
    const { input } = mounted();
    expect([input.type, input.getAttribute("aria-label")]).toEqual(["range", "number of edges"]);
    expect(input.getAttribute("aria-valuetext")).toBe("60 of 400");
  });
  test("every key changes the size by at least one, and none leaves the ends", () => {
    const { input, chosen } = mounted(2, 5);
    for (const key of ["ArrowRight", "ArrowUp", "PageUp", "PageUp", "ArrowLeft", "Home", "ArrowDown", "End"])
      press(input, key);
    expect(chosen).toEqual([3, 4, 5, 5, 4, 1, 1, 5]);
  });
  test("where the hand drags it many steps are one size, and it stays under the hand", () => {
    const { input, chosen } = mounted(2, 400);
    input.value = "190";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    expect(chosen).toEqual([sizeAt(190, 400)]);
    expect(input.value).toBe("190");
  });
});

describe("a number to type", () => {
  function mounted(fields: Partial<NumberFieldProps> = {}) {
    const { root, signal } = place();
    const props = {
      label: "steps",
      name: "steps",
      value: 5,
      least: 1,
      most: 64,
      whole: true,
      hidden: false,
      ...fields,
    };
    const choose = vi.fn();
    const part = numberField(root, props, { choose }, signal);
    const input = root.querySelector("input") as HTMLInputElement;
    const enter = (text: string) => {
      input.focus();
      input.value = text;
      press(input, "Enter");
    };
    return { input, choose, enter, part, props };
  }
  test("Enter asks for it, once; the same again asks nothing", () => {
    const { choose, enter } = mounted();
    enter("8");
    enter("5");
    expect(choose.mock.calls).toEqual([[8]]);
  });
  test.each(["0", "65", "2.5", "many"])("%s is refused where it stands", (text) => {
    const { input, choose, enter } = mounted();
    enter(text);
    expect(choose).not.toHaveBeenCalled();
    expect(input.getAttribute("aria-invalid")).toBe("true");
    expect(input.value).toBe(text);
    press(input, "Escape");
    expect([input.value, input.getAttribute("aria-invalid")]).toEqual(["5", null]);
  });
  test("fractions where they mean something, and nothing known is empty", () => {
    const { input, choose, enter } = mounted({ value: null, least: 1e-6, most: 1, whole: false });
    expect(input.value).toBe("");
    enter("0.02");
    expect(choose).toHaveBeenCalledWith(0.02);
  });
  test("what is being typed stays when something arrives", () => {
    const { input, part, props } = mounted();
    input.focus();
    input.value = "1";
    part.update({ ...props, value: 7 });
    expect(input.value).toBe("1");
  });
});

describe("numbers against a size", () => {
  const PROPS: SizeChartProps = {
    sizes: [1, 10, 100, 1000],
    lines: [
      { name: "faithfulness", values: [0, 0.2, 0.9, 1.05] },
      { name: "completeness", values: [1, 0.9, 0.3, -0.1] },
    ],
    marked: 100,
    label: "what circuits keep",
    describe: (i) => `point ${i}`,
    dim: false,
  };
  async function mounted(props: SizeChartProps | null = PROPS, width = 500) {
    const { root, signal } = place();
    root.className = "xw";
    root.style.width = `${width}px`;
    const pick = vi.fn();
    const part = sizeChart(root, props, { pick }, signal);
    const box = root.querySelector<HTMLElement>("[role=application]") as HTMLElement;
    if (props) await vi.waitFor(() => expect(root.querySelectorAll("circle").length).toBeGreaterThan(0));
    const dots = () => [...root.querySelectorAll("circle.xw-sizes-first")].map((dot) => Number(dot.getAttribute("cx")));
    const status = root.querySelector("[role=status]") as HTMLElement;
    return { root, box, pick, part, dots, status };
  }
  test("is a chart with a name; sizes stand by factors", async () => {
    const { box, dots } = await mounted();
    expect(box.getAttribute("aria-label")).toBe("what circuits keep");
    const [a = 0, b = 0, c = 0, d = 0] = dots();
    expect(b - a).toBeCloseTo(c - b, 3);
    expect(c - b).toBeCloseTo(d - c, 3);
  });
  test("two lines are told apart by their dots and dashes, by name", async () => {
    const { root } = await mounted();
    expect(root.querySelectorAll("circle.xw-sizes-second").length).toBe(4);
    const [first, second] = ["first", "second"].map((name) => root.querySelector(`polyline.xw-sizes-${name}`));
    expect(first && getComputedStyle(first).strokeDasharray).toBe("none");
    expect(second && getComputedStyle(second).strokeDasharray).not.toBe("none");
    expect(root.querySelector("svg")?.textContent).toContain("completeness");
  });
  test("keys go from point to point from the size that is shown, and Enter takes one", async () => {
    const { box, pick, status } = await mounted();
    press(box, "ArrowRight");
    expect(status.textContent).toBe("point 2");
    press(box, "ArrowLeft");
    press(box, "Enter");
    expect(pick).toHaveBeenCalledWith(10);
    press(box, "End");
    press(box, "ArrowRight");
    expect(status.textContent).toBe("point 3");
  });
  test("a click takes the nearest size", async () => {
    const { box, pick, dots } = await mounted();
    const { left } = (box.querySelector("svg") as SVGElement).getBoundingClientRect();
    box.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: left + (dots()[2] ?? 0) - 9 }));
    expect(pick).toHaveBeenCalledWith(100);
  });
  test("a number that is none is left out, and nothing run is no chart", async () => {
    const values = [0, Number.NaN, 0.9, 1];
    const { root } = await mounted({ ...PROPS, lines: [{ name: "faithfulness", values }] });
    expect(root.querySelectorAll("circle").length).toBe(3);
    const { box } = await mounted(null);
    expect(box.checkVisibility()).toBe(false);
  });
  test.each([320, 860])("nothing is cut off %i px wide", async (width) => {
    const { root } = await mounted(PROPS, width);
    const frame = root.getBoundingClientRect();
    for (const text of root.querySelectorAll("svg text")) {
      const { left, right } = text.getBoundingClientRect();
      expect(left).toBeGreaterThanOrEqual(frame.left);
      expect(right).toBeLessThanOrEqual(frame.right + 1);
    }
  });
});
