/** The grid: layers over positions or heads, the last layer on top, each cell with what patching it brings over. */
import { choice } from "../../kit/choice.ts";
import { type HeatMapProps, heatMap } from "../../kit/heat-map.ts";
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import { type Cell, isAblation, isWhole, ofHeads, rowOf, type Shown } from "../../state/patching-picture.ts";
import type { Direction, Part } from "../../state/patching-store.ts";
import { working } from "../shared/said.ts";
import { sentence, word } from "../shared/sentence.ts";
import { columnLabel, gridName, PARTS } from "./parts.ts";
import type { Context, Grid, Piece, Scene } from "./scene.ts";
import { drawStripes } from "./stripes.ts";
import { cellSpoken, cellText, directions, exactnessText, rowName, SHOWN, windowText } from "./words.ts";

const EMPTY: Grid = { values: new Float32Array(0), tile: () => null, top: 1, gap: "" };

export function patchingGrid(root: HTMLElement, context: Context, until: AbortSignal): Piece {
  const { store, view } = context;
  const bar = h("div", { class: "xw-controls" });
  const place = h("div", { class: "xw-patch-grid" });
  root.append(bar, place);
  const wayProps = ({ answer }: Scene) => ({
    label: "",
    name: "direction",
    options: directions(answer?.snapshot.against ?? "prompt"),
    value: store.direction() ?? "denoise",
    hidden: !answer || isAblation(answer),
  });
  const way = choice(
    bar,
    wayProps(context.scene()),
    { choose: (value) => store.turn(value as Direction, view) },
    until,
  );
  const whatProps = ({ answer }: Scene) => ({
    label: "",
    name: "what is exchanged",
    options: PARTS,
    value: store.part() ?? "resid",
    hidden: !answer,
  });
  const what = choice(
    bar,
    whatProps(context.scene()),
    { choose: (value) => store.exchange(value as Part, view) },
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
  let map: ReturnType<typeof heatMap> | null = null;
  let heads = false;

  const layers = () => context.scene().answer?.exact.length ?? 0;
  const cellOf = ({ row, column }: { row: number; column: number }): Cell => ({
    layer: rowOf(layers(), row),
    column,
  });

  function props(scene: Scene): HeatMapProps {
    const { answer, look, pinned, pinnedPosition } = scene;
    const rows = answer?.exact.length ?? 0;
    const columns = answer?.width ?? 0;
    const { values, tile, top, gap } = scene.grid ?? EMPTY;
    const isEstimate = (row: number) => answer?.exact[rowOf(rows, row)] !== 1;
    const hovered = look.hovered?.layer === null && answer && ofHeads(answer) ? null : look.hovered;
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
      columnLabel: (column) => (answer ? columnLabel(answer, column) : ""),
      pinnedRows: pinned ? [rowOf(rows, pinned.layer)] : [],
      pinnedColumns: [pinned?.column ?? pinnedPosition].filter((column) => column !== null),
      hoveredRow: hovered && hovered.layer !== null ? rowOf(rows, hovered.layer) : null,
      hoveredColumn: hovered?.column ?? null,
      cursor,
      causal: false,
      label: answer ? gridName(answer) : "",
      isGap: (row, column) => Number.isNaN(values[row * columns + column]),
      gap,
      overlay:
        answer && scene.shown === "exact" && !isWhole(answer) ? (...to) => drawStripes(isEstimate, ...to) : undefined,
      describe: (row, column) => (answer ? cellSpoken(answer, cellOf({ row, column }), scene.shown) : ""),
    };
  }

  const redraw = () => map?.update(props(context.scene()));

  return {
    draw(scene) {
      const { answer, focus } = scene;
      way.update(wayProps(scene));
      what.update(whatProps(scene));
      shown.update(shownProps(scene));
      setText(exactness, answer ? [exactnessText(answer), windowText(answer)].filter(Boolean).join(" ") : "");
      rest.hidden = !answer || isWhole(answer) || working(store);
      place.hidden = !answer;
      place.toggleAttribute("data-dim", scene.dim);
      if (!answer) {
        say([]);
        return;
      }
      if (heads !== ofHeads(answer)) cursor = null;
      heads = ofHeads(answer);
      if (cursor && (cursor.column >= answer.width || cursor.row >= answer.exact.length)) cursor = null;
      map ??= heatMap(
        place,
        props(scene),
        {
          need() {},
          hover: (cell) => store.see({ hovered: cell && cellOf(cell) }),
          pin(at) {
            const cell = cellOf(at);
            const old = store.pinned();
            const same = old?.layer === cell.layer && old.column === cell.column;
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
      map.update(props(scene));
      say(
        focus
          ? cellText(answer, focus, scene.shown)
          : [
              word(
                `Point at a cell to read it, click it to see what the model says next ${isAblation(answer) ? "without it" : "with it patched"}.`,
              ),
            ],
      );
    },
  };
}
