/** The number that is followed, chosen where both prompts' next tokens are listed. */
import { type CandidateListProps, candidateList } from "../../kit/candidate-list.ts";
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import type { TargetSpec } from "../../protocol/generated.ts";
import type { Which } from "../../state/patching-store.ts";
import { probability } from "../../state/words.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { candidatesOf, passName, quantityName } from "./words.ts";

/** Tokens listed for each prompt. */
const LISTED = 6;
const WHICH: readonly Which[] = ["clean", "corrupted"];

const byId = (id: number): TargetSpec => ({ kind: "token", id });

export function numberChooser(root: HTMLElement, { store, view, scene }: Context, until: AbortSignal): Piece {
  const usual = wordButton(
    "as the prompts say",
    { title: "what the prompts say next by themselves" },
    () => store.follow({ target: null, other: null }, view),
    until,
  );
  const title = h("h5", { class: "xw-h" });
  const how = h("span", { class: "xw-soft" });
  const head = h("div", { class: "xw-controls" }, title, how, usual);
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

  /** A continuation of several tokens is none of those that are listed. */
  const one = (ids: readonly number[] | undefined) => (ids?.length === 1 ? (ids[0] ?? null) : null);
  const props = ({ answer, dim }: Scene, which: Which): CandidateListProps => ({
    candidates: answer ? candidatesOf(answer, which).slice(0, LISTED) : [],
    target: one(answer?.snapshot.target_ids),
    contrast: one(answer?.snapshot.other_ids),
    format: probability,
    dim,
    reserve: answer ? LISTED : 0,
  });
  const parts = WHICH.map((which) => {
    const name = h("h5", { class: "xw-h" }, which);
    const side = h("div", { role: "group", "aria-label": `next tokens, ${which}` }, name);
    lists.append(side);
    const callbacks = {
      explain: target,
      contrast: (id: number | null) => store.follow({ other: id === null ? null : byId(id) }, view),
      other: (text: string, contrast: boolean) =>
        store.follow({ [contrast ? "other" : "target"]: { kind: "text", text } }, view),
    };
    return { which, side, name, part: candidateList(side, props(scene(), which), callbacks, until) };
  });

  return {
    draw(now) {
      const { answer } = now;
      // Without a picture it is there once the first look has ended: to follow something else may be all that it needs.
      box.hidden = !answer && !now.failed;
      if (box.hidden) return;
      setText(
        title,
        answer
          ? `What ${answer.snapshot.against === "prompt" ? "each prompt" : "the prompt"} says next`
          : "What is followed",
      );
      setText(
        how,
        answer
          ? `click a token to follow its ${quantityName(answer)}, “vs” for the one it is compared with; type a text of any length, with its leading space`
          : "type how the prompt shall go on, with its leading space; Shift+Enter for what that is compared with",
      );
      const firsts = WHICH.map((which) => answer && candidatesOf(answer, which)[0]?.id);
      const { target_ids: target, other_ids: other, against } = answer?.snapshot ?? {};
      const asSaid = one(target) === firsts[0] && (against === "prompt" ? one(other) === firsts[1] : !other?.length);
      usual.hidden = !answer || asSaid;
      for (const { which, side, name, part } of parts) {
        side.hidden = which === "corrupted" && (!answer || against === "ablation");
        if (answer) setText(name, passName(answer, which));
        name.hidden = !answer;
        part.update(props(now, which));
      }
    },
  };
}
