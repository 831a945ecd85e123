/** Which heads: layers over heads, the last layer on top as in the chart; a pinned one is opened below. */
import { type Cell, type HeatMapProps, heatMap } from "../../kit/heat-map.ts";
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import { attentionOf, type Part, samePart } from "../../state/direct-picture.ts";
import { plain, sentence, word } from "../shared/sentence.ts";
import { copied } from "../shared/view.ts";
import type { Context, Layout, Piece, Scene } from "./scene.ts";
import { attentionCode, headText } from "./words.ts";

const COPY = "copy code for its attention";

export function headMap(root: HTMLElement, { store, scene: now }: Context, until: AbortSignal): Piece {
  const heading = h("h5", { class: "xw-h" }, "Heads");
  const place = h("div", { class: "xw-direct-heads" });
  root.append(heading, place);
  const say = sentence(root, "xw-said xw-direct-said");
  const copy = wordButton(COPY, {}, () => void copyCode(), until);
  const clear = wordButton("let go", {}, () => store.pin(null), until);
  const bar = h("div", { class: "xw-controls" }, copy, clear);
  const gaps = h("div", { class: "xw-soft" });
  root.append(bar, gaps);
  let part: ReturnType<typeof heatMap> | null = null;
  let cursor: Cell | null = null;
  let said = "";

  async function copyCode(): Promise<void> {
    const { answer, pinned } = now();
    if (!answer || pinned?.kind !== "head") return;
    await copied(attentionCode(answer, pinned.layer, pinned.head), root, (words) => setText(copy, words || COPY));
  }

  const rows = () => now().answer?.headShape[0] ?? 0;
  const layerOf = (row: number) => rows() - 1 - row;
  const headAt = ({ row, column }: Cell): Part => ({ kind: "head", layer: layerOf(row), head: column });

  /** The row of a head, or of the attention that holds it. */
  function rowOf({ answer }: Scene, at: Part | null): number | null {
    if (at?.kind === "head") return layerOf(at.layer);
    const layer = at && answer ? (answer.snapshot.layers[at.index] ?? -1) : -1;
    return answer && layer >= 0 && attentionOf(answer, layer) === at?.index ? layerOf(layer) : null;
  }

  function props(scene: Scene, layout: Layout): HeatMapProps {
    const { answer, pinned, hovered } = scene;
    const [layers, columns] = answer?.headShape ?? [0, 0];
    const pinnedRow = rowOf(scene, pinned);
    return {
      rows: layers,
      columns,
      levels: 1,
      shape: "wide",
      tile: layout.tile,
      source: layout.heads,
      pooled: "maximum",
      top: layout.top,
      signed: true,
      rowLabel: (row) => `layer ${layerOf(row)}`,
      columnLabel: (column) => `head ${column}`,
      pinnedRows: pinnedRow === null ? [] : [pinnedRow],
      pinnedColumns: pinned?.kind === "head" ? [pinned.head] : [],
      hoveredRow: rowOf(scene, hovered),
      hoveredColumn: hovered?.kind === "head" ? hovered.head : null,
      cursor,
      causal: false,
      label: "shares by layer and head",
      isGap: (row, column) => Number.isNaN(layout.heads[row * columns + column]),
      gap: "no such head, or its layer can't be split",
      describe: (row, column) => (answer ? plain(headText(answer, layerOf(row), column)) : ""),
    };
  }

  function redraw(): void {
    const scene = now();
    if (scene.layout) part?.update(props(scene, scene.layout));
  }

  const callbacks = {
    need() {},
    hover: (cell: Cell | null) => store.hover(cell && headAt(cell)),
    pin(cell: Cell) {
      const same = samePart(store.pinned(), headAt(cell));
      if (!same) store.details.again();
      store.pin(same ? null : headAt(cell));
    },
    move(cell: Cell) {
      cursor = cell;
      store.hover(headAt(cell));
      redraw();
    },
    clear() {
      cursor = null;
      store.pin(null);
      store.hover(null);
      redraw();
    },
  };

  function drawGaps(sentences: readonly string[]): void {
    const key = sentences.join("\n");
    if (key === said) return;
    said = key;
    gaps.replaceChildren(...sentences.map((text) => h("p", {}, text)));
  }

  return {
    draw(scene) {
      const { answer, layout, focus, pinned, dim } = scene;
      heading.hidden = bar.hidden = gaps.hidden = !answer;
      place.hidden = !layout?.heads.some((value) => !Number.isNaN(value));
      place.toggleAttribute("data-dim", dim);
      copy.hidden = clear.hidden = pinned?.kind !== "head";
      drawGaps(answer?.snapshot.gaps ?? []);
      if (!answer || !layout) {
        say([]);
        return;
      }
      if (place.hidden) {
        say([word("There are no heads here that attention can be split over.")]);
        return;
      }
      if (cursor && (cursor.row >= answer.headShape[0] || cursor.column >= answer.headShape[1])) cursor = null;
      if (part) part.update(props(scene, layout));
      else part = heatMap(place, props(scene, layout), callbacks, until);
      const at = focus?.kind === "head" ? focus : pinned;
      say(
        at?.kind === "head"
          ? headText(answer, at.layer, at.head)
          : [word("Point at a head to read it, click it to see where it looks.")],
      );
    },
  };
}
