/** From the answer of direct logit attribution to bars, running sums and single parts. Values only. */
import type { DirectAnswer, Shares } from "../protocol/decode-direct.ts";
import type { DirectSnapshot } from "../protocol/generated.ts";

/** One part of the logit: a component by its place in the answer, or one head. */
export type Part =
  | { readonly kind: "component"; readonly index: number }
  | { readonly kind: "head"; readonly layer: number; readonly head: number };

/** Which of two models is shown, or how much more a part adds in the first than in the second. */
export type Which = "this" | "other" | "difference";

/** An answer as it is shown. Where two models are compared, its numbers are those of one, or their difference. */
export interface Shown extends DirectAnswer {
  readonly which: Which;
  /** The numbers of both; null where one model is shown. */
  readonly both: readonly [Shares, Shares] | null;
  /** The first model's, whichever is shown. */
  readonly own: DirectSnapshot;
}

const kept = new WeakMap<DirectAnswer, Map<Which, Shown>>();

export function shownOf(answer: DirectAnswer, which: Which): Shown {
  const made = kept.get(answer) ?? new Map<Which, Shown>();
  kept.set(answer, made);
  const old = made.get(which);
  if (old) return old;
  const next = make(answer, which);
  made.set(which, next);
  return next;
}

function make(answer: DirectAnswer, which: Which): Shown {
  const { versus, snapshot } = answer;
  if (!versus) return { ...answer, which: "this", both: null, own: snapshot };
  const both = [answer, versus] as const;
  if (which === "this") return { ...answer, which, both, own: snapshot };
  const { version } = versus;
  const { logit, softcap, gap, target, other, unsplit } = version;
  const { values, heads, headShape } = versus;
  if (which === "other") {
    const mlps = snapshot.kinds.flatMap((kind, i) => {
      const layer = snapshot.layers[i] ?? -1;
      return kind === "mlp" && !unsplit.some((u) => u.layer === layer && u.neurons) ? [layer] : [];
    });
    const fields = { logit, softcap, gap, target, other, unsplit, mlps };
    return { ...answer, values, heads, headShape, which, both, own: snapshot, snapshot: { ...snapshot, ...fields } };
  }
  const { difference } = versus;
  const { components, kinds, layers } = version.difference;
  // As both are read for the difference: the second's values are what is left of the first's.
  const there = {
    headShape: answer.headShape,
    values: difference.values.map((value, i) => (answer.values[i] ?? Number.NaN) - value),
    heads: difference.heads.map((value, i) => (answer.heads[i] ?? Number.NaN) - value),
  };
  return {
    ...answer,
    ...difference,
    which,
    both: [answer, there],
    own: snapshot,
    snapshot: { ...snapshot, components, kinds, layers, logit: snapshot.logit - logit, gap: snapshot.gap + gap },
  };
}

export function samePart(a: Part | null, b: Part | null): boolean {
  if (a?.kind === "component" && b?.kind === "component") return a.index === b.index;
  return a?.kind === "head" && b?.kind === "head" && a.layer === b.layer && a.head === b.head;
}

/** What the components up to each come to, the first alone first; float64, so that nothing is lost on the way. */
export function sumsOf(values: ArrayLike<number>): number[] {
  let sum = 0;
  return Array.from(values, (value) => {
    sum += value;
    return sum;
  });
}

export function partValue({ values, heads, headShape }: Shares, part: Part): number {
  const at = part.kind === "component" ? values[part.index] : heads[part.layer * headShape[1] + part.head];
  return at ?? Number.NaN;
}

/** All parts as one list, components before heads: the row of a part, by which the trait `display` says what is pinned. */
export function rowOfPart({ values, headShape }: DirectAnswer, part: Part): number {
  return part.kind === "component" ? part.index : values.length + part.layer * headShape[1] + part.head;
}

/** The part of a row; null where there is none. */
export function partOfRow({ values, heads, headShape }: DirectAnswer, row: number | null): Part | null {
  if (row === null || !Number.isInteger(row) || row < 0) return null;
  if (row < values.length) return { kind: "component", index: row };
  const at = row - values.length;
  if (at >= heads.length) return null;
  return { kind: "head", layer: Math.floor(at / headShape[1]), head: at % headShape[1] };
}

/** Places of the largest sizes, largest first; what is not a number is left out. */
export function strongest(values: ArrayLike<number>, most: number): number[] {
  const size = (i: number) => Math.abs(values[i] ?? 0);
  return Array.from(values, (_, i) => i)
    .filter((i) => !Number.isNaN(values[i]))
    .sort((a, b) => size(b) - size(a) || a - b)
    .slice(0, most);
}

/** The component that holds the heads of a layer; null where there is none. */
export function attentionOf({ snapshot: { kinds, layers } }: DirectAnswer, layer: number): number | null {
  const found = kinds.findIndex((kind, i) => kind === "attn" && layers[i] === layer);
  return found < 0 ? null : found;
}

/** Heads of a layer that have a share. */
export function headsOf({ heads, headShape }: DirectAnswer, layer: number): readonly number[] {
  const row = heads.subarray(layer * headShape[1], (layer + 1) * headShape[1]);
  return strongest(row, row.length);
}

/** The heads with the last layer on top, as they are drawn. */
export function headGrid({ heads, headShape: [layers, count] }: DirectAnswer): Float32Array {
  const out = new Float32Array(heads.length);
  for (let row = 0; row < layers; row++)
    out.set(heads.subarray((layers - 1 - row) * count, (layers - row) * count), row * count);
  return out;
}
