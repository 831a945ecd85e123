/** The grid: streams over positions, the model's own answer on top, each cell with the token it would say next. */
import { choice } from "../../kit/choice.ts";
import { type HeatMapProps, heatMap } from "../../kit/heat-map.ts";
import { progress } from "../../kit/progress.ts";
import { drawWords } from "../../kit/shared/cell-text.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import { tokenName } from "../../state/attention-names.ts";
import { isWhole, rowOf } from "../../state/lens-picture.ts";
import type { Apart, LensCell, LensName, Measure, Shown } from "../../state/lens-store.ts";
import { sentence, word } from "../shared/sentence.ts";
import type { Context, Grid, Piece, Scene } from "./scene.ts";
import { APART, cellSpoken, cellText, cellWord, LENSES, MEASURES, notesOf, SHOWN, streamName } from "./words.ts";

const EMPTY: Grid = { values: new Float32Array(0), tile: () => null, top: 1, signed: false };

export function lensGrid(root: HTMLElement, context: Context, until: AbortSignal): Piece {
  const { store } = context;
  const bar = h("div", { class: "xw-controls" });
  const place = h("div", { class: "xw-lens-grid" });
  const notes = h("p", { class: "xw-soft", hidden: true });
  root.append(bar, notes, place);
  const lensProps = ({ answer, lens }: Scene) => ({
    label: "read by",
    name: "which lens",
    options: (answer?.snapshot.lenses ?? []).map((value) => ({ value, text: LENSES[value] })),
    value: lens,
    hidden: (answer?.snapshot.lenses.length ?? 0) < 2,
  });
  const lens = choice(
    bar,
    lensProps(context.scene()),
    { choose: (value) => store.readBy(value as LensName, context.view) },
    until,
  );
  const shownProps = ({ answer, shown }: Scene) => ({
    label: "model",
    name: "which model",
    options: SHOWN,
    value: shown,
    hidden: !answer?.other,
  });
  const shown = choice(
    bar,
    shownProps(context.scene()),
    { choose: (value) => store.see({ shown: value as Shown }) },
    until,
  );
  const measureProps = ({ answer, look, shown }: Scene) => ({
    label: "ink",
    name: "what ink means",
    options: shown === "difference" ? APART : MEASURES,
    value: shown === "difference" ? look.apart : look.measure,
    hidden: !answer,
  });
  const measure = choice(
    bar,
    measureProps(context.scene()),
    {
      choose: (value) =>
        store.see(context.scene().shown === "difference" ? { apart: value as Apart } : { measure: value as Measure }),
    },
    until,
  );
  const line = h("div", { class: "xw-line" });
  const words = h("span", {});
  bar.append(words);
  root.insertBefore(line, place);
  const busy = progress(
    { line, words },
    { active: false, done: 0, total: 0, note: "", cancelling: false, cancellable: true },
    // What is no longer asked for is given up.
    { cancel: () => store.see({ measure: "probability" }) },
    until,
  );
  const say = sentence(root);
  /** In the grid's own rows, so that it is kept where other streams come. */
  let cursor: { row: number; column: number } | null = null;
  let part: ReturnType<typeof heatMap> | null = null;
  /** What is drawn while the numbers that are asked for are on their way. */
  let last: Grid = EMPTY;
  let drawn: unknown = null;

  const streams = () => context.scene().answer?.snapshot.streams.length ?? 0;
  const cellOf = ({ row, column }: { row: number; column: number }): LensCell => ({
    stream: rowOf(streams(), row),
    position: column,
  });

  function inkOf(scene: Scene, cell: LensCell): number {
    const width = scene.answer?.known.length ?? 0;
    return scene.grid?.values[rowOf(streams(), cell.stream) * width + cell.position] ?? Number.NaN;
  }

  function props(scene: Scene): HeatMapProps {
    const { answer, look, pinned, grid } = scene;
    // Another text has other cells: what was drawn for the one before does not fit it.
    if (answer !== drawn) last = EMPTY;
    drawn = answer;
    last = grid ?? last;
    const rows = answer?.snapshot.streams.length ?? 0;
    const columns = answer?.known.length ?? 0;
    const { values, tile, top, signed } = last;
    const hovered = look.hovered;
    const at = (row: number, column: number): LensCell => ({ stream: rowOf(rows, row), position: column });
    return {
      rows,
      columns,
      // Streams are never pooled with each other.
      levels: 1,
      shape: "wide",
      tile,
      source: values,
      pooled: "maximum",
      top,
      signed,
      rowLabel: (row) => (answer ? streamName(answer, rowOf(rows, row)) : ""),
      columnLabel: (column) => (answer ? tokenName(answer.tokens, column) : ""),
      pinnedRows: pinned ? [rowOf(rows, pinned.stream)] : [],
      pinnedColumns: pinned ? [pinned.position] : [],
      hoveredRow: hovered ? rowOf(rows, hovered.stream) : null,
      hoveredColumn: hovered?.position ?? null,
      cursor,
      causal: false,
      label: `what would come next, by stream and position; ink by ${inkName(scene)}`,
      isGap: (row, column) => answer?.known[column] === 0 || Number.isNaN(values[row * columns + column]),
      gap: answer && isWhole(answer) ? "not a number" : "not read yet",
      cellText: {
        draw: drawWords,
        text: (row, column) => answer && cellWord(answer, at(row, column), scene.shown),
      },
      describe: (row, column) =>
        answer ? cellSpoken(answer, at(row, column), look.measure, inkOf(scene, at(row, column)), scene.shown) : "",
    };
  }

  const redraw = () => part?.update(props(context.scene()));

  return {
    draw(scene) {
      const { answer, look, focus } = scene;
      lens.update(lensProps(scene));
      shown.update(shownProps(scene));
      measure.update(measureProps(scene));
      const said = answer ? notesOf(answer) : "";
      setText(notes, said);
      notes.hidden = !said;
      const asking = scene.measureAsk && store.details.get(scene.measureAsk);
      busy.update({
        active: asking?.state === "asking",
        done: asking?.done ?? 0,
        total: asking?.total ?? 0,
        note: look.measure,
        cancelling: false,
        cancellable: true,
      });
      place.hidden = !answer;
      line.hidden = !answer;
      place.toggleAttribute("data-dim", scene.dim || !scene.measured);
      if (!answer) {
        say([]);
        return;
      }
      const { known } = answer;
      if (cursor && (cursor.column >= known.length || cursor.row >= answer.snapshot.streams.length)) cursor = null;
      part ??= heatMap(
        place,
        props(scene),
        {
          need() {},
          hover: (cell) => store.see({ hovered: cell && cellOf(cell) }),
          pin(at) {
            const cell = cellOf(at);
            const old = store.pinned();
            const same = old?.stream === cell.stream && old.position === cell.position;
            store.pin(same ? null : cell, context.view);
          },
          move(cell) {
            cursor = cell;
            store.see({ hovered: cellOf(cell) });
            redraw();
          },
          clear() {
            cursor = null;
            store.pin(null, context.view);
            store.see({ hovered: null });
            redraw();
          },
        },
        until,
      );
      part.update(props(scene));
      say(
        focus
          ? cellText(answer, focus, look.measure, inkOf(scene, focus), scene.shown)
          : [word("Point at a cell to read it, click it to pin it.")],
      );
    },
  };
}

function inkName({ look, shown }: Scene): string {
  if (shown === "difference") return APART.find((a) => a.value === look.apart)?.unit ?? "";
  return MEASURES.find((m) => m.value === look.measure)?.text ?? look.measure;
}
