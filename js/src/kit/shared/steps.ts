/** What charts over named steps (layers, streams) share: the axis of steps, lines over it, pointing and clicking. */
import { followWidth, h, on, setAttribute } from "./dom.ts";
import { s } from "./svg.ts";

export interface StepProps {
  /** The steps, in order. */
  readonly names: readonly string[];
  /** A step that is looked at closely. */
  readonly marked: number | null;
  /** What the chart shows, for readers who can't see it. */
  readonly label: string;
  /** Older than what is asked. */
  readonly dim: boolean;
}

export interface StepCallbacks {
  hover(index: number | null): void;
  pick(index: number): void;
}

/** A value for each step; what is not a number leaves a gap. `dashed`: told apart without colour. */
export interface Line {
  readonly values: ArrayLike<number>;
  readonly dashed: boolean;
  /** Where a value is, in CSS pixels from the top. */
  y(value: number): number;
}

/** The values' axis, at the left. */
export interface Axis {
  grid(y: number, text: string): void;
  title(y: number, text: string): void;
}

/** What is one chart's own. Lengths are CSS pixels. */
export interface StepChart<Props> {
  readonly name: string;
  readonly top: number;
  readonly bottom: number;
  /** Room for the numbers of the axis. */
  left(width: number): number;
  /** Drawn again when this is another. */
  drawnFrom(props: Props): unknown;
  draw(props: Props, axis: Axis): readonly Line[];
}

const FOOT = 18;
const RIGHT = 12;
/** Room for the name of a step under the lines. */
const NAME = 72;
/** Steps nearer than this have no dots. */
const DOTS = 7;

export function stepChart<Props extends StepProps>(
  root: HTMLElement,
  chart: StepChart<Props>,
  props: Props | null,
  callbacks: StepCallbacks,
  signal: AbortSignal,
) {
  const svg = s("svg", { class: "xw-steps-lines", role: "img" });
  const box = h("div", { class: `xw-steps ${chart.name}`, hidden: true }, svg as unknown as Node);
  root.append(box);
  let now = props;
  let width = 0;
  let drawn = "";

  const stepOf = (count: number) => (width - chart.left(width) - RIGHT) / count;

  function draw(): void {
    if (!now || width === 0) return;
    const { names, marked, label, dim } = now;
    box.toggleAttribute("data-dim", dim);
    setAttribute(svg, "aria-label", label);
    const key = JSON.stringify([width, names, marked, chart.drawnFrom(now)]);
    if (key === drawn) return;
    drawn = key;
    const { top, bottom } = chart;
    const left = chart.left(width);
    const step = stepOf(names.length);
    const x = (i: number) => left + (i + 0.5) * step;
    const parts: SVGElement[] = [];
    const lines = chart.draw(now, {
      grid(y, text) {
        parts.push(s("line", { class: "xw-steps-grid", x1: left, x2: width - RIGHT, y1: y, y2: y }));
        parts.push(s("text", { x: left - 6, y, "text-anchor": "end", "dominant-baseline": "middle" }, text));
      },
      title(y, text) {
        parts.push(s("text", { class: "xw-steps-title", x: left, y, "dominant-baseline": "hanging" }, text));
      },
    });
    if (marked !== null) {
      parts.push(s("line", { class: "xw-steps-marked", x1: x(marked), x2: x(marked), y1: top, y2: bottom }));
    }
    for (const { values, dashed, y } of lines) {
      const points = Array.from(values, (value, i) => (Number.isFinite(value) ? ([x(i), y(value)] as const) : null));
      const kind = dashed ? "xw-steps-line xw-steps-dashed" : "xw-steps-line";
      for (const run of runsOf(points)) parts.push(s("polyline", { class: kind, points: run.join(" ") }));
      for (const [i, point] of points.entries()) {
        if (!point || dashed || (step < DOTS && i !== marked)) continue;
        parts.push(s("circle", { class: "xw-steps-dot", cx: point[0], cy: point[1], r: i === marked ? 4 : 2 }));
      }
    }
    const every = Math.max(1, Math.ceil(NAME / step));
    const last = names.length - 1;
    for (const [i, name] of names.entries()) {
      // The last is named in any case, and none so near that it would run into it.
      if (i !== last && (i % every || (last - i) * step < 1.5 * NAME)) continue;
      const anchor = i === last && step < NAME ? "end" : "middle";
      parts.push(
        s("text", { x: x(i) + (anchor === "end" ? step / 2 : 0), y: bottom + 13, "text-anchor": anchor }, name),
      );
    }
    setAttribute(svg, "width", width);
    setAttribute(svg, "height", bottom + FOOT);
    svg.replaceChildren(...parts);
  }

  function at(event: MouseEvent): number | null {
    if (!now) return null;
    const within = event.clientX - svg.getBoundingClientRect().left - chart.left(width);
    const index = Math.floor(within / stepOf(now.names.length));
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
  followWidth(
    box,
    (next) => {
      width = next;
      draw();
    },
    signal,
  );

  const update = (next: Props | null) => {
    now = next;
    box.hidden = !next;
    draw();
  };
  update(props);
  return { update };
}

/** Neighbours that are there, as points of a line. */
function runsOf(points: readonly (readonly [number, number] | null)[]): string[][] {
  const runs: string[][] = [[]];
  for (const point of points) {
    if (point) runs.at(-1)?.push(point.join());
    else runs.push([]);
  }
  return runs.filter((run) => run.length > 1);
}
