/** The strongest neurons of the pinned MLP: how much each is on, its share, and the words it then speaks for and against. */
import { notice } from "../../kit/notice.ts";
import { progress } from "../../kit/progress.ts";
import { h, quoted, setText } from "../../kit/shared/dom.ts";
import type { NeuronRow } from "../../protocol/generated.ts";
import type { Shown } from "../../state/direct-picture.ts";
import { number } from "../../state/words.ts";
import { detailNotice } from "../shared/said.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { neuronGap, shareText, versionNames, whatOf } from "./words.ts";

const TURNED = "Where a neuron is below zero its words turn round: they stand as they count here.";

export function neuronTable(root: HTMLElement, { store }: Context, until: AbortSignal): Piece {
  const heading = h("h5", { class: "xw-h" });
  const line = h("div", { class: "xw-line" });
  const busy = h("span", {});
  const words = h("p", { class: "xw-soft" });
  const table = h("table", { class: "xw-neurons", role: "table" });
  const box = h("section", { class: "xw-direct-neurons", "aria-label": "neurons" }, heading, line, busy, words, table);
  root.append(box);
  const bar = progress(
    { line, words: busy },
    { active: false, done: 0, total: 0, note: "", cancelling: false, cancellable: true },
    {
      cancel() {
        const { mlp } = now ?? {};
        if (typeof mlp !== "number" || !now?.neuronsAsk) return;
        store.details.stop(now.neuronsAsk);
        // What stays pinned would be asked for again.
        store.pin(null);
      },
    },
    until,
  );
  const said = notice(box, { notice: null }, { act: () => store.details.again() }, until);
  let now: Scene | null = null;
  let drawn: unknown = null;

  return {
    draw(scene) {
      now = scene;
      const { answer, mlp, neuronsAsk, neurons } = scene;
      box.hidden = !answer || mlp === null;
      if (!answer || mlp === null) return;
      const whose = answer.both ? ` in ${versionNames(answer)[answer.which === "other" ? 1 : 0]}` : "";
      setText(heading, `Neurons of the MLP of layer ${mlp}${whose}`);
      const state = neurons?.state;
      bar.update({
        active: state === "asking",
        done: neurons?.done ?? 0,
        total: neurons?.total ?? 0,
        note: "neurons",
        cancelling: false,
        cancellable: true,
      });
      const found = neurons?.found?.neurons ?? null;
      said.update({ notice: detailNotice({ error: neurons?.error ?? null, absent: state === "absent" }) });
      setText(words, neuronsAsk ? wordsFor(found) : neuronGap(answer, mlp));
      words.hidden = words.textContent === "";
      table.hidden = !found?.length;
      if (!found || found === drawn) return;
      drawn = found;
      fillTable(table, answer, found);
    },
  };
}

function wordsFor(found: readonly NeuronRow[] | null): string {
  if (!found) return "";
  if (!found.length) return "None of its neurons has a share.";
  return found.some(({ activation }) => activation < 0) ? TURNED : "";
}

const HEADINGS = ["neuron", "activation", "share", "for", "against"];

function fillTable(table: HTMLElement, answer: Shown, neurons: readonly NeuronRow[]): void {
  const cell = (name: string, ...children: (Node | string)[]) => h("td", { role: "cell", class: name }, ...children);
  const listed = (texts: readonly string[]) =>
    texts.length ? texts.flatMap((text, i) => (i ? [" ", quoted(text)] : [quoted(text)])) : ["–"];
  table.replaceChildren(
    h(
      "thead",
      { role: "rowgroup" },
      h("tr", { role: "row" }, ...HEADINGS.map((text) => h("th", { role: "columnheader", scope: "col" }, text))),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      ...neurons.map(({ index, activation, share, top, bottom }) => {
        const turned = activation < 0;
        // What is said in percent is of one model's logit, not of a difference of two.
        const part = answer.which === "difference" ? "" : shareText(answer, share);
        const title = part ? `${part} of the ${whatOf(answer)}` : null;
        const [speaksFor, against] = turned ? [bottom, top] : [top, bottom];
        return h(
          "tr",
          { role: "row" },
          h("th", { role: "rowheader", scope: "row" }, String(index)),
          cell("xw-num", `${number(activation)}${turned ? " ↺" : ""}`),
          h("td", { role: "cell", class: "xw-num", title }, number(share, true)),
          cell("xw-neuron-for", ...listed(speaksFor)),
          cell("xw-neuron-against", ...listed(against)),
        );
      }),
    ),
  );
}
