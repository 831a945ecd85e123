/** A graph by layers on a canvas: who reads whom, how much and with which sign; a node or an edge is pointed at and pinned. */

import { beside, type Curve, curveOf, type GraphEdge, hit, linesOf } from "./layer-graph/curves.ts";
import { type GraphNode, type Layout, layOut } from "./layer-graph/layout.ts";
import { paint } from "./layer-graph/paint.ts";
import { h, on, setAttribute, setText } from "./shared/dom.ts";
import { followInks, type Inks } from "./shared/inks.ts";

export type { GraphEdge, Port } from "./layer-graph/curves.ts";
export type { GraphNode, Shape } from "./layer-graph/layout.ts";

export type GraphThing = { readonly node: number } | { readonly edge: number };

export interface LayerGraphProps {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Which edges are drawn, with their ends [edge]. */
  readonly shown: ArrayLike<number>;
  /** Names of the bands, from the bottom. */
  readonly rows: readonly string[];
  /** Names of positions; none where nodes have no position. */
  readonly columns: readonly string[];
  /** The value at full ink. */
  readonly top: number;
  readonly pinned: GraphThing | null;
  readonly hovered: GraphThing | null;
  /** The node that keys have reached. */
  readonly cursor: number | null;
  /** What the graph is, for readers who can't see it. */
  readonly label: string;
  readonly describe: (node: number) => string;
}

export interface LayerGraphCallbacks {
  /** With where it is on the screen. */
  hover(thing: GraphThing | null, at: DOMRect | null): void;
  pin(thing: GraphThing): void;
  move(node: number, at: DOMRect): void;
  /** Escape, or a click beside everything. */
  clear(): void;
}

const HELP =
  "Arrow keys move from node to node and from layer to layer, Home and End to the first and the last. Enter pins, Escape clears.";

export function layerGraph(
  root: HTMLElement,
  props: LayerGraphProps,
  callbacks: LayerGraphCallbacks,
  signal: AbortSignal,
) {
  const canvas = h("canvas", { class: "xw-graph-canvas", "aria-hidden": "true" });
  const help = h("span", { hidden: true, id: `xw-graph-${Math.random().toString(36).slice(2)}` }, HELP);
  const live = h("span", { class: "xw-hidden", role: "status" });
  // As wide as there is room for, whatever the height: what is laid out by it can't change it.
  const ruler = h("div", {});
  const box = h(
    "div",
    {
      class: "xw-graph",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "graph",
      "aria-describedby": help.id,
    },
    ruler,
    canvas,
  );
  root.append(box, help, live);

  let now = props;
  let width = 0;
  let inks: Inks | null = null;
  let frame = 0;
  let layout: Layout | null = null;
  let curves: readonly (Curve | null)[] = [];
  let laid: readonly unknown[] = [];

  /** Again only for another graph or another width. */
  function arrange(): void {
    const { nodes, edges, shown, rows, columns } = now;
    const of = [nodes, edges, shown, rows, columns, width];
    if (layout && of.every((value, i) => value === laid[i])) return;
    laid = of;
    const drawn = new Uint8Array(nodes.length);
    edges.forEach(({ source, target }, i) => {
      if (shown[i]) drawn[source] = drawn[target] = 1;
    });
    const made = layOut({ nodes, shown: (node) => drawn[node] === 1, rows: rows.length, columns, width });
    layout = made;
    curves = edges.map((edge, i) => (shown[i] ? curveOf(edge, nodes, made, i) : null));
  }

  const nodeOf = (thing: GraphThing | null) => (thing && "node" in thing ? thing.node : null);
  const edgeOf = (thing: GraphThing | null) => (thing && "edge" in thing ? thing.edge : null);

  /** What goes into and out of what is pointed at, else of what is pinned. */
  function bright() {
    const thing = now.hovered ?? (now.cursor === null ? null : { node: now.cursor }) ?? now.pinned;
    if (!thing) return null;
    const edges = new Set<number>();
    const nodes = new Set<number>();
    const [node, edge] = [nodeOf(thing), edgeOf(thing)];
    if (node !== null) nodes.add(node);
    now.edges.forEach(({ source, target }, i) => {
      if (!curves[i] || !(i === edge || source === node || target === node)) return;
      edges.add(i);
      nodes.add(source).add(target);
    });
    // What is pinned may be none of those that are drawn.
    return edges.size ? { edges, nodes } : null;
  }

  function draw(): void {
    frame = 0;
    if (!layout || !inks) return;
    const scale = devicePixelRatio || 1;
    const [wide, high] = [Math.round(layout.width * scale), Math.round(layout.height * scale)];
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    canvas.style.width = `${layout.width}px`;
    canvas.style.height = `${layout.height}px`;
    const context = canvas.getContext("2d");
    if (!context) return;
    const { nodes, edges, rows, columns, top, pinned, hovered, cursor } = now;
    const marks = { node: nodeOf(pinned) ?? -1, edge: edgeOf(pinned) ?? -1 };
    paint(
      context,
      {
        nodes,
        edges,
        layout,
        curves,
        rows,
        columns,
        top,
        bright: bright(),
        pinned: marks,
        hovered: nodeOf(hovered),
        cursor,
      },
      inks,
      scale,
    );
  }

  function redraw(): void {
    if (width === 0) return;
    arrange();
    frame ||= requestAnimationFrame(draw);
  }

  function thingAt(event: MouseEvent): GraphThing | null {
    if (!layout) return null;
    const { left, top } = canvas.getBoundingClientRect();
    return hit(layout, curves, event.clientX - left, event.clientY - top);
  }

  function placeOf(node: number): DOMRect {
    const { left, top } = canvas.getBoundingClientRect();
    const { x = 0, y = 0, width: wide = 0, height: high = 0 } = layout?.places[node] ?? {};
    return new DOMRect(left + x - wide / 2, top + y - high / 2, wide, high);
  }

  let over = "";
  function hover(thing: GraphThing | null, event: MouseEvent | null): void {
    const key = JSON.stringify(thing);
    if (key === over) return;
    over = key;
    const node = nodeOf(thing);
    const at = node !== null ? placeOf(node) : thing && event ? new DOMRect(event.clientX, event.clientY, 1, 1) : null;
    canvas.style.cursor = thing ? "pointer" : "";
    callbacks.hover(thing, at);
  }

  function go(node: number | undefined): void {
    if (node !== undefined) callbacks.move(node, placeOf(node));
  }

  on(canvas, "pointermove", (event) => hover(thingAt(event), event), signal);
  on(canvas, "pointerleave", () => hover(null, null), signal);
  on(
    canvas,
    "click",
    (event) => {
      const thing = thingAt(event);
      if (thing) callbacks.pin(thing);
      else callbacks.clear();
    },
    signal,
  );
  on(
    box,
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !layout) return;
      const lines = linesOf(layout);
      const drawn = (node: number | null) => (node !== null && layout?.places[node] ? node : null);
      const at = drawn(now.cursor);
      const start = drawn(nodeOf(now.pinned)) ?? lines.at(-1)?.[0];
      const by = (right: number, up: number) => () =>
        go(at === null || !layout ? start : beside(layout, at, right, up));
      const acts: Record<string, () => void> = {
        ArrowUp: by(0, 1),
        ArrowDown: by(0, -1),
        ArrowRight: by(1, 0),
        ArrowLeft: by(-1, 0),
        Home: () => go(lines[0]?.[0]),
        End: () => go(lines.at(-1)?.at(-1)),
        Enter: () => at !== null && callbacks.pin({ node: at }),
        " ": () => at !== null && callbacks.pin({ node: at }),
        Escape: () => {
          over = "";
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

  followInks(
    box,
    (next) => {
      inks = next;
      canvas.dataset.font = getComputedStyle(canvas).fontFamily;
      redraw();
    },
    signal,
  );
  const sized = new ResizeObserver((entries) => {
    width = Math.floor(entries[0]?.contentRect.width ?? 0);
    redraw();
  });
  sized.observe(ruler);
  signal.addEventListener(
    "abort",
    () => {
      sized.disconnect();
      cancelAnimationFrame(frame);
    },
    { once: true },
  );

  const update = (next: LayerGraphProps) => {
    now = next;
    setAttribute(box, "aria-label", next.label);
    setText(live, next.cursor === null ? "" : next.describe(next.cursor));
    redraw();
  };
  update(props);
  return { update, placeOf };
}
