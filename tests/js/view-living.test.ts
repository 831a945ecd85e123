import { afterEach, describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { FakeModel, IDLE } from "../../js/gallery/fake-model.ts";
import { contrastive, long, packed, plain, sampled } from "../../js/gallery/fixtures.ts";
import { SILENCE_MS } from "../../js/src/state/connection.ts";
import view from "../../js/src/views/token_attribution.ts";
import { at, mount, place, press, settle, withSession } from "./mounting.ts";

afterEach(() => void vi.useRealTimers());

describe("trouble", () => {
  test("a refusal is said under the last good picture, with what to do", async () => {
    const v = mount(plain);
    v.candidate("Rome").click();
    v.model.say({
      type: "error",
      v: 1,
      id: v.model.asked.id,
      revision: 1,
      error: {
        code: "target",
        problem: "Two tokens.",
        given: "New York",
        accepted: "one token",
        hint: 'use contrast=" New"',
      },
    });
    await settle();
    const alert = v.find("[role=alert]");
    expect(alert.textContent).toContain("Two tokens.");
    expect(alert.textContent).toContain("What to do:");
    expect(alert.getBoundingClientRect().top).toBeGreaterThan(v.find(".xw-strip").getBoundingClientRect().bottom);
    expect(v.find(".xw-strip").hasAttribute("data-dim")).toBe(false);
    v.candidate("the").click();
    await settle();
    expect(alert.checkVisibility()).toBe(false);
  });
  test("a busy kernel is said, and waited for", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const v = mount(plain);
    v.candidate("Rome").click();
    vi.advanceTimersByTime(SILENCE_MS);
    await settle();
    expect(v.says("The kernel is busy with another cell; waiting.")).toBe(true);
    v.model.progress(v.model.asked, { done: 1, total: 2 });
    await settle();
    expect(v.says("busy with another cell")).toBe(false);
  });
  test("a dead kernel is said on a click, the picture stays", async () => {
    const v = mount(plain);
    v.model.dead = true;
    v.candidate("Rome").click();
    await settle();
    expect(v.says("The kernel is gone.")).toBe(true);
    expect(v.tokens.length).toBe(10);
  });
  test("also when nobody asks anything: on a mere click, on coming back to the page, on the host's word", async () => {
    for (const look of [
      (v: ReturnType<typeof mount>) => v.find(".xw").dispatchEvent(new PointerEvent("pointerdown", { bubbles: true })),
      () => document.dispatchEvent(new Event("visibilitychange")),
      (v: ReturnType<typeof mount>) => v.model.emit("comm_live_update"),
    ]) {
      const v = mount(plain);
      v.model.dead = true;
      look(v);
      await settle();
      expect(v.says("The kernel is gone.")).toBe(true);
    }
  });
  test("a saved page says so only when asked", async () => {
    const v = mount(plain, { status: { ...IDLE, state: "static" } });
    expect(v.says("no kernel")).toBe(false);
    v.candidate("Rome").click();
    v.model.say({ type: "no-kernel", id: v.model.asked.id });
    await settle();
    expect(v.says("there is no kernel here")).toBe(true);
  });
  test("saved state in a notebook whose kernel knows nothing of it is no busy kernel", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const v = mount(plain, { status: { ...IDLE, state: "static" } });
    v.candidate("Rome").click();
    vi.advanceTimersByTime(SILENCE_MS);
    await settle();
    expect(v.says("there is no kernel here")).toBe(true);
    expect(v.says("busy")).toBe(false);
  });
  test("another version is said, not thrown", () => {
    expect(mount(plain, { protocol_version: 9 }).says("Reload the page")).toBe(true);
    expect(mount(at(plain, { v: 9 })).says("Reload the page")).toBe(true);
  });
  test("damaged state is said, not thrown", () => {
    const v = mount({ snapshot: plain.snapshot, buffers: [] });
    expect(v.says("What arrived can't be read.")).toBe(true);
  });
});

describe("pointing", () => {
  test("hovering shows exact values; a pin stays and goes to Python", async () => {
    const v = mount(sampled);
    await userEvent.hover(v.token(" capital"));
    const tip = v.find("[role=tooltip]");
    await vi.waitFor(() => expect(tip.checkVisibility()).toBe(true));
    for (const text of ["0.71", "± 0.091", "Ġcapital", "share of the total"]) expect(tip.textContent).toContain(text);
    await userEvent.click(v.token(" capital"));
    await vi.waitFor(() => expect(v.model.get("selection").pos).toEqual([1]));
    press(v.token(" capital"), "Escape");
    await vi.waitFor(() => expect(v.model.get("selection").pos).toEqual([]));
  });
  test("linked views show each other's pins and hovering", async () => {
    const display = { row: null, link_id: "two" };
    const [a, b] = [mount(plain, { display }), mount(contrastive, { display })];
    await userEvent.click(a.token(" France"));
    await settle();
    expect(b.token(" France").hasAttribute("data-pin")).toBe(true);
    expect(b.token(" France").hasAttribute("data-hover")).toBe(true);
    a.end();
    expect(b.token(" France").hasAttribute("data-pin")).toBe(true);
  });
});

describe("more than one view, and none", () => {
  test("two views of one widget share answers, versions and the request under way", async () => {
    const a = mount(plain);
    const b = mount(null, {}, { model: a.model });
    a.candidate("Rome").click();
    a.model.progress(a.model.asked, { done: 3, total: 32 });
    await settle();
    expect(b.says("3 of 32")).toBe(true);
    b.button("cancel").click();
    expect(a.model.sent.at(-1)?.type).toBe("cancel");
    expect(a.model.sent.filter((m) => m.type === "request").length).toBe(1);
  });
  test("a view that ends leaves nothing, and the other goes on", async () => {
    const a = mount(plain);
    const b = mount(null, {}, { model: a.model });
    const listening = a.model.listening;
    b.end();
    expect(b.el.childElementCount).toBe(0);
    expect(a.model.listening).toBe(listening);
    a.model.set("explanation", at(contrastive, { revision: 1 }));
    await settle();
    expect(a.question).toContain("Rome");
  });
  test("the end of the widget takes every listener away", () => {
    const v = mount(plain);
    v.candidate("Rome").click();
    v.end();
    expect(v.model.listening).toBe(0);
    expect(document.querySelector("[role=tooltip], .xw-picker")).toBeNull();
  });
  test("hosts without signals get clean-up functions", () => {
    const { root } = place();
    const model = new FakeModel({ explanation: plain });
    const ends = [view.initialize({ model }), view.render({ model, el: root })];
    expect(root.querySelectorAll("[role=option]").length).toBeGreaterThan(10);
    for (const end of ends.reverse()) end?.();
    expect(model.listening).toBe(0);
    expect(root.childElementCount).toBe(0);
  });
});

describe("where it lives", () => {
  test("inside a shadow root", async () => {
    const { root } = place();
    const shadow = root.attachShadow({ mode: "open" });
    const inside = document.createElement("div");
    shadow.append(inside);
    const v = mount(plain, {}, { root: inside, model: withSession(plain) });
    const first = v.tokens[0];
    first?.focus();
    press(first as Element, "ArrowRight");
    expect(shadow.activeElement).toBe(v.tokens[1]);
    v.candidate("Rome").click();
    await settle();
    expect(v.model.asked.target).toEqual({ kind: "token", id: 101 });
    v.button("edit").click();
    await settle();
    expect(shadow.activeElement).toBe(v.find("textarea"));
  });
  test("built while detached, shown later", async () => {
    const model = withSession(plain);
    const { root, signal } = place();
    const el = document.createElement("div");
    view.render({ model, el, signal });
    root.append(el);
    await vi.waitFor(() => expect(el.querySelector(".xw")?.getAttribute("data-theme")).toMatch(/light|dark/));
  });
  test("light and dark keep the text readable over full ink", async () => {
    for (const theme of ["true", "false"]) {
      document.body.setAttribute("data-jp-theme-light", theme);
      const v = mount(plain);
      await vi.waitFor(() =>
        expect(v.find(".xw").getAttribute("data-theme")).toBe(theme === "true" ? "light" : "dark"),
      );
      const style = getComputedStyle(v.find(".xw"));
      const ink = rgb(style.color);
      const paper = rgb(style.backgroundColor);
      for (const name of ["--for", "--against"]) {
        const hue = style.getPropertyValue(name).split(",").map(Number);
        const over = paper.map((p, i) => p + ((hue[i] ?? 0) - p) * 0.42);
        expect(contrast(ink, over)).toBeGreaterThan(4.5);
      }
      v.end();
    }
    document.body.removeAttribute("data-jp-theme-light");
  });
});

function rgb(text: string): number[] {
  return (text.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
}

function contrast(a: number[], b: number[]): number {
  const light = (c: number[]) => {
    const [r = 0, g = 0, bl = 0] = c.map((v) =>
      v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * bl;
  };
  const [hi, lo] = [light(a), light(b)].sort((x, y) => y - x);
  return ((hi ?? 0) + 0.05) / ((lo ?? 0) + 0.05);
}

test("copy as code puts the cell on the clipboard", async () => {
  const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  const v = mount(plain);
  v.button("copy as code").click();
  await vi.waitFor(() => expect(v.says("copied")).toBe(true));
  expect(write).toHaveBeenCalledWith(plain.snapshot?.code);
  write.mockRestore();
});

test("a screen reader hears the new answer and finds the strongest in a table", async () => {
  const v = mount(plain);
  expect(v.find("[aria-live]").textContent).toContain("strongest: France +1.00");
  expect(v.find("table tbody tr").textContent).toContain("France");
  v.candidate("Rome").click();
  await settle();
  expect(v.find("[aria-live]").textContent).toBe("computing");
});

test("a text of 10,000 tokens is on the page, and stays quick to point at", async () => {
  const v = mount(long(10_000));
  expect(v.tokens.length).toBeLessThan(3000);
  await userEvent.hover(v.token(" bright"));
  expect(v.says("10,000 tokens")).toBe(true);
});

test("an empty answer draws nothing and throws nothing", () => {
  expect(mount(packed({ tokens: [], scores: null, rows: [] })).tokens.length).toBe(0);
});
