/** Views and stores of one text over a host that answers from invented data: what the fakes of each kind of view share. */
import { FakeModel } from "../../js/gallery/fake-model.ts";
import type { Packed, Traits } from "../../js/src/protocol/generated.ts";
import type { Model } from "../../js/src/state/host.ts";
import { Mounted, place } from "./mounting.ts";

/** `hold`: actions that get no answer. */
export interface Options {
  readonly hold?: readonly string[];
  readonly width?: number;
  readonly shadow?: boolean;
}

interface View {
  initialize(props: { model: Model; signal: AbortSignal }): unknown;
  render(props: { model: Model; el: HTMLElement; signal: AbortSignal }): unknown;
}

/** Requests that were sent. */
export function asksOf<Request extends { readonly type: string; readonly action: string }>(
  model: FakeModel,
  action?: Request["action"],
): Request[] {
  return (model.sent as unknown as Request[]).filter(
    (m) => m.type === "request" && (action === undefined || m.action === action),
  );
}

/** The same answer, of another revision or with other fields. */
export function revised({ packed }: { packed: { readonly snapshot: object | null } }, fields: object): Packed {
  return { ...packed, snapshot: packed.snapshot && { ...packed.snapshot, ...fields } } as Packed;
}

/** A store whose host answers nothing by itself. */
export function storeOver<Store>(
  create: (model: Model, until: AbortSignal) => Store,
  explanation: Packed,
  traits: Partial<Traits>,
): { model: FakeModel; store: Store } {
  const model = new FakeModel({ explanation, ...traits });
  return { model, store: create(model, place().signal) };
}

/** A view on the page; `made` gives it to the test. */
export function shown<V>(
  view: View,
  model: FakeModel,
  { width = 860, shadow = false }: Options,
  made: (el: HTMLElement, end: () => void) => V,
): V {
  const { root, signal, end } = place();
  const el = document.createElement("div");
  el.style.width = `${width}px`;
  if (shadow) {
    const host = document.createElement("div");
    root.append(host);
    host.attachShadow({ mode: "open" }).append(el);
  } else root.append(el);
  view.initialize({ model, signal });
  view.render({ model, el, signal });
  return made(el, end);
}

/** A view that knows what was invented for it. */
export class MountedWith<Invented> extends Mounted {
  readonly invented: Invented;

  constructor(invented: Invented, model: FakeModel, el: HTMLElement, end: () => void) {
    super(model, el, end);
    this.invented = invented;
  }
}
