/** Requests to the kernel and their one end each: newest wins, silence is noticed, a dead kernel is said. */
import type { Bytes } from "../protocol/arrays.ts";
import { readMessage } from "../protocol/decode.ts";
import { type Envelope, encodeCancel } from "../protocol/encode.ts";
import type {
  AttentionRequest,
  AttentionResult,
  Cancel,
  CircuitRequest,
  CircuitResult,
  CKARequest,
  DirectRequest,
  DirectResult,
  ErrorInfo,
  Fetch,
  LensRequest,
  LensResult,
  PatchingRequest,
  PatchingResult,
  Progress,
  Request,
  Result,
  SteerRequest,
  SteerResult,
} from "../protocol/generated.ts";
import { listen, type Model } from "./host.ts";
import { type Signal, signal } from "./signal.ts";

/** What the views ask of the kernel, and what an answer may hold. */
export type Asked =
  | Request
  | AttentionRequest
  | LensRequest
  | PatchingRequest
  | DirectRequest
  | CircuitRequest
  | SteerRequest
  | CKARequest;
export type Resulted = Result &
  AttentionResult &
  LensResult &
  PatchingResult &
  DirectResult &
  CircuitResult &
  SteerResult;

/** A request under way. `silent`: nothing at all has come back for a while. */
export interface Live {
  readonly id: string;
  readonly revision: number;
  readonly action: Asked["action"];
  readonly done: number;
  readonly total: number;
  readonly note: string;
  readonly silent: boolean;
  readonly cancelling: boolean;
  /** `done` counts positions, because no steps were reported yet. */
  readonly counted: boolean;
}

/** `static`: a saved page, found out when somebody asked for computation. */
export type Kernel = "alive" | "gone" | "static";

export type End =
  | { kind: "result"; message: Resulted; buffers: readonly Bytes[] }
  | { kind: "error"; error: ErrorInfo }
  | { kind: "cancelled" }
  | { kind: "no-kernel" };

export interface Hooks {
  /** A picture or candidates that came before the end, of the explaining request. */
  partial(message: Progress, buffers: readonly Bytes[], live: Live): void;
  /** The explaining request ended. */
  ended(live: Live, end: End): void;
  /** The other side speaks another version. */
  mismatch(): void;
}

/** Silence after which we say that the kernel is busy (ipykernel before 7 answers only between cells). */
export const SILENCE_MS = 1500;

const ENDED_KEPT = 200;
const PYTHON = "kernel";

/** Puts a message into its envelope (see protocol/encode). */
export type Make<M> = (envelope: Envelope) => M;

export interface Beside {
  readonly until?: AbortSignal;
  progress?(message: Progress): void;
}

export interface Connection {
  /** The request under way that brings the next picture (explain, generate, attend, look). */
  readonly live: Signal<Live | null>;
  readonly kernel: Signal<Kernel>;
  /** Ask for the next picture, in place of what is under way. */
  explain(make: Make<Asked>, revision: number, view: string): boolean;
  /** Ask something beside it. Resolves with its end; `until` cancels it. */
  aside(make: Make<Asked | Fetch>, revision: number, view: string, beside?: Beside): Promise<End>;
  cancel(): void;
  /** Find out whether messages can still be sent. */
  check(): void;
}

export function connect(model: Model, revision: () => number, hooks: Hooks, until: AbortSignal): Connection {
  const live = signal<Live | null>(null);
  const kernel = signal<Kernel>("alive");
  const waiting = new Map<string, { resolve: (end: End) => void; progress: Beside["progress"] }>();
  const ended = new Set<string>();
  const session = Math.random().toString(36).slice(2, 8);
  let count = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const nextId = () => `${session}-${++count}`;

  function send(message: Asked | Fetch | Cancel): boolean {
    try {
      model.send(message);
    } catch {
      lost();
      return false;
    }
    if (kernel.value === "gone") kernel.set("alive");
    return true;
  }

  function lost(): void {
    clearTimeout(timer);
    kernel.set("gone");
    const was = live.value;
    live.set(null);
    if (was) hooks.ended(was, { kind: "cancelled" });
    for (const { resolve } of waiting.values()) resolve({ kind: "cancelled" });
    waiting.clear();
  }

  function retire(id: string): void {
    // Jobs that Python starts share one name, so it can be used again.
    if (id === PYTHON) return;
    ended.add(id);
    if (ended.size > ENDED_KEPT) {
      const oldest = ended.values().next().value;
      if (oldest !== undefined) ended.delete(oldest);
    }
  }

  function explain(make: Make<Asked>, rev: number, view: string): boolean {
    const old = live.value;
    if (old) send(encodeCancel(old.id));
    const id = nextId();
    const message = make({ id, revision: rev, view });
    const { action } = message;
    clearTimeout(timer);
    if (!send(message)) return false;
    live.set({
      id,
      revision: rev,
      action,
      done: 0,
      total: 0,
      note: "",
      silent: false,
      cancelling: false,
      counted: false,
    });
    timer = setTimeout(() => {
      if (live.value?.id === id) live.set({ ...live.value, silent: true });
    }, SILENCE_MS);
    return true;
  }

  function aside(
    make: Make<Asked | Fetch>,
    rev: number,
    view: string,
    { until: stop, progress }: Beside = {},
  ): Promise<End> {
    const id = nextId();
    return new Promise((resolve) => {
      waiting.set(id, { resolve, progress });
      const sent = send(make({ id, revision: rev, view }));
      if (!sent && waiting.delete(id)) resolve({ kind: "cancelled" });
      stop?.addEventListener("abort", () => waiting.has(id) && send(encodeCancel(id)), { once: true });
    });
  }

  function cancel(): void {
    const was = live.value;
    if (!was) return;
    live.set({ ...was, cancelling: true });
    send(encodeCancel(was.id));
  }

  function finish(was: Live, end: End): void {
    clearTimeout(timer);
    retire(was.id);
    live.set(null);
    hooks.ended(was, end);
  }

  function onProgress(message: Progress, buffers: readonly Bytes[]): void {
    let now = live.value;
    if (!now) {
      // A job that Python started: nobody here asked, but its progress is shown and can be cancelled.
      if (message.revision < revision()) return;
      const { id, revision: rev } = message;
      now = {
        id,
        revision: rev,
        action: "explain",
        done: 0,
        total: 0,
        note: "",
        silent: false,
        cancelling: false,
        counted: false,
      };
    }
    if (now.id !== message.id) return;
    clearTimeout(timer);
    // Partial scores count positions, steps count batches: once there are steps, they alone move the line.
    const { done, total } = message.scores && now.total > 0 && !now.counted ? now : message;
    const counted = message.scores ? now.counted || now.total === 0 : false;
    const next = { ...now, done, total, counted, note: message.note || now.note, silent: false };
    live.set(next);
    hooks.partial(message, buffers, next);
  }

  function onMessage(content: unknown, buffers: readonly Bytes[]): void {
    let message: ReturnType<typeof readMessage>;
    try {
      message = readMessage(content);
    } catch {
      hooks.mismatch();
      return;
    }
    if (!message) return;
    if (message.type === "no-kernel") kernel.set(message.id === "probe" ? kernel.value : "static");
    else if (kernel.value === "gone") kernel.set("alive");
    if (ended.has(message.id)) return;
    if (message.type === "progress") {
      const aside = waiting.get(message.id);
      if (aside) aside.progress?.(message);
      else onProgress(message, buffers);
      return;
    }
    const end: End =
      message.type === "result"
        ? { kind: "result", message, buffers }
        : message.type === "error"
          ? { kind: "error", error: message.error }
          : { kind: message.type };
    const aside = waiting.get(message.id);
    if (aside) {
      waiting.delete(message.id);
      retire(message.id);
      aside.resolve(end);
    } else if (live.value?.id === message.id) {
      finish(live.value, end);
    }
  }

  function check(): void {
    if (kernel.value !== "static") send(encodeCancel("probe"));
  }

  listen(
    model,
    "msg:custom",
    (content: unknown, buffers?: readonly Bytes[]) => onMessage(content, buffers ?? []),
    until,
  );
  // JupyterLab fires the first when a kernel restarts or its connection drops, the second when the comm closes.
  listen(model, "comm_live_update", check, until);
  listen(model, "comm:close", lost, until);
  until.addEventListener("abort", () => clearTimeout(timer), { once: true });

  return { live, kernel, explain, aside, cancel, check };
}
