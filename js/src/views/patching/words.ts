/** What the patching view says: the question, cells, how far rows are exact, texts for screen readers. Values only. */
import type { PatchingAnswer } from "../../protocol/decode-patching.ts";
import type { CandidateRow } from "../../protocol/generated.ts";
import { tokenName } from "../../state/attention-names.ts";
import {
  type Cell,
  effectOf,
  errorAt,
  estimateOf,
  exactRows,
  gapAt,
  isAblation,
  isWhole,
  numberAt,
  ofHeads,
  type Shown,
  shareOf,
  strongest,
} from "../../state/patching-picture.ts";
import type { Against, Direction, Which } from "../../state/patching-store.ts";
import { number } from "../../state/words.ts";
import { type Parts, plain, token, word } from "../shared/sentence.ts";
import { columnName, herePhrase, oneName, wholeText } from "./parts.ts";

export const AGAINST: readonly { value: Against; text: string }[] = [
  { value: "prompt", text: "another prompt" },
  { value: "noise", text: "its subject noised" },
  { value: "ablation", text: "parts ablated" },
];

export const ABLATIONS = [
  { value: "zero", text: "set to zero" },
  { value: "mean", text: "set to a mean" },
  { value: "resample", text: "taken from elsewhere" },
] as const;

export function directions(against: Against): readonly { value: Direction; text: string }[] {
  const other = against === "noise" ? "noised" : "corrupted";
  return [
    { value: "denoise", text: `denoise: clean states into the ${other} pass` },
    { value: "noise", text: `noise: ${other} states into the clean pass` },
  ];
}

export const SHOWN: readonly { value: Shown; text: string }[] = [
  { value: "exact", text: "exact" },
  { value: "estimate", text: "estimate" },
  { value: "difference", text: "difference: estimate less exact" },
];

/** The prompt whose pass is patched, and the one that states come from. */
export function roles(direction: Direction): { base: Which; source: Which } {
  return direction === "denoise" ? { base: "corrupted", source: "clean" } : { base: "clean", source: "corrupted" };
}

/** What a pass is called. */
export function passName({ snapshot }: PatchingAnswer, which: Which): string {
  return which === "corrupted" && snapshot.against === "noise" ? "noised" : which;
}

/** Which an answer's base and source are, in words. */
function passes(answer: PatchingAnswer): { base: string; source: string } {
  if (isAblation(answer)) return { base: "clean", source: "ablated" };
  const { base, source } = roles(answer.snapshot.direction);
  return { base: passName(answer, base), source: passName(answer, source) };
}

/** Where a state comes from. */
function place(answer: PatchingAnswer, which: "base" | "source"): string {
  return `the ${passes(answer)[which]} ${answer.snapshot.against === "prompt" ? "prompt" : "pass"}`;
}

export function candidatesOf({ snapshot }: PatchingAnswer, which: Which): readonly CandidateRow[] {
  const base = snapshot.against === "ablation" ? "clean" : roles(snapshot.direction).base;
  return base === which ? snapshot.base_candidates : snapshot.source_candidates;
}

/** A token that was guessed, as it is spoken of. */
export function guessName(text: string): string {
  if (text.trim()) return text.trim();
  return text === "" ? "⋯" : [...text].map((c) => (c === "\n" ? "↵" : c === "\t" ? "⇥" : "␣")).join("");
}

export function questionOf(answer: PatchingAnswer): Parts {
  const { direction, target, other } = answer.snapshot;
  const things = `${oneName(answer)}s`;
  const rather = other ? [word(" rather than "), token(guessName(other.text))] : [];
  if (isAblation(answer))
    return [word(`Which ${things} does `), token(guessName(target.text)), ...rather, word(" need?")];
  const does = direction === "denoise" ? "bring back" : "take away";
  const { source } = passes(answer);
  return [word(`Which ${source} ${things} ${does} `), token(guessName(target.text)), ...rather, word("?")];
}

const QUANTITIES = { logit: "logit", log_prob: "log-probability", prob: "probability" } as const;

export const quantityName = ({ snapshot }: PatchingAnswer) => QUANTITIES[snapshot.quantity];

/** The number as it is written: with its sign, but for a probability, which has none. */
export function valueText({ snapshot }: PatchingAnswer, value: number): string {
  return number(value, snapshot.quantity !== "prob" || snapshot.other !== null);
}

/** What is measured, in two parts: the quantity, and its value in both passes. */
export function measureOf(answer: PatchingAnswer): { name: string; after: string } {
  const { snapshot } = answer;
  const { base } = roles(snapshot.direction);
  const target = guessName(snapshot.target.text);
  const name = snapshot.other
    ? `${quantityName(answer)} of “${target}” less “${guessName(snapshot.other.text)}”`
    : `${quantityName(answer)} of “${target}”`;
  const { base_value, source_value } = snapshot;
  if (source_value === null) return { name: `${name}:`, after: ` ${valueText(answer, base_value)}` };
  const [clean, corrupted] = base === "clean" ? [base_value, source_value] : [source_value, base_value];
  const after = ` ${valueText(answer, clean)} clean, ${valueText(answer, corrupted)} ${passName(answer, "corrupted")}`;
  return { name: `${name}:`, after };
}

/** What is shown, as it is spoken of: a share, or what is lost. */
function effectText(answer: PatchingAnswer, effect: number): string {
  if (!isAblation(answer)) return `${number(effect)} of the difference`;
  return effect < 0 ? `gains ${number(-effect)}` : `loses ${number(effect)}`;
}

function errorText(answer: PatchingAnswer, layer: number, column: number): string {
  const error = errorAt(answer, layer, column);
  return error === null ? "" : ` (± ${number(error)})`;
}

/** Layers that a cell stands for, where they are several. */
export function windowText({ snapshot, exact }: PatchingAnswer): string {
  if (snapshot.together <= 1) return "";
  return `A cell stands for ${Math.min(snapshot.together, exact.length)} layers around its own, put back together.`;
}

/** How the second pass came about, or what takes the place of a part. */
export function againstText({ snapshot }: PatchingAnswer): string {
  const { noise, ablation } = snapshot;
  if (noise) {
    const many = noise.samples === 1 ? "one draw" : `means over ${noise.samples} draws`;
    return `Noise of ${number(noise.scale ?? 3)} standard deviations of the embeddings on the marked tokens; numbers are ${many}.`;
  }
  if (!ablation) return "";
  const texts = ablation.texts?.length ?? 0;
  const of = texts === 1 ? "one text" : `${texts} texts`;
  const where = ablation.template ? `${of}, position by position` : `positions after the first of ${of}`;
  if (ablation.kind === "zero") return "Zeros take the place of a part.";
  if (ablation.kind === "mean")
    return `The mean over ${texts ? where : "this prompt's own positions after the first"} takes the place of a part.`;
  if (texts) return `What the part is in ${where} takes its place; numbers are means over the texts.`;
  return `What the part is at another position of this prompt takes its place; numbers are means over ${ablation.samples} orders.`;
}

export function rowName({ snapshot }: PatchingAnswer, layer: number): string {
  return snapshot.rows[layer] ?? "";
}

function at(answer: PatchingAnswer, { layer, column }: Cell): Parts {
  const row = rowName(answer, layer);
  if (ofHeads(answer)) return [word(`${row}, ${columnName(answer, column)}`)];
  return [word(`${row} at `), token(tokenName(answer.base, column)), word(` (${column})`)];
}

/** Why nothing can be put into a cell; null where it can. */
function gapText(answer: PatchingAnswer, cell: Cell): string | null {
  const gap = gapAt(answer, cell);
  if (gap === "pair")
    return isAblation(answer) ? "no other state to take" : `no counterpart in ${place(answer, "source")}`;
  return gap && "no such part in this layer";
}

/** One cell: where it is, what patching it comes to, and how that is known. */
export function cellText(answer: PatchingAnswer, cell: Cell, shown: Shown): Parts {
  const { layer, column } = cell;
  const where = at(answer, cell);
  const gap = gapText(answer, cell);
  if (gap) return [...where, word(`: ${gap}, nothing can be put in here`)];
  const { value, exact } = numberAt(answer, layer, column);
  if (shown !== "exact") {
    const [estimate, own] = [shareOf(answer, "estimate", layer, column), shareOf(answer, "exact", layer, column)];
    const both = `: estimate ${number(estimate)}, exact ${number(own)}, difference ${number(estimate - own, true)}`;
    return [...where, word(both)];
  }
  const effect = effectText(answer, effectOf(answer, value)) + (exact ? errorText(answer, layer, column) : "");
  const known = exact ? "" : "an estimate: ";
  return [...where, word(`: ${known}${effect}, the number becomes ${valueText(answer, value)}`)];
}

export const cellSpoken = (...of: Parameters<typeof cellText>) => plain(cellText(...of));

/** How far the rows are exact, and how well the estimate agrees with them. */
export function exactnessText(answer: PatchingAnswer): string {
  const [done, all] = [exactRows(answer), answer.exact.length];
  const r = agreementText(answer);
  if (isWhole(answer)) return r ? `All rows are exact. ${r}` : "All rows are exact.";
  if (!done) return "Every row is an estimate (attribution patching) so far; exact rows take their place.";
  const rows = `Rows of ${done} of ${all} layers are exact, the others estimates.`;
  return r ? `${rows} ${r}` : rows;
}

function agreementText(answer: PatchingAnswer): string {
  const { agreement } = answer.snapshot;
  if (agreement === null) return "";
  const much = agreement >= 0.9 ? "agrees" : agreement >= 0.5 ? "agrees in part" : "does not agree";
  return `The estimate ${much} with the exact numbers${isWhole(answer) ? "" : " so far"}: r = ${number(agreement)}.`;
}

/** What the pinned cell came to. */
export function pinnedText(answer: PatchingAnswer, pinned: Cell): Parts {
  return [word(isAblation(answer) ? "Ablated: " : "Patched: "), ...at(answer, pinned)];
}

/** The number with a cell patched, beside what it is without and what was estimated. */
export function outcomeText(answer: PatchingAnswer, { layer, column }: Cell, value: number): string {
  const { base, source } = passes(answer);
  const { base_value, source_value } = answer.snapshot;
  const own = valueText(answer, base_value);
  const effect = effectText(answer, effectOf(answer, value)) + errorText(answer, layer, column);
  const estimate = effectText(answer, effectOf(answer, estimateOf(answer, layer, column))).replace(
    / of the difference$/,
    "",
  );
  const here = herePhrase(answer);
  if (source_value === null) {
    const how = `Without this ${oneName(answer)}${here === "here" ? "" : ` ${here}`}`;
    return `${how} the number is ${valueText(answer, value)} (${own} as it is): it ${effect}. The estimate: ${estimate}.`;
  }
  return (
    `With the ${source} ${oneName(answer)} put into the ${base} pass ${here} the number is ${valueText(answer, value)} ` +
    `(${own} without the patch, ${valueText(answer, source_value)} in ${place(answer, "source")}): ${effect}. The estimate said ${estimate}.`
  );
}

/** What is said in the place of a cell's next tokens while they are not here. */
export function waitingText(answer: PatchingAnswer, pinned: Cell, state: string | undefined, working: boolean): string {
  const gap = gapText(answer, pinned);
  if (gap) return `There is ${gap}, so nothing can be put in here.`;
  if (!isWhole(answer))
    return working
      ? "What the model says next is asked for once all rows are exact."
      : "Run all rows to see what the model says next.";
  if (state === "asking") return "running this cell";
  return state === "refused" || state === "absent" ? "What the model says next is not known here." : "";
}

/** A new picture in a sentence or two, for screen readers; rows that come in one by one are said once. */
export function announcement(answer: PatchingAnswer, working: boolean): string {
  if (working && !isWhole(answer)) return "The estimate is there; exact rows take its place.";
  const [best] = strongest(answer, "exact", 1);
  const cell = best ? ` Strongest: ${cellSpoken(answer, best, "exact")}.` : "";
  return `${wholeText(answer)} ${exactnessText(answer)}${cell}`;
}
