/** A sentence whose tokens are set apart, drawn again only when it says something else. */
import { h, quoted } from "../../kit/shared/dom.ts";

/** A sentence in parts: tokens are set apart from the words around them. */
export type Parts = readonly { readonly text: string; readonly token: boolean }[];

export const word = (text: string) => ({ text, token: false });
export const token = (text: string) => ({ text, token: true });

export function plain(parts: Parts): string {
  return parts.map((p) => p.text).join("");
}

export function sentence(root: HTMLElement, name = "xw-said"): (parts: Parts) => void {
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
