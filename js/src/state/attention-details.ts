/** Tiles, lines and other answers fetched beside the overview: each asked once, the newest first, kept within a bound of bytes. */
import { type Bytes, DecodeError, readFloats, readMask } from "../protocol/arrays.ts";
import { type AttentionAsk, encodeAttention } from "../protocol/encode.ts";
import type { AttentionResult, CandidateRow, ErrorInfo } from "../protocol/generated.ts";
import type { Connection, End } from "./connection.ts";
import { type Signal, signal } from "./signal.ts";

/** What an answer holds; `array` in C order, by `shape`. */
export interface Found {
  readonly array: Float32Array | Uint8Array | null;
  readonly shape: readonly number[];
  readonly unit: string;
  readonly scale: number | null;
  readonly before: readonly CandidateRow[];
  readonly after: readonly CandidateRow[];
  readonly kl: number | null;
  readonly agreement: Readonly<Record<string, number>>;
  readonly prompts: number;
}

/** `absent`: a saved page without it. `lost`: cancelled, or the kernel is gone; asked again when it is needed again. */
export interface Detail {
  readonly state: "asking" | "here" | "refused" | "absent" | "lost";
  readonly found: Found | null;
  readonly error: ErrorInfo | null;
  readonly done: number;
  readonly total: number;
}

export interface Details {
  /** Counts up with every change of any of them. */
  readonly changed: Signal<number>;
  /** Counts up when something that was drawn may be gone, or may be asked for again. */
  readonly epoch: Signal<number>;
  readonly bytes: number;
  get(ask: AttentionAsk): Detail | null;
  need(ask: AttentionAsk, view: string): void;
  /** Cancel what is under way. */
  stop(ask: AttentionAsk): void;
  /** Give up tiles and lines that are asked for but no longer wanted. */
  keep(wanted: (ask: AttentionAsk) => boolean): void;
  /** The first refusal of tiles and lines that are wanted, and whether a saved page lacks one. */
  trouble(wanted: (ask: AttentionAsk) => boolean): { error: ErrorInfo | null; absent: boolean };
  /** Forget what was refused, so that it is asked for again. */
  again(): void;
  /** Another picture: nothing here is about it. */
  clear(): void;
}

/** Bytes of arrays kept; the least recently used go first. */
export const KEPT_BYTES = 64_000_000;
/** Tiles and lines under way at once; the others wait, and the last one asked for goes first. */
export const AT_ONCE = 4;

/** A detail that is cancelled this often is not asked for again by itself. */
const TRIES = 5;

interface Entry extends Detail {
  readonly ask: AttentionAsk;
  readonly stopping: AbortController;
  readonly tries: number;
}

const WAITING = { state: "asking", found: null, error: null, done: 0, total: 0 } as const;

/** One text for one ask, whatever the order its fields were written in. */
export function keyOf(ask: AttentionAsk): string {
  return JSON.stringify(Object.entries(ask).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Those that only a click asks for, which may be tried again after a refusal. */
const clicked = ({ action }: AttentionAsk) => ["off", "effects", "elsewhere"].includes(action);
const small = ({ action }: AttentionAsk) => action === "tile" || action === "line";

export function fetchDetails(connection: Connection, revision: () => number, kept: number = KEPT_BYTES): Details {
  const changed = signal(0);
  const epoch = signal(0);
  let entries = new Map<string, Entry>();
  let queue: { key: string; view: string }[] = [];
  let running = 0;
  let bytes = 0;

  const note = () => changed.set(changed.value + 1);
  const size = (entry: Entry | undefined) => entry?.found?.array?.byteLength ?? 0;

  function put(key: string, fields: Partial<Detail>): void {
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

  function read(key: string, message: AttentionResult, buffers: readonly Bytes[]): void {
    const make = () => put(key, { state: "here", found: foundIn(message, buffers) });
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
    if (end.kind === "result") read(key, end.message, end.buffers);
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
    const counted = small(ask);
    const mine = entries;
    if (counted) running += 1;
    const progress = (message: { done: number; total: number }) => {
      if (entries === mine && message.total) put(key, { done: message.done, total: message.total });
    };
    const beside = { until: stopping.signal, progress };
    void connection
      .aside((envelope) => encodeAttention(ask, envelope), revision(), view, beside)
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

  function giveUp(key: string, entry: Entry): void {
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
        clicked(ask) && old?.state !== "asking" && old?.state !== "here"
          ? true
          : old?.state === "lost" && old.tries < TRIES && connection.kernel.value === "alive";
      if (old && !again) return;
      entries.set(key, { ...WAITING, ask, stopping: new AbortController(), tries: (old?.tries ?? 0) + 1 });
      if (small(ask)) {
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
        if (entry.state === "asking" && small(entry.ask) && !wanted(entry.ask)) giveUp(key, entry);
      }
    },
    trouble(wanted) {
      let error: ErrorInfo | null = null;
      let absent = false;
      for (const entry of entries.values()) {
        if (!small(entry.ask) || !wanted(entry.ask)) continue;
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

function foundIn(message: AttentionResult, buffers: readonly Bytes[]): Found {
  const { array, unit, scale, before, after, kl, agreement, prompts } = message;
  return {
    array: array ? (array.dtype === "uint8" ? readMask : readFloats)(array, buffers) : null,
    shape: array?.shape ?? [],
    unit: unit ?? "",
    scale: scale ?? null,
    before: before ?? [],
    after: after ?? [],
    kl: kl ?? null,
    agreement: agreement ?? {},
    prompts: prompts ?? 0,
  };
}
