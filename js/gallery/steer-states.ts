/** Every state of the steering view with an invented text: `?only=steer` shows them all, `?only=steer-NAME` one. */
import type { InterventionSpec, SteerPacked } from "../src/protocol/generated.ts";
import view from "../src/views/steer.ts";
import { put, soon } from "./gestures.ts";
import { FIRST, type State, showing } from "./states.ts";
import { inventSteer, PROMPT, type SteerSpec, serveSteer, steerTrait } from "./steer.ts";

const HEAD: InterventionSpec = { what: "head", layer: 1, index: 2, how: "scale", value: -1 };
const PUSH: InterventionSpec = {
  what: "resid",
  layer: 3,
  how: "add",
  value: 4,
  direction: { kind: "token", text: " Rome" },
  at: [-1],
};
const SWAP: InterventionSpec = { what: "attn_out", layer: 2, how: "swap", source: "The capital of Italy is", start: 3 };
const NEURON: InterventionSpec = { what: "neuron", layer: 5, index: 63, how: "set", value: 0.2, on: false };
const BETWEEN: InterventionSpec = {
  ...PUSH,
  direction: { kind: "prompts", layer: 3, positive: ["I love it"], negative: ["I hate it"] },
};
const GIVEN: InterventionSpec = { what: "resid", layer: 6, how: "set", value: [1, 2, 3] };
const many = Array.from({ length: 24 }, (_, i) => PROMPT.map((w, j) => (i && !j ? ` ${w}` : w))).flat();
const move = (el: HTMLElement) => put(el.querySelector("input[type=range]"), "1.5");
const of = (spec: SteerSpec) => ({ make: () => inventSteer(spec) });

const STATES: Record<string, State<SteerPacked>> = {
  none: of({}),
  head: of({ interventions: [HEAD] }),
  all: of({ interventions: [HEAD, PUSH, SWAP, NEURON, BETWEEN, GIVEN] }),
  long: of({ tokens: many, interventions: [PUSH] }),
  asking: { ...of({ interventions: [HEAD] }), hold: ["look"], after: (_, el) => soon(() => move(el)) },
  running: { ...of({}), traits: FIRST },
  odd: of({ tokens: ["<b>x</b>", "\n\n", " شكرا", " 👩‍🚀", ""], interventions: [{ ...PUSH, at: [1, 2] }] }),
};

export const showSteer = showing({ kind: "steer", view, trait: steerTrait, serve: serveSteer }, STATES);
