/** Patching views and stores over a host that answers from two invented prompts. */
import { FakeModel } from "../../js/gallery/fake-model.ts";
import { type InventedPatching, inventPatching, patchingTrait, servePatching } from "../../js/gallery/patching.ts";
import type { PatchingRequest, Traits } from "../../js/src/protocol/generated.ts";
import { createPatchingStore, type PatchingStore } from "../../js/src/state/patching-store.ts";
import view from "../../js/src/views/patching.ts";
import { Mounted, place, press } from "./mounting.ts";
import "../../js/src/views/patching.css";

export interface Setup {
  readonly model: FakeModel;
  readonly store: PatchingStore;
  readonly invented: InventedPatching;
}

/** A store whose host answers nothing by itself. */
export function setup(invented: InventedPatching = inventPatching(), traits: Partial<Traits> = {}): Setup {
  const model = new FakeModel({ explanation: patchingTrait(invented.packed), ...traits });
  return { model, store: createPatchingStore(model, place().signal), invented };
}

/** Requests that were sent. */
export function asks(model: FakeModel, action?: PatchingRequest["action"]): PatchingRequest[] {
  return (model.sent as unknown as PatchingRequest[]).filter(
    (m) => m.type === "request" && (action === undefined || m.action === action),
  );
}

/** The same answer, of another revision or with other fields. */
export function revised({ packed }: InventedPatching, fields: object): ReturnType<typeof patchingTrait> {
  return patchingTrait({ ...packed, snapshot: packed.snapshot && { ...packed.snapshot, ...fields } });
}

export const pinned = (layer: number, position: number): Partial<Traits> => ({
  display: { row: layer, link_id: null },
  selection: { pos: [position], target: [], source: "python" },
});

export class MountedPatching extends Mounted {
  readonly invented: InventedPatching;

  constructor(invented: InventedPatching, model: FakeModel, el: HTMLElement, end: () => void) {
    super(model, el, end);
    this.invented = invented;
  }

  get canvas(): HTMLCanvasElement {
    return this.find(".xw-heat-canvas");
  }

  /** The sentence under the grid. */
  get line(): string {
    return this.find(".xw-patch-grid + .xw-said").textContent ?? "";
  }

  /** How far the rows are exact. */
  get exactness(): string {
    return this.find(".xw-patch-exact").textContent ?? "";
  }

  /** What the pinned cell came to. */
  get outcome(): string {
    return this.find(".xw-patch-cell > .xw-said").textContent ?? "";
  }

  /** Tokens that stand together, clean over corrupted. */
  get pairs(): string[] {
    return this.all(".xw-pair").map((pair) => [...pair.children].map((child) => child.textContent).join("/"));
  }

  /** A row of a prompt's next tokens. */
  candidateOf(which: "clean" | "corrupted", text: string): HTMLElement {
    const found = this.all(`[aria-label="next tokens, ${which}"] [role=option]`).find(
      (row) => row.firstElementChild?.textContent === text,
    );
    if (!found) throw new Error(`no candidate ${text}`);
    return found;
  }

  field(which: "clean" | "corrupted"): HTMLTextAreaElement {
    return this.find(`[aria-label="${which} prompt"] textarea`);
  }

  choose(name: string, value: string): void {
    const select = this.find<HTMLSelectElement>(`select[aria-label="${name}"]`);
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** Move the cursor by keys: the first goes to the left top of the grid. */
  keys(...names: string[]): void {
    this.canvas.focus();
    for (const name of names) press(this.canvas, name);
  }
}

/** A view whose host answers at once, but for the actions on hold. */
export function show(
  invented: InventedPatching = inventPatching(),
  traits: Partial<Traits> = {},
  options: { hold?: readonly string[]; width?: number; shadow?: boolean } = {},
): MountedPatching {
  const { root, signal, end } = place();
  const model = new FakeModel({ explanation: patchingTrait(invented.packed), ...traits });
  servePatching(model, invented, options.hold);
  const el = document.createElement("div");
  el.style.width = `${options.width ?? 860}px`;
  if (options.shadow) {
    const host = document.createElement("div");
    root.append(host);
    host.attachShadow({ mode: "open" }).append(el);
  } else root.append(el);
  view.initialize({ model, signal });
  view.render({ model, el, signal });
  return new MountedPatching(invented, model, el, end);
}
