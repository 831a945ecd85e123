import { describe, expect, test, vi } from "vitest";
import { type ArcsCallbacks, type ArcsProps, arcs, LINE, MOST } from "../../js/src/kit/arcs.ts";
import { place, press } from "./mounting.ts";
import "../../js/src/kit/kit.css";

const WORDS = ["The", " cat", " sat", " on"];
const WEIGHTS = [
  [1, 0, 0, 0],
  [0.5, 0.5, 0, 0],
  [0.1, 0.8, 0.1, 0],
  [0.9, 0, 0.05, 0.05],
];

function show(fields: Partial<ArcsProps> = {}, width = 860) {
  const { root, signal, end } = place();
  root.className = "xw";
  root.style.width = `${width}px`;
  const props: ArcsProps = {
    left: WORDS,
    right: WORDS,
    rows: (i) => Float32Array.from(WEIGHTS[i] ?? []),
    threshold: 0.02,
    pinned: [],
    hovered: null,
    top: 1,
    describe: (side, index) => `${side} ${index}`,
    ...fields,
  };
  const callbacks = {
    hover: vi.fn<ArcsCallbacks["hover"]>(),
    pin: vi.fn<ArcsCallbacks["pin"]>(),
    need: vi.fn<ArcsCallbacks["need"]>(),
    clear: vi.fn<() => void>(),
  };
  const part = arcs(root, props, callbacks, signal);
  const tokens = (side: "left" | "right") => [
    ...root.querySelectorAll<HTMLElement>(`[data-side=${side}] > [role=option]`),
  ];
  const token = (side: "left" | "right", i: number) => {
    const found = root.querySelector<HTMLElement>(`[data-side=${side}] > [data-i="${i}"]`);
    if (!found) throw new Error(`no token ${side} ${i}`);
    return found;
  };
  const canvas = root.querySelector("canvas") as HTMLCanvasElement;
  /** How opaque the line is that leaves token `i` at the left for token `j`, a quarter of the way. */
  const line = (i: number, j: number, part = 0.25) => {
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    const y = (i + (j - i) * part + 0.5) * LINE - scroller.scrollTop;
    const { width: w, height: hh } = canvas;
    const box = canvas.getBoundingClientRect();
    const data = context.getImageData(
      Math.round(part * w),
      Math.max(0, Math.round((y / box.height) * hh) - 1),
      1,
      3,
    ).data;
    return Math.max(data[3] ?? 0, data[7] ?? 0, data[11] ?? 0);
  };
  const scroller = root.querySelector(".xw-arcs") as HTMLElement;
  return {
    root,
    props,
    callbacks,
    tokens,
    token,
    canvas,
    line,
    scroller,
    end,
    ink: (side: "left" | "right") => tokens(side).map((t) => Number(t.style.getPropertyValue("--a"))),
    update: (next: Partial<ArcsProps>) => part.update({ ...props, ...next }),
  };
}

const drawn = (part: ReturnType<typeof show>) =>
  vi.waitFor(() => expect(part.tokens("left").length).toBeGreaterThan(0));

describe("lines and ink", () => {
  test("a line for every weight above the threshold, stronger for more weight", async () => {
    const part = show();
    await drawn(part);
    expect(part.line(0, 0)).toBeGreaterThan(240);
    expect(part.line(2, 1)).toBeGreaterThan(part.line(1, 1));
    expect(part.line(1, 1)).toBeGreaterThan(60);
    // From the first token, nothing goes down to the last.
    expect(part.line(0, 3, 0.15)).toBe(0);
    expect(part.ink("right")).toEqual([0, 0, 0, 0]);
  });
  test("the threshold hides lines, not ink", async () => {
    const part = show({ threshold: 0.85, hovered: { side: "left", index: 2 } });
    await drawn(part);
    expect(part.line(2, 1)).toBe(0);
    expect(part.ink("right")).toEqual([0.1, 0.8, 0.1, 0]);
    part.update({ threshold: 0.7, hovered: { side: "left", index: 2 } });
    await vi.waitFor(() => expect(part.line(2, 1)).toBeGreaterThan(100));
  });
  test("hovering at the left leaves that token's lines and shows where it looks", async () => {
    const part = show({ hovered: { side: "left", index: 1 } });
    await drawn(part);
    expect(part.ink("right")).toEqual([0.5, 0.5, 0, 0]);
    expect(part.ink("left")).toEqual([0, 0, 0, 0]);
    expect(part.line(1, 1)).toBeGreaterThan(60);
    expect(part.line(0, 0)).toBe(0);
  });
  test("hovering at the right shows who looks at it", async () => {
    const part = show({ hovered: { side: "right", index: 1 } });
    await drawn(part);
    expect(part.ink("left")).toEqual([0, 0.5, 0.8, 0]);
    expect(part.ink("right")).toEqual([0, 0, 0, 0]);
    expect(part.line(2, 1)).toBeGreaterThan(100);
    expect(part.line(0, 0)).toBe(0);
  });
  test("what is pinned stays beside what is hovered, and is told by role", async () => {
    const part = show({ pinned: [{ side: "left", index: 0 }], hovered: { side: "left", index: 2 } });
    await drawn(part);
    expect(part.ink("right")).toEqual([1, 0.8, 0.1, 0]);
    expect(part.token("left", 0).getAttribute("aria-selected")).toBe("true");
    expect(part.token("left", 2).getAttribute("aria-selected")).toBe("false");
  });
  test("weights are read on the scale that is given", async () => {
    const part = show({ top: 0.5, hovered: { side: "left", index: 2 } });
    await drawn(part);
    expect(part.ink("right")).toEqual([0.2, 1, 0.2, 0]);
  });
  test("the dark page has its own blue", async () => {
    const part = show();
    await drawn(part);
    part.root.dataset.theme = "dark";
    const blue = () => {
      const context = part.canvas.getContext("2d") as CanvasRenderingContext2D;
      return [...context.getImageData(20, Math.round((LINE / 2) * devicePixelRatio), 1, 1).data];
    };
    await vi.waitFor(() => expect(blue().slice(0, 3)).toEqual([86, 180, 233]));
  });
});

describe("tokens as text", () => {
  test("markup stays text, line ends and spaces are marked, directions are kept apart", async () => {
    const left = ["<b>x</b>", "\n", "   ", "שלום", ""];
    const part = show({ left, right: left, rows: () => null });
    await drawn(part);
    expect(part.root.querySelector("b")).toBeNull();
    expect(part.token("left", 0).textContent).toBe("<b>x</b>");
    expect(part.token("left", 1).querySelector("[data-mark='↵']")).not.toBeNull();
    expect(part.token("right", 2).querySelector("[data-mark='···']")).not.toBeNull();
    expect(getComputedStyle(part.token("left", 3)).direction).toBe("rtl");
    expect(part.token("left", 4).querySelector("[data-mark='⋯']")).not.toBeNull();
  });
});

describe("rows that are not known", () => {
  test("are asked for once, those that are seen, and again when the source is another", async () => {
    const rows = () => null;
    const words = Array.from({ length: 300 }, (_, i) => `w${i}`);
    const part = show({ left: words, right: words, rows });
    await vi.waitFor(() => expect(part.callbacks.need).toHaveBeenCalled());
    const asked = part.callbacks.need.mock.calls.map(([row]) => row);
    expect(asked[0]).toBe(0);
    expect(asked.length).toBeLessThan(40);
    expect(new Set(asked).size).toBe(asked.length);
    const all = { left: words, right: words, rows };
    part.update({ ...all, threshold: 0.5 });
    part.scroller.scrollTop = 100 * LINE;
    await vi.waitFor(() => expect(part.callbacks.need).toHaveBeenCalledWith(100));
    expect(part.callbacks.need.mock.calls.filter(([row]) => row === 0).length).toBe(1);
    part.scroller.scrollTop = 0;
    part.update({ ...all, source: {} });
    await vi.waitFor(() => expect(part.callbacks.need.mock.calls.filter(([row]) => row === 0).length).toBe(2));
  });
});

describe("by pointer and keyboard", () => {
  test("hovering and pinning are said with their side", async () => {
    const part = show();
    await drawn(part);
    part.token("right", 2).dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    expect(part.callbacks.hover.mock.lastCall).toEqual(["right", 2]);
    part.scroller.dispatchEvent(new PointerEvent("pointerleave"));
    expect(part.callbacks.hover.mock.lastCall).toEqual(["right", null]);
    part.token("left", 1).click();
    expect(part.callbacks.pin.mock.calls).toEqual([["left", 1]]);
  });
  test("arrows move within a column and across, Enter pins, Escape clears", async () => {
    const part = show();
    await drawn(part);
    part.token("left", 0).focus();
    expect(part.token("left", 0).getAttribute("aria-label")).toBe("left 0");
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight", "End", "ArrowUp"]) {
      press(document.activeElement as Element, key);
    }
    expect(document.activeElement).toBe(part.token("right", 2));
    expect(part.token("left", 0).hasAttribute("aria-label")).toBe(false);
    press(part.token("right", 2), "Enter");
    expect(part.callbacks.pin.mock.calls).toEqual([["right", 2]]);
    press(part.token("right", 2), "ArrowLeft");
    expect(document.activeElement).toBe(part.token("left", 2));
    press(part.token("left", 2), "Escape");
    expect(part.callbacks.clear).toHaveBeenCalledOnce();
    expect(part.tokens("left").filter((t) => t.tabIndex === 0).length).toBe(1);
  });
});

describe("many tokens, little room", () => {
  test("of 512 tokens those that are seen exist, in order; the strongest lines are drawn and counted", async () => {
    const words = Array.from({ length: 512 }, (_, i) => `w${i}`);
    const rows = (i: number) => Float32Array.from(words, (_, j) => (j === i ? 1 : 0.3));
    const part = show({ left: words, right: words, rows });
    await drawn(part);
    expect(part.tokens("left").length).toBeLessThan(60);
    expect(part.root.textContent).toMatch(`The strongest ${MOST.toLocaleString("en")} of `);
    expect(part.line(3, 3)).toBeGreaterThan(240);
    part.scroller.scrollTop = 300 * LINE;
    await vi.waitFor(() => expect(() => part.token("right", 305)).not.toThrow());
    const places = part.tokens("left").map((t) => Number(t.dataset.i));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places.length).toBeLessThan(60);
    expect(part.line(303, 303)).toBeGreaterThan(240);
  });
  test("a few tokens take no more room than they need; nothing sticks out at 320 pixels", async () => {
    const part = show({ left: [...WORDS, "a word much longer than there is room for"] }, 320);
    await drawn(part);
    await vi.waitFor(() => expect(part.canvas.getBoundingClientRect().height).toBe(5 * LINE));
    expect(part.scroller.clientHeight).toBe(5 * LINE);
    expect(part.scroller.scrollWidth).toBeLessThanOrEqual(part.scroller.clientWidth);
  });
  test("other texts take the place of those before; nothing is drawn after the end", async () => {
    const part = show();
    await drawn(part);
    part.update({ left: ["x"], right: ["y"], rows: () => null });
    await vi.waitFor(() => expect(part.token("left", 0).textContent).toBe("x"));
    expect(part.tokens("right").map((t) => t.textContent)).toEqual(["y"]);
    part.callbacks.need.mockClear();
    part.end();
    part.update({ left: ["x"], right: ["y"], rows: () => null, source: {} });
    await new Promise((done) => requestAnimationFrame(done));
    expect(part.callbacks.need).not.toHaveBeenCalled();
  });
});
