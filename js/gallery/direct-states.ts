/** Every state of direct logit attribution with an invented model: `?only=direct` shows them all, `?only=direct-NAME` one. */
import view from "../src/views/direct_logit_attribution.ts";
import { type DirectSpec, directTrait, inventDirect, serveDirect } from "./direct.ts";
import { candidate, edit, soon } from "./gestures.ts";
import { FIRST, failed, row as pinned, SAVED, type State, showing } from "./states.ts";

const of = (spec: DirectSpec = {}) => ({ make: () => spec });
/** A row of the list of all parts: 12 layers have 26 components, then 6 heads a layer. */
const MLP_10 = pinned(22);

const STATES: Record<string, State<DirectSpec>> = {
  plain: of(),
  contrast: of({ other: " Rome" }),
  "thirty-layers": { ...of({ layers: 30, heads: 9 }), traits: pinned(54) },
  "eighty-layers": of({ layers: 80, heads: 64 }),
  attention: { ...of(), traits: pinned(19) },
  head: { ...of({ other: " Rome" }), traits: pinned(26 + 9 * 6 + 2) },
  neurons: { ...of(), traits: MLP_10 },
  versus: { ...of({ versus: true }), traits: pinned(26 + 9 * 6 + 2) },
  asking: { ...of(), traits: MLP_10, hold: ["neurons"] },
  closed: { ...of({ closed: [10] }), traits: MLP_10 },
  whole: of({ whole: [3, 7] }),
  mixers: of({ mixers: [0, 1, 2, 4, 5, 6, 8, 9, 10] }),
  softcap: of({ fields: { softcap: 30 } }),
  doubt: of({ fields: { gap: 0.02 } }),
  marks: {
    ...of({
      tokens: ["<b>", " bold", "\n", "  ", "עיר", " הבירה", "👩‍🚀", "\t", " is"],
      target: "<script>alert(1)</script>",
      other: " עיר",
      layers: 4,
    }),
    traits: pinned(6),
  },
  busy: { ...of(), hold: ["look"], after: (_, el) => soon(() => candidate(el, 3, true)) },
  editing: { ...of(), hold: ["look"], after: (_, el) => edit(el, "The capital of Spain is") },
  error: {
    ...of(),
    traits: failed({
      code: "target",
      problem: 'Target "New York" is two tokens.',
      given: '" New York"',
      accepted: "a target of one token",
      hint: 'use target=" New"',
    }),
  },
  gone: {
    ...of(),
    after: (model, el) =>
      soon(() => {
        model.dead = true;
        candidate(el, 3);
      }),
  },
  static: { ...of(), traits: { ...MLP_10, ...SAVED } },
  first: { ...of(), traits: FIRST },
};

export const showDirect = showing(
  { kind: "direct", view, trait: (spec) => directTrait(inventDirect(spec)), serve: serveDirect },
  STATES,
);
