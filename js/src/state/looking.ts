/** What the stores of views that look at one text share: the trait `explanation`, in step with the request that brings the next. */
import type { Envelope } from "../protocol/encode.ts";
import { type Asked, type Connection, connect } from "./connection.ts";
import { type Frame, openFrame } from "./frame.ts";
import type { Model } from "./host.ts";
import { type Signal, signal } from "./signal.ts";

interface Revised {
  readonly snapshot: { readonly revision: number };
}

/** What the store of every such view has. */
export interface LookingStore<Answer>
  extends Pick<Frame, "uid" | "error" | "status" | "display" | "outdated" | "selection"> {
  readonly connection: Connection;
  readonly answer: Signal<Answer | null>;
  cancel(): void;
  /** The edit that was refused is given up. */
  giveUpEdit(): void;
  /** A view shows this until the signal ends; see `Frame.attend`. */
  show(view: AbortSignal): void;
}

/** What it is made from. */
export interface Looking<Answer> {
  readonly store: LookingStore<Answer>;
  readonly frame: Frame;
  /** Of the answer that is shown. */
  revision(): number;
  /** Ask for the next picture, in place of what is under way. */
  look(make: (envelope: Envelope) => Asked, view: string): void;
  /** Take what the traits hold now, and follow them. */
  follow(): void;
}

/** The picture is older than what is being asked. */
export function isOlder({ answer, connection }: Pick<LookingStore<Revised>, "answer" | "connection">): boolean {
  const live = connection.live.value;
  return live !== null && (answer.value?.snapshot.revision ?? 0) < live.revision;
}

/** All that such a view is drawn from: signals of its store, and of what that holds (its connection, details, selection). */
export function signalsOf(store: object): Signal<unknown>[] {
  const held = Object.values(store);
  const all = held.flatMap((value) => (value && typeof value === "object" ? [value, ...Object.values(value)] : []));
  return all.filter((value) => value?.subscribe);
}

/** `taken` is called after `answer` is another, while its error is still that of the one before. */
export function openLooking<Packed, Answer extends Revised>(
  model: Model,
  decode: (packed: Packed) => Answer | null,
  taken: (next: Answer) => void,
  until: AbortSignal,
): Looking<Answer> {
  const answer = signal<Answer | null>(null);
  const frame = openFrame(model, until);
  const { uid, error, status, display, outdated, selection, reading } = frame;
  let revision = 0;
  let overtaken: Answer | null = null;

  const connection = connect(
    model,
    () => revision,
    {
      partial() {},
      ended(_, end) {
        if (end.kind === "error") error.set(end.error);
        if (end.kind !== "result" && overtaken) take(overtaken);
      },
      mismatch: () => outdated.set(true),
    },
    until,
  );

  function onExplanation(): void {
    // The trait has the same name for all views; what is in it is this view's own.
    const next = reading(() => decode(model.get("explanation") as unknown as Packed));
    if (!next) return;
    const live = connection.live.value;
    if (live && next.snapshot.revision < live.revision) overtaken = next;
    else take(next);
  }

  function take(next: Answer): void {
    overtaken = null;
    revision = Math.max(revision, next.snapshot.revision);
    answer.set(next);
    taken(next);
    error.set(null);
  }

  return {
    store: {
      uid,
      error,
      status,
      display,
      outdated,
      selection,
      connection,
      answer,
      cancel: () => connection.cancel(),
      giveUpEdit: () => error.set(null),
      show: (view) => frame.attend(view, connection.cancel),
    },
    frame,
    revision: () => answer.value?.snapshot.revision ?? revision,
    look(make, view) {
      error.set(null);
      revision += 1;
      connection.explain(make, revision, view);
    },
    follow: () => frame.follow(connection, onExplanation),
  };
}
