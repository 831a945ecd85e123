/** Numbers against a size, along a logarithmic axis: a line for each, and points to go to. */
import { h, on, setAttribute, setText } from "./shared/dom.ts";
import { s } from "./shared/svg.ts";
import { ticks } from "./shared/ticks.ts";

export interface SizeChartProps {
  /** Ascending. */
  readonly sizes: readonly number[];
  /** Two at most: the first is drawn full, the second dashed. */
  readonly lines: readonly { readonly name: string; readonly values: readonly number[] }[];
  /** The size that is shown. */
  readonly marked: number | null;
  /** What the chart shows, for readers who can't see it. */
  readonly label: string;
  readonly describe: (point: number) => string;
  readonly dim: boolean;
}

/** CSS pixels. */
const HIGH = 92;
const TOP = 24;
const FOOT = 18;
const LEFT = 40;
const RIGHT = 14;
/** Between numbers under the axis. */
const NUMBER = 44;
const DOT = 2.6;

const HELP = "Left and right go from point to point, Enter takes that size.";

export function sizeChart(
  root: HTMLElement,
  props: SizeChartProps | null,
  callbacks: { pick(size: number): void },
  signal: AbortSignal,
) {
  const svg = s("svg", { "aria-hidden": "true" });
  const help = h("span", { hidden: true, id: `xw-sizes-${Math.random().toString(36).slice(2)}` }, HELP);
  const live = h("span", { class: "xw-hidden", role: "status" });
  const ruler = h("div", {});
  const box = h(
    "div",
    {
      class: "xw-sizes",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "line chart",
      "aria-describedby": help.id,
      hidden: true,
    },
    ruler,
    svg as unknown as Node,
  );
  root.append(box, help, live);
  let now = props;
  let width = 0;
  let cursor: number | null = null;
  let hovered: number | null = null;
  let drawn = "";
  let x: (size: number) => number = () => 0;

  function draw(): void {
    if (!now || width === 0) return;
    const { sizes, lines, marked } = now;
    const key = JSON.stringify([width, sizes, lines, marked, cursor, hovered]);
    if (key === drawn) return;
    drawn = key;
    const all = lines.flatMap((line) => line.values).filter(Number.isFinite);
    const low = Math.min(0, ...all);
    const high = Math.max(1, ...all);
    const most = Math.max(2, ...sizes, marked ?? 0);
    x = (size) => LEFT + (Math.log(Math.max(1, size)) / Math.log(most)) * (width - LEFT - RIGHT);
    const bottom = TOP + HIGH;
    const y = (value: number) => bottom - ((value - low) / (high - low)) * HIGH;
    const parts: SVGElement[] = [];
    for (const at of ticks(low, high, 4)) {
      const name = at === 0 || at === 1 ? "xw-sizes-end" : "xw-sizes-grid";
      parts.push(s("line", { class: name, x1: LEFT, x2: width - RIGHT, y1: y(at), y2: y(at) }));
      const text = String(at).replaceAll("-", "−");
      parts.push(s("text", { x: LEFT - 6, y: y(at), "text-anchor": "end", "dominant-baseline": "middle" }, text));
    }
    for (let at = 1, last = Number.NEGATIVE_INFINITY; at <= most; at = nextSize(at)) {
      if (x(at) - last < NUMBER) continue;
      last = x(at);
      const anchor = width - RIGHT - last < NUMBER / 2 ? "end" : "middle";
      const shift = anchor === "end" ? RIGHT : 0;
      parts.push(s("text", { x: last + shift, y: bottom + 13, "text-anchor": anchor }, at.toLocaleString("en")));
    }
    if (marked !== null) {
      const at = Math.min(x(marked), width - RIGHT);
      parts.push(s("line", { class: "xw-sizes-marked", x1: at, x2: at, y1: TOP - 4, y2: bottom }));
    }
    let title = LEFT;
    lines.forEach(({ name, values }, n) => {
      const points = sizes.flatMap((size, i) => (Number.isFinite(values[i]) ? [[x(size), y(values[i] ?? 0), i]] : []));
      const kind = `xw-sizes-line xw-sizes-${n ? "second" : "first"}`;
      parts.push(s("polyline", { class: kind, points: points.map(([px, py]) => `${px},${py}`).join(" ") }));
      for (const [cx = 0, cy = 0, i] of points) {
        const near = i === (hovered ?? cursor);
        parts.push(
          s("circle", { class: `xw-sizes-dot xw-sizes-${n ? "second" : "first"}`, cx, cy, r: near ? 4.5 : DOT }),
        );
      }
      parts.push(s("line", { class: kind, x1: title, x2: title + 18, y1: 8, y2: 8 }));
      parts.push(s("text", { class: "xw-sizes-title", x: title + 23, y: 12 }, name));
      title += 40 + name.length * 6.4;
    });
    setAttribute(svg, "width", width);
    setAttribute(svg, "height", bottom + FOOT);
    svg.replaceChildren(...parts);
  }

  function nearest(event: MouseEvent): number | null {
    if (!now?.sizes.length) return null;
    const at = event.clientX - svg.getBoundingClientRect().left;
    const far = (i: number) => Math.abs(x(now?.sizes[i] ?? 0) - at);
    return now.sizes.reduce((best, _, i) => (far(i) < far(best) ? i : best), 0);
  }

  function pick(point: number | null): void {
    const size = point === null ? undefined : now?.sizes[point];
    if (size !== undefined) callbacks.pick(size);
  }

  function show(fields: { cursor?: number | null; hovered?: number | null }): void {
    if (fields.cursor !== undefined) cursor = fields.cursor;
    if (fields.hovered !== undefined) hovered = fields.hovered;
    setText(live, cursor !== null && now ? now.describe(cursor) : "");
    const near = hovered ?? cursor;
    setAttribute(box, "title", near !== null && now ? now.describe(near) : null);
    draw();
  }

  on(box, "pointermove", (event) => show({ hovered: nearest(event) }), signal);
  on(box, "pointerleave", () => show({ hovered: null }), signal);
  on(box, "click", (event) => pick(nearest(event)), signal);
  on(box, "blur", () => show({ cursor: null }), signal);
  on(
    box,
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !now) return;
      const { sizes, marked } = now;
      const last = sizes.length - 1;
      const start = Math.max(
        0,
        sizes.findIndex((size) => size >= (marked ?? 0)),
      );
      const to: Record<string, number> = {
        ArrowRight: cursor === null ? start : Math.min(last, cursor + 1),
        ArrowLeft: cursor === null ? start : Math.max(0, cursor - 1),
        Home: 0,
        End: last,
      };
      const next = to[event.key];
      if (next !== undefined) show({ cursor: next });
      else if (event.key === "Enter" || event.key === " ") pick(cursor);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );
  const sized = new ResizeObserver((entries) => {
    width = Math.floor(entries[0]?.contentRect.width ?? 0);
    draw();
  });
  sized.observe(ruler);
  signal.addEventListener("abort", () => sized.disconnect(), { once: true });

  const update = (next: SizeChartProps | null) => {
    now = next;
    box.hidden = !next;
    if (!next) return;
    box.toggleAttribute("data-dim", next.dim);
    setAttribute(box, "aria-label", next.label);
    if (cursor !== null && cursor >= next.sizes.length) cursor = null;
    if (hovered !== null && hovered >= next.sizes.length) hovered = null;
    draw();
  };
  update(props);
  return { update };
}

/** 1, 2, 5, 10, 20, ... */
function nextSize(size: number): number {
  const first = Number(String(size)[0]);
  return first === 1 ? 2 * size : first === 2 ? 2.5 * size : 2 * size;
}
