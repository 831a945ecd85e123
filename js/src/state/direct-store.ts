/** Everything one widget of direct logit attribution knows in the browser, shared by its views: shares, pin, neurons. */
import { type DirectAnswer, decodeDirect } from "../protocol/decode-direct.ts";
import { type DirectAsk, encodeDirect } from "../protocol/encode.ts";
import type { DirectPacked, Display, ErrorInfo, Status } from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import { type DirectDetails, fetchDirect } from "./direct-details.ts";
import { type Part, partOfRow, rowOfPart, type Shown, samePart, shownOf, type Which } from "./direct-picture.ts";
import { storesOf } from "./frame.ts";
import type { Model } from "./host.ts";
import { openLooking } from "./looking.ts";
import { type Signal, signal } from "./signal.ts";

/** What may be asked for anew. */
export type Choice = Pick<DirectAsk, "input" | "target" | "other">;

export interface DirectStore {
  readonly uid: string;
  readonly connection: Connection;
  readonly answer: Signal<DirectAnswer | null>;
  readonly error: Signal<ErrorInfo | null>;
  readonly status: Signal<Status>;
  readonly display: Signal<Display>;
  readonly outdated: Signal<boolean>;
  /** The part that is pointed at; never leaves the browser. */
  readonly hovered: Signal<Part | null>;
  /** What was asked for and has not come yet. */
  readonly wanted: Signal<Choice>;
  /** Which model is shown, where two are compared. */
  readonly which: Signal<Which>;
  readonly details: DirectDetails;
  /** The answer as it is shown. */
  shown(): Shown | null;
  /** Kept in the trait `display` as a row of the list of all parts. */
  pinned(): Part | null;
  pin(part: Part | null): void;
  hover(part: Part | null): void;
  /** Show one of two models, or their difference; what is pinned stays where both have it. */
  choose(which: Which): void;
  /** Ask for the shares of another text, target or contrast; what is left out stays. */
  ask(fields: Choice, view: string): void;
  need(ask: DirectAsk, view: string): void;
  cancel(): void;
  /** The edit that was refused is given up. */
  giveUpEdit(): void;
  /** A view shows this until the signal ends. */
  show(view: AbortSignal): void;
}

export function createDirectStore(model: Model, until: AbortSignal): DirectStore {
  // The trait has the same name for all views; what is in it is this view's own.
  const decode = () => decodeDirect(model.get("explanation") as unknown as DirectPacked);
  const looking = openLooking(model, decode, taken, until);
  const { frame, connection, answer } = looking;
  const { uid, error, status, display, outdated } = frame;
  const hovered = signal<Part | null>(null);
  const wanted = signal<Choice>({});
  const which = signal<Which>("difference");
  const details = fetchDirect(connection, () => answer.value?.tokens.ids.length ?? 0, looking.revision);
  const shown = () => answer.value && shownOf(answer.value, which.value);
  const pinned = () => {
    const now = shown();
    return now && partOfRow(now, display.value.row);
  };

  function taken(next: DirectAnswer): void {
    details.clear();
    hovered.set(null);
    const { row } = display.value;
    if (row !== null && !partOfRow(shownOf(next, which.value), row)) frame.setDisplay({ row: null });
  }

  looking.follow();
  connection.live.subscribe(() => {
    if (!connection.live.value && Object.keys(wanted.value).length) wanted.set({});
  }, until);

  return {
    uid,
    connection,
    answer,
    error,
    status,
    display,
    outdated,
    hovered,
    wanted,
    which,
    details,
    shown,
    pinned,
    pin(part) {
      const now = shown();
      const row = part && now ? rowOfPart(now, part) : null;
      if (row !== display.value.row) frame.setDisplay({ row });
    },
    choose(next) {
      const part = pinned();
      which.set(next);
      hovered.set(null);
      // Rows of the list of parts are others where the two models have different numbers of heads.
      const now = shown();
      const row = part && now ? rowOfPart(now, part) : null;
      const same = now && row !== null && samePart(partOfRow(now, row), part);
      if (display.value.row !== (same ? row : null)) frame.setDisplay({ row: same ? row : null });
    },
    hover: (part) => hovered.set(part),
    ask(fields, view) {
      // In place of a request under way, so what that one asked for is asked for again.
      const all = connection.live.value ? { ...wanted.value, ...fields } : fields;
      looking.look((envelope) => encodeDirect({ action: "look", ...all }, envelope), view);
      if (connection.live.value) wanted.set(all);
    },
    need: (ask, view) => details.need(ask, view),
    cancel: () => connection.cancel(),
    giveUpEdit: () => error.set(null),
    show: (view) => frame.attend(view, connection.cancel),
  };
}

const { open, find } = storesOf("direct-stores", createDirectStore);

/** The store of a widget, made when its model is initialized. */
export const openDirectStore = open;
/** The store for a view. */
export const findDirectStore = find;
