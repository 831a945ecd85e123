/** A model for a page without a kernel: state that can be read, set and watched, and the answers that were saved with it. */
import type { AttentionResult, DirectResult, LensResult, SteerResult, Traits } from "../protocol/generated.ts";
import { keyOf } from "../state/fetched.ts";
import type { Model } from "../state/host.ts";

/** The answer to one request, saved beside the state: the fields of the request that say what was asked, and the result's. */
export interface SavedAnswer {
  readonly ask: object;
  readonly result: Partial<AttentionResult & LensResult & DirectResult & SteerResult>;
  readonly buffers: readonly string[];
}

/** A widget's state as it stands in the page: the traits, with the buffers of `explanation` as base64. */
export interface SavedState extends Omit<Traits, "explanation"> {
  readonly explanation: { readonly snapshot: Traits["explanation"]["snapshot"]; readonly buffers: readonly string[] };
  readonly answers?: readonly SavedAnswer[];
}

export function bytesOf(base64: string): DataView {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new DataView(bytes.buffer);
}

// biome-ignore lint/suspicious/noExplicitAny: events carry arguments of every kind
type Listener = (...args: any[]) => void;

export function savedModel(saved: SavedState): Model {
  const { snapshot, buffers } = saved.explanation;
  const answers = new Map(saved.answers?.map((answer) => [keyOf(answer.ask), answer]));
  const state: Record<string, unknown> = { ...saved, explanation: { snapshot, buffers: buffers.map(bytesOf) } };
  const listeners = new Map<string, Set<Listener>>();
  const emit = (name: string, ...args: unknown[]) => {
    for (const listener of [...(listeners.get(name) ?? [])]) listener(...args);
  };
  return {
    get: (key) => state[key] as never,
    set(key, value) {
      if (state[key] === value) return;
      state[key] = value;
      emit(`change:${key}`);
      emit("change");
    },
    save_changes() {},
    send(content) {
      const { type, v, id, revision, view: _, ...ask } = content as Record<string, unknown>;
      const known = type === "request" ? answers.get(keyOf(ask)) : undefined;
      const message = known
        ? { ...known.result, type: "result", v, id, revision }
        : { type: "no-kernel", id: String(id ?? "") };
      queueMicrotask(() => emit("msg:custom", message, known?.buffers.map(bytesOf) ?? []));
    },
    on(name, listener) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener));
    },
    off(name, listener) {
      if (name === null || name === undefined) listeners.clear();
      else if (listener) listeners.get(name)?.delete(listener);
      else listeners.delete(name);
    },
  };
}
