/** The number that is followed, chosen where both prompts' next tokens are listed. */
import { type CandidateListProps, candidateList } from "../../kit/candidate-list.ts";
import { h, wordButton } from "../../kit/shared/dom.ts";
import type { TargetSpec } from "../../protocol/generated.ts";
import type { Which } from "../../state/patching-store.ts";
import { probability } from "../../state/words.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { candidatesOf } from "./words.ts";

/** Tokens listed for each prompt. */
const LISTED = 6;
const WHICH: readonly Which[] = ["clean", "corrupted"];

const byId = (id: number): TargetSpec => ({ kind: "token", id });

export function numberChooser(root: HTMLElement, { store, view, scene }: Context, until: AbortSignal): Piece {
  const usual = wordButton(
    "as the prompts say",
    { title: "what the clean prompt says next, less what the corrupted one says" },
    () => store.follow({ target: null, other: null }, view),
    until,
  );
  const head = h(
    "div",
    { class: "xw-controls" },
    h("h5", { class: "xw-h" }, "What each prompt says next"),
    h("span", { class: "xw-soft" }, "click a token to follow its logit, “vs” for the one it is compared with"),
    usual,
  );
  const lists = h("div", { class: "xw-patch-lists" });
  const box = h("div", { class: "xw-patch-number" }, head, lists);
  root.append(box);

  function target(id: number): void {
    const now = scene().answer?.snapshot;
    if (!now || now.target.id === id) return;
    // The one it was compared with changes places with it: both can't be the same.
    if (now.other?.id === id) store.follow({ target: byId(id), other: byId(now.target.id) }, view);
    else store.follow({ target: byId(id) }, view);
  }

  const props = ({ answer, dim }: Scene, which: Which): CandidateListProps => ({
    candidates: answer ? candidatesOf(answer, which).slice(0, LISTED) : [],
    target: answer?.snapshot.target.id ?? null,
    contrast: answer?.snapshot.other?.id ?? null,
    format: probability,
    dim,
    reserve: LISTED,
  });
  const parts = WHICH.map((which) => {
    const side = h("div", { role: "group", "aria-label": `next tokens, ${which}` }, h("h5", { class: "xw-h" }, which));
    lists.append(side);
    const callbacks = {
      explain: target,
      contrast: (id: number | null) => store.follow({ other: id === null ? null : byId(id) }, view),
      other: (text: string, contrast: boolean) =>
        store.follow({ [contrast ? "other" : "target"]: { kind: "text", text } }, view),
    };
    return { which, part: candidateList(side, props(scene(), which), callbacks, until) };
  });

  return {
    draw(now) {
      const { answer } = now;
      box.hidden = !answer;
      if (!answer) return;
      const firsts = WHICH.map((which) => candidatesOf(answer, which)[0]?.id);
      const { target, other } = answer.snapshot;
      usual.hidden = target.id === firsts[0] && other?.id === firsts[1];
      for (const { which, part } of parts) part.update(props(now, which));
    },
  };
}
