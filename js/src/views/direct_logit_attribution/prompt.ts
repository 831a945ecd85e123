/** The end of the text as the model read it, and the token whose logit is split. */
import { h, on, quoted, setAttribute } from "../../kit/shared/dom.ts";
import { chipClass, fill, type StripUnit } from "../../kit/shared/token-text.ts";
import type { Side } from "../../protocol/sides.ts";
import { unitsOf } from "../../state/attention-picture.ts";
import type { Piece } from "./scene.ts";

/** Tokens that are shown of a long text, from its end. */
const SHOWN = 120;

export function promptLine(root: HTMLElement, edit: () => void, until: AbortSignal): Piece {
  const written = h("span", { class: "xw-direct-text", dir: "auto" });
  const next = h("span", { class: "xw-direct-next" });
  const line = h("p", { class: "xw-direct-prompt" }, written, " ", next);
  root.append(line);
  on(line, "dblclick", edit, until);
  let drawn: { tokens: Side; next: string } | null = null;
  return {
    draw({ answer, dim }) {
      line.hidden = !answer;
      setAttribute(line, "data-dim", dim);
      if (!answer) return;
      const text = answer.snapshot.target.text;
      if (drawn?.tokens === answer.tokens && drawn.next === text) return;
      drawn = { tokens: answer.tokens, next: text };
      const units = unitsOf(answer.tokens);
      const count = answer.tokens.ids.length;
      const from = Math.max(0, count - SHOWN);
      const tokens = Array.from({ length: count - from }, (_, i) => {
        const unit = units[from + i] as StripUnit;
        const chip = chipClass(unit);
        const span = h("span", { class: chip ? `xw-chip xw-${chip}` : null });
        fill(span, unit);
        return span;
      });
      written.replaceChildren(from ? "… " : "", ...tokens);
      next.replaceChildren("→ ", quoted(text));
    },
  };
}
