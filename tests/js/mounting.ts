/** Views and parts on the page for one test, taken away after it. */
import { onTestFinished } from "vitest";
import { FakeModel } from "../../js/gallery/fake-model.ts";
import type { Packed, Snapshot, Traits } from "../../js/src/protocol/generated.ts";
import view from "../../js/src/views/token_attribution.ts";
import "../../js/src/views/token_attribution.css";

/** Let everything that waits for the current turn of the event loop run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

/** A place on the page and a signal that ends with the test. */
export function place(): { root: HTMLElement; signal: AbortSignal; end: () => void } {
  const root = document.createElement("div");
  document.body.append(root);
  const controller = new AbortController();
  onTestFinished(() => {
    controller.abort();
    root.remove();
  });
  return { root, signal: controller.signal, end: () => controller.abort() };
}

export class Mounted {
  readonly model: FakeModel;
  readonly el: HTMLElement;
  readonly end: () => void;

  constructor(model: FakeModel, el: HTMLElement, end: () => void) {
    this.model = model;
    this.el = el;
    this.end = end;
  }

  find<T extends HTMLElement = HTMLElement>(selector: string): T {
    const found = this.el.querySelector<T>(selector);
    if (!found) throw new Error(`nothing matches ${selector}`);
    return found;
  }

  all(selector: string): HTMLElement[] {
    return [...this.el.querySelectorAll<HTMLElement>(selector)];
  }

  button(text: string): HTMLButtonElement {
    const found = this.all("button").find((b) => b.textContent === text && b.checkVisibility());
    if (!found) throw new Error(`no visible button says ${text}`);
    return found as HTMLButtonElement;
  }

  /** Whether the text can be read on the screen. */
  says(text: string): boolean {
    return this.el.innerText.includes(text);
  }

  get tokens(): HTMLElement[] {
    return this.all(".xw-strip [role=option]");
  }

  token(text: string): HTMLElement {
    const found = this.tokens.find((t) => t.textContent === text);
    if (!found) throw new Error(`no token ${JSON.stringify(text)}`);
    return found;
  }

  candidate(text: string): HTMLElement {
    const found = this.all(".xw-cands [role=option]").find((c) => c.firstElementChild?.textContent === text);
    if (!found) throw new Error(`no candidate ${text}`);
    return found;
  }

  get question(): string {
    return this.find(".xw-sentence").textContent ?? "";
  }
}

/** A view over a fake host. With `model`, one more view of the same widget. */
export function mount(
  explanation: Packed | null,
  traits: Partial<Traits> = {},
  into?: { model?: FakeModel; root?: HTMLElement },
): Mounted {
  const { root, signal, end } = place();
  const model = into?.model ?? new FakeModel({ ...(explanation ? { explanation } : {}), ...traits });
  const el = document.createElement("div");
  (into?.root ?? root).append(el);
  if (!into?.model) view.initialize({ model, signal });
  view.render({ model, el, signal });
  return new Mounted(model, el, end);
}

export function press(target: Element, key: string, init: KeyboardEventInit = {}): void {
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...init }));
}

export function type(area: HTMLTextAreaElement | HTMLInputElement, text: string): void {
  area.value = text;
  area.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
}

export function bytes(array: Float32Array | Int32Array | Uint8Array): DataView {
  return new DataView(array.buffer, array.byteOffset, array.byteLength);
}

/** An answer with some fields of its snapshot changed. */
export function at(p: Packed, fields: Partial<Snapshot>): Packed {
  return {
    ...p,
    snapshot: p.snapshot && { ...p.snapshot, ...fields },
  };
}

/** A model whose store is opened, for a view mounted into a place of its own. */
export function withSession(explanation: Packed | null): FakeModel {
  const model = new FakeModel(explanation ? { explanation } : {});
  view.initialize({ model, signal: place().signal });
  return model;
}
