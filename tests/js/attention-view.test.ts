import { describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { invent, words } from "../../js/gallery/attention.ts";
import { IDLE } from "../../js/gallery/fake-model.ts";
import { PAUSE_MS } from "../../js/src/kit/editor.ts";
import type { AttentionRequest } from "../../js/src/protocol/generated.ts";
import { answer, asks, cancels, type MountedAttention, show } from "./attention-fakes.ts";
import { press, type } from "./mounting.ts";

const chosen = (row: number) => ({ display: { row, link_id: null } });
const pinned = (...pos: number[]) => ({ selection: { pos, target: [], source: "python" } });

/** Until the heads are laid out, which is after the first size. */
async function ready(v: MountedAttention): Promise<MountedAttention> {
  await expect.poll(() => v.all("[data-at]").length).toBeGreaterThan(0);
  await userEvent.hover(v.find(".xw-model"));
  return v;
}

/** Move the pointer onto something, from somewhere else: where it rests already nothing would happen. */
async function point(v: MountedAttention, target: Element): Promise<void> {
  await userEvent.hover(v.find(".xw-model"));
  await userEvent.hover(target);
}

const shifted = (target: Element) => target.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
/** The first cells of the matrix in view that have ink. */
function inked(v: MountedAttention): boolean {
  const canvas = v.find<HTMLCanvasElement>(".xw-heat-canvas");
  const { data } = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
  for (let i = 0; i < data.length; i += 4) if ((data[i + 2] ?? 0) - (data[i] ?? 0) > 100) return true;
  return false;
}

describe("the thinnest path", () => {
  test("overview, click on a head, its matrix from a tile, a hovered token says where it looks", async () => {
    const v = await ready(show());
    expect(v.says("tiny-6x4")).toBe(true);
    expect(v.question).toBe("Where do the heads look? Choose one.");
    expect(asks(v.model)).toEqual([]);
    await userEvent.click(v.head(0));
    await expect.poll(() => v.question).toBe("Where does head 0.0 look?");
    expect(v.model.get("display").row).toBe(0);
    expect(asks(v.model, "tile").map((a) => [a.map, a.head, a.level, a.row, a.column])).toEqual([[0, 0, 0, 0, 0]]);
    await expect.poll(() => inked(v)).toBe(true);
    await point(v, v.token(" sat"));
    await expect.poll(() => v.line).toMatch(/^sat \(2\) looks at cat 0\.9/);
    const inks = v.tokens.map((t) => Number(t.style.getPropertyValue("--a")));
    expect(inks.indexOf(Math.max(...inks))).toBe(1);
  });
  test("a cell under the pointer says who looks at whom and how much", async () => {
    const v = await ready(show(invent(), chosen(0)));
    const canvas = v.find<HTMLCanvasElement>(".xw-heat-canvas");
    await expect.poll(() => inked(v)).toBe(true);
    canvas.focus();
    press(canvas, "ArrowDown");
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) press(canvas, key);
    const w = v.invented.weight(0, 0, 2, 1);
    await expect.poll(() => v.line).toBe(`sat (2) looks at cat (1): ${w.toPrecision(3)}`);
    await expect.poll(() => v.says("sat (2) looks at cat (1)")).toBe(true);
  });
  test("who looks at it: the column instead of the row", async () => {
    const v = await ready(show(invent(), chosen(0)));
    v.button("who looks at it").click();
    await point(v, v.token(" sat"));
    await expect.poll(() => v.line).toMatch(/^sat \(2\) is looked at by on 0\.9/);
    expect(asks(v.model, "line").at(-1)).toMatchObject({ axis: "key", index: 2 });
  });
  test("several pinned tokens are shown as their mean", async () => {
    const v = await ready(show(invent(), { ...chosen(0), ...pinned(3, 5) }));
    await expect.poll(() => v.line).toMatch(/^2 pinned tokens, on average, look at /);
    const ink = (text: string) => Number(v.token(text).style.getPropertyValue("--a"));
    expect(ink(" the")).toBeGreaterThan(0.3);
    expect(ink(" the")).toBeLessThan(0.7);
  });
});

describe("choosing and reading", () => {
  test("with the keyboard alone: walk the grid, choose, walk the text, pin, let go", async () => {
    const v = await ready(show());
    v.head(0).focus();
    press(v.head(0), "ArrowRight");
    press(v.head(1), "Enter");
    await expect.poll(() => v.question).toBe("Where does head 0.1 look?");
    v.tokens[0]?.focus();
    press(v.tokens[0] as Element, "End");
    press(v.tokens.at(-1) as Element, "Enter");
    await expect.poll(() => v.tokens.at(-1)?.hasAttribute("data-pin")).toBe(true);
    await expect.poll(() => v.line).toMatch(/^\. \(23\) looks at /);
    press(v.tokens.at(-1) as Element, "Escape");
    await expect.poll(() => v.tokens.at(-1)?.hasAttribute("data-pin")).toBe(false);
  });
  test("in a shadow root", async () => {
    const v = await ready(show(invent(), {}, { shadow: true }));
    v.head(4).click();
    await expect.poll(() => v.question).toBe("Where does head 1.0 look?");
    press(v.find(".xw"), "e");
    await expect.poll(() => v.find("textarea").checkVisibility()).toBe(true);
  });
  test("as lines between two columns, from a strength on", async () => {
    const v = await ready(show(invent(), chosen(0)));
    v.button("arcs").click();
    await expect.poll(() => v.all(".xw-arcs-left [role=option]").length).toBeGreaterThan(5);
    expect(v.find("input[aria-label='weakest line drawn']").checkVisibility()).toBe(true);
    await point(v, v.find(".xw-arcs-right [data-i='2']"));
    await expect.poll(() => v.line).toMatch(/^sat \(2\) is looked at by on/);
  });
  test("as text alone: both ways at once", async () => {
    const v = await ready(show(invent(), { ...chosen(0), ...pinned(4) }));
    v.button("text").click();
    await expect.poll(() => v.all(".xw-att-strip").filter((s) => s.checkVisibility()).length).toBe(2);
    expect(v.says("where it looks") && v.says("who looks at it")).toBe(true);
    expect(v.find(".xw-att-panels").checkVisibility()).toBe(false);
  });
  test("two heads beside each other, with their difference, on one scale; not that one", async () => {
    const v = await ready(show(invent(), { ...chosen(0), ...pinned(9) }));
    shifted(v.head(3));
    await expect.poll(() => v.question).toBe("Where does head 0.0 look, and where head 0.3?");
    const matrices = () => v.all(".xw-heat-canvas").filter((c) => c.checkVisibility());
    await expect.poll(() => matrices().length).toBe(3);
    expect(matrices().map((c) => c.getAttribute("aria-label")?.replace(/,.*/, ""))).toEqual([
      "attention of head 0.0: rows look at columns",
      "attention of head 0.3: rows look at columns",
      "attention of head 0.0 less head 0.3: rows look at columns",
    ]);
    expect(v.head(3).getAttribute("data-is")).toBe("compare");
    expect(v.find(".xw-legend").textContent).toContain("more in the second");
    await expect.poll(() => v.all(".xw-att-strip .xw-neg").length).toBeGreaterThan(0);
    v.button("not that one").click();
    await expect.poll(() => matrices().length).toBe(1);
  });
  test("another measure is fetched anew; the legend says what it is", async () => {
    const v = await ready(show(invent(), chosen(0)));
    await userEvent.selectOptions(v.find("select[aria-label='measure']"), "norm");
    expect(asks(v.model, "tile").at(-1)).toMatchObject({ measure: "norm" });
    await expect.poll(() => v.find(".xw-legend").textContent).toContain("length of weight × value");
  });
  test("hiding the first token is said, and asks for its column", async () => {
    const v = await ready(show(invent(), chosen(2)));
    v.button("hide first token").click();
    await expect
      .poll(() => v.says("The first token is hidden; the rest of each row is divided by what it leaves."))
      .toBe(true);
    expect(asks(v.model, "line")).toMatchObject([{ axis: "key", index: 0 }]);
    expect(v.button("hide first token").getAttribute("aria-pressed")).toBe("true");
  });
  test("full ink at less: the legend says that stronger ones look the same", async () => {
    const v = await ready(show(invent(), chosen(2)));
    await expect.poll(() => v.find(".xw-legend").textContent).toContain("1");
    const range = v.find<HTMLInputElement>("input[aria-label='strength at full ink']");
    range.value = "67";
    range.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await expect.poll(() => v.find(".xw-legend").textContent).toContain("0.100 or more");
  });
  test("by label, and only those of one label", async () => {
    const v = await ready(show());
    await userEvent.selectOptions(v.find("select[aria-label='order of the heads']"), "label");
    await expect.poll(() => v.all("[role=rowheader]").map((r) => r.textContent)).toContain("induction");
    await userEvent.selectOptions(v.find("select[aria-label='heads with this label']"), "induction");
    await expect.poll(() => v.all("[role=rowheader]").map((r) => r.textContent)).toEqual(["induction"]);
    expect(v.find(".xw-att-fold dl").textContent).toContain("Invented for the gallery.");
  });
});

describe("does it matter", () => {
  test("a head, a layer, an edge turned off: candidates before and after, written out", async () => {
    const v = await ready(show(invent(), { ...chosen(5), ...pinned(9) }));
    v.button("head 1.1").click();
    await expect
      .poll(() => v.find(".xw-att-off .xw-said").textContent)
      .toBe(
        "Without head 1.1 the first candidate Paris loses 0.416 nats; the whole distribution moves by 0.0310 nats (KL).",
      );
    expect(asks(v.model, "off")[0]).toMatchObject({ map: 1, head: 1 });
    const cells = v.all(".xw-both tbody tr")[0]?.innerText.split(/\s+/);
    expect(cells?.slice(0, 3)).toEqual(["Paris", "0.62", "0.41"]);
    v.button("layer 1").click();
    await expect.poll(() => asks(v.model, "off").at(-1)).toMatchObject({ map: 1, head: null });
    expect(v.button("this edge").disabled).toBe(true);
    v.button("who looks at it").click();
    await userEvent.click(v.token(" mat"));
    await expect.poll(() => v.button("this edge").disabled).toBe(false);
    v.button("this edge").click();
    expect(asks(v.model, "off").at(-1)).toMatchObject({ map: 1, head: 1, query: 9, key: 5 });
    await expect.poll(() => v.says("Without the edge from “sat” to “mat” in head 1.1")).toBe(true);
  });
  test("a pinned pair: which dimensions make the weight, and what they add up to", async () => {
    const v = await ready(show(invent(), { ...chosen(1), ...pinned(17) }));
    v.button("who looks at it").click();
    await userEvent.click(v.token(" mat"));
    await expect.poll(() => v.says("What makes this weight")).toBe(true);
    expect(asks(v.model, "pair")).toMatchObject([{ map: 0, head: 1, query: 17, key: 5 }]);
    expect(v.find(".xw-att-bars").children.length).toBe(12);
    expect(v.says("the 16 products add up to")).toBe(true);
    const sizes = v.all(".xw-att-bars .xw-num").map((n) => Math.abs(Number(n.textContent?.replace("−", "-"))));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  });
  test("every head one by one: progress, cancel, then bars, an order by effect and how far attention agrees", async () => {
    const v = await ready(show(invent(), chosen(1), { hold: ["effects"] }));
    v.button("every head, one by one").click();
    const first = asks(v.model, "effects")[0];
    v.model.say({ type: "progress", v: 1, id: first?.id ?? "", revision: 0, done: 5, total: 24, note: "" });
    await expect.poll(() => v.says("5 of 24")).toBe(true);
    v.button("cancel").click();
    expect(cancels(v.model)).toContain(first?.id);
    await expect.poll(() => v.button("every head, one by one").disabled).toBe(false);
    const w = await ready(show(invent(), chosen(1)));
    w.button("every head, one by one").click();
    await expect.poll(() => w.says("How far attention and effect agree over heads here")).toBe(true);
    expect(w.says("+0.310")).toBe(true);
    await userEvent.selectOptions(w.find("select[aria-label='order of the heads']"), "effect");
    await expect
      .poll(() => w.all("[role=rowheader]").map((r) => r.textContent))
      .toEqual(["largest effect first", "", ""]);
  });
  test("on other texts too: said of the chosen head, an order of its own, and the bars are explained", async () => {
    const v = await ready(show(invent(), chosen(1)));
    const key = () => v.find(".xw-att-key").textContent;
    expect(key()).toMatch(/^Bars come under the heads once /);
    const before = v.find(".xw-att-key").offsetHeight;
    v.button("every head, one by one").click();
    await expect
      .poll(key)
      .toMatch(/^Bars: the first candidate “Paris” loses .*, it gains; the longest is 0\.\d+ nats\.$/);
    expect(v.find(".xw-att-key").offsetHeight).toBe(before);
    const matter = () => v.all(".xw-att-off .xw-said").at(-1)?.textContent;
    await expect.poll(matter).toMatch(/^Here the first candidate Paris (loses|gains) 0\.\d+ nats without head 0\.1\.$/);
    v.button("the same on other texts").click();
    expect(asks(v.model, "elsewhere").length).toBe(1);
    await expect
      .poll(matter)
      .toMatch(/ 0\.1; elsewhere the first candidate moves by 0\.\d+ nats on average of 4 other texts\.$/);
    expect(v.button("the same on other texts").disabled).toBe(true);
    await userEvent.selectOptions(v.find("select[aria-label='order of the heads']"), "elsewhere");
    await expect.poll(() => v.find("[role=rowheader]").textContent).toBe("largest elsewhere first");
    await expect.poll(key).toMatch(/^Bars: .* mean size over 4 other texts; the longest is 0\.\d+ nats\.$/);
  });
  test("other texts can be given up and asked for again", async () => {
    const v = await ready(show(invent(), { ...chosen(1) }, { hold: ["elsewhere"] }));
    v.button("the same on other texts").click();
    await expect.poll(() => v.button("the same on other texts").disabled).toBe(true);
    v.button("cancel").click();
    expect(cancels(v.model)).toEqual([asks(v.model, "elsewhere")[0]?.id]);
    await expect.poll(() => v.button("the same on other texts").disabled).toBe(false);
    v.button("the same on other texts").click();
    expect(asks(v.model, "elsewhere").length).toBe(2);
  });
  test("a layer that was not computed is said so in the drawing through all layers", async () => {
    const v = await ready(show(invent({ missing: ["Layer 1 has no weights."] })));
    v.all("summary").at(-1)?.click();
    await expect.poll(() => v.says("single cells, hatched: not computed")).toBe(true);
    const canvas = v.all(".xw-heat-canvas").at(-1) as HTMLElement;
    canvas.focus();
    for (const place of [/input, The: 0\.\d+\./, /layer 0, The: 0\.\d+\./, /layer 1, The: not computed\./]) {
      press(canvas, "ArrowDown");
      await expect.poll(() => v.el.innerText).toMatch(place);
    }
  });
  test("through all layers, for the pinned token", async () => {
    const v = await ready(show(invent(), pinned(9)));
    v.all("summary").at(-1)?.click();
    await expect.poll(() => asks(v.model, "flow").length).toBe(1);
    expect(asks(v.model, "flow")[0]).toMatchObject({ method: "rollout", index: 9 });
    await expect.poll(() => v.says("How much of each token reaches “sat” (9)")).toBe(true);
    const picture = () => v.find(".xw-att-flow").hasAttribute("data-dim");
    await expect.poll(picture).toBe(false);
    const { answer: kernel } = v.model;
    v.model.answer = () => {};
    await userEvent.selectOptions(v.find("select[aria-label='method']"), "flow");
    await expect.poll(() => asks(v.model, "flow").at(-1)?.method).toBe("flow");
    expect(picture()).toBe(true);
    v.model.answer = kernel;
    answer(v, asks(v.model, "flow").at(-1) as AttentionRequest);
    await expect.poll(picture).toBe(false);
    expect(v.all(".xw-heat-canvas").at(-1)?.getAttribute("aria-label")).toContain("7 rows, 24 columns");
  });
});

describe("kinds of models", () => {
  test("what no token gets is a column and a sentence of its own", async () => {
    const v = await ready(show(invent({ sinks: true }), { ...chosen(0), ...pinned(5) }));
    await expect.poll(() => v.line).toMatch(/; no token gets 0\.\d+$/);
    expect(v.find(".xw-heat-canvas").getAttribute("aria-label")).toContain("24 rows, 25 columns");
  });
  test("cross attention: the output looks, the input is looked at", async () => {
    const two = invent({ tokens: words(6), decoder: [" die", " Katze", " saß"], layers: 1 });
    const v = await ready(show(two, { ...chosen(9), ...pinned(1) }));
    expect(v.question).toBe("Where does head cross 0.1 look?");
    const strips = v.all(".xw-att-strip").filter((s) => s.checkVisibility());
    expect(strips.map((s) => s.querySelector(".xw-h")?.textContent)).toEqual(["looks", "is looked at"]);
    await expect.poll(() => v.line).toMatch(/^Katze \(1\) looks at The/);
    expect(strips[1]?.innerText).toContain("cat sat");
    await point(v, v.token(" sat"));
    await expect.poll(() => v.line).toMatch(/^sat \(2\) is looked at by /);
  });
  test("blocks without weights are said in words", async () => {
    const v = await ready(show(invent({ missing: ["Layer 3 is linear attention: it has no weights."] })));
    expect(v.says("Layer 3 is linear attention: it has no weights.")).toBe(true);
  });
  test("markup-like and right-to-left tokens stay text", async () => {
    const tokens = ["<img src=x onerror=alert(1)>", " עיר", " הבירה", "\n", " <b>bold</b>"];
    const v = await ready(show(invent({ tokens }), { ...chosen(0), ...pinned(2) }));
    await expect.poll(() => v.line).toContain("הבירה (2) looks at עיר");
    await point(v, v.token(" <b>bold</b>"));
    await expect.poll(() => v.line).toContain("<b>bold</b> (4)");
    expect(v.all(".xw img, .xw-token b, .xw-strip b").length).toBe(0);
    v.button("arcs").click();
    await expect.poll(() => v.all(".xw-arcs-left [role=option]").length).toBe(5);
    expect(v.all(".xw-arcs img, .xw-arcs b").length).toBe(0);
  });
});

describe("the kernel", () => {
  test("an edit asks anew, the last picture is greyed, the newest wins", async () => {
    const v = await ready(show(invent(), chosen(0), { hold: ["attend"] }));
    v.button("edit").click();
    await expect.poll(() => v.find("textarea").checkVisibility()).toBe(true);
    vi.useFakeTimers();
    try {
      for (const text of ["The dog", "The dog sat"]) {
        type(v.find<HTMLTextAreaElement>("textarea"), text);
        vi.advanceTimersByTime(PAUSE_MS);
      }
    } finally {
      vi.useRealTimers();
    }
    expect(asks(v.model, "attend").map((a) => a.input?.text)).toEqual(["The dog", "The dog sat"]);
    expect(cancels(v.model)).toEqual([asks(v.model, "attend")[0]?.id]);
    await expect.poll(() => v.find(".xw-att-panels").hasAttribute("data-dim")).toBe(true);
    expect(v.find(".xw-strip").hasAttribute("data-dim")).toBe(true);
    expect(v.tokens.length).toBe(24);
    expect(v.button("cancel").checkVisibility()).toBe(true);
  });
  test("a whole edit: the new text, the same head", async () => {
    const v = await ready(show(invent(), chosen(0)));
    v.button("edit").click();
    await expect.poll(() => v.find("textarea").checkVisibility()).toBe(true);
    type(v.find<HTMLTextAreaElement>("textarea"), "A new text");
    press(v.find("textarea"), "Enter");
    await expect.poll(() => v.tokens.map((t) => t.textContent)).toEqual(["A", " new", " text"]);
    expect(v.question).toBe("Where does head 0.0 look?");
    expect(v.find(".xw-att-panels").hasAttribute("data-dim")).toBe(false);
    await expect.poll(() => v.find(".xw-heat-canvas").getAttribute("aria-label")).toContain("3 rows, 3 columns");
  });
  test("a refusal stands under the last good picture", async () => {
    const error = {
      code: "x",
      problem: "The text has 9,120 tokens.",
      given: "9,120",
      accepted: "8,192",
      hint: "cut it",
    };
    const v = await ready(show(invent(), { ...chosen(0), status: { ...IDLE, state: "error", error } }));
    const notice = v.find("[role=alert]");
    expect(notice.innerText).toContain("The text has 9,120 tokens.");
    expect(notice.getAttribute("role")).toBe("alert");
    expect(notice.getBoundingClientRect().top).toBeGreaterThan(
      v.find(".xw-heat-canvas").getBoundingClientRect().bottom,
    );
    await expect.poll(() => inked(v)).toBe(true);
  });
  test("a detail that is refused says so, and goes with another choice", async () => {
    const v = await ready(show(invent(), chosen(0), { hold: ["tile"] }));
    const { id = "" } = asks(v.model, "tile")[0] ?? {};
    const error = { code: "x", problem: "Not for this block.", given: "", accepted: "", hint: "" };
    v.model.say({ type: "error", v: 1, id, revision: 0, error });
    await expect.poll(() => v.says("Not for this block.")).toBe(true);
    v.head(1).click();
    await expect.poll(() => v.says("Not for this block.")).toBe(false);
  });
  test("a line that is refused is not asked for for ever", async () => {
    const v = await ready(
      show(invent({ tokens: words(300) }), { ...chosen(0), ...pinned(3) }, { hold: ["tile", "line"] }),
    );
    await expect.poll(() => v.line).toBe("asking for the numbers");
    const { id = "" } = asks(v.model, "line")[0] ?? {};
    const error = { code: "x", problem: "No line.", given: "", accepted: "", hint: "" };
    v.model.say({ type: "error", v: 1, id, revision: 0, error });
    await expect.poll(() => v.line).toBe("What would be here can't be had.");
    expect(v.says("No line.")).toBe(true);
    expect(asks(v.model, "line").length).toBe(1);
  });
  test("a finer tile that is refused says so under the picture, and can be asked for again", async () => {
    const long = invent({ tokens: words(600), layers: 1, heads: 1 });
    const v = await ready(show(long, chosen(0), { hold: ["tile"] }));
    const tiles = () => asks(v.model, "tile");
    await expect.poll(() => tiles().length).toBeGreaterThan(0);
    answer(v, tiles()[0] as AttentionRequest);
    await expect.poll(() => inked(v)).toBe(true);
    for (let i = 0; i < 6; i++) v.find("button[aria-label='zoom in']").click();
    await expect.poll(() => tiles().at(-1)?.level).toBe(0);
    const { id = "" } = tiles().at(-1) ?? {};
    const error = { code: "x", problem: "No memory for this tile.", given: "", accepted: "", hint: "wait" };
    v.model.say({ type: "error", v: 1, id, revision: 0, error });
    await expect.poll(() => v.says("No memory for this tile.")).toBe(true);
    expect(v.find("[role=alert]").getBoundingClientRect().top).toBeGreaterThanOrEqual(
      v.find(".xw-heat-canvas").getBoundingClientRect().bottom,
    );
    const asked = tiles().length;
    v.button("try again").click();
    await expect.poll(() => tiles().length).toBeGreaterThan(asked);
    expect(v.says("No memory for this tile.")).toBe(false);
  });
  test("a dead kernel is said, and what is here stays", async () => {
    const v = await ready(show(invent(), chosen(0)));
    await expect.poll(() => inked(v)).toBe(true);
    v.model.dead = true;
    v.button("layer 0").click();
    await expect.poll(() => v.says("The kernel is gone.")).toBe(true);
    expect(inked(v)).toBe(true);
    expect(v.all("[data-at]").length).toBeGreaterThan(0);
  });
  test("a saved page shows what it has and says what it lacks", async () => {
    const v = await ready(show(invent(), { status: { ...IDLE, state: "static" } }));
    expect(v.all(".xw-notice").some((n) => n.checkVisibility())).toBe(false);
    v.head(2).click();
    await expect.poll(() => v.says("This page was saved without this detail.")).toBe(true);
    expect(v.all(".xw-notice").filter((n) => n.checkVisibility()).length).toBe(1);
    await expect.poll(() => v.says("grey was not saved")).toBe(true);
    expect(v.question).toBe("Where does head 0.2 look?");
  });
  test("before the first answer", () => {
    const v = show(invent(), { explanation: { snapshot: null, buffers: [] }, status: { ...IDLE, state: "running" } });
    expect(v.says("looking at every head")).toBe(true);
    expect(v.find("[role=progressbar]").checkVisibility()).toBe(true);
    expect(v.all(".xw-left > *").filter((e) => e.checkVisibility() && e.textContent).length).toBe(1);
  });
});

describe("for every reader", () => {
  test("the strongest weights as a table, the choice announced", async () => {
    const v = await ready(show(invent(), chosen(0)));
    await expect
      .poll(() => v.find("table.xw-hidden caption").textContent)
      .toBe("The 30 strongest of head 0.0, previous token");
    const row = v.all("table.xw-hidden tbody tr")[0];
    expect(row?.textContent).toMatch(/^“.+” \(\d+\)“.+” \(\d+\)/);
    expect(v.find("[aria-live]").textContent).toMatch(/^Head 0\.0: previous token, /);
    expect(v.head(1).getAttribute("aria-label")).toBe("layer 0, head 1, induction");
  });
  test.each([
    ["matrix", null],
    ["arcs", "arcs"],
    ["text", "text"],
  ])("nothing is wider than 320 px: %s", async (_, reading) => {
    const v = await ready(show(invent({ tokens: words(40) }), { ...chosen(1), ...pinned(17) }, { width: 320 }));
    if (reading) v.button(reading).click();
    v.button("every head, one by one").click();
    v.button("head 0.1").click();
    shifted(v.head(3));
    await expect.poll(() => v.says("How far attention and effect agree")).toBe(true);
    const right = v.el.getBoundingClientRect().right + 1;
    const wide = v
      .all("*")
      .filter(
        (e) => e.checkVisibility() && !e.closest(".xw-hidden, .xw-heads") && e.getBoundingClientRect().right > right,
      );
    expect(wide.map((e) => e.className || e.tagName)).toEqual([]);
  });
  test("every control has a name and can be reached", async () => {
    const v = await ready(show(invent(), { ...chosen(1), ...pinned(3) }));
    for (const control of v.all("button, select, input, textarea, canvas[tabindex], summary")) {
      if (!control.checkVisibility()) continue;
      const name = control.getAttribute("aria-label") || control.textContent?.trim();
      expect(name, control.outerHTML.slice(0, 80)).toBeTruthy();
      const radio = control.getAttribute("role") === "radio" && control.getAttribute("aria-checked") === "false";
      if (!radio) expect(control.tabIndex, control.outerHTML.slice(0, 80)).toBe(0);
    }
  });
  test("the hidden table makes the page no longer", async () => {
    const v = await ready(show(invent(), chosen(0)));
    await expect.poll(() => v.all("table.xw-hidden tbody tr").length).toBe(30);
    const root = v.find(".xw");
    expect(root.scrollHeight).toBeLessThanOrEqual(root.clientHeight + 1);
  });
  test("a view that ends leaves nothing behind", async () => {
    const v = await ready(show(invent(), chosen(0)));
    v.end();
    expect(v.el.children.length).toBe(0);
    expect(v.model.listening).toBe(0);
  });
});
