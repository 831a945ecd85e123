/** States of one kind of view, one under the other. */
import type { Packed, Status, Traits } from "../src/protocol/generated.ts";
import type { Model } from "../src/state/host.ts";
import { FakeModel, IDLE } from "./fake-model.ts";

/** What `invent` gives for it, what Python has set, the requests that get no answer, and what is done once it is there. */
export interface State<Invented> {
  readonly make: () => Invented;
  readonly traits?: Partial<Traits> | ((invented: Invented) => Partial<Traits>);
  readonly hold?: readonly string[];
  /** Only by itself: it takes a second to invent. */
  readonly slow?: boolean;
  after?(model: FakeModel, el: HTMLElement): void;
}

/** A kind of view and how its host is made. */
export interface Stage<Invented> {
  readonly kind: string;
  readonly view: View;
  trait(invented: Invented): Packed;
  serve(model: FakeModel, invented: Invented, hold?: readonly string[]): void;
}

interface View {
  initialize(props: { model: Model; signal: AbortSignal }): unknown;
  render(props: { model: Model; el: HTMLElement; signal: AbortSignal }): unknown;
}

/** Where states are shown, and which: `?only=KIND` shows all of a kind, `?only=KIND-NAME` one. */
export interface Hall {
  readonly main: HTMLElement;
  readonly only: string | null;
  readonly width: string | null;
  readonly until: AbortSignal;
}

export const RUNNING = { status: { ...IDLE, state: "running" } } as const satisfies Partial<Traits>;
export const SAVED = { status: { ...IDLE, state: "static" } } as const satisfies Partial<Traits>;
/** Before the first picture. */
export const FIRST = { explanation: { snapshot: null, buffers: [] }, ...RUNNING } as const satisfies Partial<Traits>;

export const failed = (error: NonNullable<Status["error"]>): Partial<Traits> => ({
  status: { ...IDLE, state: "error", error },
});

export const TOO_LONG = failed({
  code: "too_long",
  problem: "The text has 9,120 tokens; the model's context is 8,192.",
  given: "9,120 tokens",
  accepted: "at most 8,192",
  hint: "shorten the text, or give its last part",
});

/** A row (of heads, streams, parts, whatever the view counts), and a position. */
export const row = (row: number): Partial<Traits> => ({ display: { row, link_id: null } });
export const positions = (...pos: number[]): Partial<Traits> => ({ selection: { pos, target: [], source: "python" } });

/** A place with a heading for one state. */
export function placeFor(title: string, { main, width }: Hall): HTMLElement {
  const section = document.createElement("section");
  const heading = document.createElement("h2");
  heading.textContent = title;
  const el = document.createElement("div");
  if (width) el.style.width = `${width}px`;
  section.append(heading, el);
  main.append(section);
  return el;
}

/** Shows the states of one kind of view that are wanted. */
export function showing<Invented>(stage: Stage<Invented>, states: Readonly<Record<string, State<Invented>>>) {
  const { kind, view, trait, serve } = stage;
  return (hall: Hall): void => {
    const { only, until } = hall;
    for (const [name, { make, traits = {}, hold, slow, after }] of Object.entries(states)) {
      const title = `${kind}-${name}`;
      const isWanted = only === title || (!slow && (only === null || only === kind));
      if (!isWanted) continue;
      const el = placeFor(title, hall);
      const invented = make();
      const given = typeof traits === "function" ? traits(invented) : traits;
      const model = new FakeModel({ explanation: trait(invented), ...given });
      serve(model, invented, hold);
      view.initialize({ model, signal: until });
      view.render({ model, el, signal: until });
      after?.(model, el);
    }
  };
}
