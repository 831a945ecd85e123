/** Everything one lens widget knows in the browser, shared by its views: the grid, what was chosen, what was fetched. */
import { decodeLens, type LensAnswer } from "../protocol/decode-lens.ts";
import { encodeLens } from "../protocol/encode.ts";
import type { Input, LensRequest, LensSnapshot } from "../protocol/generated.ts";
import { storesOf } from "./frame.ts";
import type { Model } from "./host.ts";
import { fetchLens, type LensDetails } from "./lens-details.ts";
import { type LookingStore, openLooking } from "./looking.ts";
import { pinsOf } from "./selection.ts";
import { merging, type Signal, signal } from "./signal.ts";

/** What ink means: the first token's probability, or a number that is asked for. */
export type Measure = "probability" | NonNullable<LensRequest["measure"]>;

export type LensName = LensSnapshot["lens"];

/** Of two models: the one, the other, or how far they are apart. */
export type Shown = "this" | "other" | "difference";

/** How far two models are apart: the divergence of their answers, or the change of the written token's probability. */
export type Apart = "kl" | "change";

/** A pinned stream read with a prompt: the one typed, or the default; into which stream there, or the same. */
export interface Scope {
  readonly prompt: string | null;
  readonly into: number | null;
}

/** One stream at one position. */
export interface LensCell {
  readonly stream: number;
  readonly position: number;
}

/** A token by its id, or a text whose first token is meant. */
export type Followed = { readonly token: number } | { readonly text: string };

/** What is looked at, and how; never leaves the browser, but for the pinned cell (the traits `display` and `selection`). */
export interface LensLook {
  readonly measure: Measure;
  readonly hovered: LensCell | null;
  readonly followed: Followed | null;
  readonly shown: Shown;
  readonly apart: Apart;
  /** The lens that was chosen, while its answer is on its way. */
  readonly lens: LensName | null;
  readonly scope: Scope | null;
}

export interface LensStore extends LookingStore<LensAnswer> {
  readonly look: Signal<LensLook>;
  readonly details: LensDetails;
  /** The pinned position, in the pinned stream or (where only a position is pinned) in the last. */
  pinned(): LensCell | null;
  pin(cell: LensCell | null, source: string): void;
  see(fields: Partial<LensLook>): void;
  read(input: Input, view: string): void;
  /** The same text by another lens. */
  readBy(lens: LensName, view: string): void;
}

const FIRST: LensLook = {
  measure: "probability",
  hovered: null,
  followed: null,
  shown: "this",
  apart: "kl",
  lens: null,
  scope: null,
};

export function createLensStore(model: Model, until: AbortSignal): LensStore {
  const looking = openLooking(model, decodeLens, taken, until);
  const { frame } = looking;
  const { answer, connection, display } = looking.store;
  const pins = pinsOf(looking.store.selection);
  const look = signal<LensLook>(FIRST);
  const see = merging(look);
  const details = fetchLens(connection, () => answer.value, looking.revision);

  function taken({ known, snapshot }: LensAnswer): void {
    details.clear();
    see({ hovered: null, lens: null });
    pins.within(known.length);
    const { row } = display.value;
    if (row !== null && row >= snapshot.streams.length) frame.setDisplay({ row: null });
  }

  function pinned(): LensCell | null {
    const [position] = pins.now();
    const last = (answer.value?.snapshot.streams.length ?? 0) - 1;
    if (position === undefined || position >= (answer.value?.known.length ?? 0)) return null;
    const { row } = display.value;
    return { position, stream: row !== null && row >= 0 && row <= last ? row : last };
  }

  looking.follow();

  return {
    ...looking.store,
    look,
    details,
    pinned,
    pin(cell, source) {
      pins.put(cell ? [cell.position] : [], source);
      frame.setRow(cell?.stream ?? null);
    },
    see,
    read(input, view) {
      looking.look((envelope) => encodeLens({ action: "look", input }, envelope), view);
    },
    readBy(lens, view) {
      see({ lens });
      looking.look((envelope) => encodeLens({ action: "look", lens }, envelope), view);
    },
  };
}

export const lensStores = storesOf("lens-stores", createLensStore);
