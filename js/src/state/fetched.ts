/** Answers fetched beside a picture: each asked once, of many small ones the newest first, kept within a bound of bytes. */
import { type Bytes, DecodeError } from "../protocol/arrays.ts";
import type { Envelope } from "../protocol/encode.ts";
import type { ErrorInfo } from "../protocol/generated.ts";
import type { Asked, Connection, End, Resulted } from "./connection.ts";
import { type Signal, signal } from "./signal.ts";

/** What one kind of view asks, and how its answers are read. */
export interface Kind<Ask, Found> {
  encode(ask: Ask, envelope: Envelope): Asked;
  /** Throws DecodeError, or RangeError where there is no memory for it. */
  read(message: Resulted, buffers: readonly Bytes[], ask: Ask): Found;
  /** Asked for by a click only, so it may be tried again after a refusal. */
  isClicked(ask: Ask): boolean;
  /** One of many, of which only some are under way at once. */
  isSmall(ask: Ask): boolean;
}

/** `absent`: a saved page without it. `lost`: cancelled, or the kernel is gone; asked again when it is needed again. */
export interface Detail<Found> {
  readonly state: "asking" | "here" | "refused" | "absent" | "lost";
  readonly found: Found | null;
  readonly error: ErrorInfo | null;
  readonly done: number;
  readonly total: number;
}

export interface Details<Ask, Found> {
  /** Counts up with every change of any of them. */
  readonly changed: Signal<number>;
  /** Counts up when something that was drawn may be gone, or may be asked for again. */
  readonly epoch: Signal<number>;
  readonly bytes: number;
  get(ask: Ask): Detail<Found> | null;
  need(ask: Ask, view: string): void;
  /** Cancel what is under way. */
  stop(ask: Ask): void;
  /** Give up small ones that are asked for but no longer wanted. */
  keep(wanted: (ask: Ask) => boolean): void;
  /** The first refusal of small ones that are wanted, and whether a saved page lacks one. */
  trouble(wanted: (ask: Ask) => boolean): { error: ErrorInfo | null; absent: boolean };
  /** Forget what was refused, so that it is asked for again. */
  again(): void;
  /** Another picture: nothing here is about it. */
  clear(): void;
}

/** Bytes of arrays kept; the least recently used go first. */
export const KEPT_BYTES = 64_000_000;
/** Small ones under way at once; the others wait, and the last one asked for goes first. */
export const AT_ONCE = 4;

/** A detail that is cancelled this often is not asked for again by itself. */
const TRIES = 5;

interface Entry<Ask, Found> extends Detail<Found> {
  readonly ask: Ask;
  readonly stopping: AbortController;
  readonly tries: number;
}

const WAITING = { state: "asking", found: null, error: null, done: 0, total: 0 } as const;

/** One text for one ask, whatever the order its fields were written in. */
export function keyOf(ask: object): string {
  return JSON.stringify(Object.entries(ask).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function fetchWith<Ask extends object, Found extends { readonly array: ArrayBufferView | null }>(
  { encode, read, isClicked, isSmall }: Kind<Ask, Found>,
  connection: Connection,
  revision: () => number,
  kept: number = KEPT_BYTES,
): Details<Ask, Found> {
  const changed = signal(0);
  const epoch = signal(0);
  let entries = new Map<string, Entry<Ask, Found>>();
  let queue: { key: string; view: string }[] = [];
  let running = 0;
  let bytes = 0;

  const note = () => changed.set(changed.value + 1);
  const size = (entry: Entry<Ask, Found> | undefined) => entry?.found?.array?.byteLength ?? 0;

  function put(key: string, fields: Partial<Detail<Found>>): void {
    const entry = entries.get(key);
    if (!entry) return;
    const next = { ...entry, ...fields };
    entries.set(key, next);
    bytes += size(next) - size(entry);
    note();
  }

  function drop(key: string): void {
    bytes -= size(entries.get(key));
    entries.delete(key);
  }

  /** Above the limit the least recently used arrays go, a quarter at once, so that those who draw are seldom told to ask again. */
  function shed(limit: number, but = ""): void {
    if (bytes <= limit) return;
    let gone = false;
    for (const [key, entry] of entries) {
      if (bytes <= limit * 0.75) break;
      if (key === but || !size(entry)) continue;
      drop(key);
      gone = true;
    }
    if (gone) epoch.set(epoch.value + 1);
  }

  function take(key: string, message: Resulted, buffers: readonly Bytes[]): void {
    const ask = entries.get(key)?.ask;
    if (!ask) return;
    const make = () => put(key, { state: "here", found: read(message, buffers, ask) });
    try {
      make();
    } catch (cause) {
      if (cause instanceof RangeError) {
        // No memory for it: with half of what is kept gone there may be.
        shed(bytes / 2);
        try {
          make();
        } catch {
          refuse(key, "There is no memory left for this in the browser.", "", "close other pages");
        }
      } else if (cause instanceof DecodeError) {
        refuse(key, "What arrived can't be read.", cause.message, "run the cell again");
      } else throw cause;
    }
    shed(kept, key);
  }

  function refuse(key: string, problem: string, given: string, hint: string): void {
    put(key, { state: "refused", error: { code: "damaged", problem, given, accepted: "", hint } });
  }

  function ended(key: string, end: End): void {
    if (end.kind === "result") take(key, end.message, end.buffers);
    else if (end.kind === "error") put(key, { state: "refused", error: end.error });
    else if (end.kind === "no-kernel") put(key, { state: "absent" });
    else {
      put(key, { state: "lost" });
      // Replaced in the kernel by another one of ours: it may be asked for again. Where nobody answers, asking ends.
      if (connection.kernel.value === "alive") epoch.set(epoch.value + 1);
    }
  }

  function send(key: string, view: string): void {
    const entry = entries.get(key);
    if (!entry) return;
    const { ask, stopping } = entry;
    const counted = isSmall(ask);
    const mine = entries;
    if (counted) running += 1;
    const progress = (message: { done: number; total: number }) => {
      if (entries === mine && message.total) put(key, { done: message.done, total: message.total });
    };
    const beside = { until: stopping.signal, progress };
    void connection
      .aside((envelope) => encode(ask, envelope), revision(), view, beside)
      .then((end) => {
        if (counted) running -= 1;
        if (entries === mine && entries.get(key)?.stopping === stopping) ended(key, end);
        next();
      });
  }

  function next(): void {
    while (running < AT_ONCE) {
      const last = queue.pop();
      if (!last) return;
      send(last.key, last.view);
    }
  }

  function giveUp(key: string, entry: Entry<Ask, Found>): void {
    queue = queue.filter((waiting) => waiting.key !== key);
    entry.stopping.abort();
    drop(key);
  }

  return {
    changed,
    epoch,
    get bytes() {
      return bytes;
    },
    get(ask) {
      const key = keyOf(ask);
      const entry = entries.get(key);
      if (!entry) return null;
      entries.delete(key);
      entries.set(key, entry);
      return entry;
    },
    need(ask, view) {
      const key = keyOf(ask);
      const old = entries.get(key);
      const again =
        isClicked(ask) && old?.state !== "asking" && old?.state !== "here"
          ? true
          : old?.state === "lost" && old.tries < TRIES && connection.kernel.value === "alive";
      if (old && !again) return;
      entries.set(key, { ...WAITING, ask, stopping: new AbortController(), tries: (old?.tries ?? 0) + 1 });
      if (isSmall(ask)) {
        queue.push({ key, view });
        next();
      } else send(key, view);
      note();
    },
    stop(ask) {
      const key = keyOf(ask);
      const entry = entries.get(key);
      if (entry?.state !== "asking") return;
      giveUp(key, entry);
      note();
    },
    keep(wanted) {
      for (const [key, entry] of entries) {
        if (entry.state === "asking" && isSmall(entry.ask) && !wanted(entry.ask)) giveUp(key, entry);
      }
    },
    trouble(wanted) {
      let error: ErrorInfo | null = null;
      let absent = false;
      for (const entry of entries.values()) {
        if (!isSmall(entry.ask) || !wanted(entry.ask)) continue;
        error ??= entry.state === "refused" ? entry.error : null;
        absent ||= entry.state === "absent";
      }
      return { error, absent };
    },
    again() {
      for (const [key, entry] of entries) if (entry.state === "refused") drop(key);
      epoch.set(epoch.value + 1);
      note();
    },
    clear() {
      for (const entry of entries.values()) if (entry.state === "asking") entry.stopping.abort();
      entries = new Map();
      queue = [];
      bytes = 0;
      epoch.set(epoch.value + 1);
      note();
    },
  };
}
