/** Activation patching: how much of an answer each state brings over when it is put into another pass, or takes away with it. */
import { header } from "../kit/header.ts";
import { legend } from "../kit/legend.ts";
import { liveRegion } from "../kit/live-region.ts";
import { notice } from "../kit/notice.ts";
import { progress } from "../kit/progress.ts";
import { questionLine } from "../kit/question-line.ts";
import { h, setText } from "../kit/shared/dom.ts";
import { textTable } from "../kit/text-table.ts";
import type { PatchingAsk } from "../protocol/encode.ts";
import { findPatchingStore, openPatchingStore, type PatchingStore } from "../state/patching-store.ts";
import { signal, watch } from "../state/signal.ts";
import { againstChooser } from "./patching/against.ts";
import { patchedCell } from "./patching/cell.ts";
import { patchingGrid } from "./patching/grid.ts";
import { numberChooser } from "./patching/number.ts";
import { promptEditors, promptLines } from "./patching/prompts.ts";
import * as props from "./patching/props.ts";
import { type Context, makeScene } from "./patching/scene.ts";
import { announcement } from "./patching/words.ts";
import { noticeProps, progressProps, troubleOf, working } from "./shared/said.ts";
import { copied, editKey, placeName, rootOf, viewOf } from "./shared/view.ts";

function mount(store: PatchingStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const local = signal<props.Local>({ editing: false, copied: "" });
  const set = (fields: Partial<props.Local>) => local.set({ ...local.value, ...fields });
  const context: Context = { store, view, scene: () => scene };

  const root = rootOf(el, store, until, "xw-patch");
  store.show(until);

  const edited = () => {
    if (local.value.editing) store.giveUpEdit();
    set({ editing: !local.value.editing });
  };
  const left = () => {
    edited();
    root.focus({ preventScroll: true });
  };
  const copy = () => copied(scene.answer?.snapshot.code ?? "", root, (words) => set({ copied: words }));

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
  const question = questionLine(body, props.questionProps(scene), { clear() {} }, until);
  const empty = h("div", { class: "xw-empty xw-soft" });
  body.append(empty);
  const pieces = [
    againstChooser(body, context, () => set({ editing: true }), until),
    promptEditors(body, context, () => local.value.editing, left, until),
    promptLines(body, context, until),
    patchingGrid(body, context, until),
  ];
  // Right under the grid: below the lists it would not be seen by those who edit above it.
  const said = notice(
    body,
    { notice: null },
    { act: (name) => (name === "again" ? store.details.again() : store.again(view)) },
    until,
  );
  pieces.push(patchedCell(body, context, until), numberChooser(body, context, until));
  const scales = legend(foot, props.legendProps(scene), {}, until);
  const info = h("span", { class: "xw-info" });
  foot.append(h("span", { class: "xw-gap" }), info);
  const table = textTable(root, props.tableProps(scene), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);

  /** The pinned cell is asked for, and the one before given up. */
  let underway: PatchingAsk | null = null;
  function ask(wanted: PatchingAsk | null): void {
    if (underway && JSON.stringify(underway) !== JSON.stringify(wanted)) store.details.stop(underway);
    underway = wanted;
    if (wanted) store.need(wanted, view);
  }

  /** The picture that readers who can't see it were told of, or the error that opened the editors. */
  let told: unknown = null;
  function draw(): void {
    scene = makeScene(store);
    const { answer, cellAsk, cell } = scene;
    ask(cellAsk);
    head.update(props.headerProps(store, scene, local.value));
    bar.update(progressProps(store));
    question.update(props.questionProps(scene));
    empty.hidden = answer !== null || scene.failed;
    const both = store.against() === "prompt";
    setText(empty, working(store) ? `running ${both ? "both prompts" : "the prompt"}` : "no answer yet");
    // Where the first look failed there is nothing else to do than to change what was asked.
    if (scene.failed && store.error.value && !told) {
      told = store.error.value;
      if (!local.value.editing && props.headerProps(store, scene, local.value).canEdit) set({ editing: true });
    }
    for (const piece of pieces) piece.draw(scene);
    said.update({ notice: noticeProps(store, answer, troubleOf([cell])) });
    scales.update(props.legendProps(scene));
    setText(info, props.infoText(scene));
    info.title = answer?.snapshot.model?.fingerprint ? `model ${answer.snapshot.model.fingerprint}` : "";
    tell();
  }

  /** What is made for readers who can't see the picture; only when the picture itself changed. */
  function tell(): void {
    const live = store.connection.live.value;
    const { answer, grid } = scene;
    if (live && scene.dim) region.update({ text: live.silent ? "waiting for the kernel" : "computing" });
    else if (answer) region.update({ text: announcement(answer, working(store)) });
    if (grid === told && answer) return;
    told = grid;
    table.update(props.tableProps(scene));
  }

  editKey(
    root,
    () => props.headerProps(store, scene, local.value).canEdit,
    () => set({ editing: true }),
    until,
  );

  const { answer, asked, error, status, display, outdated, look, details, selection, connection } = store;
  const { live, kernel } = connection;
  const { changed, epoch } = details;
  watch(
    [
      answer,
      asked,
      error,
      status,
      display,
      outdated,
      look,
      changed,
      epoch,
      selection.clauses,
      live,
      kernel,
      local,
    ] as never,
    draw,
    until,
  );
  draw();
}

export default viewOf(openPatchingStore, findPatchingStore, mount);
