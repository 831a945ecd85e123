/** The prompt as the model read it; tokens that are changed are underlined, the next token before and after ends it. */
import { h, on, quoted, setAttribute } from "../../kit/shared/dom.ts";
import { chipClass, fill } from "../../kit/shared/token-text.ts";
import { same } from "../../state/steer-list.ts";
import type { Context, Piece } from "./scene.ts";
import { guessName } from "./words.ts";

export function promptLine(root: HTMLElement, _context: Context, edit: () => void, until: AbortSignal): Piece {
  const written = h("span", { class: "xw-steer-prompt-text", dir: "auto" });
  const next = h("span", { class: "xw-steer-next" });
  const line = h("p", { class: "xw-steer-prompt" }, written, " ", next);
  root.append(line);
  on(line, "dblclick", edit, until);
  let drawn: unknown = null;
  return {
    draw({ answer, prompt, dim }) {
      line.hidden = !answer;
      setAttribute(line, "data-dim", dim);
      if (!answer) return;
      if (drawn !== prompt.units) {
        drawn = prompt.units;
        written.replaceChildren(
          ...prompt.units.map((unit) => {
            const chip = chipClass(unit);
            const span = h("span", { class: chip ? `xw-chip xw-${chip}` : null });
            fill(span, unit);
            return span;
          }),
        );
        // Of a long text the end is where it goes on.
        requestAnimationFrame(() => {
          line.scrollTop = line.scrollHeight;
        });
      }
      const { before, after, interventions } = answer.snapshot;
      const changed = new Set(answer.rows.flatMap(({ at }, i) => (interventions[i]?.on === false ? [] : at)));
      for (const [i, span] of [...written.children].entries()) setAttribute(span, "data-changed", changed.has(i));
      const ends = [before[0], after[0]].filter((row) => row !== undefined).map((row) => guessName(row.text));
      const [from, to] = ends;
      const shown = from === to || to === undefined ? [from] : [from, to];
      if (same(shown, next.dataset.shown ? JSON.parse(next.dataset.shown) : null)) return;
      next.dataset.shown = JSON.stringify(shown);
      next.replaceChildren(...shown.flatMap((text) => ["→ ", quoted(text ?? ""), " "]));
    },
  };
}
