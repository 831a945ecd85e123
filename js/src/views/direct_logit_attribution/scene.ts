/** What is to be drawn now, from what the store knows: one value that all pieces of the view read. */
import type { ShareBar } from "../../kit/share-chart.ts";
import type { DirectAsk } from "../../protocol/encode.ts";
import type { DirectDetail } from "../../state/direct-details.ts";
import { headGrid, type Part, partValue, type Shown, sumsOf } from "../../state/direct-picture.ts";
import type { DirectStore } from "../../state/direct-store.ts";
import { tilesOf } from "../../state/tiling.ts";

/** An answer laid out, made once for each. */
export interface Layout {
  readonly bars: readonly ShareBar[];
  /** Up to each component. */
  readonly sums: readonly number[];
  /** [layer, head], the last layer first. */
  readonly heads: Float32Array;
  readonly tile: ReturnType<typeof tilesOf>;
  /** The largest size of a head: full ink. */
  readonly top: number;
}

export interface Scene {
  readonly answer: Shown | null;
  readonly layout: Layout | null;
  readonly pinned: Part | null;
  /** What is pointed at, else what is pinned. */
  readonly focus: Part | null;
  readonly hovered: Part | null;
  /** The layer whose MLP is pinned. */
  readonly mlp: number | null;
  /** What to ask about it; null where its neurons can't be had. */
  readonly neuronsAsk: DirectAsk | null;
  readonly neurons: DirectDetail | null;
  /** What to ask about the pinned head, of one model or of both; empty where it can't be had. */
  readonly headAsks: readonly DirectAsk[];
  /** The picture is older than the question. */
  readonly dim: boolean;
}

/** What every piece of the view is given. */
export interface Context {
  readonly store: DirectStore;
  readonly view: string;
  scene(): Scene;
}

/** A piece of the view, drawn again after every change. */
export interface Piece {
  draw(scene: Scene): void;
}

const LOOKS: Record<string, ShareBar["look"]> = { mlp: "hollow", mixer: "striped", scale: "striped" };

export const lookOf = (kind: string): ShareBar["look"] => LOOKS[kind] ?? "solid";

const layouts = new WeakMap<Shown, Layout>();

function layoutOf(answer: Shown): Layout {
  const old = layouts.get(answer);
  if (old) return old;
  const { components, kinds, layers } = answer.snapshot;
  const heads = headGrid(answer);
  const [rows, columns] = answer.headShape;
  const made: Layout = {
    bars: Array.from(answer.values, (value, i) => {
      const layer = layers[i] ?? -1;
      const kind = kinds[i] ?? "";
      // There is room for one word.
      const name = kind === "scale" ? "norm" : (components[i] ?? "");
      return { value, group: layer < 0 ? name : String(layer), look: lookOf(kind) };
    }),
    sums: sumsOf(answer.values),
    heads,
    tile: tilesOf(heads, rows, columns),
    top: topOf(answer),
  };
  layouts.set(answer, made);
  return made;
}

/** Two models are inked alike; their difference has a scale of its own. */
function topOf({ heads, both, which }: Shown): number {
  const counted = both && which !== "difference" ? both.map((shares) => shares.heads) : [heads];
  let top = 0;
  for (const values of counted) for (const value of values) top = Math.abs(value) > top ? Math.abs(value) : top;
  return top;
}

/** The versions to ask about the pinned head: the one that is shown, or both. */
function headAsksOf(answer: Shown | null, pinned: Part | null): DirectAsk[] {
  if (!answer || pinned?.kind !== "head") return [];
  const { layer, head } = pinned;
  const ask: DirectAsk = { action: "head", layer, head };
  const asks: readonly DirectAsk[] = answer.both ? [ask, { ...ask, version: 1 }] : [ask];
  const shares = answer.both ?? [answer];
  const there = asks.filter((_, i) => shares[i] && !Number.isNaN(partValue(shares[i], pinned)));
  if (answer.which === "difference" || !answer.both) return there;
  return there.filter(({ version = 0 }) => version === (answer.which === "other" ? 1 : 0));
}

export function makeScene(store: DirectStore): Scene {
  const answer = store.shown();
  const live = store.connection.live.value;
  const pinned = store.pinned();
  const hovered = store.hovered.value;
  const index = pinned?.kind === "component" ? pinned.index : -1;
  const mlp = answer?.snapshot.kinds[index] === "mlp" ? (answer.snapshot.layers[index] ?? null) : null;
  const neuronsAsk: DirectAsk | null =
    mlp !== null && answer?.snapshot.mlps.includes(mlp)
      ? { action: "neurons", layer: mlp, ...(answer.which === "other" ? { version: 1 } : {}) }
      : null;
  return {
    answer,
    layout: answer && layoutOf(answer),
    pinned,
    hovered,
    focus: hovered ?? pinned,
    mlp,
    neuronsAsk,
    neurons: neuronsAsk && store.details.get(neuronsAsk),
    headAsks: headAsksOf(answer, pinned),
    dim: live !== null && (answer?.snapshot.revision ?? 0) < live.revision,
  };
}
