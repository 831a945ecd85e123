/** Who points at what: clauses of hover, pin and brush over the entries of an axis, each with its source. */
import { type Signal, signal } from "./signal.ts";

export type Kind = "hover" | "pin" | "brush";
export type Axis = "pos" | "target" | "layer" | "head";

export interface Clause {
  readonly source: string;
  readonly kind: Kind;
  readonly axis: Axis;
  readonly entries: readonly number[];
}

export type Clauses = readonly Clause[];

/** The clause of that source, kind and axis replaced; an empty one is removed. Pins and brushes are shared by all sources. */
export function withClause(clauses: Clauses, clause: Clause): Clauses {
  const rest = clauses.filter(
    (c) =>
      !(c.kind === clause.kind && c.axis === clause.axis && (clause.kind !== "hover" || c.source === clause.source)),
  );
  return clause.entries.length ? [...rest, clause] : rest;
}

/** Entries of a kind along an axis, ascending, whoever set them. */
export function entries(clauses: Clauses, kind: Kind, axis: Axis): number[] {
  const all = clauses.filter((c) => c.kind === kind && c.axis === axis).flatMap((c) => c.entries);
  return [...new Set(all)].sort((a, b) => a - b);
}

type Listener = (clause: Clause) => void;
const KEY = Symbol.for("xai-widgets/selections");

function channels(): Map<string, Set<Listener>> {
  const home = globalThis as unknown as Record<symbol, Map<string, Set<Listener>> | undefined>;
  home[KEY] ??= new Map();
  return home[KEY];
}

export interface Selections {
  readonly clauses: Signal<Clauses>;
  put(clause: Clause): void;
  /** Join the selections of everything with the same id on this page; null leaves. */
  link(id: string | null): void;
}

/** Selections of one widget, joined in the browser with those linked to it (so it works in a saved page too). */
export function selections(until: AbortSignal): Selections {
  const clauses = signal<Clauses>([]);
  const receive: Listener = (clause) => clauses.set(withClause(clauses.value, clause));
  let linked: string | null = null;

  function link(id: string | null): void {
    if (id === linked) return;
    if (linked !== null) {
      const set = channels().get(linked);
      set?.delete(receive);
      if (set?.size === 0) channels().delete(linked);
    }
    linked = id;
    if (id === null || until.aborted) return;
    const set = channels().get(id) ?? new Set();
    channels().set(id, set.add(receive));
  }

  until.addEventListener("abort", () => link(null), { once: true });
  return {
    clauses,
    link,
    put(clause) {
      receive(clause);
      if (linked === null) return;
      for (const listener of channels().get(linked) ?? []) if (listener !== receive) listener(clause);
    },
  };
}
