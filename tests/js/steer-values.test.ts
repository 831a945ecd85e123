import { describe, expect, test } from "vitest";
import { inventSteer } from "../../js/gallery/steer.ts";
import { DecodeError } from "../../js/src/protocol/arrays.ts";
import { decodeSteer, type SteerAnswer } from "../../js/src/protocol/decode-steer.ts";
import type { InterventionSpec } from "../../js/src/protocol/generated.ts";
import { amountOf, median } from "../../js/src/state/steer-amount.ts";
import * as list from "../../js/src/state/steer-list.ts";
import { plain } from "../../js/src/views/shared/sentence.ts";
import { outcome, rowName } from "../../js/src/views/steer/words.ts";

const NEURON: InterventionSpec = { what: "neuron", layer: 1, index: 3, how: "set", value: 0.5 };
const read = (interventions: InterventionSpec[]) => decodeSteer(inventSteer({ interventions })) as SteerAnswer;
const ground: list.Ground = { sites: read([]).snapshot.sites, count: 5, text: "The text", token: " Rome" };

describe("what arrives", () => {
  test("is refused where its parts don't fit together", () => {
    const good = inventSteer({ interventions: [NEURON] });
    const broken = (fields: object) => () =>
      decodeSteer({ ...good, snapshot: good.snapshot && { ...good.snapshot, ...fields } });
    expect(broken({})()?.rows).toHaveLength(1);
    for (const fields of [
      { rows: [] },
      { norms: [1] },
      { rows: good.snapshot?.rows.map((row) => ({ ...row, at: [9] })) },
      { sites: { ...good.snapshot?.sites, heads: [1] } },
    ])
      expect(broken(fields)).toThrow(DecodeError);
    expect(decodeSteer({ snapshot: null, buffers: [] })).toBeNull();
  });
});

describe("how much", () => {
  test("of a neuron: around what it is here, marked where it is", () => {
    const answer = read([NEURON]);
    const amount = amountOf(NEURON, answer.rows[0] ?? null, answer);
    // Its values are 0.5, 0.3, 0.1, -0.1, -0.3.
    expect(amount).toMatchObject({ value: 0.5, least: -1, most: 1, unit: "" });
    expect(amount?.marks[1]).toBeCloseTo(0.1);
    expect(amount?.means).toBe("it is −0.300 to +0.500 here");
    expect(amount?.of(0.25)).toBe(0.25);
  });
  test("there and back in norms of the stream", () => {
    const one: InterventionSpec = {
      what: "attn_out", layer: 2, how: "add", value: 3, direction: { kind: "token", text: "x" },
    }; // biome-ignore format: one line
    const answer = read([one]);
    const amount = amountOf(one, answer.rows[0] ?? null, answer);
    // The norm of the stream into layer 2 is 14, the direction's length 2.
    expect(amount?.value).toBeCloseTo(3 / 7);
    expect(amount?.of(1)).toBe(7);
    expect(amountOf(one, null, answer)).toBeNull();
  });
  test("a swap has no number", () => {
    const one: InterventionSpec = { what: "resid", layer: 2, how: "swap", source: "x" };
    expect(amountOf(one, null, read([one]))).toBeNull();
  });
  test("a median", () => {
    expect([median([]), median([3]), median([1, 9, 2]), median([1, 2, 4, 9])]).toEqual([0, 3, 2, 3]);
  });
});

describe("put together by hand", () => {
  test("every way from every part makes one that a model takes", () => {
    const whats: list.What[] = ["resid", "attn_out", "mlp_out", "head", "neuron"];
    const hows: list.How[] = ["scale", "set", "add", "swap"];
    for (const from of whats)
      for (const to of whats)
        for (const how of hows) {
          const start = list.withHow(list.withWhat(list.fresh(ground), from, ground), how, ground);
          const one = list.withWhat(start, to, ground);
          expect("index" in one, `${from} ${how} ${to}`).toBe(to === "head" || to === "neuron");
          expect("direction" in one).toBe(one.how === "add" && to !== "neuron");
          expect("source" in one).toBe(one.how === "swap");
          expect("value" in one).toBe(one.how !== "swap");
          expect(to === "head" && one.how === "add").toBe(false);
        }
  });
  test("a layer beyond the last, an index beyond the last", () => {
    const resid: InterventionSpec = { what: "resid", layer: 6, how: "scale", value: 0.5 };
    expect(list.withWhat(resid, "mlp_out", ground).layer).toBe(5);
    expect(list.withIndex({ ...NEURON, what: "head" }, 99, ground).index).toBe(3);
    expect(list.whats({ ...ground.sites, lacks: { neuron: Array<string>(6).fill("experts") } })).not.toContain(
      "neuron",
    );
  });
  test("positions counted from the end are the same ones", () => {
    expect(list.chosenOf({ ...NEURON, at: [-1, 0] }, 5)).toEqual([4, 0]);
    expect(list.startOf({ ...NEURON, start: -2 }, 5)).toBe(3);
    expect(list.withToken({ ...NEURON, at: [-1] }, 4, 5).at).toEqual([-1]);
  });
  test("the same whatever the order of fields", () => {
    expect(list.same({ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] }, a: 1 })).toBe(true);
    expect(list.same({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
  });
});

test("in words", () => {
  expect(rowName({ ...NEURON, how: "add" }, 6)).toBe("neuron 3 of layer 1, added to");
  expect(rowName({ what: "resid", layer: 6, how: "swap", source: "x" }, 6)).toBe(
    "stream that leaves the last layer swapped",
  );
  expect(plain(outcome(read([{ ...NEURON, value: 1 }])))).toMatch(
    /^Paris stays the most probable next token\. KL .* nats/,
  );
});
