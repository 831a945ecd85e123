/** Every state of the view of CKA with invented models: `?only=cka` shows them all, `?only=cka-NAME` one. */
import type { Traits } from "../src/protocol/generated.ts";
import view from "../src/views/cka.ts";
import { type CKASpec, ckaTrait, inventCKA, serveCKA } from "./cka.ts";
import { FakeModel, IDLE } from "./fake-model.ts";

const STATES: Record<string, { spec?: CKASpec; traits?: Partial<Traits> }> = {
  plain: {},
  pinned: { traits: { display: { row: 7 * 13 + 4, link_id: null } } },
  one: { spec: { rows: 30, columns: 30, one: true, loud: [3, 4, 5, 9] } },
  unequal: { spec: { rows: 6, columns: 12, fields: { widths: [768, 1024] } } },
  constant: { spec: { rows: 6, constant: 0 } },
  static: { traits: { status: { ...IDLE, state: "static" } } },
  first: { traits: { explanation: { snapshot: null, buffers: [] }, status: { ...IDLE, state: "running" } } },
};

export function showCKA(main: HTMLElement, only: string | null, width: string | null, until: AbortSignal): void {
  for (const [name, { spec = {}, traits = {} }] of Object.entries(STATES)) {
    const title = `cka-${name}`;
    if (only && only !== "cka" && only !== title) continue;
    const section = document.createElement("section");
    const heading = document.createElement("h2");
    heading.textContent = title;
    const el = document.createElement("div");
    if (width) el.style.width = `${width}px`;
    section.append(heading, el);
    main.append(section);
    const model = new FakeModel({ explanation: ckaTrait(inventCKA(spec)), ...traits });
    serveCKA(model, spec);
    view.initialize({ model, signal: until });
    view.render({ model, el, signal: until });
  }
}
