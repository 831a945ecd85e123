/** The two prompts: read in two lines with what differs marked, edited in two fields. */
import { editor } from "../../kit/editor.ts";
import { h, on, setAttribute } from "../../kit/shared/dom.ts";
import { marked } from "../../kit/shared/token-text.ts";
import type { CircuitAnswer } from "../../protocol/decode-circuit.ts";
import type { Input } from "../../protocol/generated.ts";
import type { Side } from "../../protocol/sides.ts";
import type { Which } from "../../state/circuit-store.ts";
import { probability } from "../../state/words.ts";
import { told } from "./names.ts";
import type { Context, Piece } from "./scene.ts";

const WHICH: readonly Which[] = ["clean", "corrupted"];
/** Tokens that are shown of a long text, from its end. */
const SHOWN = 120;

/** Two fields beside each other; `leave` closes both. */
export function promptEditors(
  root: HTMLElement,
  { store, view }: Context,
  isOpen: () => boolean,
  leave: () => void,
  until: AbortSignal,
): Piece {
  const box = h("div", { class: "xw-circ-editors", hidden: true });
  root.append(box);
  const editors = WHICH.map((which) => {
    const side = h("div", { role: "group", "aria-label": `${which} prompt` }, h("h5", { class: "xw-h" }, which));
    box.append(side);
    const ask = (input: object) => store.edit(which, input as Input, view);
    return { which, part: editor(side, { open: false, input: { kind: "text", text: "" } }, { ask, leave }, until) };
  });
  return {
    draw({ answer }) {
      const open = isOpen() && answer?.snapshot.clean !== null;
      box.hidden = !open;
      for (const { which, part } of editors) {
        const input = answer?.snapshot[which] ?? { kind: "text", text: "" };
        // Ids have no text to edit.
        part.update({ open: open && input.kind !== "ids", input });
      }
    },
  };
}

/** Both prompts, or the one of a file. */
export function promptLines(root: HTMLElement, edit: () => void, until: AbortSignal): Piece {
  const box = h("div", { class: "xw-circ-prompts" });
  root.append(box);
  on(box, "dblclick", edit, until);
  let drawn: CircuitAnswer | null = null;
  return {
    draw({ answer, dim }) {
      box.hidden = !answer?.base.ids.length;
      setAttribute(box, "data-dim", dim);
      if (!answer || answer === drawn) return;
      drawn = answer;
      const { base, source, snapshot } = answer;
      const differ = (i: number) =>
        source !== null && base.ids.length === source.ids.length && base.ids[i] !== source.ids[i];
      const lines = [
        line(source ? "clean" : "prompt", base, differ, snapshot.base_candidates[0]),
        source && line("corrupted", source, differ, snapshot.source_candidates[0]),
      ];
      box.replaceChildren(...lines.flatMap((one) => (one ? [one] : [])));
    },
  };
}

function line(
  name: string,
  { tokens }: Side,
  differ: (i: number) => boolean,
  next: { text: string; prob: number } | undefined,
): HTMLElement {
  const count = tokens.text.length;
  const from = Math.max(0, count - SHOWN);
  const words = Array.from({ length: count - from }, (_, n) => {
    const i = from + n;
    const [text = "", raw = "", kind = ""] = [tokens.text[i], tokens.raw[i], tokens.kind[i]];
    const space = /^ \S/.test(text) ? " " : "";
    // Not a bdi: words from right to left run over several tokens. A part of a character has no text.
    const shown = kind === "text" ? space + marked(text) : kind === "byte" && text === "" ? "⋯" : text.trim() || raw;
    return h("span", differ(i) ? { class: "xw-circ-differ", title: "differs" } : {}, shown);
  });
  return h(
    "p",
    {},
    h("span", { class: "xw-circ-which" }, name),
    h(
      "span",
      { class: "xw-circ-line" },
      h("span", { class: "xw-circ-text", dir: "auto" }, from ? "… " : "", ...words),
      " ",
      next &&
        h(
          "span",
          { class: "xw-soft xw-circ-next" },
          "→ ",
          h("bdi", { class: "xw-token" }, told(next.text)),
          ` ${probability(next.prob)}`,
        ),
    ),
  );
}
