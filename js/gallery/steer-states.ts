/** Every state of the steering view with an invented text: `?only=steer` shows them all, `?only=steer-NAME` one. */
import type { InterventionSpec, Traits } from "../src/protocol/generated.ts";
import view from "../src/views/steer.ts";
import { FakeModel, IDLE } from "./fake-model.ts";
import { inventSteer, PROMPT, type SteerSpec, serveSteer, steerTrait } from "./steer.ts";

interface State {
  spec: SteerSpec;
  traits?: Partial<Traits>;
  hold?: string[];
  after?(el: HTMLElement): void;
}

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
const move = (el: HTMLElement) => {
  const slider = el.querySelector<HTMLInputElement>("input[type=range]");
  if (!slider) return;
  slider.value = "1.5";
  slider.dispatchEvent(new Event("change", { bubbles: true }));
};

const STATES: Record<string, State> = {
  none: { spec: {} },
  head: { spec: { interventions: [HEAD] } },
  all: { spec: { interventions: [HEAD, PUSH, SWAP, NEURON, BETWEEN, GIVEN] } },
  long: { spec: { tokens: many, interventions: [PUSH] } },
  asking: { spec: { interventions: [HEAD] }, hold: ["look"], after: move },
  running: {
    spec: { fields: {} },
    traits: { explanation: { snapshot: null, buffers: [] }, status: { ...IDLE, state: "running" } },
  },
  odd: { spec: { tokens: ["<b>x</b>", "\n\n", " شكرا", " 👩‍🚀", ""], interventions: [{ ...PUSH, at: [1, 2] }] } },
};

export function showSteer(main: HTMLElement, only: string | null, width: string | null, until: AbortSignal): void {
  for (const [name, { spec, traits, hold, after }] of Object.entries(STATES)) {
    if (only && only !== "steer" && only !== `steer-${name}`) continue;
    const place = document.createElement("section");
    if (width) place.style.width = `${width}px`;
    const title = document.createElement("h2");
    title.textContent = `steer ${name}`;
    const el = document.createElement("div");
    place.append(title, el);
    main.append(place);
    const first = inventSteer(spec);
    const model = new FakeModel({ explanation: steerTrait(first), ...traits });
    serveSteer(model, first, hold);
    view.initialize({ model, signal: until });
    view.render({ model, el, signal: until });
    if (after) setTimeout(() => after(el), 60);
  }
}
