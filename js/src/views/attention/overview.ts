/** All heads as small pictures: sorted, filtered by what they do, with what their labels mean. */
import { choice } from "../../kit/choice.ts";
import { headGrid } from "../../kit/head-grid.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import type { AttentionAnswer } from "../../protocol/decode-attention.ts";
import type { AttentionAsk } from "../../protocol/encode.ts";
import { definition, groupsOf, headText, labelsOf, labelText, type Order } from "../../state/attention-heads.ts";
import { headName } from "../../state/attention-picture.ts";
import type { Context, Piece, Scene } from "./scene.ts";

const MEAN: AttentionAsk = { action: "mean" };
const EFFECTS: AttentionAsk = { action: "effects" };
const NO_VALUES = new Uint8Array(0);

export function overview(root: HTMLElement, { store, need, scene }: Context, until: AbortSignal): Piece {
  let order: Order = "layer";
  let only = "";
  let over: number | null = null;
  let groups: ReturnType<typeof groupsOf> = [];
  let from: unknown[] = [];
  const bar = h("div", { class: "xw-att-bar" }, h("h5", { class: "xw-h" }, "All heads"));
  const said = h("p", { class: "xw-soft xw-att-label" });
  const meanings = h("dl", {});
  const about = h("details", { class: "xw-att-fold" }, h("summary", {}, "what the labels mean"), meanings);
  const box = h("div", { class: "xw-att-heads" });
  root.append(bar, box, said, about);
  const redraw = () => draw(scene());
  const sorted = choice(
    bar,
    orderProps(order, false),
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
    const effects = effectsOf();
    const next = [answer, order, only, effects];
    if (answer && next.some((value, i) => value !== from[i])) groups = groupsOf(answer, order, only, effects);
    from = next;
    const mean = look.pool === "mean" ? (answer?.mean ?? store.details.get(MEAN)?.found?.array) : null;
    const values = mean instanceof Uint8Array ? mean : (answer?.most ?? NO_VALUES);
    return {
      groups: answer ? groups : [],
      cells: answer?.snapshot.cells ?? 1,
      values,
      size: 52,
      chosen: head?.head ?? null,
      compare: other?.head ?? null,
      causal: answer?.snapshot.maps.every((m) => m.causal) ?? false,
      describe: (index: number) => (answer ? headText(answer, index, effects) : ""),
    };
  }

  function effectsOf(): Float32Array | null {
    const array = store.details.get(EFFECTS)?.found?.array;
    return array instanceof Float32Array ? array : null;
  }

  function draw(now: Scene): void {
    const { answer, look } = now;
    bar.hidden = !answer;
    if (answer && look.pool === "mean" && !answer.mean) need(MEAN);
    const measured = effectsOf() !== null;
    if (!measured && order === "effect") order = "layer";
    if (answer && only && !answer.snapshot.labels.includes(only)) only = "";
    sorted.update(orderProps(order, measured));
    filter.update(filterProps(answer, only));
    grid.update(gridProps(now));
    say(now);
    about.hidden = !answer?.snapshot.patterns.length;
    explain(answer);
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

function orderProps(value: Order, measured: boolean) {
  const options = [
    { value: "layer", text: "by layer" },
    { value: "label", text: "by label" },
    ...(measured ? [{ value: "effect", text: "by effect" }] : []),
  ];
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
