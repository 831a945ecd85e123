/** Everything one lens widget knows in the browser, shared by its views: the grid, what was chosen, what was fetched. */
import { decodeLens, type LensAnswer } from "../protocol/decode-lens.ts";
import { encodeLens, type LensAsk } from "../protocol/encode.ts";
import type {
  Display,
  ErrorInfo,
  Input,
  LensPacked,
  LensRequest,
  LensSnapshot,
  Status,
} from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import { storesOf } from "./frame.ts";
import type { Model } from "./host.ts";
import { fetchLens, type LensDetails } from "./lens-details.ts";
import { openLooking } from "./looking.ts";
import { entries, type Selections } from "./selection.ts";
import { type Signal, signal } from "./signal.ts";

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

export interface LensStore {
  readonly uid: string;
  readonly connection: Connection;
  readonly answer: Signal<LensAnswer | null>;
  readonly error: Signal<ErrorInfo | null>;
  readonly status: Signal<Status>;
  readonly display: Signal<Display>;
  readonly outdated: Signal<boolean>;
  readonly look: Signal<LensLook>;
  readonly details: LensDetails;
  readonly selection: Selections;
  /** The pinned position, in the pinned stream or (where only a position is pinned) in the last. */
  pinned(): LensCell | null;
  pin(cell: LensCell | null, source: string): void;
  see(fields: Partial<LensLook>): void;
  read(input: Input, view: string): void;
  /** The same text by another lens. */
  readBy(lens: LensName, view: string): void;
  need(ask: LensAsk, view: string): void;
  cancel(): void;
  /** The edit that was refused is given up. */
  giveUpEdit(): void;
  /** A view shows this until the signal ends. */
  show(view: AbortSignal): void;
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
  // The trait has the same name for all views; what is in it is this view's own.
  const decode = () => decodeLens(model.get("explanation") as unknown as LensPacked);
  const looking = openLooking(model, decode, taken, until);
  const { frame, connection, answer } = looking;
  const { uid, error, status, display, outdated, selection } = frame;
  const look = signal<LensLook>(FIRST);
  const details = fetchLens(connection, () => answer.value, looking.revision);

  const positions = () => entries(selection.clauses.value, "pin", "pos");

  function taken({ known, snapshot }: LensAnswer): void {
    details.clear();
    see({ hovered: null, lens: null });
    const kept = positions().filter((p) => p < known.length);
    if (kept.length < positions().length) choose(kept, "browser");
    const { row } = display.value;
    if (row !== null && row >= snapshot.streams.length) frame.setDisplay({ row: null });
  }

  function choose(pos: readonly number[], source: string): void {
    selection.put({ source, kind: "pin", axis: "pos", entries: pos });
  }

  function pinned(): LensCell | null {
    const [position] = positions();
    const last = (answer.value?.snapshot.streams.length ?? 0) - 1;
    if (position === undefined || position >= (answer.value?.known.length ?? 0)) return null;
    const { row } = display.value;
    return { position, stream: row !== null && row >= 0 && row <= last ? row : last };
  }

  function see(fields: Partial<LensLook>): void {
    look.set({ ...look.value, ...fields });
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
    look,
    details,
    selection,
    pinned,
    pin(cell, source) {
      choose(cell ? [cell.position] : [], source);
      if (display.value.row !== (cell?.stream ?? null)) frame.setDisplay({ row: cell?.stream ?? null });
    },
    see,
    read(input, view) {
      looking.look((envelope) => encodeLens({ action: "look", input }, envelope), view);
    },
    readBy(lens, view) {
      see({ lens });
      looking.look((envelope) => encodeLens({ action: "look", lens }, envelope), view);
    },
    need: (ask, view) => details.need(ask, view),
    cancel: () => connection.cancel(),
    giveUpEdit: () => error.set(null),
    show: (view) => frame.attend(view, connection.cancel),
  };
}

const { open, find } = storesOf("lens-stores", createLensStore);

/** The store of a widget, made when its model is initialized. */
export const openLensStore = open;
/** The store for a view. */
export const findLensStore = find;
