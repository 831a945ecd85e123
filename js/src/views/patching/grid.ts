/** The grid: layers over positions, the last layer on top, each cell with what patching it brings over. */
import { choice } from "../../kit/choice.ts";
import { type HeatMapProps, heatMap } from "../../kit/heat-map.ts";
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import { tokenName } from "../../state/attention-names.ts";
import { type Cell, isWhole, rowOf, type Shown } from "../../state/patching-picture.ts";
import type { Direction } from "../../state/patching-store.ts";
import { working } from "../shared/said.ts";
import { sentence, word } from "../shared/sentence.ts";
import type { Context, Grid, Piece, Scene } from "./scene.ts";
import { drawStripes } from "./stripes.ts";
import { cellSpoken, cellText, DIRECTIONS, exactnessText, rowName, SHOWN } from "./words.ts";

const EMPTY: Grid = { values: new Float32Array(0), tile: () => null, top: 1 };

export function patchingGrid(root: HTMLElement, context: Context, until: AbortSignal): Piece {
  const { store, view } = context;
  const bar = h("div", { class: "xw-controls" });
  const place = h("div", { class: "xw-patch-grid" });
  root.append(bar, place);
  const wayProps = ({ answer }: Scene) => ({
    label: "",
    name: "direction",
    options: DIRECTIONS,
    value: store.direction() ?? "denoise",
    hidden: !answer,
  });
  const way = choice(
    bar,
    wayProps(context.scene()),
    { choose: (value) => store.turn(value as Direction, view) },
    until,
  );
  const shownProps = ({ answer, shown }: Scene) => ({
    label: "show",
    name: "what is shown",
    options: SHOWN,
    value: shown,
    hidden: !answer || !isWhole(answer),
  });
  const shown = choice(
    bar,
    shownProps(context.scene()),
    { choose: (value) => store.see({ shown: value as Shown }) },
    until,
  );
  const exactness = h("span", { class: "xw-patch-exact" });
  const rest = wordButton("run all rows", {}, () => store.again(view), until);
  bar.append(exactness, rest);
  const say = sentence(root);
  /** In the grid's own rows. */
  let cursor: { row: number; column: number } | null = null;
  let part: ReturnType<typeof heatMap> | null = null;

  const layers = () => context.scene().answer?.exact.length ?? 0;
  const cellOf = ({ row, column }: { row: number; column: number }): Cell => ({
    layer: rowOf(layers(), row),
    position: column,
  });

  function props(scene: Scene): HeatMapProps {
    const { answer, look, pinned, pinnedPosition, hoveredPosition } = scene;
    const rows = answer?.exact.length ?? 0;
    const columns = answer?.pairs.length ?? 0;
    const { values, tile, top } = scene.grid ?? EMPTY;
    const isEstimate = (row: number) => answer?.exact[rowOf(rows, row)] !== 1;
    const alone = answer?.pairs.includes(-1) ?? false;
    return {
      rows,
      columns,
      // Layers are never pooled with each other.
      levels: 1,
      shape: "wide",
      tile,
      source: values,
      pooled: "maximum",
      top,
      signed: true,
      // Where the place is narrow there is no room for what all of them say.
      rowLabel: (row) => (answer ? rowName(answer, rowOf(rows, row)).replace(/^into /, "") : ""),
      columnLabel: (column) => (answer ? tokenName(answer.base, column) : ""),
      pinnedRows: pinned ? [rowOf(rows, pinned.layer)] : [],
      pinnedColumns: pinnedPosition === null ? [] : [pinnedPosition],
      hoveredRow: look.hovered && look.hovered.layer !== null ? rowOf(rows, look.hovered.layer) : null,
      hoveredColumn: hoveredPosition,
      cursor,
      causal: false,
      label: "what patching brings over, by layer and position",
      isGap: (row, column) => Number.isNaN(values[row * columns + column]),
      gap: alone ? "no counterpart" : "not a number",
      overlay:
        answer && scene.shown === "exact" && !isWhole(answer) ? (...to) => drawStripes(isEstimate, ...to) : undefined,
      describe: (row, column) => (answer ? cellSpoken(answer, cellOf({ row, column }), scene.shown) : ""),
    };
  }

  const redraw = () => part?.update(props(context.scene()));

  return {
    draw(scene) {
      const { answer, focus } = scene;
      way.update(wayProps(scene));
      shown.update(shownProps(scene));
      setText(exactness, answer ? exactnessText(answer) : "");
      rest.hidden = !answer || isWhole(answer) || working(store);
      place.hidden = !answer;
      place.toggleAttribute("data-dim", scene.dim);
      if (!answer) {
        say([]);
        return;
      }
      if (cursor && (cursor.column >= answer.pairs.length || cursor.row >= answer.exact.length)) cursor = null;
      part ??= heatMap(
        place,
        props(scene),
        {
          need() {},
          hover: (cell) => store.see({ hovered: cell && cellOf(cell) }),
          pin(at) {
            const cell = cellOf(at);
            const old = store.pinned();
            const same = old?.layer === cell.layer && old.position === cell.position;
            store.pin(same ? null : cell, view);
          },
          move(cell) {
            cursor = cell;
            store.see({ hovered: cellOf(cell) });
            redraw();
          },
          clear() {
            cursor = null;
            store.pin(null, view);
            store.see({ hovered: null });
            redraw();
          },
        },
        until,
      );
      part.update(props(scene));
      say(
        focus
          ? cellText(answer, focus, scene.shown)
          : [word("Point at a cell to read it, click it to see what the model says next with it patched.")],
      );
    },
  };
}
