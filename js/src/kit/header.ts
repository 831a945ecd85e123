/** The line at the top: model and method on the left, how exact and what one can do on the right. */
import { h, setAttribute, setText, wordButton } from "./shared/dom.ts";

export interface HeaderProps {
  readonly model: string;
  readonly modelTitle: string;
  readonly method: string;
  readonly methodTitle: string;
  readonly exactness: string;
  readonly exactnessTitle: string;
  /** The exactness gives its place to the progress words. */
  readonly busy: boolean;
  /** Nothing is known yet: the words stand where they will be, without a use. */
  readonly waiting: boolean;
  readonly canChange: boolean;
  readonly changing: boolean;
  readonly canEdit: boolean;
  readonly editing: boolean;
  readonly editTitle: string;
  readonly code: boolean;
  readonly copied: string;
}

export interface HeaderCallbacks {
  change(): void;
  edit(): void;
  copy(): void;
}

export function header(root: HTMLElement, props: HeaderProps, callbacks: HeaderCallbacks, signal: AbortSignal) {
  const model = h("b", { class: "xw-model" });
  const method = h("span", { class: "xw-methodname" });
  const change = wordButton("change ▾", { "aria-haspopup": "dialog" }, () => callbacks.change(), signal);
  const exactness = h("span", { class: "xw-exactness" });
  const slot = h("span", { class: "xw-slot" }, exactness);
  const edit = wordButton("", { class: "xw-word xw-edit", "aria-keyshortcuts": "e" }, () => callbacks.edit(), signal);
  const copy = wordButton("", { class: "xw-word xw-copy" }, () => callbacks.copy(), signal);
  // One box, so that what does not fit into the line goes below it together.
  const tools = h("span", { class: "xw-tools" }, slot, edit, copy);
  const bar = h("div", { class: "xw-bar" }, model, method, change, tools);
  root.append(bar);
  const update = (next: HeaderProps) => {
    setText(model, next.model);
    setAttribute(model, "title", next.modelTitle || null);
    setText(method, next.method);
    setAttribute(method, "title", next.methodTitle || null);
    change.hidden = !(next.canChange || next.waiting);
    change.disabled = !next.canChange;
    setAttribute(change, "aria-expanded", String(next.changing));
    setText(exactness, next.exactness);
    setAttribute(exactness, "title", next.exactnessTitle || null);
    exactness.hidden = next.busy;
    edit.hidden = !(next.canEdit || next.editTitle || next.waiting);
    edit.disabled = !next.canEdit;
    setAttribute(edit, "title", next.editTitle || null);
    setAttribute(edit, "aria-pressed", String(next.editing));
    setAttribute(edit, "data-key", next.editing ? null : "e");
    setText(edit, next.editing ? "done" : "edit");
    copy.hidden = !(next.code || next.waiting);
    copy.disabled = !next.code;
    setText(copy, next.copied || "copy as code");
    bar.hidden = !(next.model || next.method || next.code || next.canEdit || next.busy);
  };
  update(props);
  return { update, slot, change };
}
