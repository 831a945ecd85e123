/** Attention views and stores over a host that answers from an invented model. */
import { answerOf, type Invented, invent, serve, trait } from "../../js/gallery/attention.ts";
import { FakeModel } from "../../js/gallery/fake-model.ts";
import type { AttentionRequest, Traits } from "../../js/src/protocol/generated.ts";
import { type AttentionStore, createAttentionStore } from "../../js/src/state/attention-store.ts";
import view from "../../js/src/views/attention.ts";
import { asksOf, MountedWith, type Options, shown, storeOver } from "./fakes.ts";
import "../../js/src/views/attention.css";

export interface Setup {
  readonly model: FakeModel;
  readonly store: AttentionStore;
  readonly invented: Invented;
}

/** A store whose host answers nothing by itself. */
export function setup(invented: Invented = invent(), traits: Partial<Traits> = {}): Setup {
  return { ...storeOver(createAttentionStore, trait(invented.packed), traits), invented };
}

export const asks = asksOf<AttentionRequest>;

export function cancels(model: FakeModel): string[] {
  return model.sent.flatMap((m) => (m.type === "cancel" && m.id !== "probe" ? [m.id] : []));
}

/** Answer one request as the invented model would. */
export function answer({ model, invented }: Pick<Setup, "model" | "invented">, ask: AttentionRequest): void {
  const [fields, array] = answerOf(invented, ask);
  const message = { type: "result", v: 1, id: ask.id, revision: ask.revision, ...fields };
  model.say(message as never, array ? [new DataView(array.buffer)] : []);
}

export class MountedAttention extends MountedWith<Invented> {
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
  options: Options = {},
): MountedAttention {
  const model = new FakeModel({ explanation: trait(invented.packed), ...traits });
  serve(model, invented, options.hold);
  return shown(view, model, options, (el, end) => new MountedAttention(invented, model, el, end));
}
