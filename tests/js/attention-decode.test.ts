import { describe, expect, test } from "vitest";
import { half, invent, trait, words } from "../../js/gallery/attention.ts";
import { savedModel } from "../../js/src/page/model.ts";
import { DecodeError, readFloats } from "../../js/src/protocol/arrays.ts";
import { VersionError } from "../../js/src/protocol/decode.ts";
import { decodeAttention, sidesOf } from "../../js/src/protocol/decode-attention.ts";
import { encodeAttention } from "../../js/src/protocol/encode.ts";
import type { AttentionPacked, AttentionSnapshot } from "../../js/src/protocol/generated.ts";

function changed(packed: AttentionPacked, fields: Partial<AttentionSnapshot>): AttentionPacked {
  return { ...packed, snapshot: packed.snapshot && { ...packed.snapshot, ...fields } };
}

describe("float16", () => {
  // Bits and values of IEEE 754 halves.
  test.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xbc00, -1],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ])("%i is %f", (bits, value) => {
    const buffer = Uint16Array.from([bits]);
    expect(readFloats({ dtype: "float16", shape: [1], buffer: 0 }, [buffer])[0]).toBe(value);
  });
  test("misaligned bytes are read as they are", () => {
    const bytes = new Uint8Array([0xee, 0x00, 0x3c, 0x00, 0xbc]);
    const read = readFloats({ dtype: "float16", shape: [2], buffer: 0 }, [new DataView(bytes.buffer, 1, 4)]);
    expect([...read]).toEqual([1, -1]);
  });
  test("bytes that do not fit are refused", () => {
    const header = { dtype: "float16", shape: [3], buffer: 0 } as const;
    expect(() => readFloats({ ...header, shape: [3] }, [new Uint16Array(2)])).toThrow(DecodeError);
  });
  test("every half survives the gallery's way there and back", () => {
    for (let bits = 0; bits < 0x7c00; bits++) {
      const value = readFloats({ dtype: "float16", shape: [1], buffer: 0 }, [Uint16Array.from([bits])])[0] ?? 0;
      if (half(value) !== bits) expect(half(value)).toBe(bits);
    }
  });
});

describe("the trait", () => {
  const { packed } = invent({ tokens: words(40), layers: 2, heads: 3 });
  test("nothing before the first answer", () => {
    expect(decodeAttention({ snapshot: null, buffers: [] })).toBeNull();
    expect(decodeAttention(null)).toBeNull();
  });
  test("arrays by head, cells and patterns", () => {
    const answer = decodeAttention(packed);
    expect(answer?.heads).toBe(6);
    const { cells = 0, patterns = [] } = answer?.snapshot ?? {};
    expect(answer?.most.length).toBe(6 * cells * cells);
    expect(answer?.patterns.length).toBe(6 * patterns.length);
    expect(answer?.queries.ids.length).toBe(40);
    expect(answer?.keys).toBeNull();
  });
  test("an encoder looks at the input, a decoder at itself, cross attention from one to the other", () => {
    const two = decodeAttention(invent({ tokens: words(9), decoder: ["a", "b"], layers: 1 }).packed);
    if (!two) throw new Error("no answer");
    const lengths = two.snapshot.maps.map((map) => {
      const { looks, seen } = sidesOf(two, map);
      return [map.stack, looks.ids.length, seen.ids.length];
    });
    expect(lengths).toEqual([
      ["encoder", 9, 9],
      ["decoder", 2, 2],
      ["cross", 2, 9],
    ]);
  });
  const s = packed.snapshot as AttentionSnapshot;
  test.each<[string, Partial<AttentionSnapshot>]>([
    ["an overview of other cells", { cells: 7 }],
    ["labels for other heads", { labels: ["induction"] }],
    ["scores for other patterns", { patterns: s.patterns.slice(1) }],
    ["a map of other positions", { maps: s.maps.map((m) => ({ ...m, n_key: 39 })) }],
    ["heads that begin elsewhere", { maps: s.maps.map((m) => ({ ...m, first_head: m.first_head + 1 })) }],
    ["a map that is not there", { maps: s.maps.slice(1) }],
    ["cells too few for the text", { cell: 1 }],
    ["a token column that is short", { queries: { ...s.queries, kind: ["text"] } }],
    ["a buffer that did not arrive", { most: { ...s.most, buffer: 99 } }],
  ])("%s is refused", (_, fields) => {
    expect(() => decodeAttention(changed(packed, fields))).toThrow(DecodeError);
  });
  test("another version is said", () => {
    expect(() => decodeAttention(changed(packed, { v: 2 }))).toThrow(VersionError);
  });
});

test("a request carries its action and what it is about", () => {
  const ask = { action: "tile", map: 3, head: 1, measure: "weight", pool: "max", level: 2, row: 0, column: 1 } as const;
  expect(encodeAttention(ask, { id: "s-1", revision: 4, view: "v" })).toEqual({
    type: "request",
    v: 1,
    id: "s-1",
    revision: 4,
    view: "v",
    ...ask,
  });
});

describe("a saved page", () => {
  test("answers what was saved with it, whatever the order of the fields, and nothing else", async () => {
    const line = Float32Array.from([0.5, 0.25]);
    const model = savedModel({
      explanation: { snapshot: trait(invent().packed).snapshot, buffers: [] },
      selection: { pos: [], target: [], source: "" },
      display: { row: null, link_id: null },
      status: { state: "static", error: null, cost: "", seconds: null },
      protocol_version: 1,
      uid: "u",
      answers: [
        {
          ask: { action: "line", axis: "query", index: 1, map: 0, head: 2, measure: "weight" },
          result: { array: { dtype: "float32", shape: [2], buffer: 0 } },
          buffers: [btoa(String.fromCharCode(...new Uint8Array(line.buffer)))],
        },
      ],
    });
    const heard: [{ type: string; id: string }, DataView[]][] = [];
    model.on("msg:custom", (message, buffers) => heard.push([message, buffers]));
    const envelope = { id: "a", revision: 0, view: "v" };
    model.send(
      encodeAttention({ action: "line", map: 0, head: 2, measure: "weight", axis: "query", index: 1 }, envelope),
    );
    model.send(
      encodeAttention(
        { action: "line", map: 0, head: 2, measure: "weight", axis: "query", index: 0 },
        { ...envelope, id: "b" },
      ),
    );
    await Promise.resolve();
    expect(heard.map(([m]) => [m.type, m.id])).toEqual([
      ["result", "a"],
      ["no-kernel", "b"],
    ]);
    expect([...readFloats({ dtype: "float32", shape: [2], buffer: 0 }, heard[0]?.[1] ?? [])]).toEqual([...line]);
  });
});
