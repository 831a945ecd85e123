/** A layered graph onto a canvas: bands and their names, edges by weight and sign, nodes by shape, ports. */
import { cutTo } from "../shared/cell-text.ts";
import { visible } from "../shared/dom.ts";
import { type Inks, inked, type Rgb } from "../shared/inks.ts";
import { firstStrong } from "../shared/token-text.ts";
import { arrival, type Curve, type GraphEdge, type Port, portStep, powerFor, strength, thickness } from "./curves.ts";
import { type GraphNode, type Layout, type Place, portHeight, type Shape } from "./layout.ts";

export interface Picture {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly layout: Layout;
  /** Of each edge; null: not drawn. */
  readonly curves: readonly (Curve | null)[];
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** The value at full ink. */
  readonly top: number;
  /** What stands out: edges and nodes; null: everything does. */
  readonly bright: { readonly edges: ReadonlySet<number>; readonly nodes: ReadonlySet<number> } | null;
  readonly pinned: { readonly node?: number; readonly edge?: number } | null;
  readonly hovered: number | null;
  readonly cursor: number | null;
}

const AGAINST = [6, 3];
const LETTERS = ["", "q", "k", "v"];
const FADED = 0.16;
const WEAKEST = { least: 0.08, most: 0.4, edges: 40 };
const DOT = 1.9;

export function paint(context: CanvasRenderingContext2D, picture: Picture, inks: Inks, scale: number): void {
  const { layout, nodes, bright } = picture;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, layout.width, layout.height);
  context.lineCap = "butt";
  bands(context, picture, inks);
  // What stands out lies above the rest, the strong above the weak.
  const order = picture.curves.flatMap((curve, i) => (curve ? [i] : [])).reverse();
  // The more there are, the less ink the weak ones get.
  const weakest = Math.max(WEAKEST.least, Math.min(WEAKEST.most, WEAKEST.edges / Math.max(1, order.length)));
  const ink = { weakest, power: powerFor(order.length) };
  const above = (i: number) => !bright || bright.edges.has(i);
  for (const i of order) if (!above(i)) edgeLine(context, picture, i, inks, FADED, ink);
  for (const i of order) if (above(i)) edgeLine(context, picture, i, inks, 1, ink);
  nodes.forEach((node, i) => {
    const place = layout.places[i];
    if (!place) return;
    context.globalAlpha = !bright || bright.nodes.has(i) ? 1 : 0.4;
    nodeShape(context, node, place, inks);
    context.globalAlpha = 1;
    if (i === picture.pinned?.node) ring(context, place, inks.focus, 2, 2.5);
    else if (i === picture.hovered) ring(context, place, inks.soft, 1.5, 2.5);
    if (i === picture.cursor) ring(context, place, inks.ink, 1, 5);
  });
  if (bright) letters(context, picture, inks);
}

function font(context: CanvasRenderingContext2D, size: number): string {
  return `${size}px ${context.canvas.dataset.font ?? "monospace"}`;
}

function bands(context: CanvasRenderingContext2D, { layout, rows, columns }: Picture, inks: Inks): void {
  const { left, width, foot } = layout;
  context.font = font(context, 11);
  context.textBaseline = "middle";
  context.strokeStyle = inks.line;
  context.lineWidth = 1;
  layout.bands.forEach(({ top, bottom, empty }, row) => {
    const y = Math.round(bottom) + 0.5;
    if (row) {
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(width, y);
      context.stroke();
    }
    context.fillStyle = empty ? inked(rgb(inks.soft), 0.6) : inks.soft;
    context.textAlign = "right";
    context.direction = "ltr";
    context.fillText(rows[row] ?? "", left - 7, (top + bottom) / 2 + 0.5);
  });
  columns.forEach((name, i) => {
    const { from = 0, to = 0 } = layout.columns[i] ?? {};
    const shown = visible(name);
    context.save();
    context.fillStyle = inks.soft;
    context.direction = firstStrong(shown);
    context.translate((from + to) / 2, foot);
    if (layout.upright) context.rotate(-Math.PI / 2);
    context.textAlign = layout.upright ? "right" : "center";
    const room = layout.upright ? 60 : to - from;
    const text = cutTo(shown, room, (part) => context.measureText(part).width);
    context.fillText(text, 0, layout.upright ? 0 : 8);
    context.restore();
    if (!i) return;
    context.save();
    context.globalAlpha = 0.6;
    context.setLineDash([1, 3]);
    context.beginPath();
    context.moveTo(Math.round(from) + 0.5, 4);
    context.lineTo(Math.round(from) + 0.5, foot);
    context.stroke();
    context.restore();
  });
}

function edgeLine(
  context: CanvasRenderingContext2D,
  picture: Picture,
  i: number,
  inks: Inks,
  alpha: number,
  { weakest, power }: { readonly weakest: number; readonly power: number },
): void {
  const [edge, curve] = [picture.edges[i], picture.curves[i]];
  if (!edge || !curve) return;
  const { value, port, target } = edge;
  const pinned = i === picture.pinned?.edge;
  const wide = thickness(value, picture.top, power);
  const [x0, y0, x1, y1, x2, y2, x3, y3] = curve;
  const trace = () => {
    context.beginPath();
    context.moveTo(x0, y0);
    context.bezierCurveTo(x1, y1, x2, y2, x3, y3);
  };
  if (pinned) {
    context.strokeStyle = inks.focus;
    context.setLineDash([]);
    context.lineWidth = wide + 4;
    context.globalAlpha = 0.45;
    trace();
    context.stroke();
  }
  const colour: Rgb = value < 0 ? inks.against : inks.one;
  context.globalAlpha = alpha;
  context.strokeStyle = inked(
    colour,
    pinned || picture.bright?.edges.has(i) ? 0.95 : weakest + (0.9 - weakest) * strength(value, picture.top, power),
  );
  context.setLineDash(value < 0 ? AGAINST : []);
  context.lineWidth = wide;
  trace();
  context.stroke();
  context.setLineDash([]);
  if (port && !picture.nodes[target]?.apart) {
    context.fillStyle = inked(colour, 1);
    context.beginPath();
    context.arc(x3, y3, DOT, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
}

function nodeShape(context: CanvasRenderingContext2D, node: GraphNode, place: Place, inks: Inks): void {
  outline(context, node.shape, place);
  context.fillStyle = inks.paper;
  context.fill();
  if (!place.text) {
    context.fillStyle = inked(rgb(inks.ink), node.shape === "error" ? 0.12 : 0.5);
    context.fill();
  }
  context.strokeStyle = node.shape === "error" ? inks.soft : inks.ink;
  context.lineWidth = 1;
  if (node.shape === "error") context.setLineDash([2, 2]);
  context.stroke();
  context.setLineDash([]);
  if (place.text) {
    context.font = font(context, 10.5);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.direction = firstStrong(place.text);
    context.fillStyle = inks.ink;
    context.fillText(place.text, place.x, place.y + 0.5);
  }
  if (node.apart) ports(context, place, inks);
}

/** Three small boxes under a head, where query, key and value come in. */
function ports(context: CanvasRenderingContext2D, place: Place, inks: Inks): void {
  const step = portStep(place, true);
  context.font = font(context, 8.5);
  context.textAlign = "center";
  for (const port of [1, 2, 3] as const) {
    const x = place.x + (port - 2) * step;
    const y = place.y + place.height / 2;
    context.fillStyle = inks.paper;
    context.fillRect(x - step / 2, y, step, portHeight);
    context.strokeStyle = inks.soft;
    context.strokeRect(x - step / 2, y, step, portHeight);
    context.fillStyle = inks.ink;
    context.fillText(LETTERS[port] ?? "", x, y + portHeight / 2 + 0.5);
  }
}

/** At the ends of edges that stand out, where their reader has no ports. */
function letters(context: CanvasRenderingContext2D, picture: Picture, inks: Inks): void {
  const written = new Set<string>();
  context.font = `600 ${font(context, 10)}`;
  context.textAlign = "center";
  context.direction = "ltr";
  for (const i of picture.bright?.edges ?? []) {
    const edge = picture.edges[i];
    const place = edge && picture.layout.places[edge.target];
    const node = edge && picture.nodes[edge.target];
    if (!edge?.port || !place || !node || node.apart || !picture.curves[i]) continue;
    const key = `${edge.target}/${edge.port}`;
    if (written.has(key)) continue;
    written.add(key);
    const { x, y } = arrival(place, node, edge.port as Port);
    const at = x + (edge.port - 2) * 3.5;
    context.lineWidth = 3;
    context.strokeStyle = inks.paper;
    context.strokeText(LETTERS[edge.port] ?? "", at, y + 8);
    context.fillStyle = inks.ink;
    context.fillText(LETTERS[edge.port] ?? "", at, y + 8);
  }
}

function ring(context: CanvasRenderingContext2D, place: Place, colour: string, wide: number, around: number): void {
  context.strokeStyle = colour;
  context.lineWidth = wide;
  const { x, y, width, height } = place;
  context.beginPath();
  context.roundRect(x - width / 2 - around, y - height / 2 - around, width + 2 * around, height + 2 * around, 6);
  context.stroke();
}

function outline(context: CanvasRenderingContext2D, shape: Shape, { x, y, width, height }: Place): void {
  const [l, r, t, b] = [x - width / 2, x + width / 2, y - height / 2, y + height / 2];
  const corner = Math.min(5, width / 4);
  const polygon = (...points: [number, number][]) => {
    for (const [i, [px, py]] of points.entries()) i ? context.lineTo(px, py) : context.moveTo(px, py);
    context.closePath();
  };
  context.beginPath();
  if (shape === "mlp") context.rect(l, t, width, height);
  else if (shape === "input") polygon([l, b], [l + corner, t], [r - corner, t], [r, b]);
  else if (shape === "output") polygon([l, t], [l + corner, b], [r - corner, b], [r, t]);
  else if (shape === "error")
    polygon([l, y], [l + corner, t], [r - corner, t], [r, y], [r - corner, b], [l + corner, b]);
  else if (shape === "feature") context.roundRect(l, t, width, height, Math.min(4, height / 2.5));
  else context.roundRect(l, t, width, height, height / 2);
}

/** Of a colour that is resolved already. */
function rgb(colour: string): Rgb {
  const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return /^color\(srgb/.test(colour) ? [r * 255, g * 255, b * 255] : [r, g, b];
}
