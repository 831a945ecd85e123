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
import { copyText } from "../kit/shared/clipboard.ts";
import { type Scale, scaleOf } from "../kit/shared/colour-scale.ts";
import { h, on, setText, wordButton } from "../kit/shared/dom.ts";
import { mainRect } from "../kit/shared/float.ts";
import { isTyping, keepKeys } from "../kit/shared/keys.ts";
import { followTheme } from "../kit/shared/theme.ts";
import { textTable } from "../kit/text-table.ts";
import { tokenStrip } from "../kit/token-strip.ts";
import { tooltip } from "../kit/tooltip.ts";
import type { Question } from "../protocol/encode.ts";
import type { MethodInfo, TargetSpec } from "../protocol/generated.ts";
import { detailsOf, spoken, strongest } from "../state/details.ts";
import { canRedo, canUndo } from "../state/history.ts";
import { lifetime, type Model } from "../state/host.ts";
import { noticeOf } from "../state/notices.ts";
import { type Scene, sceneMaker } from "../state/scene.ts";
import { entries } from "../state/selection.ts";
import { signal, watch } from "../state/signal.ts";
import { findStore, openStore, type Store } from "../state/store.ts";
import * as words from "../state/words.ts";

/** How many tokens "generate" asks for. */
const GENERATE = 16;
/** Rows kept free before the first list of next tokens. */
const EXPECTED = 10;
const COPIED_MS = 1500;
/** A click looks whether the kernel is still there, at most this often. */
const CHECK_MS = 5000;

interface HostProps {
  model: Model;
  signal?: AbortSignal;
}

function initialize({ model, signal: given }: HostProps): (() => void) | undefined {
  const { signal: until, dispose } = lifetime(given);
  openStore(model, until);
  return dispose;
}

function render({ model, el, signal: given }: HostProps & { el: HTMLElement }): (() => void) | undefined {
  const { signal: until, dispose } = lifetime(given);
  mount(findStore(model), el, until);
  return dispose;
}

function mount(store: Store, el: HTMLElement, until: AbortSignal): void {
  const view = `view-${Math.random().toString(36).slice(2, 8)}`;
  const makeScene = sceneMaker(store);
  let scene = makeScene();
  const editing = signal(false);
  const picking = signal(false);
  const methods = signal<readonly MethodInfo[] | null>(null);
  const copied = signal("");
  /** What was clicked and is not answered yet, marked at once. */
  const wanted = signal<Pick<Question, "target" | "contrast">>({});
  let tipUnit: number | null = null;
  let scale: Scale = { top: 0, signed: true };
  let scaled: unknown[] = [];

  const root = h("div", { class: "xw", tabindex: -1 });
  el.append(root);
  until.addEventListener("abort", () => root.remove(), { once: true });
  keepKeys(root, until);
  followTheme(root, until);

  const ask = (question: Question) => {
    wanted.set({
      ...("target" in question ? { target: question.target ?? null } : {}),
      ...("contrast" in question ? { contrast: question.contrast ?? null } : {}),
    });
    store.ask(question, view);
  };
  const contrasted = () => Boolean(scene.about?.snapshot.contrast);
  const working = () =>
    store.connection.live.value !== null ||
    (store.status.value.state === "running" && store.connection.kernel.value === "alive");
  const quantityFor = (contrast: boolean): Pick<Question, "quantity"> => {
    const now = scene.about?.snapshot.quantity ?? "";
    if (contrast) return words.quantities(true).includes(now) && contrasted() ? {} : { quantity: "logit_diff" };
    return now === "logit_diff" ? { quantity: "log_prob" } : {};
  };
  const explain = (target: TargetSpec) => {
    // The token that was compared with can't be compared with itself.
    const same = target.kind === "token" && target.id === scene.contrast;
    const whole = ["entropy", "kl"].includes(scene.about?.snapshot.quantity ?? "");
    ask({
      target,
      ...(same ? { contrast: null, ...quantityFor(false) } : {}),
      ...(whole ? { quantity: "log_prob" } : {}),
    });
  };
  const setContrast = (contrast: TargetSpec | null) =>
    ask({ contrast, ...pinTarget(contrast), ...quantityFor(contrast !== null) });
  /** "Rather than that" is about the target on the screen, also when that was only the most probable token so far. */
  const pinTarget = (contrast: TargetSpec | null): Pick<Question, "target"> => {
    const snapshot = scene.about?.snapshot;
    const first = snapshot?.rows[0];
    return contrast && snapshot?.target === null && first && first.id >= 0
      ? { target: { kind: "token", id: first.id } }
      : {};
  };
  const openPicker = () => {
    picking.set(!picking.value);
    if (!picking.value) return;
    methods.set(null);
    void store.methods(view).then((list) => methods.set(list));
  };
  const copy = async () => {
    const done = await copyText(scene.answer?.snapshot.code ?? "", root);
    copied.set(done ? "copied" : "can't copy");
    setTimeout(() => copied.set(""), COPIED_MS);
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
    headerProps(),
    {
      change: openPicker,
      edit: () => editing.set(!editing.value),
      undo: () => store.undo(view),
      redo: () => store.redo(view),
      copy: () => void copy(),
    },
    until,
  );
  const bar = progress({ line, words: head.slot }, progressProps(), { cancel: () => store.cancel() }, until);
  const picker = methodPicker(
    root,
    pickerProps(),
    {
      choose: (method, params) => ask({ method, params }),
      close: () => {
        picking.set(false);
        head.change.focus();
      },
    },
    until,
  );
  const question = questionLine(left, questionProps(), { clear: () => setContrast(null) }, until);
  const chooser = rowChooser(left, rowProps(), { choose: (row) => store.setRow(row) }, until);
  const edit = editor(
    left,
    editorProps(),
    {
      ask: (input) => ask({ input: { ...input, ...(input.messages ? { messages: [...input.messages] } : {}) } }),
      leave: () => {
        editing.set(false);
        root.focus({ preventScroll: true });
      },
    },
    until,
  );
  const empty = h("div", { class: "xw-empty xw-soft" }, "waiting for the first answer");
  left.append(empty);
  const strip = tokenStrip(
    left,
    stripProps(),
    {
      hover: (unit, element) => {
        tipUnit = unit;
        const entry = unit === null ? -1 : (scene.units[unit]?.entry ?? -1);
        store.select({ source: view, kind: "hover", axis: "pos", entries: entry < 0 ? [] : [entry] });
        drawTip(element);
      },
      pin: (unit) => {
        const entry = scene.units[unit]?.entry ?? -1;
        const pins = entries(store.selection.clauses.value, "pin", "pos");
        const next = pins.includes(entry) ? pins.filter((p) => p !== entry) : [...pins, entry];
        store.select({ source: view, kind: "pin", axis: "pos", entries: next });
      },
      brush: (from, to) => {
        const range = scene.units
          .slice(from, to + 1)
          .map((u) => u.entry)
          .filter((e) => e >= 0);
        store.select({ source: view, kind: "brush", axis: "pos", entries: range });
      },
      clear: () => {
        store.select({ source: view, kind: "pin", axis: "pos", entries: [] });
        store.select({ source: view, kind: "brush", axis: "pos", entries: [] });
        drawTip(null);
      },
      contrast: (unit) => {
        const pieces = scene.units[unit]?.pieces ?? [];
        const id = pieces[0]?.id ?? -1;
        if (scene.answer?.snapshot.method && pieces.length === 1 && id >= 0 && id !== scene.target)
          setContrast({ kind: "token", id });
      },
      explain: (unit) => explain({ kind: "generated", index: scene.units[unit]?.generated ?? 0 }),
    },
    until,
  );
  const generate = wordButton(
    "generate",
    { class: "xw-word xw-generate", title: `let the model write ${GENERATE} tokens; each can then be explained` },
    () => {
      wanted.set({});
      store.generate(GENERATE, view);
    },
    until,
  );
  left.append(h("div", { class: "xw-after" }, generate));
  const said = notice(
    left,
    { notice: noticeOf(store, scene) },
    {
      act: (name) => (name === "methods" ? openPicker() : store.confirm(view)),
    },
    until,
  );
  right.append(h("h5", { class: "xw-h" }, "Next token"));
  const list = candidateList(
    right,
    candidateProps(),
    {
      explain: (id) => explain({ kind: "token", id }),
      contrast: (id) => setContrast(id === null ? null : { kind: "token", id }),
      other: (text, contrast) => (contrast ? setContrast({ kind: "text", text }) : explain({ kind: "text", text })),
    },
    until,
  );
  const scaleLegend = legend(foot, legendProps(), {}, until);
  const quantity = choice(
    question.slot,
    quantityProps(),
    { choose: (value) => ask({ quantity: value, ...(value === "entropy" && contrasted() ? { contrast: null } : {}) }) },
    until,
  );
  const unit = choice(foot, unitProps(), { choose: (value) => ask({ unit: value }) }, until);
  const info = h("span", { class: "xw-info" });
  foot.append(h("span", { class: "xw-gap" }), info);
  const tip = tooltip(root, { anchor: null, title: "", lines: [] }, {}, until);
  const table = textTable(root, tableProps(), {}, until);
  const region = liveRegion(root, { text: "" }, {}, until);

  function headerProps() {
    const { answer, about } = scene;
    const s = about?.snapshot;
    const versions = store.history.value;
    const editable = s !== undefined && s.method !== null && s.input.kind !== "ids";
    return {
      model: s?.model?.name ?? "",
      method: s?.method ? words.methodText(s.method) : "",
      exactness: answer ? words.exactness(answer) : "",
      exactnessTitle: answer ? words.exactnessTitle(answer) : "",
      busy: working(),
      canChange: Boolean(s?.method) || store.status.value.state === "asks",
      changing: picking.value,
      canEdit: editable,
      editing: editing.value,
      editTitle: s?.method && s.input.kind === "ids" ? "given as token ids: not editable here" : "",
      undo: canUndo(versions),
      redo: canRedo(versions),
      code: Boolean(s?.code),
      copied: copied.value,
    };
  }
  function progressProps() {
    const live = store.connection.live.value;
    return {
      active: working(),
      done: live?.done ?? 0,
      total: live?.total ?? 0,
      note: live?.note ?? "",
      cancelling: live?.cancelling ?? false,
      cancellable: live !== null,
    };
  }
  function pickerProps() {
    const s = scene.about?.snapshot;
    const stopped = store.connection.kernel.value !== "alive" || store.status.value.state === "static";
    return {
      open: picking.value,
      anchor: head.change,
      methods: methods.value,
      current: s?.method ?? null,
      empty: stopped
        ? "There is no kernel to ask."
        : store.connection.live.value?.silent
          ? "The kernel is busy with another cell."
          : "",
    };
  }
  function questionProps() {
    const { about } = scene;
    const sentence = about ? words.question(about, scene.aboutRow, scene.value) : null;
    if (!sentence) return null;
    return {
      ...sentence,
      name: about?.snapshot.method ? "" : sentence.name,
      contrast: scene.contrast !== null || contrasted(),
      dim: scene.dimQuestion,
    };
  }
  function rowProps() {
    return scene.rows ? { ...scene.rows, row: scene.row } : null;
  }
  function editorProps() {
    return { open: editing.value, input: scene.last?.snapshot.input ?? ({ kind: "text", text: "" } as const) };
  }
  function stripProps() {
    const { answer, units, values, changes } = scene;
    const key = [values, answer?.known, answer?.snapshot];
    if (key.some((v, i) => v !== scaled[i])) {
      scale = scaleOf(values, answer?.snapshot.signed ?? true, answer?.known ?? null);
      scaled = key;
    }
    const clauses = store.selection.clauses.value;
    return {
      units,
      values,
      scale,
      known: answer?.known ?? null,
      estimate: answer?.estimate ?? false,
      fresh: changes?.fresh ?? null,
      old: changes?.old ?? null,
      hovered: entries(clauses, "hover", "pos"),
      pinned: entries(clauses, "pin", "pos"),
      brushed: entries(clauses, "brush", "pos"),
      target: scene.generated,
      dim: scene.dim,
      label: `${answer?.snapshot.unit_kind ?? "token"}s of the input with their scores`,
      describe: (index: number) => spoken(scene, index),
    };
  }
  function candidateProps() {
    const { target, contrast } = wanted.value;
    return {
      candidates: scene.candidates,
      target: target?.kind === "token" ? (target.id ?? null) : scene.target,
      contrast: contrast === null ? null : contrast?.kind === "token" ? (contrast.id ?? null) : scene.contrast,
      format: words.probability,
      reserve: scene.answer ? 0 : EXPECTED,
      dim: scene.dimCandidates,
    };
  }
  function legendProps() {
    const s = scene.answer?.snapshot;
    const end = words.number(scale.top);
    const signed = s?.signed ?? true;
    return {
      signed,
      hidden: !scale.top,
      low: scale.top ? (signed ? `−${end}` : "0") : "",
      high: scale.top ? (signed ? `+${end}` : end) : "",
      unit: s?.unit ? words.quantityName(s.unit) : "",
      estimate: Boolean(scene.answer?.estimate),
      changes: scene.changes !== null,
    };
  }
  function quantityProps() {
    const s = scene.about?.snapshot;
    const value = s?.quantity ?? "";
    const names = words.quantities(contrasted());
    if (value && !names.includes(value)) names.push(value);
    return {
      label: "",
      name: "the number that is explained",
      value,
      hidden: !s?.method,
      options: names.map((name) => ({ value: name, text: words.measureName(name, contrasted()) })),
    };
  }
  function unitProps() {
    const s = scene.about?.snapshot;
    const value = s?.unit_kind ?? "token";
    const names = [
      "token",
      "word",
      "sentence",
      ...(s?.input.kind === "chat" || value === "turn" ? ["turn"] : []),
      ...(value === "spans" ? ["spans"] : []),
    ];
    return {
      label: "per",
      name: "unit",
      value,
      hidden: !s?.method,
      options: names.map((name) => ({ value: name, text: name })),
    };
  }
  function tableProps() {
    const s = scene.answer?.snapshot;
    const shown = strongest(scene);
    return {
      caption: s ? `The ${shown.length} strongest of ${s.unit_labels.length} ${s.unit_kind}s` : "No answer yet",
      headings: [s?.unit_kind ?? "token", `score (${s?.unit || "no unit"})`, "position"],
      rows: shown,
    };
  }
  function drawTip(element: HTMLElement | null): void {
    const details = tipUnit === null || !element ? null : detailsOf(scene, tipUnit);
    tip.update({
      anchor: details && element ? mainRect(element) : null,
      title: details?.title ?? "",
      lines: details?.lines ?? [],
    });
  }

  function draw(): void {
    scene = makeScene();
    const live = store.connection.live.value;
    if (!live && (wanted.value.target !== undefined || wanted.value.contrast !== undefined)) wanted.set({});
    if (scene.rows && scene.row !== null && !scene.values && scene.answer?.scores) store.fetchRow(scene.row, view);
    const s = scene.answer?.snapshot;
    head.update(headerProps());
    bar.update(progressProps());
    picker.update(pickerProps());
    question.update(questionProps());
    chooser.update(rowProps());
    edit.update(editorProps());
    strip.update(stripProps());
    empty.hidden = scene.answer !== null;
    setText(empty, store.status.value.state === "running" ? "computing the first answer" : "no answer yet");
    generate.hidden = !s?.method;
    generate.disabled = live?.action === "generate";
    said.update({ notice: noticeOf(store, scene) });
    right.hidden = scene.candidates.length === 0 && (s !== undefined || store.status.value.state === "static");
    list.update(candidateProps());
    scaleLegend.update(legendProps());
    quantity.update(quantityProps());
    unit.update(unitProps());
    setText(info, infoText(scene));
    info.title = s?.model?.fingerprint ? `model ${s.model.fingerprint}` : "";
    table.update(tableProps());
    if (!live && scene.last && scene.answer === scene.last) region.update({ text: announce(scene) });
    else if (live) region.update({ text: live.silent ? "waiting for the kernel" : "computing" });
  }

  on(
    root,
    "keydown",
    (event) => {
      if (isTyping(event.composedPath()[0] ?? null) || event.altKey) return;
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key.toLowerCase() === "z") (event.shiftKey ? store.redo : store.undo)(view);
      else if (!command && event.key === "e" && headerProps().canEdit) editing.set(true);
      else return;
      event.preventDefault();
    },
    until,
  );
  let checked = 0;
  on(
    root,
    "pointerdown",
    () => {
      if (performance.now() - checked < CHECK_MS) return;
      checked = performance.now();
      store.connection.check();
    },
    until,
  );
  root.ownerDocument.addEventListener(
    "visibilitychange",
    () => {
      if (!root.ownerDocument.hidden) store.connection.check();
    },
    { signal: until },
  );

  watch(
    [
      store.history,
      store.partial,
      store.before,
      store.error,
      store.status,
      store.display,
      store.outdated,
      store.fetched,
      store.connection.live,
      store.connection.kernel,
      editing,
      picking,
      methods,
      copied,
      wanted,
    ],
    draw,
    until,
  );
  // Pointing changes the strip only.
  watch([store.selection.clauses], () => strip.update(stripProps()), until);
  draw();
}

function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!s) return "";
  const count = s.tokens.text.length;
  return [
    `${count.toLocaleString("en")} token${count === 1 ? "" : "s"}`,
    s.seconds === null ? "" : words.seconds(s.seconds),
    s.model?.device ?? "",
    s.model?.dtype.replace("torch.", "") ?? "",
    s.model?.fingerprint ? s.model.fingerprint.slice(0, 8) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

function announce(scene: Scene): string {
  const { answer } = scene;
  if (!answer) return "";
  const sentence = words.question(answer, scene.row, scene.value);
  const top = strongest(scene, 3).map(([text, score]) => `${text} ${score}`);
  return [
    sentence ? sentence.parts.map((p) => p.text.trim()).join(" ") : "",
    sentence ? [sentence.before, sentence.name, sentence.after].join(" ").trim() : "",
    words.exactness(answer),
    `strongest: ${top.join(", ")}`,
  ]
    .filter(Boolean)
    .join(". ");
}

export default { initialize, render };
