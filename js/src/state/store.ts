/** Everything one widget knows in the browser, shared by all its views: answers, the request under way, versions, selections. */
import { DecodeError, readFloats } from "../protocol/arrays.ts";
import { type Answer, checkVersion, decodePacked, decodePartial, VersionError } from "../protocol/decode.ts";
import type { Question } from "../protocol/encode.ts";
import type { CandidateRow, Display, ErrorInfo, MethodInfo, Progress, Status } from "../protocol/generated.ts";
import { type Connection, connect, type End, type Live } from "./connection.ts";
import { canRedo, canUndo, current, EMPTY, type History, push, replace, step } from "./history.ts";
import { listen, type Model } from "./host.ts";
import { type Clause, entries, type Selections, selections } from "./selection.ts";
import { type Signal, signal } from "./signal.ts";

/** A picture that is still arriving, and the revision it belongs to. */
export interface Partial {
  readonly revision: number;
  readonly answer: Answer | null;
  readonly candidates: readonly CandidateRow[] | null;
}

export interface Store {
  readonly uid: string;
  readonly connection: Connection;
  readonly history: Signal<History>;
  readonly partial: Signal<Partial | null>;
  /** The last complete answer before the one shown, where the inputs differ: what changes are marked against. */
  readonly before: Signal<Answer | null>;
  readonly error: Signal<ErrorInfo | null>;
  readonly status: Signal<Status>;
  readonly display: Signal<Display>;
  /** True when page and kernel speak different versions. */
  readonly outdated: Signal<boolean>;
  /** Rows of the target axis that were fetched one by one, for the answer shown. */
  readonly fetched: Signal<ReadonlyMap<number, Float32Array>>;
  readonly selection: Selections;
  ask(question: Question, view: string): void;
  generate(count: number, view: string): void;
  /** Say yes to the run that was found too long to start unasked. */
  confirm(view: string): void;
  cancel(): void;
  /** The edit that was refused is given up: nothing is left to be said about it. */
  giveUpEdit(): void;
  undo(view: string): void;
  redo(view: string): void;
  methods(view: string): Promise<readonly MethodInfo[] | null>;
  fetchRow(row: number, view: string): void;
  setRow(row: number | null): void;
  select(clause: Clause): void;
  /** A view shows this until the signal ends. When the last one has gone for good, so does what is being computed. */
  attend(view: AbortSignal): void;
}

const IDLE: Status = { state: "idle", error: null, cost: "", seconds: null };
const NO_DISPLAY: Display = { row: null, link_id: null };
/** A cell that is run again takes its view away and brings it back at once; later than this nobody can press cancel. */
export const ALONE_MS = 2000;
/** Pins reach Python after this pause. */
export const PIN_DEBOUNCE_MS = 300;

/** The whole question an answer belongs to, so that it can be asked again. */
export function questionOf(answer: Answer): Question {
  const { input, target, contrast, quantity, method, unit_kind, generated } = answer.snapshot;
  const question: Question = { target, contrast, unit: unit_kind, generated: generated.map((g) => g.id) };
  // Ids can't be sent back as they are; the kernel keeps its own.
  if (input.kind !== "ids") question.input = input;
  if (quantity) question.quantity = quantity;
  if (method) {
    question.method = method.name;
    question.params = Object.fromEntries(method.params.map((p) => [p.name, p.value]));
  }
  return question;
}

export function createStore(model: Model, until: AbortSignal): Store {
  const history = signal<History>(EMPTY);
  const partial = signal<Partial | null>(null);
  const before = signal<Answer | null>(null);
  const error = signal<ErrorInfo | null>(null);
  const status = signal<Status>(IDLE);
  const display = signal<Display>(NO_DISPLAY);
  const outdated = signal(false);
  const fetched = signal<ReadonlyMap<number, Float32Array>>(new Map());
  const selection = selections(until);
  const tag = `browser-${Math.random().toString(36).slice(2, 8)}`;
  /** Revisions asked by undo and redo: their answers take the place of the version they belong to. */
  const moves = new Set<number>();
  let revision = 0;
  let overtaken: Answer | null = null;
  let asked: { action: "explain" | "generate"; question: Question } | null = null;
  let pinTimer: ReturnType<typeof setTimeout> | undefined;
  let views = 0;
  let aloneTimer: ReturnType<typeof setTimeout> | undefined;

  const connection = connect(
    model,
    () => revision,
    { partial: onPartial, ended: onEnded, mismatch: () => outdated.set(true) },
    until,
  );

  /** Run a decoding step; what can't be read is said, never thrown into the host. */
  function reading<T>(step: () => T): T | null {
    try {
      return step();
    } catch (cause) {
      if (cause instanceof VersionError) outdated.set(true);
      else if (cause instanceof DecodeError) {
        error.set({
          code: "damaged",
          problem: "What arrived can't be read.",
          given: cause.message,
          accepted: "",
          hint: "run the cell again",
        });
      } else throw cause;
      return null;
    }
  }

  function onExplanation(): void {
    const answer = reading(() => decodePacked(model.get("explanation")));
    if (!answer) return;
    const live = connection.live.value;
    if (live && answer.snapshot.revision < live.revision) {
      overtaken = answer;
      return;
    }
    take(answer);
  }

  function take(answer: Answer): void {
    const shown = current(history.value);
    const rev = answer.snapshot.revision;
    revision = Math.max(revision, rev);
    overtaken = null;
    const again = moves.delete(rev) || shown?.snapshot.revision === rev;
    if (!again) before.set(shown);
    fetched.set(new Map());
    history.set(again ? replace(history.value, answer) : push(history.value, answer));
    if (partial.value && partial.value.revision <= rev) partial.set(null);
    error.set(null);
  }

  function onPartial(message: Progress, buffers: Parameters<typeof decodePartial>[1], live: Live): void {
    if (!(message.candidates || message.snapshot || message.scores)) return;
    const so = partial.value?.revision === live.revision ? partial.value : null;
    const base = so?.answer ?? current(history.value);
    const answer = reading(() => decodePartial(message, buffers, base));
    const fits = answer && (!answer.scores || (answer.shape.at(-1) ?? 0) === answer.snapshot.unit_labels.length);
    partial.set({
      revision: live.revision,
      answer: fits ? answer : (so?.answer ?? null),
      candidates: message.candidates ?? so?.candidates ?? null,
    });
  }

  function onEnded(live: Live, end: End): void {
    if (end.kind === "result") {
      // The trait may come after the message: the partial picture stays until then.
      const rev = current(history.value)?.snapshot.revision ?? -1;
      if (rev >= live.revision) partial.set(null);
      return;
    }
    moves.delete(live.revision);
    if (end.kind === "error") error.set(end.error);
    if (history.value.entries.length || end.kind === "error") partial.set(null);
    if (overtaken) take(overtaken);
  }

  function start(action: "explain" | "generate", question: Question, view: string): number {
    error.set(null);
    asked = { action, question };
    revision += 1;
    connection.explain(action, question, revision, view);
    return revision;
  }

  function move(by: -1 | 1, view: string): void {
    if (by < 0 ? !canUndo(history.value) : !canRedo(history.value)) return;
    const left = current(history.value);
    history.set(step(history.value, by));
    const now = current(history.value);
    if (!now) return;
    before.set(left);
    partial.set(null);
    fetched.set(new Map());
    moves.add(start("explain", questionOf(now), view));
  }

  function onPins(): void {
    clearTimeout(pinTimer);
    pinTimer = setTimeout(() => {
      const { clauses } = selection;
      const pos = entries(clauses.value, "pin", "pos");
      const target = entries(clauses.value, "pin", "target");
      const known = model.get("selection");
      if (known && same(known.pos, pos) && same(known.target, target)) return;
      model.set("selection", { pos, target, source: tag });
      model.save_changes();
    }, PIN_DEBOUNCE_MS);
  }

  function onSelection(): void {
    const given = model.get("selection");
    if (!given || given.source === tag) return;
    for (const axis of ["pos", "target"] as const) {
      if (same(given[axis], entries(selection.clauses.value, "pin", axis))) continue;
      selection.put({ source: given.source || "python", kind: "pin", axis, entries: given[axis] });
    }
  }

  function onDisplay(): void {
    display.set(model.get("display") ?? NO_DISPLAY);
    selection.link(display.value.link_id);
  }

  function onStatus(): void {
    status.set(model.get("status") ?? IDLE);
    if (status.value.state === "error" && status.value.error && !connection.live.value) error.set(status.value.error);
    if (status.value.state === "static") connection.kernel.set("alive");
  }

  function onVersion(): void {
    reading(() => checkVersion(model.get("protocol_version")));
  }

  listen(model, "change:explanation", onExplanation, until);
  listen(model, "change:selection", onSelection, until);
  listen(model, "change:display", onDisplay, until);
  listen(model, "change:status", onStatus, until);
  listen(model, "change:protocol_version", onVersion, until);
  selection.clauses.subscribe(onPins, until);
  const clear = () => {
    clearTimeout(pinTimer);
    clearTimeout(aloneTimer);
  };
  until.addEventListener("abort", clear, { once: true });
  onVersion();
  onDisplay();
  onExplanation();
  // After the explanation, which clears errors of older questions.
  onStatus();
  onSelection();

  return {
    uid: model.get("uid") ?? "",
    connection,
    history,
    partial,
    before,
    error,
    status,
    display,
    outdated,
    fetched,
    selection,
    ask: (question, view) => void start("explain", question, view),
    generate: (count, view) => void start("generate", { max_new_tokens: count }, view),
    confirm(view) {
      start(asked?.action ?? "explain", { ...asked?.question, confirmed: true }, view);
    },
    cancel: () => connection.cancel(),
    giveUpEdit() {
      if (asked?.question.input) error.set(null);
    },
    undo: (view) => move(-1, view),
    redo: (view) => move(1, view),
    async methods(view) {
      const end = await connection.aside("methods", {}, 0, revision, view);
      if (end.kind === "error") error.set(end.error);
      return end.kind === "result" ? (end.message.methods ?? []) : end.kind === "error" ? [] : null;
    },
    fetchRow(row, view) {
      if (fetched.value.has(row)) return;
      const of = current(history.value)?.snapshot.revision;
      void connection.aside("fetch", {}, row, of ?? revision, view).then((end) => {
        if (end.kind === "error") error.set(end.error);
        if (end.kind !== "result" || !end.message.scores || of !== current(history.value)?.snapshot.revision) return;
        const { scores } = end.message;
        const values = reading(() => readFloats(scores, end.buffers));
        if (values) fetched.set(new Map(fetched.value).set(row, values));
      });
    },
    setRow(row) {
      const next = { ...display.value, row };
      display.set(next);
      model.set("display", next);
      model.save_changes();
    },
    select: (clause) => selection.put(clause),
    attend(view) {
      views += 1;
      clearTimeout(aloneTimer);
      const leave = () => {
        views -= 1;
        if (!views && !until.aborted) aloneTimer = setTimeout(connection.cancel, ALONE_MS);
      };
      view.addEventListener("abort", leave, { once: true });
    },
  };
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

const KEY = Symbol.for("xai-widgets/stores");

function stores(): Map<string, Store> {
  const home = globalThis as unknown as Record<symbol, Map<string, Store> | undefined>;
  home[KEY] ??= new Map();
  return home[KEY];
}

/**
 * The store of a widget: made when its model is initialized, found again by every view through the trait `uid`
 * (a host hands `initialize` and each `render` different proxies of one model).
 */
export function openStore(model: Model, until: AbortSignal): Store {
  const store = createStore(model, until);
  // Without a name there is nothing to be found by.
  if (store.uid) stores().set(store.uid, store);
  const forget = () => {
    if (stores().get(store.uid) === store) stores().delete(store.uid);
  };
  until.addEventListener("abort", forget, { once: true });
  return store;
}

/** The store for a view; made here only if a host never called `initialize`. */
export function findStore(model: Model): Store {
  return stores().get(model.get("uid") ?? "") ?? openStore(model, new AbortController().signal);
}
