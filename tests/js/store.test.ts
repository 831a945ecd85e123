import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeModel, IDLE } from "../../js/gallery/fake-model.ts";
import { CANDIDATES, contrastive, edited, generated, METHODS, packed, plain, span } from "../../js/gallery/fixtures.ts";
import type { Packed, Traits } from "../../js/src/protocol/generated.ts";
import { SILENCE_MS } from "../../js/src/state/connection.ts";
import { current } from "../../js/src/state/history.ts";
import { lifetime } from "../../js/src/state/host.ts";
import { entries } from "../../js/src/state/selection.ts";
import { signal, watch } from "../../js/src/state/signal.ts";
import { ALONE_MS, createStore, findStore, openStore, PIN_DEBOUNCE_MS, questionOf } from "../../js/src/state/store.ts";
import { bytes, settle } from "./mounting.ts";

const at = (p: Packed, revision: number): Packed => ({ ...p, snapshot: p.snapshot && { ...p.snapshot, revision } });

function setup(explanation: Packed | null = plain, traits: Partial<Traits> = {}) {
  const model = new FakeModel({ ...(explanation ? { explanation } : {}), ...traits });
  const controller = new AbortController();
  const store = createStore(model, controller.signal);
  const shown = () => current(store.history.value)?.snapshot;
  return { model, store, shown, end: () => controller.abort() };
}

const target = (id: number) => ({ target: { kind: "token", id } as const });
const cancels = (model: FakeModel) => model.sent.filter((m) => m.type === "cancel").map((m) => m.id);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a question", () => {
  test("goes out with id, revision and view, and ends with its result", () => {
    const { model, store, shown } = setup();
    store.ask(target(101), "view-a");
    expect(model.asked).toMatchObject({
      type: "request",
      v: 1,
      action: "explain",
      revision: 1,
      view: "view-a",
      target: { kind: "token", id: 101 },
    });
    expect(store.connection.live.value).toMatchObject({ id: model.asked.id, revision: 1 });
    model.set("explanation", at(contrastive, 1));
    model.result(model.asked);
    expect(store.connection.live.value).toBeNull();
    expect(shown()?.quantity).toBe("logit_diff");
  });
  test("fields that are undefined are left out, null stays", () => {
    const { model, store } = setup();
    store.ask({ contrast: null, quantity: undefined as never }, "v");
    expect(Object.keys(model.asked)).toContain("contrast");
    expect(Object.keys(model.asked)).not.toContain("quantity");
  });
  test("revisions go on from the answer that was there", () => {
    const { model, store } = setup(at(plain, 7));
    store.ask(target(101), "v");
    expect(model.asked.revision).toBe(8);
  });
  test("the state may come after the message that ends the request", () => {
    const { model, store, shown } = setup();
    store.ask(target(101), "v");
    model.progress(
      model.asked,
      { snapshot: contrastive.snapshot as never, candidates: CANDIDATES },
      contrastive.buffers,
    );
    model.result(model.asked);
    expect(store.partial.value).not.toBeNull();
    model.set("explanation", at(contrastive, 1));
    expect(store.partial.value).toBeNull();
    expect(shown()?.revision).toBe(1);
  });
});

describe("the newest wins", () => {
  test("a new question cancels the old one, whose messages are dropped", () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    const old = model.asked;
    store.ask(target(102), "v");
    expect(cancels(model)).toEqual([old.id]);
    model.progress(old, { done: 5, total: 9, candidates: CANDIDATES });
    model.say({ type: "cancelled", v: 1, id: old.id, revision: old.revision });
    model.say({
      type: "error",
      v: 1,
      id: old.id,
      revision: 1,
      error: { code: "x", problem: "old", given: "", accepted: "", hint: "" },
    });
    expect(store.connection.live.value).toMatchObject({ revision: 2, done: 0 });
    expect(store.error.value).toBeNull();
    expect(store.partial.value).toBeNull();
  });
  test("a message that comes after the end starts nothing", () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    model.set("explanation", at(contrastive, 1));
    model.result(model.asked);
    model.progress(model.asked, { done: 9, total: 9, candidates: CANDIDATES });
    expect(store.connection.live.value).toBeNull();
    expect(store.partial.value).toBeNull();
  });
  test("an older answer in the state waits, and is shown if the newer question fails", () => {
    const { model, store, shown } = setup();
    store.ask(target(101), "v");
    store.ask(target(102), "v");
    model.set("explanation", at(contrastive, 1));
    expect(shown()?.quantity).toBe("log_prob");
    model.say({
      type: "error",
      v: 1,
      id: model.asked.id,
      revision: 2,
      error: { code: "x", problem: "no", given: "", accepted: "", hint: "" },
    });
    expect(shown()?.revision).toBe(1);
  });
});

describe("partial answers", () => {
  const header = { dtype: "float32", shape: [1, 10], buffer: 0 } as const;
  const values = (x: number) => [bytes(Float32Array.from({ length: 10 }, () => x))];
  const scores = () => ({ ...header, shape: [1, 10] });

  test("candidates first, then scores; the last good answer stays underneath", () => {
    const { model, store, shown } = setup();
    store.ask(target(101), "v");
    model.progress(model.asked, { candidates: CANDIDATES.slice(0, 2) });
    expect(store.partial.value).toMatchObject({ revision: 1, answer: null });
    model.progress(model.asked, { scores: scores(), estimate: true }, values(0.5));
    expect(store.partial.value?.answer?.estimate).toBe(true);
    expect(store.partial.value?.candidates?.length).toBe(2);
    expect(shown()?.revision).toBe(0);
    store.cancel();
    model.say({ type: "cancelled", v: 1, id: model.asked.id, revision: 1 });
    expect(store.partial.value).toBeNull();
    expect(shown()?.revision).toBe(0);
  });
  test("scores of another length than the text are not laid over it", () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    model.progress(model.asked, { scores: { ...header, shape: [1, 3] } }, [bytes(Float32Array.from([1, 2, 3]))]);
    expect(store.partial.value?.answer).toBeNull();
  });
  test("a damaged buffer is said and nothing is lost", () => {
    const { model, store, shown } = setup();
    store.ask(target(101), "v");
    model.progress(model.asked, { scores: scores() }, [bytes(Float32Array.from([1]))]);
    expect(store.error.value?.code).toBe("damaged");
    expect(shown()?.revision).toBe(0);
  });
  test("a job that Python started is shown and can be cancelled, again and again", () => {
    const { model, store } = setup(null, { status: { ...IDLE, state: "running" } });
    for (let i = 0; i < 2; i++) {
      model.say({ type: "progress", v: 1, id: "kernel", revision: 0, done: 1, total: 4, note: "reading" });
      expect(store.connection.live.value).toMatchObject({ id: "kernel", done: 1, total: 4, note: "reading" });
      store.cancel();
      expect(cancels(model).at(-1)).toBe("kernel");
      model.say({ type: "cancelled", v: 1, id: "kernel", revision: 0 });
      expect(store.connection.live.value).toBeNull();
    }
  });
  test("positions that are known move the line only while no steps are reported", () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    const live = () => [store.connection.live.value?.done, store.connection.live.value?.total];
    model.progress(model.asked, { done: 4, total: 10, scores: scores() }, values(1));
    expect(live()).toEqual([4, 10]);
    model.progress(model.asked, { done: 1, total: 3 });
    model.progress(model.asked, { done: 7, total: 10, scores: scores() }, values(1));
    expect(live()).toEqual([1, 3]);
  });
});

describe("cancel and errors", () => {
  test("cancel is sent once and the request stays until it ends", () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    store.cancel();
    expect(store.connection.live.value?.cancelling).toBe(true);
    expect(cancels(model)).toEqual([model.asked.id]);
    model.say({ type: "cancelled", v: 1, id: model.asked.id, revision: 1 });
    expect(store.connection.live.value).toBeNull();
  });
  test("a refusal stays until the next question", () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    const error = { code: "target", problem: "no", given: "a", accepted: "b", hint: "c" };
    model.say({ type: "error", v: 1, id: model.asked.id, revision: 1, error });
    expect(store.error.value).toEqual(error);
    store.ask(target(102), "v");
    expect(store.error.value).toBeNull();
  });
  test("a widget that is shown again still says what failed", () => {
    const error = { code: "target", problem: "no", given: "", accepted: "", hint: "" };
    const { store } = setup(plain, { status: { ...IDLE, state: "error", error } });
    expect(store.error.value).toEqual(error);
  });
});

describe("a kernel that does not answer", () => {
  test("silence is said after a while, and taken back with the first message", () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    vi.advanceTimersByTime(SILENCE_MS - 1);
    expect(store.connection.live.value?.silent).toBe(false);
    vi.advanceTimersByTime(1);
    expect(store.connection.live.value?.silent).toBe(true);
    model.progress(model.asked);
    expect(store.connection.live.value?.silent).toBe(false);
    vi.advanceTimersByTime(10 * SILENCE_MS);
    expect(store.connection.live.value?.silent).toBe(false);
  });
  test("a newer question starts the waiting anew", () => {
    const { store } = setup();
    store.ask(target(101), "v");
    vi.advanceTimersByTime(SILENCE_MS - 100);
    store.ask(target(102), "v");
    vi.advanceTimersByTime(200);
    expect(store.connection.live.value?.silent).toBe(false);
  });
  test("sending fails: the kernel is gone, the picture stays", () => {
    const { model, store, shown } = setup();
    model.dead = true;
    store.ask(target(101), "v");
    expect(store.connection.kernel.value).toBe("gone");
    expect(store.connection.live.value).toBeNull();
    expect(shown()?.revision).toBe(0);
    vi.advanceTimersByTime(10 * SILENCE_MS);
    expect(store.connection.live.value).toBeNull();
  });
  test("a restart is noticed in the middle of a request, without a click", () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    model.dead = true;
    model.emit("comm_live_update");
    expect(store.connection.kernel.value).toBe("gone");
    expect(store.connection.live.value).toBeNull();
  });
  test("a comm that comes back is taken back", () => {
    const { model, store } = setup();
    model.dead = true;
    store.connection.check();
    model.dead = false;
    store.connection.check();
    expect(store.connection.kernel.value).toBe("alive");
  });
  test("a closed comm ends what waits", async () => {
    const { model, store } = setup();
    const methods = store.methods("v");
    model.emit("comm:close");
    expect(await methods).toBeNull();
    expect(store.connection.kernel.value).toBe("gone");
  });
});

describe("a page without a kernel", () => {
  test("the page's own answer says so", () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    model.say({ type: "no-kernel", id: model.asked.id });
    expect(store.connection.kernel.value).toBe("static");
    expect(store.connection.live.value).toBeNull();
  });
  test("looking whether the kernel is there does not raise the question", () => {
    const { model, store } = setup();
    store.connection.check();
    model.say({ type: "no-kernel", id: "probe" });
    expect(store.connection.kernel.value).toBe("alive");
  });
});

describe("versions", () => {
  test("undo shows the old answer at once, asks for it, and its answer takes the old one's place", () => {
    const { model, store, shown } = setup();
    model.set("explanation", at(edited, 1));
    expect(store.before.value?.snapshot.revision).toBe(0);
    store.undo("v");
    expect(shown()?.revision).toBe(0);
    expect(model.asked).toMatchObject({
      revision: 2,
      input: { kind: "text", text: plain.snapshot?.input.text },
      method: "leave_one_out",
      params: { mode: "mask" },
    });
    model.set("explanation", at(plain, 2));
    model.result(model.asked);
    expect(store.history.value.entries.map((a) => a.snapshot.revision)).toEqual([2, 1]);
    store.redo("v");
    expect(shown()?.revision).toBe(1);
    model.set("explanation", at(edited, 3));
    model.result(model.asked);
    store.undo("v");
    store.ask(target(104), "v");
    model.set("explanation", at(contrastive, 5));
    expect(store.history.value.entries.map((a) => a.snapshot.revision)).toEqual([2, 5]);
  });
  test("undo while a request runs cancels it", () => {
    const { model, store } = setup();
    model.set("explanation", at(edited, 1));
    store.ask(target(101), "v");
    const running = model.asked.id;
    store.undo("v");
    expect(cancels(model)).toEqual([running]);
  });
  test("there is nothing to undo at first", () => {
    const { model, store } = setup();
    store.undo("v");
    expect(model.sent).toEqual([]);
  });
  test("what the model wrote goes along, so that its tokens can be targets again", () => {
    const answer = current(setup(generated).store.history.value);
    expect(answer && questionOf(answer)).toMatchObject({
      target: { kind: "generated", index: 2 },
      generated: [300, 301, 302, 303, 304, 305, 306, 307],
    });
  });
  test("ids can't be sent back, so they are left to the kernel", () => {
    const answer = current(setup(packed({ tokens: ["a"], scores: [1], input: { kind: "ids" } })).store.history.value);
    expect(answer && questionOf(answer)).not.toHaveProperty("input");
  });
});

describe("a long run", () => {
  test("yes sends the same question, confirmed", () => {
    const { model, store } = setup();
    store.ask({ method: "shapley_sampling" }, "v");
    model.set("status", { state: "asks", error: null, cost: "long", seconds: 40 });
    model.result(model.asked);
    store.confirm("v");
    expect(model.asked).toMatchObject({ method: "shapley_sampling", confirmed: true, revision: 2 });
  });
  test("yes to a question that Python asked", () => {
    const { model, store } = setup(null, { status: { state: "asks", error: null, cost: "long", seconds: 40 } });
    store.confirm("v");
    expect(model.asked).toMatchObject({ action: "explain", confirmed: true });
  });
});

describe("what is asked beside", () => {
  test("methods do not disturb the running question", async () => {
    const { model, store } = setup();
    store.ask(target(101), "v");
    const live = store.connection.live.value;
    const methods = store.methods("v");
    const request = model.asked;
    expect(request.action).toBe("methods");
    model.say({ type: "progress", v: 1, id: request.id, revision: 1, done: 0, total: 0, note: "" });
    expect(store.connection.live.value).toBe(live);
    model.say({ type: "result", v: 1, id: request.id, revision: 1, methods: METHODS });
    expect(await methods).toEqual(METHODS);
  });
  test("a row that was too large to push is fetched once", async () => {
    const big = packed({ tokens: ["a", "b"], scores: [1, 2], axes: ["pos"], rows: span.snapshot?.rows ?? [] });
    const { model, store } = setup(big);
    store.fetchRow(1, "v");
    const [fetch] = model.sent;
    expect(fetch).toMatchObject({ type: "fetch", row: 1, view: "v" });
    model.say(
      { type: "result", v: 1, id: fetch?.id ?? "", revision: 0, scores: { dtype: "float32", shape: [2], buffer: 0 } },
      [bytes(Float32Array.from([8, 9]))],
    );
    await settle();
    expect([...(store.fetched.value.get(1) ?? [])]).toEqual([8, 9]);
    store.fetchRow(1, "v");
    expect(model.sent.length).toBe(1);
  });
});

describe("selections", () => {
  const pin = (positions: number[]) => ({ source: "view-a", kind: "pin", axis: "pos", entries: positions }) as const;
  test("pins reach Python after a pause, hovering never does", () => {
    const { model, store } = setup();
    store.select({ source: "view-a", kind: "hover", axis: "pos", entries: [2] });
    store.select(pin([4]));
    store.select(pin([4, 6]));
    expect(model.get("selection").pos).toEqual([]);
    vi.advanceTimersByTime(PIN_DEBOUNCE_MS);
    expect(model.get("selection")).toMatchObject({ pos: [4, 6], target: [] });
  });
  test("pins set by Python are shown, and not sent back", () => {
    const { model, store } = setup();
    const setting = vi.spyOn(model, "save_changes");
    model.set("selection", { pos: [3], target: [], source: "python" });
    expect(entries(store.selection.clauses.value, "pin", "pos")).toEqual([3]);
    vi.advanceTimersByTime(PIN_DEBOUNCE_MS);
    expect(setting).not.toHaveBeenCalled();
  });
  test("linked widgets share them in the browser, until one ends", () => {
    const display = { row: null, link_id: "pair" };
    const [a, b, c] = [setup(plain, { display }), setup(edited, { display }), setup(plain)];
    a.store.select(pin([1]));
    a.store.select({ source: "view-a", kind: "hover", axis: "pos", entries: [5] });
    expect(entries(b.store.selection.clauses.value, "pin", "pos")).toEqual([1]);
    expect(entries(b.store.selection.clauses.value, "hover", "pos")).toEqual([5]);
    expect(c.store.selection.clauses.value).toEqual([]);
    b.end();
    a.store.select(pin([2]));
    expect(entries(b.store.selection.clauses.value, "pin", "pos")).toEqual([1]);
  });
});

describe("one store a widget", () => {
  test("views find it through the uid, whatever proxy they hold", () => {
    const model = new FakeModel({ explanation: plain });
    const controller = new AbortController();
    const store = openStore(model, controller.signal);
    const proxy = new FakeModel({ uid: model.get("uid") });
    expect(findStore(proxy)).toBe(store);
    controller.abort();
    expect(findStore(proxy)).not.toBe(store);
  });
  test("leaves no listener behind", () => {
    const { model, store, end } = setup();
    store.ask(target(101), "v");
    expect(model.listening).toBeGreaterThan(5);
    end();
    expect(model.listening).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
  test("another version of the kernel is said, not thrown", () => {
    expect(setup(plain, { protocol_version: 2 }).store.outdated.value).toBe(true);
    const { model, store } = setup();
    expect(store.outdated.value).toBe(false);
    model.say({ type: "result", v: 3, id: "x", revision: 0 });
    expect(store.outdated.value).toBe(true);
  });
});

describe("signals", () => {
  test("watching draws once however many changed, and never after the end", async () => {
    const [a, b] = [signal(0), signal(0)];
    const controller = new AbortController();
    const draw = vi.fn();
    watch([a, b] as never, draw, controller.signal);
    a.set(1);
    b.set(1);
    b.set(1);
    await settle();
    expect(draw).toHaveBeenCalledTimes(1);
    a.set(2);
    controller.abort();
    await settle();
    a.set(3);
    await settle();
    expect(draw).toHaveBeenCalledTimes(1);
  });
  test("hosts that give no signal get one with a clean-up", () => {
    const own = lifetime(undefined);
    expect(own.signal.aborted).toBe(false);
    own.dispose?.();
    expect(own.signal.aborted).toBe(true);
    const { signal: given } = new AbortController();
    expect(lifetime(given)).toEqual({ signal: given, dispose: undefined });
  });
});

describe("when the last view has gone", () => {
  const view = () => new AbortController();
  test("what is computed is cancelled, also what Python asked for", () => {
    for (const byPython of [false, true]) {
      const { model, store } = setup();
      const [a, b] = [view(), view()];
      store.attend(a.signal);
      store.attend(b.signal);
      if (byPython) model.say({ type: "progress", v: 1, id: "kernel", revision: 0, done: 1, total: 9, note: "" });
      else store.ask(target(101), "v");
      const id = store.connection.live.value?.id;
      a.abort();
      vi.advanceTimersByTime(ALONE_MS);
      expect(cancels(model)).toEqual([]);
      b.abort();
      vi.advanceTimersByTime(ALONE_MS - 1);
      expect(cancels(model)).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(cancels(model)).toEqual([id]);
    }
  });
  test("one that comes back in time finds it going on", () => {
    const { model, store, end } = setup();
    const [a, b] = [view(), view()];
    store.attend(a.signal);
    store.ask(target(101), "v");
    a.abort();
    store.attend(b.signal);
    vi.advanceTimersByTime(2 * ALONE_MS);
    expect(cancels(model)).toEqual([]);
    end();
    b.abort();
    expect(vi.getTimerCount()).toBe(0);
  });
});
