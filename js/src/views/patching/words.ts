/** What the patching view says: the question, cells, how far rows are exact, texts for screen readers. Values only. */
import type { PatchingAnswer } from "../../protocol/decode-patching.ts";
import type { CandidateRow } from "../../protocol/generated.ts";
import { tokenName } from "../../state/attention-names.ts";
import {
  type Cell,
  estimateOf,
  exactRows,
  gapAt,
  isWhole,
  numberAt,
  ofHeads,
  recoveredOf,
  type Shown,
  shareOf,
  strongest,
} from "../../state/patching-picture.ts";
import type { Direction, Which } from "../../state/patching-store.ts";
import { number } from "../../state/words.ts";
import { type Parts, plain, token, word } from "../shared/sentence.ts";
import { columnName, herePhrase, oneName, wholeText } from "./parts.ts";

export const DIRECTIONS: readonly { value: Direction; text: string }[] = [
  { value: "denoise", text: "denoise: clean states into the corrupted pass" },
  { value: "noise", text: "noise: corrupted states into the clean pass" },
];

export const SHOWN: readonly { value: Shown; text: string }[] = [
  { value: "exact", text: "exact" },
  { value: "estimate", text: "estimate" },
  { value: "difference", text: "difference: estimate less exact" },
];

/** The prompt whose pass is patched, and the one that states come from. */
export function roles(direction: Direction): { base: Which; source: Which } {
  return direction === "denoise" ? { base: "corrupted", source: "clean" } : { base: "clean", source: "corrupted" };
}

export function candidatesOf({ snapshot }: PatchingAnswer, which: Which): readonly CandidateRow[] {
  return roles(snapshot.direction).base === which ? snapshot.base_candidates : snapshot.source_candidates;
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
  return direction === "denoise"
    ? [word(`Which clean ${things} bring back `), token(guessName(target.text)), ...rather, word("?")]
    : [word(`Which corrupted ${things} take away `), token(guessName(target.text)), ...rather, word("?")];
}

/** What is measured, in two parts: the quantity, and its value in both prompts. */
export function measureOf({ snapshot }: PatchingAnswer): { name: string; after: string } {
  const { base, source } = roles(snapshot.direction);
  const own = { [base]: snapshot.base_value, [source]: snapshot.source_value };
  const target = guessName(snapshot.target.text);
  const name = snapshot.other
    ? `logit of “${target}” less “${guessName(snapshot.other.text)}”`
    : `logit of “${target}”`;
  return { name: `${name}:`, after: ` ${number(own.clean, true)} clean, ${number(own.corrupted, true)} corrupted` };
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
  if (gap === "pair") return `no counterpart in the ${roles(answer.snapshot.direction).source} prompt`;
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
  const share = number(recoveredOf(answer, value));
  const known = exact ? "" : "an estimate: ";
  return [...where, word(`: ${known}${share} of the difference, the number becomes ${number(value, true)}`)];
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
  return [word("Patched: "), ...at(answer, pinned)];
}

/** The number with a cell patched, beside what it is without and what was estimated. */
export function outcomeText(answer: PatchingAnswer, { layer, column }: Cell, value: number): string {
  const { base, source } = roles(answer.snapshot.direction);
  const { base_value, source_value } = answer.snapshot;
  const own = `${number(base_value, true)} without the patch, ${number(source_value, true)} in the ${source} prompt`;
  const estimate = number(recoveredOf(answer, estimateOf(answer, layer, column)));
  return (
    `With the ${source} ${oneName(answer)} put into the ${base} pass ${herePhrase(answer)} the number is ${number(value, true)} (${own}): ` +
    `${number(recoveredOf(answer, value))} of the difference. The estimate said ${estimate}.`
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
