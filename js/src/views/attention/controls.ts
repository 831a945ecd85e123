/** How the chosen head is read: matrix, lines or text; which measure; with or without the first token; from which strength on. */
import { choice } from "../../kit/choice.ts";
import { rowChooser } from "../../kit/row-chooser.ts";
import { h, on, setText, wordButton } from "../../kit/shared/dom.ts";
import { headName } from "../../state/attention-names.ts";
import type { Measure, Pool, Reading } from "../../state/attention-store.ts";
import { counterpart } from "../../state/attention-versions.ts";
import { number, percent } from "../../state/words.ts";
import type { Context, Piece } from "./scene.ts";
import { hiddenText, MEASURES } from "./words.ts";

const READINGS: readonly Reading[] = ["matrix", "arcs", "text"];
const POOLS = [
  { value: "max", text: "maximum" },
  { value: "mean", text: "mean" },
];

export function controls(root: HTMLElement, { store }: Context, until: AbortSignal): Piece {
  const bar = h("div", { class: "xw-controls" });
  const said = h("p", { class: "xw-soft" });
  root.append(bar, said);
  const reading = rowChooser(
    bar,
    null,
    { choose: (row) => store.see({ reading: READINGS[row ?? 0] ?? "matrix" }) },
    until,
  );
  const measure = choice(
    bar,
    { label: "", name: "measure", options: MEASURES, value: "weight", hidden: false },
    { choose: (value) => store.see({ measure: value as Measure }) },
    until,
  );
  const pool = choice(
    bar,
    {
      label: "pooled by",
      name: "what a cell for several positions shows",
      options: POOLS,
      value: "max",
      hidden: false,
    },
    { choose: (value) => store.see({ pool: value as Pool }) },
    until,
  );
  const first = wordButton(
    "hide first token",
    { "aria-pressed": "false" },
    () => store.see({ hideFirst: !store.look.value.hideFirst }),
    until,
  );
  const beside = wordButton(
    "beside the other",
    { "aria-pressed": "true" },
    () => store.see({ other: null, alone: beside.getAttribute("aria-pressed") === "true" }),
    until,
  );
  const inkRange = h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": "strength at full ink" });
  const full = h("span", { class: "xw-att-least" });
  const ink = h("label", { class: "xw-choice" }, "full ink at", inkRange, full);
  const range = h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": "weakest line drawn" });
  const least = h("span", { class: "xw-att-least" });
  const threshold = h("label", { class: "xw-choice" }, "lines from", range, least);
  bar.append(first, beside, ink, threshold);
  on(range, "input", () => store.see({ threshold: Number(range.value) / 100 }), until);
  on(inkRange, "input", () => store.see({ ink: inkAt(Number(inkRange.value)) }), until);
  return {
    draw({ answer, head, other, look, top }) {
      const its = answer && head ? counterpart(answer, head.head) : null;
      beside.hidden = its === null;
      setText(beside, answer && its !== null ? `beside ${headName(answer, its)}` : "");
      beside.setAttribute("aria-pressed", String(other !== null && other.head === its));
      bar.hidden = !head;
      reading.update({ axis: "as", labels: READINGS, sum: false, row: READINGS.indexOf(look.reading) });
      measure.update({ label: "", name: "measure", options: MEASURES, value: look.measure, hidden: false });
      pool.update({
        label: "pooled by",
        name: "what a cell for several positions shows",
        options: POOLS,
        value: look.pool,
        hidden: look.reading !== "matrix",
      });
      first.setAttribute("aria-pressed", String(look.hideFirst));
      threshold.hidden = look.reading !== "arcs";
      if (range.value !== String(Math.round(look.threshold * 100)))
        range.value = String(Math.round(look.threshold * 100));
      ink.hidden = look.reading === "arcs";
      const place = String(placeOf(look.ink));
      if (inkRange.value !== place) inkRange.value = place;
      setText(full, top ? number(top) : "");
      setText(least, `${percent(look.threshold)} of the strongest`);
      setText(said, head ? hiddenText(look, look.reading === "matrix" ? head.levels : 1) : "");
      said.hidden = said.textContent === "";
    },
  };
}

/** The slider goes over three powers of ten. */
function inkAt(place: number): number {
  return 10 ** ((place - 100) / 33);
}

function placeOf(ink: number): number {
  return Math.round(100 + 33 * Math.log10(ink));
}
