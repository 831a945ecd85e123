/** The way of one token through the streams: its rank (1 on top, by powers of ten) and its probability, one above the other. */
import { h, on, setAttribute } from "./shared/dom.ts";
import { s } from "./shared/svg.ts";

export interface TraceChartProps {
  /** The streams, in order. */
  readonly names: readonly string[];
  /** 1 is the first. */
  readonly rank: ArrayLike<number>;
  readonly prob: ArrayLike<number>;
  /** A stream that is looked at closely. */
  readonly marked: number | null;
  /** What the chart shows, for readers who can't see it. */
  readonly label: string;
  /** Older than what is asked. */
  readonly dim: boolean;
}

export interface TraceChartCallbacks {
  hover(index: number | null): void;
  pick(index: number): void;
}

/** CSS pixels. */
const HIGH = 74;
const BETWEEN = 30;
const TOP = 22;
const FOOT = 18;
const RIGHT = 12;
/** Room for the name of a stream under the lines. */
const NAME = 72;

/** The power of ten that no rank passes, at least 10. */
export function worstRank(rank: ArrayLike<number>): number {
  return 10 ** Math.max(1, Math.ceil(Math.log10(Math.max(...Array.from(rank)))));
}

/** The first of 1, 0.5, 0.2, 0.1, 0.05, ... that is just above all. */
export function roundTop(prob: ArrayLike<number>): number {
  const most = Math.max(...Array.from(prob));
  let top = 1;
  for (let ten = 1; ten > 1e-6; ten /= 10) {
    for (const part of [ten, ten / 2, ten / 5]) if (part >= most) top = part;
  }
  return top;
}

export function traceChart(
  root: HTMLElement,
  props: TraceChartProps | null,
  callbacks: TraceChartCallbacks,
  signal: AbortSignal,
) {
  const svg = s("svg", { class: "xw-trace-lines", role: "img" });
  const box = h("div", { class: "xw-trace", hidden: true }, svg as unknown as Node);
  root.append(box);
  let now = props;
  let width = 0;
  let left = 84;
  let drawn = "";

  const x = (i: number, count: number) => left + ((i + 0.5) / count) * (width - left - RIGHT);
  const second = TOP + HIGH + BETWEEN;

  function draw(): void {
    if (!now || width === 0) return;
    const { names, rank, prob, marked, label, dim } = now;
    box.toggleAttribute("data-dim", dim);
    setAttribute(svg, "aria-label", label);
    const key = JSON.stringify([width, names, Array.from(rank), Array.from(prob), marked]);
    if (key === drawn) return;
    drawn = key;
    left = width < 420 ? 52 : 84;
    const count = names.length;
    const bottom = second + HIGH;
    const worst = worstRank(rank);
    const top = roundTop(prob);
    const yRank = (value: number) => TOP + (Math.log10(value) / Math.log10(worst)) * HIGH;
    const yProb = (value: number) => bottom - (value / top) * HIGH;
    const parts: SVGElement[] = [];
    const grid = (y: number, text: string) => {
      parts.push(s("line", { class: "xw-trace-grid", x1: left, x2: width - RIGHT, y1: y, y2: y }));
      parts.push(s("text", { x: left - 6, y, "text-anchor": "end", "dominant-baseline": "middle" }, text));
    };
    for (let ten = 1; ten <= worst; ten *= worst > 1000 ? 100 : 10) grid(yRank(ten), ten.toLocaleString("en"));
    for (const value of [0, top]) grid(yProb(value), String(value));
    parts.push(s("text", { class: "xw-trace-title", x: left, y: 2, "dominant-baseline": "hanging" }, "rank"));
    const title = { class: "xw-trace-title", x: left, y: second - 20, "dominant-baseline": "hanging" };
    parts.push(s("text", title, "probability"));
    if (marked !== null) {
      const at = x(marked, count);
      parts.push(s("line", { class: "xw-trace-marked", x1: at, x2: at, y1: TOP, y2: bottom }));
    }
    const step = (width - left - RIGHT) / count;
    for (const [values, y] of [
      [rank, yRank],
      [prob, yProb],
    ] as const) {
      const points = Array.from(values, (value, i) => [x(i, count), y(value)] as const);
      parts.push(s("polyline", { class: "xw-trace-line", points: points.map((p) => p.join()).join(" ") }));
      for (const [i, [cx, cy]] of points.entries()) {
        if (step >= 7 || i === marked)
          parts.push(s("circle", { class: "xw-trace-dot", cx, cy, r: i === marked ? 4 : 2 }));
      }
    }
    const every = Math.max(1, Math.ceil(NAME / step));
    for (const [i, name] of names.entries()) {
      // The last is named in any case, and none so near that it would run into it.
      if (i !== count - 1 && (i % every || (count - 1 - i) * step < 1.5 * NAME)) continue;
      const anchor = i === count - 1 && step < NAME ? "end" : "middle";
      parts.push(
        s("text", { x: x(i, count) + (anchor === "end" ? step / 2 : 0), y: bottom + 13, "text-anchor": anchor }, name),
      );
    }
    setAttribute(svg, "width", width);
    setAttribute(svg, "height", bottom + FOOT);
    svg.replaceChildren(...parts);
  }

  function at(event: MouseEvent): number | null {
    if (!now) return null;
    const within = event.clientX - svg.getBoundingClientRect().left - left;
    const index = Math.floor((within / (width - left - RIGHT)) * now.names.length);
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

  const update = (next: TraceChartProps | null) => {
    now = next;
    box.hidden = !next;
    draw();
  };
  update(props);
  return { update };
}
