/** Circuit views and stores over a host that answers from an invented circuit. */
import { vi } from "vitest";
import { circuitTrait, type InventedCircuit, inventCircuit, serveCircuit } from "../../js/gallery/circuit.ts";
import { FakeModel } from "../../js/gallery/fake-model.ts";
import type { CircuitRequest, Traits } from "../../js/src/protocol/generated.ts";
import { type CircuitStore, createCircuitStore } from "../../js/src/state/circuit-store.ts";
import view from "../../js/src/views/circuit.ts";
import { Mounted, place, press } from "./mounting.ts";
import "../../js/src/views/circuit.css";

export interface Setup {
  readonly model: FakeModel;
  readonly store: CircuitStore;
  readonly invented: InventedCircuit;
}

/** A store whose host answers nothing by itself. */
export function setup(invented: InventedCircuit = inventCircuit(), traits: Partial<Traits> = {}): Setup {
  const model = new FakeModel({ explanation: circuitTrait(invented.packed), ...traits });
  return { model, store: createCircuitStore(model, place().signal), invented };
}

/** Requests that were sent. */
export function asks(model: FakeModel, action?: CircuitRequest["action"]): CircuitRequest[] {
  return (model.sent as unknown as CircuitRequest[]).filter(
    (m) => m.type === "request" && (action === undefined || m.action === action),
  );
}

/** The same circuit, of another revision or with other fields. */
export function revised({ packed }: InventedCircuit, fields: object): ReturnType<typeof circuitTrait> {
  return circuitTrait({ ...packed, snapshot: packed.snapshot && { ...packed.snapshot, ...fields } });
}

export const row = (row: number): Partial<Traits> => ({ display: { row, link_id: null } });

export class MountedCircuit extends Mounted {
  readonly invented: InventedCircuit;

  constructor(invented: InventedCircuit, model: FakeModel, el: HTMLElement, end: () => void) {
    super(model, el, end);
    this.invented = invented;
  }

  get graph(): HTMLElement {
    return this.find("[role=application][aria-roledescription=graph]");
  }

  get canvas(): HTMLCanvasElement {
    return this.find(".xw-graph-canvas");
  }

  /** How the circuit stands. */
  get standing(): string {
    return this.find(".xw-circ-standing").textContent ?? "";
  }

  /** What is spoken of the node that keys have reached. */
  get spoken(): string {
    return this.find(".xw-graph ~ [role=status]").textContent ?? "";
  }

  get tip(): string {
    return this.find("[role=tooltip]").innerText;
  }

  get slider(): HTMLInputElement {
    return this.find("input[type=range]");
  }

  get sizeField(): HTMLInputElement {
    return this.find('input[aria-label="number of strongest edges, as a number"]');
  }

  /** A row of the list of the pinned node's edges. */
  get rows(): HTMLElement[] {
    return this.all("[data-edge]");
  }

  get list(): HTMLElement {
    return this.find('[aria-label="edges of the pinned node"]');
  }

  get card(): HTMLElement {
    return this.find('[aria-label="the pinned edge"]');
  }

  node(name: string): number {
    return this.invented.nodes.findIndex((n) => n.name === name);
  }

  resize(size: number): void {
    this.sizeField.value = String(size);
    this.sizeField.dispatchEvent(new Event("change", { bubbles: true }));
  }

  choose(name: string, value: string): void {
    const select = this.find<HTMLSelectElement>(`select[aria-label="${name}"]`);
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  keys(...names: string[]): void {
    this.graph.focus();
    for (const name of names) press(this.graph, name);
  }

  /** Wait until the graph has been laid out and painted. */
  async painted(): Promise<this> {
    await vi.waitFor(() => {
      if (!this.pixels().some((alpha) => alpha > 0)) throw new Error("nothing is painted");
    });
    return this;
  }

  /** Alpha of every pixel of the graph. */
  pixels(): number[] {
    const { width, height } = this.canvas;
    if (!width || !height) return [];
    const data = this.canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
    return Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 3] ?? 0);
  }
}

/** A view whose host answers at once, but for the actions on hold. */
export function show(
  invented: InventedCircuit = inventCircuit(),
  traits: Partial<Traits> = {},
  options: { hold?: readonly string[]; width?: number; shadow?: boolean } = {},
): MountedCircuit {
  const { root, signal, end } = place();
  const model = new FakeModel({ explanation: circuitTrait(invented.packed), ...traits });
  serveCircuit(model, invented, options.hold);
  const el = document.createElement("div");
  el.style.width = `${options.width ?? 860}px`;
  if (options.shadow) {
    const host = document.createElement("div");
    root.append(host);
    host.attachShadow({ mode: "open" }).append(el);
  } else root.append(el);
  view.initialize({ model, signal });
  view.render({ model, el, signal });
  return new MountedCircuit(invented, model, el, end);
}
