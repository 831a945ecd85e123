import { describe, expect, test } from "vitest";
import { idOf, inventLens, prompt, textOf } from "../../js/gallery/lens.ts";
import { DecodeError } from "../../js/src/protocol/arrays.ts";
import { VersionError } from "../../js/src/protocol/decode.ts";
import { decodeLens } from "../../js/src/protocol/decode-lens.ts";
import { encodeLens } from "../../js/src/protocol/encode.ts";
import type { LensPacked, LensSnapshot } from "../../js/src/protocol/generated.ts";
import { courseOf, gridOf, guessesOf, isWhole, largest, traceOf } from "../../js/src/state/lens-picture.ts";

const { packed, ranking } = inventLens({ tokens: prompt(7), layers: 3, k: 4 });
const s = packed.snapshot as LensSnapshot;

function changed(fields: Partial<LensSnapshot>, buffers: LensPacked["buffers"] = packed.buffers): LensPacked {
  return { snapshot: { ...s, ...fields }, buffers };
}

/** The same, with one number of an array another. */
function damaged(array: "top" | "prob", at: number, value: number): LensPacked {
  const old = packed.buffers[s[array].buffer] as DataView;
  const copy = new DataView(old.buffer.slice(0));
  if (array === "top") copy.setInt32(at * 4, value, true);
  else copy.setFloat32(at * 4, value, true);
  return changed(
    {},
    packed.buffers.map((b, i) => (i === s[array].buffer ? copy : b)),
  );
}

function answerOf(of: LensPacked) {
  const answer = decodeLens(of);
  if (!answer) throw new Error("no answer");
  return answer;
}

describe("the trait", () => {
  test("nothing before the first answer", () => {
    expect(decodeLens({ snapshot: null, buffers: [] })).toBeNull();
    expect(decodeLens(undefined)).toBeNull();
  });
  test("the tokens of a cell, most probable first, with their texts", () => {
    const wanted = ranking(2, 5).slice(0, 4);
    const guesses = guessesOf(answerOf(packed), { stream: 2, position: 5 });
    expect(guesses.map((g) => g.text)).toEqual(wanted.map(({ id }) => textOf(id)));
    for (const [i, { prob }] of wanted.entries()) expect(guesses[i]?.prob).toBeCloseTo(prob, 6);
  });
  test.each<[string, Partial<LensSnapshot>]>([
    ["tokens of other streams", { streams: ["embedding", "layer 0"] }],
    ["another number of tokens a cell", { k: 3 }],
    ["probabilities of another shape", { prob: { ...s.prob, shape: [4, 4, 7] } }],
    ["positions that are not the text's", { known: { ...s.known, shape: [8] } }],
    ["texts for other ids", { texts: s.texts.slice(1) }],
    ["no stream at all", { streams: [], top: { ...s.top, shape: [0, 7, 4] } }],
    ["halves instead of whole numbers", { top: { ...s.top, dtype: "float32" } }],
    ["a buffer that did not arrive", { prob: { ...s.prob, buffer: 99 } }],
    ["a token column that is short", { tokens: { ...s.tokens, kind: ["text"] } }],
  ])("%s is refused", (_, fields) => {
    expect(() => decodeLens(changed(fields))).toThrow(DecodeError);
  });
  test.each([
    ["a token without a text", damaged("top", 9, 77)],
    ["no token in a cell that was read", damaged("top", 0, -1)],
    ["a negative probability", damaged("prob", 3, -0.5)],
    ["a probability above 1", damaged("prob", 3, 1.5)],
  ])("%s is refused", (_, of) => {
    expect(() => decodeLens(of)).toThrow(DecodeError);
  });
  test("a probability that is not a number is a gap, not a damage", () => {
    const answer = answerOf(damaged("prob", 0, Number.NaN));
    expect([...gridOf(answer, null)].filter(Number.isNaN).length).toBe(1);
  });
  test("another version is said", () => {
    expect(() => decodeLens(changed({ v: 2 }))).toThrow(VersionError);
  });
});

describe("the grid", () => {
  test("the last stream on top, the first token's probability in every cell", () => {
    const answer = answerOf(packed);
    const grid = gridOf(answer, null);
    expect(grid.length).toBe(4 * 7);
    for (const [row, column] of [
      [0, 0],
      [1, 6],
      [3, 2],
    ] as const)
      expect(grid[row * 7 + column]).toBeCloseTo(ranking(3 - row, column)[0]?.prob ?? 0, 6);
  });
  test("numbers that were asked for, in the same order; not read stays without a number", () => {
    const answer = answerOf(inventLens({ tokens: prompt(3), layers: 1, read: 1 }).packed);
    expect(isWhole(answer)).toBe(false);
    expect(guessesOf(answer, { stream: 1, position: 0 })).toEqual([]);
    const grid = gridOf(answer, Float32Array.from([1, 2, 3, 4, 5, 6]));
    expect([...grid]).toEqual([Number.NaN, Number.NaN, 6, Number.NaN, Number.NaN, 3]);
    expect(largest(grid)).toBe(6);
  });
});

describe("the way of a token", () => {
  const way = (ranks: number[]) => {
    const array = Float32Array.from([...ranks, ...ranks.map((r) => 1 / (r + 1))]);
    const trace = traceOf({ array, token: 5, text: " Paris", candidates: [], before: [], pieces: [], at: -1 });
    if (!trace) throw new Error("no trace");
    return { trace, course: courseOf(trace) };
  };
  test("ranks count from 1", () => {
    const { trace } = way([9, 0]);
    expect([...trace.rank]).toEqual([10, 1]);
    expect([...trace.prob].map((p) => Number(p.toFixed(3)))).toEqual([0.1, 1]);
  });
  test.each([
    [[7, 3, 0, 0], { first: 2, settled: 2, best: 2 }],
    [[7, 0, 4, 0], { first: 1, settled: 3, best: 1 }],
    [[7, 0, 4, 2], { first: 1, settled: null, best: 1 }],
    [[7, 3, 1, 2], { first: null, settled: null, best: 2 }],
    [[0, 0, 0, 0], { first: 0, settled: 0, best: 0 }],
  ])("%j", (ranks, course) => {
    expect(way(ranks).course).toEqual(course);
  });
});

test("a request carries its action and what it is about", () => {
  expect(
    encodeLens({ action: "follow", token: idOf(" Paris"), index: 4 }, { id: "s-1", revision: 4, view: "v" }),
  ).toEqual({
    type: "request",
    v: 1,
    id: "s-1",
    revision: 4,
    view: "v",
    action: "follow",
    token: idOf(" Paris"),
    index: 4,
  });
});
