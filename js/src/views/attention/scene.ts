/** What is to be drawn now, from what the store knows: one value that all pieces of the view read. */
import type { AttentionAnswer } from "../../protocol/decode-attention.ts";
import type { AttentionAsk } from "../../protocol/encode.ts";
import { headName } from "../../state/attention-names.ts";
import { firstAsk, type HeadView, headView, lineAsk, topOf, wholeAsk } from "../../state/attention-picture.ts";
import type { AttentionStore, Axis, Look } from "../../state/attention-store.ts";
import { comparedWith, isComparable, type Link, linkOf } from "../../state/attention-versions.ts";

export interface Scene {
  readonly answer: AttentionAnswer | null;
  readonly look: Look;
  /** The chosen head, and the one it is compared with. */
  readonly head: HeadView | null;
  readonly other: HeadView | null;
  /** Between the positions of both; null where there is one head. */
  readonly link: Link | null;
  /** Both have the same positions, so that one can be taken from the other. */
  readonly comparable: boolean;
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
  const second = answer && comparedWith(answer, index, look);
  const other = answer && head && second !== null ? headView(answer, second, look) : null;
  // What was pinned in a longer text than this head looks at.
  const queries = store.queries().filter((i) => !head || i < head.rows);
  const keys = look.keys.filter((i) => !head || i < head.columns);
  const [query, key] = [queries[0], keys[0]];
  const peak = Math.max(scaleTop(store, head, look), scaleTop(store, other, look));
  const one = queries.length === 1 && keys.length === 1 && query !== undefined && key !== undefined;
  return {
    answer,
    look,
    head,
    other,
    link: head && other ? linkOf(head, other) : null,
    comparable: head !== null && other !== null && isComparable(head.place.of, other.place.of),
    name: head && answer ? headName(answer, head.head) : "",
    otherName: other && answer ? headName(answer, other.head) : "",
    peak,
    top: peak * look.ink,
    queries,
    keys,
    pair: one && head ? { query, key } : null,
    focus: focusOf({ ...look, keys }, look.axis, queries),
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

/** Positions whose lines a head shows: those of the first head, or what they are in the second. */
export function linesOf({ head, other, look, link, focus, queries }: Scene, view: HeadView, axis: Axis): number[] {
  const positions =
    axis === look.axis ? focus : focusOf(look, axis, axis === "query" && look.reading === "text" ? queries : []);
  const size = axis === "query" ? view.rows : view.columns;
  const across = view === other && view !== head && link ? link.there[axis] : (i: number) => i;
  return positions.map(across).filter((i): i is number => i !== null && i < size);
}

/** What the chosen heads need beside their tiles. */
export function asksOf(scene: Scene): AttentionAsk[] {
  const { head, other, look } = scene;
  const axes: readonly Axis[] = look.reading === "text" ? ["query", "key"] : [look.axis];
  return [head, other].flatMap((view) => {
    if (!view) return [];
    const lines = axes.flatMap((axis) =>
      linesOf(scene, view, axis).map((i) => lineAsk(view.place, look.measure, axis, i)),
    );
    return [wholeAsk(view, look), ...(view.renormalised ? [firstAsk(view)] : []), ...lines];
  });
}

/** Tiles and lines of what is on the screen. */
export function isShown({ head, other, look }: Scene): (ask: AttentionAsk) => boolean {
  return ({ map, head: within, measure }) =>
    measure === look.measure && [head, other].some((v) => v?.place.map === map && v?.place.head === within);
}
