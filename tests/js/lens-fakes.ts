/** Lens views and stores over a host that answers from an invented model. */
import { FakeModel } from "../../js/gallery/fake-model.ts";
import { type InventedLens, inventLens, lensTrait, serveLens } from "../../js/gallery/lens.ts";
import type { LensRequest, Traits } from "../../js/src/protocol/generated.ts";
import { createLensStore, type LensStore } from "../../js/src/state/lens-store.ts";
import view from "../../js/src/views/logit_lens.ts";
import { asksOf, MountedWith, type Options, revised, shown, storeOver } from "./fakes.ts";
import { pressEach } from "./mounting.ts";
import "../../js/src/views/logit_lens.css";

export interface Setup {
  readonly model: FakeModel;
  readonly store: LensStore;
  readonly invented: InventedLens;
}

/** A store whose host answers nothing by itself. */
export function setup(invented: InventedLens = inventLens(), traits: Partial<Traits> = {}): Setup {
  return { ...storeOver(createLensStore, lensTrait(invented.packed), traits), invented };
}

export const asks = asksOf<LensRequest>;

export { revised };

export const pinned = (stream: number, position: number): Partial<Traits> => ({
  display: { row: stream, link_id: null },
  selection: { pos: [position], target: [], source: "python" },
});

export class MountedLens extends MountedWith<InventedLens> {
  /** The sentence under the grid. */
  get line(): string {
    return this.find(".xw-left > .xw-said").textContent ?? "";
  }

  /** The sentence about the followed token. */
  get way(): string {
    return this.find(".xw-lens-follow > .xw-said").textContent ?? "";
  }

  get buttons(): HTMLElement[] {
    return this.all(".xw-token-button");
  }

  tokenButton(text: string): HTMLElement {
    const found = this.buttons.find((b) => b.querySelector("bdi")?.textContent === text);
    if (!found) throw new Error(`no button for ${text}`);
    return found;
  }

  /** Move the cursor by keys: first to the left top of the grid. */
  keys(...names: string[]): void {
    pressEach(this.canvas, names);
  }
}

/** A view whose host answers at once, but for the actions on hold. */
export function show(
  invented: InventedLens = inventLens(),
  traits: Partial<Traits> = {},
  options: Options = {},
): MountedLens {
  const model = new FakeModel({ explanation: lensTrait(invented.packed), ...traits });
  serveLens(model, invented, options.hold);
  return shown(view, model, options, (el, end) => new MountedLens(invented, model, el, end));
}
