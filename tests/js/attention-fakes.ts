/** Attention views and stores over a host that answers from an invented model. */
import { answerOf, type Invented, invent, serve, trait } from "../../js/gallery/attention.ts";
import { FakeModel } from "../../js/gallery/fake-model.ts";
import type { AttentionRequest, Traits } from "../../js/src/protocol/generated.ts";
import { type AttentionStore, createAttentionStore } from "../../js/src/state/attention-store.ts";
import view from "../../js/src/views/attention.ts";
import { Mounted, place } from "./mounting.ts";
import "../../js/src/views/attention.css";

export interface Setup {
  readonly model: FakeModel;
  readonly store: AttentionStore;
  readonly invented: Invented;
}

/** A store whose host answers nothing by itself. */
export function setup(invented: Invented = invent(), traits: Partial<Traits> = {}): Setup {
  const model = new FakeModel({ explanation: trait(invented.packed), ...traits });
  return { model, store: createAttentionStore(model, place().signal), invented };
}

/** Requests of attention views that were sent. */
export function asks(model: FakeModel, action?: AttentionRequest["action"]): AttentionRequest[] {
  return (model.sent as unknown as AttentionRequest[]).filter(
    (m) => m.type === "request" && (action === undefined || m.action === action),
  );
}

export function cancels(model: FakeModel): string[] {
  return model.sent.flatMap((m) => (m.type === "cancel" && m.id !== "probe" ? [m.id] : []));
}

/** Answer one request as the invented model would. */
export function answer({ model, invented }: Pick<Setup, "model" | "invented">, ask: AttentionRequest): void {
  const [fields, array] = answerOf(invented, ask);
  const message = { type: "result", v: 1, id: ask.id, revision: ask.revision, ...fields };
  model.say(message as never, array ? [new DataView(array.buffer)] : []);
}

export class MountedAttention extends Mounted {
  readonly invented: Invented;

  constructor(invented: Invented, model: FakeModel, el: HTMLElement, end: () => void) {
    super(model, el, end);
    this.invented = invented;
  }

  /** The thumbnail of a head, by its place among all. */
  head(index: number): HTMLElement {
    return this.find(`[data-at="${index}"]`);
  }

  override get question(): string {
    return this.find(".xw-sentence").textContent ?? "";
  }

  /** The sentence under the text. */
  get line(): string {
    return this.find(".xw-att-text .xw-said").textContent ?? "";
  }
}

/** A view whose host answers at once, but for the actions on hold. */
export function show(
  invented: Invented = invent(),
  traits: Partial<Traits> = {},
  options: { hold?: readonly string[]; width?: number; shadow?: boolean } = {},
): MountedAttention {
  const { root, signal, end } = place();
  const model = new FakeModel({ explanation: trait(invented.packed), ...traits });
  serve(model, invented, options.hold);
  const el = document.createElement("div");
  el.style.width = `${options.width ?? 860}px`;
  if (options.shadow) {
    const host = document.createElement("div");
    root.append(host);
    host.attachShadow({ mode: "open" }).append(el);
  } else root.append(el);
  view.initialize({ model, signal });
  view.render({ model, el, signal });
  return new MountedAttention(invented, model, el, end);
}
