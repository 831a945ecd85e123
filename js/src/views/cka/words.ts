/** What the view of CKA says: the question, one pair, how far to trust it. Values only. */
import type { CKAAnswer } from "../../protocol/decode-cka.ts";
import { ckaOf, type Estimate, lineOf, type Pair } from "../../state/cka-picture.ts";
import { number, shortName } from "../../state/words.ts";
import { type Parts, word } from "../shared/sentence.ts";

export const ESTIMATES: Record<Estimate, string> = { debiased: "debiased", plain: "plain" };

/** Both models by the last part of their names; told apart where those are alike. */
export function modelNames({ snapshot: { names, one } }: CKAAnswer): readonly [string, string] {
  const [first = "", second = ""] = names.map(shortName);
  return first === second && !one ? [names[0] ?? "", names[1] ?? ""] : [first, second];
}

const count = (n: number, what: string) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

export function questionOf(answer: CKAAnswer): Parts {
  const [first, second] = modelNames(answer);
  if (answer.snapshot.one) return [word(`How alike are the layers of ${first}?`)];
  return [word(`How alike are the layers of ${first} and ${second}?`)];
}

/** What was compared. */
export function samplesText({ snapshot: { n, per, n_texts, first } }: CKAAnswer): string {
  if (per === "text") return `${count(n, "text")}, the mean of each`;
  return `${count(n, "position")} of ${count(n_texts, "text")}${first ? "" : ", first positions left out"}`;
}

export function pairText(answer: CKAAnswer, pair: Pair): Parts {
  const { rows, columns, one } = answer.snapshot;
  const [first, second] = modelNames(answer);
  const [a, b] = [rows[pair.row] ?? "", columns[pair.column] ?? ""];
  const names = one ? `${a} beside ${b}` : `${a} of ${first} beside ${b} of ${second}`;
  const [debiased, plain] = [ckaOf(answer, "debiased", pair), ckaOf(answer, "plain", pair)];
  if (Number.isNaN(debiased) && Number.isNaN(plain))
    return [word(`${names}: not a number, because one of them is the same at all samples.`)];
  return [word(`${names}: ${number(debiased)} debiased, ${number(plain)} plain.`)];
}

/** Above this, plain CKA says more about how many samples there are than about the layers. */
const MUCH = 0.1;

export function trustText(answer: CKAAnswer): string {
  const { by_chance, n, widths } = answer.snapshot;
  const wide = widths[0] === widths[1] ? `width ${widths[0]}` : `widths ${widths[0]} and ${widths[1]}`;
  const chance = `Independent streams of ${wide} over ${n.toLocaleString("en")} samples would have about ${number(by_chance)} plain and 0 debiased.`;
  return by_chance > MUCH ? `${chance} So read the debiased numbers, or give more text.` : chance;
}

/** More of a stream's variance than this in one sample, and CKA is about that sample. */
const LOUD = 0.5;

/** Streams that one sample decides; "" where there are none. */
export function loudText(answer: CKAAnswer): string {
  const { rows, columns, one, per } = answer.snapshot;
  const found = (names: readonly string[], values: Float32Array) =>
    listed(names.filter((_, i) => (values[i] ?? 0) > LOUD));
  const [first, second] = [found(rows, answer.loudest[0]), one ? "" : found(columns, answer.loudest[1])];
  if (!first && !second) return "";
  const [a, b] = modelNames(answer);
  const of = one ? first : [first && `${first} of ${a}`, second && `${second} of ${b}`].filter(Boolean).join("; ");
  return `More than half of the variance is one ${per}'s in ${of}: there these numbers are mostly about that ${per}.`;
}

/** Layers named one by one, or from the first to the last of a run: "embedding, layers 2 to 9". */
function listed(names: readonly string[]): string {
  const numbers = names.filter((name) => name.startsWith("layer ")).map((name) => Number(name.slice(6)));
  const runs: [number, number][] = [];
  for (const n of numbers) {
    const last = runs.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else runs.push([n, n]);
  }
  const texts = runs.map(([from, to]) => (from === to ? String(from) : `${from} to ${to}`));
  const layers = texts.length ? `${numbers.length > 1 ? "layers" : "layer"} ${texts.join(", ")}` : "";
  return [...names.filter((name) => !name.startsWith("layer ")), layers].filter(Boolean).join(", ");
}

/** What the line under the matrix is of. */
export function lineTitle(answer: CKAAnswer): string {
  const { rows, columns, one } = answer.snapshot;
  const [first, second] = modelNames(answer);
  if (one) return "each layer beside the next";
  if (rows.length === columns.length) return "layers at the same place";
  return `each layer of ${first} beside the one of ${second} it is most alike`;
}

/** A new picture in a sentence or two, for screen readers. */
export function announcement(answer: CKAAnswer): string {
  const values = lineOf(answer)
    .map((pair) => ckaOf(answer, "debiased", pair))
    .filter((value) => !Number.isNaN(value));
  const range = values.length ? `${number(Math.min(...values))} to ${number(Math.max(...values))}` : "no number";
  return `Debiased CKA, ${lineTitle(answer)}: ${range}, over ${samplesText(answer)}.`;
}
