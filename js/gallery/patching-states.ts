/** Every state of the patching view with invented prompts: `?only=patching` shows them all, `?only=patching-NAME` one. */
import view from "../src/views/patching.ts";
import { IDLE } from "./fake-model.ts";
import { candidate, choose, press, soon } from "./gestures.ts";
import {
  firstAsked,
  type InventedPatching,
  inventPatching,
  patchingTrait,
  sentence,
  servePatching,
} from "./patching.ts";
import { failed, positions, RUNNING, row, SAVED, type State, showing } from "./states.ts";

const pinned = (layer: number, position: number) => ({ ...row(layer), ...positions(position) });
const show = (el: HTMLElement, value: string) => choose(el, "what is shown", value);
const REFUSED = {
  code: "target",
  problem: "Both prompts say ' Paris' next, so there is no difference to follow.",
  given: "target ' Paris' and contrast ' Paris'",
  accepted: "two different tokens",
  hint: "follow another target or contrast, or change a prompt until it says something else next",
};
const longer = [...sentence("the")].flatMap((word) => (word === " the" ? [" the", " United", " Kingdom"] : [word]));
const many = (country: string, times: number) =>
  Array.from({ length: times }, (_, i) => sentence(country).map((w, j) => (i && !j ? ` ${w}` : w))).flat();

const STATES: Record<string, State<InventedPatching>> = {
  plain: { make: () => inventPatching() },
  pinned: { make: () => inventPatching({ layers: 30 }), traits: pinned(12, 3) },
  noise: { make: () => inventPatching({ direction: "noise" }), traits: pinned(11, 10) },
  estimate: { make: () => inventPatching({ layers: 30, exact: [] }), traits: RUNNING },
  rows: {
    make: () => inventPatching({ layers: 30, exact: [0, 1, 2, 3, 4, 5, 16, 17, 18, 19, 28, 29] }),
    traits: { ...RUNNING, ...pinned(17, 10) },
  },
  cancelled: {
    make: () => inventPatching({ exact: [0, 1, 2, 3] }),
    traits: { ...pinned(2, 3), status: { ...IDLE, state: "cancelled" } },
  },
  "shown-estimate": { make: () => inventPatching(), after: (_, el) => soon(() => show(el, "estimate")) },
  difference: { make: () => inventPatching({ off: 0.3 }), after: (_, el) => soon(() => show(el, "difference")) },
  attention: { make: () => inventPatching({ part: "attn_out", layers: 30 }), traits: pinned(19, 10) },
  mlp: { make: () => inventPatching({ part: "mlp_out", layers: 30, direction: "noise" }) },
  heads: { make: () => inventPatching({ part: "head", layers: 30, heads: 9 }), traits: row(20 * 9 + 8) },
  "heads-rows": {
    make: () => inventPatching({ part: "head", layers: 30, heads: 9, exact: [14, 17, 18, 19, 20] }),
    traits: RUNNING,
  },
  "no-part": { make: () => inventPatching({ part: "attn_out", lack: [2, 5, 8], corrupted: longer }) },
  lengths: { make: () => inventPatching({ corrupted: longer }), traits: pinned(4, 4) },
  disagree: { make: () => inventPatching({ off: 0.9, fields: { agreement: 0.31 } }) },
  logit: { make: () => inventPatching({ other: null }) },
  few: { make: () => inventPatching({ layers: 2, clean: ["Hi"], corrupted: ["Ho"] }) },
  long: { make: () => inventPatching({ layers: 30, clean: many("France", 12), corrupted: many("Italy", 12) }) },
  marks: {
    make: () =>
      inventPatching({
        layers: 8,
        clean: ["<b>", " bold", "\n", "  ", "עיר", " הבירה", "👩‍🚀", "\t", " is"],
        corrupted: ["<i>", " bold", "\n", "  ", "כפר", " הבירה", "👨‍🚒", "\t", " is"],
      }),
    traits: pinned(3, 4),
  },
  error: {
    make: () => inventPatching(),
    traits: failed(REFUSED),
  },
  failed: {
    make: () => inventPatching(),
    traits: { explanation: firstAsked(), ...failed(REFUSED) },
  },
  traced: { make: () => inventPatching({ against: "noise", layers: 30, subject: [2, 3] }), traits: pinned(12, 3) },
  "traced-mlp": { make: () => inventPatching({ against: "noise", part: "mlp_out", layers: 30 }) },
  ablated: {
    make: () => inventPatching({ against: "ablation", part: "attn_out", layers: 30 }),
    traits: pinned(19, 10),
  },
  "ablated-estimate": {
    make: () => inventPatching({ against: "ablation", ablation: { kind: "resample" }, exact: [] }),
    traits: RUNNING,
  },
  gone: {
    make: () => inventPatching(),
    traits: pinned(4, 3),
    after: (model, el) =>
      soon(() => {
        model.dead = true;
        candidate(el, 4);
      }),
  },
  static: { make: () => inventPatching(), traits: { ...pinned(4, 3), ...SAVED } },
  editing: { make: () => inventPatching(), after: (_, el) => press(el, "edit") },
  busy: {
    make: () => inventPatching(),
    hold: ["look"],
    after: (model, el) =>
      soon(() => {
        candidate(el, 4);
        model.progress(model.asked, { done: 3, total: 12, note: "layers" });
      }),
  },
  first: {
    make: () => inventPatching(),
    traits: { explanation: firstAsked(), ...RUNNING },
  },
};

export const showPatching = showing(
  { kind: "patching", view, trait: ({ packed }) => patchingTrait(packed), serve: servePatching },
  STATES,
);
