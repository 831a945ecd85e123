/** Direct logit attribution: who wrote the logit, by embedding, attention, heads, MLPs, neurons and bias. */
import { candidateList } from "../kit/candidate-list.ts";
import { editor } from "../kit/editor.ts";
import { header } from "../kit/header.ts";
import { legend } from "../kit/legend.ts";
import { liveRegion } from "../kit/live-region.ts";
import { notice } from "../kit/notice.ts";
import { progress } from "../kit/progress.ts";
import { questionLine } from "../kit/question-line.ts";
import { h, setText } from "../kit/shared/dom.ts";
import { textTable } from "../kit/text-table.ts";
import { type Choice, type DirectStore, findDirectStore, openDirectStore } from "../state/direct-store.ts";
import { signal, watch } from "../state/signal.ts";
import { askOther, askTarget } from "./direct_logit_attribution/asking.ts";
import { componentChart } from "./direct_logit_attribution/chart.ts";
import { headMap } from "./direct_logit_attribution/heads.ts";
import { neuronTable } from "./direct_logit_attribution/neurons.ts";
import { promptLine } from "./direct_logit_attribution/prompt.ts";
import * as props from "./direct_logit_attribution/props.ts";
import { type Context, makeScene } from "./direct_logit_attribution/scene.ts";
import { headSources } from "./direct_logit_attribution/sources.ts";
import { versionChooser } from "./direct_logit_attribution/versions.ts";
import { announcement } from "./direct_logit_attribution/words.ts";
import { noticeProps, progressProps, working } from "./shared/said.ts";
import { copied, editKey, placeName, rootOf, viewOf } from "./shared/view.ts";

function mount(store: DirectStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const local = signal<props.Local>({ editing: false, copied: "" });
  const set = (fields: Partial<props.Local>) => local.set({ ...local.value, ...fields });
  const context: Context = { store, view, scene: () => scene };

  const root = rootOf(el, store, until, "xw-direct");
  store.show(until);

  const ask = (fields: Choice) => store.ask(fields, view);
  const edited = () => {
    if (local.value.editing) store.giveUpEdit();
    set({ editing: !local.value.editing });
  };
  const canEdit = () => props.headerProps(store, scene, local.value).canEdit;
  const copy = () => copied(scene.answer?.snapshot.code ?? "", root, (words) => set({ copied: words }));

  // Places, in reading order.
  const top = h("div", { class: "xw-top" });
  const line = h("div", { class: "xw-line" });
  const left = h("div", { class: "xw-left" });
  const right = h("div", { class: "xw-right" });
  const main = h("div", { class: "xw-main" }, left, right);
  const foot = h("div", { class: "xw-foot" });
  root.append(top, line, main, foot);

  const head = header(
    top,
    props.headerProps(store, scene, local.value),
    { change() {}, edit: edited, copy: () => void copy() },
    until,
  );
  const bar = progress({ line, words: head.slot }, progressProps(store), { cancel: store.cancel }, until);
  const clear = () => ask({ other: null });
  const question = questionLine(left, props.questionProps(scene), { clear }, until);
  const edit = editor(
    left,
    editorProps(),
    {
      ask: (input) => ask({ input: { ...input, ...(input.messages ? { messages: [...input.messages] } : {}) } }),
      leave() {
        edited();
        root.focus({ preventScroll: true });
      },
    },
    until,
  );
  const prompt = promptLine(left, () => canEdit() && set({ editing: true }), until);
  const empty = h("div", { class: "xw-empty xw-soft" });
  left.append(empty);
  const pieces = [
    prompt,
    versionChooser(left, context, until),
    componentChart(left, context, until),
    headMap(left, context, until),
    headSources(left, context, until),
  ];
  const next = h("h5", { class: "xw-h" }, "Next token");
  right.append(next);
  const list = candidateList(
    right,
    props.candidateProps(store, scene),
    {
      explain: (id) => ask(askTarget(scene, { kind: "token", id })),
      contrast: (id) => ask(askOther(scene, id === null ? null : { kind: "token", id }, store.wanted.value)),
      other(text, contrast) {
        const spec = { kind: "text" as const, text };
        ask(contrast ? askOther(scene, spec, store.wanted.value) : askTarget(scene, spec));
      },
    },
    until,
  );
  // Where the next question is chosen: under the pictures it would be out of sight.
  const said = notice(
    right,
    { notice: null },
    { act: () => scene.answer && ask({ input: scene.answer.snapshot.input }) },
    until,
  );
  pieces.push(neuronTable(right, context, until));
  const scales = legend(foot, props.legendProps(scene), {}, until);
  const info = h("span", { class: "xw-info" });
  foot.append(h("span", { class: "xw-gap" }), info);
  const table = textTable(root, props.tableProps(scene), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);

  function editorProps() {
    const input = scene.answer?.snapshot.input ?? ({ kind: "text", text: "" } as const);
    return { open: local.value.editing, input };
  }

  /** What is pinned is asked about by itself, unless the picture it is of is about to go. */
  function askMore(): void {
    if (scene.dim) return;
    for (const one of [scene.neuronsAsk, ...scene.headAsks]) if (one) store.need(one, view);
  }

  function draw(): void {
    scene = makeScene(store);
    askMore();
    const { answer } = scene;
    head.update(props.headerProps(store, scene, local.value));
    bar.update(progressProps(store));
    question.update(props.questionProps(scene));
    edit.update(editorProps());
    empty.hidden = answer !== null;
    setText(empty, working(store) ? "splitting the logit" : "no answer yet");
    for (const piece of pieces) piece.draw(scene);
    list.update(props.candidateProps(store, scene));
    const absent = [scene.neuronsAsk, ...scene.headAsks].some(
      (one) => one && store.details.get(one)?.state === "absent",
    );
    const notice = noticeProps(store, answer, { error: null, absent: false }, absent);
    said.update({ notice });
    next.hidden = !answer && !working(store);
    right.hidden = next.hidden && !notice;
    scales.update(props.legendProps(scene));
    setText(info, props.infoText(scene));
    info.title = answer?.snapshot.model?.fingerprint ? `model ${answer.snapshot.model.fingerprint}` : "";
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

  editKey(root, canEdit, () => set({ editing: true }), until);

  const { answer, error, status, display, outdated, hovered, wanted, which, details, connection } = store;
  const { live, kernel } = connection;
  const { changed, epoch } = details;
  watch(
    [answer, error, status, display, outdated, hovered, wanted, which, changed, epoch, live, kernel, local] as never,
    draw,
    until,
  );
  draw();
}

export default viewOf(openDirectStore, findDirectStore, mount);
