/** Views and stores of direct logit attribution over a host that answers from an invented model. */
import { type DirectSpec, directTrait, inventDirect, serveDirect } from "../../js/gallery/direct.ts";
import { FakeModel } from "../../js/gallery/fake-model.ts";
import { decodeDirect } from "../../js/src/protocol/decode-direct.ts";
import type { DirectPacked, DirectRequest, Traits } from "../../js/src/protocol/generated.ts";
import { type Shown, shownOf, type Which } from "../../js/src/state/direct-picture.ts";
import { createDirectStore, type DirectStore } from "../../js/src/state/direct-store.ts";
import view from "../../js/src/views/direct_logit_attribution.ts";
import { Mounted, place, press } from "./mounting.ts";
import "../../js/src/views/direct_logit_attribution.css";

/** A store whose host answers nothing by itself. */
export function setup(spec: DirectSpec = {}, traits: Partial<Traits> = {}): { model: FakeModel; store: DirectStore } {
  const model = new FakeModel({ explanation: directTrait(inventDirect(spec)), ...traits });
  return { model, store: createDirectStore(model, place().signal) };
}

/** Requests that were sent. */
export function asks(model: FakeModel, action?: DirectRequest["action"]): DirectRequest[] {
  return (model.sent as unknown as DirectRequest[]).filter(
    (m) => m.type === "request" && (action === undefined || m.action === action),
  );
}

export function answerOf(packed: DirectPacked, which: Which = "this"): Shown {
  const answer = decodeDirect(packed);
  if (!answer) throw new Error("no answer");
  return shownOf(answer, which);
}

export const pinned = (row: number): Partial<Traits> => ({ display: { row, link_id: null } });

export class MountedDirect extends Mounted {
  get chart(): HTMLElement {
    return this.find("[aria-roledescription='bar chart']");
  }

  get canvas(): HTMLCanvasElement {
    return this.find(".xw-heat-canvas");
  }

  /** The sentence about a component, and that about a head. */
  get said(): string {
    return this.all(".xw-direct-said")[0]?.textContent ?? "";
  }

  get headSaid(): string {
    return this.all(".xw-direct-said")[1]?.textContent ?? "";
  }

  get sources(): HTMLElement | undefined {
    return this.all("section[aria-label='where the head looks']").find((box) => box.checkVisibility());
  }

  /** The sentence about where a head looks. */
  get sourceSaid(): string {
    return this.sources?.querySelector(".xw-direct-said")?.textContent ?? "";
  }

  /** Tokens of the text a head looks at. */
  get units(): HTMLElement[] {
    return [...(this.sources?.querySelectorAll<HTMLElement>(".xw-strip [role=option]") ?? [])];
  }

  /** The button that shows one of two models. */
  version(name: string): HTMLElement {
    const found = this.all(".xw-direct-versions [role=radio]").find((b) => b.textContent === name);
    if (!found) throw new Error(`no version ${name}`);
    return found;
  }

  get neurons(): HTMLElement[] {
    return this.all("section[aria-label=neurons] tbody tr").filter((row) => row.checkVisibility());
  }

  keys(on: HTMLElement, ...names: string[]): void {
    on.focus();
    for (const name of names) press(on, name);
  }

  get answer(): Shown {
    return answerOf(this.model.get("explanation") as unknown as DirectPacked);
  }
}

/** A view whose host answers at once, but for the actions on hold. */
export function show(
  spec: DirectSpec = {},
  traits: Partial<Traits> = {},
  options: { hold?: readonly string[]; width?: number; shadow?: boolean } = {},
): MountedDirect {
  const { root, signal, end } = place();
  const model = new FakeModel({ explanation: directTrait(inventDirect(spec)), ...traits });
  serveDirect(model, spec, options.hold);
  const el = document.createElement("div");
  el.style.width = `${options.width ?? 860}px`;
  if (options.shadow) {
    const host = document.createElement("div");
    root.append(host);
    host.attachShadow({ mode: "open" }).append(el);
  } else root.append(el);
  view.initialize({ model, signal });
  view.render({ model, el, signal });
  return new MountedDirect(model, el, end);
}
