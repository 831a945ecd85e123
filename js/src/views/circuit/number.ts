/** The number that the circuit is of, chosen where both prompts' next tokens are listed. */
import { type CandidateListProps, candidateList } from "../../kit/candidate-list.ts";
import { h, wordButton } from "../../kit/shared/dom.ts";
import type { TargetSpec } from "../../protocol/generated.ts";
import { isFile } from "../../state/circuit-picture.ts";
import { probability } from "../../state/words.ts";
import type { Context, Piece, Scene } from "./scene.ts";

/** Tokens listed for each prompt. */
const LISTED = 6;
const SIDES = [
  { which: "clean", of: "base_candidates" },
  { which: "corrupted", of: "source_candidates" },
] as const;

const byId = (id: number): TargetSpec => ({ kind: "token", id });

export function numberChooser(root: HTMLElement, { store, view, scene }: Context, until: AbortSignal): Piece {
  const usual = wordButton(
    "as the prompts say",
    { title: "what the clean prompt says next, less what the corrupted one says" },
    () => store.choose({ target: null, other: null }, view),
    until,
  );
  const head = h(
    "div",
    { class: "xw-controls" },
    h("h5", { class: "xw-h" }, "What each prompt says next"),
    h("span", { class: "xw-soft" }, "click a token for the circuit of its logit, “vs” for the one it is compared with"),
    usual,
  );
  const lists = h("div", { class: "xw-circ-lists" });
  const box = h("div", { class: "xw-circ-card" }, head, lists);
  root.append(box);

  function target(id: number): void {
    const { target: now, other } = scene().answer?.snapshot ?? {};
    if (!now || now.id === id) return;
    // The one it was compared with changes places with it: both can't be the same.
    if (other?.id === id) store.choose({ target: byId(id), other: byId(now.id) }, view);
    else store.choose({ target: byId(id) }, view);
  }

  const props = ({ answer, dim }: Scene, of: (typeof SIDES)[number]["of"]): CandidateListProps => ({
    candidates: (answer?.snapshot[of] ?? []).slice(0, LISTED),
    target: answer?.snapshot.target?.id ?? null,
    contrast: answer?.snapshot.other?.id ?? null,
    format: probability,
    dim,
    reserve: LISTED,
  });
  const parts = SIDES.map(({ which, of }) => {
    const side = h("div", { role: "group", "aria-label": `next tokens, ${which}` }, h("h5", { class: "xw-h" }, which));
    lists.append(side);
    const callbacks = {
      explain: target,
      contrast: (id: number | null) => store.choose({ other: id === null ? null : byId(id) }, view),
      other: (text: string, contrast: boolean) =>
        store.choose({ [contrast ? "other" : "target"]: { kind: "text", text } }, view),
    };
    return { of, part: candidateList(side, props(scene(), of), callbacks, until) };
  });

  return {
    draw(now) {
      const { answer } = now;
      box.hidden = !answer || isFile(answer) || !answer.snapshot.base_candidates.length;
      if (!answer) return;
      const { target: chosen, other, base_candidates, source_candidates } = answer.snapshot;
      usual.hidden = chosen?.id === base_candidates[0]?.id && other?.id === source_candidates[0]?.id;
      for (const { of, part } of parts) part.update(props(now, of));
    },
  };
}
