/** One explanation along the text: the question, the strip, the next tokens, and how exact it is. */
import { candidateList } from "../kit/candidate-list.ts";
import { choice } from "../kit/choice.ts";
import { editor } from "../kit/editor.ts";
import { header } from "../kit/header.ts";
import { legend } from "../kit/legend.ts";
import { liveRegion } from "../kit/live-region.ts";
import { methodPicker } from "../kit/method-picker.ts";
import { notice } from "../kit/notice.ts";
import { progress } from "../kit/progress.ts";
import { questionLine } from "../kit/question-line.ts";
import { rowChooser } from "../kit/row-chooser.ts";
import { h, on, setText, wordButton } from "../kit/shared/dom.ts";
import { mainRect } from "../kit/shared/float.ts";
import { isTyping } from "../kit/shared/keys.ts";
import { textTable } from "../kit/text-table.ts";
import { type StripCallbacks, tokenStrip } from "../kit/token-strip.ts";
import { tooltip } from "../kit/tooltip.ts";
import type { Question } from "../protocol/encode.ts";
import { detailsOf } from "../state/details.ts";
import { canRedo, canUndo } from "../state/history.ts";
import { noticeOf } from "../state/notices.ts";
import { sceneMaker } from "../state/scene.ts";
import { entries } from "../state/selection.ts";
import { signal, watch } from "../state/signal.ts";
import { findStore, openStore, type Store } from "../state/store.ts";
import { copied, placeName, rootOf, viewOf } from "./shared/view.ts";
import { askCandidate, askContrast, askContrastUnit, askQuantity, askTarget } from "./token_attribution/asking.ts";
import * as props from "./token_attribution/props.ts";

/** How many tokens "generate" asks for. */
const GENERATE = 16;
function mount(store: Store, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  const makeScene = sceneMaker(store);
  let scene = makeScene();
  const scaleNow = props.scaleMaker();
  const local = signal<props.Local>({ editing: false, picking: false, methods: null, copied: "", wanted: {} });
  const set = (fields: Partial<props.Local>) => local.set({ ...local.value, ...fields });
  let tipUnit: number | null = null;

  const root = rootOf(el, store, until);
  store.attend(until);

  const ask = (question: Question | null) => {
    if (!question) return;
    const { target, contrast } = question;
    set({ wanted: { ...(target === undefined ? {} : { target }), ...(contrast === undefined ? {} : { contrast }) } });
    store.ask(question, view);
  };
  const edited = () => {
    if (local.value.editing) store.giveUpEdit();
    set({ editing: !local.value.editing });
  };
  const pick = () => {
    set({ picking: !local.value.picking, methods: null });
    if (local.value.picking) void store.methods(view).then((methods) => set({ methods }));
  };
  const copy = () => copied(scene.answer?.snapshot.code ?? "", root, (words) => set({ copied: words }));
  const select = (kind: "hover" | "pin" | "brush", chosen: number[]) =>
    store.select({ source: view, kind, axis: "pos", entries: chosen.filter((entry) => entry >= 0) });
  const entryOf = (unit: number) => scene.units[unit]?.entry ?? -1;
  const onStrip: StripCallbacks = {
    hover(unit, element) {
      tipUnit = unit;
      select("hover", unit === null ? [] : [entryOf(unit)]);
      drawTip(element);
    },
    pin(unit) {
      const entry = entryOf(unit);
      const pins = entries(store.selection.clauses.value, "pin", "pos");
      select("pin", pins.includes(entry) ? pins.filter((p) => p !== entry) : [...pins, entry]);
    },
    brush(from, to) {
      select(
        "brush",
        scene.units.slice(from, to + 1).map((u) => u.entry),
      );
    },
    clear() {
      select("pin", []);
      select("brush", []);
      drawTip(null);
    },
    contrast: (unit) => ask(askContrastUnit(scene, unit)),
    explain: (unit) => ask(askTarget(scene, { kind: "generated", index: scene.units[unit]?.generated ?? 0 })),
  };

  // Places, in reading order.
  const top = h("div", { class: "xw-top" });
  const line = h("div", { class: "xw-line" });
  const left = h("div", { class: "xw-left" });
  const right = h("div", { class: "xw-right" });
  const foot = h("div", { class: "xw-foot" });
  const main = h("div", { class: "xw-main" }, left, right);
  root.append(top, line, main, foot);

  const head = header(
    top,
    props.headerProps(store, scene, local.value),
    {
      change: pick,
      edit: edited,
      copy: () => void copy(),
    },
    until,
  );
  const bar = progress({ line, words: head.slot }, props.progressProps(store), { cancel: () => store.cancel() }, until);
  const picker = methodPicker(
    root,
    props.pickerProps(store, scene, local.value, head.change),
    {
      choose: (method, params) => ask({ method, params }),
      close: () => {
        set({ picking: false });
        head.change.focus();
      },
    },
    until,
  );
  const question = questionLine(
    left,
    props.questionProps(scene),
    { clear: () => ask(askContrast(scene, null)) },
    until,
  );
  const chooser = rowChooser(left, rowProps(), { choose: (row) => store.setRow(row) }, until);
  const edit = editor(
    left,
    editorProps(),
    {
      ask: (input) => ask({ input: { ...input, ...(input.messages ? { messages: [...input.messages] } : {}) } }),
      leave: () => {
        edited();
        root.focus({ preventScroll: true });
      },
    },
    until,
  );
  const empty = h("div", { class: "xw-empty xw-soft" });
  left.append(empty);
  const strip = tokenStrip(left, props.stripProps(store, scene, scaleNow(scene)), onStrip, until);
  const title = `let the model write ${GENERATE} tokens; each can then be explained`;
  const write = () => {
    set({ wanted: {} });
    store.generate(GENERATE, view);
  };
  const generate = wordButton("generate", { class: "xw-word xw-generate", title }, write, until);
  const undo = wordButton("undo", {}, () => store.undo(view), until);
  const redo = wordButton("redo", {}, () => store.redo(view), until);
  const after = h("div", { class: "xw-after" }, generate, undo, redo);
  left.append(after);
  const said = notice(
    left,
    { notice: noticeOf(store, scene) },
    { act: (name) => (name === "methods" ? pick() : store.confirm(view)) },
    until,
  );
  const heading = h("h5", { class: "xw-h" });
  right.append(heading);
  const list = candidateList(
    right,
    props.candidateProps(scene, local.value),
    {
      explain: (id) => ask(askCandidate(scene, { kind: "token", id })),
      contrast: (id) => ask(askContrast(scene, id === null ? null : { kind: "token", id })),
      other: (text, contrast) => ask((contrast ? askContrast : askCandidate)(scene, { kind: "text", text })),
    },
    until,
  );
  const scales = legend(foot, props.legendProps(scene, scaleNow(scene)), {}, until);
  const quantity = choice(
    question.slot,
    props.quantityProps(scene),
    { choose: (value) => ask(askQuantity(scene, value)) },
    until,
  );
  const unit = choice(foot, props.unitProps(scene), { choose: (value) => ask({ unit: value }) }, until);
  const info = h("span", { class: "xw-info" });
  foot.append(h("span", { class: "xw-gap" }), info);
  const tip = tooltip(root, { anchor: null, title: "", lines: [] }, {}, until);
  const table = textTable(root, props.tableProps(scene), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);

  function rowProps() {
    return scene.rows ? { ...scene.rows, row: scene.row } : null;
  }
  function editorProps() {
    return { open: local.value.editing, input: scene.last?.snapshot.input ?? ({ kind: "text", text: "" } as const) };
  }
  function drawTip(element: HTMLElement | null): void {
    const details = tipUnit === null || !element ? null : detailsOf(scene, tipUnit);
    tip.update({
      anchor: details && element ? mainRect(element) : null,
      title: details?.title ?? "",
      lines: details?.lines ?? [],
    });
  }

  let told: unknown = null;
  /** What is made for readers who can't see the picture; only when the picture itself changed. */
  function tell(): void {
    const live = store.connection.live.value;
    if (live) region.update({ text: live.silent ? "waiting for the kernel" : "computing" });
    else if (scene.about) region.update({ text: props.announcement(scene) });
    if (told === scene.values) return;
    told = scene.values;
    table.update(props.tableProps(scene));
  }

  function draw(): void {
    scene = makeScene();
    const live = store.connection.live.value;
    if (!live && Object.keys(local.value.wanted).length > 0) set({ wanted: {} });
    if (scene.rows && scene.row !== null && !scene.values && scene.answer?.scores) store.fetchRow(scene.row, view);
    const s = scene.answer?.snapshot;
    const { state } = store.status.value;
    head.update(props.headerProps(store, scene, local.value));
    bar.update(props.progressProps(store));
    picker.update(props.pickerProps(store, scene, local.value, head.change));
    question.update(props.questionProps(scene));
    chooser.update(rowProps());
    edit.update(editorProps());
    strip.update(props.stripProps(store, scene, scaleNow(scene)));
    empty.hidden = scene.answer !== null;
    setText(empty, state === "running" ? "computing the first answer" : "no answer yet");
    after.hidden = !s?.method && (s !== undefined || !props.working(store));
    generate.disabled = !s || live?.action === "generate";
    undo.disabled = !canUndo(history.value);
    redo.disabled = !canRedo(history.value);
    undo.hidden = redo.hidden = undo.disabled && redo.disabled;
    said.update({ notice: noticeOf(store, scene) });
    right.hidden = scene.candidates.length === 0 && (s !== undefined || state === "static");
    setText(heading, props.listHeading(scene));
    list.update(props.candidateProps(scene, local.value));
    scales.update(props.legendProps(scene, scaleNow(scene)));
    quantity.update(props.quantityProps(scene));
    unit.update(props.unitProps(scene));
    setText(info, props.infoText(scene));
    info.title = s?.model?.fingerprint ? `model ${s.model.fingerprint}` : "";
    tell();
  }

  on(
    root,
    "keydown",
    (event) => {
      if (isTyping(event.composedPath()[0] ?? null) || event.altKey) return;
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key.toLowerCase() === "z") (event.shiftKey ? store.redo : store.undo)(view);
      else if (!command && event.key === "e" && props.headerProps(store, scene, local.value).canEdit) {
        set({ editing: true });
      } else return;
      event.preventDefault();
    },
    until,
  );

  const { history, partial, before, error, status, display, outdated, fetched, connection } = store;
  const { live, kernel } = connection;
  watch([history, partial, before, error, status, display, outdated, fetched, live, kernel, local], draw, until);
  // Pointing changes the strip only.
  watch([store.selection.clauses], () => strip.update(props.stripProps(store, scene, scaleNow(scene))), until);
  draw();
}

export default viewOf(openStore, findStore, mount);
