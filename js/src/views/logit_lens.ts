/** Logit lens: what would come next if the model stopped after each layer, at every position, and one token followed through. */
import { editor } from "../kit/editor.ts";
import { header } from "../kit/header.ts";
import { legend } from "../kit/legend.ts";
import { liveRegion } from "../kit/live-region.ts";
import { notice } from "../kit/notice.ts";
import { progress } from "../kit/progress.ts";
import { questionLine } from "../kit/question-line.ts";
import { h, setText } from "../kit/shared/dom.ts";
import { textTable } from "../kit/text-table.ts";
import type { LensAsk } from "../protocol/encode.ts";
import { findLensStore, type LensStore, openLensStore } from "../state/lens-store.ts";
import { signal, watch } from "../state/signal.ts";
import { followToken } from "./logit_lens/follow.ts";
import { lensGrid } from "./logit_lens/grid.ts";
import * as props from "./logit_lens/props.ts";
import { type Context, makeScene } from "./logit_lens/scene.ts";
import { scopePiece } from "./logit_lens/scope.ts";
import { announcement } from "./logit_lens/words.ts";
import { noticeProps, progressProps, troubleOf, working } from "./shared/said.ts";
import { copied, editKey, placeName, rootOf, viewOf } from "./shared/view.ts";

function mount(store: LensStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const local = signal<props.Local>({ editing: false, copied: "" });
  const set = (fields: Partial<props.Local>) => local.set({ ...local.value, ...fields });
  const context: Context = { store, view, scene: () => scene };

  const root = rootOf(el, store, until, "xw-lens");
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
  const question = questionLine(body, props.questionProps(scene), { clear() {} }, until);
  const edit = editor(
    body,
    editorProps(),
    {
      ask: (input) =>
        store.read({ ...input, ...(input.messages ? { messages: [...input.messages] } : {}) } as never, view),
      leave() {
        edited();
        root.focus({ preventScroll: true });
      },
    },
    until,
  );
  const empty = h("div", { class: "xw-empty xw-soft" });
  body.append(empty);
  const pieces = [lensGrid(body, context, until)];
  const followed = followToken(body, context, until);
  pieces.push(followed, scopePiece(followed.slot, context, until));
  const said = notice(
    body,
    { notice: null },
    {
      act(name) {
        if (name === "again") store.details.again();
        else if (scene.answer) store.read(scene.answer.snapshot.input, view);
      },
    },
    until,
  );
  const scales = legend(foot, props.legendProps(scene), {}, until);
  const info = h("span", { class: "xw-info" });
  foot.append(h("span", { class: "xw-gap" }), info);
  const table = textTable(root, props.tableProps(scene), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);

  function editorProps() {
    const input = scene.answer?.snapshot.input ?? ({ kind: "text", text: "" } as const);
    return { open: local.value.editing, input };
  }

  /** The newest of each kind is asked for, and what it replaces is given up. */
  type Kind = "follow" | "measure" | "scope";
  const underway: Record<Kind, LensAsk | null> = { follow: null, measure: null, scope: null };
  function ask(kind: Kind, wanted: LensAsk | null): void {
    const old = underway[kind];
    if (old && JSON.stringify(old) !== JSON.stringify(wanted)) store.details.stop(old);
    underway[kind] = wanted;
    if (wanted) store.need(wanted, view);
  }

  function draw(): void {
    scene = makeScene(store);
    const { answer, followAsk, measureAsk, scopeAsk } = scene;
    ask("follow", followAsk);
    ask("measure", measureAsk);
    ask("scope", scopeAsk);
    head.update(props.headerProps(store, scene, local.value));
    bar.update(progressProps(store));
    question.update(props.questionProps(scene));
    edit.update(editorProps());
    empty.hidden = answer !== null;
    setText(empty, working(store) ? "reading every stream" : "no answer yet");
    for (const piece of pieces) piece.draw(scene);
    const asked = [measureAsk, scopeAsk, ...followed.asked(scene)].filter((one) => one !== null);
    const trouble = troubleOf(asked.map((one) => store.details.get(one)));
    said.update({ notice: noticeProps(store, answer, trouble) });
    scales.update(props.legendProps(scene));
    setText(info, props.infoText(scene));
    info.title = answer?.snapshot.model?.fingerprint ? `model ${answer.snapshot.model.fingerprint}` : "";
    tell();
  }

  let told: unknown = null;
  /** What is made for readers who can't see the picture; only when the picture itself changed. */
  function tell(): void {
    const live = store.connection.live.value;
    const { answer, position, grid, shown } = scene;
    if (live && scene.dim) region.update({ text: live.silent ? "waiting for the kernel" : "computing" });
    else if (answer) region.update({ text: announcement(answer) });
    const key = [answer, position, grid, shown] as const;
    if (Array.isArray(told) && key.every((part, i) => part === (told as unknown[])[i])) return;
    told = key;
    table.update(props.tableProps(scene));
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

export default viewOf(openLensStore, findLensStore, mount);
