import { afterEach, describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { IDLE } from "../../js/gallery/fake-model.ts";
import {
  CANDIDATES,
  chat,
  contrastive,
  edited,
  generated,
  heads,
  long,
  METHODS,
  plain,
  rtl,
  sampled,
  shown,
  span,
} from "../../js/gallery/fixtures.ts";
import type { Snapshot } from "../../js/src/protocol/generated.ts";
import { at, bytes, mount, place, press, settle, type, withSession } from "./mounting.ts";

afterEach(() => void vi.useRealTimers());

const click = (target: Element, init: MouseEventInit = {}) =>
  target.dispatchEvent(new MouseEvent("click", { bubbles: true, ...init }));

describe("what is on the screen", () => {
  test("model, method, exactness, question with its number, text, next tokens, legend, footer", () => {
    const v = mount(contrastive);
    const text = v.el.innerText;
    for (const part of [
      "SmolLM2-135M-Instruct",
      "integrated gradients, 32 steps",
      "gap 0.4 %",
      "Why Paris rather than Rome?",
      "+2.31",
      "against",
      "10 tokens",
      "0.41 s",
      "cpu",
      "float32",
      "9f3c21aa",
    ]) {
      expect(text).toContain(part);
    }
    expect(v.find<HTMLSelectElement>(".xw-measure select").selectedOptions[0]?.textContent).toBe("logit difference");
    expect(v.tokens.map((t) => t.textContent).join("")).toBe("<s>The capital of France, not Italy, is");
    expect(v.candidate("Rome").getAttribute("data-is")).toBe("contrast");
  });
  test("before the first answer, room is kept and it says so", () => {
    const v = mount(null, { status: { ...IDLE, state: "running" } });
    expect(v.says("computing the first answer")).toBe(true);
    expect(v.find("[role=progressbar]").checkVisibility()).toBe(true);
    expect(v.find(".xw-cands").getBoundingClientRect().height).toBeGreaterThan(200);
    expect(v.find(".xw-legend").checkVisibility()).toBe(false);
  });
  test("numbers a person brought: strip, legend and rows, nothing to ask", () => {
    const v = mount(shown, { status: { ...IDLE, state: "static" } });
    expect(v.find(".xw-right").checkVisibility()).toBe(false);
    expect(v.find(".xw-bar").checkVisibility()).toBe(false);
    expect(
      v
        .all("button")
        .filter((b) => b.checkVisibility())
        .map((b) => b.textContent),
    ).toEqual(["0", "1", "2", "3", "4", "5"]);
    const before = v.token(" capital").style.getPropertyValue("--a");
    v.all("[role=radio]")[3]?.click();
    expect(v.model.get("display").row).toBe(3);
    return settle().then(() => expect(v.token(" capital").style.getPropertyValue("--a")).not.toBe(before));
  });
  test("axes it can't draw are named, with what it can", () => {
    const v = mount(heads);
    expect(v.says("layer, head and pos")).toBe(true);
    expect(v.says("This view draws scores over pos")).toBe(true);
  });
  test("the rows of a span: their sum first, each on its own", async () => {
    const v = mount(span);
    expect(v.question).toBe("Why Paris, the?");
    expect(v.says("sum of")).toBe(true);
    v.all("[role=radio]")[2]?.click();
    await settle();
    expect(v.question).toBe("Why ,?");
    expect(v.says("−2.23")).toBe(true);
  });
  test("nothing is wider than 320 px", () => {
    for (const data of [contrastive, chat, long(200), rtl, sampled]) {
      const { root } = place();
      root.style.width = "320px";
      const v = mount(data, {}, { root, model: withSession(data) });
      for (const element of v.all("*")) {
        if (element.checkVisibility() && !element.closest(".xw-hidden"))
          expect(element.getBoundingClientRect().right).toBeLessThanOrEqual(root.getBoundingClientRect().right + 1);
      }
    }
  });
});

describe("choosing the question", () => {
  test("click on a candidate explains it, and marks it at once", async () => {
    const v = mount(plain);
    await userEvent.click(v.candidate("Rome"));
    expect(v.model.asked).toMatchObject({ action: "explain", target: { kind: "token", id: 101 } });
    expect(v.model.asked).not.toHaveProperty("contrast");
    expect(v.candidate("Rome").getAttribute("data-is")).toBe("target");
    expect(v.find(".xw-strip").hasAttribute("data-dim")).toBe(true);
    expect(v.tokens.length).toBe(10);
  });
  test("Shift and click asks why this rather than that, and fixes the target", async () => {
    const v = mount(plain);
    click(v.candidate("Rome"), { shiftKey: true });
    expect(v.model.asked).toMatchObject({
      target: { kind: "token", id: 100 },
      contrast: { kind: "token", id: 101 },
      quantity: "logit_diff",
    });
  });
  test("not that one takes the contrast back, and the logit difference with it", () => {
    const v = mount(contrastive);
    v.button("not that one").click();
    expect(v.model.asked).toMatchObject({ contrast: null, quantity: "log_prob" });
    expect(v.model.asked).not.toHaveProperty("target");
  });
  test("explaining the token that was compared with drops the comparison", () => {
    const v = mount(contrastive);
    v.candidate("Rome").click();
    expect(v.model.asked).toMatchObject({ target: { kind: "token", id: 101 }, contrast: null });
  });
  test("c on a token of the text compares with it", () => {
    const v = mount(plain);
    const italy = v.token(" Italy");
    italy.focus();
    press(italy, "c");
    expect(v.model.asked.contrast).toMatchObject({ kind: "token" });
    expect(v.model.asked.quantity).toBe("logit_diff");
  });
  test("a token that is not listed can be typed", () => {
    const v = mount(plain);
    const input = v.find<HTMLInputElement>(".xw-other");
    input.value = " Berlin";
    press(input, "Enter");
    expect(v.model.asked.target).toEqual({ kind: "text", text: " Berlin" });
  });
  test("number and unit are chosen in place; the entropy has no contrast", () => {
    const v = mount(contrastive);
    const pick = (selector: string, value: string) => {
      const select = v.find<HTMLSelectElement>(selector);
      select.value = value;
      select.dispatchEvent(new Event("change"));
    };
    pick(".xw-measure select", "log_prob");
    expect(v.model.asked.quantity).toBe("log_prob");
    pick(".xw-foot select", "word");
    expect(v.model.asked.unit).toBe("word");
    expect(v.model.asked).not.toHaveProperty("quantity");
  });
  test("generate asks for tokens; each of them is a target", async () => {
    const v = mount(generated);
    v.button("generate").click();
    expect(v.model.asked).toMatchObject({ action: "generate" });
    expect(v.model.asked.max_new_tokens).toBeGreaterThan(0);
    // The list is of that token's place: another one there can only be compared with.
    expect(v.says("In place of “a”")).toBe(true);
    v.candidate("Rome").click();
    expect(v.model.asked).toMatchObject({ contrast: { kind: "token", id: 101 }, quantity: "logit_diff" });
    expect(v.model.asked).not.toHaveProperty("target");
    await userEvent.click(v.token(" light"));
    expect(v.model.asked).toMatchObject({ action: "explain", target: { kind: "generated", index: 5 } });
  });
});

describe("an answer that arrives in parts", () => {
  const scores = (values: number[]) => bytes(Float32Array.from(values));
  const part = {
    scores: { dtype: "float32" as const, shape: [1, 10], buffer: 0 },
    known: { dtype: "uint8" as const, shape: [10], buffer: 1 },
  };
  test("candidates, an estimate, exact scores one by one, the end", async () => {
    const v = mount(plain);
    v.candidate("Rome").click();
    const { model } = v;
    model.progress(
      model.asked,
      {
        candidates: CANDIDATES.slice(1, 4),
        snapshot: at(plain, {
          rows: [{ text: " Rome", id: 101, contrast: "", value: -3, baseline_value: null }],
          scores: null,
        }).snapshot as Snapshot,
      },
      plain.buffers,
    );
    await settle();
    expect(v.all(".xw-cands [role=option]").length).toBe(3);
    expect(v.question).toBe("Why Rome?");
    expect(v.find(".xw-strip").hasAttribute("data-dim")).toBe(true);
    expect(v.token(" France").style.getPropertyValue("--a")).toBe("1");

    model.progress(model.asked, { ...part, estimate: true, done: 0, total: 10 }, [
      scores([9, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
      bytes(new Uint8Array(10)),
    ]);
    await settle();
    expect(v.find(".xw-strip").hasAttribute("data-dim")).toBe(false);
    expect(v.tokens.every((t) => t.className.includes("xw-est"))).toBe(true);
    expect(v.says("estimate")).toBe(true);

    const known = Uint8Array.from([0, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    model.progress(model.asked, { ...part, estimate: true, done: 2, total: 10 }, [
      scores([9, 2, 4, 1, 1, 1, 1, 1, 1, 1]),
      bytes(known),
    ]);
    await settle();
    expect(v.token("The").className).not.toContain("xw-est");
    expect([v.token("The"), v.token(" capital"), v.token("<s>")].map((t) => t.style.getPropertyValue("--a"))).toEqual([
      "0.5",
      "1",
      "1",
    ]);
    expect(v.says("2 of 10")).toBe(true);

    model.set("explanation", at(plain, { revision: 1 }));
    model.result(model.asked);
    await settle();
    expect(v.tokens.some((t) => t.className.includes("xw-est"))).toBe(false);
    expect(v.find("[role=progressbar]").checkVisibility()).toBe(false);
    expect(v.says("exact")).toBe(true);
  });
  test("cancel goes back to the last good answer", async () => {
    const v = mount(plain);
    v.candidate("Rome").click();
    v.model.progress(v.model.asked, { done: 3, total: 32, candidates: [] });
    await settle();
    expect(v.says("3 of 32")).toBe(true);
    v.button("cancel").click();
    expect(v.model.sent.at(-1)).toMatchObject({ type: "cancel", id: v.model.asked.id });
    v.model.say({ type: "cancelled", v: 1, id: v.model.asked.id, revision: 1 });
    await settle();
    expect(v.find(".xw-strip").hasAttribute("data-dim")).toBe(false);
    expect(v.candidate("Paris").getAttribute("data-is")).toBe("target");
  });
  test("nothing moves while it is busy", async () => {
    const v = mount(plain);
    const boxes = () =>
      [".xw-strip", ".xw-cands", ".xw-foot", ".xw-bar"].map((s) => v.find(s).getBoundingClientRect().top);
    const before = boxes();
    v.candidate("Rome").click();
    v.model.progress(v.model.asked, { done: 3, total: 32, candidates: CANDIDATES.slice(0, 2) });
    await settle();
    expect(boxes()).toEqual(before);
  });
});

describe("editing", () => {
  test("e opens, typing asks, Escape leaves; changes are marked against the version before", async () => {
    const v = mount(plain);
    press(v.find(".xw"), "e");
    await settle();
    const area = v.find<HTMLTextAreaElement>("textarea");
    expect(area.value).toBe("The capital of France, not Italy, is");
    type(area, "The capital of Spain");
    press(area, "Enter");
    expect(v.model.asked.input).toEqual({ kind: "text", text: "The capital of Spain" });
    v.model.set("explanation", at(edited, { revision: 1, input: { kind: "text", text: "The capital of Spain" } }));
    v.model.result(v.model.asked);
    await settle();
    expect(v.token(" Spain").className).toContain("xw-new");
    expect(v.token(" capital").className).toContain("xw-had");
    expect(document.activeElement).toBe(area);
    press(area, "Escape");
    await settle();
    expect(area.checkVisibility()).toBe(false);
  });
  test("undo shows the old answer at once and asks for it; redo comes back", async () => {
    const v = mount(plain);
    v.model.set("explanation", at(edited, { revision: 1 }));
    await settle();
    v.button("undo").click();
    await settle();
    expect(v.token(" France").textContent).toBe(" France");
    expect(v.model.asked).toMatchObject({ revision: 2, input: { kind: "text" } });
    expect(v.button("undo").disabled).toBe(true);
    v.model.set("explanation", at(plain, { revision: 2 }));
    v.model.result(v.model.asked);
    await settle();
    press(v.find(".xw"), "z", { ctrlKey: true, shiftKey: true });
    await settle();
    expect(v.token(" Spain").textContent).toBe(" Spain");
  });
  test("a chat is edited message by message", async () => {
    const v = mount(chat);
    v.button("edit").click();
    await settle();
    expect(v.all("textarea").map((a) => a.getAttribute("aria-label"))).toEqual(["system message", "user message"]);
  });
  test("ids can't be edited, and it says why", () => {
    const v = mount(at(plain, { input: { kind: "ids" } }));
    expect(v.button("edit").disabled).toBe(true);
    expect(v.button("edit").title).toContain("token ids");
  });
});

describe("method picker", () => {
  test("asks the kernel for costs, chooses, and gives the focus back", async () => {
    const v = mount(plain);
    v.button("change ▾").click();
    await settle();
    const request = v.model.asked;
    expect(request.action).toBe("methods");
    expect(v.says("asking the kernel")).toBe(true);
    v.model.say({ type: "result", v: 1, id: request.id, revision: 0, methods: METHODS });
    await settle();
    press(v.find("[data-name=leave_one_out]"), "ArrowDown");
    press(v.find("[data-name=shapley_sampling]"), "Enter");
    await settle();
    expect(v.model.asked).toMatchObject({ action: "explain", method: "shapley_sampling", params: {} });
    expect(document.activeElement).toBe(v.button("change ▾"));
  });
  test("a run that takes long asks first", async () => {
    const v = mount(plain);
    v.model.set("status", { state: "asks", error: null, cost: "1,024 passes", seconds: 40 });
    await settle();
    expect(v.says("This takes about 40 s.")).toBe(true);
    v.button("run").click();
    expect(v.model.asked.confirmed).toBe(true);
  });
});
