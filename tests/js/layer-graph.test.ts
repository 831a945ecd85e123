import { describe, expect, test, vi } from "vitest";
import {
  arrival,
  beside,
  curveOf,
  distance,
  hit,
  linesOf,
  powerFor,
  thickness,
} from "../../js/src/kit/layer-graph/curves.ts";
import { type GraphNode, type LayoutSpec, layOut } from "../../js/src/kit/layer-graph/layout.ts";
import { type GraphThing, type LayerGraphProps, layerGraph } from "../../js/src/kit/layer-graph.ts";
import { place, press } from "./mounting.ts";
import "../../js/src/kit/kit.css";

const node = (fields: Partial<GraphNode>): GraphNode => ({
  label: "1.0",
  short: "0",
  shape: "head",
  row: 1,
  order: 0,
  column: -1,
  raised: false,
  apart: false,
  ...fields,
});
const NODES: readonly GraphNode[] = [
  node({ label: "embedding", row: 0, order: -1, shape: "input" }),
  node({ label: "0.0", row: 1, order: 0 }),
  node({ label: "0.1", row: 1, order: 1 }),
  node({ label: "MLP 0", row: 1, order: 2, shape: "mlp", raised: true }),
  node({ label: "1.1", row: 2, order: 1 }),
  node({ label: "logits", row: 3, order: -1, shape: "output" }),
];
const lay = (fields: Partial<LayoutSpec> = {}) =>
  layOut({ nodes: NODES, shown: () => true, rows: 4, columns: [], width: 600, ...fields });

describe("places", () => {
  test("later bands are above earlier ones, MLPs above the heads they read, heads side by side at their own place", () => {
    const { places } = lay();
    const y = places.map((p) => p?.y ?? Number.NaN);
    const x = places.map((p) => p?.x ?? Number.NaN);
    expect(y[0]).toBeGreaterThan(y[1] ?? 0);
    expect(y[1]).toBe(y[2]);
    expect(y[3]).toBeLessThan(y[2] ?? 0);
    expect(y[4]).toBeLessThan(y[3] ?? 0);
    expect(x[1]).toBeLessThan(x[2] ?? 0);
    expect(x[2]).toBe(x[4]);
  });
  test("only what is drawn has a place, and a band without any is thin", () => {
    const { places, bands, height } = lay({ shown: (i) => i !== 4 });
    expect(places[4]).toBeNull();
    expect(bands[2]?.empty).toBe(true);
    expect((bands[2]?.bottom ?? 0) - (bands[2]?.top ?? 0)).toBeLessThan(15);
    expect(height).toBeLessThan(lay().height);
  });
  test("a place stays where it is along its band, whoever else is drawn", () => {
    expect(lay({ shown: (i) => i === 2 }).places[2]?.x).toBe(lay().places[2]?.x);
  });
  test("names are inside where there is room, else short ones, else none; nodes never overlap", () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => node({ label: `10.${i}`, short: `${i}`, order: i }));
    const texts = (count: number, width: number) => {
      const { places } = layOut({ nodes: many(count), shown: () => true, rows: 2, columns: [], width });
      for (const [i, p] of places.entries()) {
        const next = places[i + 1];
        if (p && next) expect(p.x + p.width / 2).toBeLessThanOrEqual(next.x - next.width / 2);
      }
      return places[1]?.text;
    };
    expect(texts(8, 800)).toBe("10.1");
    expect(texts(12, 400)).toBe("1");
    expect(texts(32, 320)).toBe("");
  });
  test("nodes of a position stand together, more of them in a wider one, and in lines where the width runs out", () => {
    const nodes = [0, 1, 1, 1].map((column) => node({ label: "", short: "", column, order: -1 }));
    const made = layOut({ nodes, shown: () => true, rows: 2, columns: ["a", "b", "c"], width: 600 });
    const [first, second] = made.columns;
    expect(second && second.to - second.from).toBeGreaterThan(2 * ((first?.to ?? 0) - (first?.from ?? 0)));
    for (const i of [1, 2, 3]) {
      const x = made.places[i]?.x ?? 0;
      expect(x > (second?.from ?? 0) && x < (second?.to ?? 0)).toBe(true);
    }
    const crowd = Array.from({ length: 60 }, () => node({ label: "", short: "", column: 0, order: -1 }));
    const narrow = layOut({ nodes: crowd, shown: () => true, rows: 2, columns: ["a", "b"], width: 320 });
    const spots = new Set(narrow.places.map((p) => `${p?.x}/${p?.y}`));
    expect(spots.size).toBe(60);
    expect(new Set(narrow.places.map((p) => p?.y)).size).toBeGreaterThan(2);
    expect(Math.max(...narrow.places.map((p) => (p?.x ?? 0) + (p?.width ?? 0) / 2))).toBeLessThanOrEqual(320);
  });
  test("names of positions stand upright where they are wider than their place", () => {
    const nodes = [node({ column: 0 })];
    const spec = { nodes, shown: () => true, rows: 2, width: 320 };
    expect(layOut({ ...spec, columns: ["a", "b"] }).upright).toBe(false);
    expect(layOut({ ...spec, columns: Array(20).fill("capital") }).upright).toBe(true);
  });
});

describe("ways", () => {
  const layout = lay();
  const place = (i: number) => layout.places[i] as NonNullable<(typeof layout.places)[number]>;
  const edge = (source: number, target: number, port: 0 | 1 | 2 | 3 = 0) => ({ source, target, port, value: 1 });
  test("from the top of the source to the bottom of the reader: query on the left, key, value on the right", () => {
    const ends = ([1, 2, 3] as const).map((port) => arrival(place(4), NODES[4] as GraphNode, port).x);
    expect(ends[0]).toBeLessThan(ends[1] ?? 0);
    expect(ends[1]).toBe(place(4).x);
    expect(ends[1]).toBeLessThan(ends[2] ?? 0);
    const curve = curveOf(edge(2, 4, 3), NODES, layout, 0) ?? [];
    expect(curve[0]).toBe(place(2).x);
    expect(curve[1]).toBeLessThan(place(2).y);
    expect([curve[6], curve[7]]).toEqual([ends[2], place(4).y + place(4).height / 2 + 1]);
  });
  test("read apart they end at ports of their own, farther from each other and below the node", () => {
    const apart = NODES.map((n, i) => (i === 4 ? { ...n, apart: true } : n));
    const wide = lay({ nodes: apart });
    const [q, v] = ([1, 3] as const).map((port) => arrival(wide.places[4] as never, apart[4] as GraphNode, port));
    const [q0, v0] = ([1, 3] as const).map((port) => arrival(place(4), NODES[4] as GraphNode, port));
    expect((v?.x ?? 0) - (q?.x ?? 0)).toBeGreaterThan((v0?.x ?? 0) - (q0?.x ?? 0));
    expect((q?.y ?? 0) - (wide.places[4]?.y ?? 0)).toBeGreaterThan((q0?.y ?? 0) - place(4).y);
  });
  test("pass beside what stands right between their ends", () => {
    const tall = [0, 1, 2, 3].map((row) => node({ row, order: 0 }));
    const made = layOut({ nodes: tall, shown: () => true, rows: 4, columns: [], width: 400 });
    const curve = curveOf(edge(0, 3), tall, made, 0);
    const between = made.places[1];
    expect(curve && between && distance(curve, between.x, between.y)).toBeGreaterThan(6);
  });
  test("none where an end is not drawn", () => {
    expect(curveOf(edge(1, 4), NODES, lay({ shown: (i) => i !== 4 }), 0)).toBeNull();
  });
  test("are as thick as strong, and never without ink", () => {
    expect(thickness(-2, 2)).toBe(thickness(2, 2));
    expect(thickness(0.5, 2)).toBeLessThan(thickness(1, 2));
    expect(thickness(0, 2)).toBeGreaterThan(0.5);
    expect(thickness(Number.NaN, 2)).toBeGreaterThan(0.5);
  });
  test("give weak edges ink where there are few, and next to none where there are many", () => {
    const weak = (edges: number) => thickness(0.04, 1, powerFor(edges));
    expect(weak(20)).toBe(weak(100));
    expect(weak(300)).toBeLessThan(weak(100));
    expect(weak(3000)).toBe(thickness(0.04, 1));
  });
  test("a point hits the node above it, else the nearest edge, else nothing", () => {
    const curves = [curveOf(edge(0, 1), NODES, layout, 0), curveOf(edge(0, 2), NODES, layout, 1)];
    const { x, y } = place(1);
    expect(hit(layout, curves, x + 4, y)).toEqual({ node: 1 });
    const [x0 = 0, y0 = 0, , , , , x3 = 0, y3 = 0] = curves[1] ?? [];
    expect(hit(layout, curves, (x0 + x3) / 2, (y0 + y3) / 2)).toEqual({ edge: 1 });
    expect(hit(layout, curves, 5, 5)).toBeNull();
  });
  test("keys go along a line and to the nearest node of the next one, and stop at the ends", () => {
    expect(linesOf(layout)).toEqual([[0], [1, 2], [3], [4], [5]]);
    expect(beside(layout, 1, 1, 0)).toBe(2);
    expect(beside(layout, 2, 1, 0)).toBe(2);
    expect(beside(layout, 0, 0, 1)).toBe(2);
    expect(beside(layout, 5, 0, 1)).toBe(5);
    expect(beside(layout, 5, 0, -1)).toBe(4);
  });
});

const PROPS: LayerGraphProps = {
  nodes: NODES,
  edges: [
    { source: 0, target: 1, port: 1, value: 2 },
    { source: 1, target: 4, port: 3, value: -1 },
    { source: 4, target: 5, port: 0, value: 1.5 },
    { source: 0, target: 2, port: 2, value: 0.5 },
  ],
  shown: [1, 1, 1, 0],
  rows: ["embed", "0", "1", "logits"],
  columns: [],
  top: 2,
  pinned: null,
  hovered: null,
  cursor: null,
  label: "the circuit",
  describe: (i) => `node ${NODES[i]?.label}`,
};

/** A graph that keeps what it is told, as a view would. */
function mounted(fields: Partial<LayerGraphProps> = {}, theme = "light") {
  const { root, signal } = place();
  root.className = "xw";
  root.dataset.theme = theme;
  root.style.width = "620px";
  let now = { ...PROPS, ...fields };
  const told: Record<string, (GraphThing | null)[]> = { hover: [], pin: [] };
  const clear = vi.fn();
  const set = (more: Partial<LayerGraphProps>) => {
    now = { ...now, ...more };
    part.update(now);
  };
  const part = layerGraph(
    root,
    now,
    {
      hover(thing) {
        told.hover?.push(thing);
        set({ hovered: thing });
      },
      pin: (thing) => told.pin?.push(thing),
      move: (cursor) => set({ cursor }),
      clear,
    },
    signal,
  );
  const box = root.querySelector<HTMLElement>("[role=application]") as HTMLElement;
  const canvas = root.querySelector("canvas") as HTMLCanvasElement;
  const status = root.querySelector("[role=status]") as HTMLElement;
  const layout = () =>
    layOut({ nodes: now.nodes, shown: (i) => i !== 2 && i !== 3, rows: 4, columns: [], width: box.clientWidth });
  const point = (kind: string, x: number, y: number) => {
    const { left, top } = canvas.getBoundingClientRect();
    const Event = kind === "click" ? MouseEvent : PointerEvent;
    canvas.dispatchEvent(new Event(kind, { bubbles: true, clientX: left + x, clientY: top + y }));
  };
  /** [r, g, b, a] of a pixel of the drawing. */
  const pixel = (x: number, y: number) => {
    const scale = devicePixelRatio;
    return [...(canvas.getContext("2d")?.getImageData(Math.round(x * scale), Math.round(y * scale), 1, 1).data ?? [])];
  };
  const ready = () => vi.waitFor(() => expect(canvas.height).toBeGreaterThan(160));
  return { root, box, canvas, status, told, clear, set, layout, point, pixel, ready };
}

describe("the part", () => {
  test("is a graph with a name and help; its canvas says nothing by itself", async () => {
    const g = mounted();
    await g.ready();
    expect(g.box.getAttribute("aria-roledescription")).toBe("graph");
    expect(g.box.getAttribute("aria-label")).toBe("the circuit");
    const help = g.root.querySelector(`#${g.box.getAttribute("aria-describedby")}`);
    expect(help?.textContent).toMatch(/Arrow keys/);
    expect(g.canvas.getAttribute("aria-hidden")).toBe("true");
  });
  test("keys move and speak: the first comes to the logits, Enter pins, Escape clears", async () => {
    const g = mounted();
    await g.ready();
    press(g.box, "ArrowUp");
    expect(g.status.textContent).toBe("node logits");
    press(g.box, "ArrowDown");
    press(g.box, "ArrowDown");
    expect(g.status.textContent).toBe("node 0.0");
    press(g.box, "Enter");
    expect(g.told.pin).toEqual([{ node: 1 }]);
    press(g.box, "Home");
    expect(g.status.textContent).toBe("node embedding");
    press(g.box, "Escape");
    expect(g.clear).toHaveBeenCalled();
  });
  test("the first key comes to what is pinned", async () => {
    const g = mounted({ pinned: { node: 4 } });
    await g.ready();
    press(g.box, "ArrowLeft");
    expect(g.status.textContent).toBe("node 1.1");
  });
  test("a node and an edge are pointed at and clicked; beside everything a click clears", async () => {
    const g = mounted();
    await g.ready();
    const at = g.layout().places[4];
    g.point("pointermove", at?.x ?? 0, at?.y ?? 0);
    expect(g.told.hover).toEqual([{ node: 4 }]);
    g.point("pointermove", (at?.x ?? 0) + 2, at?.y ?? 0);
    expect(g.told.hover?.length).toBe(1);
    const curve = curveOf(PROPS.edges[1] as never, NODES, g.layout(), 1) ?? [];
    const [x, y] = [((curve[0] ?? 0) + (curve[6] ?? 0)) / 2, ((curve[1] ?? 0) + (curve[7] ?? 0)) / 2];
    g.point("click", x, y);
    expect(g.told.pin).toEqual([{ edge: 1 }]);
    g.point("pointerleave", 0, 0);
    expect(g.told.hover?.at(-1)).toBeNull();
    g.point("click", 3, 3);
    expect(g.clear).toHaveBeenCalledTimes(1);
  });
  test("sign is told by colour and by dashes; what is not shown has no ink", async () => {
    const g = mounted();
    await g.ready();
    const of = (i: number) => curveOf(PROPS.edges[i] as never, NODES, g.layout(), i) ?? [];
    /** Pixels along a curve: how many have ink of its colour. */
    const along = (i: number, is: (r: number, b: number) => boolean) => {
      const [x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0] = of(i);
      const found = Array.from({ length: 60 }, (_, n) => {
        const t = 0.12 + (0.76 * n) / 59;
        const u = 1 - t;
        const x = u ** 3 * x0 + 3 * u * u * t * x1 + 3 * u * t * t * x2 + t ** 3 * x3;
        const y = u ** 3 * y0 + 3 * u * u * t * y1 + 3 * u * t * t * y2 + t ** 3 * y3;
        const [r = 0, , b = 0, a = 0] = g.pixel(x, y);
        return a > 100 && is(r, b);
      });
      return found.filter(Boolean).length;
    };
    await vi.waitFor(() => expect(along(0, (r, b) => b > r + 60)).toBeGreaterThan(50));
    const dashes = along(1, (r, b) => r > b + 60);
    expect(dashes).toBeGreaterThan(15);
    expect(dashes).toBeLessThan(55);
    expect(along(1, (r, b) => b > r + 60)).toBe(0);
  });
  test("what is not a neighbour of what is pointed at fades", async () => {
    const g = mounted();
    await g.ready();
    const [x0 = 0, y0 = 0, , , , , x3 = 0, y3 = 0] = curveOf(PROPS.edges[2] as never, NODES, g.layout(), 2) ?? [];
    const alpha = () => g.pixel((x0 + x3) / 2, (y0 + y3) / 2)[3] ?? 0;
    await vi.waitFor(() => expect(alpha()).toBeGreaterThan(150));
    g.set({ hovered: { node: 1 } });
    await vi.waitFor(() => expect(alpha()).toBeLessThan(80));
    g.set({ hovered: { node: 5 } });
    await vi.waitFor(() => expect(alpha()).toBeGreaterThan(200));
  });
  test("follows the theme", async () => {
    const g = mounted({}, "dark");
    await g.ready();
    const at = g.layout().places[5];
    const inside = () => g.pixel((at?.x ?? 0) - (at?.width ?? 0) / 2 + 8, (at?.y ?? 0) - 6);
    await vi.waitFor(() => expect(inside()[3]).toBe(255));
    const dark = inside();
    g.root.dataset.theme = "light";
    await vi.waitFor(() => expect((inside()[0] ?? 0) - (dark[0] ?? 0)).toBeGreaterThan(150));
  });
  test("text that looks like markup or runs from the right is drawn, never parsed", async () => {
    const label = "<img src=x onerror=alert(1)>";
    const nodes = NODES.map((n, i) => (i === 4 ? { ...n, label } : i === 1 ? { ...n, label: "עיר בירה" } : n));
    const g = mounted({ nodes, describe: () => label });
    await g.ready();
    press(g.box, "ArrowDown");
    expect(g.status.textContent).toBe(label);
    expect(g.root.querySelector("img, script")).toBeNull();
  });
  test("two thousand edges are drawn and picked within the width there is", async () => {
    const nodes = Array.from({ length: 300 }, (_, i) => node({ row: Math.floor(i / 10), order: i % 10 }));
    const edges = Array.from({ length: 2000 }, (_, i) => {
      const source = (i * 7) % 290;
      return { source, target: Math.min(299, source + 10 + (i % 9)), port: 0 as const, value: i % 2 ? 1 : -1 };
    });
    const rows = Array.from({ length: 30 }, (_, i) => String(i));
    const g = mounted({ nodes, edges, shown: new Uint8Array(2000).fill(1), rows });
    await g.ready();
    expect(g.canvas.clientWidth).toBeLessThanOrEqual(g.box.clientWidth);
    press(g.box, "ArrowDown");
    expect(g.status.textContent).not.toBe("");
  });
});
