/** Where nodes of a layered graph are drawn: a band for each layer, the first at the bottom, columns along it. Values only. */

/** Told apart without colour. */
export type Shape = "head" | "mlp" | "input" | "output" | "feature" | "error";

export interface GraphNode {
  /** Drawn inside the node where there is room, else `short`, else nothing. */
  readonly label: string;
  readonly short: string;
  readonly shape: Shape;
  /** The band, from the bottom. */
  readonly row: number;
  /** The place along the band, the same in all bands; -1: in the middle. */
  readonly order: number;
  /** A position, where the graph has them; -1: none. */
  readonly column: number;
  /** It reads others of its own band, so it stands above them. */
  readonly raised: boolean;
  /** Query, key and value are read at places of their own. */
  readonly apart: boolean;
}

/** CSS pixels; `x` and `y` of the middle. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** What is written inside. */
  readonly text: string;
}

export interface Band {
  readonly top: number;
  readonly bottom: number;
  readonly empty: boolean;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  /** Of each node; null: not drawn. */
  readonly places: readonly (Place | null)[];
  readonly bands: readonly Band[];
  /** Of each position, its edges. */
  readonly columns: readonly { readonly from: number; readonly to: number }[];
  /** Where names of positions begin. */
  readonly foot: number;
  /** Names of positions stand upright, for want of room. */
  readonly upright: boolean;
}

export interface LayoutSpec {
  readonly nodes: readonly GraphNode[];
  /** Whether a node is drawn. */
  readonly shown: (node: number) => boolean;
  readonly rows: number;
  /** Names of positions; none where nodes have no position. */
  readonly columns: readonly string[];
  readonly width: number;
}

const CHARACTER = 6.4;
/** Around the text of a node. */
const INSIDE = 10;
const NODE = 17;
const MARK = 11;
const SMALLEST = 6;
const APART = 11;
const EMPTY = 12;
const BAND = { least: 26, most: 46, all: 560 };
const TOP = 10;
const RIGHT = 8;
/** Between nodes that share a band and a position. */
const SLOT = 15;
const LINE = 16;
const UPRIGHT = 64;
const FOOT = 18;
const LEFT = { wide: 52, narrow: 47 };
/** Before the first and after the last place of a band. */
const MARGIN = 10;
const NARROW = 420;
/** Of a position where nothing is, in slots. */
const VACANT = 0.7;

export const portHeight = APART;

export function layOut(spec: LayoutSpec): Layout {
  const { nodes, shown, rows, columns, width } = spec;
  const left = width < NARROW ? LEFT.narrow : LEFT.wide;
  const plot = Math.max(40, width - left - RIGHT);
  const drawn = nodes.map((_, i) => i).filter(shown);
  const cells = new Map<string, number[]>();
  for (const i of drawn) {
    const { row = 0, column = -1 } = nodes[i] ?? {};
    if (columns.length && column >= 0) push(cells, `${row}/${column}`, i);
  }
  const spans = spansOf(columns.length, cells, left, plot);
  const line = (i: number) => {
    const node = nodes[i];
    const cell = cells.get(`${node?.row}/${node?.column}`);
    const span = node && spans.columns[node.column];
    if (!cell || !span) return { line: 0, x: null };
    const at = cell.indexOf(i);
    const per = span.per;
    const inLine = Math.min(per, cell.length - per * Math.floor(at / per));
    const x = span.from + ((at % per) + 0.5 + (span.per - inLine) / 2) * ((span.to - span.from) / span.per);
    return { line: Math.floor(at / per), x };
  };

  const occupied = new Set(drawn.map((i) => nodes[i]?.row ?? 0));
  const usual = Math.max(BAND.least, Math.min(BAND.most, BAND.all / Math.max(1, occupied.size)));
  const bands: Band[] = [];
  let y = TOP;
  for (let row = rows - 1; row >= 0; row--) {
    const mine = drawn.filter((i) => nodes[i]?.row === row);
    const lines = Math.max(0, ...mine.map((i) => line(i).line));
    const height = mine.length ? usual + lines * LINE + (mine.some((i) => nodes[i]?.apart) ? APART : 0) : EMPTY;
    bands[row] = { top: y, bottom: y + height, empty: !mine.length };
    y += height;
  }

  const lanes = Math.max(0, ...nodes.map((node) => node.order)) + 1;
  const both = new Set(drawn.filter((i) => nodes[i]?.raised).map((i) => nodes[i]?.row));
  const bare = drawn.map((i) => {
    const node = nodes[i] as GraphNode;
    const band = bands[node.row] ?? { top: 0, bottom: 0 };
    const { line: at, x } = line(i);
    const middle =
      node.order < 0 ? left + plot / 2 : left + MARGIN + ((node.order + 0.5) / lanes) * (plot - 2 * MARGIN);
    const lift = both.has(node.row) ? Math.min(16, usual * 0.42) / 2 : 0;
    const base = (band.bottom + band.top) / 2 + (node.raised ? -lift : lift);
    const lines = Math.round((band.bottom - band.top - usual) / LINE);
    const cell = x === null ? 0 : (at - lines / 2) * LINE;
    return { i, x: x ?? middle, y: base + cell };
  });
  const places: (Place | null)[] = nodes.map(() => null);
  for (const { i, x, y } of bare) {
    const node = nodes[i] as GraphNode;
    let gap = 2 * Math.min(x - left, left + plot - x) + 8;
    for (const other of bare)
      if (other.i !== i && Math.abs(other.y - y) < LINE) gap = Math.min(gap, Math.abs(other.x - x));
    places[i] = { x, y, ...sizeOf(node, gap - 3) };
  }
  const upright = columns.some((name, i) => {
    const { from, to } = spans.columns[i] ?? { from: 0, to: 0 };
    return [...name].length * CHARACTER > to - from;
  });
  const foot = y + 4;
  const height = foot + (columns.length ? (upright ? UPRIGHT : FOOT) : 4);
  return { width, height, left, places, bands, columns: spans.columns, foot, upright };
}

function sizeOf({ label, short, apart }: GraphNode, room: number): Pick<Place, "width" | "height" | "text"> {
  const wide = (text: string) => [...text].length * CHARACTER + INSIDE;
  const text = [label, short].find((one) => one !== "" && wide(one) <= Math.max(room, 0)) ?? "";
  if (text) return { width: Math.max(wide(text), apart ? 34 : 22), height: NODE, text };
  const size = Math.max(SMALLEST, Math.min(MARK, room));
  return { width: apart ? 30 : size, height: size, text: "" };
}

interface Span {
  readonly from: number;
  readonly to: number;
  /** Nodes side by side. */
  readonly per: number;
}

/** Positions share the width by how many nodes stand side by side in them; more than there is room for stand in lines. */
function spansOf(count: number, cells: Map<string, number[]>, left: number, plot: number): { columns: Span[] } {
  if (!count) return { columns: [] };
  const most = new Array<number>(count).fill(0);
  for (const [key, cell] of cells) {
    const column = Number(key.slice(key.indexOf("/") + 1));
    if (column < count) most[column] = Math.max(most[column] ?? 0, cell.length);
  }
  const capped = (cap: number) => most.map((n) => (n ? Math.min(n, cap) : VACANT));
  const sum = (of: readonly number[]) => of.reduce((a, b) => a + b, 0);
  let cap = Math.max(1, ...most);
  while (cap > 1 && sum(capped(cap)) * SLOT > plot) cap -= 1;
  const shares = capped(cap);
  const slot = plot / sum(shares);
  let from = left;
  return {
    columns: shares.map((share) => {
      const span = { from, to: from + share * slot, per: Math.max(1, Math.floor(share)) };
      from = span.to;
      return span;
    }),
  };
}

function push(into: Map<string, number[]>, key: string, value: number): void {
  const list = into.get(key);
  if (list) list.push(value);
  else into.set(key, [value]);
}
