/** The pinned cell: the number with it patched, and what the model says next without and with the patch. */
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import { beforeAfter } from "../shared/before-after.ts";
import { working } from "../shared/said.ts";
import { sentence } from "../shared/sentence.ts";
import type { Context, Piece } from "./scene.ts";
import { guessName, outcomeText, pinnedText, waitingText } from "./words.ts";

export function patchedCell(root: HTMLElement, { store, view }: Context, until: AbortSignal): Piece {
  const title = h("div", { class: "xw-controls" });
  const box = h("div", { class: "xw-patch-cell", hidden: true }, title);
  root.append(box);
  const name = sentence(title, "xw-patch-pin");
  title.append(wordButton("let go", {}, () => store.pin(null, view), until));
  const outcome = h("p", { class: "xw-said" });
  box.append(outcome);
  const table = beforeAfter(box, guessName);

  return {
    draw({ answer, pinned, cell, dim }) {
      box.hidden = !answer || !pinned;
      if (!answer || !pinned) return;
      box.toggleAttribute("data-dim", dim);
      name(pinnedText(answer, pinned));
      const found = cell?.found ?? null;
      setText(
        outcome,
        found ? outcomeText(answer, pinned, found.value) : waitingText(answer, pinned, cell?.state, working(store)),
      );
      const { target, other } = answer.snapshot;
      table(found, other ? [target.id, other.id] : [target.id]);
    },
  };
}
