import { describe, expect, test, vi } from "vitest";
import { circuitTrait, inventCircuit, replyCircuit } from "../../js/gallery/circuit.ts";
import { IDLE } from "../../js/gallery/fake-model.ts";
import type { CircuitRequest } from "../../js/src/protocol/generated.ts";
import { asks, revised, row, type Setup, setup } from "./circuit-fakes.ts";
import { settle } from "./mounting.ts";

const text = (words: string) => ({ kind: "text", text: words }) as const;
const last = ({ model }: Setup, action: CircuitRequest["action"] = "look") =>
  asks(model, action).at(-1) as CircuitRequest;
const end = (s: Setup, type: "cancelled" | "error") => {
  const { id, revision } = last(s);
  const error = { code: "target", problem: "Both say it.", given: "", accepted: "", hint: "" };
  s.model.say(type === "error" ? { type, v: 1, id, revision, error } : { type, v: 1, id, revision });
};
const kept = (s: Setup, size: number) => vi.waitFor(() => expect(last(s, "keep")?.size).toBe(size));
const answer = async (s: Setup, request: CircuitRequest) => {
  replyCircuit(s.model, s.invented, request);
  await settle();
};

describe("a look", () => {
  test("holds all that decides the picture, as it is seen", () => {
    const s = setup();
    s.store.choose({ method: "eap" }, "v");
    const { clean, corrupted } = s.invented.packed.snapshot ?? {};
    expect(last(s)).toMatchObject({ action: "look", revision: 1, clean, corrupted, method: "eap" });
    expect(["target", "steps", "threshold", "size"].filter((name) => name in last(s))).toEqual([]);
    expect(s.store.method()).toBe("eap");
  });
  test("says a parameter only to the method that has it", () => {
    const s = setup();
    s.store.choose({ steps: 9 }, "v");
    expect(last(s)).toMatchObject({ method: "eap_ig", steps: 9 });
    s.model.set("explanation", revised(s.invented, { revision: 1, steps: 9 }));
    s.model.result(s.model.asked);
    s.store.choose({ method: "acdc", threshold: 0.05 }, "v");
    expect(last(s)).toMatchObject({ method: "acdc", threshold: 0.05 });
    expect("steps" in last(s)).toBe(false);
    s.store.choose({ method: "eap" }, "v");
    expect("threshold" in last(s)).toBe(false);
  });
  test("a choice that was refused is not kept; the next starts from what is seen", () => {
    const s = setup();
    s.store.choose({ method: "acdc" }, "v");
    end(s, "error");
    expect(s.store.method()).toBe("eap_ig");
    expect(s.store.error.value?.problem).toBe("Both say it.");
    s.store.again("v");
    expect(last(s).method).toBe("eap_ig");
  });
  test("the second edit keeps the first, also where that was refused; given up it is forgotten", () => {
    const s = setup();
    s.store.edit("clean", text("a"), "v");
    end(s, "error");
    s.store.edit("corrupted", text("b"), "v");
    expect(last(s)).toMatchObject({ clean: text("a"), corrupted: text("b") });
    end(s, "cancelled");
    s.store.giveUpEdit();
    s.store.again("v");
    expect(last(s).clean).toEqual(s.invented.packed.snapshot?.clean);
  });
  test("prompts given as ids are not on the wire", () => {
    const ids = { kind: "ids", ids: [1, 2] } as const;
    const s = setup(inventCircuit({ fields: { clean: ids, corrupted: ids } as object }));
    s.store.choose({ target: { kind: "token", id: 4 } }, "v");
    expect(last(s).target).toEqual({ kind: "token", id: 4 });
    expect(["clean", "corrupted"].filter((name) => name in last(s))).toEqual([]);
  });
});

describe("a size", () => {
  test("is asked for once it rests: of many only the last", async () => {
    const s = setup();
    for (const size of [70, 80, 90, 100]) s.store.resize(size, "v");
    expect(s.store.look.value.size).toBe(100);
    expect(asks(s.model, "keep")).toEqual([]);
    await kept(s, 100);
    expect(asks(s.model, "keep").length).toBe(1);
    expect(s.store.keep()?.state).toBe("asking");
    await answer(s, last(s, "keep"));
    expect([...(s.store.keep()?.found?.array ?? [])]).toEqual([...s.invented.kept(100)]);
  });
  test("the last one wins: the one before is cancelled", async () => {
    const s = setup();
    s.store.resize(100, "v");
    await kept(s, 100);
    const { id } = last(s, "keep");
    s.store.resize(200, "v");
    expect(s.model.sent).toContainEqual({ type: "cancel", v: 1, id });
    await kept(s, 200);
  });
  test("one that was checked is not asked for again, nor the answer's own", async () => {
    const s = setup();
    s.store.resize(100, "v");
    await kept(s, 100);
    await answer(s, last(s, "keep"));
    s.store.resize(60, "v");
    expect(s.store.look.value.size).toBeNull();
    s.store.resize(100, "v");
    expect(s.store.keep()?.state).toBe("here");
    s.store.resize(120, "v");
    await kept(s, 120);
    expect(asks(s.model, "keep").map((m) => m.size)).toEqual([100, 120]);
  });
  test("stays between one and all edges that are here", () => {
    const s = setup();
    s.store.resize(0, "v");
    expect(s.store.look.value.size).toBe(1);
    s.store.resize(1e9, "v");
    expect(s.store.look.value.size).toBe(400);
  });
  test("an answer of another number of edges is refused", async () => {
    const s = setup();
    s.store.resize(100, "v");
    await kept(s, 100);
    const { id, revision } = last(s, "keep");
    const array = { dtype: "uint8", shape: [3], buffer: 0 };
    s.model.say({ type: "result", v: 1, id, revision, array } as never, [new DataView(new ArrayBuffer(3))]);
    await settle();
    expect(s.store.keep()).toMatchObject({ state: "refused", found: null });
  });
  test("cancel goes back to what was run", async () => {
    const s = setup();
    s.store.resize(100, "v");
    await kept(s, 100);
    s.store.cancel();
    expect(s.store.look.value.size).toBeNull();
    expect(s.model.sent.at(-1)).toMatchObject({ type: "cancel", id: last(s, "keep").id });
  });
  test("of a file nothing is asked", async () => {
    const s = setup(inventCircuit({ file: { features: 30 }, edges: 60 }));
    s.store.resize(10, "v");
    const other = setup();
    other.store.resize(10, "v");
    // As long as it takes elsewhere.
    await kept(other, 10);
    expect(s.store.look.value.size).toBe(10);
    expect(s.model.sent).toEqual([]);
  });
  test("chosen while a look is under way it is asked for after it", async () => {
    const s = setup(inventCircuit(), { status: { ...IDLE, state: "running" } });
    s.store.resize(100, "v");
    const other = setup();
    other.store.resize(100, "v");
    await kept(other, 100);
    expect(asks(s.model, "keep")).toEqual([]);
    // Parts of the same look, and its end, are about the same edges.
    s.model.set("explanation", revised(s.invented, { faithfulness: 0.5 }));
    expect(s.store.look.value.size).toBe(100);
    s.model.set("status", IDLE);
    await kept(s, 100);
  });
});

describe("what is pinned", () => {
  test("is a node, or after the nodes an edge, in the trait that survives", () => {
    const s = setup();
    const nodes = s.invented.nodes.length;
    const { target = 0 } = s.invented.edges[0] ?? {};
    s.store.pin({ node: target });
    expect([s.model.get("display").row, s.store.pinned()]).toEqual([target, { node: target }]);
    s.store.pin({ edge: 0 });
    expect([s.model.get("display").row, s.store.pinned()]).toEqual([nodes, { edge: 0 }]);
    // The node it was listed at is remembered, until an edge elsewhere is pinned.
    expect(s.store.look.value.listed).toBe(target);
    const other = s.invented.edges.findIndex((e) => e.target !== target && e.source !== target);
    s.store.pin({ edge: other });
    expect(s.store.look.value.listed).toBeNull();
    s.store.pin(null);
    expect([s.store.pinned(), s.store.look.value.listed]).toEqual([null, null]);
  });
  test("is taken from Python, and let go where the next graph has no such edge", () => {
    const invented = inventCircuit();
    const s = setup(invented, row(invented.nodes.length + 399));
    expect(s.store.pinned()).toEqual({ edge: 399 });
    const { snapshot, buffers } = inventCircuit({ edges: 100 }).packed;
    s.model.set("explanation", circuitTrait({ snapshot: snapshot && { ...snapshot, revision: 1 }, buffers }));
    expect(s.store.pinned()).toBeNull();
    expect(s.model.get("display").row).toBeNull();
  });
});

test("another picture forgets sizes and what was fetched about the one before", async () => {
  const s = setup();
  s.store.resize(100, "v");
  await kept(s, 100);
  await answer(s, last(s, "keep"));
  s.model.set("explanation", revised(s.invented, { revision: 3 }));
  expect([s.store.look.value.size, s.store.keep()]).toEqual([null, null]);
});
