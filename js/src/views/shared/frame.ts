/** What a view that looks at one text has around its own pieces: header, progress, last line, and what is told to those who can't see it. */
import { editor } from "../../kit/editor.ts";
import { type HeaderProps, header } from "../../kit/header.ts";
import { liveRegion } from "../../kit/live-region.ts";
import { type ProgressProps, progress } from "../../kit/progress.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import { type TextTableProps, textTable } from "../../kit/text-table.ts";
import type { Input, ModelInfo } from "../../protocol/generated.ts";
import { type LookingStore, signalsOf } from "../../state/looking.ts";
import { merging, type Signal, signal, watch } from "../../state/signal.ts";
import { type Local, progressProps, working } from "./said.ts";
import { copied, editKey, rootOf } from "./view.ts";

interface Answered {
  readonly snapshot: { readonly code?: string; readonly model?: ModelInfo | null };
}

/** What is drawn; `dim`: the picture is older than the question. */
export interface Drawn {
  readonly answer: Answered | null;
  readonly dim: boolean;
}

/** What every piece of a view is given. */
export interface Context<Store, Scene> {
  readonly store: Store;
  /** The name of this place in messages. */
  readonly view: string;
  scene(): Scene;
}

/** A piece of a view, drawn again after every change. */
export interface Piece<Scene> {
  draw(scene: Scene): void;
}

/** A kit part as a piece. */
export function partPiece<Scene, Props>(
  part: { update(props: Props): void },
  propsOf: (scene: Scene) => Props,
): Piece<Scene> {
  return { draw: (scene) => part.update(propsOf(scene)) };
}

/** What one view says around its pieces. */
export interface Around<Scene> {
  header(scene: Scene, local: Local): HeaderProps;
  progress?(): ProgressProps;
  info(scene: Scene): string;
  /** The model's fingerprint unless told. */
  infoTitle?(scene: Scene): string;
  /** What was found, to be spoken; null: nothing new now. */
  announcement(scene: Scene): string | null;
  /** Many short looks: it isn't spoken that one is under way. */
  readonly quiet?: boolean;
  table(scene: Scene): TextTableProps;
  /** The table is made again when one of these is another; null: not now. */
  tabled(scene: Scene): readonly unknown[] | null;
}

export interface Frame<Scene> {
  readonly root: HTMLElement;
  /** Where the pieces go. */
  readonly body: HTMLElement;
  /** Where the legend goes, beside what is said last. */
  readonly foot: HTMLElement;
  isEditing(): boolean;
  canEdit(): boolean;
  /** Open the prompt, where it can be edited. */
  edit(): void;
  /** Close it, and stay in the view. */
  leave(): void;
  draw(scene: Scene): void;
  /** Draw now, and once after any change in the store or of what is the view's own. */
  follow(draw: () => void, ...own: readonly Signal<unknown>[]): void;
}

/** `scene`: what is drawn now. `beside`: a column beside the pieces. */
export function frame<Scene extends Drawn>(
  el: HTMLElement,
  kind: string,
  store: LookingStore<unknown>,
  scene: () => Scene,
  around: Around<Scene>,
  until: AbortSignal,
  beside?: HTMLElement,
): Frame<Scene> {
  const local = signal<Local>({ editing: false, copied: "" });
  const set = merging(local);
  const root = rootOf(el, store, until, kind);
  store.show(until);

  const toggle = () => {
    if (local.value.editing) store.giveUpEdit();
    set({ editing: !local.value.editing });
  };
  const canEdit = () => around.header(scene(), local.value).canEdit;
  const edit = () => {
    if (canEdit()) set({ editing: true });
  };
  const copy = () => copied(scene().answer?.snapshot.code ?? "", root, (words) => set({ copied: words }));
  const progressNow = around.progress ?? (() => progressProps(store));

  // Places, in reading order.
  const top = h("div", { class: "xw-top" });
  const line = h("div", { class: "xw-line" });
  const body = h("div", { class: "xw-left" });
  const main = beside ? h("div", { class: "xw-main" }, body, beside) : body;
  const foot = h("div", { class: "xw-foot" });
  root.append(top, line, main, foot);

  const first = scene();
  const head = header(top, around.header(first, local.value), { edit: toggle, copy: () => void copy() }, until);
  const bar = progress({ line, words: head.slot }, progressNow(), { cancel: () => store.cancel() }, until);
  const info = h("span", { class: "xw-info" });
  const table = textTable(root, around.table(first), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);
  editKey(root, canEdit, edit, until);

  let told: readonly unknown[] | null = null;
  /** For readers who can't see the picture; the table only when the picture itself changed. */
  function tell(now: Scene): void {
    const live = store.connection.live.value;
    if (live && now.dim && !around.quiet) region.update({ text: live.silent ? "waiting for the kernel" : "computing" });
    else {
      const text = around.announcement(now);
      if (text !== null) region.update({ text });
    }
    const key = around.tabled(now);
    if (!key || key.every((value, i) => told && Object.is(value, told[i]))) return;
    told = key;
    table.update(around.table(now));
  }

  return {
    root,
    body,
    foot,
    isEditing: () => local.value.editing,
    canEdit,
    edit,
    leave() {
      toggle();
      root.focus({ preventScroll: true });
    },
    draw(now) {
      head.update(around.header(now, local.value));
      bar.update(progressNow());
      setText(info, around.info(now));
      const { fingerprint } = now.answer?.snapshot.model ?? {};
      info.title = around.infoTitle?.(now) ?? (fingerprint ? `model ${fingerprint}` : "");
      tell(now);
    },
    follow(draw, ...own) {
      foot.append(h("span", { class: "xw-gap" }), info);
      watch([...signalsOf(store), local, ...own], draw, until);
      draw();
    },
  };
}

/** In place of a picture that is not there; `doing`: what is under way, null where something else stands there. */
export function emptyLine<Scene extends Drawn>(
  root: HTMLElement,
  store: LookingStore<unknown>,
  doing: (scene: Scene) => string | null,
): Piece<Scene> {
  const box = h("div", { class: "xw-empty xw-soft" });
  root.append(box);
  return {
    draw(scene) {
      const words = doing(scene);
      box.hidden = scene.answer !== null || words === null;
      setText(box, working(store) ? (words ?? "") : "no answer yet");
    },
  };
}

/** The text, edited in place. */
export function promptEditor<
  Scene extends { readonly answer: { readonly snapshot: { readonly input: Input } } | null },
>(
  root: HTMLElement,
  { isEditing, leave }: Pick<Frame<Scene>, "isEditing" | "leave">,
  ask: (input: Input) => void,
  until: AbortSignal,
): Piece<Scene> {
  const part = editor(
    root,
    { open: false, input: { kind: "text", text: "" } },
    { ask: ({ messages, ...rest }) => ask({ ...rest, ...(messages ? { messages: [...messages] } : {}) }), leave },
    until,
  );
  return {
    draw({ answer }) {
      part.update({ open: isEditing(), input: answer?.snapshot.input ?? { kind: "text", text: "" } });
    },
  };
}
