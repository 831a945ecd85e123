/** What the model writes after the text, without and with the interventions, side by side; what differs is marked. */
import { choice } from "../../kit/choice.ts";
import { h, setAttribute, setText, wordButton } from "../../kit/shared/dom.ts";
import type { WrittenToken } from "../../protocol/generated.ts";
import { align } from "../../state/diff.ts";
import type { Context, Piece } from "./scene.ts";

/** Lengths to choose from; the shortest is written without being asked for. */
export const LENGTHS = [12, 30, 60] as const;

export interface ContinuationPiece extends Piece {
  /** Whether the text is to be asked for now. */
  wanted(): boolean;
}

export function continuation(
  root: HTMLElement,
  { store, scene: now }: Context,
  count: { get(): number; set(count: number): void },
  until: AbortSignal,
): ContinuationPiece {
  let pressed: string | null = null;
  const keyOf = () => JSON.stringify([now().answer?.snapshot.revision, count.get()]);
  const write = wordButton(
    "write",
    {},
    () => {
      pressed = keyOf();
      store.details.again();
    },
    until,
  );
  const lengths = (first: number) => [...new Set([first, ...LENGTHS])].sort((a, b) => a - b);
  const place = h("span", {});
  // Beside the length, not under it: what was written stays where it is while the next is being written.
  const note = h("p", { class: "xw-soft xw-steer-note" });
  const head = h(
    "div",
    { class: "xw-controls" },
    h("h5", { class: "xw-h" }, "What the model writes"),
    place,
    write,
    note,
  );
  const chosen = choice(
    place,
    { label: "", name: "how many tokens are written", options: [], value: "", hidden: false },
    { choose: (value) => count.set(Number(value)) },
    until,
  );
  const sides = ["before", "after"].map((name) => {
    const text = h("p", { class: "xw-steer-written", dir: "auto" });
    return { name, text, box: h("div", {}, h("h6", { class: "xw-h" }, name), text) };
  });
  const both = h("div", { class: "xw-steer-both" }, ...sides.map(({ box }) => box));
  const box = h("div", { class: "xw-steer-writing" }, head, both);
  root.append(box);
  let drawn: unknown = null;
  let first = 0;

  return {
    wanted: () => count.get() <= LENGTHS[0] || pressed === keyOf(),
    draw(scene) {
      const { answer, written, writeAsk } = scene;
      box.hidden = !answer;
      if (!answer) return;
      first ||= answer.snapshot.count;
      chosen.update({
        label: "",
        name: "how many tokens are written",
        options: lengths(first).map((n) => ({ value: String(n), text: `${n} tokens` })),
        value: String(count.get()),
        hidden: false,
      });
      const found = written?.found ?? null;
      write.hidden = !writeAsk || Boolean(found) || written?.state === "asking" || count.get() <= LENGTHS[0];
      setAttribute(both, "data-dim", !found);
      both.hidden = drawn === null && !found;
      setText(note, noteText(found !== null, written?.state, written?.done ?? 0, written?.total ?? 0, write.hidden));
      note.hidden = note.textContent === "";
      if (!found || found === drawn) return;
      drawn = found;
      const end = (answer.tokens.tokens.text.at(-1) ?? "").trimStart();
      fillWith(sides[0]?.text, end, found.before, marksOf(found.after, found.before));
      fillWith(sides[1]?.text, end, found.after, marksOf(found.before, found.after));
    },
  };
}

function noteText(here: boolean, state: string | undefined, done: number, total: number, hidden: boolean): string {
  if (here) return "";
  if (state === "asking") return total ? `writing, ${done} of ${total} tokens` : "writing";
  if (state === "absent") return "This page was saved without it.";
  if (state === "refused") return "It can't be written.";
  return hidden ? "" : "Press write to see how the text goes on.";
}

/** Tokens of `after` that `before` has not. */
function marksOf(before: readonly WrittenToken[], after: readonly WrittenToken[]): boolean[] {
  const ids = (tokens: readonly WrittenToken[]) => tokens.map(({ id }) => id);
  return Array.from(align(ids(before), ids(after)), (at) => at < 0);
}

/** The end of the prompt, and what was written; line ends are shown, spaces are as they are. */
function fillWith(
  place: HTMLElement | undefined,
  end: string,
  tokens: readonly WrittenToken[],
  marks: readonly boolean[],
): void {
  const written = tokens.map(({ text }, i) => {
    const shown = text === "" ? "⋯" : text.replaceAll("\n", "↵\n");
    return marks[i] ? h("mark", { class: "xw-steer-new" }, shown) : h("span", {}, shown);
  });
  const nothing = written.length ? "" : h("span", { class: "xw-soft" }, " (the text ends here)");
  place?.replaceChildren(h("span", { class: "xw-soft" }, end), ...written, nothing);
}
