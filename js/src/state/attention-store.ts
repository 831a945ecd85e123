/** Everything one attention widget knows in the browser, shared by its views: the overview, what was chosen, what was fetched. */
import { type AttentionAnswer, decodeAttention } from "../protocol/decode-attention.ts";
import { type AttentionAsk, encodeAttention } from "../protocol/encode.ts";
import type { AttentionPacked, AttentionRequest, Display, ErrorInfo, Input, Status } from "../protocol/generated.ts";
import { type Details, fetchDetails } from "./attention-details.ts";
import { headPlace } from "./attention-names.ts";
import { comparedWith } from "./attention-versions.ts";
import type { Connection } from "./connection.ts";
import { storesOf } from "./frame.ts";
import type { Model } from "./host.ts";
import { openLooking } from "./looking.ts";
import { entries, type Selections } from "./selection.ts";
import { type Signal, signal } from "./signal.ts";

export type Measure = NonNullable<AttentionRequest["measure"]>;
export type Pool = NonNullable<AttentionRequest["pool"]>;
export type Axis = NonNullable<AttentionRequest["axis"]>;
export type Reading = "matrix" | "arcs" | "text";

/** What is looked at, and how; never leaves the browser, but for the head (the trait `display`) and pinned queries (`selection`). */
export interface Look {
  /** A second head to compare with, which was chosen. */
  readonly other: number | null;
  /** Where there are two versions: not beside its counterpart. */
  readonly alone: boolean;
  readonly measure: Measure;
  readonly pool: Pool;
  readonly hideFirst: boolean;
  /** Weights below this part of the strongest are not drawn as lines. */
  readonly threshold: number;
  /** Full ink begins at this part of the strongest: less shows weak ones beside a sink. */
  readonly ink: number;
  readonly reading: Reading;
  /** Whether the text shows where a token looks (query) or who looks at it (key). */
  readonly axis: Axis;
  readonly hovered: { readonly query: number | null; readonly key: number | null };
  readonly keys: readonly number[];
}

export interface AttentionStore {
  readonly uid: string;
  readonly connection: Connection;
  readonly answer: Signal<AttentionAnswer | null>;
  readonly error: Signal<ErrorInfo | null>;
  readonly status: Signal<Status>;
  readonly display: Signal<Display>;
  readonly outdated: Signal<boolean>;
  readonly look: Signal<Look>;
  readonly details: Details;
  readonly selection: Selections;
  /** The chosen head among all heads, or null. */
  head(): number | null;
  /** Pinned positions that look. */
  queries(): readonly number[];
  choose(head: number | null): void;
  see(fields: Partial<Look>): void;
  /** Pin these positions that look. */
  pin(queries: readonly number[], source: string): void;
  attend(input: Input, view: string): void;
  need(ask: AttentionAsk, view: string): void;
  cancel(): void;
  /** The edit that was refused is given up. */
  giveUpEdit(): void;
  /** A view shows this until the signal ends. */
  show(view: AbortSignal): void;
}

const FIRST: Look = {
  other: null,
  alone: false,
  measure: "weight",
  pool: "max",
  hideFirst: false,
  threshold: 0.1,
  ink: 1,
  reading: "matrix",
  axis: "query",
  hovered: { query: null, key: null },
  keys: [],
};

export function createAttentionStore(model: Model, until: AbortSignal): AttentionStore {
  // The trait has the same name for all views; what is in it is this view's own.
  const decode = () => decodeAttention(model.get("explanation") as unknown as AttentionPacked);
  const looking = openLooking(model, decode, taken, until);
  const { frame, connection, answer } = looking;
  const { uid, error, status, display, outdated, selection } = frame;
  const look = signal<Look>(FIRST);
  const details = fetchDetails(connection, looking.revision);

  function taken(next: AttentionAnswer): void {
    const longest = Math.max(...[next.queries, next.keys, next.other].map((side) => side?.ids.length ?? 0));
    details.clear();
    const { other, keys } = look.value;
    const heads = next.heads;
    see({
      other: other !== null && other < heads ? other : null,
      hovered: FIRST.hovered,
      keys: keys.filter((k) => k < longest),
    });
    const pins = queries();
    if (pins.some((p) => p >= longest)) {
      pin(
        pins.filter((p) => p < longest),
        "browser",
      );
    }
  }

  const queries = () => entries(selection.clauses.value, "pin", "pos");
  function pin(positions: readonly number[], source: string): void {
    selection.put({ source, kind: "pin", axis: "pos", entries: [...positions] });
  }

  function head(): number | null {
    const { row } = display.value;
    return row !== null && answer.value && row >= 0 && row < answer.value.heads ? row : null;
  }

  function see(fields: Partial<Look>): void {
    look.set({ ...look.value, ...fields });
    if (["other", "alone", "measure", "pool"].some((field) => field in fields)) narrow();
  }

  /** What was asked for another head or measure and has not come is not waited for. */
  function narrow(): void {
    const now = answer.value;
    if (!now) return;
    const { measure } = look.value;
    const wanted = [head(), comparedWith(now, head(), look.value)].map((h) => (h === null ? null : headPlace(now, h)));
    details.keep((ask) => ask.measure === measure && wanted.some((w) => w && w.map === ask.map && w.head === ask.head));
  }

  function choose(row: number | null): void {
    if (row === display.value.row) return;
    frame.setDisplay({ row });
    if (look.value.other === row) see({ other: null });
    narrow();
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
    head,
    queries,
    choose,
    see,
    pin,
    attend(input, view) {
      looking.look((envelope) => encodeAttention({ action: "attend", input }, envelope), view);
    },
    need: (ask, view) => details.need(ask, view),
    cancel: () => connection.cancel(),
    giveUpEdit: () => error.set(null),
    show: (view) => frame.attend(view, connection.cancel),
  };
}

const { open, find } = storesOf("attention-stores", createAttentionStore);

/** The store of a widget, made when its model is initialized. */
export const openAttentionStore = open;
/** The store for a view. */
export const findAttentionStore = find;
