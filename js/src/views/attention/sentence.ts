/** A sentence whose tokens are set apart, drawn again only when it says something else. */
import { h, quoted } from "../../kit/shared/dom.ts";
import type { Parts } from "./words.ts";

export function sentence(root: HTMLElement, name = "xw-att-line"): (parts: Parts) => void {
  const line = h("p", { class: name });
  root.append(line);
  let drawn = "";
  return (parts) => {
    const key = JSON.stringify(parts);
    if (key === drawn) return;
    drawn = key;
    line.replaceChildren(...parts.map(({ text, token }) => (token ? quoted(text) : text)));
    line.hidden = parts.length === 0;
  };
}
