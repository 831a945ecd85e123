import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { invent, trait, words } from "../../js/gallery/attention.ts";
import type { AttentionAsk } from "../../js/src/protocol/encode.ts";
import type { AttentionRequest } from "../../js/src/protocol/generated.ts";
import { fetchDetails } from "../../js/src/state/attention-details.ts";
import { groupsOf, labelText } from "../../js/src/state/attention-heads.ts";
import { headName, tokenName } from "../../js/src/state/attention-names.ts";
import {
  firstAsk,
  headView,
  levelsOf,
  lineAsk,
  lineOf,
  strongest,
  tileAsk,
  tileOf,
  topOf,
  wholeAsk,
} from "../../js/src/state/attention-picture.ts";
import { AT_ONCE } from "../../js/src/state/fetched.ts";
import { tilesOf } from "../../js/src/state/tiling.ts";
import { answer, asks, cancels, type Setup, setup } from "./attention-fakes.ts";
import { settle } from "./mounting.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const line = (index: number): AttentionAsk => lineAsk({ map: 0, head: 0, of: {} as never }, "weight", "query", index);
const NOTHING = { here: null, elsewhere: null };
const chosen = (row: number) => ({ display: { row, link_id: null } });

function viewOf({ store }: Setup, head: number) {
  const now = store.answer.value;
  const view = now && headView(now, head, store.look.value);
  if (!now || !view) throw new Error("no head");
  return { now, view };
}

/** Ask and have it answered. */
async function fetched(s: Setup, ask: AttentionAsk): Promise<void> {
  s.store.need(ask, "v");
  for (const request of asks(s.model).slice(-1)) answer(s, request);
  await settle();
}

describe("what is fetched", () => {
  test("once each, whatever the order of its fields", async () => {
    const s = setup();
    s.store.need({ action: "line", map: 0, head: 0, measure: "weight", axis: "query", index: 3 }, "v");
    s.store.need({ index: 3, axis: "query", action: "line", head: 0, map: 0, measure: "weight" }, "v");
    expect(asks(s.model).length).toBe(1);
    answer(s, asks(s.model)[0] as AttentionRequest);
    await settle();
    s.store.need(line(3), "v");
    expect(asks(s.model).length).toBe(1);
    expect(s.store.details.get(line(3))?.found?.array?.[2]).toBeCloseTo(s.invented.weight(0, 0, 3, 2), 6);
  });
  test("some at once, then the newest first", async () => {
    const s = setup();
    for (let i = 0; i < AT_ONCE + 3; i++) s.store.need(line(i), "v");
    expect(asks(s.model).map((a) => a.index)).toEqual(Array.from({ length: AT_ONCE }, (_, i) => i));
    answer(s, asks(s.model)[0] as AttentionRequest);
    await settle();
    expect(asks(s.model).at(-1)?.index).toBe(AT_ONCE + 2);
  });
  test("another head gives up what is not here yet, and the kernel hears of it", async () => {
    const s = setup(invent(), chosen(0));
    for (let i = 0; i < AT_ONCE + 2; i++) s.store.need(line(i), "v");
    const sent = asks(s.model).map((a) => a.id);
    s.store.choose(5);
    expect(cancels(s.model)).toEqual(sent);
    for (const id of sent) s.model.say({ type: "cancelled", v: 1, id, revision: 0 });
    await settle();
    expect(asks(s.model).length).toBe(AT_ONCE);
    s.store.need(line(0), "v");
    expect(asks(s.model).length).toBe(AT_ONCE + 1);
  });
  test("an answer to an older picture is dropped", async () => {
    const s = setup();
    s.store.need(line(1), "v");
    const [old] = asks(s.model);
    const next = invent();
    s.model.set(
      "explanation",
      trait({ ...next.packed, snapshot: next.packed.snapshot && { ...next.packed.snapshot, revision: 1 } }),
    );
    s.store.need(line(1), "v");
    answer(s, old as AttentionRequest);
    await settle();
    expect(s.store.details.get(line(1))?.state).toBe("asking");
    answer(s, asks(s.model).at(-1) as AttentionRequest);
    await settle();
    expect(s.store.details.get(line(1))?.state).toBe("here");
  });
  test("what the kernel replaced is asked for again, but not for ever", async () => {
    const s = setup();
    for (let i = 0; i < 20; i++) {
      s.store.need(line(1), "v");
      const last = asks(s.model).at(-1);
      if (last) s.model.say({ type: "cancelled", v: 1, id: last.id, revision: 0 });
      await settle();
    }
    expect(asks(s.model).length).toBeGreaterThan(1);
    expect(asks(s.model).length).toBeLessThan(10);
  });
  test("a dead kernel is asked once, and said", async () => {
    const s = setup();
    s.model.dead = true;
    for (let i = 0; i < 5; i++) {
      s.store.need(line(1), "v");
      await settle();
    }
    expect(s.store.connection.kernel.value).toBe("gone");
    expect(s.store.details.get(line(1))?.state).toBe("lost");
    s.model.dead = false;
    s.store.connection.check();
    s.store.need(line(1), "v");
    expect(asks(s.model).length).toBe(1);
  });
  test("a saved page says what it lacks, once", async () => {
    const s = setup();
    s.store.need(line(1), "v");
    s.model.say({ type: "no-kernel", id: asks(s.model)[0]?.id ?? "" });
    await settle();
    expect(s.store.details.get(line(1))?.state).toBe("absent");
    s.store.need(line(1), "v");
    expect(asks(s.model).length).toBe(1);
  });
  test("a refusal is kept; what is asked by a click can be asked again", async () => {
    const s = setup();
    const error = { code: "x", problem: "no", given: "", accepted: "", hint: "" };
    for (const ask of [line(1), { action: "effects" } as const]) {
      s.store.need(ask, "v");
      const { id = "" } = asks(s.model).at(-1) ?? {};
      s.model.say({ type: "error", v: 1, id, revision: 0, error });
      await settle();
      expect(s.store.details.get(ask)).toMatchObject({ state: "refused", error });
    }
    s.store.need(line(1), "v");
    s.store.need({ action: "effects" }, "v");
    expect(asks(s.model).map((a) => a.action)).toEqual(["line", "effects", "effects"]);
  });
  test("bytes that do not fit are said", async () => {
    const s = setup();
    s.store.need(line(1), "v");
    const { id = "" } = asks(s.model)[0] ?? {};
    const array = { dtype: "float32", shape: [24], buffer: 0 };
    s.model.say({ type: "result", v: 1, id, revision: 0, array } as never, [new DataView(new ArrayBuffer(8))]);
    await settle();
    expect(s.store.details.get(line(1))?.error?.problem).toBe("What arrived can't be read.");
  });
  test("within a bound of bytes: the least recently used go, and whoever draws is told", async () => {
    const s = setup();
    const bytes = 24 * 4;
    const details = fetchDetails(s.store.connection, () => 0, 4 * bytes);
    const add = async (i: number) => {
      details.need(line(i), "v");
      answer(s, asks(s.model).at(-1) as AttentionRequest);
      await settle();
    };
    for (let i = 0; i < 4; i++) await add(i);
    expect(details.bytes).toBe(4 * bytes);
    details.get(line(0));
    const before = details.epoch.value;
    await add(4);
    expect(details.bytes).toBeLessThanOrEqual(4 * bytes);
    expect(details.get(line(0))?.state).toBe("here");
    expect(details.get(line(4))?.state).toBe("here");
    expect(details.get(line(1))).toBeNull();
    expect(details.epoch.value).toBeGreaterThan(before);
  });
  test("progress of what takes long, and stopping it", async () => {
    const s = setup();
    s.store.need({ action: "effects" }, "v");
    const { id = "" } = asks(s.model)[0] ?? {};
    s.model.say({ type: "progress", v: 1, id, revision: 0, done: 3, total: 24, note: "" });
    expect(s.store.details.get({ action: "effects" })).toMatchObject({ state: "asking", done: 3, total: 24 });
    expect(s.store.connection.live.value).toBeNull();
    s.store.details.stop({ action: "effects" });
    expect(cancels(s.model)).toEqual([id]);
    expect(s.store.details.get({ action: "effects" })).toBeNull();
  });
});

describe("the question", () => {
  test("newest wins: an older answer waits, and is shown if the newer question fails", () => {
    const s = setup();
    const at = (revision: number, count: number) => {
      const { packed } = invent({ tokens: words(count) });
      return trait({ ...packed, snapshot: packed.snapshot && { ...packed.snapshot, revision } });
    };
    const shown = () => s.store.answer.value?.queries.ids.length;
    s.store.attend({ kind: "text", text: "a" }, "v");
    s.store.attend({ kind: "text", text: "a b" }, "v");
    expect(cancels(s.model)).toEqual([asks(s.model)[0]?.id]);
    s.model.set("explanation", at(1, 3));
    expect(shown()).toBe(24);
    const error = { code: "x", problem: "no", given: "", accepted: "", hint: "" };
    s.model.say({ type: "error", v: 1, id: asks(s.model)[1]?.id ?? "", revision: 2, error });
    expect(shown()).toBe(3);
    s.store.attend({ kind: "text", text: "a b c" }, "v");
    s.model.set("explanation", at(3, 4));
    expect(shown()).toBe(4);
  });
  test("a shorter text drops pins beyond its end; the head stays", () => {
    const s = setup(invent(), { ...chosen(3), selection: { pos: [2, 20], target: [], source: "python" } });
    s.store.see({ keys: [1, 19] });
    expect(s.store.queries()).toEqual([2, 20]);
    const { packed } = invent({ tokens: words(6) });
    s.model.set("explanation", trait({ ...packed, snapshot: packed.snapshot && { ...packed.snapshot, revision: 1 } }));
    expect(s.store.queries()).toEqual([2]);
    expect(s.store.look.value.keys).toEqual([1]);
    expect(s.store.head()).toBe(3);
  });
  test("the chosen head is state that a saved page keeps; one out of range is none", () => {
    const s = setup();
    s.store.choose(7);
    expect(s.model.get("display").row).toBe(7);
    s.model.set("display", { row: 999, link_id: null });
    expect(s.store.head()).toBeNull();
  });
  test("pins reach Python after a pause, pointing never does", () => {
    const s = setup();
    s.store.see({ hovered: { query: 3, key: null } });
    s.store.pin([5], "v");
    expect(s.model.get("selection").pos).toEqual([]);
    vi.advanceTimersByTime(300);
    expect(s.model.get("selection").pos).toEqual([5]);
  });
  test("another version is said, damage too", () => {
    const s = setup(invent(), { protocol_version: 9 });
    expect(s.store.outdated.value).toBe(true);
    const { packed } = invent();
    const t = setup();
    t.model.set("explanation", trait({ ...packed, snapshot: packed.snapshot && { ...packed.snapshot, labels: [] } }));
    expect(t.store.error.value?.code).toBe("damaged");
    expect(t.store.answer.value?.heads).toBe(24);
  });
});

describe("tiles and lines", () => {
  test("levels until one tile holds everything", () => {
    expect([
      levelsOf(24, 24),
      levelsOf(256, 256),
      levelsOf(256, 257),
      levelsOf(4096, 4097),
      levelsOf(8192, 8192),
    ]).toEqual([1, 1, 2, 6, 6]);
  });
  test("a line is put together from the finest tiles until the exact one is here", async () => {
    const s = setup(invent({ tokens: words(300), layers: 1, heads: 2 }));
    const { view } = viewOf(s, 1);
    const { look, details } = s.store;
    expect(lineOf(view, look.value, details, "query", 280)).toBeNull();
    for (const column of [0, 1]) await fetched(s, tileAsk(view.place, "weight", "max", 0, 1, column));
    const rough = lineOf(view, look.value, details, "query", 280);
    expect(rough?.exact).toBe(false);
    for (const k of [0, 255, 256, 280, 299]) expect(rough?.values[k]).toBeCloseTo(s.invented.weight(0, 1, 280, k), 3);
    await fetched(s, lineAsk(view.place, "weight", "query", 280));
    const exact = lineOf(view, look.value, details, "query", 280);
    expect(exact?.exact).toBe(true);
    expect(exact?.values[100]).toBe(Math.fround(s.invented.weight(0, 1, 280, 100)));
  });
  test("hiding the first token brings the rest of a row to 1", async () => {
    const s = setup();
    s.store.see({ hideFirst: true });
    const { view } = viewOf(s, 2);
    const { look, details } = s.store;
    await fetched(s, tileAsk(view.place, "weight", "max", 0, 0, 0));
    expect(tileOf(view, look.value, details, 0, 0, 0)).toBeNull();
    await fetched(s, firstAsk(view));
    const tile = tileOf(view, look.value, details, 0, 0, 0);
    for (const row of [1, 7, 23]) {
      const values = [...(tile ?? [])].slice(row * 24, row * 24 + 24);
      expect(values[0]).toBe(0);
      expect(values.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 2);
    }
    // The first row has nothing else.
    expect([...(tile ?? [])].slice(0, 24).every((v) => v === 0)).toBe(true);
    await fetched(s, lineAsk(view.place, "weight", "key", 4));
    const column = lineOf(view, look.value, details, "key", 4)?.values ?? [];
    const w = (q: number, k: number) => s.invented.weight(0, 2, q, k);
    expect(column[9]).toBeCloseTo(w(9, 4) / (1 - w(9, 0)), 5);
    expect(tile?.[9 * 24 + 4]).toBeCloseTo(column[9] ?? 0, 2);
  });
  test("where a cell stands for several rows, what is drawn is at least reached", async () => {
    const s = setup(invent({ tokens: words(300), layers: 1, heads: 3 }));
    s.store.see({ hideFirst: true });
    const { view } = viewOf(s, 2);
    await fetched(s, wholeAsk(view, s.store.look.value));
    await fetched(s, firstAsk(view));
    const tile = tileOf(view, s.store.look.value, s.store.details, 1, 0, 0, "max") ?? [];
    expect(tile.length).toBe(150 * 150);
    const w = (q: number, k: number) => s.invented.weight(0, 2, q, k);
    for (const [row, column] of [
      [10, 5],
      [100, 60],
      [149, 149],
    ] as const) {
      let reached = 0;
      for (const q of [2 * row, 2 * row + 1])
        for (const k of [2 * column, 2 * column + 1]) reached = Math.max(reached, w(q, k) / (1 - w(q, 0)));
      const drawn = tile[row * 150 + column] ?? 0;
      expect(drawn).toBeLessThanOrEqual(reached * 1.001);
      expect(drawn).toBeGreaterThan(reached * 0.5);
    }
  });
  test("the largest value sets the scale and the strongest are listed in order", async () => {
    const s = setup();
    const { view } = viewOf(s, 1);
    const { look, details } = s.store;
    expect(topOf(view, look.value, details)).toBe(0);
    await fetched(s, wholeAsk(view, look.value));
    let most = 0;
    for (let q = 0; q < 24; q++) for (let k = 0; k < 24; k++) most = Math.max(most, s.invented.weight(0, 1, q, k));
    expect(topOf(view, look.value, details)).toBeCloseTo(most, 3);
    const values = strongest(view, look.value, details, 10).map((c) => c.value);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    expect(values[0]).toBe(topOf(view, look.value, details));
  });
  test("weights of a model with sinks have one column more, other measures have not", () => {
    const s = setup(invent({ sinks: true }));
    expect(viewOf(s, 0).view.columns).toBe(25);
    s.store.see({ measure: "norm" });
    expect(viewOf(s, 0).view.columns).toBe(24);
  });
  test("an array that is here as a whole gives tiles of every level", () => {
    const rows = 3;
    const columns = 600;
    const array = Float32Array.from({ length: rows * columns }, (_, i) => i);
    const tile = tilesOf(array, rows, columns);
    expect(tile(0, 0, 2)?.length).toBe(3 * (600 - 512));
    expect(tile(0, 0, 2)?.[0]).toBe(512);
    expect(tile(2, 0, 0)?.length).toBe(150);
    expect(tile(2, 0, 0)?.[149]).toBe(2 * 600 + 599);
    expect(tile(0, 1, 0)).toBeNull();
  });
});

describe("heads", () => {
  test("are named by layer and place, with the stack where there are several", () => {
    const one = setup().store.answer.value;
    const two = setup(invent({ decoder: ["a"], layers: 2 })).store.answer.value;
    if (!one || !two) throw new Error("no answer");
    expect(headName(one, 9)).toBe("2.1");
    expect([0, 5, 10, 23].map((h) => headName(two, h))).toEqual([
      "encoder 0.0",
      "decoder 0.1",
      "cross 0.2",
      "cross 1.3",
    ]);
  });
  test("in groups by layer, label or effect, filtered", () => {
    const now = setup().store.answer.value;
    if (!now) throw new Error("no answer");
    const titles = groupsOf(now, "layer", "", NOTHING).map((g) => [g.title, g.heads.length]);
    expect(titles).toEqual(Array.from({ length: 6 }, (_, i) => [`layer ${i}`, 4]));
    const labels = groupsOf(now, "label", "", NOTHING);
    expect(labels.map((g) => g.title)).toContain("no label");
    expect(labels.reduce((n, g) => n + g.heads.length, 0)).toBe(24);
    const some = groupsOf(now, "layer", "induction", NOTHING).flatMap((g) => g.heads);
    expect(some.every(({ index }) => now.snapshot.labels[index] === "induction")).toBe(true);
    const effects = Float32Array.from({ length: 24 }, (_, i) => (i === 7 ? -4 : i / 24));
    const [ranked] = groupsOf(now, "effect", "", { here: effects, elsewhere: null });
    expect(ranked?.heads[0]).toMatchObject({ index: 7, mark: -1 });
  });
  test("say why they have their label, with its definition and source", () => {
    const now = setup().store.answer.value;
    if (!now) throw new Error("no answer");
    const index = now.snapshot.labels.indexOf("induction");
    expect(labelText(now, index)).toMatch(/^induction, 0\.\d+ of 1 \(a label from 0\.400\): how much .* Invented/);
    expect(labelText(now, now.snapshot.labels.indexOf(""))).toMatch(/^no label; nearest: /);
  });
  test("tokens without a shape are spelled out", () => {
    const side = setup(invent({ tokens: ["a", " ", "\n", "\t", " <b>"] })).store.answer.value?.queries;
    if (!side) throw new Error("no answer");
    expect([0, 1, 2, 3, 4, 5].map((i) => tokenName(side, i))).toEqual(["a", "␣", "↵", "⇥", "<b>", "rest"]);
  });
});
