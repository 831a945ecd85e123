/** The chosen head as a matrix or as lines between two columns; beside it the one it is compared with, and their difference. */
import { type ArcsProps, arcs } from "../../kit/arcs.ts";
import { type HeatMapProps, heatMap } from "../../kit/heat-map.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import { firstAsk, type HeadView, lineAsk, lineOf, tileAsk, tileOf, tokenName } from "../../state/attention-picture.ts";
import type { Look } from "../../state/attention-store.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { cellText, plain, pooledText } from "./words.ts";

/** What one matrix shows: a head, or the first less the second. */
interface Shown {
  readonly title: string;
  readonly heads: readonly HeadView[];
}

interface Panel {
  readonly box: HTMLElement;
  update(shown: Shown, scene: Scene): void;
}

export function panels(root: HTMLElement, context: Context, until: AbortSignal): Piece {
  const box = h("div", { class: "xw-att-panels" });
  root.append(box);
  const matrices: Panel[] = [];
  const lines: Panel[] = [];

  function show(kept: Panel[], wanted: readonly Shown[], scene: Scene, make: typeof matrixPanel): void {
    for (const [i, shown] of wanted.entries()) {
      kept[i] ??= make(box, shown, context, until);
      kept[i].box.hidden = false;
      kept[i].update(shown, scene);
    }
    for (const panel of kept.slice(wanted.length)) panel.box.hidden = true;
  }

  return {
    draw(scene) {
      const { head, other, look, name, otherName } = scene;
      const each = [
        ...(head ? [{ title: name, heads: [head] }] : []),
        ...(head && other ? [{ title: otherName, heads: [other] }] : []),
      ];
      const less = head && other ? [{ title: `${name} less head ${otherName}`, heads: [head, other] }] : [];
      box.hidden = !head || look.reading === "text";
      box.toggleAttribute("data-dim", scene.dim);
      show(matrices, look.reading === "matrix" ? [...each, ...less] : [], scene, matrixPanel);
      show(lines, look.reading === "arcs" ? each : [], scene, arcsPanel);
    },
  };
}

function frame(root: HTMLElement): { box: HTMLElement; title: HTMLElement } {
  const title = h("h5", { class: "xw-h" });
  const box = h("div", { class: "xw-att-panel" }, title);
  root.append(box);
  return { box, title };
}

/** Changes when the numbers are others, or some may have to be asked for again. */
function keyOf({ heads }: Shown, { look, answer }: Scene, epoch: number): string {
  const { measure, pool, hideFirst } = look;
  return JSON.stringify([heads.map((v) => v.head), measure, pool, hideFirst, epoch, answer?.snapshot.revision]);
}

/** The tile of what is shown; a difference is one of means, which is the mean of differences. */
function numbers({ heads }: Shown, look: Look, context: Context) {
  const { details } = context.store;
  const [a, b] = heads;
  const kept = new WeakMap<Float32Array, Float32Array>();
  return (level: number, row: number, column: number): Float32Array | null => {
    if (!a) return null;
    if (!b) return tileOf(a, look, details, level, row, column);
    const [one, two] = [a, b].map((v) => tileOf(v, look, details, level, row, column, "mean"));
    if (!one || !two) return null;
    const done = kept.get(one) ?? one.map((value, i) => value - (two[i] ?? 0));
    kept.set(one, done);
    return done;
  };
}

/** The value of one cell if it is here, from the finest tile. */
function valueAt(shown: Shown, look: Look, context: Context, row: number, column: number): number | null {
  const [a] = shown.heads;
  const tile = a && numbers(shown, look, context)(0, row >> 8, column >> 8);
  if (!tile) return null;
  const width = Math.min(256, a.columns - (column >> 8) * 256);
  return tile[(row & 255) * width + (column & 255)] ?? null;
}

function matrixPanel(root: HTMLElement, first: Shown, context: Context, until: AbortSignal): Panel {
  const { store, need } = context;
  const { box, title } = frame(root);
  let shown = first;
  let source: object = {};
  let tile: HeatMapProps["tile"] = () => null;
  let from = "";
  let cursor: { row: number; column: number } | null = null;

  function props(scene: Scene): HeatMapProps {
    const { look, head, top, queries, keys } = scene;
    const view = shown.heads[0] ?? head;
    const difference = shown.heads.length > 1;
    const next = keyOf(shown, scene, store.details.epoch.value);
    if (next !== from) {
      source = {};
      tile = numbers(shown, look, context);
    }
    from = next;
    const named = (row: number, column: number) =>
      view ? plain(cellText(view, row, column, valueAt(shown, look, context, row, column))) : "";
    return {
      rows: view?.rows ?? 0,
      columns: view?.columns ?? 0,
      levels: view?.levels ?? 1,
      tile,
      source,
      pooled: difference ? "mean" : pooledText(look),
      top,
      signed: difference,
      rowLabel: (row) => (view ? tokenName(view.looks, row) : ""),
      columnLabel: (column) => (view ? tokenName(view.seen, column) : ""),
      lastColumn: view && view.columns > view.place.of.n_key ? "rest" : undefined,
      pinnedRows: queries,
      pinnedColumns: keys,
      hoveredRow: look.hovered.query,
      hoveredColumn: look.hovered.key,
      cursor,
      causal: view?.place.of.causal ?? false,
      label: `attention of head ${shown.title}: rows look at columns`,
      describe: named,
    };
  }

  const redraw = () => map.update(props(context.scene()));
  const map = heatMap(
    box,
    props(context.scene()),
    {
      need(level, row, column) {
        const { look } = context.scene();
        const pool = shown.heads.length > 1 ? "mean" : look.pool;
        for (const view of shown.heads) {
          need(tileAsk(view.place, look.measure, pool, level, row, column));
          if (view.renormalised) need(firstAsk(view));
        }
      },
      hover: (cell) => store.see({ hovered: { query: cell?.row ?? null, key: cell?.column ?? null } }),
      pin(cell) {
        const { pair } = context.scene();
        const same = pair?.query === cell.row && pair.key === cell.column;
        store.pin(same ? [] : [cell.row], context.view);
        store.see({ keys: same ? [] : [cell.column] });
      },
      move(cell) {
        cursor = cell;
        store.see({ hovered: { query: cell.row, key: cell.column } });
        redraw();
      },
      clear() {
        cursor = null;
        context.clear();
        redraw();
      },
    },
    until,
  );
  return {
    box,
    update(next, scene) {
      shown = next;
      setText(title, next.heads.length > 1 || scene.other ? `head ${next.title}` : "");
      title.hidden = title.textContent === "";
      map.update(props(scene));
    },
  };
}

function arcsPanel(root: HTMLElement, first: Shown, context: Context, until: AbortSignal): Panel {
  const { store, need } = context;
  const { box, title } = frame(root);
  let shown = first;
  let left: readonly string[] = [];
  let right: readonly string[] = [];
  let names: unknown = null;
  let rows: (i: number) => Float32Array | null = () => null;
  let from = "";

  function props(scene: Scene): ArcsProps {
    const { look, peak, top, queries, keys } = scene;
    const [view] = shown.heads;
    const sides = view && `${view.head} ${view.columns} ${scene.answer?.snapshot.revision}`;
    if (view && names !== sides) {
      names = sides;
      left = view.looks.tokens.text.map((_, i) => tokenName(view.looks, i));
      right = Array.from({ length: view.columns }, (_, i) => tokenName(view.seen, i));
    }
    const next = keyOf(shown, scene, store.details.epoch.value);
    if (next !== from && view) rows = (i) => lineOf(view, look, store.details, "query", i)?.values ?? null;
    from = next;
    const { query, key } = look.hovered;
    const place = (side: "left" | "right") => (index: number) => ({ side, index });
    return {
      left,
      right,
      rows,
      threshold: look.threshold * peak,
      pinned: [...queries.map(place("left")), ...keys.map(place("right"))],
      hovered: query !== null ? place("left")(query) : key !== null ? place("right")(key) : null,
      top,
      describe: (side: "left" | "right", i: number) =>
        view ? `${tokenName(side === "left" ? view.looks : view.seen, i)}, position ${i}` : "",
    };
  }

  const toggled = (list: readonly number[], i: number) =>
    list.includes(i) ? list.filter((p) => p !== i) : [...list, i];
  const part = arcs(
    box,
    props(context.scene()),
    {
      hover(side, i) {
        store.see({
          axis: side === "left" ? "query" : "key",
          hovered: { query: side === "left" ? i : null, key: side === "right" ? i : null },
        });
      },
      pin(side, i) {
        if (side === "left") store.pin(toggled(store.queries(), i), context.view);
        else store.see({ keys: toggled(store.look.value.keys, i) });
      },
      need(row) {
        const { look } = context.scene();
        const [view] = shown.heads;
        // Where one tile holds everything, it is on its way.
        if (!view || view.levels === 1) return;
        need(lineAsk(view.place, look.measure, "query", row));
        if (view.renormalised) need(firstAsk(view));
      },
      clear: context.clear,
    },
    until,
  );
  return {
    box,
    update(next, scene) {
      shown = next;
      setText(title, scene.other ? `head ${next.title}` : "");
      title.hidden = title.textContent === "";
      part.update(props(scene));
    },
  };
}
