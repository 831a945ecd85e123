/** What is to be drawn now, from what the store knows: one value that all pieces of the view read. */
import type { LensAnswer } from "../../protocol/decode-lens.ts";
import type { LensAsk } from "../../protocol/encode.ts";
import type { LensDetail } from "../../state/lens-details.ts";
import { gridOf, isWhole, largest, type Trace, traceOf, type Whose } from "../../state/lens-picture.ts";
import type { LensCell, LensLook, LensName, LensStore, Shown } from "../../state/lens-store.ts";
import { tilesOf } from "../../state/tiling.ts";

/** The numbers under the ink. */
export interface Grid {
  /** [row, position] as drawn: the last stream first; NaN where there is none. */
  readonly values: Float32Array;
  readonly tile: ReturnType<typeof tilesOf>;
  /** Full ink. */
  readonly top: number;
  readonly signed: boolean;
}

export interface Scene {
  readonly answer: LensAnswer | null;
  readonly look: LensLook;
  /** The lens that is shown, or was chosen and is on its way. */
  readonly lens: LensName;
  /** Of two models; "this" where there is one. */
  readonly shown: Shown;
  /** Whose cells are asked about; of a difference this one's. */
  readonly whose: Whose;
  readonly pinned: LensCell | null;
  /** What is pointed at, else what is pinned. */
  readonly focus: LensCell | null;
  /** Where a token is followed: the pinned position, else the last. */
  readonly position: number;
  readonly grid: Grid | null;
  /** What ink means came, or need not come. */
  readonly measured: boolean;
  readonly followAsk: LensAsk | null;
  readonly measureAsk: LensAsk | null;
  readonly moreAsk: LensAsk | null;
  readonly scopeAsk: LensAsk | null;
  readonly follow: LensDetail | null;
  readonly trace: Trace | null;
  /** The picture is older than the question. */
  readonly dim: boolean;
}

/** What every piece of the view is given. */
export interface Context {
  readonly store: LensStore;
  readonly view: string;
  scene(): Scene;
}

/** A piece of the view, drawn again after every change. */
export interface Piece {
  draw(scene: Scene): void;
}

const grids = new WeakMap<object, Grid>();
const traces = new WeakMap<object, Trace | null>();

/** Made once for each array, so that the picture is coloured again only when its numbers are others. */
function kept<T>(store: WeakMap<object, T>, key: object, make: () => T): T {
  const old = store.get(key);
  if (old !== undefined) return old;
  const made = make();
  store.set(key, made);
  return made;
}

function gridFor(answer: LensAnswer, values: Float32Array | null, whose: Whose): Grid {
  const { other } = answer;
  return kept(grids, values ?? (whose === "other" && other ? other.prob : answer.prob), () => {
    const grid = gridOf(answer, values, whose);
    const tile = tilesOf(grid, answer.snapshot.streams.length, answer.known.length);
    return { values: grid, tile, top: values ? largest(grid) : 1, signed: values !== null && values === other?.change };
  });
}

export function makeScene(store: LensStore): Scene {
  const answer = store.answer.value;
  const look = store.look.value;
  const { details } = store;
  const live = store.connection.live.value;
  const pinned = store.pinned();
  const position = pinned?.position ?? (answer?.known.length ?? 1) - 1;
  const { measure, followed } = look;
  const shown = answer?.other ? look.shown : "this";
  const apart = shown === "difference" && answer?.other ? answer.other[look.apart] : null;
  const whose = shown === "other" ? "other" : "this";
  const of = whose === "other" ? ({ whose } as const) : {};
  // While positions are still being read, every part of the answer would be asked for anew.
  const measureAsk: LensAsk | null =
    answer && !apart && measure !== "probability" && (isWhole(answer) || !live)
      ? { action: "measure", measure, ...of }
      : null;
  const followAsk: LensAsk | null =
    answer?.known[position] && followed ? { action: "follow", index: position, ...followed, ...of } : null;
  const measured = measureAsk && details.get(measureAsk)?.found?.array;
  const follow = followAsk && details.get(followAsk);
  const found = follow?.found;
  // Needs no answer of its own.
  const bare = apart !== null || measure === "probability";
  return {
    answer,
    look,
    pinned,
    focus: look.hovered ?? pinned,
    position,
    grid: answer && (bare || measured) ? gridFor(answer, apart ?? (measured || null), whose) : null,
    measured: bare || Boolean(measured),
    lens: (live && look.lens) ?? answer?.snapshot.lens ?? "logit",
    shown,
    whose,
    followAsk,
    measureAsk,
    moreAsk: pinned && { action: "cell", layer: pinned.stream, index: pinned.position, ...of },
    scopeAsk: scopeOf(answer, pinned, look),
    follow: follow || null,
    trace: found ? kept(traces, found, () => traceOf(found)) : null,
    dim: live !== null && (answer?.snapshot.revision ?? 0) < live.revision,
  };
}

/** The pinned stream, read with the prompt that was typed. */
function scopeOf(answer: LensAnswer | null, pinned: LensCell | null, { scope }: LensLook): LensAsk | null {
  if (!answer || !pinned || !scope || pinned.stream >= answer.snapshot.streams.length) return null;
  const text = scope.prompt ?? answer.snapshot.prompt;
  const into = Math.min(scope.into ?? pinned.stream, answer.snapshot.streams.length - 1);
  return { action: "scope", layer: pinned.stream, index: pinned.position, text, into };
}
