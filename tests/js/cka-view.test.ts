import { describe, expect, test, vi } from "vitest";
import { type CKASpec, ckaTrait, inventCKA, serveCKA } from "../../js/gallery/cka.ts";
import { FakeModel, IDLE } from "../../js/gallery/fake-model.ts";
import { DecodeError } from "../../js/src/protocol/arrays.ts";
import { VersionError } from "../../js/src/protocol/decode.ts";
import { type CKAAnswer, decodeCKA } from "../../js/src/protocol/decode-cka.ts";
import type { CKAPacked, CKASnapshot, Traits } from "../../js/src/protocol/generated.ts";
import * as picture from "../../js/src/state/cka-picture.ts";
import { announcement, loudText, modelNames, pairText, trustText } from "../../js/src/views/cka/words.ts";
import view from "../../js/src/views/cka.ts";
import { plain } from "../../js/src/views/shared/sentence.ts";
import { Mounted, place, press, settle } from "./mounting.ts";
import "../../js/src/views/cka.css";

class MountedCKA extends Mounted {
  get canvas(): HTMLCanvasElement {
    return this.find(".xw-heat-canvas");
  }

  get said(): string {
    return this.find(".xw-left > .xw-said").textContent ?? "";
  }

  keys(...names: string[]): void {
    this.canvas.focus();
    for (const name of names) press(this.canvas, name);
  }
}

function show(spec: CKASpec = {}, traits: Partial<Traits> = {}, options: { width?: number; hold?: boolean } = {}) {
  const { root, signal, end } = place();
  const model = new FakeModel({ explanation: ckaTrait(inventCKA(spec)), ...traits });
  serveCKA(model, spec, options.hold);
  const el = document.createElement("div");
  el.style.width = `${options.width ?? 860}px`;
  root.append(el);
  view.initialize({ model, signal });
  view.render({ model, el, signal });
  return new MountedCKA(model, el, end);
}

function answerOf(packed: CKAPacked): CKAAnswer {
  const answer = decodeCKA(packed);
  if (!answer) throw new Error("no answer");
  return answer;
}

const drawn = (v: MountedCKA) => vi.waitFor(() => expect(v.find(".xw-heat-note").textContent).not.toBe(""));

describe("the trait", () => {
  const packed = inventCKA({ rows: 2, columns: 3 });
  const s = packed.snapshot as CKASnapshot;
  const changed = (fields: Partial<CKASnapshot>): CKAPacked => ({ ...packed, snapshot: { ...s, ...fields } });
  test("two matrices of the streams named", () => {
    const answer = answerOf(packed);
    expect([answer.debiased.length, answer.plain.length]).toEqual([12, 12]);
    expect(decodeCKA({ snapshot: null, buffers: [] })).toBeNull();
  });
  test.each<[string, Partial<CKASnapshot>]>([
    ["streams of another number", { rows: ["embedding"] }],
    ["no streams", { rows: [] }],
    ["one name", { names: ["a"] }],
    ["other streams that are loud", { loudest: { ...s.loudest, shape: [2] } }],
    ["one width", { widths: [4] }],
    ["whole numbers", { plain: { ...s.plain, dtype: "int32" } }],
  ])("%s is refused", (_, fields) => {
    expect(() => decodeCKA(changed(fields))).toThrow(DecodeError);
  });
  test("another version is said", () => {
    expect(() => decodeCKA(changed({ v: 2 }))).toThrow(VersionError);
  });
});

describe("pairs", () => {
  const answer = answerOf(inventCKA({ rows: 2, columns: 3 }));
  test("a cell is counted along the rows, and back", () => {
    for (let cell = 0; cell < 12; cell++) {
      const pair = picture.pairAt(answer, cell);
      expect(pair && picture.cellOf(answer, pair)).toBe(cell);
      expect(pair && picture.ckaOf(answer, "debiased", pair)).toBe(answer.debiased[cell]);
    }
    for (const cell of [null, -1, 12, 0.5]) expect(picture.pairAt(answer, cell)).toBeNull();
  });
  test("drawn with the last row on top", () => {
    expect([...picture.upsideDown(answer, answer.debiased)].slice(0, 4)).toEqual([...answer.debiased.slice(8)]);
  });
  test("the line: the same place, each with the next of one model, or the most alike", () => {
    const same = answerOf(inventCKA({ rows: 2 }));
    expect(picture.lineOf(same)).toEqual([0, 1, 2].map((i) => ({ row: i, column: i })));
    const one = answerOf(inventCKA({ rows: 2, one: true }));
    expect(picture.lineOf(one)).toEqual([0, 1].map((i) => ({ row: i, column: i + 1 })));
    for (const { row, column } of picture.lineOf(answer)) {
      const values = [...answer.debiased.slice(row * 4, row * 4 + 4)];
      expect(values[column]).toBe(Math.max(...values));
    }
  });
});

describe("what is said", () => {
  test("one pair, in both estimates; a stream that is the same everywhere", () => {
    const answer = answerOf(inventCKA({ rows: 4, constant: 0 }));
    expect(plain(pairText(answer, { row: 0, column: 1 }))).toContain("one of them is the same at all samples");
    const { debiased, plain: usual } = answer;
    expect(plain(pairText(answer, { row: 2, column: 1 }))).toBe(
      `layer 1 of tiny-12x6 beside layer 0 of tiny-tuned: ${debiased[11]?.toPrecision(3)} debiased, ${usual[11]?.toPrecision(3)} plain.`,
    );
  });
  test("what few samples do to the plain estimate", () => {
    expect(trustText(answerOf(inventCKA()))).toContain(
      "would have about 0.620 plain and 0 debiased. So read the debiased",
    );
    expect(trustText(answerOf(inventCKA({ fields: { by_chance: 0.02 } })))).not.toContain("So read");
  });
  test("streams that one sample decides are named", () => {
    expect(loudText(answerOf(inventCKA()))).toBe("");
    expect(loudText(answerOf(inventCKA({ one: true, loud: [0, 3, 4, 5, 9] })))).toBe(
      "More than half of the variance is one position's in embedding, layers 2 to 4, 8: there these numbers are mostly about that position.",
    );
    expect(loudText(answerOf(inventCKA({ rows: 2, columns: 3, loud: [3] })))).toContain(
      "is one position's in layer 2 of tiny-tuned:",
    );
  });
  test("names that are alike are told apart; one model is named once", () => {
    const alike = answerOf(inventCKA({ fields: { names: ["a/x", "b/x"] } }));
    expect(modelNames(alike)).toEqual(["a/x", "b/x"]);
    expect(modelNames(answerOf(inventCKA({ one: true })))).toEqual(["tiny-12x6", "tiny-12x6"]);
    expect(announcement(answerOf(inventCKA({ one: true })))).toMatch(
      /^Debiased CKA, each layer beside the next: [\d.]+ to/,
    );
  });
});

describe("the view", () => {
  test("the question, what was compared, and both numbers of a cell", async () => {
    const v = show();
    await drawn(v);
    expect(v.question).toBe("How alike are the layers of tiny-12x6 and tiny-tuned?");
    expect(v.says("214 positions of 4 texts, first positions left out")).toBe(true);
    v.keys("ArrowDown", "ArrowDown", "ArrowRight");
    await expect
      .poll(() => v.said)
      .toMatch(/^layer 10 of tiny-12x6 beside layer 0 of tiny-tuned: [−\d.]+ debiased, [\d.]+ plain\.$/);
    v.keys("Enter");
    expect(v.model.get("display").row).toBe(11 * 13 + 1);
    v.keys("Escape");
    expect(v.model.get("display").row).toBeNull();
    await expect.poll(() => v.said).toBe("Point at a cell to read it, click it to keep it.");
  });
  test("debiased first; plain by choice, which the legend names", async () => {
    const v = show();
    await drawn(v);
    expect(v.find(".xw-legend").textContent).toContain("CKA, debiased");
    v.all("[role=radio]")
      .find((b) => b.textContent === "plain")
      ?.click();
    await expect.poll(() => v.find(".xw-legend").textContent).toContain("CKA, plain");
    expect(v.canvas.getAttribute("aria-label")).toContain("plain CKA");
  });
  test("the line through the layers: pointing and clicking is a cell's", async () => {
    const v = show();
    await vi.waitFor(() => expect(v.el.querySelectorAll(".xw-curve-line").length).toBe(2));
    const box = v.find(".xw-curve");
    const { left, top, width } = box.getBoundingClientRect();
    const at = { clientX: left + 52 + ((4 + 0.5) / 13) * (width - 64), clientY: top + 60, bubbles: true };
    box.dispatchEvent(new PointerEvent("pointermove", at));
    await expect.poll(() => v.said).toMatch(/^layer 3 of tiny-12x6 beside layer 3 of tiny-tuned: /);
    expect(v.el.querySelector(".xw-curve-marked")).not.toBeNull();
    box.dispatchEvent(new MouseEvent("click", at));
    expect(v.model.get("display").row).toBe(4 * 13 + 4);
    box.dispatchEvent(new MouseEvent("click", at));
    expect(v.model.get("display").row).toBeNull();
  });
  test("a stream that is the same everywhere is hatched, and leaves a gap in the line", async () => {
    const v = show({ rows: 6, constant: 3 });
    await drawn(v);
    expect(v.find(".xw-heat-note").textContent).toContain("hatched: a stream that is the same at all samples");
    await expect.poll(() => v.el.querySelectorAll(".xw-curve-line").length).toBe(4);
  });
  test("one model beside itself", async () => {
    const v = show({ one: true });
    await drawn(v);
    expect(v.question).toBe("How alike are the layers of tiny-12x6?");
    expect(v.find(".xw-curve-title").textContent).toBe("each layer beside the next");
  });
  test.each([320, 860])("80 layers fit at %s px", async (width) => {
    const v = show({ rows: 80 }, {}, { width });
    await drawn(v);
    expect(v.find(".xw").scrollWidth).toBeLessThanOrEqual(width);
  });
  test("a table of the line, for those who can't see it", async () => {
    const v = show({ rows: 3 });
    const table = v.find("table");
    expect(table.querySelector("caption")?.textContent).toBe("CKA, layers at the same place");
    expect(table.querySelectorAll("tbody tr").length).toBe(4);
  });
  test("nothing there yet, an error, a saved page", async () => {
    const empty = show({}, { explanation: { snapshot: null, buffers: [] }, status: { ...IDLE, state: "running" } });
    expect(empty.says("reading the texts")).toBe(true);
    const error = { code: "x", problem: "No memory.", given: "", accepted: "", hint: "give less" };
    const failed = show({}, { status: { ...IDLE, state: "error", error } });
    await expect.poll(() => failed.says("No memory.")).toBe(true);
    await drawn(failed);
    const saved = show({}, { status: { ...IDLE, state: "static" } });
    await drawn(saved);
    saved.keys("ArrowDown", "Enter");
    await settle();
    expect(saved.model.get("display").row).toBe(12 * 13);
  });
  test("names are text, and nothing listens after the end", async () => {
    const v = show({ fields: { names: ["<b>one<i>", "two"] } });
    await drawn(v);
    expect(v.question).toContain("<b>one<i>");
    v.end();
    expect(v.el.children.length).toBe(0);
    expect(v.model.listening).toBe(0);
  });
  test("dark: the line in the dark theme's hue", async () => {
    const v = show();
    await vi.waitFor(() => expect(v.el.querySelector(".xw-curve-line")).not.toBeNull());
    v.find(".xw").dataset.theme = "dark";
    const line = v.el.querySelector(".xw-curve-line:not(.xw-curve-dashed)") as SVGElement;
    await expect.poll(() => getComputedStyle(line).stroke).toBe("rgb(86, 180, 233)");
  });
});
