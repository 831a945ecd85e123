/** Which of two models is shown, or their difference; and what either thinks of the target. */
import { rowChooser } from "../../kit/row-chooser.ts";
import { h } from "../../kit/shared/dom.ts";
import type { Which } from "../../state/direct-picture.ts";
import { sentence } from "../shared/sentence.ts";
import type { Context, Piece } from "./scene.ts";
import { versionNames, versionsText } from "./words.ts";

const ORDER: readonly Which[] = ["this", "other", "difference"];

export function versionChooser(root: HTMLElement, { store }: Context, until: AbortSignal): Piece {
  const box = h("div", { class: "xw-direct-versions" });
  root.append(box);
  const chooser = rowChooser(box, null, { choose: (row) => store.choose(ORDER[row ?? 0] ?? "this") }, until);
  const say = sentence(box, "xw-soft");
  return {
    draw({ answer }) {
      box.hidden = !answer?.both;
      if (!answer?.both) return;
      const [first, second] = versionNames(answer);
      const labels = [first ?? "", second ?? "", `${first} less ${second}`];
      chooser.update({ axis: "shares in", labels, sum: false, row: ORDER.indexOf(answer.which) });
      say(versionsText(answer));
    },
  };
}
