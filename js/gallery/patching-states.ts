/** Every state of the patching view with invented prompts: `?only=patching` shows them all, `?only=patching-NAME` one. */
import type { Traits } from "../src/protocol/generated.ts";
import view from "../src/views/patching.ts";
import { FakeModel, IDLE } from "./fake-model.ts";
import {
  firstAsked,
  type InventedPatching,
  inventPatching,
  patchingTrait,
  sentence,
  servePatching,
} from "./patching.ts";

interface State {
  make(): InventedPatching;
  traits?: Partial<Traits>;
  hold?: string[];
  after?(model: FakeModel, el: HTMLElement): void;
}

const pinned = (layer: number, position: number) => ({
  display: { row: layer, link_id: null },
  selection: { pos: [position], target: [], source: "python" },
});
/** Counted through all layers. */
const head = (index: number) => ({ display: { row: index, link_id: null } });
const RUNNING = { status: { ...IDLE, state: "running" as const } };
const press = (el: HTMLElement, text: string) =>
  [...el.querySelectorAll("button")].find((b) => b.textContent?.includes(text))?.click();
const soon = (act: () => void) => setTimeout(act, 60);
const show = (el: HTMLElement, value: string) => {
  const select = el.querySelector<HTMLSelectElement>('select[aria-label="what is shown"]');
  if (!select) return;
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
};
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

const STATES: Record<string, State> = {
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
  heads: { make: () => inventPatching({ part: "head", layers: 30, heads: 9 }), traits: head(20 * 9 + 8) },
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
    traits: {
      status: {
        ...IDLE,
        state: "error",
        error: REFUSED,
      },
    },
  },
  failed: {
    make: () => inventPatching(),
    traits: { explanation: firstAsked(), status: { ...IDLE, state: "error", error: REFUSED } },
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
        el.querySelector<HTMLElement>(".xw-cand:nth-child(4)")?.click();
      }),
  },
  static: { make: () => inventPatching(), traits: { ...pinned(4, 3), status: { ...IDLE, state: "static" } } },
  editing: { make: () => inventPatching(), after: (_, el) => press(el, "edit") },
  busy: {
    make: () => inventPatching(),
    hold: ["look"],
    after: (model, el) =>
      soon(() => {
        el.querySelector<HTMLElement>(".xw-cand:nth-child(4)")?.click();
        model.progress(model.asked, { done: 3, total: 12, note: "layers" });
      }),
  },
  first: {
    make: () => inventPatching(),
    traits: { explanation: firstAsked(), ...RUNNING },
  },
};

export function showPatching(main: HTMLElement, only: string | null, width: string | null, until: AbortSignal): void {
  for (const [name, state] of Object.entries(STATES)) {
    const title = `patching-${name}`;
    if (only && only !== "patching" && only !== title) continue;
    const section = document.createElement("section");
    const heading = document.createElement("h2");
    heading.textContent = title;
    const el = document.createElement("div");
    if (width) el.style.width = `${width}px`;
    section.append(heading, el);
    main.append(section);
    const invented = state.make();
    const model = new FakeModel({ explanation: patchingTrait(invented.packed), ...state.traits });
    servePatching(model, invented, state.hold);
    view.initialize({ model, signal: until });
    view.render({ model, el, signal: until });
    state.after?.(model, el);
  }
}
