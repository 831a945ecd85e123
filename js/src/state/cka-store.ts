/** Everything one CKA widget knows in the browser, shared by its views: the numbers, which estimate is shown, the pinned pair. */
import { type CKAAnswer, decodeCKA } from "../protocol/decode-cka.ts";
import { encodeCKA } from "../protocol/encode.ts";
import { cellOf, type Estimate, type Pair, pairAt } from "./cka-picture.ts";
import { storesOf } from "./frame.ts";
import type { Model } from "./host.ts";
import { type LookingStore, openLooking } from "./looking.ts";
import { type Signal, signal } from "./signal.ts";

export interface CKAStore extends LookingStore<CKAAnswer> {
  readonly estimate: Signal<Estimate>;
  /** The pair that is pointed at; never leaves the browser. */
  readonly hovered: Signal<Pair | null>;
  /** Kept in the trait `display` as a cell counted over all. */
  pinned(): Pair | null;
  pin(pair: Pair | null): void;
  hover(pair: Pair | null): void;
  /** Compare the same texts again. */
  again(view: string): void;
}

export function createCKAStore(model: Model, until: AbortSignal): CKAStore {
  const looking = openLooking(model, decodeCKA, taken, until);
  const { frame } = looking;
  const { answer, display } = looking.store;
  const estimate = signal<Estimate>("debiased");
  const hovered = signal<Pair | null>(null);

  function taken(next: CKAAnswer): void {
    hovered.set(null);
    const { row } = display.value;
    if (row !== null && !pairAt(next, row)) frame.setDisplay({ row: null });
  }

  looking.follow();

  return {
    ...looking.store,
    estimate,
    hovered,
    pinned: () => answer.value && pairAt(answer.value, display.value.row),
    pin: (pair) => frame.setRow(pair && answer.value ? cellOf(answer.value, pair) : null),
    hover: (pair) => hovered.set(pair),
    again(view) {
      looking.look((envelope) => encodeCKA({ action: "look" }, envelope), view);
    },
  };
}

export const ckaStores = storesOf("cka-stores", createCKAStore);
