/** Every state of the attention view with an invented model: `?only=attention` shows them all, `?only=attention-NAME` one. */
import type { Traits } from "../src/protocol/generated.ts";
import view from "../src/views/attention.ts";
import { type Invented, invent, serve, trait, words } from "./attention.ts";
import { FakeModel, IDLE } from "./fake-model.ts";

interface State {
  make(): Invented;
  traits?: Partial<Traits>;
  hold?: string[];
  after?(model: FakeModel, el: HTMLElement): void;
}

const chosen = (row: number) => ({ display: { row, link_id: null } });
const pinned = (...pos: number[]) => ({ selection: { pos, target: [], source: "python" } });
const press = (el: HTMLElement, text: string) =>
  [...el.querySelectorAll("button")].find((b) => b.textContent?.trim() === text)?.click();
const head = (el: HTMLElement, index: number, shiftKey = false) =>
  el.querySelector(`[data-at="${index}"]`)?.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey }));
const soon = (act: () => void) => setTimeout(act, 60);

const choose = (el: HTMLElement, name: string, value: string) => {
  const select = el.querySelector<HTMLSelectElement>(`select[aria-label="${name}"]`);
  if (!select) return;
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
};
const VERSIONS: [string, string] = ["invented/base-6x4", "invented/base-6x4-tuned"];
const SECOND = ["The", " old", " dog", ...words(24).slice(2)];

const STATES: Record<string, State> = {
  plain: { make: () => invent() },
  chosen: { make: () => invent(), traits: { ...chosen(2), ...pinned(17) } },
  arcs: { make: () => invent(), traits: { ...chosen(1), ...pinned(9) }, after: (_, el) => press(el, "arcs") },
  text: { make: () => invent(), traits: { ...chosen(1), ...pinned(17) }, after: (_, el) => press(el, "text") },
  hidden: { make: () => invent(), traits: chosen(6), after: (_, el) => press(el, "hide first token") },
  sinks: { make: () => invent({ sinks: true }), traits: { ...chosen(0), ...pinned(5) } },
  compare: {
    make: () => invent(),
    traits: { ...chosen(0), ...pinned(9) },
    after: (_, el) => soon(() => head(el, 3, true)),
  },
  off: {
    make: () => invent(),
    traits: chosen(5),
    after(_, el) {
      press(el, "head 1.1");
      press(el, "every head, one by one");
    },
  },
  pair: {
    make: () => invent(),
    traits: { ...chosen(1), ...pinned(17) },
    after(_, el) {
      press(el, "who looks at it");
      soon(() => el.querySelectorAll<HTMLElement>(".xw-strip [role=option]")[8]?.click());
    },
  },
  flow: { make: () => invent(), after: (_, el) => el.querySelectorAll<HTMLElement>("summary")[1]?.click() },
  encoder: { make: () => invent({ causal: false, layers: 2 }), traits: { ...chosen(3), ...pinned(4) } },
  two: {
    make: () => invent({ tokens: words(14), decoder: [" die", " Katze", " saß", " auf"], layers: 2 }),
    traits: { ...chosen(9), ...pinned(2) },
  },
  stacks: {
    make: () => invent({ tokens: words(14), decoder: [" die", " Katze", " saß", " auf"], layers: 2 }),
    traits: { ...chosen(9), ...pinned(2) },
    after: (_, el) => press(el, "arcs"),
  },
  versions: { make: () => invent({ versions: VERSIONS }), traits: { ...chosen(5), ...pinned(9) } },
  "versions-sorted": {
    make: () => invent({ versions: VERSIONS, layers: 12, heads: 12 }),
    traits: chosen(13),
    after: (_, el) => soon(() => choose(el, "order of the heads", "difference")),
  },
  texts: {
    make: () =>
      invent({
        versions: ["The cat sat on the mat .", "A dog sat on the mat ."],
        other: ["A", " dog", ...words(24).slice(2)],
      }),
    traits: { ...chosen(1), ...pinned(9) },
  },
  "texts-apart": {
    make: () => invent({ versions: ["The cat sat on the mat .", "The old dog sat on the mat ."], other: SECOND }),
    traits: { ...chosen(1), ...pinned(9) },
    after: (_, el) => press(el, "text"),
  },
  elsewhere: {
    make: () => invent({ layers: 8, heads: 9 }),
    traits: chosen(5),
    after(_, el) {
      press(el, "every head, one by one");
      press(el, "the same on other texts");
      soon(() => choose(el, "order of the heads", "effect"));
    },
  },
  "flow-large": {
    make: () => invent({ layers: 30, heads: 9, tokens: words(200), missing: ["Layer 1 has no weights."] }),
    after: (_, el) => el.querySelectorAll<HTMLElement>("summary")[1]?.click(),
  },
  huge: { make: () => invent({ layers: 80, heads: 64, tokens: words(8) }), traits: chosen(3000) },
  missing: {
    make: () =>
      invent({
        layers: 3,
        missing: [
          "Layers 1, 3 and 5 are linear attention: they keep a state and have no weights over positions.",
          "Layer 2 is computed by a kernel of its own; its weights are recomputed from queries and keys.",
        ],
      }),
  },
  error: {
    make: () => invent(),
    traits: {
      ...chosen(1),
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
  refused: {
    make: () => invent(),
    traits: chosen(1),
    hold: ["tile"],
    after: (model) =>
      soon(() =>
        model.say({
          type: "error",
          v: 1,
          id: model.sent.flatMap((m) => ("action" in m && (m.action as string) === "tile" ? [m.id] : []))[0] ?? "",
          revision: 0,
          error: {
            code: "x",
            problem: "Norms can't be had for this block.",
            given: "",
            accepted: "",
            hint: "choose attention weight",
          },
        }),
      ),
  },
  gone: {
    make: () => invent(),
    traits: chosen(1),
    after: (model, el) =>
      soon(() => {
        model.dead = true;
        head(el, 9);
      }),
  },
  static: { make: () => invent(), traits: { ...chosen(1), status: { ...IDLE, state: "static" } } },
  loading: { make: () => invent(), traits: chosen(1), hold: ["tile", "line"] },
  editing: { make: () => invent(), traits: chosen(1), hold: ["attend"], after: edit },
  first: {
    make: () => invent(),
    traits: { explanation: { snapshot: null, buffers: [] }, status: { ...IDLE, state: "running" } },
  },
  rtl: {
    make: () => invent({ tokens: ["עיר", " הבירה", " של", " צרפת", " היא", " <b>", " Paris", "\n", "  ", " היא"] }),
    traits: { ...chosen(0), ...pinned(4) },
  },
  many: { make: () => invent({ layers: 30, heads: 9, tokens: words(64) }), traits: chosen(100) },
  long: { make: () => invent({ layers: 2, heads: 2, tokens: words(4096) }), traits: chosen(1) },
};

function edit(_: FakeModel, el: HTMLElement): void {
  press(el, "edit");
  soon(() => {
    const area = el.querySelector("textarea");
    if (!area) return;
    area.value = "The dog sat on the mat.";
    area.dispatchEvent(new InputEvent("input", { bubbles: true }));
  });
}

export function showAttention(main: HTMLElement, only: string | null, width: string | null, until: AbortSignal): void {
  for (const [name, state] of Object.entries(STATES)) {
    const title = `attention-${name}`;
    if (only && only !== "attention" && only !== title) continue;
    // Takes a second to invent, so only by itself.
    if (name === "long" && only !== title) continue;
    const section = document.createElement("section");
    const heading = document.createElement("h2");
    heading.textContent = title;
    const el = document.createElement("div");
    if (width) el.style.width = `${width}px`;
    section.append(heading, el);
    main.append(section);
    const invented = state.make();
    const model = new FakeModel({ explanation: trait(invented.packed), ...state.traits });
    serve(model, invented, state.hold);
    view.initialize({ model, signal: until });
    view.render({ model, el, signal: until });
    state.after?.(model, el);
  }
}
