/** One head of one model: the text inked by what it takes from each position, the numbers in words, and its whole map. */
import { type Cell, type HeatMapProps, heatMap } from "../../kit/heat-map.ts";
import { legend } from "../../kit/legend.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import { type StripProps, tokenStrip } from "../../kit/token-strip.ts";
import type { HeadFound } from "../../protocol/decode-direct.ts";
import { tokenName } from "../../state/attention-names.ts";
import { unitsOf } from "../../state/attention-picture.ts";
import type { Part, Shown } from "../../state/direct-picture.ts";
import { tilesOf } from "../../state/tiling.ts";
import { number } from "../../state/words.ts";
import { plain, sentence } from "../shared/sentence.ts";
import { cellText, mapText, sourcesText, sourceText } from "./source-words.ts";
import type { Ink } from "./sources.ts";

export interface SourceProps {
  readonly answer: Shown;
  readonly part: Part & { readonly kind: "head" };
  readonly head: HeadFound;
  readonly ink: Ink;
  /** Full ink. */
  readonly top: number;
  /** Whose head it is, where two are shown. */
  readonly title: string;
  readonly dim: boolean;
}

export interface SourceBlock {
  readonly box: HTMLElement;
  update(props: SourceProps): void;
}

export function sourceBlock(root: HTMLElement, until: AbortSignal): SourceBlock {
  const title = h("h5", { class: "xw-h" });
  const strips = h("div", {});
  const box = h("div", { class: "xw-direct-source" }, title, strips);
  root.append(box);
  const say = sentence(box, "xw-said xw-direct-said");
  const scales = legend(box, legendProps(null), {}, until);
  const word = h("p", { class: "xw-soft" });
  const place = h("div", {});
  box.append(word, place);
  let strip: ReturnType<typeof tokenStrip> | null = null;
  let map: ReturnType<typeof heatMap> | null = null;
  let now: SourceProps | null = null;
  /** A position that is pointed at, and a cell of the map. */
  let at: number | null = null;
  let cell: Cell | null = null;
  let cursor: Cell | null = null;
  let drawn: HeadFound | null = null;
  let tile: HeatMapProps["tile"] = () => null;

  function stripProps({ answer, head, ink, top, part, title, dim }: SourceProps): StripProps {
    const count = answer.tokens.ids.length;
    const values = ink === "share" && head.shares ? head.shares : head.weights;
    return {
      units: unitsOf(answer.tokens),
      values: values.subarray(0, count),
      scale: { top, signed: ink === "share" && head.shares !== null },
      known: null,
      estimate: false,
      fresh: null,
      old: null,
      hovered: at === null ? [] : [at],
      pinned: [count - 1],
      brushed: [],
      target: -1,
      dim,
      label: `tokens that head ${part.layer}.${part.head} looks at ${title}`.trim(),
      describe: (i) => plain(sourceText(answer, head, i)),
    };
  }

  function mapProps({ answer, head, part }: SourceProps): HeatMapProps {
    const rows = answer.tokens.ids.length;
    const columns = head.weights.length;
    return {
      rows,
      columns,
      levels: 1,
      tile,
      source: head,
      pooled: "maximum",
      top: 1,
      signed: false,
      rowLabel: (row) => tokenName(answer.tokens, row),
      columnLabel: (column) => (column < rows ? tokenName(answer.tokens, column) : "the layer's own entry"),
      pinnedRows: [rows - 1],
      pinnedColumns: [],
      hoveredRow: cell?.row ?? null,
      hoveredColumn: cell?.column ?? at,
      cursor,
      causal: true,
      label: `weights of head ${part.layer}.${part.head}: rows look at columns`,
      describe: (row, column) => plain(cellText(answer, head, row, column)),
    };
  }

  const callbacks = {
    need() {},
    hover: (next: Cell | null) => point(next?.column ?? null, next),
    pin() {},
    move(next: Cell) {
      cursor = next;
      point(next.column, next);
    },
    clear() {
      cursor = null;
      point(null, null);
    },
  };

  function point(position: number | null, next: Cell | null): void {
    at = position;
    cell = next;
    if (now) draw(now);
  }

  function draw(props: SourceProps): void {
    const { answer, head, part, ink, top } = props;
    if (head !== drawn) {
      drawn = head;
      at = cell = cursor = null;
      const { pattern } = head;
      tile = pattern ? tilesOf(pattern, answer.tokens.ids.length, head.weights.length) : () => null;
    }
    setText(title, props.title);
    title.hidden = props.title === "";
    const next = stripProps(props);
    const nothing = () => {};
    if (strip) strip.update(next);
    else
      strip = tokenStrip(
        strips,
        next,
        {
          hover: (unit) => point(unit, null),
          pin: nothing,
          brush: nothing,
          clear: () => point(null, null),
          contrast: nothing,
          explain: nothing,
        },
        until,
      );
    if (cell && head.pattern) say(cellText(answer, head, cell.row, cell.column));
    else if (at !== null) say(sourceText(answer, head, at));
    else say(sourcesText(answer, part, head));
    scales.update(legendProps(top ? { signed: ink === "share" && head.shares !== null, top } : null));
    setText(word, mapText(head, answer.tokens.ids.length));
    place.hidden = !head.pattern;
    if (!head.pattern) return;
    if (map) map.update(mapProps(props));
    else map = heatMap(place, mapProps(props), callbacks, until);
  }

  return {
    box,
    update(props) {
      now = props;
      draw(props);
    },
  };
}

function legendProps(ink: { signed: boolean; top: number } | null) {
  const end = number(ink?.top);
  const signed = ink?.signed ?? false;
  return {
    signed,
    hidden: !ink,
    low: signed ? `−${end}` : "0",
    high: signed ? `+${end}` : end,
    unit: signed ? "logits from one position" : "attention weight",
    estimate: false,
    changes: false,
  };
}
