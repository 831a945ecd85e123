/** How much of each token reaches one position through all layers, drawn over tokens and layers. */
import { choice } from "../../kit/choice.ts";
import { type HeatMapProps, heatMap } from "../../kit/heat-map.ts";
import { h, on, setText } from "../../kit/shared/dom.ts";
import type { AttentionAsk } from "../../protocol/encode.ts";
import { tokenName, versionName } from "../../state/attention-names.ts";
import { tilesOf } from "../../state/tiling.ts";
import { number } from "../../state/words.ts";
import type { Context, Piece, Scene } from "./scene.ts";

type Method = "rollout" | "flow";
const METHODS = [
  { value: "rollout", text: "rollout" },
  { value: "flow", text: "flow" },
];

export interface FlowPiece extends Piece {
  /** What is to be asked while the fold is open. */
  ask(scene: Scene): AttentionAsk | null;
}

export function flowDetail(root: HTMLElement, { store, scene }: Context, until: AbortSignal): FlowPiece {
  let method: Method = "rollout";
  let source: Float32Array | null = null;
  let tile: HeatMapProps["tile"] = () => null;
  let cursor: { row: number; column: number } | null = null;
  let part: ReturnType<typeof heatMap> | null = null;
  const fold = h("details", { class: "xw-att-fold" }, h("summary", {}, "through all layers"));
  const bar = h("div", { class: "xw-controls" });
  const said = h("p", { class: "xw-soft" });
  const place = h("div", { class: "xw-att-flow" });
  fold.append(bar, said, place);
  root.append(fold);
  const redraw = () => store.see({});
  on(fold, "toggle", redraw, until);
  const how = choice(
    bar,
    { label: "by", name: "method", options: METHODS, value: method, hidden: false },
    {
      choose(value) {
        method = value as Method;
        redraw();
      },
    },
    until,
  );

  /** The pinned token, else the last: the one the next token is read from. */
  function position({ answer, queries }: Scene): number {
    const last = (answer?.queries.ids.length ?? 1) - 1;
    return Math.min(last, queries.at(-1) ?? last);
  }

  function ask(now: Scene): AttentionAsk | null {
    return fold.open && now.answer ? { action: "flow", method, index: position(now) } : null;
  }

  function props(now: Scene): HeatMapProps {
    const wanted = ask(now);
    const found = wanted ? store.details.get(wanted)?.found : null;
    const array = found?.array;
    const [rows = 1, columns = 1] = found?.shape ?? [];
    if (array instanceof Float32Array && array !== source) {
      source = array;
      tile = tilesOf(array, rows, columns);
    }
    let top = 0;
    const gaps = source?.some(Number.isNaN) ?? false;
    for (const value of source ?? []) if (value > top) top = value;
    top *= now.look.ink;
    const side = now.answer?.queries;
    const layer = (row: number) => (row ? `layer ${row - 1}` : "input");
    const name = (column: number) => (side ? tokenName(side, column) : "");
    return {
      rows,
      columns,
      // Layers are never pooled with each other.
      levels: 1,
      shape: "wide",
      isGap: gaps ? (row, column) => Number.isNaN(source?.[row * columns + column]) : undefined,
      tile,
      source: source ?? {},
      pooled: "maximum",
      top,
      signed: false,
      rowLabel: layer,
      columnLabel: name,
      pinnedRows: [],
      pinnedColumns: now.queries,
      hoveredRow: null,
      hoveredColumn: now.look.hovered.query,
      cursor,
      causal: false,
      label: `how much reaches position ${position(now)} by ${method}`,
      describe(row, column) {
        const value = source?.[row * columns + column];
        return `${layer(row)}, ${name(column)}: ${Number.isNaN(value) ? "not computed" : number(value)}`;
      },
    };
  }

  return {
    ask,
    draw(now) {
      fold.hidden = !now.answer;
      how.update({ label: "by", name: "method", options: METHODS, value: method, hidden: false });
      const wanted = ask(now);
      const detail = wanted ? store.details.get(wanted) : null;
      if (!wanted || !now.answer) return;
      const target = tokenName(now.answer.queries, position(now));
      const whose = versionName(now.answer, 0);
      const what =
        method === "rollout"
          ? "each layer as half the mean of its heads and half what passes by, multiplied along all paths"
          : "the largest amount that fits through the same layers at once";
      const { top } = props(now);
      const ink = top ? ` Full ink is ${number(top)}${now.look.ink < 1 ? " or more" : ""}.` : "";
      const cell = cursor ? ` ${props(now).describe(cursor.row, cursor.column)}.` : "";
      setText(
        said,
        `How much of each token reaches “${target}” (${position(now)})${whose && ` in ${whose}`}, were attention all that moves anything: ${what}.${ink}${cell}`,
      );
      // The last picture stays, greyed: it is not what the sentence says.
      place.toggleAttribute("data-dim", !detail?.found || now.dim);
      if (!detail?.found) return;
      part ??= heatMap(
        place,
        props(now),
        {
          need() {},
          hover: (at) => store.see({ hovered: { query: at?.column ?? null, key: null } }),
          pin: ({ column }) => store.pin([column], "flow"),
          move(at) {
            cursor = at;
            redraw();
          },
        },
        until,
      );
      part.update(props(scene()));
    },
  };
}
