/** The pinned stream read with a prompt: it takes a placeholder's place there, and the model writes on. */
import { choice } from "../../kit/choice.ts";
import { editor } from "../../kit/editor.ts";
import { progress } from "../../kit/progress.ts";
import { h, wordButton } from "../../kit/shared/dom.ts";
import type { LensAnswer } from "../../protocol/decode-lens.ts";
import { tokenName } from "../../state/attention-names.ts";
import type { LensFound } from "../../state/lens-details.ts";
import type { LensCell } from "../../state/lens-store.ts";
import { beforeAfter } from "../shared/before-after.ts";
import { type Parts, sentence, token, word } from "../shared/sentence.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { guessName, streamName } from "./words.ts";

/** Where the stream goes in the other prompt: a stream's index, or the same. */
const SAME = "same";

export function scopePiece(root: HTMLElement, context: Context, until: AbortSignal): Piece {
  const { store } = context;
  const change = (fields: object) => {
    const { scope } = store.look.value;
    store.details.again();
    store.see({ scope: { prompt: null, into: null, ...scope, ...fields } });
  };
  const bar = h("div", { class: "xw-controls" });
  root.append(bar);
  const close = () => store.see({ scope: null });
  const open = wordButton(
    "read with a prompt",
    {
      "aria-expanded": "false",
      title: "put the pinned stream in the place of a placeholder in a prompt, and let the model write on",
    },
    () => (store.look.value.scope ? close() : change({})),
    until,
  );
  bar.append(open);
  const into = choice(
    bar,
    intoProps(context.scene()),
    {
      choose: (value) => change({ into: value === SAME ? null : Number(value) }),
    },
    until,
  );
  const words = h("span", {});
  bar.append(words);
  const line = h("div", { class: "xw-line" });
  const field = h("div", {});
  root.append(line, field);
  const idle = { active: false, done: 0, total: 0, note: "writing", cancelling: false, cancellable: true };
  const busy = progress({ line, words }, idle, { cancel: close }, until);
  const prompt = editor(
    field,
    editorProps(context.scene()),
    {
      ask: ({ text }) => change({ prompt: text ?? "" }),
      leave() {
        close();
        open.focus({ preventScroll: true });
      },
    },
    until,
  );
  const say = sentence(root, "xw-said xw-lens-read");
  const table = beforeAfter(root, guessName, ["as it is", "with the stream"]);
  /** Stays, greyed, until the next is there. */
  let last: { found: LensFound; cell: LensCell; into: number } | null = null;

  return {
    draw(scene) {
      const { answer, pinned, scopeAsk, look } = scene;
      root.hidden = !answer || !pinned;
      const shown = Boolean(look.scope) && !root.hidden;
      open.setAttribute("aria-expanded", String(shown));
      for (const part of [line, field]) part.hidden = !shown;
      into.update(intoProps(scene));
      prompt.update(editorProps(scene));
      const detail = scopeAsk && store.details.get(scopeAsk);
      const asking = detail?.state === "asking";
      busy.update({ ...idle, active: shown && asking, done: detail?.done ?? 0, total: detail?.total ?? 0 });
      if (detail?.found && pinned && scopeAsk) last = { found: detail.found, cell: pinned, into: scopeAsk.into ?? 0 };
      else if (!asking || !answer) last = null;
      const result = shown ? last : null;
      const old = result !== null && !detail?.found;
      for (const part of root.querySelectorAll(".xw-lens-read, .xw-both")) part.toggleAttribute("data-dim", old);
      say(answer && result ? readText(answer, result.cell, result.into, result.found) : []);
      table(result ? { before: result.found.before, after: result.found.candidates } : null);
    },
  };
}

function intoProps({ answer, pinned, look }: Scene) {
  const streams = answer?.snapshot.streams ?? [];
  const same = pinned && answer ? `the same (${streamName(answer, pinned.stream)})` : "the same";
  return {
    label: "into",
    name: "into which stream",
    options: [{ value: SAME, text: same }, ...streams.map((text, i) => ({ value: String(i), text }))],
    value: look.scope?.into === null || !look.scope ? SAME : String(look.scope.into),
    hidden: !pinned || !look.scope,
  };
}

function editorProps({ answer, pinned, look }: Scene) {
  return {
    open: Boolean(pinned && look.scope),
    input: { kind: "text", text: look.scope?.prompt ?? answer?.snapshot.prompt ?? "" } as const,
    name: "prompt to read with",
  };
}

/** The prompt's end with the stream in the placeholder's place, and what the model wrote. */
function readText(answer: LensAnswer, cell: LensCell, into: number, { pieces, at, text }: LensFound): Parts {
  const name = `${tokenName(answer.tokens, cell.position)}, ${streamName(answer, cell.stream)}`;
  const there = into === cell.stream ? "" : ` into ${streamName(answer, into)}`;
  const after = pieces.slice(at + 1).join("");
  return [
    word(`With [${name}]${there} for `),
    token(guessName(pieces[at] ?? "")),
    word(after.trim() ? " before " : ""),
    ...(after.trim() ? [token(after.trim())] : []),
    word(" it writes: "),
    ...(text ? [token(text.replaceAll("\n", "↵"))] : [word("nothing")]),
  ];
}
