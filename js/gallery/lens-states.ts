/** Every state of the lens view with an invented model: `?only=lens` shows them all, `?only=lens-NAME` one. */
import view from "../src/views/logit_lens.ts";
import { choose, edit, press, soon } from "./gestures.ts";
import { type InventedLens, inventLens, lensTrait, prompt, serveLens } from "./lens.ts";
import { FIRST, positions, RUNNING, row, SAVED, type State, showing, TOO_LONG } from "./states.ts";

const pinned = (stream: number, position: number) => ({ ...row(stream), ...positions(position) });
const ink = (el: HTMLElement, value: string) => choose(el, "what ink means", value);

const STATES: Record<string, State<InventedLens>> = {
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
  running: { make: () => inventLens({ read: 1 }), traits: RUNNING, hold: ["look"] },
  marks: {
    make: () => inventLens({ tokens: ["<b>", " bold", "\n", "  ", "עיר", " הבירה", "👩‍🚀", "\t", " is"], layers: 8 }),
    traits: pinned(3, 4),
  },
  error: {
    make: () => inventLens(),
    traits: TOO_LONG,
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
    traits: { ...pinned(6, 4), ...SAVED },
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
  editing: { make: () => inventLens(), hold: ["look"], after: (_, el) => edit(el, "The capital of Spain is") },
  first: {
    make: () => inventLens(),
    traits: FIRST,
  },
};

export const showLens = showing(
  { kind: "lens", view, trait: ({ packed }) => lensTrait(packed), serve: serveLens },
  STATES,
);
