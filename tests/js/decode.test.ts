import { describe, expect, test } from "vitest";
import { chat, packed, plain, sampled } from "../../js/gallery/fixtures.ts";
import { DecodeError } from "../../js/src/protocol/arrays.ts";
import { decodePacked, decodePartial, readMessage, VersionError } from "../../js/src/protocol/decode.ts";
import type { Packed, Progress, Snapshot } from "../../js/src/protocol/generated.ts";
import { estimated, valuesOf } from "../../js/src/state/picture.ts";
import { bytes } from "./mounting.ts";

const change = (p: Packed, fields: Partial<Snapshot>): Packed => ({
  ...p,
  snapshot: p.snapshot && { ...p.snapshot, ...fields },
});
const progress = (fields: Partial<Progress>): Progress => ({
  type: "progress",
  v: 1,
  id: "a",
  revision: 1,
  done: 0,
  total: 0,
  note: "",
  ...fields,
});

describe("a snapshot", () => {
  test("comes with its arrays", () => {
    const answer = decodePacked(sampled);
    expect(answer?.shape).toEqual([1, 9]);
    expect(answer?.scores?.[3]).toBe(1);
    expect(answer?.standardError?.length).toBe(9);
    expect(decodePacked(chat)?.turn.at(-1)).toBe(2);
  });
  test("before the first answer there is none", () => {
    expect(decodePacked({ snapshot: null, buffers: [] })).toBeNull();
    expect(decodePacked(undefined)).toBeNull();
  });
  test("of another version is refused by name", () => {
    expect(() => decodePacked(change(plain, { v: 2 }))).toThrow(VersionError);
  });
  test("with columns of different lengths is refused", () => {
    const tokens = plain.snapshot?.tokens;
    expect(() => decodePacked(change(plain, { tokens: { ...tokens, raw: ["x"] } as never }))).toThrow(DecodeError);
  });
  test("written before turns were on the wire has one turn", () => {
    const { turn: _, ...tokens } = plain.snapshot?.tokens ?? ({} as Snapshot["tokens"]);
    expect([...(decodePacked(change(plain, { tokens: tokens as never }))?.turn ?? [])]).toEqual(Array(10).fill(0));
  });
});

describe("a partial answer", () => {
  const base = decodePacked(plain);
  const scores = bytes(Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  test("lays scores over the last answer", () => {
    const known = bytes(Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    const message = progress({
      scores: { dtype: "float32", shape: [1, 10], buffer: 0 },
      known: { dtype: "uint8", shape: [10], buffer: 1 },
      estimate: true,
    });
    const partial = decodePartial(message, [scores, known], base);
    expect(partial?.scores?.[9]).toBe(9);
    expect(partial?.known?.[0]).toBe(1);
    expect(partial?.estimate).toBe(true);
    expect(partial?.snapshot).toBe(base?.snapshot);
    expect(partial?.sum).toBe(null);
  });
  test("an estimated sum over rows stands for the sum, and for no row alone", () => {
    const span = decodePacked(packed({ tokens: ["a", "b"], scores: null }));
    const f32 = (...values: number[]) => bytes(Float32Array.from(values));
    const message = progress({
      scores: { dtype: "float32", shape: [2, 2], buffer: 0 },
      known: { dtype: "uint8", shape: [2], buffer: 1 },
      sum: { dtype: "float32", shape: [2], buffer: 2 },
      estimate: true,
    });
    const partial = decodePartial(message, [f32(1, 0, 2, 0), bytes(Uint8Array.from([1, 0])), f32(3, 9)], span);
    if (!partial) throw new Error("no picture");
    const shown = (row: number | null) => [...(valuesOf(partial, partial.scores, row, null) ?? [])];
    expect(shown(null)).toEqual([3, 9]);
    expect(shown(1)).toEqual([2, 0]);
    expect([estimated(partial, null), estimated(partial, 1)]).toEqual([true, false]);
  });
  test("with a snapshot replaces it", () => {
    const other = packed({ tokens: ["a", "b"], scores: null });
    const partial = decodePartial(
      progress({ ...(other.snapshot ? { snapshot: other.snapshot } : {}) }),
      other.buffers,
      base,
    );
    expect(partial?.snapshot.text).toBe("ab");
    expect(partial?.scores).toBeNull();
  });
  test("is nothing when only the count moved", () => {
    expect(decodePartial(progress({ done: 3, total: 9 }), [], base)).toBeNull();
  });
});

describe("messages", () => {
  test("of other kinds are left alone", () => {
    expect(readMessage({ type: "hello", id: "a", v: 1 })).toBeNull();
    expect(readMessage("progress")).toBeNull();
    expect(readMessage({ type: "result", v: 1 })).toBeNull();
  });
  test("of another version are refused by name", () => {
    expect(() => readMessage({ type: "result", id: "a", v: 99, revision: 0 })).toThrow(VersionError);
  });
  test("a saved page has no version to disagree about", () => {
    expect(readMessage({ type: "no-kernel", id: "a" })).toEqual({ type: "no-kernel", id: "a" });
  });
});
