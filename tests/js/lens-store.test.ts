import { describe, expect, test } from "vitest";
import { inventLens, lensAnswer, lensTrait, prompt, replyLens } from "../../js/gallery/lens.ts";
import type { LensAsk } from "../../js/src/protocol/encode.ts";
import type { LensRequest } from "../../js/src/protocol/generated.ts";
import { asks, pinned, revised, setup } from "./lens-fakes.ts";
import { settle } from "./mounting.ts";

const KL: LensAsk = { action: "measure", measure: "kl" };

describe("the picture", () => {
  test("parts of an answer come one after the other, and what was fetched for the one before is forgotten", async () => {
    const s = setup(inventLens({ read: 1 }));
    expect(s.store.answer.value?.known.at(-1)).toBe(1);
    s.store.need(KL, "v");
    replyLens(s.model, s.invented, asks(s.model)[0] as LensRequest);
    await settle();
    expect(s.store.details.get(KL)?.state).toBe("here");
    s.model.set("explanation", lensTrait(inventLens({ read: 16 }).packed));
    expect(s.store.answer.value?.known.every((k) => k === 1)).toBe(true);
    expect(s.store.details.get(KL)).toBeNull();
  });
  test("an answer to an older question does not take the place of what was asked", () => {
    const s = setup();
    s.store.read({ kind: "text", text: "a b" }, "v");
    const old = inventLens({ tokens: prompt(3) });
    s.model.set("explanation", lensTrait(old.packed));
    expect(s.store.answer.value?.known.length).toBe(16);
    s.model.set("explanation", revised(old, { revision: 1 }));
    expect(s.store.answer.value?.known.length).toBe(3);
  });
  test("what can't be read is said, and the last picture stays", () => {
    const s = setup();
    s.model.set("explanation", revised(s.invented, { k: 3 }));
    expect(s.store.error.value?.code).toBe("damaged");
    expect(s.store.answer.value?.snapshot.k).toBe(5);
  });
});

describe("the pinned cell", () => {
  test("is what Python gave, and what Python hears of", async () => {
    const s = setup(inventLens(), pinned(6, 4));
    expect(s.store.pinned()).toEqual({ stream: 6, position: 4 });
    s.store.pin({ stream: 2, position: 9 }, "v");
    expect(s.store.pinned()).toEqual({ stream: 2, position: 9 });
    expect(s.model.get("display").row).toBe(2);
    await expect.poll(() => s.model.get("selection").pos).toEqual([9]);
    s.store.pin(null, "v");
    expect(s.store.pinned()).toBeNull();
    expect(s.model.get("display").row).toBeNull();
  });
  test("of a position alone it is the last stream", () => {
    const s = setup(inventLens(), { selection: { pos: [3], target: [], source: "python" } });
    expect(s.store.pinned()).toEqual({ stream: 12, position: 3 });
  });
  test("is let go where the next text is shorter, and its stream where there are fewer", () => {
    const s = setup(inventLens(), pinned(11, 9));
    s.model.set("explanation", revised(inventLens({ tokens: prompt(4), layers: 3 }), { revision: 1 }));
    expect(s.store.pinned()).toBeNull();
    expect(s.model.get("display").row).toBeNull();
  });
});

describe("what is fetched", () => {
  test("an array of another shape is refused, not drawn", async () => {
    const s = setup();
    s.store.need(KL, "v");
    const [ask] = asks(s.model);
    const other = inventLens({ tokens: prompt(5) });
    const [fields, array] = lensAnswer(other, ask as LensRequest);
    s.model.say(
      { type: "result", v: 1, id: ask?.id ?? "", revision: 0, ...fields } as never,
      array ? [new DataView(array.buffer)] : [],
    );
    await settle();
    expect(s.store.details.get(KL)).toMatchObject({ state: "refused", error: { code: "damaged" } });
  });
  test("an answer without what was asked is refused", async () => {
    const s = setup();
    const cell: LensAsk = { action: "cell", layer: 1, index: 2 };
    s.store.need(cell, "v");
    s.model.say({ type: "result", v: 1, id: asks(s.model)[0]?.id ?? "", revision: 0 });
    await settle();
    expect(s.store.details.get(cell)?.error?.given).toBe("nothing came for cell");
  });
});
