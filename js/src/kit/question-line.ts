/** The question in words, with its number. */
import { h, quoted, setText, wordButton } from "./shared/dom.ts";

export interface QuestionLineProps {
  readonly parts: readonly { readonly text: string; readonly token: boolean }[];
  /** Around the name of the quantity; the name itself is left out where it can be chosen (see `slot`). */
  readonly before: string;
  readonly name: string;
  readonly after: string;
  /** There is a contrast to take back. */
  readonly contrast: boolean;
  readonly dim: boolean;
}

export function questionLine(
  root: HTMLElement,
  props: QuestionLineProps | null,
  callbacks: { clear(): void },
  signal: AbortSignal,
) {
  const sentence = h("span", { class: "xw-sentence" });
  const before = h("span", {});
  const name = h("span", {});
  const after = h("span", {});
  const slot = h("span", { class: "xw-slot-quantity" });
  const measure = h("span", { class: "xw-measure" }, before, name, slot, after);
  const clear = wordButton("not that one", { title: "ask without the comparison" }, () => callbacks.clear(), signal);
  const line = h("div", { class: "xw-q" }, sentence, measure, clear);
  root.append(line);
  let drawn = "";
  const update = (next: QuestionLineProps | null) => {
    line.hidden = !next;
    if (!next) return;
    const key = JSON.stringify(next.parts);
    if (key !== drawn)
      sentence.replaceChildren(...next.parts.map((part) => (part.token ? quoted(part.text) : part.text)));
    drawn = key;
    setText(before, next.before);
    setText(name, next.name);
    setText(after, next.after);
    clear.hidden = !next.contrast;
    line.toggleAttribute("data-dim", next.dim);
  };
  update(props);
  return { update, slot };
}
