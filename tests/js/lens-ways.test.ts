/** Other ways of reading streams: by a trained lens, beside another model's, with a prompt; and more streams than fit. */
import { describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { inventLens, textOf } from "../../js/gallery/lens.ts";
import { DecodeError } from "../../js/src/protocol/arrays.ts";
import { decodeLens } from "../../js/src/protocol/decode-lens.ts";
import type { LensSnapshot } from "../../js/src/protocol/generated.ts";
import { asks, pinned, show } from "./lens-fakes.ts";
import { press, settle, type } from "./mounting.ts";

type View = ReturnType<typeof show>;
const TUNED: Partial<LensSnapshot> = {
  lens: "tuned",
  lenses: ["tuned", "logit"],
  lens_words: "TunedLens of tiny: 12 translators",
  notes: ["The lens was made for a model named other/tiny."],
};
const select = (v: View, name: string) => v.find<HTMLSelectElement>(`select[aria-label="${name}"]`);
const choose = (v: View, name: string, value: string) => userEvent.selectOptions(select(v, name), value);
const options = (v: View, name: string) => [...select(v, name).options].map((o) => o.text);
const drawn = (v: View) => vi.waitFor(() => expect(v.find(".xw-heat-note").textContent).not.toBe(""));
const name = (id: number | undefined) => textOf(id ?? 0).trim();

describe("a trained lens", () => {
  test("is named, its notes are read; the logit lens is there to be chosen", async () => {
    const v = show(inventLens({ fields: TUNED }));
    expect(v.says("Tuned lens")).toBe(true);
    expect(v.says("The lens was made for a model named other/tiny.")).toBe(true);
    expect(v.find(".xw-top").innerHTML).toContain("TunedLens of tiny: 12 translators");
    expect(options(v, "which lens")).toEqual(["tuned lens", "logit lens"]);
    expect(select(v, "which lens").value).toBe("tuned");
    await choose(v, "which lens", "logit");
    expect(asks(v.model)).toMatchObject([{ action: "look", lens: "logit" }]);
    expect(asks(v.model)[0]).not.toHaveProperty("input");
    await expect.poll(() => v.says("Logit lens")).toBe(true);
    expect(select(v, "which lens").value).toBe("logit");
    expect(v.says("16 tokens · 13 streams")).toBe(true);
  });
  test("while it reads, the choice is what was chosen; given up, it is what is shown", async () => {
    const v = show(inventLens({ fields: TUNED }), {}, { hold: ["look"] });
    await choose(v, "which lens", "logit");
    await expect.poll(() => v.find(".xw-lens-grid").hasAttribute("data-dim")).toBe(true);
    expect(select(v, "which lens").value).toBe("logit");
    v.button("cancel").click();
    await expect.poll(() => select(v, "which lens").value).toBe("tuned");
    expect(v.says("Tuned lens")).toBe(true);
  });
  test("without one there is nothing to choose and nothing said", () => {
    const v = show();
    expect(select(v, "which lens").checkVisibility()).toBe(false);
    expect(select(v, "which model").checkVisibility()).toBe(false);
    expect(v.says("tuned")).toBe(false);
  });
});

describe("two models", () => {
  const invented = inventLens({ other: 7 });
  const first = (whose: "this" | "other", stream: number, n = 0) => invented.rankingOf(whose, stream, 4)[n];

  test("both are named; the other's cells on request, and what is asked is asked of it", async () => {
    const v = show(invented, pinned(9, 4));
    expect(v.says("this: tiny-12x4, other: tuned-12x4")).toBe(true);
    expect(options(v, "which model")).toEqual(["this", "other", "difference"]);
    expect(v.buttons[0]?.dataset.id).toBe(String(first("this", 9)?.id));
    await choose(v, "which model", "other");
    await expect.poll(() => v.buttons[0]?.dataset.id).toBe(String(first("other", 9)?.id));
    expect(first("other", 9)?.id).not.toBe(first("this", 9)?.id);
    expect(v.line).toContain(`(4): ${name(first("other", 9)?.id)} `);
    expect(v.find(".xw-lens-pin").textContent).toBe("Pinned: layer 8 of the other at is (4)");
    v.button("more tokens").click();
    expect(asks(v.model)).toMatchObject([{ action: "cell", whose: "other" }]);
    await choose(v, "what ink means", "entropy");
    expect(asks(v.model, "measure")).toMatchObject([{ measure: "entropy", whose: "other" }]);
    v.buttons[0]?.click();
    await expect.poll(() => asks(v.model, "follow")[0]).toMatchObject({ whose: "other" });
    await choose(v, "which model", "this");
    await expect.poll(() => asks(v.model, "measure").length).toBe(2);
    expect(asks(v.model, "measure")[1]).not.toHaveProperty("whose");
  });
  test("the difference: both tokens, the divergence and the change of probability, without a question", async () => {
    const v = show(invented, pinned(9, 4));
    await drawn(v);
    await choose(v, "which model", "difference");
    const [ours, theirs] = [first("this", 9), first("other", 9)];
    await expect.poll(() => v.line).toContain(`this ${name(ours?.id)} `);
    expect(v.line).toContain(`; other ${name(theirs?.id)} `);
    expect(v.line).toMatch(/KL\(other \|\| this\) \d[\d.]* nats, probability of .+ \+[\d.]+ against the other$/);
    expect(options(v, "what ink means")).toEqual(["KL", "probability"]);
    expect(v.find(".xw-legend").textContent).toContain("nats, KL(other || this)");
    await choose(v, "what ink means", "change");
    await expect.poll(() => v.find(".xw-scale").hasAttribute("data-signed")).toBe(true);
    expect(v.find(".xw-legend").textContent).toMatch(/^other[−-][\d.]+\+?[\d.]+this/);
    expect(asks(v.model)).toEqual([]);
    const table = v.all("table").find((t) => t.querySelector("caption")?.textContent?.includes("by two models"));
    expect(table?.querySelectorAll("tbody tr").length).toBe(13);
    expect(table?.querySelector("tbody tr:last-child td:last-child")?.textContent).toBe("0");
  });
  test("where both say the same no ink and no second token", async () => {
    const v = show(invented, pinned(3, 4));
    await choose(v, "which model", "difference");
    await expect.poll(() => v.line).toContain("KL(other || this) 0 nats");
    const answer = decodeLens(invented.packed);
    const width = 16;
    expect([...(answer?.other?.kl ?? [])].slice(0, 7 * width).every((x) => x === 0)).toBe(true);
    expect([...(answer?.other?.kl ?? [])].slice(7 * width).every((x) => x > 0)).toBe(true);
  });
  test.each([
    ["cells of another shape", "prob", [13, 16, 4]],
    ["a divergence of other positions", "kl", [13, 15]],
    ["changes of other streams", "change", [12, 16]],
  ] as const)("%s is refused", (_, array, shape) => {
    const { snapshot, buffers } = invented.packed;
    const other = snapshot?.other;
    if (!snapshot || !other) throw new Error("no other");
    const damaged = { ...snapshot, other: { ...other, [array]: { ...other[array], shape: [...shape] } } };
    expect(() => decodeLens({ snapshot: damaged, buffers })).toThrow(DecodeError);
  });
});

describe("a prompt to read with", () => {
  const field = (v: View) => v.find<HTMLTextAreaElement>("textarea[aria-label='prompt to read with']");
  const read = (v: View) => v.find(".xw-lens-read").textContent ?? "";

  test("is offered for a pinned cell only", async () => {
    const v = show();
    const word = v.all("button").find((b) => b.textContent === "read with a prompt");
    expect(word?.checkVisibility()).toBe(false);
    v.model.set("selection", { pos: [3], target: [], source: "python" });
    await expect.poll(() => word?.checkVisibility()).toBe(true);
    expect(asks(v.model)).toEqual([]);
  });
  test("what is written with the stream in the placeholder's place, and what would come next without it", async () => {
    const v = show(inventLens(), pinned(6, 3));
    v.button("read with a prompt").click();
    await settle();
    const text = "cat -> cat\nhello -> hello\n?";
    expect(asks(v.model)).toMatchObject([{ action: "scope", layer: 6, index: 3, into: 6, text }]);
    await expect.poll(() => read(v)).toBe("With [France, layer 5] for ? it writes: -> France↵");
    expect(field(v).value).toBe(text);
    const heads = v.all(".xw-lens-scope th[scope=col]").map((th) => th.textContent);
    expect(heads).toEqual(["next token", "as it is", "with the stream"]);
    expect(v.button("read with a prompt").getAttribute("aria-expanded")).toBe("true");
  });
  test("another prompt by Enter, another stream by choice, another cell by a click", async () => {
    const v = show(inventLens(), pinned(6, 3));
    v.button("read with a prompt").click();
    await expect.poll(() => read(v)).not.toBe("");
    type(field(v), "Say ? now");
    press(field(v), "Enter");
    await expect.poll(() => asks(v.model, "scope").at(-1)).toMatchObject({ text: "Say ? now", into: 6 });
    await expect.poll(() => read(v)).toBe("With [France, layer 5] for ? before now it writes: -> France↵");
    await choose(v, "into which stream", "2");
    await expect.poll(() => asks(v.model, "scope").at(-1)).toMatchObject({ text: "Say ? now", layer: 6, into: 2 });
    await expect.poll(() => read(v)).toContain("into layer 1");
    v.model.set("selection", { pos: [1], target: [], source: "python" });
    await expect.poll(() => asks(v.model, "scope").at(-1)).toMatchObject({ text: "Say ? now", index: 1, into: 2 });
    await expect.poll(() => read(v)).toContain("With [capital, layer 5]");
    press(field(v), "Escape");
    await expect.poll(() => field(v).checkVisibility()).toBe(false);
    expect(read(v)).toBe("");
  });
  test("the last stays, greyed, until the next is there; what is no longer wanted is given up", async () => {
    const v = show(inventLens(), pinned(6, 3));
    v.button("read with a prompt").click();
    await expect.poll(() => read(v)).not.toBe("");
    v.model.answer = null;
    v.model.set("selection", { pos: [1], target: [], source: "python" });
    await expect.poll(() => v.find(".xw-lens-read").hasAttribute("data-dim")).toBe(true);
    expect(read(v)).toContain("France");
    const waiting = asks(v.model, "scope").at(-1)?.id;
    v.button("read with a prompt").click();
    await expect.poll(() => v.model.sent).toContainEqual({ type: "cancel", v: 1, id: waiting });
  });
  test("a refusal is said in words, once, and tried again on request", async () => {
    const v = show(inventLens(), pinned(6, 3), { hold: ["scope"] });
    v.button("read with a prompt").click();
    await settle();
    const error = { code: "empty_text", problem: "The text is empty.", given: "", accepted: "", hint: "type a prompt" };
    v.model.say({ type: "error", v: 1, id: asks(v.model)[0]?.id ?? "", revision: 0, error });
    await expect.poll(() => v.find("[role=alert]").textContent).toContain("The text is empty.");
    await settle();
    expect(asks(v.model, "scope").length).toBe(1);
    v.button("read with a prompt").click();
    v.button("read with a prompt").click();
    await expect.poll(() => asks(v.model, "scope").length).toBe(2);
  });
  test("text that looks like markup is text", async () => {
    const v = show(inventLens(), pinned(6, 3));
    v.button("read with a prompt").click();
    await settle();
    type(field(v), "<b>bold</b> <i>?</i>");
    press(field(v), "Enter");
    await expect.poll(() => read(v)).toContain("<i>?</i>");
    expect(v.all(".xw-lens-read b, .xw-lens-read i").length).toBe(0);
  });
});

describe("more streams than fit", () => {
  const tall = () => show(inventLens({ layers: 80 }));

  test("the grid keeps to its height, the text's names stay, the rest is scrolled to", async () => {
    const v = tall();
    await drawn(v);
    const roll = v.find(".xw-heat-roll");
    expect(roll.getBoundingClientRect().height).toBeLessThan(700);
    expect(roll.scrollHeight - roll.clientHeight).toBe(81 * 13 - 620);
    const top = v.canvas.getBoundingClientRect().top;
    roll.scrollTop = 260;
    await expect.poll(() => v.canvas.getBoundingClientRect().top).toBe(top);
    const box = v.canvas.getBoundingClientRect();
    const at = { bubbles: true, clientX: box.left + 100, clientY: box.top + 64 + 6 };
    await expect
      .poll(() => {
        v.canvas.dispatchEvent(new PointerEvent("pointermove", at));
        return v.line;
      })
      .toMatch(/^layer 59 at /);
  });
  test("the keyboard reaches the last row, and the row is brought into sight", async () => {
    const v = tall();
    await drawn(v);
    const roll = v.find(".xw-heat-roll");
    v.keys("ArrowDown", ...Array.from({ length: 80 }, () => "ArrowDown"));
    await expect.poll(() => v.line).toMatch(/^embedding at /);
    expect(roll.scrollTop).toBe(roll.scrollHeight - roll.clientHeight);
    v.keys(...Array.from({ length: 80 }, () => "ArrowUp"));
    await expect.poll(() => v.line).toMatch(/^layer 79 at /);
    expect(roll.scrollTop).toBe(0);
  });
  test("a wheel scrolls it also when it has the focus; with Ctrl it zooms", async () => {
    const v = tall();
    await drawn(v);
    v.canvas.focus();
    const wheel = (fields: WheelEventInit) => {
      const event = new WheelEvent("wheel", { bubbles: true, cancelable: true, deltaY: -40, ...fields });
      v.canvas.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect(wheel({})).toBe(false);
    expect(wheel({ ctrlKey: true })).toBe(true);
  });
  test("where all rows fit nothing scrolls", async () => {
    const v = show();
    await drawn(v);
    const roll = v.find(".xw-heat-roll");
    expect(roll.scrollHeight).toBe(roll.clientHeight);
    expect(getComputedStyle(roll).overflowY).toBe("visible");
  });
});
