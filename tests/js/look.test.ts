/** Measured on the page: nothing jumps when something arrives, nothing is cut off without a sign, no ink without text. */
import { describe, expect, test, vi } from "vitest";
import { IDLE } from "../../js/gallery/fake-model.ts";
import { CANDIDATES, contrastive, long, METHODS, packed, plain, shown } from "../../js/gallery/fixtures.ts";
import { methodPicker } from "../../js/src/kit/method-picker.ts";
import { tooltip } from "../../js/src/kit/tooltip.ts";
import { at, type Mounted, mount, place, press, settle, type } from "./mounting.ts";

const LONG_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct";
const named = at(contrastive, {
  model: { name: LONG_NAME, fingerprint: "9f3c21aa77d0e1b2", device: "cpu", dtype: "float32" },
});

function narrow(v: Mounted, width: number): void {
  v.el.style.width = `${width}px`;
}

describe("nothing jumps", () => {
  test("words of the header stay in place while a run is under way and after it", async () => {
    const v = mount(named);
    const places = () => [v.button("change ▾"), v.button("edit"), v.button("copy as code")].map((b) => b.offsetLeft);
    const before = places();
    v.candidate("Rome").click();
    v.model.progress(v.model.asked, { done: 0, total: 0 });
    await settle();
    expect(v.button("cancel").checkVisibility()).toBe(true);
    expect(places()).toEqual(before);
    v.model.progress(v.model.asked, { done: 128, total: 1024 });
    await settle();
    expect(places()).toEqual(before);
    v.model.set("explanation", at(named, { revision: 1 }));
    v.model.result(v.model.asked);
    await settle();
    expect(v.button("undo").checkVisibility()).toBe(true);
    expect(places()).toEqual(before);
  });
  test("the first answer comes in at the height and the words that waited for it", async () => {
    const v = mount(null, { status: { ...IDLE, state: "running" } });
    const root = v.find(".xw");
    const before = [root.offsetHeight, v.button("edit").offsetLeft, v.button("copy as code").offsetLeft];
    expect(v.button("edit").disabled).toBe(true);
    v.model.set("explanation", plain);
    v.model.set("status", IDLE);
    await settle();
    expect([root.offsetHeight, v.button("edit").offsetLeft, v.button("copy as code").offsetLeft]).toEqual(before);
    expect(v.button("edit").disabled).toBe(false);
  });
});

describe("nothing is cut off without a sign", () => {
  test("the method is written out beside a model with a long name, whose whole name is in the title", () => {
    const v = mount(named);
    const method = v.find(".xw-methodname");
    expect(method.scrollWidth).toBeLessThanOrEqual(method.clientWidth);
    expect(v.find(".xw-model").textContent).toBe("SmolLM2-135M-Instruct");
    expect(v.find(".xw-model").title).toBe(LONG_NAME);
  });
  test.each([320, 560, 700])("words that do not fit into a header %i px wide end at its right", (width) => {
    const v = mount(named);
    narrow(v, width);
    const bar = v.find(".xw-bar").getBoundingClientRect();
    const copy = v.button("copy as code").getBoundingClientRect();
    expect(bar.right - copy.right).toBeLessThanOrEqual(13);
    expect(copy.left).toBeGreaterThan(bar.left);
  });
  test("a text too long for the strip ends in half a line", () => {
    const v = mount(long(600));
    const strip = v.find(".xw-strip");
    expect(strip.scrollHeight).toBeGreaterThan(strip.clientHeight);
    const edge = strip.getBoundingClientRect().bottom;
    const cut = v.tokens.flatMap((t) => [...t.getClientRects()]).find((rect) => rect.bottom > edge);
    const seen = cut ? (edge - cut.top) / cut.height : 0;
    expect(seen).toBeGreaterThan(0.3);
    expect(seen).toBeLessThan(0.7);
  });
  test("a very long prompt scrolls inside its field, what is said about it stays near", async () => {
    const v = mount(plain);
    press(v.find(".xw"), "e");
    await settle();
    type(v.find<HTMLTextAreaElement>("textarea"), "word ".repeat(20_000));
    expect(v.find("textarea").offsetHeight).toBeLessThanOrEqual(300);
    expect(v.find(".xw-editor").scrollHeight).toBeLessThan(400);
  });
  test("values of a tooltip stay on their line at the right edge of the window", () => {
    const { root, signal } = place();
    root.className = "xw";
    const part = tooltip(root, { anchor: null, title: "", lines: [] }, {}, signal);
    const show = (value: string) =>
      part.update({
        anchor: new DOMRect(window.innerWidth - 12, 100, 10, 15),
        title: "I",
        lines: [{ label: "id", value }],
      });
    show("2");
    // The second time it is measured where it was put the first time.
    show("22405");
    const value = root.querySelector<HTMLElement>(".xw-tip-lines > :last-child");
    expect(value?.offsetHeight).toBeLessThan(24);
    expect(value?.getBoundingClientRect().right).toBeLessThanOrEqual(window.innerWidth);
  });
  test("the picker takes the larger side of the window and never covers the word that opened it", () => {
    const { root, signal } = place();
    root.className = "xw";
    const anchor = document.createElement("button");
    Object.assign(anchor.style, { position: "fixed", left: "50px", height: "20px" });
    root.append(anchor);
    const many = Array.from({ length: 30 }, (_, i) => ({ ...METHODS[0], name: `method ${i}` }) as (typeof METHODS)[0]);
    for (const top of [100, 600]) {
      anchor.style.top = `${top}px`;
      const part = methodPicker(
        root,
        { open: true, anchor, methods: many, current: null, empty: "" },
        { choose: vi.fn(), close: vi.fn() },
        signal,
      );
      const box = [...root.querySelectorAll("[role=dialog]")].at(-1)?.getBoundingClientRect();
      if (!box) throw new Error("no picker");
      expect(box.top >= top + 20 || box.bottom <= top).toBe(true);
      expect(box.height).toBeGreaterThan(560);
      expect(box.top).toBeGreaterThanOrEqual(0);
      expect(box.bottom).toBeLessThanOrEqual(window.innerHeight);
      part.update({ open: false, anchor, methods: many, current: null, empty: "" });
    }
  });
});

describe("ink is under text only", () => {
  test("the space before a word that went to the next line takes no ink, other spaces do", () => {
    const tokens = ["not", ..." unbelievably unbelievably unbelievably".split(/(?= )/), "\n", " indented"];
    const v = mount(packed({ tokens, scores: tokens.map(() => 1), candidates: [] }));
    narrow(v, 240);
    const words = v.tokens.filter((t) => t.textContent === " unbelievably");
    const tops = new Set(words.map((t) => [...t.getClientRects()].at(-1)?.top));
    expect(tops.size).toBe(3);
    for (const word of words) {
      const inked = [...word.getClientRects()].filter((rect) => rect.width > 1);
      expect(inked.length).toBe(1);
    }
    // What begins a line with a space keeps it.
    expect(v.token(" indented").getBoundingClientRect().width).toBeGreaterThan(
      1 + (words[0]?.getClientRects()[0]?.width ?? 0) / 2,
    );
    expect(v.find(".xw-strip").textContent).toBe(tokens.join(""));
  });
});

test("rows share one scale, so that their colours can be compared; their legend says the same", async () => {
  const v = mount(shown);
  const legend = () => v.find(".xw-legend").innerText;
  const first = legend();
  const inks = new Set<string>();
  for (const row of v.all("[data-row]")) {
    row.click();
    await settle();
    expect(legend()).toBe(first);
    for (const token of v.tokens) inks.add(token.style.getPropertyValue("--a"));
  }
  // The largest of all rows is full ink, in one row only.
  expect(inks.has("1")).toBe(true);
  const full = [];
  for (const row of v.all("[data-row]")) {
    row.click();
    await settle();
    full.push(v.tokens.some((t) => t.style.getPropertyValue("--a") === "1"));
  }
  expect(full.filter(Boolean)).toHaveLength(1);
});

describe("asked before there was an answer", () => {
  const blank = at(packed({ ...plainSpec(), scores: null }), { quality: emptyQuality() });
  const asks = { state: "asks", error: null, cost: "2 passes, 9 tokens, about 0.1 s", seconds: 0.002 } as const;
  test("text, question and next tokens are current, how exact is not said", () => {
    const v = mount(blank, { status: asks });
    expect(v.all("[data-dim]")).toEqual([]);
    expect(v.says("exactness not known")).toBe(false);
    expect(v.candidate("Paris").checkVisibility()).toBe(true);
  });
  test("a run that was stopped before its answer can be started again", async () => {
    const v = mount(blank, { status: { ...IDLE, state: "cancelled" } });
    expect(v.says("Cancelled before there was an answer.")).toBe(true);
    v.button("run again").click();
    expect(v.model.asked).toMatchObject({ action: "explain", confirmed: true });
  });
  test("the time is said once, and not as about less than something", () => {
    const v = mount(blank, { status: asks });
    expect(v.find("[role=status].xw-notice").innerText).toMatch(
      /^This takes about 0\.1 s\.\s+2 passes, 9 tokens\s+run/,
    );
  });
});

function plainSpec() {
  return { tokens: ["The", " capital"], candidates: CANDIDATES };
}

function emptyQuality() {
  const { quality } = plain.snapshot ?? {};
  if (!quality) throw new Error("no quality");
  return { ...quality, exact: null, relative_gap: null };
}

describe("an edit that is given up", () => {
  const refused = { code: "too_long", problem: "The text is too long.", given: "9", accepted: "8", hint: "shorten it" };
  test.each(["Escape", "done"])("takes what was said about it along (%s)", async (how) => {
    const v = mount(plain);
    press(v.find(".xw"), "e");
    await settle();
    const area = v.find<HTMLTextAreaElement>("textarea");
    type(area, "too long");
    press(area, "Enter");
    v.model.say({ type: "error", v: 1, id: v.model.asked.id, revision: 1, error: refused });
    await settle();
    expect(v.says("The text is too long.")).toBe(true);
    if (how === "Escape") press(area, "Escape");
    else v.button("done").click();
    await settle();
    expect(v.says("The text is too long.")).toBe(false);
  });
  test("says on what was said about anything else", async () => {
    const v = mount(plain);
    v.candidate("Rome").click();
    v.model.say({ type: "error", v: 1, id: v.model.asked.id, revision: 1, error: refused });
    press(v.find(".xw"), "e");
    await settle();
    press(v.find("textarea"), "Escape");
    await settle();
    expect(v.says("The text is too long.")).toBe(true);
  });
});
