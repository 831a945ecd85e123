import { describe, expect, test } from "vitest";
import { bytesOf } from "../../js/src/page/model.ts";
import { readArray } from "../../js/src/protocol/arrays.ts";
import { type Answer, decodePacked, decodePartial, readMessage } from "../../js/src/protocol/decode.ts";
import type { ArrayHeader, Progress, Snapshot } from "../../js/src/protocol/generated.ts";
import requests from "../protocol/golden/requests.json";
import { sampleRequests } from "./requests.ts";

/** What Python wrote: a packed answer, or messages, with the values it expects to be read. */
interface Golden {
  packed?: { snapshot: Snapshot | null; buffers: string[] };
  message?: unknown;
  buffers?: string[];
  expect?: Record<string, unknown>;
}

const files = Object.entries(
  import.meta.glob<Golden>("../protocol/golden/*.json", { eager: true, import: "default" }),
).filter(([name]) => !name.endsWith("requests.json"));

/** Numbers as JSON can hold them: NaN and infinity by name. */
function plainNumbers(array: ArrayLike<number> | null): unknown {
  return array && Array.from(array, (v) => (Number.isFinite(v) ? v : Number.isNaN(v) ? "nan" : v > 0 ? "inf" : "-inf"));
}

function expected(answer: Answer, path: string): unknown {
  const arrays: Record<string, ArrayLike<number> | null> = {
    scores: answer.scores,
    standard_error: answer.standardError,
    id: answer.ids,
    unit: answer.unit,
    turn: answer.turn,
    known: answer.known,
  };
  if (path in arrays) return plainNumbers(arrays[path] ?? null);
  if (path === "shape") return answer.shape;
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], answer.snapshot);
}

describe("what Python writes is read here", () => {
  test.each(files)("%s", (_, golden) => {
    if (golden.message !== undefined) {
      const message = readMessage(golden.message);
      expect(message).not.toBeNull();
      const buffers = (golden.buffers ?? []).map(bytesOf);
      if (message?.type === "progress") decodePartial(message as Progress, buffers, null);
      for (const [name, value] of Object.entries(golden.expect ?? {})) {
        const header = (message as unknown as Record<string, ArrayHeader>)[name];
        expect(
          header && typeof header === "object" && "buffer" in header
            ? plainNumbers(readArray(header, buffers))
            : header,
          name,
        ).toEqual(value);
      }
      return;
    }
    expect(golden.packed, "a golden file has `packed` or `message`").toBeDefined();
    const packed = golden.packed;
    if (!packed) return;
    const answer = decodePacked({ snapshot: packed.snapshot, buffers: packed.buffers.map(bytesOf) });
    for (const [path, value] of Object.entries(golden.expect ?? {})) {
      const got = answer ? expected(answer, path) : null;
      if (Array.isArray(value) && Array.isArray(got) && value.some((v) => typeof v === "number")) {
        expect(got.length, path).toBe(value.flat().length);
        for (const [i, v] of value.flat().entries()) {
          if (typeof v === "number") expect(got[i], `${path}[${i}]`).toBeCloseTo(v, 5);
          else expect(got[i], `${path}[${i}]`).toEqual(v);
        }
      } else expect(got, path).toEqual(value);
    }
  });
});

test("what the browser sends is what Python's tests read (if not: npm run golden)", () => {
  expect(JSON.parse(JSON.stringify(sampleRequests()))).toEqual(requests);
});
