/** The line at the top: model and method on the left, how exact and what one can do on the right. */
import { h, setAttribute, setText, wordButton } from "./shared/dom.ts";

export interface HeaderProps {
  readonly model: string;
  readonly method: string;
  readonly exactness: string;
  readonly exactnessTitle: string;
  /** The exactness gives its place to the progress words. */
  readonly busy: boolean;
  readonly canChange: boolean;
  readonly changing: boolean;
  readonly canEdit: boolean;
  readonly editing: boolean;
  readonly editTitle: string;
  readonly undo: boolean;
  readonly redo: boolean;
  readonly code: boolean;
  readonly copied: string;
}

export interface HeaderCallbacks {
  change(): void;
  edit(): void;
  undo(): void;
  redo(): void;
  copy(): void;
}

export function header(root: HTMLElement, props: HeaderProps, callbacks: HeaderCallbacks, signal: AbortSignal) {
  const model = h("b", { class: "xw-model" });
  const method = h("span", { class: "xw-methodname" });
  const change = wordButton("change ▾", { "aria-haspopup": "dialog" }, () => callbacks.change(), signal);
  const exactness = h("span", { class: "xw-exactness" });
  const slot = h("span", { class: "xw-slot" }, exactness);
  const undo = wordButton("undo", {}, () => callbacks.undo(), signal);
  const redo = wordButton("redo", {}, () => callbacks.redo(), signal);
  const edit = wordButton("", { "aria-keyshortcuts": "e" }, () => callbacks.edit(), signal);
  const copy = wordButton("", { class: "xw-word xw-copy" }, () => callbacks.copy(), signal);
  const bar = h(
    "div",
    { class: "xw-bar" },
    model,
    method,
    change,
    h("span", { class: "xw-gap" }),
    slot,
    undo,
    redo,
    edit,
    copy,
  );
  root.append(bar);
  const update = (next: HeaderProps) => {
    setText(model, next.model);
    setText(method, next.method);
    setAttribute(method, "title", next.method || null);
    change.hidden = !next.canChange;
    setAttribute(change, "aria-expanded", String(next.changing));
    setText(exactness, next.exactness);
    setAttribute(exactness, "title", next.exactnessTitle || null);
    exactness.hidden = next.busy;
    undo.hidden = redo.hidden = !(next.undo || next.redo);
    undo.disabled = !next.undo;
    redo.disabled = !next.redo;
    edit.hidden = !next.canEdit && !next.editTitle;
    edit.disabled = !next.canEdit;
    setAttribute(edit, "title", next.editTitle || null);
    setAttribute(edit, "aria-pressed", String(next.editing));
    setAttribute(edit, "data-key", next.editing ? null : "e");
    setText(edit, next.editing ? "done" : "edit");
    copy.hidden = !next.code;
    setText(copy, next.copied || "copy as code");
    bar.hidden = !(next.model || next.method || next.code || next.canEdit || next.busy);
  };
  update(props);
  return { update, slot, change };
}
