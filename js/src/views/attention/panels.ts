/** The chosen head as a matrix or as lines between two columns; beside it the one it is compared with, and their difference. */
import { type ArcsProps, arcs } from "../../kit/arcs.ts";
import { type HeatMapProps, heatMap } from "../../kit/heat-map.ts";
import { notice } from "../../kit/notice.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import { tokenName } from "../../state/attention-names.ts";
import { firstAsk, type HeadView, lineAsk, lineOf, tileAsk, tileOf } from "../../state/attention-picture.ts";
import type { Axis, Look } from "../../state/attention-store.ts";
import { detailNotice } from "../shared/said.ts";
import { plain, sentence, word } from "../shared/sentence.ts";
import { type Context, isShown, type Piece, type Scene } from "./scene.ts";
import { apartText, cellText, greyText, pooledText } from "./words.ts";

/** What one matrix shows: a head, or the first less the second. */
interface Shown {
  readonly title: string;
  readonly heads: readonly HeadView[];
  /** Its positions are those of the second head. */
  readonly second?: boolean;
}

interface Panel {
  readonly box: HTMLElement;
  update(shown: Shown, scene: Scene): void;
}

export function panels(root: HTMLElement, context: Context, until: AbortSignal): Piece {
  const box = h("div", { class: "xw-att-panels" });
  const apart = h("p", { class: "xw-soft" });
  root.append(box, apart);
  const trouble = notice(root, { notice: null }, { act: () => context.store.details.again() }, until);
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
      const { head, other, look, name, otherName, comparable } = scene;
      const each = [
        ...(head ? [{ title: name, heads: [head] }] : []),
        ...(head && other ? [{ title: otherName, heads: [other], second: true }] : []),
      ];
      const less =
        head && other && comparable ? [{ title: `${name} less head ${otherName}`, heads: [head, other] }] : [];
      box.hidden = !head || look.reading === "text";
      box.toggleAttribute("data-dim", scene.dim);
      setText(apart, head && other ? apartText(head, other, name, otherName, comparable) : "");
      apart.hidden = apart.textContent === "";
      trouble.update({ notice: detailNotice(context.store.details.trouble(isShown(scene))) });
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

/** Positions of the first head in the one shown, those that are there. */
function acrossTo(shown: Shown, { link }: Scene, list: readonly number[], axis: Axis): number[] {
  return shown.second && link ? list.map(link.there[axis]).filter((i) => i !== null) : [...list];
}

function backTo(shown: Shown, { link }: Scene, axis: Axis, position: number): number | null {
  return shown.second && link ? link.back[axis](position) : position;
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

  /** A cell of the first head here, and back. */
  const there = (scene: Scene, list: readonly number[], axis: Axis) => acrossTo(shown, scene, list, axis);
  const back = (axis: Axis, i: number | undefined) =>
    i === undefined ? null : backTo(shown, context.scene(), axis, i);

  function props(scene: Scene): HeatMapProps {
    const { look, head, top, queries, keys } = scene;
    const { query, key } = look.hovered;
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
      lastColumn: view?.rest ? "rest" : undefined,
      pinnedRows: there(scene, queries, "query"),
      pinnedColumns: there(scene, keys, "key"),
      hoveredRow: query === null ? null : (there(scene, [query], "query")[0] ?? null),
      hoveredColumn: key === null ? null : (there(scene, [key], "key")[0] ?? null),
      cursor,
      grey: greyText(store.details.trouble(isShown(scene)), store.connection.kernel.value === "gone"),
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
      hover(cell) {
        say(cell);
        store.see({ hovered: { query: back("query", cell?.row), key: back("key", cell?.column) } });
      },
      pin(cell) {
        const { pair } = context.scene();
        const [query, key] = [back("query", cell.row), back("key", cell.column)];
        const same = pair?.query === query && pair.key === key;
        store.pin(same || query === null ? [] : [query], context.view);
        store.see({ keys: same || key === null ? [] : [key] });
      },
      move(cell) {
        cursor = cell;
        say(cell);
        store.see({ hovered: { query: back("query", cell.row), key: back("key", cell.column) } });
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
  const own = sentence(box);
  own([]);
  /** Where its text is another, the sentence under the text is not about it. */
  function say(cell: { row: number; column: number } | null): void {
    const scene = context.scene();
    const [view] = shown.heads;
    const apart = shown.second && !scene.comparable && view;
    const value = cell && valueAt(shown, scene.look, context, cell.row, cell.column);
    own(apart ? (cell ? cellText(view, cell.row, cell.column, value) : [word(" ")]) : []);
  }
  return {
    box,
    update(next, scene) {
      if (next.heads[0]?.head !== shown.heads[0]?.head) cursor = null;
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
    const atLeft = (list: readonly number[]) => acrossTo(shown, scene, list, "query").map(place("left"));
    const atRight = (list: readonly number[]) => acrossTo(shown, scene, list, "key").map(place("right"));
    return {
      left,
      right,
      rows,
      threshold: look.threshold * peak,
      pinned: [...atLeft(queries), ...atRight(keys)],
      hovered: (query !== null ? atLeft([query])[0] : key !== null ? atRight([key])[0] : null) ?? null,
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
      hover(side, at) {
        const i = at === null ? null : backTo(shown, context.scene(), side === "left" ? "query" : "key", at);
        store.see({
          axis: side === "left" ? "query" : "key",
          hovered: { query: side === "left" ? i : null, key: side === "right" ? i : null },
        });
      },
      pin(side, at) {
        const i = backTo(shown, context.scene(), side === "left" ? "query" : "key", at);
        if (i === null) return;
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
