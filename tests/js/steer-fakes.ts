/** A steering view over a host that answers from an invented text. */
import { FakeModel } from "../../js/gallery/fake-model.ts";
import { inventSteer, type SteerSpec, serveSteer, steerTrait } from "../../js/gallery/steer.ts";
import type { InterventionSpec, SteerRequest, Traits } from "../../js/src/protocol/generated.ts";
import view from "../../js/src/views/steer.ts";
import { Mounted, place, settle } from "./mounting.ts";
import "../../js/src/views/steer.css";

/** Requests that were sent. */
export function asks(model: FakeModel, action?: SteerRequest["action"]): SteerRequest[] {
  return (model.sent as unknown as SteerRequest[]).filter(
    (m) => m.type === "request" && (action === undefined || m.action === action),
  );
}

export class MountedSteer extends Mounted {
  get rows(): HTMLElement[] {
    return this.all(".xw-steer-row");
  }

  /** A control of a row, by its name. */
  control<T extends HTMLElement>(name: string, row = 0): T {
    const found = this.rows[row]?.querySelector<T>(`[aria-label="${name}"]`);
    if (!found) throw new Error(`row ${row} has no ${name}`);
    return found;
  }

  slider(row = 0): HTMLInputElement {
    return this.rows[row]?.querySelector("input[type=range]") as HTMLInputElement;
  }

  /** Move the slider; unless let go, more will follow. */
  slide(value: number, letGo: boolean, row = 0): void {
    const slider = this.slider(row);
    slider.value = String(value);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    if (letGo) slider.dispatchEvent(new Event("change", { bubbles: true }));
  }

  choose(name: string, value: string, row = 0): void {
    const select = this.control<HTMLSelectElement>(name, row);
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  fill(field: HTMLInputElement, value: string): void {
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  get outcome(): string {
    return this.find(".xw-steer-outcome > .xw-said").textContent ?? "";
  }

  /** What was asked for last. */
  get asked(): InterventionSpec[] {
    return asks(this.model, "look").at(-1)?.interventions ?? [];
  }

  written(side: 0 | 1): string {
    return this.all(".xw-steer-written")[side]?.textContent ?? "";
  }

  async drawn(): Promise<void> {
    await settle();
    await settle();
    await settle();
  }
}

export function show(
  spec: SteerSpec = {},
  traits: Partial<Traits> = {},
  options: { hold?: readonly string[]; width?: number; shadow?: boolean } = {},
): MountedSteer {
  const { root, signal, end } = place();
  const first = inventSteer(spec);
  const model = new FakeModel({ explanation: steerTrait(first), ...traits });
  serveSteer(model, first, options.hold);
  const el = document.createElement("div");
  el.style.width = `${options.width ?? 860}px`;
  if (options.shadow) {
    const host = document.createElement("div");
    root.append(host);
    host.attachShadow({ mode: "open" }).append(el);
  } else root.append(el);
  view.initialize({ model, signal });
  view.render({ model, el, signal });
  return new MountedSteer(model, el, end);
}
