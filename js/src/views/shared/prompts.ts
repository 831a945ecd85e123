/** Two prompts that are held against each other: their fields beside each other, their tokens as the text has them. */
import { type EditorInput, editor } from "../../kit/editor.ts";
import { h } from "../../kit/shared/dom.ts";
import { marked } from "../../kit/shared/token-text.ts";
import type { Input } from "../../protocol/generated.ts";
import type { Side } from "../../protocol/sides.ts";
import type { Which } from "../../state/drafts.ts";

export const WHICH: readonly Which[] = ["clean", "corrupted"];

export const EMPTY: Input = { kind: "text", text: "" };

/** What each field begins with; null: that prompt is not there to be edited. */
export type Inputs = { readonly [which in Which]: Input | null };

/** Two fields; null closes them, as `leave` does. */
export function promptFields(
  root: HTMLElement,
  { ask: asked, leave }: { ask(which: Which, input: Input): void; leave(): void },
  until: AbortSignal,
): (inputs: Inputs | null) => void {
  const box = h("div", { class: "xw-editors", hidden: true });
  root.append(box);
  const fields = WHICH.map((which) => {
    const side = h("div", { role: "group", "aria-label": `${which} prompt` }, h("h5", { class: "xw-h" }, which));
    box.append(side);
    const ask = (input: EditorInput) => asked(which, input);
    return {
      which,
      side,
      part: editor(side, { open: false, input: EMPTY }, { ask, leave }, until),
    };
  });
  return (inputs) => {
    box.hidden = !inputs;
    for (const { which, side, part } of fields) {
      const input = inputs?.[which] ?? EMPTY;
      side.hidden = inputs?.[which] === null;
      // Ids have no text to edit.
      part.update({ open: inputs !== null && !side.hidden && input.kind !== "ids", input, name: `${which} prompt` });
    }
  };
}

/** A token as the text has it, its leading space kept, what can't be seen marked. */
export function asWritten({ tokens }: Side, i: number): string {
  const [text = "", raw = "", kind = ""] = [tokens.text[i], tokens.raw[i], tokens.kind[i]];
  const space = /^ \S/.test(text) ? " " : "";
  return kind === "text" ? space + marked(text) : text.trim() || raw;
}
