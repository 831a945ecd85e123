/** Everything one CKA widget knows in the browser, shared by its views: the numbers, which estimate is shown, the pinned pair. */
import { type CKAAnswer, decodeCKA } from "../protocol/decode-cka.ts";
import { encodeCKA } from "../protocol/encode.ts";
import type { CKAPacked, Display, ErrorInfo, Status } from "../protocol/generated.ts";
import { cellOf, type Estimate, type Pair, pairAt } from "./cka-picture.ts";
import type { Connection } from "./connection.ts";
import { storesOf } from "./frame.ts";
import type { Model } from "./host.ts";
import { openLooking } from "./looking.ts";
import { type Signal, signal } from "./signal.ts";

export interface CKAStore {
  readonly uid: string;
  readonly connection: Connection;
  readonly answer: Signal<CKAAnswer | null>;
  readonly error: Signal<ErrorInfo | null>;
  readonly status: Signal<Status>;
  readonly display: Signal<Display>;
  readonly outdated: Signal<boolean>;
  readonly estimate: Signal<Estimate>;
  /** The pair that is pointed at; never leaves the browser. */
  readonly hovered: Signal<Pair | null>;
  /** Kept in the trait `display` as a cell counted over all. */
  pinned(): Pair | null;
  pin(pair: Pair | null): void;
  hover(pair: Pair | null): void;
  /** Compare the same texts again. */
  again(view: string): void;
  cancel(): void;
  /** A view shows this until the signal ends. */
  show(view: AbortSignal): void;
}

export function createCKAStore(model: Model, until: AbortSignal): CKAStore {
  // The trait has the same name for all views; what is in it is this view's own.
  const decode = () => decodeCKA(model.get("explanation") as unknown as CKAPacked);
  const looking = openLooking(model, decode, taken, until);
  const { frame, connection, answer } = looking;
  const { uid, error, status, display, outdated } = frame;
  const estimate = signal<Estimate>("debiased");
  const hovered = signal<Pair | null>(null);

  function taken(next: CKAAnswer): void {
    hovered.set(null);
    const { row } = display.value;
    if (row !== null && !pairAt(next, row)) frame.setDisplay({ row: null });
  }

  looking.follow();

  return {
    uid,
    connection,
    answer,
    error,
    status,
    display,
    outdated,
    estimate,
    hovered,
    pinned: () => answer.value && pairAt(answer.value, display.value.row),
    pin(pair) {
      const row = pair && answer.value ? cellOf(answer.value, pair) : null;
      if (row !== display.value.row) frame.setDisplay({ row });
    },
    hover: (pair) => hovered.set(pair),
    again(view) {
      looking.look((envelope) => encodeCKA({ action: "look" }, envelope), view);
    },
    cancel: () => connection.cancel(),
    show: (view) => frame.attend(view, connection.cancel),
  };
}

const { open, find } = storesOf("cka-stores", createCKAStore);

/** The store of a widget, made when its model is initialized. */
export const openCKAStore = open;
/** The store for a view. */
export const findCKAStore = find;
