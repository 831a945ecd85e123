/** One or two lines over named steps, on one axis of values: which way something goes from layer to layer. */
import { h, on, setAttribute } from "./shared/dom.ts";
import { s } from "./shared/svg.ts";
import { ticks } from "./shared/ticks.ts";

export interface Curve {
  readonly name: string;
  /** Of each step; what is not a number leaves a gap. */
  readonly values: ArrayLike<number>;
  /** Tells the lines apart without colour. */
  readonly dashed: boolean;
}

export interface CurveChartProps {
  /** The steps, in order. */
  readonly names: readonly string[];
  readonly curves: readonly Curve[];
  /** Ends of the axis, widened where a value lies outside. */
  readonly range: readonly [low: number, high: number];
  readonly title: string;
  /** A step that is looked at closely. */
  readonly marked: number | null;
  /** What the chart shows, for readers who can't see it. */
  readonly label: string;
  /** Older than what is asked. */
  readonly dim: boolean;
}

export interface CurveChartCallbacks {
  hover(index: number | null): void;
  pick(index: number): void;
}

/** CSS pixels. */
const HIGH = 120;
const TOP = 24;
const FOOT = 18;
const LEFT = 52;
const RIGHT = 12;
/** Room for the name of a step under the lines. */
const NAME = 72;

export function curveChart(
  root: HTMLElement,
  props: CurveChartProps | null,
  callbacks: CurveChartCallbacks,
  signal: AbortSignal,
) {
  const svg = s("svg", { class: "xw-curve-lines", role: "img" });
  const box = h("div", { class: "xw-curve", hidden: true }, svg as unknown as Node);
  root.append(box);
  let now = props;
  let width = 0;
  let drawn = "";

  const x = (i: number, count: number) => LEFT + ((i + 0.5) / count) * (width - LEFT - RIGHT);

  function draw(): void {
    if (!now || width === 0) return;
    const { names, curves, range, title, marked, label, dim } = now;
    box.toggleAttribute("data-dim", dim);
    setAttribute(svg, "aria-label", label);
    const key = JSON.stringify([width, names, curves.map((c) => [c.name, ...Array.from(c.values)]), title, marked]);
    if (key === drawn) return;
    drawn = key;
    const finite = curves.flatMap((curve) => Array.from(curve.values)).filter(Number.isFinite);
    const low = Math.min(range[0], ...finite);
    const high = Math.max(range[1], ...finite);
    const bottom = TOP + HIGH;
    const y = (value: number) => bottom - ((value - low) / (high - low || 1)) * HIGH;
    const parts: SVGElement[] = [];
    for (const value of ticks(low, high, 4)) {
      const at = y(value);
      parts.push(s("line", { class: "xw-curve-grid", x1: LEFT, x2: width - RIGHT, y1: at, y2: at }));
      parts.push(s("text", { x: LEFT - 6, y: at, "text-anchor": "end", "dominant-baseline": "middle" }, String(value)));
    }
    parts.push(s("text", { class: "xw-curve-title", x: LEFT, y: 2, "dominant-baseline": "hanging" }, title));
    const step = (width - LEFT - RIGHT) / names.length;
    if (marked !== null) {
      const at = x(marked, names.length);
      parts.push(s("line", { class: "xw-curve-marked", x1: at, x2: at, y1: TOP, y2: bottom }));
    }
    for (const curve of curves) parts.push(...line(curve, names.length, step, y, marked));
    const every = Math.max(1, Math.ceil(NAME / step));
    const last = names.length - 1;
    for (const [i, name] of names.entries()) {
      // The last is named in any case, and none so near that it would run into it.
      if (i !== last && (i % every || (last - i) * step < 1.5 * NAME)) continue;
      const anchor = i === last && step < NAME ? "end" : "middle";
      const at = x(i, names.length) + (anchor === "end" ? step / 2 : 0);
      parts.push(s("text", { x: at, y: bottom + 13, "text-anchor": anchor }, name));
    }
    setAttribute(svg, "width", width);
    setAttribute(svg, "height", bottom + FOOT);
    svg.replaceChildren(...parts);
  }

  function line(
    { values, dashed }: Curve,
    count: number,
    step: number,
    y: (value: number) => number,
    marked: number | null,
  ): SVGElement[] {
    const parts: SVGElement[] = [];
    const kind = dashed ? "xw-curve-line xw-curve-dashed" : "xw-curve-line";
    let run: string[] = [];
    const end = () => {
      if (run.length > 1) parts.push(s("polyline", { class: kind, points: run.join(" ") }));
      run = [];
    };
    for (const [i, value] of Array.from(values).entries()) {
      if (!Number.isFinite(value)) {
        end();
        continue;
      }
      const [cx, cy] = [x(i, count), y(value)];
      run.push(`${cx},${cy}`);
      if (!dashed && (step >= 7 || i === marked))
        parts.push(s("circle", { class: "xw-curve-dot", cx, cy, r: i === marked ? 4 : 2 }));
    }
    end();
    return parts;
  }

  function at(event: MouseEvent): number | null {
    if (!now) return null;
    const within = event.clientX - svg.getBoundingClientRect().left - LEFT;
    const index = Math.floor((within / (width - LEFT - RIGHT)) * now.names.length);
    return index >= 0 && index < now.names.length ? index : null;
  }

  on(box, "pointermove", (event) => callbacks.hover(at(event)), signal);
  on(box, "pointerleave", () => callbacks.hover(null), signal);
  on(
    box,
    "click",
    (event) => {
      const index = at(event);
      if (index !== null) callbacks.pick(index);
    },
    signal,
  );
  const sized = new ResizeObserver((entries) => {
    width = Math.floor(entries[0]?.contentRect.width ?? 0);
    draw();
  });
  sized.observe(box);
  signal.addEventListener("abort", () => sized.disconnect(), { once: true });

  const update = (next: CurveChartProps | null) => {
    now = next;
    box.hidden = !next;
    draw();
  };
  update(props);
  return { update };
}
