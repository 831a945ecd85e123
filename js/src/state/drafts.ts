/** Two prompts that are edited: those that are asked for, and while their editors are open also those that were refused. */
import type { Input } from "../protocol/generated.ts";

export type Which = "clean" | "corrupted";

export interface Drafts {
  readonly now: { readonly [which in Which]?: Input };
  write(which: Which, input: Input): void;
  /** What was asked is there. */
  taken(): void;
  /** What was asked is there, or was refused or cancelled. */
  ended(): void;
  /** The editors are closed. */
  close(): void;
}

export function openDrafts(isAsking: () => boolean): Drafts {
  let now: Drafts["now"] = {};
  let isEditing = false;
  const forget = () => {
    now = {};
  };
  return {
    get now() {
      return now;
    },
    write(which, input) {
      isEditing = true;
      now = { ...now, [which]: input };
    },
    taken: forget,
    ended: () => isEditing || forget(),
    close() {
      isEditing = false;
      if (!isAsking()) forget();
    },
  };
}
