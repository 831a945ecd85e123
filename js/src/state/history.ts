/** Versions of a question with their answers: what undo and redo walk through. Values only. */
import type { Answer } from "../protocol/decode.ts";

/** Anything that can be gone back to; what holds scores counts by their size. */
export interface Entry {
  readonly scores?: { readonly byteLength: number } | null;
}

export interface History<T extends Entry = Answer> {
  readonly entries: readonly T[];
  readonly at: number;
}

export const EMPTY: History = { entries: [], at: -1 };
const KEPT = 40;
const KEPT_BYTES = 64_000_000;

export function current<T extends Entry>(history: History<T>): T | null {
  return history.entries[history.at] ?? null;
}

export function canUndo(history: History<Entry>): boolean {
  return history.at > 0;
}

export function canRedo(history: History<Entry>): boolean {
  return history.at < history.entries.length - 1;
}

/** A new version; versions that were undone are dropped, and the oldest ones when there are too many or too large. */
export function push<T extends Entry>(history: History<T>, answer: T): History<T> {
  let entries = [...history.entries.slice(0, history.at + 1), answer];
  let bytes = 0;
  let keep = 0;
  for (let i = entries.length - 1; i >= 0 && keep < KEPT; i--) {
    bytes += entries[i]?.scores?.byteLength ?? 0;
    if (keep > 0 && bytes > KEPT_BYTES) break;
    keep++;
  }
  entries = entries.slice(entries.length - keep);
  return { entries, at: entries.length - 1 };
}

/** The same version computed again. */
export function replace<T extends Entry>(history: History<T>, answer: T): History<T> {
  if (history.at < 0) return push(history, answer);
  return { entries: history.entries.map((entry, i) => (i === history.at ? answer : entry)), at: history.at };
}

export function step<T extends Entry>(history: History<T>, by: -1 | 1): History<T> {
  const at = history.at + by;
  return at < 0 || at >= history.entries.length ? history : { ...history, at };
}
