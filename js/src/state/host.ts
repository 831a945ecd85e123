/** What a host (JupyterLab, a saved page, a test) must give us, and an abort signal where it gives none. */
import type { Bytes } from "../protocol/arrays.ts";
import type { Traits } from "../protocol/generated.ts";

/** The part of anywidget's model that we use. */
export interface Model {
  get<K extends keyof Traits>(key: K): Traits[K];
  set<K extends keyof Traits>(key: K, value: Traits[K]): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: unknown): void;
  // biome-ignore lint/suspicious/noExplicitAny: the host's events have arguments of every kind
  on(name: string, callback: (...args: any[]) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  off(name?: string | null, callback?: ((...args: any[]) => void) | null): void;
}

export type OnMessage = (content: unknown, buffers: readonly Bytes[]) => void;

/**
 * The host's signal, or one of our own with the clean-up function that older hosts call.
 * Hosts from anywidget 0.11 on pass a signal; the others call what `render` returns.
 */
export function lifetime(given: AbortSignal | undefined): { signal: AbortSignal; dispose: (() => void) | undefined } {
  if (given) return { signal: given, dispose: undefined };
  const controller = new AbortController();
  return { signal: controller.signal, dispose: () => controller.abort() };
}

/** `model.on` that ends with the signal. */
export function listen(
  model: Model,
  name: string,
  // biome-ignore lint/suspicious/noExplicitAny: see Model.on
  callback: (...args: any[]) => void,
  until: AbortSignal,
): void {
  if (until.aborted) return;
  model.on(name, callback);
  until.addEventListener("abort", () => model.off(name, callback), { once: true });
}
