/** What the view of direct logit attribution says: the question, one part, the proof, code. Values only. */
import { visible } from "../../kit/shared/dom.ts";
import type { DirectAnswer } from "../../protocol/decode-direct.ts";
import { attentionOf, headsOf, type Part, partValue, strongest } from "../../state/direct-picture.ts";
import { number, percent } from "../../state/words.ts";
import { type Parts, plain, token, word } from "../shared/sentence.ts";

/** What is split: the logit, or a difference of two. */
export function whatOf({ snapshot }: DirectAnswer): string {
  return snapshot.other ? "logit difference" : "logit";
}

export function questionOf({ snapshot: { target, other } }: DirectAnswer): Parts {
  const parts = [word("Who wrote the logit of "), token(visible(target.text))];
  if (other) parts.push(word(" less that of "), token(visible(other.text)));
  return [...parts, word("?")];
}

const KINDS: Record<string, string> = { attn: "attention", mlp: "MLP", mixer: "mixer" };

export function kindName(kind: string): string {
  return KINDS[kind] ?? kind;
}

export function partName({ snapshot: { components, kinds, layers } }: DirectAnswer, part: Part): string {
  if (part.kind === "head") return `head ${part.layer}.${part.head}`;
  const layer = layers[part.index] ?? -1;
  if (layer < 0) return components[part.index] ?? "";
  return `${kindName(kinds[part.index] ?? "")} of layer ${layer}`;
}

/** Beyond this multiple of the logit a share of it says nothing. */
const SENSELESS = 100;

/** A value over the logit; null where the logit is too small to have shares. */
function shareOf({ snapshot: { logit } }: DirectAnswer, value: number): number | null {
  const share = value / logit;
  return value && Number.isFinite(share) && Math.abs(share) <= SENSELESS ? share : null;
}

/** The same as a signed number of percent; "" where there is none. */
export function shareText(answer: DirectAnswer, value: number): string {
  const share = shareOf(answer, value);
  return share === null ? "" : `${share < 0 ? "−" : ""}${percent(Math.abs(share))}`;
}

/** A value, which way it goes, and how much of the logit it is. */
function valueParts(answer: DirectAnswer, value: number): Parts {
  if (Number.isNaN(value)) return [word("not a number")];
  const { target, other } = answer.snapshot;
  if (!value) return [word("0, nothing either way")];
  const parts = [word(`${number(value, true)}, ${value > 0 ? "for" : "against"} `), token(visible(target.text))];
  if (other) parts.push(word(" rather than "), token(visible(other.text)));
  const share = shareOf(answer, value);
  if (share === null) return parts;
  const much = `${percent(Math.abs(share))} of the ${whatOf(answer)}`;
  return [...parts, word(share > 0 ? `: ${much}` : `: as much as ${much}, the other way`)];
}

/** Heads listed with the attention they are of. */
const LISTED = 3;

/** One component: its value, and what all come to up to it. */
export function componentText(answer: DirectAnswer, sums: readonly number[], index: number): Parts {
  const part: Part = { kind: "component", index };
  const name = word(`${partName(answer, part)}: `);
  const parts = [name, ...valueParts(answer, partValue(answer, part)), word(`; up to here ${number(sums[index])}`)];
  const layer = answer.snapshot.layers[index] ?? -1;
  if (attentionOf(answer, layer) !== index) return [...parts, word(".")];
  const heads = headsOf(answer, layer)
    .slice(0, LISTED)
    .map((head) => `${layer}.${head} ${number(partValue(answer, { kind: "head", layer, head }), true)}`);
  return [...parts, word(heads.length ? `. Strongest heads: ${heads.join(", ")}.` : ".")];
}

/** One head: its value, beside that of all attention of its layer. */
export function headText(answer: DirectAnswer, layer: number, head: number): Parts {
  const value = partValue(answer, { kind: "head", layer, head });
  const name = `head ${layer}.${head}: `;
  if (Number.isNaN(value)) return [word(`${name}there is no such head, or its layer can't be split over heads.`)];
  const index = attentionOf(answer, layer);
  const all = index === null ? Number.NaN : partValue(answer, { kind: "component", index });
  const beside = Number.isNaN(all) ? "." : `; all attention of layer ${layer}: ${number(all, true)}.`;
  return [word(name), ...valueParts(answer, value), word(beside)];
}

/** A gap that rounding alone does not make. */
export const ROUNDING = 1e-4;

/** That the parts are all there is. */
export function proofText(answer: DirectAnswer, sums: readonly number[]): string {
  const { logit, gap, softcap, other } = answer.snapshot;
  const what = whatOf(answer);
  const off = gap === 0 ? "no difference in float32" : `a difference of ${number(gap)} of the largest logit`;
  const doubt = gap > ROUNDING ? " That is more than rounding explains: take these shares with care." : "";
  const proof = `The parts sum to ${number(sums.at(-1))}; the ${what} is ${number(logit)} (${off}).${doubt}`;
  if (softcap === null) return proof;
  if (other) return `${proof} Both logits are those before the model's soft cap at ±${number(softcap)}.`;
  const capped = softcap * Math.tanh(logit / softcap);
  return `${proof} The model's soft cap then makes ${number(capped)} of it (${number(softcap)} · tanh(logit / ${number(softcap)})).`;
}

/** Input as Python writes it: JSON's strings and lists are Python's too. */
function literal({ snapshot: { input, text }, tokens }: DirectAnswer): string {
  if (input.kind === "ids") return `[${tokens.ids.join(", ")}]`;
  if (input.kind === "chat") return JSON.stringify(input.messages ?? []);
  return JSON.stringify(input.text ?? text);
}

/** The cell that shows where a head looks; model and names as in the cell that makes this view. */
export function attentionCode(answer: DirectAnswer, layer: number, head: number): string {
  const { code } = answer.snapshot;
  const call = code.indexOf("xw.DirectLogitAttribution(");
  return `${call < 0 ? "" : code.slice(0, call)}xw.Attention(lm, ${literal(answer)}).weights(layer=${layer}, head=${head})`;
}

/** A new picture in a sentence or two, for screen readers. */
export function announcement(answer: DirectAnswer): string {
  const top = strongest(answer.values, 3).map((index) => {
    const part: Part = { kind: "component", index };
    return `${partName(answer, part)} ${number(partValue(answer, part), true)}`;
  });
  return `${plain(questionOf(answer))} The ${whatOf(answer)} is ${number(answer.snapshot.logit)}. Strongest: ${top.join(", ")}.`;
}
