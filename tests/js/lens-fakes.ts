/** Lens views and stores over a host that answers from an invented model. */
import { FakeModel } from "../../js/gallery/fake-model.ts";
import { type InventedLens, inventLens, lensTrait, serveLens } from "../../js/gallery/lens.ts";
import type { LensRequest, Traits } from "../../js/src/protocol/generated.ts";
import { createLensStore, type LensStore } from "../../js/src/state/lens-store.ts";
import view from "../../js/src/views/logit_lens.ts";
import { Mounted, place, press } from "./mounting.ts";
import "../../js/src/views/logit_lens.css";

export interface Setup {
  readonly model: FakeModel;
  readonly store: LensStore;
  readonly invented: InventedLens;
}

/** A store whose host answers nothing by itself. */
export function setup(invented: InventedLens = inventLens(), traits: Partial<Traits> = {}): Setup {
  const model = new FakeModel({ explanation: lensTrait(invented.packed), ...traits });
  return { model, store: createLensStore(model, place().signal), invented };
}

/** Requests that were sent. */
export function asks(model: FakeModel, action?: LensRequest["action"]): LensRequest[] {
  return (model.sent as unknown as LensRequest[]).filter(
    (m) => m.type === "request" && (action === undefined || m.action === action),
  );
}

/** The same answer, of another revision or with other fields. */
export function revised({ packed }: InventedLens, fields: object): ReturnType<typeof lensTrait> {
  return lensTrait({ ...packed, snapshot: packed.snapshot && { ...packed.snapshot, ...fields } });
}

export const pinned = (stream: number, position: number): Partial<Traits> => ({
  display: { row: stream, link_id: null },
  selection: { pos: [position], target: [], source: "python" },
});

export class MountedLens extends Mounted {
  readonly invented: InventedLens;

  constructor(invented: InventedLens, model: FakeModel, el: HTMLElement, end: () => void) {
    super(model, el, end);
    this.invented = invented;
  }

  get canvas(): HTMLCanvasElement {
    return this.find(".xw-heat-canvas");
  }

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
    this.canvas.focus();
    for (const name of names) press(this.canvas, name);
  }
}

/** A view whose host answers at once, but for the actions on hold. */
export function show(
  invented: InventedLens = inventLens(),
  traits: Partial<Traits> = {},
  options: { hold?: readonly string[]; width?: number; shadow?: boolean } = {},
): MountedLens {
  const { root, signal, end } = place();
  const model = new FakeModel({ explanation: lensTrait(invented.packed), ...traits });
  serveLens(model, invented, options.hold);
  const el = document.createElement("div");
  el.style.width = `${options.width ?? 860}px`;
  if (options.shadow) {
    const host = document.createElement("div");
    root.append(host);
    host.attachShadow({ mode: "open" }).append(el);
  } else root.append(el);
  view.initialize({ model, signal });
  view.render({ model, el, signal });
  return new MountedLens(invented, model, el, end);
}
