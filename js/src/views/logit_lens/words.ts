/** What the lens view says: questions, cells, the way of a token, texts for screen readers. Values only. */
import type { LensAnswer } from "../../protocol/decode-lens.ts";
import { tokenName } from "../../state/attention-names.ts";
import { courseOf, guessesOf, isWhole, type Trace } from "../../state/lens-picture.ts";
import type { LensCell, Measure } from "../../state/lens-store.ts";
import { number, probability } from "../../state/words.ts";
import { type Parts, plain, token, word } from "../shared/sentence.ts";

export const MEASURES: readonly { value: Measure; text: string; unit: string }[] = [
  { value: "probability", text: "probability", unit: "probability of the written token" },
  { value: "entropy", text: "entropy", unit: "nats: how undecided the stream is" },
  { value: "kl", text: "KL to the answer", unit: "nats from the final answer" },
  { value: "agreement", text: "agreement", unit: "the written token is the final answer's" },
];

export function measureUnit(measure: Measure): string {
  return MEASURES.find((m) => m.value === measure)?.unit ?? "";
}

/** A value of the ink with its name. */
function measureText(measure: Measure, value: number): string {
  if (Number.isNaN(value)) return "";
  if (measure === "agreement")
    return value > 0 ? "agrees with the final answer" : "another token than the final answer";
  if (measure === "probability") return "";
  return `${measure === "kl" ? "KL to the answer" : "entropy"} ${number(value)} nats`;
}

/** A token that was guessed, as it is spoken of. */
export function guessName(text: string): string {
  if (text.trim()) return text.trim();
  return text === "" ? "⋯" : [...text].map((c) => (c === "\n" ? "↵" : c === "\t" ? "⇥" : "␣")).join("");
}

export function streamName({ snapshot }: LensAnswer, stream: number): string {
  return snapshot.streams[stream] ?? "";
}

export function questionOf(answer: LensAnswer): Parts {
  const { k, streams } = answer.snapshot;
  if (streams.length < 2 || k < 1) return [word("What would come next?")];
  return [word("What would come next if the model stopped after each layer?")];
}

/** Listed in the line under the grid. */
const LISTED = 5;

/** One cell: where it is, what would come next there, and what its ink means. */
export function cellText(answer: LensAnswer, cell: LensCell, measure: Measure, value: number): Parts {
  const read = tokenName(answer.tokens, cell.position);
  const where = [word(`${streamName(answer, cell.stream)} at `), token(read), word(` (${cell.position}): `)];
  const guesses = guessesOf(answer, cell).slice(0, LISTED);
  if (!guesses.length) return [...where, word("not read yet")];
  const list = guesses.flatMap(({ text, prob }, i) => [
    ...(i ? [word(", ")] : []),
    token(guessName(text)),
    word(` ${probability(prob)}`),
  ]);
  const much = measureText(measure, value);
  return [...where, ...list, ...(much ? [word(`; ${much}`)] : [])];
}

export const cellSpoken = (...of: Parameters<typeof cellText>) => plain(cellText(...of));

/** Where the followed token becomes the first, and how it ends. */
export function traceText(answer: LensAnswer, trace: Trace, position: number): Parts {
  const { first, settled, best } = courseOf(trace);
  const name = (stream: number) => placeName(streamName(answer, stream));
  const last = trace.rank.length - 1;
  const ordinal = (stream: number) => (trace.rank[stream] ?? 0).toLocaleString("en");
  const end = `at the end rank ${ordinal(last)}, probability ${number(trace.prob[last])}`;
  const parts = [token(guessName(trace.text)), word(" at "), token(tokenName(answer.tokens, position))];
  parts.push(word(` (${position}) `));
  if (first === null) {
    parts.push(word(`never becomes rank 1; its best is rank ${ordinal(best)} ${name(best)}`));
  } else {
    parts.push(word(`first becomes rank 1 ${name(first)}`));
    if (settled !== null && settled > first)
      parts.push(word(`, and stays so from ${name(settled).replace(/^after /, "")} on`));
    else if (settled !== null && first < last) parts.push(word(" and stays so"));
    else if (settled === null) parts.push(word(", but does not stay so"));
  }
  parts.push(word(`; ${end}.`));
  return parts;
}

/** "after layer 5": a stream that leaves a block, or one of another name. */
function placeName(stream: string): string {
  return /^layer \d+$/.test(stream) ? `after ${stream}` : `in “${stream}”`;
}

/** What the tokens to choose from are those of: the pinned cell, or the end of the text. */
export function whoseText(answer: LensAnswer, pinned: LensCell | null, position: number): Parts {
  const read = tokenName(answer.tokens, position);
  const who = pinned ? `Pinned: ${streamName(answer, pinned.stream)} at ` : "The model's own answer at ";
  return [word(who), token(read), word(` (${position})`)];
}

/** A new picture in a sentence or two, for screen readers. */
export function announcement(answer: LensAnswer): string {
  const { streams } = answer.snapshot;
  const last = answer.known.length - 1;
  const [guess] = guessesOf(answer, { stream: streams.length - 1, position: last });
  const says = guess ? ` The model's own answer is ${guessName(guess.text)}, probability ${number(guess.prob)}.` : "";
  if (!isWhole(answer)) return `The last position was read.${says}`;
  return `Lens of ${streams.length} streams over ${answer.known.length} tokens.${says}`;
}
