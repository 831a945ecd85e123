/** What is exchanged, in words: the choice, what a column is called, and how much of what there is. Values only. */
import type { PatchingAnswer } from "../../protocol/decode-patching.ts";
import { tokenName } from "../../state/attention-names.ts";
import { gapAt, hasAlone, isAblation, ofHeads } from "../../state/patching-picture.ts";
import type { Part } from "../../state/patching-store.ts";

export const PARTS: readonly { value: Part; text: string }[] = [
  { value: "resid", text: "residual stream" },
  { value: "attn_out", text: "attention" },
  { value: "mlp_out", text: "MLP" },
  { value: "head", text: "heads, at all positions" },
];

/** One of them, as it is put into a pass; what is put in; what a cell of the grid is. */
const WORDS: Readonly<Record<Part, { one: string; source: string; cells: string }>> = {
  resid: { one: "state", source: "what enters a layer at one position", cells: "Cells" },
  attn_out: {
    one: "attention output",
    source: "what a layer's attention adds at one position",
    cells: "Attention outputs",
  },
  mlp_out: { one: "MLP output", source: "what a layer's MLP adds at one position", cells: "MLP outputs" },
  head: { one: "head output", source: "what one head adds, at all positions,", cells: "Heads" },
};

export const oneName = ({ snapshot }: PatchingAnswer) => WORDS[snapshot.part].one;
export const cellsName = ({ snapshot }: PatchingAnswer) => WORDS[snapshot.part].cells;

/** What patching is. */
export function howText({ snapshot }: PatchingAnswer): string {
  const { source } = WORDS[snapshot.part];
  if (snapshot.against === "ablation") return `${source} is put out of action, everything else stays`;
  return `${source} is taken from the other ${snapshot.against === "noise" ? "" : "prompt's "}pass, everything else stays`;
}

/** Where an output is put in. */
export function herePhrase(answer: PatchingAnswer): string {
  if (!ofHeads(answer)) return "here";
  return hasAlone(answer) ? "at all positions with a counterpart" : "at all positions";
}

/** A column's name where there is room for it alone. */
export function columnLabel(answer: PatchingAnswer, column: number): string {
  return ofHeads(answer) ? columnName(answer, column).replace(/^head /, "") : tokenName(answer.base, column);
}

/** Of a head. */
export const columnName = ({ snapshot }: PatchingAnswer, column: number) => snapshot.columns[column] ?? "";

/** A column in a table: headings, and what stands under them. */
export const columnHeadings = (answer: PatchingAnswer) => (ofHeads(answer) ? ["head"] : ["token", "position"]);
export function columnCells(answer: PatchingAnswer, column: number): string[] {
  return ofHeads(answer) ? [columnLabel(answer, column)] : [tokenName(answer.base, column), String(column)];
}

export function gridName(answer: PatchingAnswer): string {
  const { part } = answer.snapshot;
  const of = part === "attn_out" || part === "mlp_out" ? ` ${oneName(answer)}s` : "";
  const does = isAblation(answer) ? `the number loses without${of || " states"}` : `patching${of} brings over`;
  return `what ${does}, by layer and ${ofHeads(answer) ? "head" : "position"}`;
}

/** What hatched cells are. */
export function gapWord(answer: PatchingAnswer): string {
  const { exact, width } = answer;
  const lacks = (layer: number) =>
    Array.from({ length: width }, (_, column) => gapAt(answer, { layer, column })).includes("part");
  const alone = !ofHeads(answer) && hasAlone(answer);
  const words = [
    alone ? (isAblation(answer) ? "no other state to take" : "no counterpart") : "",
    exact.some((_, layer) => lacks(layer)) ? "no such part" : "",
  ];
  return words.filter(Boolean).join(", or ") || "not a number";
}

const many = (count: number, thing: string) => `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;

export function sizeText(answer: PatchingAnswer): string {
  return `${many(answer.exact.length, "layer")} × ${many(answer.width, ofHeads(answer) ? "head" : "position")}`;
}

/** The picture as a whole, for screen readers. */
export function wholeText(answer: PatchingAnswer): string {
  const { exact, width, snapshot } = answer;
  const what = isAblation(answer) ? "Ablation" : "Patching";
  if (ofHeads(answer)) return `${what} of ${many(width, "head")} in each of ${many(exact.length, "layer")}.`;
  const of = { resid: "", attn_out: "the attention of ", mlp_out: "the MLPs of ", head: "" }[snapshot.part];
  return `${what} of ${of}${many(exact.length, "layer")} over ${many(width, "position")}.`;
}
