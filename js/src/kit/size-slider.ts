/** A count from 1 to many on a logarithmic slider: as far from 10 to 100 as from 100 to 1,000. */
import { h, on, setAttribute, setText } from "./shared/dom.ts";

export interface SizeSliderProps {
  readonly label: string;
  /** For screen readers. */
  readonly name: string;
  readonly value: number;
  readonly most: number;
  readonly hidden: boolean;
}

/** Steps from one end to the other. */
const STEPS = 1000;
/** A key goes by at least one, a page by a quarter more. */
const KEY = 1.04;
const PAGE = 1.25;

export function sizeAt(step: number, most: number): number {
  return Math.round(Math.exp((step / STEPS) * Math.log(Math.max(1, most))));
}

export function stepOf(size: number, most: number): number {
  return most > 1 ? Math.round((Math.log(Math.max(1, size)) / Math.log(most)) * STEPS) : 0;
}

export function sizeSlider(
  root: HTMLElement,
  props: SizeSliderProps,
  callbacks: { choose(size: number): void },
  signal: AbortSignal,
) {
  const input = h("input", { class: "xw-slider", type: "range", min: 0, max: STEPS, step: 1 });
  const name = h("span", {});
  const label = h("label", { class: "xw-choice xw-slider-box" }, name, input);
  root.append(label);
  let now = props;

  const choose = (size: number) => callbacks.choose(Math.max(1, Math.min(now.most, size)));
  on(input, "input", () => choose(sizeAt(Number(input.value), now.most)), signal);
  on(
    input,
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const { value, most } = now;
      const up = (factor: number) => Math.max(value + 1, Math.round(value * factor));
      const down = (factor: number) => Math.min(value - 1, Math.round(value / factor));
      const sizes: Record<string, () => number> = {
        ArrowRight: () => up(KEY),
        ArrowUp: () => up(KEY),
        ArrowLeft: () => down(KEY),
        ArrowDown: () => down(KEY),
        PageUp: () => up(PAGE),
        PageDown: () => down(PAGE),
        Home: () => 1,
        End: () => most,
      };
      const size = sizes[event.key];
      if (!size) return;
      event.preventDefault();
      event.stopPropagation();
      choose(size());
    },
    signal,
  );

  const update = (next: SizeSliderProps) => {
    now = next;
    label.hidden = next.hidden;
    setText(name, next.label);
    setAttribute(input, "aria-label", next.name);
    setAttribute(input, "aria-valuetext", `${next.value.toLocaleString("en")} of ${next.most.toLocaleString("en")}`);
    // While it is dragged it stays where the hand is: many steps may be one size.
    if (sizeAt(Number(input.value), next.most) !== next.value) input.value = String(stepOf(next.value, next.most));
  };
  update(props);
  return { update };
}
