/** Every state of the circuit view with invented circuits: `?only=circuit` shows them all, `?only=circuit-NAME` one. */
import view from "../src/views/circuit.ts";
import { circuitTrait, type InventedCircuit, inventCircuit, serveCircuit } from "./circuit.ts";
import { candidate, press, put, soon } from "./gestures.ts";
import { FIRST, failed, row, SAVED, type State, showing } from "./states.ts";

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
const size = (el: HTMLElement, value: number) =>
  put(el.querySelector(".xw-number[aria-label*='as a number']"), String(value));
const file = () => inventCircuit({ file: { features: 138 }, edges: 600, size: 600 });

const STATES: Record<string, State<InventedCircuit>> = {
  plain: { make: () => inventCircuit({ size: 110 }) },
  pinned: { make: () => inventCircuit(), traits: pinNode },
  apart: { make: () => inventCircuit(), after: (_, el) => soon(() => press(el, "query, key and value")) },
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
    traits: failed({
      code: "target",
      problem: "Both prompts say ' Paris' next, so there is no difference to follow.",
      given: "target ' Paris' and contrast ' Paris'",
      accepted: "two different tokens",
      hint: "give target= and contrast=, or prompts with different answers",
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
    traits: (i) => ({ ...pinEdge(4)(i), ...SAVED }),
    after: (_, el) => soon(() => size(el, 100)),
  },
  editing: { make: () => inventCircuit(), after: (_, el) => soon(() => press(el, "edit")) },
  busy: {
    make: () => inventCircuit(),
    hold: ["look"],
    after: (model, el) =>
      soon(() => {
        candidate(el, 4);
        model.progress(model.asked, { done: 3, total: 12, note: "edges" });
      }),
  },
  first: {
    make: () => inventCircuit(),
    traits: FIRST,
  },
};

export const showCircuit = showing(
  { kind: "circuit", view, trait: ({ packed }) => circuitTrait(packed), serve: serveCircuit },
  STATES,
);
