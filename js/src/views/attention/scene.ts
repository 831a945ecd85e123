/** What is to be drawn now, from what the store knows: one value that all pieces of the view read. */
import type { AttentionAnswer } from "../../protocol/decode-attention.ts";
import type { AttentionAsk } from "../../protocol/encode.ts";
import type { ErrorInfo } from "../../protocol/generated.ts";
import type { Detail } from "../../state/attention-details.ts";
import {
  firstAsk,
  type HeadView,
  headName,
  headView,
  lineAsk,
  topOf,
  wholeAsk,
} from "../../state/attention-picture.ts";
import type { AttentionStore, Axis, Look } from "../../state/attention-store.ts";

export interface Scene {
  readonly answer: AttentionAnswer | null;
  readonly look: Look;
  /** The chosen head, and the one it is compared with. */
  readonly head: HeadView | null;
  readonly other: HeadView | null;
  readonly name: string;
  readonly otherName: string;
  /** The strongest there is, of all that is drawn; 0 while it is not known. */
  readonly peak: number;
  /** Full ink, on one scale for all that is drawn. */
  readonly top: number;
  readonly queries: readonly number[];
  readonly keys: readonly number[];
  /** The only pinned pair, or null. */
  readonly pair: { readonly query: number; readonly key: number } | null;
  /** Positions whose line the text shows: what is pointed at, else what is pinned. */
  readonly focus: readonly number[];
  /** The picture is older than the question. */
  readonly dim: boolean;
}

/** What every piece of the view is given. */
export interface Context {
  readonly store: AttentionStore;
  readonly view: string;
  scene(): Scene;
  need(ask: AttentionAsk): void;
  /** Let go of everything pinned and pointed at. */
  clear(): void;
}

/** A piece of the view, drawn again after every change. */
export interface Piece {
  draw(scene: Scene): void;
}

export function makeScene(store: AttentionStore): Scene {
  const answer = store.answer.value;
  const look = store.look.value;
  const index = store.head();
  const head = answer && index !== null ? headView(answer, index, look) : null;
  const second = answer && look.other !== null ? headView(answer, look.other, look) : null;
  // Maps of other sizes can't lie side by side cell by cell.
  const other = head && second && second.rows === head.rows && second.columns === head.columns ? second : null;
  const queries = store.queries();
  const { keys } = look;
  const [query, key] = [queries[0], keys[0]];
  const peak = Math.max(scaleTop(store, head, look), scaleTop(store, other, look));
  const one = queries.length === 1 && keys.length === 1 && query !== undefined && key !== undefined;
  return {
    answer,
    look,
    head,
    other,
    name: head && answer ? headName(answer, head.head) : "",
    otherName: other && answer ? headName(answer, other.head) : "",
    peak,
    top: peak * look.ink,
    queries,
    keys,
    pair: one && head && query < head.rows && key < head.columns ? { query, key } : null,
    focus: focusOf(look, look.axis, queries),
    dim: store.connection.live.value !== null,
  };
}

/** The exact maximum once it has come; for weights the overview knows it to a part in 255 before. */
function scaleTop(store: AttentionStore, head: HeadView | null, look: Look): number {
  const answer = store.answer.value;
  if (!head || !answer) return 0;
  const exact = topOf(head, look, store.details);
  if (exact || look.measure !== "weight" || look.hideFirst) return exact;
  const { cells } = answer.snapshot;
  let most = 0;
  for (const value of answer.most.subarray(head.head * cells * cells, (head.head + 1) * cells * cells))
    if (value > most) most = value;
  return (most / 255) ** 2;
}

export function focusOf(look: Look, axis: Axis, queries: readonly number[]): readonly number[] {
  const pointed = look.hovered[axis];
  return pointed === null ? (axis === "query" ? queries : look.keys) : [pointed];
}

/** What the chosen heads need beside their tiles. */
export function asksOf({ head, other, look, focus }: Scene): AttentionAsk[] {
  const axes: readonly Axis[] = look.reading === "text" ? ["query", "key"] : [look.axis];
  return [head, other].flatMap((view) => {
    if (!view) return [];
    const lines = axes.flatMap((axis) => {
      const positions = axis === look.axis ? focus : focusOf(look, axis, []);
      const size = axis === "query" ? view.rows : view.columns;
      return positions.filter((i) => i < size).map((i) => lineAsk(view.place, look.measure, axis, i));
    });
    return [wholeAsk(view, look), ...(view.renormalised ? [firstAsk(view)] : []), ...lines];
  });
}

/** The first refusal among details, and whether a saved page lacks one. */
export function troubleOf(details: readonly (Detail | null)[]): { error: ErrorInfo | null; absent: boolean } {
  return {
    error: details.find((d) => d?.state === "refused")?.error ?? null,
    absent: details.some((d) => d?.state === "absent"),
  };
}
