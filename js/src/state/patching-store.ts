/** Everything one patching widget knows in the browser, shared by its views: the grid, what was chosen, what was fetched. */
import { decodeAsked, decodePatching, type PatchingAnswer } from "../protocol/decode-patching.ts";
import { encodePatching, type PatchingAsk } from "../protocol/encode.ts";
import type {
  AblationSpec,
  Display,
  ErrorInfo,
  Input,
  NoiseSpec,
  PatchingAsked,
  PatchingPacked,
  PatchingSnapshot,
  Status,
  TargetSpec,
} from "../protocol/generated.ts";
import type { Connection } from "./connection.ts";
import { storesOf } from "./frame.ts";
import type { Model } from "./host.ts";
import { openLooking } from "./looking.ts";
import { fetchPatched, type PatchingDetails } from "./patching-details.ts";
import { type Cell, ofHeads, type Shown } from "./patching-picture.ts";
import { entries, type Selections } from "./selection.ts";
import { type Signal, signal } from "./signal.ts";

export type Direction = PatchingSnapshot["direction"];
export type Part = PatchingSnapshot["part"];
export type Which = "clean" | "corrupted";
export type Against = PatchingSnapshot["against"];

/** The number: null chooses anew, by what the prompts say next; what is left out stays. */
export interface Numbered {
  readonly target?: TargetSpec | null;
  readonly other?: TargetSpec | null;
}

/** What is looked at, and how; never leaves the browser, but for the pinned cell (the traits `display` and `selection`). */
export interface PatchingLook {
  readonly shown: Shown;
  /** A cell, or (layer null) a position, whatever the columns are. */
  readonly hovered: { readonly layer: number | null; readonly column: number } | null;
  /** Noise that has no subject yet, or another prompt that is not written yet: chosen, but not asked for. */
  readonly meant: Against | null;
}

export interface PatchingStore {
  readonly uid: string;
  readonly connection: Connection;
  readonly answer: Signal<PatchingAnswer | null>;
  /** What was asked first. */
  readonly asked: Signal<PatchingAsked | null>;
  readonly error: Signal<ErrorInfo | null>;
  readonly status: Signal<Status>;
  readonly display: Signal<Display>;
  readonly outdated: Signal<boolean>;
  readonly look: Signal<PatchingLook>;
  readonly details: PatchingDetails;
  readonly selection: Selections;
  /** The pinned column, and the pinned layer where there is one: a head always has one. */
  pinned(): { readonly layer: number | null; readonly column: number } | null;
  pin(cell: Cell | null, source: string): void;
  see(fields: Partial<PatchingLook>): void;
  /** The direction that is asked for, or shown. */
  direction(): Direction | null;
  /** What is exchanged: asked for, or shown. */
  part(): Part | null;
  /** What the clean prompt is held against: meant, asked for, or shown. */
  against(): Against | null;
  /** The prompts as far as they are known; the other one also where it is not what is shown. */
  prompt(which: Which): Input | null;
  /** The subject and the ablation that are asked for, or known from before. */
  noise(): NoiseSpec | null;
  ablation(): AblationSpec | null;
  /** Hold the clean prompt against something else. False: something is to be chosen or written first. */
  hold(against: Against, view: string): boolean;
  shake(noise: NoiseSpec, view: string): void;
  ablate(ablation: AblationSpec, view: string): void;
  edit(which: Which, input: Input, view: string): void;
  turn(direction: Direction, view: string): void;
  exchange(part: Part, view: string): void;
  follow(number: Numbered, view: string): void;
  /** The same again. */
  again(view: string): void;
  need(ask: PatchingAsk, view: string): void;
  cancel(): void;
  /** Edits end: what was refused is given up. */
  giveUpEdit(): void;
  /** This view shows the store until the signal ends; see `Frame.attend`. */
  show(view: AbortSignal): void;
}

export function createPatchingStore(model: Model, until: AbortSignal): PatchingStore {
  // The trait has the same name for all views; what is in it is this view's own.
  const packed = () => model.get("explanation") as unknown as PatchingPacked;
  const decode = () => {
    const first = decodeAsked(packed());
    if (first) asked.set(first);
    return decodePatching(packed());
  };
  const looking = openLooking(model, decode, taken, until);
  const { frame, connection, answer } = looking;
  const { uid, error, status, display, outdated, selection } = frame;
  const asked = signal<PatchingAsked | null>(null);
  const look = signal<PatchingLook>({ shown: "exact", hovered: null, meant: null });
  const details = fetchPatched(connection, looking.revision);
  /** Prompts that are asked for; while the editor is open also those that were refused. */
  let drafts: { readonly [which in Which]?: Input } = {};
  let isEditing = false;
  let turned: Direction | null = null;
  let exchanged: Part | null = null;
  let held: Against | null = null;
  /** What was asked for, and what was last seen: both are there again when the clean prompt is held against them again. */
  let shaken: NoiseSpec | null = null;
  let ablated: AblationSpec | null = null;
  const known: { corrupted?: Input; noise?: NoiseSpec; ablation?: AblationSpec } = {};
  /** Columns of the picture that a pin belongs to are heads; null before the first. */
  let heads: boolean | null = null;
  /** The number that is asked for, and the last one that was not refused. */
  let number: Numbered = {};
  let good: Numbered = {};

  const positions = () => entries(selection.clauses.value, "pin", "pos");

  function taken(next: PatchingAnswer): void {
    const { pairs, exact, width } = next;
    details.clear();
    good = number;
    drafts = {};
    shaken = ablated = held = null;
    remember(next.snapshot);
    see({ hovered: null, meant: null });
    // A head is no position: what was pinned of the one is not pinned of the other.
    const other = heads !== null && heads !== ofHeads(next);
    heads = ofHeads(next);
    const kept = other ? [] : positions().filter((p) => p < pairs.length);
    if (kept.length < positions().length) choose(kept, "browser");
    const { row } = display.value;
    if (row !== null && (other || row >= exact.length * (heads ? width : 1))) frame.setDisplay({ row: null });
  }

  function remember({ corrupted, noise, ablation }: Pick<PatchingAsked, "corrupted" | "noise" | "ablation">): void {
    if (corrupted) known.corrupted = corrupted;
    if (noise) known.noise = noise;
    if (ablation) known.ablation = ablation;
  }

  /** Of the question that is seen, or that was asked first. */
  const seen = () => answer.value?.snapshot ?? asked.value;

  function choose(pos: readonly number[], source: string): void {
    selection.put({ source, kind: "pin", axis: "pos", entries: pos });
  }

  function see(fields: Partial<PatchingLook>): void {
    look.set({ ...look.value, ...fields });
  }

  const under = <T>(wanted: T | null, shown: T | null): T | null => (connection.live.value ? (wanted ?? shown) : shown);
  const direction = () => under(turned, seen()?.direction ?? null);
  const part = () => under(exchanged, seen()?.part ?? null);
  const against = () => look.value.meant ?? under(held, seen()?.against ?? null);
  const noise = () => under(shaken, known.noise ?? null);
  const ablation = () => under(ablated, known.ablation ?? null);

  /**
   * The kernel keeps what the last look that ended well was asked, which is not what is seen after one that was cancelled: so
   * all that decides the picture is said every time. Prompts given as ids are not on the wire, and stay.
   */
  function ask(view: string): void {
    const now = seen();
    const what = {
      against: held ?? now?.against,
      direction: turned ?? now?.direction,
      part: exchanged ?? now?.part,
      clean: drafts.clean ?? now?.clean,
    };
    const of = { prompt: "corrupted", noise: "noise", ablation: "ablation" }[what.against ?? "prompt"];
    const all = {
      corrupted: drafts.corrupted ?? known.corrupted,
      noise: shaken ?? known.noise,
      ablation: ablated ?? known.ablation,
    };
    const content = Object.fromEntries(
      Object.entries({ ...what, ...all }).filter(
        ([name, value]) =>
          value &&
          !(typeof value === "object" && "kind" in value && value.kind === "ids") &&
          (name in what || name === of),
      ),
    );
    looking.look((envelope) => encodePatching({ action: "look", ...content, ...number }, envelope), view);
    if (!connection.live.value) ended();
  }

  /** What was asked is there, or was refused or cancelled: the next question starts from what is seen. */
  function ended(): void {
    number = good;
    turned = exchanged = held = null;
    shaken = ablated = null;
    if (!isEditing) drafts = {};
  }

  connection.live.subscribe((live) => live || ended(), until);
  looking.follow();
  if (asked.value) remember(asked.value);

  function ablate(spec: AblationSpec, view: string): void {
    ablated = spec;
    hold("ablation", view);
  }

  /** What is meant is asked for. */
  function hold(what: Against, view: string): void {
    held = what;
    see({ meant: null });
    ask(view);
  }

  return {
    uid,
    connection,
    answer,
    asked,
    error,
    status,
    display,
    outdated,
    look,
    details,
    selection,
    pinned() {
      const { exact, width } = answer.value ?? { exact: [], width: 0 };
      const { row } = display.value;
      if (heads) {
        if (row === null || row < 0 || row >= exact.length * width) return null;
        return { layer: Math.floor(row / width), column: row % width };
      }
      const [column] = positions();
      if (column === undefined || column >= width) return null;
      return { column, layer: row !== null && row >= 0 && row < exact.length ? row : null };
    },
    pin(cell, source) {
      // Positions are shared with other views, and a head is none of them: it is counted through all layers, as a row is.
      if (!heads) choose(cell ? [cell.column] : [], source);
      const row = cell && (heads ? cell.layer * (answer.value?.width ?? 0) + cell.column : cell.layer);
      if (display.value.row !== row) frame.setDisplay({ row });
    },
    see,
    direction,
    part,
    against,
    prompt: (which) => drafts[which] ?? (which === "clean" ? seen()?.clean : known.corrupted) ?? null,
    noise,
    ablation,
    hold(what, view) {
      const has = what === "prompt" ? known.corrupted : what === "noise" ? known.noise : true;
      if (!has) see({ meant: what });
      else if (what === "ablation") ablate(known.ablation ?? { kind: "mean" }, view);
      else hold(what, view);
      return Boolean(has);
    },
    shake(spec, view) {
      shaken = spec;
      hold("noise", view);
    },
    ablate,
    edit(which, input, view) {
      isEditing = true;
      drafts = { ...drafts, [which]: input };
      if (which === "corrupted") hold("prompt", view);
      else ask(view);
    },
    turn(way, view) {
      turned = way;
      ask(view);
    },
    exchange(what, view) {
      exchanged = what;
      ask(view);
    },
    follow(fields, view) {
      number = { ...number, ...fields };
      ask(view);
    },
    again: ask,
    need: (wanted, view) => details.need(wanted, view),
    cancel: () => connection.cancel(),
    giveUpEdit() {
      isEditing = false;
      if (!connection.live.value) drafts = {};
      error.set(null);
    },
    show: (view) => frame.attend(view, connection.cancel),
  };
}

const { open, find } = storesOf("patching-stores", createPatchingStore);

/** The store of a widget, made when its model is initialized. */
export const openPatchingStore = open;
/** The store for a view. */
export const findPatchingStore = find;
