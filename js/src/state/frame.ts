/** What every widget's store has, whatever it shows: status, display, selection and errors, in step with the host's traits. */
import { DecodeError } from "../protocol/arrays.ts";
import { checkVersion, VersionError } from "../protocol/decode.ts";
import type { Display, ErrorInfo, Status } from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import { listen, type Model } from "./host.ts";
import { entries, type Selections, selections } from "./selection.ts";
import { type Signal, signal } from "./signal.ts";

export interface Frame {
  readonly uid: string;
  readonly error: Signal<ErrorInfo | null>;
  readonly status: Signal<Status>;
  readonly display: Signal<Display>;
  /** True when page and kernel speak different versions. */
  readonly outdated: Signal<boolean>;
  readonly selection: Selections;
  /** Run a decoding step; what can't be read is said, never thrown into the host. */
  reading<T>(step: () => T): T | null;
  /** Change how it is shown, here and in the kernel. */
  setDisplay(fields: Partial<Display>): void;
  /** Take what the traits hold now, and follow them. */
  follow(connection: Connection, onExplanation: () => void): void;
  /** A view shows this until the signal ends. When the last one has gone for good, so does what is being computed. */
  attend(view: AbortSignal, cancel: () => void): void;
}

const IDLE: Status = { state: "idle", error: null, cost: "", seconds: null };
const NO_DISPLAY: Display = { row: null, link_id: null };
/** A cell that is run again takes its view away and brings it back at once; later than this nobody can press cancel. */
export const ALONE_MS = 2000;
/** Pins reach Python after this pause. */
export const PIN_DEBOUNCE_MS = 300;

export function openFrame(model: Model, until: AbortSignal): Frame {
  const error = signal<ErrorInfo | null>(null);
  const status = signal<Status>(IDLE);
  const display = signal<Display>(NO_DISPLAY);
  const outdated = signal(false);
  const selection = selections(until);
  const tag = `browser-${Math.random().toString(36).slice(2, 8)}`;
  let pinTimer: ReturnType<typeof setTimeout> | undefined;
  let aloneTimer: ReturnType<typeof setTimeout> | undefined;
  let views = 0;

  function reading<T>(step: () => T): T | null {
    try {
      return step();
    } catch (cause) {
      if (cause instanceof VersionError) outdated.set(true);
      else if (cause instanceof DecodeError) {
        error.set({
          code: "damaged",
          problem: "What arrived can't be read.",
          given: cause.message,
          accepted: "",
          hint: "run the cell again",
        });
      } else throw cause;
      return null;
    }
  }

  function onPins(): void {
    clearTimeout(pinTimer);
    pinTimer = setTimeout(() => {
      const { clauses } = selection;
      const pos = entries(clauses.value, "pin", "pos");
      const target = entries(clauses.value, "pin", "target");
      const known = model.get("selection");
      if (known && same(known.pos, pos) && same(known.target, target)) return;
      model.set("selection", { pos, target, source: tag });
      model.save_changes();
    }, PIN_DEBOUNCE_MS);
  }

  function onSelection(): void {
    const given = model.get("selection");
    if (!given || given.source === tag) return;
    for (const axis of ["pos", "target"] as const) {
      if (same(given[axis], entries(selection.clauses.value, "pin", axis))) continue;
      selection.put({ source: given.source || "python", kind: "pin", axis, entries: given[axis] });
    }
  }

  function onDisplay(): void {
    display.set(model.get("display") ?? NO_DISPLAY);
    selection.link(display.value.link_id);
  }

  function onVersion(): void {
    reading(() => checkVersion(model.get("protocol_version")));
  }

  const clear = () => {
    clearTimeout(pinTimer);
    clearTimeout(aloneTimer);
  };
  until.addEventListener("abort", clear, { once: true });

  return {
    uid: model.get("uid") ?? "",
    error,
    status,
    display,
    outdated,
    selection,
    reading,
    setDisplay(fields) {
      const next = { ...display.value, ...fields };
      display.set(next);
      model.set("display", next);
      model.save_changes();
    },
    follow({ live, kernel }, onExplanation) {
      function onStatus(): void {
        status.set(model.get("status") ?? IDLE);
        if (status.value.state === "error" && status.value.error && !live.value) error.set(status.value.error);
        if (status.value.state === "static") kernel.set("alive");
      }
      listen(model, "change:explanation", onExplanation, until);
      listen(model, "change:selection", onSelection, until);
      listen(model, "change:display", onDisplay, until);
      listen(model, "change:status", onStatus, until);
      listen(model, "change:protocol_version", onVersion, until);
      selection.clauses.subscribe(onPins, until);
      onVersion();
      onDisplay();
      onExplanation();
      // After the explanation, which clears errors of older questions.
      onStatus();
      onSelection();
    },
    attend(view, cancel) {
      views += 1;
      clearTimeout(aloneTimer);
      const leave = () => {
        views -= 1;
        if (!views && !until.aborted) aloneTimer = setTimeout(cancel, ALONE_MS);
      };
      view.addEventListener("abort", leave, { once: true });
    },
  };
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/**
 * Stores of one kind of widget: made when a model is initialized, found again by every view through the trait `uid` (a host
 * hands `initialize` and each `render` different proxies of one model).
 */
export function storesOf<S extends { readonly uid: string }>(
  kind: string,
  create: (model: Model, until: AbortSignal) => S,
): { open(model: Model, until: AbortSignal): S; find(model: Model): S } {
  const key = Symbol.for(`xai-widgets/${kind}`);
  // On the page and not in the module, which a host may load more than once.
  function stores(): Map<string, S> {
    const home = globalThis as unknown as Record<symbol, Map<string, S> | undefined>;
    home[key] ??= new Map();
    return home[key];
  }
  function open(model: Model, until: AbortSignal): S {
    const store = create(model, until);
    // Without a name there is nothing to be found by.
    if (store.uid) stores().set(store.uid, store);
    const forget = () => {
      if (stores().get(store.uid) === store) stores().delete(store.uid);
    };
    until.addEventListener("abort", forget, { once: true });
    return store;
  }
  return {
    open,
    /** Made here only if a host never called `initialize`. */
    find: (model) => stores().get(model.get("uid") ?? "") ?? open(model, new AbortController().signal),
  };
}
