import { describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { chat, generated, long, marks, packed, plain, rtl, words } from "../../js/gallery/fixtures.ts";
import { scaleOf } from "../../js/src/kit/shared/colour-scale.ts";
import { mainRect } from "../../js/src/kit/shared/float.ts";
import { CHUNK, type StripCallbacks, type StripProps, tokenStrip } from "../../js/src/kit/token-strip.ts";
import { decodePacked } from "../../js/src/protocol/decode.ts";
import type { Packed } from "../../js/src/protocol/generated.ts";
import { units } from "../../js/src/state/picture.ts";
import { place, press } from "./mounting.ts";

function show(data: Packed, fields: Partial<StripProps> = {}) {
  const answer = decodePacked(data);
  if (!answer) throw new Error("empty");
  const { root, signal, end } = place();
  root.className = "xw";
  const props: StripProps = {
    units: units(answer),
    values: answer.scores,
    scale: scaleOf(answer.scores, answer.snapshot.signed),
    known: null,
    estimate: false,
    fresh: null,
    old: null,
    hovered: [],
    pinned: [],
    brushed: [],
    target: -1,
    dim: false,
    label: "tokens",
    describe: (i) => `unit ${i}`,
    ...fields,
  };
  const callbacks = {
    hover: vi.fn<StripCallbacks["hover"]>(),
    pin: vi.fn<StripCallbacks["pin"]>(),
    brush: vi.fn<StripCallbacks["brush"]>(),
    clear: vi.fn<StripCallbacks["clear"]>(),
    contrast: vi.fn<StripCallbacks["contrast"]>(),
    explain: vi.fn<StripCallbacks["explain"]>(),
  };
  const part = tokenStrip(root, props, callbacks, signal);
  const tokens = () => [...root.querySelectorAll<HTMLElement>("[role=option]")];
  const token = (i: number) => {
    const found = tokens()[i];
    if (!found) throw new Error(`no token ${i}`);
    return found;
  };
  return {
    root,
    props,
    callbacks,
    tokens,
    token,
    end,
    update: (next: Partial<StripProps>) => part.update({ ...props, ...next }),
  };
}

const ink = (element: HTMLElement) => element.style.getPropertyValue("--a");

describe("text", () => {
  test("reads as the text it came from", () => {
    const { root } = show(plain);
    expect(root.textContent).toBe("<s>The capital of France, not Italy, is");
  });
  test("markup in tokens stays text", () => {
    const { root, tokens } = show(marks);
    expect(root.querySelector("b, script")).toBeNull();
    expect(tokens().map((t) => t.textContent)).toContain("<script>alert(1)</script>");
  });
  test("one element for each position, repeated and empty ones too", () => {
    const { tokens } = show(
      packed({ tokens: ["a", "a", { text: "", kind: "byte", raw: "<0xA9>" }, "a"], scores: [1, 2, 3, 4] }),
    );
    expect(tokens().map(ink)).toEqual(["0.25", "0.5", "0.75", "1"]);
  });
  test("marks for the invisible are drawn by the style sheet, so copied text is the true text", () => {
    const { token, tokens } = show(marks);
    expect(
      tokens()
        .map((t) => t.textContent)
        .slice(0, 9)
        .join(""),
    ).toBe("def f(x):\n    return x ");
    expect(token(4).querySelector("[data-mark='↵']")).not.toBeNull();
    expect(token(5).querySelector("[data-mark='····']")).not.toBeNull();
    expect(token(16).querySelector("[data-mark='⋯']")).not.toBeNull();
    expect(token(17).querySelector("[data-mark='▯']")).not.toBeNull();
    expect(token(15).textContent).toBe("👩‍🚀");
    expect(token(15).querySelector("[data-mark]")).toBeNull();
  });
  test("a newline breaks the line", () => {
    const { token } = show(marks);
    expect(token(6).getBoundingClientRect().top).toBeGreaterThan(token(3).getBoundingClientRect().bottom - 20);
    expect(token(6).getBoundingClientRect().left).toBeLessThan(token(3).getBoundingClientRect().right + 40);
  });
  test("specials and byte parts are chips", () => {
    expect(show(plain).token(0).className).toContain("xw-special");
    const { token } = show(rtl);
    expect(token(7).className).toContain("xw-byte");
    expect(token(7).querySelector("[data-mark='9F']")).not.toBeNull();
  });
  test("right-to-left text runs from the right, left-to-right pieces inside it stay whole", () => {
    const { root, token } = show(rtl);
    expect(root.querySelector("[role=listbox]")?.getAttribute("dir")).toBe("rtl");
    expect(token(0).getBoundingClientRect().left).toBeGreaterThan(token(2).getBoundingClientRect().left);
  });
  test("turns of a chat are groups with their role", () => {
    const { root } = show(chat);
    const groups = [...root.querySelectorAll("[role=group]")];
    expect(groups.map((g) => g.getAttribute("aria-label"))).toEqual(["system", "user", "assistant"]);
    expect(groups[1]?.textContent).toContain("What is the capital of France?");
    const open = packed({
      tokens: [
        { text: "Hi", role: "user", turn: 0 },
        { text: "<|im_start|>", kind: "special", turn: 1 },
        { text: "ass", role: "special", turn: 1 },
        { text: "istant", role: "special", turn: 1 },
      ],
      scores: [1, 0, 0, 0],
    });
    expect([...show(open).root.querySelectorAll("[role=group]")].map((g) => g.getAttribute("aria-label"))).toEqual([
      "user",
      "assistant",
    ]);
  });
  test("a unit of several tokens is one element with one ink", () => {
    const { tokens } = show(words);
    expect(tokens().map((t) => t.textContent)).toEqual(["Unbelievable", " views", " from", " the", " tower", "."]);
  });
});

describe("ink", () => {
  test("follows strength, the side is in the class, not a number has its own mark", () => {
    const { token } = show(packed({ tokens: ["a", "b", "c", "d"], scores: [1, -0.5, 0, Number.NaN] }));
    expect([0, 1, 2].map((i) => ink(token(i)))).toEqual(["1", "0.5", "0"]);
    expect(token(1).className).toContain("xw-neg");
    expect(token(3).className).toContain("xw-nan");
  });
  test("an estimate is hatched until it is exact; what is unknown has none", () => {
    const { token, update } = show(packed({ tokens: ["a", "b"], scores: [1, 1] }), { known: [1, 0], estimate: true });
    expect(token(0).className).not.toContain("xw-est");
    expect(token(1).className).toContain("xw-est");
    update({ known: [1, 0], estimate: false });
    expect([ink(token(0)), ink(token(1))]).toEqual(["1", "0"]);
    update({ known: [1, 1], estimate: true });
    expect(token(1).className).not.toContain("xw-est");
  });
  test("new tokens and values before are marked", () => {
    const { token } = show(packed({ tokens: ["a", "b", "c"], scores: [1, 0.5, -0.5] }), {
      fresh: [1, 0, 0],
      old: [Number.NaN, 0.8, -0.51],
    });
    expect(token(0).className).toContain("xw-new");
    expect(token(1).style.getPropertyValue("--o")).toBe("0.8");
    expect(token(2).className).not.toContain("xw-had");
  });
  test("elements stay the same when only the values change", () => {
    const { tokens, update } = show(plain);
    const before = tokens();
    const values = Float32Array.from({ length: 10 }, (_, i) => -i);
    update({ values, scale: scaleOf(values, true) });
    expect(tokens()).toEqual(before);
    expect(ink(before[9] as HTMLElement)).toBe("1");
    expect(before[9]?.className).toContain("xw-neg");
  });
  test("pins, hovering and brushes are told apart", () => {
    const { token, update } = show(plain, { pinned: [1], hovered: [2], brushed: [3] });
    expect(token(1).getAttribute("aria-selected")).toBe("true");
    expect([
      token(1).hasAttribute("data-pin"),
      token(2).hasAttribute("data-hover"),
      token(3).hasAttribute("data-brush"),
    ]).toEqual([true, true, true]);
    update({ pinned: [], hovered: [], brushed: [] });
    expect(token(1).getAttribute("aria-selected")).toBe("false");
    expect(token(2).hasAttribute("data-hover")).toBe(false);
  });
});

describe("keyboard", () => {
  const active = () => document.activeElement;
  test("one stop for Tab; arrows, Home and End move", () => {
    const { tokens, token } = show(plain);
    expect(tokens().filter((t) => t.tabIndex === 0).length).toBe(1);
    token(0).focus();
    press(token(0), "ArrowRight");
    expect(active()).toBe(token(1));
    press(token(1), "End");
    expect(active()).toBe(token(9));
    press(token(9), "ArrowRight");
    expect(active()).toBe(token(9));
    press(token(9), "Home");
    expect(active()).toBe(token(0));
    expect(tokens().filter((t) => t.tabIndex === 0)).toEqual([token(0)]);
  });
  test("in right-to-left text the left arrow goes on", () => {
    const { token } = show(rtl);
    token(0).focus();
    press(token(0), "ArrowLeft");
    expect(active()).toBe(token(1));
  });
  test("up and down go to the line above and below", () => {
    const { root, token } = show(long(80));
    root.style.width = "400px";
    token(0).focus();
    press(token(0), "ArrowDown");
    const below = active();
    const [there, here] = [below && mainRect(below), mainRect(token(0))];
    expect(there?.top).toBeGreaterThan((here?.bottom ?? 0) - 2);
    expect(Math.abs((there?.left ?? 0) - (here?.left ?? 0))).toBeLessThan(30);
    press(below as Element, "ArrowUp");
    expect(active()).toBe(token(0));
  });
  test("Enter pins, Shift+Enter brushes from the last one, Escape clears, c compares", () => {
    const { token, callbacks } = show(plain);
    token(2).focus();
    press(token(2), "Enter");
    expect(callbacks.pin).toHaveBeenCalledWith(2);
    token(5).focus();
    press(token(5), "Enter", { shiftKey: true });
    expect(callbacks.brush).toHaveBeenCalledWith(2, 5);
    press(token(5), "Escape");
    expect(callbacks.clear).toHaveBeenCalled();
    press(token(5), "c");
    expect(callbacks.contrast).toHaveBeenCalledWith(5);
    press(token(5), "c", { ctrlKey: true });
    expect(callbacks.contrast).toHaveBeenCalledTimes(1);
  });
  test("the focused token says its values, the others only their text", async () => {
    const { token } = show(plain);
    token(3).focus();
    expect(token(3).getAttribute("aria-label")).toBe("unit 3");
    token(4).focus();
    expect(token(3).hasAttribute("aria-label")).toBe(false);
  });
  test("focus stays at its place when the text changes", () => {
    const { token, update } = show(plain);
    token(4).focus();
    const other = decodePacked(words);
    update({ units: other ? units(other) : [] });
    expect(active()).toBe(token(4));
  });
});

describe("generated tokens", () => {
  test("are targets to click, behind a border, also those after the explained one", async () => {
    const { root, tokens, token, callbacks } = show(generated, { target: 2 });
    expect(tokens().length).toBe(9 + 8);
    expect(root.querySelectorAll(".xw-border").length).toBe(1);
    expect(root.querySelector(".xw-border")?.nextElementSibling).toBe(token(9));
    expect(token(11).className).toContain("xw-target");
    await userEvent.click(token(13));
    expect(callbacks.explain).toHaveBeenCalledWith(13);
    expect(callbacks.pin).not.toHaveBeenCalled();
    press(token(9), "Enter");
    expect(callbacks.explain).toHaveBeenLastCalledWith(9);
  });
});

describe("pointer", () => {
  test("click pins, hovering tells which", async () => {
    const { token, callbacks } = show(plain);
    await userEvent.hover(token(2));
    expect(callbacks.hover).toHaveBeenLastCalledWith(2, token(2));
    await userEvent.click(token(2));
    expect(callbacks.pin).toHaveBeenCalledWith(2);
  });
});

describe("long texts", () => {
  test("put a part on the page, and the rest when it is needed", async () => {
    const { root, tokens, token } = show(long(10_000));
    expect(tokens().length).toBe(CHUNK);
    token(0).focus();
    root.querySelector(".xw-more")?.scrollIntoView();
    await vi.waitFor(() => expect(tokens().length).toBeGreaterThan(CHUNK));
    press(token(0), "End");
    expect(tokens().length).toBe(10_000);
    expect(document.activeElement).toBe(token(9999));
    expect(root.querySelector(".xw-more")).toBeNull();
  });
  test("what comes later has its ink and marks", () => {
    const { token, update } = show(long(3000), { pinned: [2999] });
    token(0).focus();
    press(token(0), "End");
    expect(token(2999).hasAttribute("data-pin")).toBe(true);
    expect(token(2998).style.getPropertyValue("--a")).not.toBe("");
    update({ values: new Float32Array(3000) });
    expect(ink(token(2998))).toBe("0");
  });
});

test("nothing listens after the end", () => {
  const { token, callbacks, end } = show(plain);
  token(1).focus();
  end();
  callbacks.hover.mockClear();
  press(token(1), "Enter");
  token(2).click();
  token(2).dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  for (const callback of Object.values(callbacks)) expect(callback).not.toHaveBeenCalled();
});
