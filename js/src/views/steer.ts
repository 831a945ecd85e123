/** Steer by hand: activations changed by sliders while the model reads, and what it says and writes before and after. */
import { editor } from "../kit/editor.ts";
import { header } from "../kit/header.ts";
import { liveRegion } from "../kit/live-region.ts";
import { notice } from "../kit/notice.ts";
import { progress } from "../kit/progress.ts";
import { h, on, setAttribute, setText } from "../kit/shared/dom.ts";
import { isTyping } from "../kit/shared/keys.ts";
import { textTable } from "../kit/text-table.ts";
import type { SteerAsk } from "../protocol/encode.ts";
import type { Input } from "../protocol/generated.ts";
import { signal, watch } from "../state/signal.ts";
import { findSteerStore, openSteerStore, type SteerStore } from "../state/steer-store.ts";
import { beforeAfter } from "./shared/before-after.ts";
import { noticeProps, progressProps, troubleOf, working } from "./shared/said.ts";
import { sentence } from "./shared/sentence.ts";
import { copied, editKey, placeName, rootOf, viewOf } from "./shared/view.ts";
import { continuation } from "./steer/continuation.ts";
import { interventionList } from "./steer/list.ts";
import { promptLine } from "./steer/prompt.ts";
import * as props from "./steer/props.ts";
import { type Context, makeScene } from "./steer/scene.ts";
import { guessName, outcome } from "./steer/words.ts";

function mount(store: SteerStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  const local = signal<props.Local>({ editing: false, copied: "", copiedJson: "", count: null });
  const set = (fields: Partial<props.Local>) => local.set({ ...local.value, ...fields });
  const count = () => local.value.count ?? store.answer.value?.snapshot.count ?? 12;
  let scene = makeScene(store, count());
  const context: Context = { store, view, scene: () => scene };

  const root = rootOf(el, store, until, "xw-steer");
  store.show(until);

  const edited = () => {
    if (local.value.editing) store.giveUpEdit();
    set({ editing: !local.value.editing });
  };
  const copy = () => copied(scene.answer?.snapshot.code ?? "", root, (words) => set({ copied: words }));
  const copyJson = () => copied(scene.answer?.snapshot.json ?? "", root, (words) => set({ copiedJson: words }));

  // Places, in reading order.
  const top = h("div", { class: "xw-top" });
  const line = h("div", { class: "xw-line" });
  const body = h("div", { class: "xw-left" });
  const foot = h("div", { class: "xw-foot" });
  root.append(top, line, body, foot);

  const head = header(
    top,
    props.headerProps(store, scene, local.value),
    { change() {}, edit: edited, copy: () => void copy() },
    until,
  );
  const bar = progress({ line, words: head.slot }, progressProps(store), { cancel: store.cancel }, until);
  const prompt = promptLine(body, context, () => scene.answer && set({ editing: true }), until);
  const edit = editor(
    body,
    editorProps(),
    {
      ask: (input) => store.edit(input as Input, view),
      leave() {
        edited();
        root.focus({ preventScroll: true });
      },
    },
    until,
  );
  const empty = h("div", { class: "xw-empty xw-soft" });
  body.append(empty);
  const list = interventionList(body, context, () => void copyJson(), until);
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
  const info = h("span", { class: "xw-info" });
  foot.append(h("span", { class: "xw-gap" }), info);
  const text = textTable(root, props.tableProps(scene), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);

  function editorProps() {
    const input = store.answer.value?.snapshot.input ?? ({ kind: "text", text: "" } as const);
    return { open: local.value.editing, input };
  }

  let underway: SteerAsk | null = null;
  /** What is written is asked for once nothing moves, and given up when something does. */
  function ask(wanted: SteerAsk | null): void {
    if (underway && JSON.stringify(underway) !== JSON.stringify(wanted)) store.details.stop(underway);
    underway = wanted;
    if (wanted) store.need(wanted, view);
  }

  function draw(): void {
    scene = makeScene(store, count());
    const { answer, writeAsk } = scene;
    ask(writing.wanted() ? writeAsk : null);
    scene = makeScene(store, count());
    head.update(props.headerProps(store, scene, local.value));
    bar.update(progressProps(store));
    prompt.draw(scene);
    edit.update(editorProps());
    empty.hidden = answer !== null;
    setText(empty, working(store) ? "reading the text" : "no answer yet");
    list.draw(scene);
    list.copied(local.value.copiedJson);
    said.update({ notice: noticeProps(store, answer, { ...troubleOf([scene.written]), absent: false }) });
    outcomes.hidden = !answer;
    setAttribute(outcomes, "data-dim", !store.current());
    sum(answer ? outcome(answer) : []);
    table(answer ? answer.snapshot : null);
    writing.draw(scene);
    setText(info, props.infoText(scene));
    info.title = answer?.snapshot.model?.fingerprint ? `model ${answer.snapshot.model.fingerprint}` : "";
    tell();
  }

  let told: unknown = null;
  /** What is made for readers who can't see the picture; only when the picture itself changed and nothing moves. */
  function tell(): void {
    const { answer } = scene;
    if (!answer || answer === told || store.moving.value) return;
    told = answer;
    region.update({ text: props.announcement(scene) });
    text.update(props.tableProps(scene));
  }

  editKey(
    root,
    () => props.headerProps(store, scene, local.value).canEdit,
    () => set({ editing: true }),
    until,
  );
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

  const { answer, error, status, display, outdated, details, connection, asked, history, moving } = store;
  const { live, kernel } = connection;
  const { changed, epoch } = details;
  watch(
    [answer, error, status, display, outdated, changed, epoch, asked, history, moving, live, kernel, local] as never,
    draw,
    until,
  );
  draw();
}

export default viewOf(openSteerStore, findSteerStore, mount);
