/** The pinned cell's tokens, more of them on request, and one token followed through the streams. */
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import { textTable } from "../../kit/text-table.ts";
import { tokenButtons } from "../../kit/token-buttons.ts";
import { traceChart } from "../../kit/trace-chart.ts";
import type { LensAsk } from "../../protocol/encode.ts";
import { type Guess, guessesOf, type Trace } from "../../state/lens-picture.ts";
import { number, probability } from "../../state/words.ts";
import { plain, sentence, word } from "../shared/sentence.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { guessName, traceText, whoseText } from "./words.ts";

export interface FollowPiece extends Piece {
  /** The row of the pinned cell, for words of other pieces; what belongs to them comes under it. */
  readonly slot: HTMLElement;
  /** What was asked for, for what is to be said of it. */
  asked(scene: Scene): readonly LensAsk[];
}

export function followToken(root: HTMLElement, context: Context, until: AbortSignal): FollowPiece {
  const { store, view } = context;
  const box = h("div", { class: "xw-lens-follow" });
  root.append(box);
  const head = h("div", { class: "xw-controls" });
  box.append(head);
  const title = sentence(head, "xw-lens-pin");
  const more = wordButton(
    "more tokens",
    {},
    () => {
      const { moreAsk } = context.scene();
      if (moreAsk) store.need(moreAsk, view);
    },
    until,
  );
  const clear = wordButton("let go", {}, () => store.pin(null, view), until);
  const stop = wordButton("stop following", {}, () => store.see({ followed: null }), until);
  head.append(more, clear, stop);
  const slot = h("div", { class: "xw-lens-scope" });
  box.append(slot);
  const follow = (followed: { token: number } | { text: string }) => {
    store.details.again();
    store.see({ followed });
  };
  const buttons = tokenButtons(
    box,
    { label: "", tokens: [], chosen: null, format: probability, dim: false },
    {
      choose(token) {
        const { followed } = store.look.value;
        const same =
          context.scene().trace?.token === token || (followed && "token" in followed && followed.token === token);
        if (same) store.see({ followed: null });
        else follow({ token });
      },
      other: (text) => follow({ text }),
    },
    until,
  );
  const say = sentence(box);
  const chart = traceChart(
    box,
    null,
    {
      hover(stream) {
        const { position } = context.scene();
        store.see({ hovered: stream === null ? null : { stream, position } });
      },
      pick: (stream) => store.pin({ stream, position: context.scene().position }, view),
    },
    until,
  );
  const table = textTable(box, tableProps(null, []), {}, until);
  let last: { trace: Trace; position: number } | null = null;

  function tokensOf({ answer, pinned, position, moreAsk, whose }: Scene): readonly Guess[] {
    if (!answer) return [];
    const found = moreAsk && store.details.get(moreAsk)?.found?.candidates;
    if (found?.length) return found;
    if (!pinned && whose === "this" && answer.snapshot.candidates.length) return answer.snapshot.candidates;
    return guessesOf(answer, pinned ?? { stream: answer.snapshot.streams.length - 1, position }, whose);
  }

  return {
    slot,
    asked: ({ followAsk, moreAsk }) => [followAsk, moreAsk].filter((ask) => ask !== null),
    draw(scene) {
      const { answer, pinned, moreAsk, look, trace, position, dim } = scene;
      box.hidden = !answer;
      if (!answer) return;
      const state = moreAsk && store.details.get(moreAsk)?.state;
      title(whoseText(answer, pinned, position, scene.whose));
      more.hidden = !pinned || state === "here";
      more.disabled = state === "asking";
      setText(more, state === "asking" ? "asking" : "more tokens");
      clear.hidden = !pinned;
      stop.hidden = !look.followed;
      const { followed } = look;
      buttons.update({
        label: "follow one of these tokens through the streams",
        tokens: tokensOf(scene),
        chosen: trace?.token ?? (followed && "token" in followed ? followed.token : null),
        format: probability,
        dim,
      });
      if (trace) last = { trace, position };
      if (!followed || last?.trace.rank.length !== answer.snapshot.streams.length) last = trace && { trace, position };
      const shown = last;
      const words = shown ? traceText(answer, shown.trace, shown.position) : [];
      say(shown ? words : [word(stateText(scene))]);
      chart.update(
        shown && {
          names: answer.snapshot.streams,
          rank: shown.trace.rank,
          prob: shown.trace.prob,
          marked: scene.focus?.stream ?? null,
          label: `rank and probability by stream. ${plain(words)}`,
          dim: dim || !trace,
        },
      );
      table.update(tableProps(shown?.trace ?? null, answer.snapshot.streams));
    },
  };
}

/** What is said in the place of a token's way through the streams. */
function stateText({ look, followAsk, follow }: Scene): string {
  if (!look.followed) return "Choose a token to follow it through the streams.";
  if (!followAsk) return "This position was not read yet.";
  return follow?.state === "asking" ? "asking how it fares in every stream" : "It can't be followed here.";
}

function tableProps(trace: Trace | null, streams: readonly string[]) {
  return {
    caption: trace ? `${guessName(trace.text)} by stream` : "No token is followed",
    headings: ["stream", "rank", "probability"],
    rows: trace ? streams.map((name, i) => [name, String(trace.rank[i] ?? ""), number(trace.prob[i])]) : [],
  };
}
