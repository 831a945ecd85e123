/** Every state of the view of CKA with invented models: `?only=cka` shows them all, `?only=cka-NAME` one. */
import view from "../src/views/cka.ts";
import { type CKASpec, ckaTrait, inventCKA, serveCKA } from "./cka.ts";
import { FIRST, row, SAVED, type State, showing } from "./states.ts";

const of = (spec: CKASpec = {}) => ({ make: () => spec });

const STATES: Record<string, State<CKASpec>> = {
  plain: of(),
  pinned: { ...of(), traits: row(7 * 13 + 4) },
  one: of({ rows: 30, columns: 30, one: true, loud: [3, 4, 5, 9] }),
  unequal: of({ rows: 6, columns: 12, fields: { widths: [768, 1024] } }),
  constant: of({ rows: 6, constant: 0 }),
  static: { ...of(), traits: SAVED },
  first: { ...of(), traits: FIRST },
};

export const showCKA = showing(
  { kind: "cka", view, trait: (spec) => ckaTrait(inventCKA(spec)), serve: serveCKA },
  STATES,
);
