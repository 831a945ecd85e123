/** The text itself, inked by where a token looks or who looks at it; a second head and the difference below where two are compared. */
import { rowChooser } from "../../kit/row-chooser.ts";
import type { Scale } from "../../kit/shared/colour-scale.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import { type StripProps, tokenStrip } from "../../kit/token-strip.ts";
import type { Side } from "../../protocol/sides.ts";
import { tokenName } from "../../state/attention-names.ts";
import { type HeadView, lineOf, unitsOf } from "../../state/attention-picture.ts";
import type { Axis } from "../../state/attention-store.ts";
import { number } from "../../state/words.ts";
import { sentence, word } from "../shared/sentence.ts";
import { type Context, isShown, linesOf, type Piece, type Scene } from "./scene.ts";
import { cellText, greyText, lineText } from "./words.ts";

/** One line of text: whose tokens, which way a token of it is meant, and its values. */
interface Row {
  readonly title: string;
  /** Its positions are those of the second head. */
  readonly second?: boolean;
  readonly side: Side;
  readonly axis: Axis;
  readonly values: Float32Array | null;
  readonly signed: boolean;
}

interface Kept {
  readonly box: HTMLElement;
  row: Row;
  /** What a position is in the first head. */
  first(position: number): number | null;
  update(row: Row, scene: Scene): void;
}

const NAMES: Record<Axis, string> = { query: "where it looks", key: "who looks at it" };
const AXES: readonly Axis[] = ["query", "key"];

export function strips(root: HTMLElement, context: Context, until: AbortSignal): Piece {
  const { store } = context;
  const box = h("div", { class: "xw-att-text" });
  root.append(box);
  const chooser = rowChooser(box, null, { choose: (row) => store.see({ axis: AXES[row ?? 0] ?? "query" }) }, until);
  const place = h("div", {});
  box.append(place);
  const say = sentence(box);
  const kept: Kept[] = [];

  /** The mean over what is looked at closely; null while a line is missing. */
  function values(view: HeadView, scene: Scene, axis: Axis): Float32Array | null {
    const lines = linesOf(scene, view, axis).map((i) => lineOf(view, scene.look, store.details, axis, i)?.values);
    const [first] = lines;
    if (!first || lines.some((line) => !line)) return null;
    if (lines.length === 1) return first;
    return first.map((_, i) => lines.reduce((sum, line) => sum + (line?.[i] ?? 0), 0) / lines.length);
  }

  function rowsOf(scene: Scene): Row[] {
    const { answer, head, other, look, name, otherName, comparable } = scene;
    if (!answer) return [];
    if (!head) {
      return [answer.queries, ...(answer.keys ? [answer.keys] : [])].map((side) => {
        return {
          title: answer.keys ? (side === answer.keys ? "input" : "output") : "",
          side,
          axis: "query",
          values: null,
          signed: false,
        };
      });
    }
    const axes = look.reading === "text" ? AXES : [look.axis];
    const two = head.looks !== head.seen;
    const out: Row[] = [];
    for (const axis of axes) {
      const side = axis === "query" ? head.seen : head.looks;
      const first = values(head, scene, axis);
      const second = other ? values(other, scene, axis) : null;
      const what = axes.length > 1 ? `${NAMES[axis]}` : "";
      const pointing = two ? (axis === "query" ? "key" : "query") : axis;
      const row = (title: string, line: Float32Array | null, signed = false): Row => {
        return { title: [what, title].filter(Boolean).join(", "), side, axis: pointing, values: line, signed };
      };
      if (!other) out.push(row(two && axes.length === 1 ? (axis === "query" ? "is looked at" : "looks") : "", first));
      else {
        const its = axis === "query" ? other.seen : other.looks;
        const less = first && second ? first.map((value, i) => value - (second[i] ?? 0)) : null;
        out.push(row(`head ${name}`, first), { ...row(`head ${otherName}`, second), side: its, second: true });
        if (comparable) out.push(row(`head ${name} less head ${otherName}`, less, true));
      }
    }
    // The side without values is there to be pointed at.
    if (two && axes.length === 1) {
      const side = look.axis === "query" ? head.looks : head.seen;
      const title = look.axis === "query" ? "looks" : "is looked at";
      out.unshift({ title, side, axis: look.axis, values: null, signed: false });
    }
    return out;
  }

  const scales = new Map<string, Scale>();
  function scaleOf(top: number, signed: boolean): Scale {
    const key = `${top} ${signed}`;
    const scale = scales.get(key) ?? { top, signed };
    if (scales.size > 20) scales.clear();
    scales.set(key, scale);
    return scale;
  }

  function props(row: Row, scene: Scene): StripProps {
    const { look, top, dim, link } = scene;
    const view = row.second ? scene.other : scene.head;
    const there = (axis: Axis, list: readonly number[]) =>
      row.second && link ? list.map(link.there[axis]).filter((i) => i !== null) : list;
    const looks = !view || row.side === view.looks;
    const seen = !view || row.side === view.seen;
    const own = look.hovered[row.axis];
    return {
      units: unitsOf(row.side),
      values: row.values,
      scale: scaleOf(top, row.signed),
      known: null,
      estimate: false,
      fresh: null,
      old: null,
      hovered: own === null ? [] : there(row.axis, [own]),
      pinned: looks ? there("query", scene.queries) : [],
      brushed: seen ? there("key", scene.keys) : [],
      target: -1,
      dim,
      label: `tokens of the input${row.title ? `, ${row.title}` : ""}`,
      describe: (i) =>
        `${tokenName(row.side, i)}, position ${i}${row.values ? `, ${number(row.values[i], row.signed)}` : ""}`,
    };
  }

  function make(row: Row): Kept {
    const title = h("h5", { class: "xw-h" });
    const own = h("div", { class: "xw-att-strip" }, title);
    place.append(own);
    const toggled = (list: readonly number[], i: number) =>
      list.includes(i) ? list.filter((p) => p !== i) : [...list, i];
    const nothing = () => {};
    const strip = tokenStrip(
      own,
      props(row, context.scene()),
      {
        hover(at) {
          const { axis } = mine.row;
          const i = at === null ? null : mine.first(at);
          const hovered = { query: axis === "query" ? i : null, key: axis === "key" ? i : null };
          store.see(i === null || context.scene().look.reading === "text" ? { hovered } : { axis, hovered });
        },
        pin(at) {
          const i = mine.first(at);
          if (i === null) return;
          if (mine.row.axis === "query") store.pin(toggled(store.queries(), i), context.view);
          else store.see({ keys: toggled(store.look.value.keys, i) });
        },
        clear: context.clear,
        brush: nothing,
        contrast: nothing,
        explain: nothing,
      },
      until,
    );
    const mine: Kept = {
      box: own,
      row,
      first(i) {
        const { link } = context.scene();
        return mine.row.second && link ? link.back[mine.row.axis](i) : i;
      },
      update(next, scene) {
        mine.row = next;
        setText(title, next.title);
        title.hidden = next.title === "";
        strip.update(props(next, scene));
      },
    };
    return mine;
  }

  return {
    draw(scene) {
      const { answer, head, look, focus } = scene;
      box.hidden = !answer;
      const rows = rowsOf(scene);
      for (const [i, row] of rows.entries()) {
        kept[i] ??= make(row);
        kept[i].box.hidden = false;
        kept[i].update(row, scene);
      }
      for (const one of kept.slice(rows.length)) one.box.hidden = true;
      const choosing = head && look.reading !== "text";
      chooser.update(
        choosing
          ? { axis: "the text shows", labels: AXES.map((a) => NAMES[a]), sum: false, row: AXES.indexOf(look.axis) }
          : null,
      );
      const line = head && values(head, scene, look.axis);
      const { query, key } = look.hovered;
      const cell = head && query !== null && key !== null && query < head.rows && key < head.columns;
      if (cell) {
        const row = lineOf(head, look, store.details, "query", query)?.values;
        say(cellText(head, query, key, row?.[key] ?? null));
      } else if (!head) say(answer ? [word("Ink shows where a head looks, once one is chosen above.")] : []);
      else if (line && focus.length) say(lineText(head, look.axis, focus, line));
      else if (focus.length) {
        const grey = greyText(store.details.trouble(isShown(scene)), store.connection.kernel.value === "gone");
        say([word(grey ? `What would be here ${grey}.` : "asking for the numbers")]);
      } else say([word(`Point at a token to see ${NAMES[look.axis]}; a click or Enter pins it.`)]);
    },
  };
}
