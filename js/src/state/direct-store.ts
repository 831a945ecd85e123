/** Everything one widget of direct logit attribution knows in the browser, shared by its views: shares, pin, neurons. */
import { type DirectAnswer, decodeDirect } from "../protocol/decode-direct.ts";
import { type DirectAsk, encodeDirect } from "../protocol/encode.ts";
import { type DirectDetails, fetchDirect } from "./direct-details.ts";
import { type Part, partOfRow, rowOfPart, type Shown, samePart, shownOf, type Which } from "./direct-picture.ts";
import { storesOf } from "./frame.ts";
import type { Model } from "./host.ts";
import { type LookingStore, openLooking } from "./looking.ts";
import { type Signal, signal } from "./signal.ts";

/** What may be asked for anew. */
export type Choice = Pick<DirectAsk, "input" | "target" | "other">;

export interface DirectStore extends LookingStore<DirectAnswer> {
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
}

export function createDirectStore(model: Model, until: AbortSignal): DirectStore {
  const looking = openLooking(model, decodeDirect, taken, until);
  const { frame } = looking;
  const { answer, connection, display } = looking.store;
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
    ...looking.store,
    hovered,
    wanted,
    which,
    details,
    shown,
    pinned,
    pin(part) {
      const now = shown();
      frame.setRow(part && now ? rowOfPart(now, part) : null);
    },
    choose(next) {
      const part = pinned();
      which.set(next);
      hovered.set(null);
      // Rows of the list of parts are others where the two models have different numbers of heads.
      const now = shown();
      const row = part && now ? rowOfPart(now, part) : null;
      const same = now && row !== null && samePart(partOfRow(now, row), part);
      frame.setRow(same ? row : null);
    },
    hover: (part) => hovered.set(part),
    ask(fields, view) {
      // In place of a request under way, so what that one asked for is asked for again.
      const all = connection.live.value ? { ...wanted.value, ...fields } : fields;
      looking.look((envelope) => encodeDirect({ action: "look", ...all }, envelope), view);
      if (connection.live.value) wanted.set(all);
    },
  };
}

export const directStores = storesOf("direct-stores", createDirectStore);
