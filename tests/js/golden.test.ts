import { describe, expect, test } from "vitest";
import { bytesOf } from "../../js/src/page/model.ts";
import { readInts } from "../../js/src/protocol/arrays.ts";
import { decodePacked } from "../../js/src/protocol/decode.ts";
import { decodeAttention } from "../../js/src/protocol/decode-attention.ts";
import { decodeCircuit } from "../../js/src/protocol/decode-circuit.ts";
import { decodeCKA } from "../../js/src/protocol/decode-cka.ts";
import { decodeDirect } from "../../js/src/protocol/decode-direct.ts";
import { decodeLens } from "../../js/src/protocol/decode-lens.ts";
import { decodePatching } from "../../js/src/protocol/decode-patching.ts";
import { decodeSteer } from "../../js/src/protocol/decode-steer.ts";
import type { ArrayHeader, LensPacked, Snapshot } from "../../js/src/protocol/generated.ts";
import requests from "../protocol/golden/requests.json";
import { sampleRequests } from "./requests.ts";

/** A packed answer as Python wrote it (buffers as base64) and the arrays it expects to be read, not-a-number by name. */
interface Golden {
  packed: { snapshot: Snapshot; buffers: string[] };
  expect: Record<string, (number | string)[]>;
}

const all = Object.entries(
  import.meta.glob<Golden>("../protocol/golden/*.json", { eager: true, import: "default" }),
).filter(([name]) => !name.endsWith("requests.json"));
const isView = ([name]: readonly [string, unknown]) =>
  /(attention|lens|patching|ablation|direct|cka|steer|circuit)\.json$/.test(name);
const files = all.filter((file) => !isView(file));
const others = all.filter(isView);

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

type Arrays = Record<string, ArrayLike<number> | null | undefined>;

/** What other views read of theirs. */
const VIEWS: Record<string, (packed: never) => Arrays> = {
  attention: (packed) => {
    const read = decodeAttention(packed);
    return { most: read?.most, mean: read?.mean, patterns: read?.patterns, id: read?.queries.ids };
  },
  lens: (packed) => {
    const read = decodeLens(packed);
    return {
      top: read?.top,
      prob: read?.prob,
      known: read?.known,
      ids: readInts(vocabularyOf(packed), buffersOf(packed)),
      other_top: read?.other?.top,
      kl: read?.other?.kl,
      change: read?.other?.change,
    };
  },
  patching: (packed) => {
    const read = decodePatching(packed);
    return { values: read?.values, estimate: read?.estimate, exact: read?.exact, pairs: read?.pairs };
  },
  ablation: (packed) => {
    const read = decodePatching(packed);
    return { values: read?.values, error: read?.error };
  },
  circuit: (packed) => {
    const { layers, index, sources, targets, paths, scores, exact, kept, curve } = decodeCircuit(packed) ?? {};
    return { layers, index, sources, targets, paths, scores, exact, kept, curve };
  },
  cka: (packed) => {
    const read = decodeCKA(packed);
    const [loudest, columns] = read?.loudest ?? [];
    return { debiased: read?.debiased, plain: read?.plain, loudest, columns };
  },
  direct: (packed) => {
    const read = decodeDirect(packed);
    const { values, heads, versus } = read ?? {};
    return {
      values,
      heads,
      versus_values: versus?.values,
      versus_heads: versus?.heads,
      difference: versus?.difference.values,
    };
  },
  steer: (packed) => Object.fromEntries((decodeSteer(packed)?.rows ?? []).map(({ now }, i) => [`now_${i}`, now])),
};

const vocabularyOf = (packed: never) => (packed as LensPacked).snapshot?.vocabulary as ArrayHeader;
const buffersOf = (packed: never) => (packed as LensPacked).buffers as unknown as Uint8Array[];

test.each(Object.entries(VIEWS))("of the %s view too", (name, read) => {
  const [, golden] = others.find(([path]) => path.endsWith(`/${name}.json`)) ?? [];
  const { packed, expect: wanted } = golden as Golden;
  const arrays = read({ snapshot: packed.snapshot, buffers: packed.buffers.map(bytesOf) } as never);
  expect(Object.keys(wanted).sort()).toEqual(Object.keys(arrays).sort());
  for (const [key, values] of Object.entries(wanted))
    expect(
      Array.from(arrays[key] ?? [], (v) => (Number.isNaN(v) ? "NaN" : v)),
      key,
    ).toEqual(values);
});

test("what the browser sends is what Python's tests read (if not: npm run golden)", () => {
  expect(JSON.parse(JSON.stringify(sampleRequests()))).toEqual(requests);
});
