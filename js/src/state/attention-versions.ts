/** Two models, checkpoints or texts beside each other: whose a head is, which one it is compared with, how far both differ. Values only. */
import type { AttentionAnswer } from "../protocol/decode-attention.ts";
import type { AttentionMap } from "../protocol/generated.ts";
import type { Side } from "../protocol/sides.ts";
import { headPlace } from "./attention-names.ts";
import type { HeadView } from "./attention-picture.ts";
import type { Look } from "./attention-store.ts";
import { align } from "./diff.ts";

/** The head in the same place of the other version, or null. */
export function counterpart(answer: AttentionAnswer, head: number): number | null {
  const place = headPlace(answer, head);
  if (!place) return null;
  const other = answer.snapshot.maps.find((map) => map.version !== place.of.version && same(map, place.of));
  return other && place.head < other.n_heads ? other.first_head + place.head : null;
}

/** The head that the chosen one is shown beside: a second that was chosen, else its counterpart. */
export function comparedWith(
  answer: AttentionAnswer,
  head: number | null,
  { other, alone }: Pick<Look, "other" | "alone">,
): number | null {
  if (head === null) return null;
  if (other !== null && other !== head) return other;
  return alone ? null : counterpart(answer, head);
}

/** Maps layer by layer, those of all versions of a layer beside each other, each with its place among all. */
export function mapsByPlace({ snapshot: { maps } }: AttentionAnswer): readonly (readonly AttentionMap[])[] {
  const places: AttentionMap[][] = [];
  for (const map of maps) {
    const place = places.find(([first]) => first && same(first, map));
    if (place) place.push(map);
    else places.push([map]);
  }
  return places;
}

function same(a: AttentionMap, b: AttentionMap): boolean {
  return a.stack === b.stack && a.layer === b.layer && a.nth === b.nth;
}

/** Weights of two heads can be taken from each other cell by cell. */
export function isComparable(a: Sized, b: Sized): boolean {
  return a.n_query === b.n_query && a.n_key === b.n_key;
}

type Sized = Pick<AttentionMap, "n_query" | "n_key">;

export interface Difference {
  /** A head of the first version and its counterpart. */
  readonly heads: readonly [number, number];
  /** Mean over the squares of the overview of how much their largest weights differ; null where both have other positions. */
  readonly mean: number | null;
}

const known = new WeakMap<AttentionAnswer, readonly Difference[]>();

/** Heads with their counterparts, those that differ most first. */
export function differences(answer: AttentionAnswer): readonly Difference[] {
  const kept = known.get(answer);
  if (kept) return kept;
  const { maps, cells, cell } = answer.snapshot;
  const weight = Float64Array.from({ length: 256 }, (_, coded) => (coded / 255) ** 2);
  const found: Difference[] = [];
  for (const map of maps.filter((m) => m.version === 0)) {
    const other = maps.find((m) => m.version === 1 && same(m, map));
    if (!other) continue;
    const [rows, columns] = [Math.ceil(map.n_query / cell), Math.ceil(map.n_key / cell)];
    for (let head = 0; head < Math.min(map.n_heads, other.n_heads); head++) {
      const heads = [map.first_head + head, other.first_head + head] as const;
      let sum = 0;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const [a, b] = heads.map((i) => weight[answer.most[(i * cells + row) * cells + column] ?? 0] ?? 0);
          sum += Math.abs((a ?? 0) - (b ?? 0));
        }
      }
      found.push({ heads, mean: isComparable(map, other) ? sum / (rows * columns) : null });
    }
  }
  found.sort((a, b) => (b.mean ?? -1) - (a.mean ?? -1));
  known.set(answer, found);
  return found;
}

/** From a position of one side to that of another, null where nothing there is the same. */
export type Across = (position: number) => number | null;

/** Sides of the same length go place by place, others by what is the same in both texts. */
export function across(from: Side, to: Side): Across {
  if (from === to || from.ids.length === to.ids.length) return (position) => position;
  let map: Int32Array | null = null;
  return (position) => {
    map ??= align(to.ids, from.ids);
    const at = map[position] ?? -1;
    return at < 0 ? null : at;
  };
}

/** Both ways between the positions of two heads; a last column that is no token goes to the other's. */
export interface Link {
  readonly there: { readonly query: Across; readonly key: Across };
  readonly back: { readonly query: Across; readonly key: Across };
}

export function linkOf(first: HeadView, second: HeadView): Link {
  const keyed = (from: HeadView, to: HeadView): Across => {
    const inside = across(from.seen, to.seen);
    return (key) => (key < from.keys ? inside(key) : to.rest ? to.keys : null);
  };
  return {
    there: { query: across(first.looks, second.looks), key: keyed(first, second) },
    back: { query: across(second.looks, first.looks), key: keyed(second, first) },
  };
}
