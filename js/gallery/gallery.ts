/** Every state of the view with invented data and no kernel. `?only=NAME` shows one, `?theme=dark` darkens, `?width=320` narrows. */
import "./gallery.css";
import type { Packed, Traits } from "../src/protocol/generated.ts";
import view from "../src/views/token_attribution.ts";
import { showAttention } from "./attention-states.ts";
import { showCircuit } from "./circuit-states.ts";
import { showCKA } from "./cka-states.ts";
import { showDirect } from "./direct-states.ts";
import { FakeModel, IDLE } from "./fake-model.ts";
import * as fixtures from "./fixtures.ts";
import { showLens } from "./lens-states.ts";
import { showParts } from "./parts.ts";
import { showPatching } from "./patching-states.ts";
import { showSteer } from "./steer-states.ts";

const choice = new URLSearchParams(location.search);
if (choice.get("theme") === "dark") document.body.classList.add("dark");
const main = document.querySelector("main");
const until = new AbortController().signal;

function show(
  name: string,
  packed: Packed | null,
  traits: Partial<Traits> = {},
  after: (model: FakeModel, el: HTMLElement) => void = () => {},
): void {
  const only = choice.get("only");
  if (!main || (only && only !== name)) return;
  const section = document.createElement("section");
  const title = document.createElement("h2");
  title.textContent = name;
  const el = document.createElement("div");
  const width = choice.get("width");
  if (width) el.style.width = `${width}px`;
  section.append(title, el);
  main.append(section);
  const model = new FakeModel({ ...(packed ? { explanation: packed } : {}), ...traits });
  model.answer = (message, m) => {
    if (message.type === "request" && message.action === "methods") {
      queueMicrotask(() =>
        m.say({ type: "result", v: 1, id: message.id, revision: message.revision, methods: fixtures.METHODS }),
      );
    } else if (message.type === "request" && m.get("status").state === "static") {
      queueMicrotask(() => m.say({ type: "no-kernel", id: message.id }));
    } else if (message.type === "request" && message.action === "explain") {
      queueMicrotask(() => m.progress(message, { done: 3, total: 32, note: "hiding tokens" }));
    } else if (message.type === "cancel" && message.id !== "probe") {
      queueMicrotask(() => m.say({ type: "cancelled", v: 1, id: message.id, revision: 0 }));
    }
  };
  view.initialize({ model, signal: until });
  view.render({ model, el, signal: until });
  after(model, el);
}

const click = (el: HTMLElement, selector: string) => el.querySelector<HTMLElement>(selector)?.click();

show("plain", fixtures.plain);
show("contrast", fixtures.contrastive, { selection: { pos: [6], target: [], source: "python" } });
show("busy", fixtures.contrastive, {}, (_, el) => click(el, ".xw-cand:nth-child(3)"));
show("error", fixtures.contrastive, {
  status: {
    ...IDLE,
    state: "error",
    error: {
      code: "target",
      problem: 'Target "New York" is two tokens.',
      given: '" New York"',
      accepted: "a target of one token when there is a contrast",
      hint: 'use contrast=" New", or leave the contrast out to ask for the whole span',
    },
  },
});
show("streaming", fixtures.plain, {}, (model, el) => {
  click(el, ".xw-cand:nth-child(2)");
  const scores = Float32Array.from([0.02, 0.1, 0.5, 0.2, 0.9, -0.2, -0.4, -0.6, 0.1, 0.3]);
  const known = Uint8Array.from([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
  queueMicrotask(() =>
    model.progress(
      model.asked,
      {
        done: 5,
        total: 10,
        note: "hiding tokens",
        candidates: fixtures.CANDIDATES,
        scores: { dtype: "float32", shape: [1, 10], buffer: 0 },
        known: { dtype: "uint8", shape: [10], buffer: 1 },
        estimate: true,
      },
      [new DataView(scores.buffer), new DataView(known.buffer)],
    ),
  );
});
show("edited", fixtures.plain, {}, (model) => {
  const before = fixtures.plain.snapshot;
  if (before && fixtures.edited.snapshot)
    model.set("explanation", { ...fixtures.edited, snapshot: { ...fixtures.edited.snapshot, revision: 1 } });
});
show("editing", fixtures.plain, {}, (_, el) =>
  [...el.querySelectorAll("button")].find((b) => b.textContent === "edit")?.click(),
);
show("asks", fixtures.plain, {
  status: { state: "asks", error: null, cost: "1,024 passes, 131,072 tokens, about 40 s, 210 MB", seconds: 40 },
});
show("first", null, { status: { ...IDLE, state: "running" } });
show("generated", fixtures.generated);
show("span", fixtures.span);
show("words", fixtures.words);
show("unsigned", fixtures.unsigned);
show("sampled", fixtures.sampled);
show("rtl", fixtures.rtl);
show("marks", fixtures.marks);
show("chat", fixtures.chat);
show("shown", fixtures.shown);
show("cannot", fixtures.heads);
show("static", fixtures.plain, { status: { ...IDLE, state: "static" } }, (_, el) => click(el, ".xw-cand:nth-child(3)"));
show("gone", fixtures.plain, {}, (model, el) => {
  model.dead = true;
  click(el, ".xw-cand:nth-child(3)");
});
show("long", fixtures.long(300));
if (choice.get("only")) show("10000", fixtures.long(10_000));
if (main && [null, "parts"].includes(choice.get("only"))) showParts(main, until);
const only = choice.get("only");
if (main && (!only || only.startsWith("attention"))) showAttention(main, only, choice.get("width"), until);
if (main && (!only || only.startsWith("lens"))) showLens(main, only, choice.get("width"), until);
if (main && (!only || only.startsWith("patching"))) showPatching(main, only, choice.get("width"), until);
if (main && (!only || only.startsWith("steer"))) showSteer(main, only, choice.get("width"), until);
if (main && (!only || only.startsWith("direct"))) showDirect(main, only, choice.get("width"), until);
if (main && (!only || only.startsWith("cka"))) showCKA(main, only, choice.get("width"), until);
if (main && (!only || only.startsWith("circuit"))) showCircuit(main, only, choice.get("width"), until);
