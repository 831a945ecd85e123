/** What is said of where a head looks: the whole row, one position, one cell of the map. Values only. */
import { visible } from "../../kit/shared/dom.ts";
import type { HeadFound } from "../../protocol/decode-direct.ts";
import { type Part, type Shown, strongest } from "../../state/direct-picture.ts";
import { number, percent } from "../../state/words.ts";
import { type Parts, token, word } from "../shared/sentence.ts";

/** Positions named of a row. */
const NAMED = 3;

const tokenAt = ({ tokens }: Shown, position: number) => token(visible(tokens.tokens.text[position] ?? ""));

/** How much of what all comes to; "" where that says nothing. */
function ofAll(value: number, all: number): string {
  const share = value / all;
  return Number.isFinite(share) && share > 0 && share <= 100 ? `, ${percent(share)} of it` : "";
}

/** The row of the last position: what it comes to, and the positions most of it comes from. */
export function sourcesText(answer: Shown, part: Part & { readonly kind: "head" }, head: HeadFound): Parts {
  const { row, shares, weights } = head;
  const count = answer.tokens.ids.length;
  const ranked = strongest((shares ?? weights).subarray(0, count), NAMED);
  const parts = [word(`Head ${part.layer}.${part.head} adds ${number(row.share, true)}. `)];
  if (!shares) {
    parts.push(word(`What of it comes from where can't be told: ${row.reason}. It looks most at `));
    for (const [i, at] of ranked.entries())
      parts.push(word(i ? ", " : ""), tokenAt(answer, at), word(` (weight ${number(weights[at])})`));
    return [...parts, word(".")];
  }
  parts.push(word("Most comes from "));
  for (const [i, at] of ranked.entries()) {
    const value = shares[at] ?? 0;
    const how = `${number(value, true)}${i ? "" : ofAll(value, row.share)}, weight ${number(weights[at])}`;
    parts.push(word(i ? "; " : ""), tokenAt(answer, at), word(` (${how})`));
  }
  const own = sum(shares.subarray(count));
  return [...parts, word(own ? `; from the layer's own entries ${number(own, true)}.` : ".")];
}

export function sourceText(answer: Shown, { shares, weights, row }: HeadFound, position: number): Parts {
  const name = position < answer.tokens.ids.length ? tokenAt(answer, position) : token("an entry of the layer's own");
  const parts = [name, word(` at ${position}: weight ${number(weights[position])}`)];
  if (!shares) return [...parts, word(".")];
  const value = shares[position] ?? 0;
  return [
    ...parts,
    word(
      `; from there come ${number(value, true)} of the head's ${number(row.share, true)}${ofAll(value, row.share)}.`,
    ),
  ];
}

/** One weight of the map. */
export function cellText(answer: Shown, { pattern, weights }: HeadFound, row: number, column: number): Parts {
  const value = pattern?.[row * weights.length + column];
  const seen = column < answer.tokens.ids.length ? tokenAt(answer, column) : token("an entry of the layer's own");
  return [tokenAt(answer, row), word(` at ${row} looks at `), seen, word(` at ${column}: weight ${number(value)}.`)];
}

/** What the map shows, or why there is none. */
export function mapText({ pattern, row }: HeadFound, positions: number): string {
  return pattern
    ? "All of the head's weights, a row for each token that looks:"
    : `The whole map is shown up to ${row.longest} tokens; this text has ${positions}.`;
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
