import { describe, expect, test } from "vitest";
import { inventPatching, patchingTrait, replyPatching } from "../../js/gallery/patching.ts";
import type { PatchingAsk } from "../../js/src/protocol/encode.ts";
import type { PatchingRequest } from "../../js/src/protocol/generated.ts";
import { settle } from "./mounting.ts";
import { asks, pinned, revised, type Setup, setup } from "./patching-fakes.ts";

const CELL: PatchingAsk = { action: "cell", layer: 4, index: 3 };
const text = (words: string) => ({ kind: "text", text: words }) as const;
const last = ({ model }: Setup) => asks(model, "look").at(-1) as PatchingRequest;
const end = ({ model }: Setup, type: "cancelled" | "error") => {
  const { id, revision } = asks(model, "look").at(-1) as PatchingRequest;
  const error = { code: "target", problem: "Both say it.", given: "", accepted: "", hint: "" };
  model.say(type === "error" ? { type, v: 1, id, revision, error } : { type, v: 1, id, revision });
};

describe("what is asked", () => {
  test("holds all that decides the picture, as it is seen", () => {
    const s = setup();
    s.store.turn("noise", "v");
    expect(last(s)).toMatchObject({
      action: "look",
      revision: 1,
      clean: s.invented.packed.snapshot?.clean,
      corrupted: s.invented.packed.snapshot?.corrupted,
      direction: "noise",
      part: "resid",
    });
    expect("target" in last(s)).toBe(false);
    expect(s.store.direction()).toBe("noise");
  });
  test("another part goes with the rest; one that was refused is not shown as chosen, and not asked for again", () => {
    const s = setup(inventPatching({ direction: "noise" }));
    s.store.exchange("head", "v");
    expect(last(s)).toMatchObject({ direction: "noise", part: "head", corrupted: { kind: "text" } });
    expect(s.store.part()).toBe("head");
    s.store.turn("denoise", "v");
    expect(last(s)).toMatchObject({ direction: "denoise", part: "head" });
    end(s, "error");
    expect(s.store.part()).toBe("resid");
    s.store.again("v");
    expect(last(s)).toMatchObject({ direction: "noise", part: "resid" });
  });
  test("the second edit keeps the first, also where the first was refused", () => {
    const s = setup();
    s.store.edit("clean", text("a"), "v");
    end(s, "error");
    expect(s.store.error.value?.problem).toBe("Both say it.");
    s.store.edit("corrupted", text("b"), "v");
    expect(last(s)).toMatchObject({ clean: text("a"), corrupted: text("b") });
  });
  test("what was refused is forgotten where the edit is given up", () => {
    const s = setup();
    s.store.edit("clean", text("a"), "v");
    end(s, "error");
    s.store.giveUpEdit();
    expect(s.store.error.value).toBeNull();
    s.store.turn("noise", "v");
    expect(last(s).clean).toEqual(s.invented.packed.snapshot?.clean);
  });
  test("an edit under way is not lost where the editor is closed and something else is asked", () => {
    const s = setup();
    s.store.edit("clean", text("a"), "v");
    s.store.giveUpEdit();
    s.store.turn("noise", "v");
    expect(last(s)).toMatchObject({ clean: text("a"), direction: "noise" });
    end(s, "cancelled");
    s.store.again("v");
    expect(last(s)).toMatchObject({ clean: s.invented.packed.snapshot?.clean, direction: "denoise" });
  });
  test("a number that was refused is not asked for again; one that was taken is", () => {
    const s = setup();
    s.store.follow({ target: { kind: "token", id: 501 } }, "v");
    expect(last(s).target).toEqual({ kind: "token", id: 501 });
    end(s, "error");
    s.store.turn("noise", "v");
    expect("target" in last(s)).toBe(false);
    end(s, "cancelled");
    s.store.follow({ other: null }, "v");
    s.model.set("explanation", revised(s.invented, { revision: last(s).revision }));
    s.model.result(last(s) as never);
    s.store.turn("noise", "v");
    expect(last(s)).toMatchObject({ other: null, direction: "noise" });
  });
  test("a direction that was cancelled is not shown as chosen", () => {
    const s = setup();
    s.store.turn("noise", "v");
    end(s, "cancelled");
    expect(s.store.direction()).toBe("denoise");
  });
  test("without a kernel nothing is kept for later", () => {
    const s = setup();
    s.model.dead = true;
    s.store.turn("noise", "v");
    expect(s.store.direction()).toBe("denoise");
    s.model.dead = false;
    s.store.again("v");
    expect(last(s).direction).toBe("denoise");
  });
  test("prompts that were given as ids are left out", () => {
    const s = setup(inventPatching({ fields: { clean: { kind: "ids" } } }));
    s.store.turn("noise", "v");
    expect("clean" in last(s)).toBe(false);
    expect(last(s).corrupted?.kind).toBe("text");
  });
});

describe("the picture", () => {
  test("rows come one after the other; an answer to an older question does not take the place of what was asked", () => {
    const s = setup(inventPatching({ exact: [] }));
    s.model.set("explanation", patchingTrait(inventPatching({ exact: [3] }).packed));
    expect(s.store.answer.value?.exact[3]).toBe(1);
    s.store.turn("noise", "v");
    s.model.set("explanation", patchingTrait(inventPatching().packed));
    expect(s.store.answer.value?.exact[0]).toBe(0);
  });
  test("what can't be read is said, and the last picture stays", () => {
    const s = setup();
    s.model.set("explanation", revised(s.invented, { rows: ["one"] }));
    expect(s.store.error.value?.code).toBe("damaged");
    expect(s.store.answer.value?.exact.length).toBe(12);
  });
});

describe("the pinned cell", () => {
  test("is what Python gave, and what Python hears of", async () => {
    const s = setup(inventPatching(), pinned(6, 4));
    expect(s.store.pinned()).toEqual({ layer: 6, column: 4 });
    s.store.pin({ layer: 2, column: 9 }, "v");
    expect(s.model.get("display").row).toBe(2);
    await expect.poll(() => s.model.get("selection").pos).toEqual([9]);
    s.store.pin(null, "v");
    expect(s.store.pinned()).toBeNull();
  });
  test("a position alone has no layer", () => {
    const s = setup(inventPatching(), { selection: { pos: [3], target: [], source: "python" } });
    expect(s.store.pinned()).toEqual({ layer: null, column: 3 });
  });
  test("is let go where the next prompt is shorter, and its layer where there are fewer", () => {
    const s = setup(inventPatching(), pinned(11, 9));
    s.model.set(
      "explanation",
      revised(inventPatching({ clean: ["a", "b"], corrupted: ["a", "c"], layers: 2 }), { revision: 1 }),
    );
    expect(s.store.pinned()).toBeNull();
    expect(s.model.get("display").row).toBeNull();
  });
});

describe("a pinned head", () => {
  const heads = () => inventPatching({ part: "head", heads: 9 });
  const next = (s: Setup, invented = heads()) =>
    s.model.set("explanation", revised(invented, { revision: s.store.answer.value?.snapshot.revision ?? 0 }));
  test("is counted through all layers, and is no position of other views", async () => {
    const s = setup(heads(), { selection: { pos: [3], target: [], source: "python" } });
    expect(s.store.pinned()).toBeNull();
    s.store.pin({ layer: 4, column: 7 }, "v");
    expect(s.store.pinned()).toEqual({ layer: 4, column: 7 });
    expect(s.model.get("display").row).toBe(43);
    await settle();
    expect(s.model.get("selection").pos).toEqual([3]);
    s.store.pin(null, "v");
    expect(s.store.pinned()).toBeNull();
  });
  test("is there when the page opens again, and stays where rows come in", () => {
    const s = setup(heads(), { display: { row: 43, link_id: null } });
    expect(s.store.pinned()).toEqual({ layer: 4, column: 7 });
    next(s);
    expect(s.store.pinned()).toEqual({ layer: 4, column: 7 });
  });
  test("is let go where there are fewer", () => {
    const s = setup(heads(), { display: { row: 107, link_id: null } });
    next(s, inventPatching({ part: "head", heads: 8 }));
    expect(s.store.pinned()).toBeNull();
    expect(s.model.get("display").row).toBeNull();
  });
  test("is let go for positions, and a position for heads; other parts keep it", async () => {
    const s = setup(inventPatching(), pinned(4, 3));
    next(s, inventPatching({ part: "mlp_out" }));
    expect(s.store.pinned()).toEqual({ layer: 4, column: 3 });
    next(s);
    expect(s.store.pinned()).toBeNull();
    expect(s.model.get("display").row).toBeNull();
    await expect.poll(() => s.model.get("selection").pos).toEqual([]);
    s.store.pin({ layer: 0, column: 5 }, "v");
    next(s, inventPatching({ part: "attn_out" }));
    expect(s.store.pinned()).toBeNull();
    expect(s.model.get("display").row).toBeNull();
  });
});

describe("a cell", () => {
  test("is fetched once, and forgotten with the picture", async () => {
    const s = setup();
    s.store.need(CELL, "v");
    s.store.need(CELL, "v");
    expect(asks(s.model).length).toBe(1);
    replyPatching(s.model, s.invented, asks(s.model)[0] as PatchingRequest);
    await settle();
    const found = s.store.details.get(CELL)?.found;
    expect(found?.value).toBeCloseTo(-3.1 + 7.5 * s.invented.share(4, 3), 6);
    expect(found?.after.length).toBe(10);
    s.model.set("explanation", revised(s.invented, { revision: 1 }));
    expect(s.store.details.get(CELL)).toBeNull();
  });
  test("an answer without a number is refused", async () => {
    const s = setup();
    s.store.need(CELL, "v");
    s.model.say({ type: "result", v: 1, id: asks(s.model)[0]?.id ?? "", revision: 0 });
    await settle();
    expect(s.store.details.get(CELL)?.error?.given).toBe("nothing came for this cell");
  });
});
