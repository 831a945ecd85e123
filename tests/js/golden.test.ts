import { describe, expect, test } from "vitest";
import { bytesOf } from "../../js/src/page/model.ts";
import { readInts } from "../../js/src/protocol/arrays.ts";
import { decodePacked } from "../../js/src/protocol/decode.ts";
import { decodeAttention } from "../../js/src/protocol/decode-attention.ts";
import type { AttentionSnapshot, Snapshot } from "../../js/src/protocol/generated.ts";
import attention from "../protocol/golden/attention.json";
import requests from "../protocol/golden/requests.json";
import { sampleRequests } from "./requests.ts";

/** A packed answer as Python wrote it (buffers as base64) and the arrays it expects to be read, not-a-number by name. */
interface Golden {
  packed: { snapshot: Snapshot; buffers: string[] };
  expect: Record<string, (number | string)[]>;
}

const files = Object.entries(
  import.meta.glob<Golden>("../protocol/golden/*.json", { eager: true, import: "default" }),
).filter(([name]) => !/(requests|attention)\.json$/.test(name));

describe("what Python writes is read here, to the bit", () => {
  test("there is something to read", () => {
    expect(files.length).toBeGreaterThan(0);
  });
  test.each(files)("%s", (_, golden) => {
    const { snapshot } = golden.packed;
    const buffers = golden.packed.buffers.map(bytesOf);
    const answer = decodePacked({ snapshot, buffers });
    const arrays: Record<string, ArrayLike<number> | null | undefined> = {
      scores: answer?.scores,
      standard_error: answer?.standardError,
      id: answer?.ids,
      unit: answer?.unit,
      turn: answer?.turn,
      start: readInts(snapshot.tokens.start, buffers),
      end: readInts(snapshot.tokens.end, buffers),
    };
    expect(Object.keys(golden.expect).length).toBeGreaterThan(0);
    for (const [name, values] of Object.entries(golden.expect)) {
      const read = Array.from(arrays[name] ?? [], (v) => (Number.isNaN(v) ? "NaN" : v));
      expect(read, name).toEqual(values);
    }
  });
});

test("attention too: two versions, means, a score that is no number", () => {
  const { packed, expect: wanted } = attention as unknown as Golden;
  const snapshot = packed.snapshot as unknown as AttentionSnapshot;
  const answer = decodeAttention({ snapshot, buffers: packed.buffers.map(bytesOf) });
  const read = { most: answer?.most, mean: answer?.mean, patterns: answer?.patterns, id: answer?.queries.ids };
  expect(Object.keys(wanted).sort()).toEqual(Object.keys(read).sort());
  for (const [name, values] of Object.entries(wanted))
    expect(
      Array.from(read[name as keyof typeof read] ?? [], (v) => (Number.isNaN(v) ? "NaN" : v)),
      name,
    ).toEqual(values);
});

test("what the browser sends is what Python's tests read (if not: npm run golden)", () => {
  expect(JSON.parse(JSON.stringify(sampleRequests()))).toEqual(requests);
});
