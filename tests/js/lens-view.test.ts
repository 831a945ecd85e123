import { describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { IDLE } from "../../js/gallery/fake-model.ts";
import { idOf, inventLens, lensTrait, prompt, replyLens, textOf } from "../../js/gallery/lens.ts";
import { asks, pinned, revised, show } from "./lens-fakes.ts";
import { press, settle, type } from "./mounting.ts";

const guess = (v: ReturnType<typeof show>, stream: number, position: number, n = 0) =>
  v.invented.ranking(stream, position)[n];
const drawn = (v: ReturnType<typeof show>) =>
  vi.waitFor(() => expect(v.find(".xw-heat-note").textContent).not.toBe(""));
const choose = (v: ReturnType<typeof show>, value: string) =>
  userEvent.selectOptions(v.find("select[aria-label='what ink means']"), value);

/** Middle of a cell of the grid on the screen. */
function middle(v: ReturnType<typeof show>, row: number, column: number): { clientX: number; clientY: number } {
  const { rows, columns } = { rows: 13, columns: 16 };
  const box = v.canvas.getBoundingClientRect();
  const [left, top] = [84, 64];
  return {
    clientX: box.left + left + ((box.width - left - 1) / columns) * (column + 0.5),
    clientY: box.top + top + ((box.height - top - 1) / rows) * (row + 0.5),
  };
}

function point(v: ReturnType<typeof show>, kind: string, row: number, column: number): void {
  const at = { bubbles: true, cancelable: true, pointerId: 1, button: 0, ...middle(v, row, column) };
  if (kind === "click") {
    for (const type of ["pointerdown", "pointerup"]) v.canvas.dispatchEvent(new PointerEvent(type, at));
  } else v.canvas.dispatchEvent(new PointerEvent(kind, at));
}

/** Pixels of a cell, as [r, g, b] each. */
function pixels(v: ReturnType<typeof show>, row: number, column: number): number[][] {
  const box = v.canvas.getBoundingClientRect();
  const { clientX, clientY } = middle(v, row, column);
  const [x, y] = [clientX - box.left - 18, clientY - box.top - 7].map((at) => Math.round(at * devicePixelRatio));
  const data = v.canvas.getContext("2d")?.getImageData(x ?? 0, y ?? 0, 36, 14).data ?? [];
  return Array.from({ length: data.length / 4 }, (_, i) => [...data.slice(4 * i, 4 * i + 3)]);
}

describe("the thinnest path", () => {
  test("the grid at once, without a question; a cell under the pointer says what would come next", async () => {
    const v = show();
    expect(v.question).toBe("What would come next if the model stopped after each layer?");
    expect(v.says("16 tokens · 13 streams")).toBe(true);
    expect(asks(v.model)).toEqual([]);
    await drawn(v);
    point(v, "pointermove", 0, 4);
    const [first, second] = [guess(v, 12, 4), guess(v, 12, 4, 1)];
    await expect
      .poll(() => v.line)
      .toMatch(
        new RegExp(`^layer 11 at is \\(4\\): Paris ${first?.prob.toFixed(2)}, ${textOf(second?.id ?? 0).trim()} 0\\.`),
      );
    point(v, "pointerleave", 0, 4);
    await expect.poll(() => v.line).toBe("Point at a cell to read it, click it to pin it.");
  });
  test("the model's own answer is on top, the embedding at the bottom", async () => {
    const v = show();
    await drawn(v);
    point(v, "pointermove", 12, 0);
    await expect.poll(() => v.line).toMatch(/^embedding at The \(0\): /);
  });
  test("a click pins the cell, its tokens are there to choose from, a second click lets go", async () => {
    const v = show();
    await drawn(v);
    point(v, "click", 3, 12);
    await expect.poll(() => v.find(".xw-lens-pin").textContent).toBe("Pinned: layer 8 at is (12)");
    expect(v.buttons.map((b) => b.dataset.id)).toEqual(
      v.invented
        .ranking(9, 12)
        .slice(0, 5)
        .map(({ id }) => String(id)),
    );
    expect(v.model.get("display").row).toBe(9);
    point(v, "click", 3, 12);
    await expect.poll(() => v.find(".xw-lens-pin").textContent).toBe("The model's own answer at ↵ (15)");
    expect(v.model.get("display").row).toBeNull();
  });
  test("more of a pinned cell is asked for by a word", async () => {
    const v = show(inventLens(), pinned(9, 12));
    expect(v.buttons.length).toBe(5);
    v.button("more tokens").click();
    expect(asks(v.model)).toMatchObject([{ action: "cell", layer: 9, index: 12 }]);
    await expect.poll(() => v.buttons.length).toBe(10);
    expect(v.all("button").some((b) => b.textContent === "more tokens" && b.checkVisibility())).toBe(false);
  });
});

describe("with the keyboard alone", () => {
  test("arrows move the cursor and say the cell, Enter pins, Escape lets go of everything", async () => {
    const v = show();
    await drawn(v);
    v.keys("ArrowDown", "ArrowDown", "ArrowRight");
    await expect.poll(() => v.find(".xw-heat [role=status]").textContent).toMatch(/^layer 10 at capital \(1\): /);
    await expect.poll(() => v.line).toMatch(/^layer 10 at capital \(1\): /);
    v.keys("Enter");
    await expect.poll(() => v.find(".xw-lens-pin").textContent).toBe("Pinned: layer 10 at capital (1)");
    v.keys("Escape");
    await expect.poll(() => v.find(".xw-lens-pin").textContent).toBe("The model's own answer at ↵ (15)");
    await expect.poll(() => v.line).toBe("Point at a cell to read it, click it to pin it.");
  });
  test("e edits, in a shadow root too; Enter asks; Escape leaves", async () => {
    const v = show(inventLens(), {}, { shadow: true });
    press(v.find(".xw"), "e");
    await expect.poll(() => v.find("textarea").checkVisibility()).toBe(true);
    const area = v.find<HTMLTextAreaElement>("textarea");
    type(area, "The capital of Spain is");
    press(area, "Enter");
    expect(asks(v.model, "look")).toMatchObject([{ input: { kind: "text", text: "The capital of Spain is" } }]);
    await expect.poll(() => v.says("5 tokens · 13 streams")).toBe(true);
    press(area, "Escape");
    await expect.poll(() => area.checkVisibility()).toBe(false);
  });
});

describe("following a token", () => {
  test("a chosen one: rank and probability in a chart, in words, and in a table", async () => {
    const v = show(inventLens(), pinned(12, 4));
    v.tokenButton("Paris").click();
    await settle();
    expect(asks(v.model)).toMatchObject([{ action: "follow", token: idOf(" Paris"), index: 4 }]);
    const firsts = Array.from({ length: 13 }, (_, i) => textOf(v.invented.ranking(i, 4)[0]?.id ?? 0) === " Paris");
    const first = firsts.indexOf(true);
    expect(first).toBeGreaterThan(1);
    await expect
      .poll(() => v.way)
      .toMatch(new RegExp(`^Paris at is \\(4\\) first becomes rank 1 after layer ${first - 1} and stays so`));
    expect(v.way).toMatch(/at the end rank 1, probability 0\.\d+\.$/);
    const chart = v.find(".xw-trace [role=img]");
    await expect.poll(() => chart.querySelectorAll("polyline").length).toBe(2);
    expect(chart.getAttribute("aria-label")).toContain("first becomes rank 1 after layer");
    const rows = v.all(".xw-lens-follow tbody tr");
    expect(rows.length).toBe(13);
    expect(rows[12]?.textContent).toMatch(/^layer 1110\./);
    expect(v.tokenButton("Paris").getAttribute("aria-pressed")).toBe("true");
    v.tokenButton("Paris").click();
    await expect.poll(() => v.way).toBe("Choose a token to follow it through the streams.");
    expect(v.find(".xw-trace").checkVisibility()).toBe(false);
  });
  test("one that is typed; at another position it is asked for there", async () => {
    const v = show(inventLens(), pinned(12, 4));
    const field = v.find<HTMLInputElement>("input[aria-label='another token to follow']");
    field.value = " Rome";
    press(field, "Enter");
    await settle();
    expect(asks(v.model)).toMatchObject([{ action: "follow", text: " Rome", index: 4 }]);
    await expect
      .poll(() => v.way)
      .toMatch(/^Rome at is \(4\) never becomes rank 1; its best is rank [\d,]+ (after layer|in “embedding”)/);
    v.model.set("selection", { pos: [12], target: [], source: "python" });
    await expect.poll(() => v.way).toMatch(/^Rome at is \(12\) first becomes rank 1/);
    expect(asks(v.model, "follow").at(-1)).toMatchObject({ text: " Rome", index: 12 });
  });
  test("while another position is asked for the last way stays, greyed; the older request is given up", async () => {
    const v = show(inventLens(), pinned(12, 4));
    v.tokenButton("Paris").click();
    await expect.poll(() => v.way).toMatch(/^Paris at is \(4\)/);
    v.model.answer = null;
    v.model.set("selection", { pos: [12], target: [], source: "python" });
    await expect.poll(() => v.find(".xw-trace").hasAttribute("data-dim")).toBe(true);
    expect(v.way).toMatch(/^Paris at is \(4\)/);
    const waiting = asks(v.model, "follow").at(-1)?.id;
    v.model.set("selection", { pos: [10], target: [], source: "python" });
    await expect.poll(() => v.model.sent).toContainEqual({ type: "cancel", v: 1, id: waiting });
  });
  test("a stream under the pointer in the chart is marked in the grid; a click pins it", async () => {
    const v = show(inventLens(), pinned(12, 4));
    v.tokenButton("Paris").click();
    await expect.poll(() => v.all(".xw-trace circle").length).toBeGreaterThan(0);
    const box = v.find(".xw-trace").getBoundingClientRect();
    const clientX = box.left + 84 + ((box.width - 84 - 12) / 13) * 3.5;
    v.find(".xw-trace").dispatchEvent(
      new PointerEvent("pointermove", { clientX, clientY: box.top + 40, bubbles: true }),
    );
    await expect.poll(() => v.line).toMatch(/^layer 2 at is \(4\)/);
    v.find(".xw-trace").dispatchEvent(new MouseEvent("click", { clientX, clientY: box.top + 40, bubbles: true }));
    await expect.poll(() => v.find(".xw-lens-pin").textContent).toBe("Pinned: layer 2 at is (4)");
  });
  test("a refusal is said under the picture, and is tried again on request", async () => {
    const v = show(inventLens(), pinned(12, 4), { hold: ["follow"] });
    v.tokenButton("Paris").click();
    await settle();
    const error = { code: "x", problem: "No such token.", given: "", accepted: "", hint: "type another" };
    v.model.say({ type: "error", v: 1, id: asks(v.model)[0]?.id ?? "", revision: 0, error });
    await expect.poll(() => v.find("[role=alert]").textContent).toContain("No such token.");
    expect(v.way).toBe("It can't be followed here.");
    expect(asks(v.model, "follow").length).toBe(1);
    v.tokenButton("Paris").click();
    await settle();
    v.tokenButton("Paris").click();
    await expect.poll(() => asks(v.model, "follow").length).toBe(2);
  });
});

describe("what ink means", () => {
  test("probability: full ink is 1", async () => {
    const v = show();
    await drawn(v);
    expect(v.find(".xw-legend").textContent).toContain("01.00strongprobability of the written token");
  });
  test("entropy is asked for once, has a legend in nats up to its largest value, and is in the line", async () => {
    const v = show();
    await drawn(v);
    await choose(v, "entropy");
    expect(asks(v.model)).toMatchObject([{ action: "measure", measure: "entropy" }]);
    const entropy = (stream: number, position: number) =>
      v.invented.ranking(stream, position).reduce((sum, { prob }) => sum - prob * Math.log(prob), 0);
    const all = Array.from({ length: 13 * 16 }, (_, i) => entropy(Math.floor(i / 16), i % 16));
    await expect
      .poll(() => v.find(".xw-legend").textContent)
      .toContain(`0${Math.max(...all).toFixed(2)}strongnats: how undecided the stream is`);
    point(v, "pointermove", 2, 4);
    await expect.poll(() => v.line).toContain(`; entropy ${entropy(10, 4).toPrecision(3)} nats`);
    await choose(v, "probability");
    await choose(v, "entropy");
    expect(asks(v.model).length).toBe(1);
  });
  test("agreement is said in words", async () => {
    const v = show();
    await drawn(v);
    await choose(v, "agreement");
    point(v, "pointermove", 0, 4);
    await expect.poll(() => v.line).toContain("; agrees with the final answer");
    point(v, "pointermove", 12, 4);
    await expect.poll(() => v.line).toContain("; another token than the final answer");
  });
  test("while it is computed the last picture stays, greyed, with progress and cancel", async () => {
    const v = show(inventLens(), {}, { hold: ["measure"] });
    await drawn(v);
    await choose(v, "kl");
    await expect.poll(() => v.find(".xw-lens-grid").hasAttribute("data-dim")).toBe(true);
    v.model.progress(asks(v.model, "measure")[0] as never, { done: 3, total: 16 });
    await expect.poll(() => v.says("3 of 16")).toBe(true);
    v.button("cancel").click();
    await expect.poll(() => v.find(".xw-lens-grid").hasAttribute("data-dim")).toBe(false);
    expect(v.find<HTMLSelectElement>("select[aria-label='what ink means']").value).toBe("probability");
    expect(v.model.sent.at(-1)).toMatchObject({ type: "cancel" });
  });
});

describe("while it is read", () => {
  test("the last position first, the rest hatched and said to be not read yet; then all of it", async () => {
    const v = show(inventLens({ read: 1 }), { status: { ...IDLE, state: "running" } });
    await expect.poll(() => v.find(".xw-heat-note").textContent).toContain("hatched: not read yet");
    expect(v.says("1 of 16 tokens read")).toBe(true);
    expect(v.find(".xw-progress").checkVisibility()).toBe(true);
    expect(v.find(".xw-lens-grid").hasAttribute("data-dim")).toBe(false);
    point(v, "pointermove", 0, 4);
    await expect.poll(() => v.line).toBe("layer 11 at is (4): not read yet");
    v.model.set("explanation", lensTrait(inventLens().packed));
    v.model.set("status", IDLE);
    await expect.poll(() => v.find(".xw-heat-note").textContent).toBe("single cells");
    expect(v.says("16 tokens · 13 streams")).toBe(true);
  });
  test("an edit greys the old picture until a part of the new one is there; cancel keeps it", async () => {
    const v = show(inventLens(), {}, { hold: ["look"] });
    await drawn(v);
    press(v.find(".xw"), "e");
    await settle();
    type(v.find<HTMLTextAreaElement>("textarea"), "Hi");
    press(v.find("textarea"), "Enter");
    await expect.poll(() => v.find(".xw-lens-grid").hasAttribute("data-dim")).toBe(true);
    v.model.progress(asks(v.model)[0] as never, { done: 1, total: 3 });
    v.model.set("explanation", revised(inventLens({ tokens: prompt(3), read: 1 }), { revision: 1 }));
    await expect.poll(() => v.find(".xw-lens-grid").hasAttribute("data-dim")).toBe(false);
    expect(v.says("1 of 3 tokens read")).toBe(true);
    v.button("cancel").click();
    await expect.poll(() => v.find(".xw-progress").checkVisibility()).toBe(false);
    expect(v.says("1 of 3 tokens read")).toBe(true);
  });
  test("nothing is asked about positions that were not read", async () => {
    const v = show(inventLens({ read: 1 }), pinned(3, 4));
    const field = v.find<HTMLInputElement>("input[aria-label='another token to follow']");
    field.value = " Rome";
    press(field, "Enter");
    await expect.poll(() => v.way).toBe("This position was not read yet.");
    expect(asks(v.model)).toEqual([]);
  });
});

describe("words in the cells", () => {
  test("are drawn, in a colour that is not the ground's", async () => {
    const v = show();
    await drawn(v);
    await expect.poll(() => new Set(pixels(v, 0, 4).map((p) => p.join())).size).toBeGreaterThan(8);
  });
  test("dark: paper is dark, words are light on little ink", async () => {
    const v = show();
    v.find(".xw").dataset.theme = "dark";
    await drawn(v);
    await expect.poll(() => Math.max(...pixels(v, 6, 2).map((p) => p[0] ?? 0))).toBeGreaterThan(150);
    expect(Math.min(...pixels(v, 6, 2).map((p) => p[0] ?? 255))).toBeLessThan(60);
  });
  test("markup in a token is text, wherever it is shown", async () => {
    const markup = "<script>alert(1)</script>";
    const tokens = ["<b>", " bold", "\n", "  ", "עיר", " הבירה", "👩‍🚀", "\t", " is"];
    const v = show(inventLens({ tokens, layers: 8 }), pinned(3, 2));
    await drawn(v);
    expect(textOf(guess(v, 3, 2)?.id ?? 0)).toBe(markup);
    expect(v.line).toMatch(/^layer 2 at ↵ \(2\): <script>alert\(1\)<\/script> 0\./);
    v.tokenButton(markup).click();
    await expect.poll(() => v.way).toContain(`${markup} at ↵ (2) first becomes rank 1`);
    expect(v.find(".xw-lens-follow caption").textContent).toBe(`${markup} by stream`);
    expect(v.el.querySelector("script, b:not(.xw-model)")).toBeNull();
  });
});

describe("what is wrong is said, and the picture stays", () => {
  test("an error of the kernel", async () => {
    const error = {
      code: "too_long",
      problem: "The text has 9,120 tokens.",
      given: "",
      accepted: "",
      hint: "shorten it",
    };
    const v = show(inventLens(), { status: { ...IDLE, state: "error", error } });
    await drawn(v);
    expect(v.find("[role=alert]").textContent).toContain("The text has 9,120 tokens.");
    expect(v.canvas.checkVisibility()).toBe(true);
  });
  test("a kernel that is gone", async () => {
    const v = show(inventLens(), pinned(3, 4));
    await drawn(v);
    v.model.dead = true;
    v.button("more tokens").click();
    await expect.poll(() => v.find("[role=alert]").textContent).toContain("The kernel is gone.");
    expect(v.canvas.checkVisibility()).toBe(true);
  });
  test("a page saved without what is asked for", async () => {
    const v = show(inventLens(), { status: { ...IDLE, state: "static" } });
    await drawn(v);
    await choose(v, "kl");
    await expect.poll(() => v.says("This page was saved without this detail.")).toBe(true);
    expect(asks(v.model).length).toBe(1);
  });
  test("ids can't be edited here, and the word says why", async () => {
    const v = show(inventLens({ fields: { input: { kind: "ids" } } }));
    const edit = v.all("button").find((b) => b.textContent?.startsWith("edit")) as HTMLButtonElement;
    expect(edit.disabled).toBe(true);
    press(v.find(".xw"), "e");
    await settle();
    expect(v.all("textarea").some((t) => t.checkVisibility())).toBe(false);
  });
});

describe("for those who can't see it", () => {
  test("a table of the pinned position by stream, and a sentence when a picture comes", async () => {
    const v = show(inventLens({ layers: 2 }), pinned(1, 4));
    await drawn(v);
    const table = v.all("table").find((t) => t.querySelector("caption")?.textContent?.startsWith("What would"));
    expect(table?.querySelector("caption")?.textContent).toBe("What would come next after “is” (4), by stream");
    const heads = [...(table?.querySelectorAll("tbody th") ?? [])].map((th) => th.textContent);
    expect(heads).toEqual(["layer 1", "layer 0", "embedding"]);
    const region = () => v.all("[role=status]").map((r) => r.textContent);
    expect(region()).toContainEqual(
      expect.stringMatching(/^Lens of 3 streams over 16 tokens\. The model's own answer is the/),
    );
  });
  test("two views of one widget share the pin", async () => {
    const v = show(inventLens(), {}, {});
    const { default: view } = await import("../../js/src/views/logit_lens.ts");
    const el = document.createElement("div");
    v.el.after(el);
    const end = new AbortController();
    view.render({ model: v.model, el, signal: end.signal });
    await drawn(v);
    v.keys("ArrowDown", "Enter");
    await expect.poll(() => el.querySelector(".xw-lens-pin")?.textContent).toBe("Pinned: layer 11 at The (0)");
    end.abort();
    expect(el.children.length).toBe(0);
  });
  test("nothing listens after the end", () => {
    const v = show();
    const during = v.model.listening;
    expect(during).toBeGreaterThan(0);
    v.end();
    expect(v.model.listening).toBe(0);
    replyLens(v.model, v.invented, { action: "cell", id: "x", revision: 0 } as never);
    expect(v.el.children.length).toBe(0);
  });
});
