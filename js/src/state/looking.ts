/** What the stores of a view of one text share: the trait `explanation`, in step with the request that brings the next one. */
import type { Envelope } from "../protocol/encode.ts";
import { type Asked, type Connection, connect } from "./connection.ts";
import { type Frame, openFrame } from "./frame.ts";
import type { Model } from "./host.ts";
import { type Signal, signal } from "./signal.ts";

export interface Looking<Answer> {
  readonly frame: Frame;
  readonly connection: Connection;
  readonly answer: Signal<Answer | null>;
  /** Of the answer that is shown. */
  revision(): number;
  /** Ask for the next picture, in place of what is under way. */
  look(make: (envelope: Envelope) => Asked, view: string): void;
  /** Take what the traits hold now, and follow them. */
  follow(): void;
}

/** `taken` is called after `answer` is another, while its error is still that of the one before. */
export function openLooking<Answer extends { readonly snapshot: { readonly revision: number } }>(
  model: Model,
  decode: () => Answer | null,
  taken: (next: Answer) => void,
  until: AbortSignal,
): Looking<Answer> {
  const answer = signal<Answer | null>(null);
  const frame = openFrame(model, until);
  const { error, outdated, reading } = frame;
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
    const next = reading(decode);
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
    frame,
    connection,
    answer,
    revision: () => answer.value?.snapshot.revision ?? revision,
    look(make, view) {
      error.set(null);
      revision += 1;
      connection.explain(make, revision, view);
    },
    follow: () => frame.follow(connection, onExplanation),
  };
}
