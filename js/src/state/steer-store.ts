/** Everything one steering widget knows in the browser, shared by its views: what is asked (rows as they stand), and what came of it. */
import { decodeSteer, type SteerAnswer } from "../protocol/decode-steer.ts";
import { encodeSteer, type SteerAsk } from "../protocol/encode.ts";
import type { Display, ErrorInfo, Input, InterventionSpec, Status, SteerPacked } from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import { storesOf } from "./frame.ts";
import { canRedo, canUndo, current, type Entry, type History, push, step } from "./history.ts";
import type { Model } from "./host.ts";
import { openLooking } from "./looking.ts";
import type { Selections } from "./selection.ts";
import { type Signal, signal } from "./signal.ts";
import { fetchWritten, type SteerDetails } from "./steer-details.ts";
import { same } from "./steer-list.ts";

/** What can be gone back to. */
export interface Step extends Entry {
  readonly input: Input | null;
  readonly interventions: readonly InterventionSpec[];
}

export interface SteerStore {
  readonly uid: string;
  readonly connection: Connection;
  readonly answer: Signal<SteerAnswer | null>;
  readonly error: Signal<ErrorInfo | null>;
  readonly status: Signal<Status>;
  readonly display: Signal<Display>;
  readonly outdated: Signal<boolean>;
  readonly selection: Selections;
  readonly details: SteerDetails;
  /** As asked for, whether it was answered or not. */
  readonly asked: Signal<Step>;
  readonly history: Signal<History<Step>>;
  /** A slider is on its way. */
  readonly moving: Signal<boolean>;
  /** What is known belongs to what is asked. */
  current(): boolean;
  edit(input: Input, view: string): void;
  /** `moving`: one of many on the way of a slider; one look at a time, the newest next. The last must not be. */
  change(interventions: readonly InterventionSpec[], view: string, moving?: boolean): void;
  undo(view: string): void;
  redo(view: string): void;
  canUndo(): boolean;
  canRedo(): boolean;
  /** The same again. */
  again(view: string): void;
  need(ask: SteerAsk, view: string): void;
  cancel(): void;
  giveUpEdit(): void;
  show(view: AbortSignal): void;
}

export function createSteerStore(model: Model, until: AbortSignal): SteerStore {
  const decode = () => decodeSteer(model.get("explanation") as unknown as SteerPacked);
  const looking = openLooking(model, decode, taken, until);
  const { frame, connection, answer } = looking;
  const { uid, error, status, display, outdated, selection } = frame;
  const details = fetchWritten(connection, looking.revision);
  const asked = signal<Step>({ input: null, interventions: [] });
  const history = signal<History<Step>>({ entries: [], at: -1 });
  const moving = signal(false);
  /** Moved on while a look was under way: looked at when it ends. */
  let next: string | null = null;

  function taken({ snapshot }: SteerAnswer): void {
    details.clear();
    const found = { input: snapshot.input, interventions: snapshot.interventions };
    const now = asked.value;
    // An answer to something older leaves the rows as they were moved to meanwhile.
    if (moving.value || next !== null) return;
    if (now.input && same(found.interventions, now.interventions) && same(found.input, now.input)) return;
    asked.set(found);
    history.set(push(history.value, found));
  }

  function ask(view: string): void {
    next = null;
    const { input, interventions } = asked.value;
    const content: SteerAsk = {
      action: "look",
      ...(input && input.kind !== "ids" ? { input } : {}),
      interventions: [...interventions],
      ...(moving.value ? { settled: false } : {}),
    };
    looking.look((envelope) => encodeSteer(content, envelope), view);
  }

  function put(found: Step): void {
    asked.set(found);
    const old = current(history.value);
    if (!old || !same(old, found)) history.set(push(history.value, found));
  }

  function go(by: -1 | 1, view: string): void {
    const moved = step(history.value, by);
    const found = current(moved);
    if (moved === history.value || !found) return;
    history.set(moved);
    moving.set(false);
    asked.set(found);
    ask(view);
  }

  connection.live.subscribe((live) => {
    if (live || next === null) return;
    const view = next;
    // After whoever ended the last one is done with it.
    queueMicrotask(() => {
      if (next !== null && !until.aborted) ask(view);
    });
  }, until);
  looking.follow();

  return {
    uid,
    connection,
    answer,
    error,
    status,
    display,
    outdated,
    selection,
    details,
    asked,
    history,
    moving,
    current() {
      const shown = answer.value?.snapshot;
      return Boolean(shown) && same(shown?.interventions, asked.value.interventions);
    },
    edit(input, view) {
      put({ ...asked.value, input });
      ask(view);
    },
    change(interventions, view, isMoving = false) {
      moving.set(isMoving);
      if (!isMoving) {
        put({ ...asked.value, interventions });
        ask(view);
        return;
      }
      asked.set({ ...asked.value, interventions });
      if (connection.live.value) next = view;
      else ask(view);
    },
    undo: (view) => go(-1, view),
    redo: (view) => go(1, view),
    canUndo: () => canUndo(history.value),
    canRedo: () => canRedo(history.value),
    again: ask,
    need: (wanted, view) => details.need(wanted, view),
    cancel() {
      next = null;
      connection.cancel();
    },
    giveUpEdit() {
      const shown = answer.value?.snapshot;
      if (error.value && shown) asked.set({ ...asked.value, input: shown.input });
      error.set(null);
    },
    show: (view) => frame.attend(view, connection.cancel),
  };
}

const { open, find } = storesOf("steer-stores", createSteerStore);

/** The store of a widget, made when its model is initialized. */
export const openSteerStore = open;
/** The store for a view. */
export const findSteerStore = find;
