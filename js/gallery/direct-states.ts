/** Every state of direct logit attribution with an invented model: `?only=direct` shows them all, `?only=direct-NAME` one. */
import type { Traits } from "../src/protocol/generated.ts";
import view from "../src/views/direct_logit_attribution.ts";
import { type DirectSpec, directTrait, inventDirect, serveDirect } from "./direct.ts";
import { FakeModel, IDLE } from "./fake-model.ts";

interface State {
  spec?: DirectSpec;
  traits?: Partial<Traits>;
  hold?: string[];
  after?(model: FakeModel, el: HTMLElement): void;
}

/** A row of the list of all parts: 12 layers have 26 components, then 6 heads a layer. */
const pinned = (row: number) => ({ display: { row, link_id: null } });
const MLP_10 = pinned(22);
const press = (el: HTMLElement, text: string) =>
  [...el.querySelectorAll("button")].find((b) => b.textContent?.includes(text))?.click();
const candidate = (el: HTMLElement, n: number, shiftKey = false) =>
  el
    .querySelector(`.xw-cand:nth-child(${n})`)
    ?.dispatchEvent(new MouseEvent("click", { bubbles: true, composed: true, shiftKey }));
const soon = (act: () => void) => setTimeout(act, 60);

const STATES: Record<string, State> = {
  plain: {},
  contrast: { spec: { other: " Rome" } },
  "thirty-layers": { spec: { layers: 30, heads: 9 }, traits: pinned(54) },
  "eighty-layers": { spec: { layers: 80, heads: 64 } },
  attention: { traits: pinned(19) },
  head: { spec: { other: " Rome" }, traits: pinned(26 + 9 * 6 + 2) },
  neurons: { traits: MLP_10 },
  versus: { spec: { versus: true }, traits: pinned(26 + 9 * 6 + 2) },
  asking: { traits: MLP_10, hold: ["neurons"] },
  closed: { spec: { closed: [10] }, traits: MLP_10 },
  whole: { spec: { whole: [3, 7] } },
  mixers: { spec: { mixers: [0, 1, 2, 4, 5, 6, 8, 9, 10] } },
  softcap: { spec: { fields: { softcap: 30 } } },
  doubt: { spec: { fields: { gap: 0.02 } } },
  marks: {
    spec: {
      tokens: ["<b>", " bold", "\n", "  ", "עיר", " הבירה", "👩‍🚀", "\t", " is"],
      target: "<script>alert(1)</script>",
      other: " עיר",
      layers: 4,
    },
    traits: pinned(6),
  },
  busy: { hold: ["look"], after: (_, el) => soon(() => candidate(el, 3, true)) },
  editing: { hold: ["look"], after: edit },
  error: {
    traits: {
      status: {
        ...IDLE,
        state: "error",
        error: {
          code: "target",
          problem: 'Target "New York" is two tokens.',
          given: '" New York"',
          accepted: "a target of one token",
          hint: 'use target=" New"',
        },
      },
    },
  },
  gone: {
    after: (model, el) =>
      soon(() => {
        model.dead = true;
        candidate(el, 3);
      }),
  },
  static: { traits: { ...MLP_10, status: { ...IDLE, state: "static" } } },
  first: { traits: { explanation: { snapshot: null, buffers: [] }, status: { ...IDLE, state: "running" } } },
};

function edit(_: FakeModel, el: HTMLElement): void {
  press(el, "edit");
  soon(() => {
    const area = el.querySelector("textarea");
    if (!area) return;
    area.value = "The capital of Spain is";
    area.dispatchEvent(new InputEvent("input", { bubbles: true }));
  });
}

export function showDirect(main: HTMLElement, only: string | null, width: string | null, until: AbortSignal): void {
  for (const [name, state] of Object.entries(STATES)) {
    const title = `direct-${name}`;
    if (only && only !== "direct" && only !== title) continue;
    const section = document.createElement("section");
    const heading = document.createElement("h2");
    heading.textContent = title;
    const el = document.createElement("div");
    if (width) el.style.width = `${width}px`;
    section.append(heading, el);
    main.append(section);
    const { spec = {} } = state;
    const model = new FakeModel({ explanation: directTrait(inventDirect(spec)), ...state.traits });
    serveDirect(model, spec, state.hold);
    view.initialize({ model, signal: until });
    view.render({ model, el, signal: until });
    state.after?.(model, el);
  }
}
