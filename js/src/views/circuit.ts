/** A circuit: the heads and MLPs that carry an answer from the input to the logits, who reads whom, and how much that few keep. */
import { header } from "../kit/header.ts";
import { legend } from "../kit/legend.ts";
import { liveRegion } from "../kit/live-region.ts";
import { notice } from "../kit/notice.ts";
import { progress } from "../kit/progress.ts";
import { questionLine } from "../kit/question-line.ts";
import { h, setText } from "../kit/shared/dom.ts";
import { textTable } from "../kit/text-table.ts";
import type { CircuitAsk } from "../protocol/encode.ts";
import { type CircuitStore, findCircuitStore, openCircuitStore } from "../state/circuit-store.ts";
import { signal, watch } from "../state/signal.ts";
import { circuitControls, curveChart } from "./circuit/controls.ts";
import { circuitAlone, pinnedEdge } from "./circuit/edge.ts";
import { circuitGraph } from "./circuit/graph.ts";
import { edgeList } from "./circuit/list.ts";
import { numberChooser } from "./circuit/number.ts";
import { promptEditors, promptLines } from "./circuit/prompts.ts";
import * as props from "./circuit/props.ts";
import { type Context, makeScene } from "./circuit/scene.ts";
import { announcement, stateOf } from "./circuit/words.ts";
import { detailNotice, noticeProps, troubleOf, working } from "./shared/said.ts";
import { copied, editKey, placeName, rootOf, viewOf } from "./shared/view.ts";

function mount(store: CircuitStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const local = signal<props.Local>({ editing: false, copied: "" });
  const set = (fields: Partial<props.Local>) => local.set({ ...local.value, ...fields });
  const context: Context = { store, view, scene: () => scene };

  const root = rootOf(el, store, until, "xw-circ");
  store.show(until);

  const edited = () => {
    if (local.value.editing) store.giveUpEdit();
    set({ editing: !local.value.editing });
  };
  const left = () => {
    edited();
    root.focus({ preventScroll: true });
  };
  const canEdit = () => props.headerProps(store, scene, local.value).canEdit;
  const open = () => canEdit() && set({ editing: true });
  const copy = () => copied(scene.answer?.snapshot.code ?? "", root, (words) => set({ copied: words }));
  const act = (name: string) => {
    if (name !== "again") {
      store.again(view);
      return;
    }
    store.details.again();
    const { size } = store.look.value;
    if (size !== null) store.resize(size, view);
  };

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
  const bar = progress({ line, words: head.slot }, props.progressProps(store), { cancel: () => store.cancel() }, until);
  const question = questionLine(body, props.questionProps(store, scene), { clear() {} }, until);
  const empty = h("div", { class: "xw-empty xw-soft" });
  body.append(empty);
  const pieces = [
    promptEditors(body, context, () => local.value.editing, left, until),
    promptLines(body, open, until),
    circuitControls(body, context, until),
    circuitGraph(body, context, until),
  ];
  // Right under the graph: below the lists it would not be seen by those who edit above it.
  const said = notice(body, { notice: null }, { act }, until);
  pieces.push(
    // The edge under the list that it is chosen from: the row that was clicked stays where it is.
    edgeList(body, context, until),
    pinnedEdge(body, context, until),
    curveChart(body, context, until),
    circuitAlone(body, context, until),
    numberChooser(body, context, until),
  );
  const scales = legend(foot, props.legendProps(scene), {}, until);
  const info = h("span", { class: "xw-info" });
  foot.append(h("span", { class: "xw-gap" }), info);
  const table = textTable(root, props.tableProps(scene), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);

  /** The pinned edge is asked for, and the one before given up. */
  let underway: CircuitAsk | null = null;
  function ask(wanted: CircuitAsk | null): void {
    if (underway && underway.edge !== wanted?.edge) store.details.stop(underway);
    underway = wanted;
    if (wanted) store.need(wanted, view);
  }

  function draw(): void {
    scene = makeScene(store);
    const { answer, circuit, edgeAsk, edge } = scene;
    const unchecked = circuit?.by === "rank" ? circuit.check : null;
    ask(edgeAsk);
    head.update(props.headerProps(store, scene, local.value));
    bar.update(props.progressProps(store));
    question.update(props.questionProps(store, scene));
    empty.hidden = answer !== null;
    setText(empty, working(store) ? "looking for the circuit" : "no answer yet");
    for (const piece of pieces) piece.draw(scene);
    const { error: refused, absent } = troubleOf([edge, unchecked]);
    // What a detail was refused for comes last, with a way to ask again.
    const first = noticeProps(store, answer, { error: null, absent });
    said.update({ notice: first ?? detailNotice({ error: refused, absent: false }) });
    scales.update(props.legendProps(scene));
    setText(info, props.infoText(scene));
    info.title = answer?.snapshot.model?.fingerprint ? `model ${answer.snapshot.model.fingerprint}` : "";
    tell();
  }

  let told: readonly unknown[] = [];
  /** What is made for readers who can't see the picture; only when the circuit itself changed. */
  function tell(): void {
    const live = store.connection.live.value;
    const { answer, circuit, edge } = scene;
    if (live && scene.dim) region.update({ text: live.silent ? "waiting for the kernel" : "computing" });
    else if (answer && circuit) region.update({ text: announcement(answer, circuit, stateOf(store)) });
    const now = [circuit?.kept, edge?.found];
    if (answer && now.every((value, i) => value === told[i])) return;
    told = now;
    table.update(props.tableProps(scene));
  }

  editKey(root, canEdit, () => set({ editing: true }), until);

  const { answer, error, status, display, outdated, look, details, connection } = store;
  const { live, kernel } = connection;
  const { changed, epoch } = details;
  watch([answer, error, status, display, outdated, look, changed, epoch, live, kernel, local] as never, draw, until);
  draw();
}

export default viewOf(openCircuitStore, findCircuitStore, mount);
