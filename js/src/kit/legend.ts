/** What the colours mean: both ends with their values, and the unit. */
import { h, setAttribute, setText } from "./shared/dom.ts";

export interface LegendProps {
  readonly signed: boolean;
  /** Nothing is coloured. */
  readonly hidden: boolean;
  /** Values at the ends, written out; empty when there is nothing to show yet. */
  readonly low: string;
  readonly high: string;
  readonly unit: string;
  /** What the ends mean; "against" and "for", or without signs "strong", unless told. */
  readonly ends?: readonly [string, string] | undefined;
  /** Marks that are on the screen now. */
  readonly estimate: boolean;
  readonly changes: boolean;
}

export function legend(root: HTMLElement, props: LegendProps, _callbacks: object, _signal: AbortSignal) {
  const low = h("span", { class: "xw-end xw-end-low" });
  const high = h("span", { class: "xw-end" });
  const against = h("span", {});
  const forIt = h("span", {});
  const bar = h("span", { class: "xw-scale", "aria-hidden": "true" });
  const unit = h("span", { class: "xw-unit" });
  const estimate = h("span", { class: "xw-key" }, h("i", { class: "xw-key-est", "aria-hidden": "true" }), "estimate");
  const changes = h(
    "span",
    { class: "xw-key" },
    h("i", { class: "xw-key-new", "aria-hidden": "true" }),
    "new",
    h("i", { class: "xw-key-old", "aria-hidden": "true" }),
    "before",
  );
  const box = h(
    "span",
    { class: "xw-legend", role: "group", "aria-label": "legend" },
    against,
    low,
    bar,
    high,
    forIt,
    unit,
    estimate,
    changes,
  );
  root.append(box);
  const update = (next: LegendProps) => {
    box.hidden = next.hidden;
    setAttribute(bar, "data-signed", next.signed);
    against.hidden = !next.signed;
    const [below, above] = next.ends ?? ["against", "for"];
    setText(against, below);
    setText(forIt, next.signed ? above : (next.ends?.[1] ?? "strong"));
    setText(low, next.low);
    setText(high, next.high);
    setText(unit, next.unit);
    estimate.hidden = !next.estimate;
    changes.hidden = !next.changes;
  };
  update(props);
  return { update };
}
