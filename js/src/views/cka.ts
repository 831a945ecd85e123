/** CKA by layer: how alike the streams of two models (or of one) are, layer beside layer. */
import { header } from "../kit/header.ts";
import { legend } from "../kit/legend.ts";
import { liveRegion } from "../kit/live-region.ts";
import { notice } from "../kit/notice.ts";
import { progress } from "../kit/progress.ts";
import { questionLine } from "../kit/question-line.ts";
import { h, setText } from "../kit/shared/dom.ts";
import { textTable } from "../kit/text-table.ts";
import { type CKAStore, findCKAStore, openCKAStore } from "../state/cka-store.ts";
import { signal, watch } from "../state/signal.ts";
import { layerLine } from "./cka/diagonal.ts";
import { layerMatrix } from "./cka/matrix.ts";
import * as props from "./cka/props.ts";
import { type Context, makeScene } from "./cka/scene.ts";
import { announcement } from "./cka/words.ts";
import { noticeProps, progressProps, working } from "./shared/said.ts";
import { copied, placeName, rootOf, viewOf } from "./shared/view.ts";

function mount(store: CKAStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const words = signal("");
  const context: Context = { store, scene: () => scene };

  const root = rootOf(el, store, until, "xw-cka");
  store.show(until);

  const copy = () => copied(scene.answer?.snapshot.code ?? "", root, (said) => words.set(said));

  // Places, in reading order.
  const top = h("div", { class: "xw-top" });
  const line = h("div", { class: "xw-line" });
  const body = h("div", { class: "xw-left" });
  const foot = h("div", { class: "xw-foot" });
  root.append(top, line, body, foot);

  const head = header(
    top,
    props.headerProps(store, scene, ""),
    { change() {}, edit() {}, copy: () => void copy() },
    until,
  );
  const bar = progress({ line, words: head.slot }, progressProps(store), { cancel: store.cancel }, until);
  const question = questionLine(body, props.questionProps(scene), { clear() {} }, until);
  const empty = h("div", { class: "xw-empty xw-soft" });
  body.append(empty);
  const pieces = [layerMatrix(body, context, until), layerLine(body, context, until)];
  const said = notice(body, { notice: null }, { act: () => store.again(view) }, until);
  const scales = legend(foot, props.legendProps(scene), {}, until);
  const info = h("span", { class: "xw-info" });
  foot.append(h("span", { class: "xw-gap" }), info);
  const table = textTable(root, props.tableProps(scene), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);

  function draw(): void {
    scene = makeScene(store);
    const { answer } = scene;
    head.update(props.headerProps(store, scene, words.value));
    bar.update(progressProps(store));
    question.update(props.questionProps(scene));
    empty.hidden = answer !== null;
    setText(empty, working(store) ? "reading the texts" : "no answer yet");
    for (const piece of pieces) piece.draw(scene);
    said.update({ notice: noticeProps(store, answer, { error: null, absent: false }) });
    scales.update(props.legendProps(scene));
    setText(info, props.infoText(scene));
    info.title = answer?.snapshot.texts.join("\n") ?? "";
    tell();
  }

  let told: unknown = null;
  /** What is made for readers who can't see the picture; only when the picture itself changed. */
  function tell(): void {
    const live = store.connection.live.value;
    const { answer } = scene;
    if (live && scene.dim) region.update({ text: live.silent ? "waiting for the kernel" : "computing" });
    else if (answer) region.update({ text: announcement(answer) });
    if (told === answer) return;
    told = answer;
    table.update(props.tableProps(scene));
  }

  const { answer, error, status, display, outdated, estimate, hovered, connection } = store;
  const { live, kernel } = connection;
  watch([answer, error, status, display, outdated, estimate, hovered, live, kernel, words] as never, draw, until);
  draw();
}

export default viewOf(openCKAStore, findCKAStore, mount);
