/** Patching views and stores over a host that answers from two invented prompts. */
import { FakeModel } from "../../js/gallery/fake-model.ts";
import { type InventedPatching, inventPatching, patchingTrait, servePatching } from "../../js/gallery/patching.ts";
import type { PatchingRequest, Traits } from "../../js/src/protocol/generated.ts";
import { createPatchingStore, type PatchingStore } from "../../js/src/state/patching-store.ts";
import view from "../../js/src/views/patching.ts";
import { asksOf, MountedWith, type Options, revised, shown, storeOver } from "./fakes.ts";
import { pressEach } from "./mounting.ts";
import "../../js/src/views/patching.css";

export interface Setup {
  readonly model: FakeModel;
  readonly store: PatchingStore;
  readonly invented: InventedPatching;
}

/** A store whose host answers nothing by itself. */
export function setup(invented: InventedPatching = inventPatching(), traits: Partial<Traits> = {}): Setup {
  return { ...storeOver(createPatchingStore, patchingTrait(invented.packed), traits), invented };
}

export const asks = asksOf<PatchingRequest>;

export { revised };

export const pinned = (layer: number, position: number): Partial<Traits> => ({
  display: { row: layer, link_id: null },
  selection: { pos: [position], target: [], source: "python" },
});

export class MountedPatching extends MountedWith<InventedPatching> {
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

  /** Move the cursor by keys: the first goes to the left top of the grid. */
  keys(...names: string[]): void {
    pressEach(this.canvas, names);
  }
}

/** A view whose host answers at once, but for the actions on hold. */
export function show(
  invented: InventedPatching = inventPatching(),
  traits: Partial<Traits> = {},
  options: Options = {},
): MountedPatching {
  const model = new FakeModel({ explanation: patchingTrait(invented.packed), ...traits });
  servePatching(model, invented, options.hold);
  return shown(view, model, options, (el, end) => new MountedPatching(invented, model, el, end));
}
