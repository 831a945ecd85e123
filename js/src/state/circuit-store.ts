/** Everything one circuit widget knows in the browser, shared by its views: the graph, its size, what is pinned, what was fetched. */
import { type CircuitAnswer, decodeCircuit } from "../protocol/decode-circuit.ts";
import { type CircuitAsk, encodeCircuit } from "../protocol/encode.ts";
import type { CircuitPacked, CircuitSnapshot, Display, ErrorInfo, Input, Status } from "../protocol/generated.ts";
import { type CircuitDetail, type CircuitDetails, fetchCircuit } from "./circuit-details.ts";
import { edgeCount, isEdge, isFile, type Thing } from "./circuit-picture.ts";
import type { Connection } from "./connection.ts";
import { storesOf } from "./frame.ts";
import type { Model } from "./host.ts";
import { openLooking } from "./looking.ts";
import { type Signal, signal } from "./signal.ts";

export type CircuitMethod = CircuitSnapshot["method"];
export type Which = "clean" | "corrupted";
/** How edges are found, and the number they are found for; what is left out stays. */
export type CircuitChoice = Pick<CircuitAsk, "method" | "steps" | "threshold" | "target" | "other">;

/** What is looked at, and how; never leaves the browser, but for what is pinned (the trait `display`). */
export interface CircuitLook {
  readonly hovered: Thing | null;
  /** Edges asked for; null: as the answer has it. */
  readonly size: number | null;
  /** Every head reads query, key and value apart. */
  readonly apart: boolean;
  /** The node whose edges are listed while one of them is pinned. */
  readonly listed: number | null;
}

export interface CircuitStore {
  readonly uid: string;
  readonly connection: Connection;
  readonly answer: Signal<CircuitAnswer | null>;
  readonly error: Signal<ErrorInfo | null>;
  readonly status: Signal<Status>;
  readonly display: Signal<Display>;
  readonly outdated: Signal<boolean>;
  readonly look: Signal<CircuitLook>;
  readonly details: CircuitDetails;
  /** Kept in the trait `display`: `row` is a node, or the number of nodes and then an edge. */
  pinned(): Thing | null;
  pin(thing: Thing | null): void;
  see(fields: Partial<CircuitLook>): void;
  /** What is asked for, or shown. */
  method(): CircuitMethod | null;
  /** The circuit of so many edges; asked for after a pause, and the last one wins. */
  resize(size: number, view: string): void;
  /** The checked circuit of the size that is looked at; null where it is the answer's own. */
  keep(): CircuitDetail | null;
  edit(which: Which, input: Input, view: string): void;
  choose(fields: CircuitChoice, view: string): void;
  /** The last threshold that was asked for here; null before the first. */
  threshold(): number | null;
  /** The same again. */
  again(view: string): void;
  need(ask: CircuitAsk, view: string): void;
  /** What is under way, the size that is being checked among it. */
  cancel(): void;
  /** Edits end: what was refused is given up. */
  giveUpEdit(): void;
  /** This view shows the store until the signal ends; see `Frame.attend`. */
  show(view: AbortSignal): void;
  /** No look is under way, so questions about the picture can be answered. */
  settled(): boolean;
}

/** A size that stays this long is asked for. */
export const SIZE_PAUSE_MS = 250;

export function createCircuitStore(model: Model, until: AbortSignal): CircuitStore {
  // The trait has the same name for all views; what is in it is this view's own.
  const decode = () => decodeCircuit(model.get("explanation") as unknown as CircuitPacked);
  const looking = openLooking(model, decode, taken, until);
  const { frame, connection, answer } = looking;
  const { uid, error, status, display, outdated } = frame;
  const look = signal<CircuitLook>({ hovered: null, size: null, apart: false, listed: null });
  const details = fetchCircuit(connection, looking.revision, () => (answer.value ? edgeCount(answer.value) : 0));
  /** Prompts that are asked for; while the editor is open also those that were refused. */
  let drafts: { readonly [which in Which]?: Input } = {};
  let isEditing = false;
  /** What is asked for, and the last that was not refused. */
  let choice: CircuitChoice = {};
  let good: CircuitChoice = {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let checking: { readonly ask: CircuitAsk; readonly view: string } | null = null;
  until.addEventListener("abort", () => clearTimeout(timer), { once: true });

  /** Of the picture that details are about: parts of one look tell of the same edges. */
  let shown: { readonly revision: number; readonly edges: number } | null = null;
  const nodes = () => answer.value?.snapshot.names.length ?? 0;

  function taken(next: CircuitAnswer): void {
    good = choice;
    drafts = {};
    const now = { revision: next.snapshot.revision, edges: edgeCount(next) };
    if (shown && shown.revision === now.revision && shown.edges === now.edges) return;
    shown = now;
    clearTimeout(timer);
    details.clear();
    checking = null;
    see({ hovered: null, size: null, listed: null });
    const { row } = display.value;
    if (row !== null && (row < 0 || row >= nodes() + edgeCount(next))) frame.setDisplay({ row: null });
  }

  function see(fields: Partial<CircuitLook>): void {
    look.set({ ...look.value, ...fields });
  }

  function pinned(): Thing | null {
    const { row } = display.value;
    if (!answer.value || row === null || row < 0) return null;
    if (row < nodes()) return { node: row };
    return row - nodes() < edgeCount(answer.value) ? { edge: row - nodes() } : null;
  }

  /** The node whose edges stay listed beside what is pinned: the one before, where the edge is one of its. */
  function listedWith(thing: Thing | null): number | null {
    if (!thing) return null;
    if (!isEdge(thing)) return thing.node;
    const now = pinned();
    const before = now && !isEdge(now) ? now.node : look.value.listed;
    const { sources, targets } = answer.value ?? {};
    return before === sources?.[thing.edge] || before === targets?.[thing.edge] ? before : null;
  }

  function method(): CircuitMethod | null {
    const shown = answer.value?.snapshot.method ?? null;
    return connection.live.value ? (choice.method ?? shown) : shown;
  }

  /** All that decides the picture is said every time: the kernel may have taken a look that ended badly. */
  function ask(view: string): void {
    const { clean, corrupted } = { ...answer.value?.snapshot, ...drafts };
    const prompts = Object.fromEntries(
      Object.entries({ clean, corrupted }).filter(([, input]) => input && input.kind !== "ids"),
    );
    const way = choice.method ?? answer.value?.snapshot.method;
    const { threshold, steps, ...rest } = choice;
    const content: Omit<CircuitAsk, "action"> = {
      ...prompts,
      ...rest,
      ...(way && way !== "file" ? { method: way } : {}),
      ...(way === "acdc" && threshold !== undefined ? { threshold } : {}),
      ...(way === "eap_ig" && steps !== undefined ? { steps } : {}),
    };
    looking.look((envelope) => encodeCircuit({ action: "look", ...content }, envelope), view);
    if (!connection.live.value) ended();
  }

  /** What was asked is there, or was refused or cancelled: the next question starts from what is seen. */
  function ended(): void {
    choice = good;
    if (!isEditing) drafts = {};
  }

  connection.live.subscribe((live) => live || ended(), until);
  looking.follow();

  /** The kernel answers about the last look that ended, not about parts of one under way. */
  const settled = () => connection.live.value === null && status.value.state !== "running";

  const askOf = (size: number): CircuitAsk => ({ action: "keep", size });
  // Replaced in the kernel by another request of ours, while it is still what is looked at.
  details.epoch.subscribe(() => {
    if (checking && details.get(checking.ask)?.state === "lost") details.need(checking.ask, checking.view);
  }, until);

  function stopChecking(): void {
    clearTimeout(timer);
    if (checking) details.stop(checking.ask);
    checking = null;
  }

  /** Of a file there is nothing to run; while a look is under way it is asked for after it. */
  function check(view: string): void {
    const { size } = look.value;
    if (size === null || !answer.value || isFile(answer.value)) return;
    const ask = askOf(size);
    checking = { ask, view };
    if (settled()) details.need(ask, view);
  }
  const resume = () => checking && check(checking.view);
  connection.live.subscribe(resume, until);
  status.subscribe(resume, until);

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
    pinned,
    pin(thing) {
      const row = thing && (isEdge(thing) ? nodes() + thing.edge : thing.node);
      see({ listed: listedWith(thing) });
      if (display.value.row !== row) frame.setDisplay({ row });
    },
    see,
    method,
    resize(size, view) {
      const now = answer.value;
      if (!now) return;
      stopChecking();
      const wanted = Math.max(1, Math.min(edgeCount(now), Math.round(size)));
      if (wanted === now.snapshot.size) {
        see({ size: null });
        return;
      }
      see({ size: wanted });
      timer = setTimeout(() => check(view), SIZE_PAUSE_MS);
    },
    keep() {
      const { size } = look.value;
      return size === null ? null : details.get(askOf(size));
    },
    edit(which, input, view) {
      isEditing = true;
      drafts = { ...drafts, [which]: input };
      ask(view);
    },
    choose(fields, view) {
      choice = { ...choice, ...fields };
      ask(view);
    },
    threshold: () => choice.threshold ?? null,
    again: ask,
    need: (wanted, view) => details.need(wanted, view),
    cancel() {
      connection.cancel();
      if (!checking || details.get(checking.ask)?.state !== "asking") return;
      stopChecking();
      see({ size: null });
    },
    giveUpEdit() {
      isEditing = false;
      if (!connection.live.value) drafts = {};
      error.set(null);
    },
    settled,
    show: (view) => frame.attend(view, connection.cancel),
  };
}

const { open, find } = storesOf("circuit-stores", createCircuitStore);

/** The store of a widget, made when its model is initialized. */
export const openCircuitStore = open;
/** The store for a view. */
export const findCircuitStore = find;
