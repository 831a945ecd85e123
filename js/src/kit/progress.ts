/** How far a request is: a 2 px line, a count, and the word that stops it. */
import { h, on, setAttribute, setText, wordButton } from "./shared/dom.ts";

export interface ProgressProps {
  readonly active: boolean;
  readonly done: number;
  /** 0: not known. */
  readonly total: number;
  readonly note: string;
  readonly cancelling: boolean;
  readonly cancellable: boolean;
}

/** `line` and `words` are places of their own, so that neither moves anything. */
export function progress(
  places: { line: HTMLElement; words: HTMLElement },
  props: ProgressProps,
  callbacks: { cancel(): void },
  signal: AbortSignal,
) {
  const fill = h("div", { class: "xw-fill" });
  const line = h(
    "div",
    { class: "xw-progress", role: "progressbar", "aria-label": "computing", "aria-valuemin": 0, hidden: true },
    fill,
  );
  const count = h("span", { class: "xw-count" });
  const cancel = wordButton("cancel", { class: "xw-word xw-cancel" }, () => callbacks.cancel(), signal);
  const words = h("span", { class: "xw-busy-words", hidden: true }, count, cancel);
  places.line.append(line);
  places.words.append(words);
  on(
    places.words,
    "keydown",
    (event) => {
      if (event.key === "Escape" && !cancel.hidden && !words.hidden) callbacks.cancel();
    },
    signal,
  );
  const update = (next: ProgressProps) => {
    line.hidden = !next.active;
    words.hidden = !next.active;
    if (!next.active) return;
    const known = next.total > 0;
    setAttribute(line, "data-known", known);
    setAttribute(line, "aria-valuenow", known ? next.done : null);
    setAttribute(line, "aria-valuemax", known ? next.total : null);
    fill.style.setProperty("--done", known ? String(Math.min(1, next.done / next.total)) : "1");
    const text = next.cancelling ? "stopping" : known ? `${next.done} of ${next.total}` : "computing";
    setText(count, text);
    setAttribute(count, "title", next.note || null);
    cancel.disabled = next.cancelling;
    cancel.hidden = !next.cancellable;
  };
  update(props);
  return { update };
}
