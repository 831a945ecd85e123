/** Everything one widget knows in the browser, shared by all its views: answers, the request under way, versions, selections. */
import { readFloats } from "../protocol/arrays.ts";
import { type Answer, decodePacked, decodePartial } from "../protocol/decode.ts";
import { encodeFetch, encodeRequest, type Question } from "../protocol/encode.ts";
import type { CandidateRow, Display, ErrorInfo, MethodInfo, Progress, Status } from "../protocol/generated.ts";
import { type Connection, connect, type End, type Live } from "./connection.ts";
import { openFrame, storesOf } from "./frame.ts";
import { canRedo, canUndo, current, EMPTY, type History, push, replace, step } from "./history.ts";
import type { Model } from "./host.ts";
import type { Clause, Selections } from "./selection.ts";
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

export { ALONE_MS, PIN_DEBOUNCE_MS } from "./frame.ts";

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
  const frame = openFrame(model, until);
  const { uid, error, status, display, outdated, selection, reading } = frame;
  const fetched = signal<ReadonlyMap<number, Float32Array>>(new Map());
  /** Revisions asked by undo and redo: their answers take the place of the version they belong to. */
  const moves = new Set<number>();
  let revision = 0;
  let overtaken: Answer | null = null;
  let asked: { action: "explain" | "generate"; question: Question } | null = null;

  const connection = connect(
    model,
    () => revision,
    { partial: onPartial, ended: onEnded, mismatch: () => outdated.set(true) },
    until,
  );

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
    connection.explain((envelope) => encodeRequest(action, question, envelope), revision, view);
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

  frame.follow(connection, onExplanation);

  return {
    uid,
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
      const end = await connection.aside((envelope) => encodeRequest("methods", {}, envelope), revision, view);
      if (end.kind === "error") error.set(end.error);
      return end.kind === "result" ? (end.message.methods ?? []) : end.kind === "error" ? [] : null;
    },
    fetchRow(row, view) {
      if (fetched.value.has(row)) return;
      const of = current(history.value)?.snapshot.revision;
      void connection
        .aside((envelope) => encodeFetch(row, envelope), of ?? revision, view)
        .then((end) => {
          if (end.kind === "error") error.set(end.error);
          if (end.kind !== "result" || !end.message.scores || of !== current(history.value)?.snapshot.revision) return;
          const { scores } = end.message;
          const values = reading(() => readFloats(scores, end.buffers));
          if (values) fetched.set(new Map(fetched.value).set(row, values));
        });
    },
    setRow(row) {
      frame.setDisplay({ row });
    },
    select: (clause) => selection.put(clause),
    attend: (view) => frame.attend(view, connection.cancel),
  };
}

const { open, find } = storesOf("stores", createStore);

/** The store of a widget, made when its model is initialized. */
export const openStore = open;
/** The store for a view. */
export const findStore = find;
