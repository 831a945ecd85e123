/** Every state of the circuit view with invented circuits: `?only=circuit` shows them all, `?only=circuit-NAME` one. */
import type { Traits } from "../src/protocol/generated.ts";
import view from "../src/views/circuit.ts";
import { circuitTrait, type InventedCircuit, inventCircuit, serveCircuit } from "./circuit.ts";
import { FakeModel, IDLE } from "./fake-model.ts";

interface State {
  make(): InventedCircuit;
  traits?: (invented: InventedCircuit) => Partial<Traits>;
  hold?: string[];
  after?(model: FakeModel, el: HTMLElement): void;
}

const RUNNING = { status: { ...IDLE, state: "running" as const } };
const row = (row: number) => ({ display: { row, link_id: null } });
/** The node most edges of the circuit end at. */
export function busiest({ edges, nodes, kept, spec }: InventedCircuit): number {
  const own = kept(spec.size ?? 60);
  const counts = nodes.map((n, i) =>
    n.kind === "head" || n.kind === "feature"
      ? edges.filter((e, j) => own[j] && (e.target === i || e.source === i)).length
      : 0,
  );
  return counts.indexOf(Math.max(...counts));
}
const pinNode = (invented: InventedCircuit) => row(busiest(invented));
const pinEdge =
  (edge: number) =>
  ({ nodes }: InventedCircuit) =>
    row(nodes.length + edge);
const soon = (act: () => void) => setTimeout(act, 60);
const button = (el: HTMLElement, text: string) =>
  [...el.querySelectorAll("button")].find((b) => b.textContent?.includes(text))?.click();
function size(el: HTMLElement, value: number): void {
  const field = el.querySelector<HTMLInputElement>(".xw-number[aria-label*='as a number']");
  if (!field) return;
  field.value = String(value);
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
const file = () => inventCircuit({ file: { features: 138 }, edges: 600, size: 600 });

const STATES: Record<string, State> = {
  plain: { make: () => inventCircuit({ size: 110 }) },
  pinned: { make: () => inventCircuit(), traits: pinNode },
  apart: { make: () => inventCircuit(), after: (_, el) => soon(() => button(el, "query, key and value")) },
  edge: { make: () => inventCircuit(), traits: pinEdge(4) },
  small: { make: () => inventCircuit({ layers: 3, heads: 4, edges: 8, size: 8, fields: { n_edges: 8 } }) },
  file: { make: file },
  "file-pinned": { make: file, traits: pinNode },
  "file-small": { make: () => inventCircuit({ file: { features: 138 }, edges: 600, size: 90 }) },
  "file-edge": { make: file, traits: pinEdge(20) },
  large: { make: () => inventCircuit({ layers: 30, heads: 9, edges: 2000, size: 2000 }) },
  acdc: { make: () => inventCircuit({ method: "acdc", size: 30 }) },
  sized: { make: () => inventCircuit(), after: (_, el) => soon(() => size(el, 150)) },
  "by-rank": { make: () => inventCircuit(), hold: ["keep"], after: (_, el) => soon(() => size(el, 150)) },
  "not-run": { make: () => inventCircuit({ curve: false }) },
  empty: { make: () => inventCircuit({ size: 2, edges: 300, layers: 12 }) },
  error: {
    make: () => inventCircuit(),
    traits: () => ({
      status: {
        ...IDLE,
        state: "error",
        error: {
          code: "target",
          problem: "Both prompts say ' Paris' next, so there is no difference to follow.",
          given: "target ' Paris' and contrast ' Paris'",
          accepted: "two different tokens",
          hint: "give target= and contrast=, or prompts with different answers",
        },
      },
    }),
  },
  gone: {
    make: () => inventCircuit(),
    traits: pinNode,
    after: (model, el) =>
      soon(() => {
        model.dead = true;
        size(el, 100);
      }),
  },
  static: {
    make: () => inventCircuit(),
    traits: (i) => ({ ...pinEdge(4)(i), status: { ...IDLE, state: "static" } }),
    after: (_, el) => soon(() => size(el, 100)),
  },
  editing: { make: () => inventCircuit(), after: (_, el) => soon(() => button(el, "edit")) },
  busy: {
    make: () => inventCircuit(),
    hold: ["look"],
    after: (model, el) =>
      soon(() => {
        el.querySelector<HTMLElement>(".xw-cand:nth-child(4)")?.click();
        model.progress(model.asked, { done: 3, total: 12, note: "edges" });
      }),
  },
  first: {
    make: () => inventCircuit(),
    traits: () => ({ explanation: { snapshot: null, buffers: [] }, ...RUNNING }),
  },
};

export function showCircuit(main: HTMLElement, only: string | null, width: string | null, until: AbortSignal): void {
  for (const [name, state] of Object.entries(STATES)) {
    const title = `circuit-${name}`;
    if (only && only !== "circuit" && only !== title) continue;
    const section = document.createElement("section");
    const heading = document.createElement("h2");
    heading.textContent = title;
    const el = document.createElement("div");
    if (width) el.style.width = `${width}px`;
    section.append(heading, el);
    main.append(section);
    const invented = state.make();
    const model = new FakeModel({ explanation: circuitTrait(invented.packed), ...state.traits?.(invented) });
    serveCircuit(model, invented, state.hold);
    view.initialize({ model, signal: until });
    view.render({ model, el, signal: until });
    state.after?.(model, el);
  }
}
