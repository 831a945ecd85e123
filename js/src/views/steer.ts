/** Steer by hand: activations changed by sliders while the model reads, and what it says and writes before and after. */
import { notice } from "../kit/notice.ts";
import { h, on, setAttribute } from "../kit/shared/dom.ts";
import { isTyping } from "../kit/shared/keys.ts";
import { following } from "../state/fetched.ts";
import { merging, signal } from "../state/signal.ts";
import { type SteerStore, steerStores } from "../state/steer-store.ts";
import { beforeAfter } from "./shared/before-after.ts";
import { emptyLine, frame, promptEditor } from "./shared/frame.ts";
import { noticeProps, troubleOf } from "./shared/said.ts";
import { sentence } from "./shared/sentence.ts";
import { copied, placeName, viewOf } from "./shared/view.ts";
import { continuation } from "./steer/continuation.ts";
import { interventionList } from "./steer/list.ts";
import { promptLine } from "./steer/prompt.ts";
import * as props from "./steer/props.ts";
import { type Context, makeScene } from "./steer/scene.ts";
import { guessName, outcome } from "./steer/words.ts";

/** What belongs to one view and not to the widget. */
interface Local {
  readonly copiedJson: string;
  /** Tokens to be written; null: as asked for in Python. */
  readonly count: number | null;
}

function mount(store: SteerStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  const local = signal<Local>({ copiedJson: "", count: null });
  const set = merging(local);
  const count = () => local.value.count ?? store.answer.value?.snapshot.count ?? 12;
  let scene = makeScene(store, count());
  const context: Context = { store, view, scene: () => scene };
  const around = frame(el, "xw-steer", store, context.scene, props.around(store), until);
  const { root, body } = around;
  const copyJson = () => copied(scene.answer?.snapshot.json ?? "", root, (words) => set({ copiedJson: words }));
  const pieces = [
    promptLine(body, context, around.edit, until),
    promptEditor(body, around, (input) => store.edit(input, view), until),
    emptyLine(body, store, () => "reading the text"),
  ];
  const list = interventionList(body, context, () => void copyJson(), until);
  pieces.push(list);
  const said = notice(
    body,
    { notice: null },
    { act: (name) => (name === "again" ? store.details.again() : store.again(view)) },
    until,
  );
  const outcomes = h("div", { class: "xw-steer-outcome" });
  body.append(outcomes);
  const sum = sentence(outcomes);
  const table = beforeAfter(outcomes, guessName);
  const writing = continuation(body, context, { get: count, set: (n) => set({ count: n }) }, until);
  pieces.push(writing);
  // What is written is asked for once nothing moves, and given up when something does.
  const ask = following(store.details, view);

  function draw(): void {
    scene = makeScene(store, count());
    ask(writing.wanted() ? scene.writeAsk : null);
    scene = makeScene(store, count());
    const { answer, written } = scene;
    for (const piece of pieces) piece.draw(scene);
    list.copied(local.value.copiedJson);
    said.update({ notice: noticeProps(store, answer, { ...troubleOf([written]), absent: false }) });
    outcomes.hidden = !answer;
    setAttribute(outcomes, "data-dim", !store.current());
    sum(answer ? outcome(answer) : []);
    table(answer ? answer.snapshot : null);
    around.draw(scene);
  }

  on(
    root,
    "keydown",
    (event) => {
      const command = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "z";
      const target = event.composedPath()[0];
      const isText = isTyping(target ?? null) && !(target as Element).matches("[type=range], [type=checkbox], select");
      if (!command || isText) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.shiftKey) store.redo(view);
      else store.undo(view);
    },
    until,
  );

  around.follow(draw, local);
}

export default viewOf(steerStores, mount);
