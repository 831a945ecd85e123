/** Layers beside layers: the last of the first model on top, so that the same place in both runs up to the right. */
import { type Cell, type HeatMapProps, heatMap } from "../../kit/heat-map.ts";
import { rowChooser } from "../../kit/row-chooser.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import type { Estimate, Pair } from "../../state/cka-picture.ts";
import { plain, sentence, word } from "../shared/sentence.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { ESTIMATES, modelNames, pairText } from "./words.ts";

/** A layer by its number: beside a matrix there is no room for more. */
const short = (name = "") => name.replace(/^layer /, "").replace("embedding", "embed");

const ORDER: readonly Estimate[] = ["debiased", "plain"];

export function layerMatrix(root: HTMLElement, { store, scene: now }: Context, until: AbortSignal): Piece {
  const bar = h("div", { class: "xw-controls" });
  const axes = h("span", { class: "xw-soft" });
  root.append(bar);
  const chooser = rowChooser(bar, null, { choose: (row) => store.estimate.set(ORDER[row ?? 0] ?? "debiased") }, until);
  bar.append(axes);
  const place = h("div", { class: "xw-cka-matrix" });
  root.append(place);
  const say = sentence(root);
  let part: ReturnType<typeof heatMap> | null = null;
  let cursor: Cell | null = null;

  const rows = () => now().answer?.snapshot.rows.length ?? 0;
  const flip = (row: number) => rows() - 1 - row;
  const pairOf = ({ row, column }: Cell): Pair => ({ row: flip(row), column });

  function props({ answer, layout, estimate, pinned, hovered }: Scene): HeatMapProps | null {
    if (!answer || !layout) return null;
    const { rows: names, columns } = answer.snapshot;
    return {
      rows: names.length,
      columns: columns.length,
      levels: 1,
      tile: layout.tile,
      source: layout.cells,
      pooled: "maximum",
      top: 1,
      signed: true,
      rowLabel: (row) => short(names[flip(row)]),
      columnLabel: (column) => short(columns[column]),
      namedTicks: true,
      pinnedRows: pinned ? [flip(pinned.row)] : [],
      pinnedColumns: pinned ? [pinned.column] : [],
      hoveredRow: hovered ? flip(hovered.row) : null,
      hoveredColumn: hovered?.column ?? null,
      cursor,
      causal: false,
      label: `${ESTIMATES[estimate]} CKA, layers by layers`,
      isGap: (row, column) => Number.isNaN(layout.cells[row * columns.length + column]),
      gap: "a stream that is the same at all samples",
      describe: (row, column) => plain(pairText(answer, pairOf({ row, column }))),
    };
  }

  function redraw(): void {
    const next = props(now());
    if (next) part?.update(next);
  }

  const callbacks = {
    need() {},
    hover: (cell: Cell | null) => store.hover(cell && pairOf(cell)),
    pin(cell: Cell) {
      const pair = pairOf(cell);
      const old = store.pinned();
      store.pin(old?.row === pair.row && old.column === pair.column ? null : pair);
    },
    move(cell: Cell) {
      cursor = cell;
      store.hover(pairOf(cell));
      redraw();
    },
    clear() {
      cursor = null;
      store.pin(null);
      store.hover(null);
      redraw();
    },
  };

  return {
    draw(scene) {
      const { answer, focus, dim, estimate } = scene;
      bar.hidden = place.hidden = !answer;
      place.toggleAttribute("data-dim", dim);
      if (!answer) {
        say([]);
        return;
      }
      chooser.update({ axis: "CKA", labels: ORDER.map((e) => ESTIMATES[e]), sum: false, row: ORDER.indexOf(estimate) });
      const [first, second] = modelNames(answer);
      const both = `rows: layers of ${first}, columns: layers of ${second}`;
      setText(axes, answer.snapshot.one ? "rows and columns: layers" : both);
      if (cursor && (cursor.row >= rows() || cursor.column >= answer.snapshot.columns.length)) cursor = null;
      const next = props(scene);
      if (next && part) part.update(next);
      else if (next) part = heatMap(place, next, callbacks, until);
      say(focus ? pairText(answer, focus) : [word("Point at a cell to read it, click it to keep it.")]);
    },
  };
}
