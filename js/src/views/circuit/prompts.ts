/** The two prompts: read in two lines with what differs marked, edited in two fields. */
import { h, on, setAttribute } from "../../kit/shared/dom.ts";
import type { CircuitAnswer } from "../../protocol/decode-circuit.ts";
import type { Side } from "../../protocol/sides.ts";
import { probability } from "../../state/words.ts";
import { asWritten, EMPTY, promptFields } from "../shared/prompts.ts";
import { told } from "./names.ts";
import type { Context, Piece } from "./scene.ts";

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
  const draw = promptFields(root, { ask: (which, input) => store.edit(which, input, view), leave }, until);
  return {
    draw({ answer }) {
      const { clean = EMPTY, corrupted } = answer?.snapshot ?? {};
      draw(isOpen() && clean ? { clean, corrupted: corrupted ?? EMPTY } : null);
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
  side: Side,
  differ: (i: number) => boolean,
  next: { text: string; prob: number } | undefined,
): HTMLElement {
  const count = side.tokens.text.length;
  const from = Math.max(0, count - SHOWN);
  const words = Array.from({ length: count - from }, (_, n) => {
    const i = from + n;
    return h("bdi", differ(i) ? { class: "xw-circ-differ", title: "the prompts differ here" } : {}, asWritten(side, i));
  });
  return h(
    "p",
    {},
    h("span", { class: "xw-circ-which" }, name),
    h("span", { class: "xw-circ-text", dir: "auto" }, from ? "… " : "", ...words),
    next &&
      h(
        "span",
        { class: "xw-soft" },
        " → ",
        h("bdi", { class: "xw-token" }, told(next.text)),
        ` ${probability(next.prob)}`,
      ),
  );
}
