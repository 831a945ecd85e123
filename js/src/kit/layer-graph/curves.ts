/** The way of each edge of a layered graph, how heavy it is, and which one is near a point. Values only. */
import { type GraphNode, type Layout, type Place, portHeight } from "./layout.ts";

/** How its reader takes it in: its whole input, or as query, key or value. */
export type Port = 0 | 1 | 2 | 3;

export interface GraphEdge {
  readonly source: number;
  readonly target: number;
  readonly port: Port;
  /** Sign and strength of the ink. */
  readonly value: number;
}

/** A cubic curve: two numbers each for its start, both controls, and its end. */
export type Curve = readonly [number, number, number, number, number, number, number, number];

/** From the middle of a node to where it reads query, key and value. */
export const portStep = (place: Place, apart: boolean) => (apart ? place.width / 3 : Math.min(6, place.width / 3.2));
/** Under a node, in CSS pixels. */
const ARRIVE = 1;
const LEAST = 12;
/** Edges that go straight up pass beside what is in between. */
const STRAIGHT = 12;
const BOW = { one: 16, row: 4, most: 70 };

/** Where an edge arrives. */
export function arrival(place: Place, node: GraphNode, port: Port): { x: number; y: number } {
  const x = place.x + (port ? (port - 2) * portStep(place, node.apart) : 0);
  return { x, y: place.y + place.height / 2 + ARRIVE + (node.apart && port ? portHeight : 0) };
}

/** Null where one of its ends is not drawn. */
export function curveOf(edge: GraphEdge, nodes: readonly GraphNode[], { places }: Layout, nth: number): Curve | null {
  const [from, to] = [places[edge.source], places[edge.target]];
  const [source, target] = [nodes[edge.source], nodes[edge.target]];
  if (!from || !to || !source || !target) return null;
  const x0 = from.x;
  const y0 = from.y - from.height / 2;
  const { x: x1, y: y1 } = arrival(to, target, edge.port);
  const rise = Math.max(LEAST, 0.45 * Math.abs(y0 - y1));
  const between = Math.abs(target.row - source.row) - 1;
  const straight = Math.abs(x1 - x0) < STRAIGHT && between > 0;
  const bow = straight ? Math.min(BOW.most, BOW.one + BOW.row * between) * (nth % 2 ? 1 : -1) : 0;
  return [x0, y0, x0 + bow, y0 - rise, x1 + bow, y1 + rise, x1, y1];
}

/** CSS pixels. */
export function thickness(value: number, top: number, power = 1): number {
  return 0.7 + 4.3 * strength(value, top, power);
}

/** Ink from 0 to 1. */
export function strength(value: number, top: number, power = 1): number {
  const share = Math.abs(value) / top;
  return Number.isFinite(share) ? Math.min(1, share) ** power : 0;
}

/** Up to so many edges the root of the share is drawn, from so many on the share itself. */
const EDGES = { few: 100, many: 1000 };

/**
 * Power of the share that is drawn: among few edges one that is far stronger than all others must not leave them without ink,
 * among many the weak ones must.
 */
export function powerFor(edges: number): number {
  const along = Math.log(Math.max(1, edges) / EDGES.few) / Math.log(EDGES.many / EDGES.few);
  return 0.5 + 0.5 * Math.max(0, Math.min(1, along));
}

/** Pieces a curve is measured in. */
const PIECES = 18;

function pointAt([x0, y0, x1, y1, x2, y2, x3, y3]: Curve, t: number): [number, number] {
  const u = 1 - t;
  const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return [a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3];
}

/** How far a point is from a curve, in CSS pixels. */
export function distance(curve: Curve, x: number, y: number): number {
  let best = Number.POSITIVE_INFINITY;
  let [ax, ay] = pointAt(curve, 0);
  for (let i = 1; i <= PIECES; i++) {
    const [bx, by] = pointAt(curve, i / PIECES);
    const [dx, dy] = [bx - ax, by - ay];
    const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
    best = Math.min(best, Math.hypot(x - ax - t * dx, y - ay - t * dy));
    [ax, ay] = [bx, by];
  }
  return best;
}

/** Nothing farther is meant. */
const NEAR = 5;
const AROUND = 3;

/** The node under a point, else the nearest edge; null: none. */
export function hit(
  { places }: Layout,
  curves: readonly (Curve | null)[],
  x: number,
  y: number,
): { node: number } | { edge: number } | null {
  let node = -1;
  let least = Number.POSITIVE_INFINITY;
  places.forEach((place, i) => {
    if (!place) return;
    const [dx, dy] = [Math.abs(x - place.x), Math.abs(y - place.y)];
    if (dx > place.width / 2 + AROUND || dy > place.height / 2 + AROUND || dx + dy >= least) return;
    [node, least] = [i, dx + dy];
  });
  if (node >= 0) return { node };
  let edge = -1;
  let near = NEAR;
  curves.forEach((curve, i) => {
    if (!curve) return;
    const high = Math.max(curve[1], curve[7]) + NEAR + LEAST;
    const low = Math.min(curve[1], curve[7]) - NEAR - LEAST;
    if (y > high || y < low) return;
    const far = distance(curve, x, y);
    // Of two that are as near, the stronger one, which comes first.
    if (far < near - 0.5) [edge, near] = [i, far];
  });
  return edge < 0 ? null : { edge };
}

/** Nodes that are drawn, line by line from the bottom, each line from the left. */
export function linesOf({ places }: Layout): number[][] {
  const found = places.flatMap((place, node) => (place ? [{ node, ...place }] : []));
  found.sort((a, b) => b.y - a.y || a.x - b.x);
  const lines: { y: number; nodes: number[] }[] = [];
  for (const { node, y } of found) {
    const last = lines.at(-1);
    if (last && Math.abs(last.y - y) < 1) last.nodes.push(node);
    else lines.push({ y, nodes: [node] });
  }
  return lines.map(({ nodes }) => nodes);
}

/** The node `up` lines above and `right` places beside another; in another line the nearest one. */
export function beside(layout: Layout, node: number, right: number, up: number): number {
  const lines = linesOf(layout);
  const at = lines.findIndex((line) => line.includes(node));
  const line = lines[Math.max(0, Math.min(lines.length - 1, at + up))];
  const own = lines[at];
  if (at < 0 || !line || !own) return node;
  if (!up) return own[Math.max(0, Math.min(own.length - 1, own.indexOf(node) + right))] ?? node;
  const x = (i: number) => layout.places[i]?.x ?? 0;
  return line.reduce((best, other) => (Math.abs(x(other) - x(node)) < Math.abs(x(best) - x(node)) ? other : best));
}
