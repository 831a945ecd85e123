/** What was added one after the other: a signed bar for each, the first at the bottom, and beside them the sum so far. */
import { h, on, setAttribute, setText } from "./shared/dom.ts";
import { s } from "./shared/svg.ts";
import { ticks } from "./shared/ticks.ts";

export interface ShareBar {
  /** Not a number: nothing is drawn. */
  readonly value: number;
  /** Bars of one group stand on one ground, under one name. */
  readonly group: string;
  /** Tells kinds of bars apart without colour. */
  readonly look: "solid" | "hollow" | "striped";
}

export interface ShareChartProps {
  readonly bars: readonly ShareBar[];
  /** Up to each bar. */
  readonly sums: readonly number[];
  /** What all should come to. */
  readonly total: number;
  /** Over the names, the bars and the sums. */
  readonly titles: readonly [names: string, bars: string, sums: string];
  readonly pinned: number | null;
  readonly hovered: number | null;
  readonly cursor: number | null;
  readonly label: string;
  readonly describe: (index: number) => string;
  readonly dim: boolean;
}

export interface ShareChartCallbacks {
  hover(index: number | null): void;
  pin(index: number): void;
  move(index: number): void;
  /** Escape. */
  clear(): void;
}

/** CSS pixels. */
const TOP = 36;
const FOOT = 6;
const LEFT = 72;
const BETWEEN = 18;
const RIGHT = 14;
/** Of one bar with its place: at least, at most, and of all together where that leaves room for the least. */
const STEP = { least: 4, most: 10, all: 440 };
/** Between names of groups, which a group of a single bar gets too, and between numbers on an axis. */
const NAME = 12;
const NUMBER = 40;

/** Where numbers are along a stretch of the drawing, zero always among them. */
interface Axis {
  readonly low: number;
  readonly high: number;
  x(value: number): number;
}

function axisOf(values: readonly number[], from: number, to: number): Axis {
  const finite = values.filter(Number.isFinite);
  const low = Math.min(0, ...finite);
  const high = Math.max(0, ...finite);
  const span = high - low || 1;
  return { low, high, x: (value) => from + ((value - low) / span) * (to - from) };
}

export function shareChart(
  root: HTMLElement,
  props: ShareChartProps,
  callbacks: ShareChartCallbacks,
  signal: AbortSignal,
) {
  const grounds = s("g", {});
  const marks = s("g", {});
  const drawing = s("g", {});
  const dot = s("circle", { class: "xw-shares-dot", r: 3.5 });
  const svg = s("svg", { "aria-hidden": "true" });
  svg.append(grounds, marks, drawing, dot);
  const help = h("span", { hidden: true, id: `xw-shares-${Math.random().toString(36).slice(2)}` });
  help.textContent =
    "Arrow keys move from part to part, Page Up and Page Down by ten, Home and End to the first and the last. Enter pins, Escape clears.";
  const live = h("span", { class: "xw-hidden", role: "status" });
  // As wide as there is room for, whatever the height: what is laid out by it can't change it.
  const ruler = h("div", {});
  const box = h(
    "div",
    {
      class: "xw-shares",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "bar chart",
      "aria-describedby": help.id,
    },
    ruler,
    svg as unknown as Node,
  );
  root.append(box, help, live);

  let now = props;
  let width = 0;
  let drawn: readonly unknown[] = [];

  let places: readonly Place[] = [];

  /** Drawn again only for other numbers or another width. */
  function drawBars(): void {
    const { bars, sums, total, titles } = now;
    if (drawn[0] === bars && drawn[1] === width && drawn[2] === total) return;
    drawn = [bars, width, total];
    const groups = groupsOf(bars);
    places = placesOf(groups);
    const bottom = Math.max(...places.map((place) => place.bottom));
    const split = LEFT + Math.max(0, width - LEFT - BETWEEN - RIGHT) * 0.62;
    const shares = axisOf(
      bars.map((bar) => bar.value),
      LEFT,
      split,
    );
    const sum = axisOf([...sums, total], split + BETWEEN, width - RIGHT);
    const lines: SVGElement[] = [];
    lines.push(s("text", { class: "xw-shares-title", x: LEFT - 10, y: 11, "text-anchor": "end" }, titles[0]));
    for (const [axis, title] of [
      [shares, titles[1]],
      [sum, titles[2]],
    ] as const) {
      const room = axis.x(axis.high) - axis.x(axis.low);
      lines.push(s("text", { class: "xw-shares-title", x: axis.x(axis.low), y: 11 }, title));
      for (const at of ticks(axis.low, axis.high, Math.max(2, Math.floor(room / NUMBER)))) {
        const x = axis.x(at);
        const name = at === 0 ? "xw-shares-zero" : "xw-shares-line";
        lines.push(s("line", { class: name, x1: x, x2: x, y1: TOP - 4, y2: bottom }));
        lines.push(s("text", { x, y: TOP - 8, "text-anchor": "middle" }, axisNumber(at)));
      }
    }
    const xTotal = sum.x(total);
    lines.push(s("line", { class: "xw-shares-total", x1: xTotal, x2: xTotal, y1: TOP - 4, y2: bottom }));
    const way = [`M${sum.x(0)} ${bottom}`];
    bars.forEach(({ value, look }, i) => {
      const y = middle(i);
      way.push(`V${y}H${sum.x(sums[i] ?? 0)}`);
      if (!value) return;
      const [x0, x1] = value < 0 ? [shares.x(value), shares.x(0)] : [shares.x(0), shares.x(value)];
      const thick = Math.max(2, stepOf(bars.length) - 1.5);
      lines.push(
        s("rect", {
          class: `xw-shares-bar xw-shares-${look} ${value < 0 ? "xw-shares-against" : ""}`,
          x: x0,
          y: y - thick / 2,
          width: Math.max(0.5, x1 - x0),
          height: thick,
        }),
      );
    });
    lines.push(s("path", { class: "xw-shares-sum", d: `${way.join("")}V${TOP}` }));
    const edges = ({ from, to }: Group) => [places[to]?.top ?? 0, places[from]?.bottom ?? 0] as const;
    grounds.replaceChildren(
      ...groups
        .filter((_, i) => i % 2)
        .map((group) => {
          const [y, end] = edges(group);
          return s("rect", { class: "xw-shares-ground", x: 0, y, width, height: end - y });
        }),
    );
    // The ends are named in any case, and none so near that it would run into them.
    const taken: number[] = [];
    const ends = groups.filter((_, i) => i === 0 || i === groups.length - 1);
    for (const group of [...ends, ...groups]) {
      const y = edges(group).reduce((a, b) => (a + b) / 2);
      if (taken.some((other) => Math.abs(other - y) < NAME)) continue;
      taken.push(y);
      lines.push(s("text", { class: "xw-shares-name", x: LEFT - 10, y: y + 4, "text-anchor": "end" }, group.name));
    }
    setAttribute(svg, "width", width);
    setAttribute(svg, "height", bottom + FOOT);
    drawing.replaceChildren(...lines);
    sumAt = (i) => sum.x(sums[i] ?? 0);
  }

  let sumAt: (index: number) => number = () => 0;
  const middle = (i: number) => ((places[i]?.top ?? 0) + (places[i]?.bottom ?? 0)) / 2;

  function drawMarks(): void {
    const { bars, pinned, hovered, cursor } = now;
    const row = (i: number, name: string) => {
      const { top = 0, bottom = 0 } = places[i] ?? {};
      // Names are left out, or the line would run through them.
      const [x, wide] = [LEFT - 6, Math.max(0, width - LEFT + 5)];
      return s("rect", { class: name, x, y: top - 0.5, width: wide, height: bottom - top + 1, rx: 2 });
    };
    const rows: SVGElement[] = [];
    const seen = (i: number | null): i is number => i !== null && i >= 0 && i < bars.length;
    if (seen(hovered)) rows.push(row(hovered, "xw-shares-hovered"));
    if (seen(cursor)) rows.push(row(cursor, "xw-shares-cursor"));
    if (seen(pinned)) rows.push(row(pinned, "xw-shares-pinned"));
    marks.replaceChildren(...rows);
    const at = hovered ?? pinned;
    dot.style.display = seen(at) ? "" : "none";
    if (!seen(at)) return;
    setAttribute(dot, "cx", sumAt(at));
    setAttribute(dot, "cy", middle(at));
  }

  function draw(): void {
    box.toggleAttribute("data-dim", now.dim);
    setAttribute(box, "aria-label", now.label);
    const { cursor } = now;
    setText(live, cursor === null ? "" : now.describe(cursor));
    if (width === 0) return;
    drawBars();
    drawMarks();
  }

  function at(event: MouseEvent): number | null {
    const y = event.clientY - svg.getBoundingClientRect().top;
    const index = places.findIndex(({ top, bottom }) => y >= top && y < bottom);
    return index < 0 ? null : index;
  }

  let over: number | null = null;
  function hover(index: number | null): void {
    if (index === over) return;
    over = index;
    callbacks.hover(index);
  }

  function go(to: number): void {
    callbacks.move(Math.max(0, Math.min(now.bars.length - 1, to)));
  }

  on(box, "pointermove", (event) => hover(at(event)), signal);
  on(box, "pointerleave", () => hover(null), signal);
  on(
    box,
    "click",
    (event) => {
      const index = at(event);
      if (index === null) return;
      callbacks.move(index);
      callbacks.pin(index);
    },
    signal,
  );
  on(
    box,
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const { cursor, bars } = now;
      // The first key brings the cursor to where something was pinned, else to the top.
      const by = (rows: number) => () => go(cursor === null ? (now.pinned ?? bars.length - 1) : cursor + rows);
      const acts: Record<string, () => void> = {
        ArrowUp: by(1),
        ArrowDown: by(-1),
        ArrowRight: by(1),
        ArrowLeft: by(-1),
        PageUp: by(10),
        PageDown: by(-10),
        Home: () => go(0),
        End: () => go(bars.length - 1),
        Enter: () => cursor !== null && callbacks.pin(cursor),
        " ": () => cursor !== null && callbacks.pin(cursor),
        Escape: () => {
          over = null;
          callbacks.clear();
        },
      };
      const act = acts[event.key];
      if (!act) return;
      act();
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

  const update = (next: ShareChartProps) => {
    now = next;
    draw();
  };
  update(props);
  return { update };
}

/** A tick: round as it is, with a true minus. */
function axisNumber(value: number): string {
  return String(value).replaceAll("-", "−");
}

/** Where a bar is, in CSS pixels. */
interface Place {
  readonly top: number;
  readonly bottom: number;
}

function stepOf(count: number): number {
  return Math.max(STEP.least, Math.min(STEP.most, STEP.all / count));
}

/** The first is at the bottom; a group of its own has room for its name. */
function placesOf(groups: readonly Group[]): Place[] {
  const count = (groups.at(-1)?.to ?? -1) + 1;
  const places: Place[] = [];
  let top = TOP;
  for (const { from, to } of [...groups].reverse()) {
    const step = Math.max(stepOf(count), from === to ? NAME : 0);
    for (let i = to; i >= from; i--, top += step) places[i] = { top, bottom: top + step };
  }
  return places;
}

interface Group {
  readonly name: string;
  from: number;
  to: number;
}

/** Neighbours of one name. */
function groupsOf(bars: readonly ShareBar[]): Group[] {
  const groups: Group[] = [];
  bars.forEach(({ group }, i) => {
    const last = groups.at(-1);
    if (last?.name === group) last.to = i;
    else groups.push({ name: group, from: i, to: i });
  });
  return groups;
}
