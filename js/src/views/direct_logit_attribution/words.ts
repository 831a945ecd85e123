/** What the view of direct logit attribution says: the question, one part, the proof, code. Values only. */
import { visible } from "../../kit/shared/dom.ts";
import { attentionOf, headsOf, type Part, partValue, type Shown, strongest } from "../../state/direct-picture.ts";
import { number, percent, probability, shortName } from "../../state/words.ts";
import { type Parts, plain, token, word } from "../shared/sentence.ts";

/** Both models by the last part of their names; told apart where those are alike. */
export function versionNames({ snapshot: { name, versus } }: Shown): readonly string[] {
  if (!versus) return [name];
  const names = [shortName(name), shortName(versus.name)];
  return names[0] === names[1] ? [name, versus.name] : names;
}

/** What is split: the logit, or a difference of two; and of which model, where two are compared. */
export function whatOf(answer: Shown): string {
  const base = answer.snapshot.other ? "logit difference" : "logit";
  if (!answer.both) return base;
  const [first, second] = versionNames(answer);
  if (answer.which === "difference") return `${base}, ${first} less ${second}`;
  return `${base} in ${answer.which === "this" ? first : second}`;
}

/** Over the bars, where there is no room for names of models. */
export function axisTitle({ snapshot, which }: Shown): string {
  if (which === "difference") return "difference of shares";
  return `share of the ${snapshot.other ? "difference" : "logit"}`;
}

export function questionOf({ snapshot: { target, other }, which }: Shown): Parts {
  const who = which === "difference" ? "Who makes the difference in" : "Who wrote";
  const parts = [word(`${who} the logit of `), token(visible(target.text))];
  if (other) parts.push(word(" less that of "), token(visible(other.text)));
  return [...parts, word("?")];
}

/** What either model gives the target. */
export function versionsText(answer: Shown): Parts {
  const { versus } = answer;
  if (!answer.both || !versus) return [];
  const [first, second] = versionNames(answer);
  const { target } = answer.own;
  const of = (prob: number, name: string | undefined) => `${probability(prob)} in ${name}`;
  return [
    word("Probability of "),
    token(visible(target.text)),
    word(`: ${of(target.prob, first)}, ${of(versus.version.target.prob, second)}.`),
  ];
}

const KINDS: Record<string, string> = { attn: "attention", mlp: "MLP", mixer: "mixer" };

export function kindName(kind: string): string {
  return KINDS[kind] ?? kind;
}

export function partName({ snapshot: { components, kinds, layers } }: Shown, part: Part): string {
  if (part.kind === "head") return `head ${part.layer}.${part.head}`;
  const layer = layers[part.index] ?? -1;
  if (layer < 0) return components[part.index] ?? "";
  return `${kindName(kinds[part.index] ?? "")} of layer ${layer}`;
}

/** Beyond this multiple of the logit a share of it says nothing. */
const SENSELESS = 100;

/** A value over the logit; null where the logit is too small to have shares. */
function shareOf({ snapshot: { logit } }: Shown, value: number): number | null {
  const share = value / logit;
  return value && Number.isFinite(share) && Math.abs(share) <= SENSELESS ? share : null;
}

/** The same as a signed number of percent; "" where there is none. */
export function shareText(answer: Shown, value: number): string {
  const share = shareOf(answer, value);
  return share === null ? "" : `${share < 0 ? "−" : ""}${percent(Math.abs(share))}`;
}

/** A value, which way it goes, and how much of the logit it is. */
function valueParts(answer: Shown, value: number): Parts {
  if (Number.isNaN(value)) return [word("not a number")];
  const { target, other } = answer.snapshot;
  const apart = answer.which === "difference";
  if (!value) return [word(apart ? "0, the same in both" : "0, nothing either way")];
  const way = apart ? (value > 0 ? "more for" : "less for") : value > 0 ? "for" : "against";
  const parts = [word(`${number(value, true)}, ${way} `), token(visible(target.text))];
  if (other) parts.push(word(" rather than "), token(visible(other.text)));
  const share = shareOf(answer, value);
  if (share === null) return parts;
  if (apart) {
    const all = `${percent(Math.abs(share))} of the whole difference`;
    return [...parts, word(share > 0 ? `: ${all}` : `: as much as ${all}, the other way`)];
  }
  const much = `${percent(Math.abs(share))} of the ${whatOf(answer)}`;
  return [...parts, word(share > 0 ? `: ${much}` : `: as much as ${much}, the other way`)];
}

/** The value in both models; "" where there is one. */
function inBoth(answer: Shown, part: Part): string {
  if (!answer.both || answer.both.some((shares) => Number.isNaN(partValue(shares, part)))) return "";
  const names = versionNames(answer);
  return `; ${answer.both.map((shares, i) => `${number(partValue(shares, part), true)} in ${names[i]}`).join(", ")}`;
}

/** Heads listed with the attention they are of. */
const LISTED = 3;

/** One component: its value, and what all come to up to it. */
export function componentText(answer: Shown, sums: readonly number[], index: number): Parts {
  const part: Part = { kind: "component", index };
  const name = word(`${partName(answer, part)}: `);
  const parts = [
    name,
    ...valueParts(answer, partValue(answer, part)),
    word(inBoth(answer, part)),
    word(`; up to here ${number(sums[index])}`),
  ];
  const layer = answer.snapshot.layers[index] ?? -1;
  if (attentionOf(answer, layer) !== index) return [...parts, word(".")];
  const heads = headsOf(answer, layer)
    .slice(0, LISTED)
    .map((head) => `${layer}.${head} ${number(partValue(answer, { kind: "head", layer, head }), true)}`);
  return [...parts, word(heads.length ? `. Strongest heads: ${heads.join(", ")}.` : ".")];
}

/** One head: its value, beside that of all attention of its layer. */
export function headText(answer: Shown, layer: number, head: number): Parts {
  const value = partValue(answer, { kind: "head", layer, head });
  const name = `head ${layer}.${head}: `;
  if (Number.isNaN(value)) return [word(`${name}${headGap(answer, layer)}`)];
  const index = attentionOf(answer, layer);
  const all = index === null ? Number.NaN : partValue(answer, { kind: "component", index });
  const beside = Number.isNaN(all) ? "." : `; all attention of layer ${layer}: ${number(all, true)}.`;
  return [word(name), ...valueParts(answer, value), word(inBoth(answer, { kind: "head", layer, head })), word(beside)];
}

/** Why a head has no share. */
function headGap(answer: Shown, layer: number): string {
  const reason = unsplit(answer, layer)?.heads || answer.versus?.version.unsplit.find((u) => u.layer === layer)?.heads;
  if (reason) return `layer ${layer} can't be split over heads: ${reason}.`;
  if (answer.which === "difference" && answer.headShape.join() !== answer.versus?.headShape.join())
    return "the two models have other numbers of heads, so theirs have no counterparts.";
  return `layer ${layer} has no such head.`;
}

const unsplit = ({ snapshot }: Shown, layer: number) => snapshot.unsplit.find((u) => u.layer === layer);

/** Why an MLP has no neurons to show. */
export function neuronGap(answer: Shown, layer: number): string {
  const reason = unsplit(answer, layer)?.neurons;
  return `This MLP can't be split over neurons${reason ? `: ${reason}` : ""}.`;
}

/** A gap that rounding alone does not make. */
export const ROUNDING = 1e-4;

/** That the parts are all there is. */
export function proofText(answer: Shown, sums: readonly number[]): string {
  const { logit, gap, softcap, other } = answer.snapshot;
  if (answer.which === "difference" && answer.versus) return differenceProof(answer, sums);
  const what = whatOf(answer);
  const off = gap === 0 ? "no difference in float32" : `a difference of ${number(gap)} of the largest logit`;
  const doubt = gap > ROUNDING ? " That is more than rounding explains: take these shares with care." : "";
  const proof = `The parts sum to ${number(sums.at(-1))}; the ${what} is ${number(logit)} (${off}).${doubt}`;
  if (softcap === null) return proof;
  if (other) return `${proof} Both logits are those before the model's soft cap at ±${number(softcap)}.`;
  const capped = softcap * Math.tanh(logit / softcap);
  return `${proof} The model's soft cap then makes ${number(capped)} of it (${number(softcap)} · tanh(logit / ${number(softcap)})).`;
}

function differenceProof(answer: Shown, sums: readonly number[]): string {
  const { own, versus, snapshot } = answer;
  const [first, second] = versionNames(answer);
  const base = own.other ? "logit difference" : "logit";
  const off =
    snapshot.gap === 0 ? "no difference in float32" : `a difference of ${number(snapshot.gap)} of the largest logit`;
  const doubt = snapshot.gap > ROUNDING ? " That is more than rounding explains: take these shares with care." : "";
  const capped = own.softcap !== null || (versus?.version.softcap ?? null) !== null;
  const cap = capped ? " All logits are those before a soft cap." : "";
  const times = number(versus?.version.scale);
  const scale = ` Both are read at the scale of the last norm in ${first}; in ${second} it divides by ${times} times as much, which is “norm scale”.`;
  return `The differences sum to ${number(sums.at(-1))}; the ${base} is ${number(own.logit)} in ${first} and ${number(versus?.version.logit)} in ${second} (${off}).${doubt}${scale}${cap}`;
}

/** Input as Python writes it: JSON's strings and lists are Python's too. */
function literal({ snapshot: { input, text }, tokens }: Shown): string {
  if (input.kind === "ids") return `[${tokens.ids.join(", ")}]`;
  if (input.kind === "chat") return JSON.stringify(input.messages ?? []);
  return JSON.stringify(input.text ?? text);
}

/** The cell that shows where a head looks; model and names as in the cell that makes this view. */
export function attentionCode(answer: Shown, layer: number, head: number): string {
  const { code } = answer.snapshot;
  const call = code.indexOf("xw.DirectLogitAttribution(");
  const lm = answer.which === "other" ? "other" : "lm";
  return `${call < 0 ? "" : code.slice(0, call)}xw.Attention(${lm}, ${literal(answer)}).weights(layer=${layer}, head=${head})`;
}

/** A new picture in a sentence or two, for screen readers. */
export function announcement(answer: Shown): string {
  const top = strongest(answer.values, 3).map((index) => {
    const part: Part = { kind: "component", index };
    return `${partName(answer, part)} ${number(partValue(answer, part), true)}`;
  });
  return `${plain(questionOf(answer))} The ${whatOf(answer)} is ${number(answer.snapshot.logit)}. Strongest: ${top.join(", ")}.`;
}
