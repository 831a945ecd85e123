/** What is to be drawn now, from what the store knows: one value that all pieces of the view read. */
import type { ShareBar } from "../../kit/share-chart.ts";
import type { DirectAnswer } from "../../protocol/decode-direct.ts";
import type { DirectAsk } from "../../protocol/encode.ts";
import type { DirectDetail } from "../../state/direct-details.ts";
import { headGrid, type Part, sumsOf } from "../../state/direct-picture.ts";
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
  readonly answer: DirectAnswer | null;
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

const LOOKS: Record<string, ShareBar["look"]> = { mlp: "hollow", mixer: "striped" };

export const lookOf = (kind: string): ShareBar["look"] => LOOKS[kind] ?? "solid";

const layouts = new WeakMap<DirectAnswer, Layout>();

function layoutOf(answer: DirectAnswer): Layout {
  const old = layouts.get(answer);
  if (old) return old;
  const { components, kinds, layers } = answer.snapshot;
  const heads = headGrid(answer);
  const [rows, columns] = answer.headShape;
  const made: Layout = {
    bars: Array.from(answer.values, (value, i) => {
      const layer = layers[i] ?? -1;
      return { value, group: layer < 0 ? (components[i] ?? "") : String(layer), look: lookOf(kinds[i] ?? "") };
    }),
    sums: sumsOf(answer.values),
    heads,
    tile: tilesOf(heads, rows, columns),
    top: heads.reduce((most, value) => (Math.abs(value) > most ? Math.abs(value) : most), 0),
  };
  layouts.set(answer, made);
  return made;
}

export function makeScene(store: DirectStore): Scene {
  const answer = store.answer.value;
  const live = store.connection.live.value;
  const pinned = store.pinned();
  const hovered = store.hovered.value;
  const index = pinned?.kind === "component" ? pinned.index : -1;
  const mlp = answer?.snapshot.kinds[index] === "mlp" ? (answer.snapshot.layers[index] ?? null) : null;
  const neuronsAsk: DirectAsk | null =
    mlp !== null && answer?.snapshot.mlps.includes(mlp) ? { action: "neurons", layer: mlp } : null;
  return {
    answer,
    layout: answer && layoutOf(answer),
    pinned,
    hovered,
    focus: hovered ?? pinned,
    mlp,
    neuronsAsk,
    neurons: neuronsAsk && store.details.get(neuronsAsk),
    dim: live !== null && (answer?.snapshot.revision ?? 0) < live.revision,
  };
}
