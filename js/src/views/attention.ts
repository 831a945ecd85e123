/** Attention: all heads at once, one of them closely, what it makes of the text, and whether it matters. */
import { editor } from "../kit/editor.ts";
import { header } from "../kit/header.ts";
import { legend } from "../kit/legend.ts";
import { liveRegion } from "../kit/live-region.ts";
import { notice } from "../kit/notice.ts";
import { progress } from "../kit/progress.ts";
import { questionLine } from "../kit/question-line.ts";
import { h, setText } from "../kit/shared/dom.ts";
import { textTable } from "../kit/text-table.ts";
import { wholeAsk } from "../state/attention-picture.ts";
import { type AttentionStore, findAttentionStore, openAttentionStore } from "../state/attention-store.ts";
import { signal, watch } from "../state/signal.ts";
import { controls } from "./attention/controls.ts";
import { flowDetail } from "./attention/flow.ts";
import { turnOff } from "./attention/off.ts";
import { overview } from "./attention/overview.ts";
import { pairAsk, pairDetail } from "./attention/pair.ts";
import { panels } from "./attention/panels.ts";
import * as props from "./attention/props.ts";
import { asksOf, type Context, isShown, makeScene, type Scene } from "./attention/scene.ts";
import { strips } from "./attention/strips.ts";
import { announcement } from "./attention/words.ts";
import { noticeProps, progressProps, troubleOf, working } from "./shared/said.ts";
import { copied, editKey, placeName, rootOf, viewOf } from "./shared/view.ts";

function mount(store: AttentionStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene: Scene = makeScene(store);
  const local = signal<props.Local>({ editing: false, copied: "" });
  const set = (fields: Partial<props.Local>) => local.set({ ...local.value, ...fields });
  const context: Context = {
    store,
    view,
    scene: () => scene,
    need: (ask) => store.need(ask, view),
    clear() {
      store.pin([], view);
      store.see({ keys: [], hovered: { query: null, key: null } });
    },
  };

  const root = rootOf(el, store, until, "xw-att");
  store.show(until);

  const edited = () => {
    if (local.value.editing) store.giveUpEdit();
    set({ editing: !local.value.editing });
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
  const question = questionLine(
    body,
    props.questionProps(scene),
    { clear: () => store.see({ other: null, alone: true }) },
    until,
  );
  const edit = editor(
    body,
    editorProps(),
    {
      ask: (input) =>
        store.attend({ ...input, ...(input.messages ? { messages: [...input.messages] } : {}) } as never, view),
      leave() {
        edited();
        root.focus({ preventScroll: true });
      },
    },
    until,
  );
  const empty = h("div", { class: "xw-empty xw-soft" });
  body.append(empty);
  const missing = h("div", { class: "xw-soft xw-att-missing" });
  const pieces = [overview(body, context, until)];
  const detail = h("div", { class: "xw-att-detail" });
  body.append(missing, detail);
  pieces.push(strips(detail, context, until), controls(detail, context, until), panels(detail, context, until));
  const pair = pairDetail(detail, context, until);
  const off = turnOff(body, context, until);
  const flow = flowDetail(body, context, until);
  pieces.push(pair, off, flow);
  const said = notice(
    body,
    { notice: null },
    { act: () => scene.answer && store.attend(scene.answer.snapshot.input, view) },
    until,
  );
  const scales = legend(foot, props.legendProps(store, scene), {}, until);
  const info = h("span", { class: "xw-info" });
  foot.append(h("span", { class: "xw-gap" }), info);
  const table = textTable(root, props.tableProps(store, scene), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);

  function editorProps() {
    const input = scene.answer?.snapshot.input ?? ({ kind: "text", text: "" } as const);
    return { open: local.value.editing, input };
  }

  function draw(): void {
    scene = makeScene(store);
    const { answer } = scene;
    const extra = [pairAsk(scene), flow.ask(scene)].filter((ask) => ask !== null);
    const asks = answer ? [...asksOf(scene), ...extra] : [];
    for (const ask of asks) context.need(ask);
    head.update(props.headerProps(store, scene, local.value));
    bar.update(progressProps(store));
    question.update(props.questionProps(scene));
    edit.update(editorProps());
    empty.hidden = answer !== null;
    setText(empty, working(store) ? "looking at every head" : "no answer yet");
    for (const piece of pieces) piece.draw(scene);
    detail.hidden = !answer;
    const gaps = answer?.snapshot.missing ?? [];
    if (gaps.join() !== missing.textContent) missing.replaceChildren(...gaps.map((text) => h("p", {}, text)));
    missing.hidden = gaps.length === 0;
    // What tiles and lines are refused for is said under the picture.
    const details = [...extra, ...off.asked()].map((ask) => store.details.get(ask));
    const lacking = store.details.trouble(isShown(scene)).absent;
    said.update({ notice: noticeProps(store, scene.answer?.most ?? null, troubleOf(details), lacking) });
    scales.update(props.legendProps(store, scene));
    setText(info, props.infoText(scene));
    info.title = answer?.snapshot.model?.fingerprint ? `model ${answer.snapshot.model.fingerprint}` : "";
    tell();
  }

  let told = "";
  /** What is made for readers who can't see the picture; only when the picture itself changed. */
  function tell(): void {
    const live = store.connection.live.value;
    const { answer, look } = scene;
    if (live) region.update({ text: live.silent ? "waiting for the kernel" : "computing" });
    else if (answer) region.update({ text: announcement(answer, scene.head, scene.name) });
    const { measure, hideFirst } = look;
    const whole = scene.head && details.get(wholeAsk(scene.head, look))?.state;
    const key = JSON.stringify([answer?.snapshot.revision, scene.name, measure, hideFirst, scene.peak, whole]);
    if (key === told) return;
    told = key;
    table.update(props.tableProps(store, scene));
  }

  editKey(
    root,
    () => props.headerProps(store, scene, local.value).canEdit,
    () => set({ editing: true }),
    until,
  );

  const { answer, error, status, display, outdated, look, details, selection, connection } = store;
  const { live, kernel } = connection;
  const { changed, epoch } = details;
  watch(
    [answer, error, status, display, outdated, look, changed, epoch, selection.clauses, live, kernel, local] as never,
    draw,
    until,
  );
  draw();
}

export default viewOf(openAttentionStore, findAttentionStore, mount);
