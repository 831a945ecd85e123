/** All heads as small pictures: sorted, filtered by what they do, with what their labels mean. */
import { choice } from "../../kit/choice.ts";
import { headGrid } from "../../kit/head-grid.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import type { AttentionAnswer } from "../../protocol/decode-attention.ts";
import type { AttentionAsk } from "../../protocol/encode.ts";
import {
  definition,
  groupsOf,
  headText,
  labelsOf,
  labelText,
  largest,
  marksOf,
  type Order,
} from "../../state/attention-heads.ts";
import { headName } from "../../state/attention-names.ts";
import { differences } from "../../state/attention-versions.ts";
import { number } from "../../state/words.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { tokenText } from "./words.ts";

const MEAN: AttentionAsk = { action: "mean" };
const EFFECTS: AttentionAsk = { action: "effects" };
const ELSEWHERE: AttentionAsk = { action: "elsewhere" };
const NO_VALUES = new Uint8Array(0);

export function overview(root: HTMLElement, { store, need, scene }: Context, until: AbortSignal): Piece {
  let order: Order = "layer";
  let only = "";
  let over: number | null = null;
  let groups: ReturnType<typeof groupsOf> = [];
  let from: unknown[] = [];
  const bar = h("div", { class: "xw-controls" }, h("h5", { class: "xw-h" }, "All heads"));
  const hint = h("span", { class: "xw-soft" }, "Shift-click compares");
  const said = h("p", { class: "xw-soft xw-att-label" });
  const key = h("p", { class: "xw-soft xw-att-key" });
  const meanings = h("dl", {});
  const about = h("details", { class: "xw-att-fold" }, h("summary", {}, "what the labels mean"), meanings);
  const box = h("div", { class: "xw-att-heads" });
  root.append(bar, box, key, said, about);
  const redraw = () => draw(scene());
  const sorted = choice(
    bar,
    orderProps(order, []),
    {
      choose(value) {
        order = value as Order;
        redraw();
      },
    },
    until,
  );
  const filter = choice(
    bar,
    filterProps(null, only),
    {
      choose(value) {
        only = value;
        redraw();
      },
    },
    until,
  );
  bar.append(hint);
  const grid = headGrid(
    box,
    gridProps(scene()),
    {
      choose(index, { shift }) {
        if (shift && store.head() !== null && index !== store.head())
          store.see({ other: index === store.look.value.other ? null : index });
        else store.choose(index);
      },
      hover(index) {
        over = index;
        say(scene());
      },
    },
    until,
  );

  function say({ answer, head }: Scene): void {
    const index = over ?? head?.head ?? null;
    setText(said, answer && index !== null ? `${headName(answer, index)}: ${labelText(answer, index)}` : "");
    said.hidden = said.textContent === "" && groups.length === 0;
  }

  function gridProps({ answer, look, head, other }: Scene) {
    const measured = { here: found(EFFECTS), elsewhere: found(ELSEWHERE) };
    const next = [answer, order, only, measured.here, measured.elsewhere];
    if (answer && next.some((value, i) => value !== from[i])) groups = groupsOf(answer, order, only, measured);
    from = next;
    const mean = look.pool === "mean" ? (answer?.mean ?? store.details.get(MEAN)?.found?.array) : null;
    const values = mean instanceof Uint8Array ? mean : (answer?.most ?? NO_VALUES);
    return {
      groups: answer ? groups : [],
      cells: answer?.snapshot.cells ?? 1,
      values,
      size: 38,
      largest: 64,
      abreast: Math.max(1, ...(answer?.snapshot.maps ?? []).map((m) => m.n_heads)),
      sorted: `${order} ${only}`,
      chosen: head?.head ?? null,
      compare: other?.head ?? null,
      causal: answer?.snapshot.maps.every((m) => m.causal) ?? false,
      describe: (index: number) => (answer ? headText(answer, index, measured.here) : ""),
    };
  }

  function found(ask: AttentionAsk): Float32Array | null {
    const array = store.details.get(ask)?.found?.array;
    return array instanceof Float32Array ? array : null;
  }

  /** What the bars are; before there are any, how to have them, so that nothing moves when they come. */
  let keyed = "";
  function explainBars({ answer }: Scene): void {
    const marks = marksOf(order, { here: found(EFFECTS), elsewhere: found(ELSEWHERE) });
    const top = number(largest(marks));
    const candidate = tokenText(answer?.snapshot.candidates[0]?.text ?? "");
    const others = store.details.get(ELSEWHERE)?.found?.prompts ?? 0;
    const next = JSON.stringify([marks ? order === "elsewhere" : null, top, candidate, others]);
    if (next === keyed) return;
    keyed = next;
    const swatch = (name: string) => h("i", { class: `xw-att-swatch ${name}`, "aria-hidden": "true" });
    if (!marks) setText(key, "Bars come under the heads once every head was turned off, one by one (below).");
    else if (order === "elsewhere")
      key.replaceChildren(
        "Bars: ",
        swatch("xw-att-loses"),
        `how far the first candidate moves without the head, mean size over ${others} other texts; the longest is ${top} nats.`,
      );
    else
      key.replaceChildren(
        "Bars: ",
        swatch("xw-att-loses"),
        `the first candidate “${candidate}” loses without the head, `,
        swatch("xw-att-gains"),
        `it gains; the longest is ${top} nats.`,
      );
  }

  function draw(now: Scene): void {
    const { answer, look } = now;
    bar.hidden = !answer;
    if (answer && look.pool === "mean" && !answer.mean) need(MEAN);
    const orders = ordersOf(answer);
    if (!orders.some(({ value }) => value === order)) order = "layer";
    if (answer && only && !answer.snapshot.labels.includes(only)) only = "";
    sorted.update(orderProps(order, orders));
    filter.update(filterProps(answer, only));
    grid.update(gridProps(now));
    key.hidden = !answer;
    explainBars(now);
    say(now);
    about.hidden = !answer?.snapshot.patterns.length;
    explain(answer);
  }

  /** Those that there are numbers for. */
  function ordersOf(answer: AttentionAnswer | null): { value: Order; text: string }[] {
    const differs = answer !== null && differences(answer).some(({ mean }) => mean !== null);
    const all: [Order, string, boolean][] = [
      ["layer", "by layer", true],
      ["label", "by label", true],
      ["difference", "by difference", differs],
      ["effect", "by effect", found(EFFECTS) !== null],
      ["elsewhere", "by effect elsewhere", found(ELSEWHERE) !== null],
    ];
    return all.filter(([, , is]) => is).map(([value, text]) => ({ value, text }));
  }

  let explained: unknown = null;
  function explain(answer: AttentionAnswer | null): void {
    if (answer === explained) return;
    explained = answer;
    meanings.replaceChildren(
      ...(answer?.snapshot.patterns ?? []).flatMap((pattern) => [
        h("dt", {}, pattern.title),
        h("dd", {}, `A label from ${pattern.threshold}: ${definition(pattern)}`),
      ]),
    );
  }

  return { draw };
}

function orderProps(value: Order, options: readonly { value: string; text: string }[]) {
  return { label: "", name: "order of the heads", value, hidden: false, options };
}

function filterProps(answer: AttentionAnswer | null, value: string) {
  const labels = answer ? labelsOf(answer) : [];
  const options = [
    { value: "", text: "all labels" },
    ...labels.map(({ name, title, count }) => ({ value: name, text: `${title} (${count})` })),
  ];
  return { label: "", name: "heads with this label", value, hidden: labels.length === 0, options };
}
