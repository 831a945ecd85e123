/** Values that can be watched: the whole of our reactivity. */

export interface Signal<T> {
  readonly value: T;
  set(value: T): void;
  /** Called after each change, until `until` aborts. */
  subscribe(listener: (value: T) => void, until: AbortSignal): void;
}

export function signal<T>(initial: T): Signal<T> {
  let value = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get value() {
      return value;
    },
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener, until) {
      if (until.aborted) return;
      // A fresh function, so that the same listener may be subscribed twice.
      const entry = (next: T) => listener(next);
      listeners.add(entry);
      until.addEventListener("abort", () => listeners.delete(entry), { once: true });
    },
  };
}

/** Run `draw` once after any of the signals changed, however many did, in the same turn of the event loop. */
export function watch(
  signals: readonly Signal<never>[] | readonly Signal<unknown>[],
  draw: () => void,
  until: AbortSignal,
): void {
  let queued = false;
  const queue = () => {
    if (queued) return;
    queued = true;
    queueMicrotask(() => {
      queued = false;
      if (!until.aborted) draw();
    });
  };
  for (const one of signals) (one as Signal<unknown>).subscribe(queue, until);
}
