/** Every state of the lens view with an invented model: `?only=lens` shows them all, `?only=lens-NAME` one. */
import type { Traits } from "../src/protocol/generated.ts";
import view from "../src/views/logit_lens.ts";
import { FakeModel, IDLE } from "./fake-model.ts";
import { type InventedLens, inventLens, lensTrait, prompt, serveLens } from "./lens.ts";

interface State {
  make(): InventedLens;
  traits?: Partial<Traits>;
  hold?: string[];
  after?(model: FakeModel, el: HTMLElement): void;
}

const pinned = (stream: number, position: number) => ({
  display: { row: stream, link_id: null },
  selection: { pos: [position], target: [], source: "python" },
});
const press = (el: HTMLElement, text: string) =>
  [...el.querySelectorAll("button")].find((b) => b.textContent?.includes(text))?.click();
const soon = (act: () => void) => setTimeout(act, 60);
const ink = (el: HTMLElement, value: string) => choose(el, "what ink means", value);
const choose = (el: HTMLElement, name: string, value: string) => {
  const select = el.querySelector<HTMLSelectElement>(`select[aria-label="${name}"]`);
  if (!select) return;
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
};

const STATES: Record<string, State> = {
  plain: { make: () => inventLens() },
  pinned: { make: () => inventLens(), traits: pinned(6, 4) },
  follow: {
    make: () => inventLens({ layers: 30, tokens: prompt(5) }),
    traits: pinned(30, 4),
    after: (_, el) => soon(() => press(el, "Paris")),
  },
  "follow-late": {
    make: () => inventLens(),
    traits: pinned(2, 12),
    after: (_, el) => soon(() => press(el, "more tokens")),
  },
  entropy: { make: () => inventLens(), after: (_, el) => soon(() => ink(el, "entropy")) },
  kl: { make: () => inventLens(), traits: pinned(9, 4), after: (_, el) => soon(() => ink(el, "kl")) },
  agreement: { make: () => inventLens({ layers: 6 }), after: (_, el) => soon(() => ink(el, "agreement")) },
  measuring: { make: () => inventLens(), hold: ["measure"], after: (_, el) => soon(() => ink(el, "kl")) },
  few: { make: () => inventLens({ layers: 4, tokens: ["Hello", " world"] }) },
  one: { make: () => inventLens({ layers: 2, tokens: ["Hello"] }) },
  long: { make: () => inventLens({ layers: 30, tokens: prompt(128) }), traits: pinned(20, 100) },
  deep: { make: () => inventLens({ layers: 80, tokens: prompt(16) }) },
  running: { make: () => inventLens({ read: 1 }), traits: { status: { ...IDLE, state: "running" } }, hold: ["look"] },
  marks: {
    make: () => inventLens({ tokens: ["<b>", " bold", "\n", "  ", "עיר", " הבירה", "👩‍🚀", "\t", " is"], layers: 8 }),
    traits: pinned(3, 4),
  },
  error: {
    make: () => inventLens(),
    traits: {
      status: {
        ...IDLE,
        state: "error",
        error: {
          code: "too_long",
          problem: "The text has 9,120 tokens; the model's context is 8,192.",
          given: "9,120 tokens",
          accepted: "at most 8,192",
          hint: "shorten the text, or give its last part",
        },
      },
    },
  },
  gone: {
    make: () => inventLens(),
    traits: pinned(6, 4),
    after: (model, el) =>
      soon(() => {
        model.dead = true;
        press(el, "more tokens");
      }),
  },
  static: {
    make: () => inventLens(),
    traits: { ...pinned(6, 4), status: { ...IDLE, state: "static" } },
    after: (_, el) => soon(() => ink(el, "kl")),
  },
  tuned: {
    make: () =>
      inventLens({
        fields: {
          lens: "tuned",
          lenses: ["tuned", "logit"],
          lens_words: "TunedLens of invented/tiny-12x4: 12 translators",
          notes: ["The lens was made for a model named invented/other."],
        },
      }),
  },
  difference: {
    make: () => inventLens({ other: 7 }),
    traits: pinned(9, 4),
    after: (_, el) => soon(() => choose(el, "which model", "difference")),
  },
  scope: {
    make: () => inventLens(),
    traits: pinned(6, 3),
    after: (_, el) => press(el, "read with a prompt"),
  },
  "many-layers": { make: () => inventLens({ layers: 80 }) },
  editing: { make: () => inventLens(), hold: ["look"], after: edit },
  first: {
    make: () => inventLens(),
    traits: { explanation: { snapshot: null, buffers: [] }, status: { ...IDLE, state: "running" } },
  },
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

export function showLens(main: HTMLElement, only: string | null, width: string | null, until: AbortSignal): void {
  for (const [name, state] of Object.entries(STATES)) {
    const title = `lens-${name}`;
    if (only && only !== "lens" && only !== title) continue;
    const section = document.createElement("section");
    const heading = document.createElement("h2");
    heading.textContent = title;
    const el = document.createElement("div");
    if (width) el.style.width = `${width}px`;
    section.append(heading, el);
    main.append(section);
    const invented = state.make();
    const model = new FakeModel({ explanation: lensTrait(invented.packed), ...state.traits });
    serveLens(model, invented, state.hold);
    view.initialize({ model, signal: until });
    view.render({ model, el, signal: until });
    state.after?.(model, el);
  }
}
