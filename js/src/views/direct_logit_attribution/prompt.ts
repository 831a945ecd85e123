/** The end of the text as the model read it, and the token whose logit is split. */
import { h, on, quoted, setAttribute } from "../../kit/shared/dom.ts";
import { chipClass, fill, type StripUnit } from "../../kit/shared/token-text.ts";
import type { DirectAnswer } from "../../protocol/decode-direct.ts";
import type { Piece } from "./scene.ts";

/** Tokens that are shown of a long text, from its end. */
const SHOWN = 120;

function unitOf({ tokens: { tokens, ids, turn } }: DirectAnswer, i: number): StripUnit {
  const text = tokens.text[i] ?? "";
  const piece = { text, raw: tokens.raw[i] ?? "", id: ids[i] ?? -1, kind: tokens.kind[i] ?? "" };
  const places = { role: tokens.role[i] ?? "", part: tokens.part[i] ?? "", turn: turn[i] ?? 0 };
  return { pieces: [piece], label: text, entry: i, generated: -1, ...places };
}

export function promptLine(root: HTMLElement, edit: () => void, until: AbortSignal): Piece {
  const text = h("span", { class: "xw-direct-text", dir: "auto" });
  const next = h("span", { class: "xw-direct-next" });
  const line = h("p", { class: "xw-direct-prompt" }, text, " ", next);
  root.append(line);
  on(line, "dblclick", edit, until);
  let drawn: DirectAnswer | null = null;
  return {
    draw({ answer, dim }) {
      line.hidden = !answer;
      setAttribute(line, "data-dim", dim);
      if (!answer || answer === drawn) return;
      drawn = answer;
      const count = answer.tokens.ids.length;
      const from = Math.max(0, count - SHOWN);
      const tokens = Array.from({ length: count - from }, (_, i) => {
        const unit = unitOf(answer, from + i);
        const chip = chipClass(unit);
        const span = h("span", { class: chip ? `xw-chip xw-${chip}` : null });
        fill(span, unit);
        return span;
      });
      text.replaceChildren(from ? "… " : "", ...tokens);
      next.replaceChildren("→ ", quoted(answer.snapshot.target.text));
    },
  };
}
