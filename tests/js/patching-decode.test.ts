import { describe, expect, test } from "vitest";
import { inventPatching, sentence } from "../../js/gallery/patching.ts";
import { DecodeError } from "../../js/src/protocol/arrays.ts";
import { VersionError } from "../../js/src/protocol/decode.ts";
import { decodePatching, type PatchingAnswer } from "../../js/src/protocol/decode-patching.ts";
import type { PatchingPacked } from "../../js/src/protocol/generated.ts";
import * as picture from "../../js/src/state/patching-picture.ts";
import { bytes } from "./mounting.ts";

const read = (packed: PatchingPacked) => decodePatching(packed) as PatchingAnswer;
const longer = [...sentence("the")].flatMap((w) => (w === " the" ? [" the", " United", " Kingdom"] : [w]));

function changed(fields: object, buffers: Record<number, DataView> = {}): PatchingPacked {
  const { packed } = inventPatching();
  return {
    snapshot: packed.snapshot && { ...packed.snapshot, ...fields },
    buffers: packed.buffers.map((buffer, i) => buffers[i] ?? buffer),
  };
}

describe("what arrives", () => {
  test("nothing yet is nothing", () => {
    expect(decodePatching({ snapshot: null, buffers: [] })).toBeNull();
    expect(decodePatching(null)).toBeNull();
  });
  test("arrays by their axes", () => {
    const answer = read(inventPatching({ exact: [1] }).packed);
    expect(answer.values.length).toBe(12 * 11);
    expect([...answer.exact]).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(answer.base.tokens.text[3]).toBe(" Italy");
    expect(answer.source.tokens.text[3]).toBe(" France");
  });
  test("of heads: columns are their names, however many positions there are", () => {
    const answer = read(inventPatching({ part: "head", heads: 9, layers: 3 }).packed);
    expect(answer.width).toBe(9);
    expect([answer.values.length, answer.estimate.length, answer.pairs.length]).toEqual([27, 27, 11]);
    expect(read(inventPatching({ part: "mlp_out" }).packed).width).toBe(11);
  });
  test.each([
    ["a head more than there are values", { columns: Array(10).fill("head") }],
    ["no heads", { columns: [] }],
    ["positions that are said to be heads", { part: "mlp_out", columns: [] }],
    ["names of heads where columns are positions", { part: "attn_out" }],
  ])("refused: %s", (_, fields) => {
    const { packed } = inventPatching({ part: "head", heads: 9 });
    const snapshot = packed.snapshot && { ...packed.snapshot, ...(fields as object) };
    expect(() => read({ ...packed, snapshot })).toThrow(DecodeError);
  });
  test("another version is said to be one", () => {
    expect(() => read(changed({ v: 2 }))).toThrow(VersionError);
  });
  test.each([
    ["a row more than there are values", { rows: Array(13).fill("x") }],
    ["no rows", { rows: [] }],
    ["both prompts with the same number", { base_value: 4.4 }],
    ["a number that is none", { source_value: Number.POSITIVE_INFINITY }],
  ])("refused: %s", (_, fields) => {
    expect(() => read(changed(fields))).toThrow(DecodeError);
  });
  test.each([
    ["past the end", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11]],
    ["that cross", [1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    ["below −1", [-2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ])("refused: counterparts %s", (_, pairs) => {
    const at = inventPatching().packed.snapshot?.pairs.buffer ?? 0;
    expect(() => read(changed({}, { [at]: bytes(Int32Array.from(pairs)) }))).toThrow(DecodeError);
  });
});

describe("shares of the difference", () => {
  test("0 is the number without a patch, 1 that of the other prompt, whichever way", () => {
    for (const direction of ["denoise", "noise"] as const) {
      const answer = read(inventPatching({ direction }).packed);
      expect(picture.effectOf(answer, answer.snapshot.base_value)).toBeCloseTo(0, 12);
      expect(picture.effectOf(answer, answer.snapshot.source_value ?? Number.NaN)).toBe(1);
      expect(answer.snapshot.base_value).toBe(direction === "denoise" ? -3.1 : 4.4);
    }
  });
  test("rows that were run are exact, the others estimates; the last layer is on top", () => {
    const invented = inventPatching({ layers: 3, exact: [2] });
    const answer = read(invented.packed);
    const grid = picture.gridOf(answer, "exact");
    expect(grid[3]).toBeCloseTo(invented.share(2, 3), 4);
    expect(grid[11 + 3]).toBeCloseTo(picture.effectOf(answer, picture.estimateOf(answer, 1, 3)), 6);
    expect(Math.abs((grid[11 + 3] ?? 0) - invented.share(1, 3))).toBeGreaterThan(0.01);
  });
  test("a difference is the estimate less the exact number", () => {
    const answer = read(inventPatching().packed);
    const [estimate, exact, difference] = (["estimate", "exact", "difference"] as const).map((shown) =>
      picture.shareOf(answer, shown, 4, 3),
    );
    expect(difference).toBeCloseTo((estimate ?? 0) - (exact ?? 0), 9);
    expect(difference).not.toBe(0);
  });
  test("full ink is 1, or the largest that was run; an estimate that is far off changes nothing", () => {
    const wild = { off: 40 };
    expect(picture.topOf(read(inventPatching({ ...wild, exact: [] }).packed), "exact")).toBe(1);
    const top = picture.topOf(read(inventPatching(wild).packed), "exact");
    expect(top).toBeLessThan(1.1);
    expect(picture.topOf(read(inventPatching(wild).packed), "estimate")).toBe(top);
    expect(picture.topOf(read(inventPatching(wild).packed), "difference")).toBeGreaterThan(5);
  });
  test("the strongest cells first, by size; cells without a counterpart are none of them", () => {
    const answer = read(inventPatching({ corrupted: longer }).packed);
    const cells = picture.strongest(answer, "exact", 1000);
    expect(cells.length).toBe(12 * 10);
    const sizes = cells.map(({ share }) => Math.abs(share));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  });
});

describe("cells nothing can be put into", () => {
  test("positions without a counterpart, and layers without the part", () => {
    const answer = read(inventPatching({ part: "attn_out", lack: [2], corrupted: longer }).packed);
    const gaps = [
      [4, 4],
      [2, 0],
      [2, 4],
      [4, 0],
    ].map(([layer = 0, column = 0]) => picture.gapAt(answer, { layer, column }));
    expect(gaps).toEqual(["pair", "part", "pair", null]);
  });
  test("a head goes by no position's counterpart, and a layer may lack all or some", () => {
    const { packed } = inventPatching({ part: "head", heads: 9, layers: 4, lack: [2], corrupted: longer });
    const at = packed.snapshot?.values.buffer ?? 0;
    const estimate = packed.snapshot?.estimate.buffer ?? 0;
    for (const i of [at, estimate]) new Float32Array((packed.buffers[i] as DataView).buffer)[3 * 9 + 8] = Number.NaN;
    const answer = read(packed);
    const gap = (layer: number, column: number) => picture.gapAt(answer, { layer, column });
    expect([gap(1, 4), gap(2, 4), gap(3, 7), gap(3, 8)]).toEqual([null, "part", null, "part"]);
    expect(picture.strongest(answer, "exact", 100).length).toBe(9 + 9 + 8);
  });
  test("a number that is none is no missing part", () => {
    const { packed } = inventPatching({ part: "attn_out" });
    const at = packed.snapshot?.values.buffer ?? 0;
    new Float32Array((packed.buffers[at] as DataView).buffer)[3] = Number.NaN;
    expect(picture.gapAt(read(packed), { layer: 0, column: 3 })).toBeNull();
  });
});

describe("how prompts go together", () => {
  const written = (answer: PatchingAnswer) =>
    picture
      .togetherOf(answer)
      .map(({ base, source, differ }) => [
        base === null ? null : answer.base.tokens.text[base],
        source === null ? null : answer.source.tokens.text[source],
        differ,
      ]);
  test("of one length, position by position, what differs is marked", () => {
    const pairs = written(read(inventPatching().packed));
    expect(pairs.length).toBe(11);
    expect(pairs.filter(([, , differ]) => differ)).toEqual([[" Italy", " France", true]]);
  });
  test("of other lengths, tokens without a counterpart stand alone, of both prompts, in order", () => {
    const pairs = written(read(inventPatching({ corrupted: longer }).packed));
    expect(pairs.slice(2, 8)).toEqual([
      [" from", " from", false],
      [" the", null, false],
      [" United", null, false],
      [" Kingdom", null, false],
      [null, " France", false],
      [".", ".", false],
    ]);
  });
});
