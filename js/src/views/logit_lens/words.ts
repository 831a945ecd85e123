/** What the lens view says: questions, cells, the way of a token, texts for screen readers. Values only. */
import type { LensAnswer } from "../../protocol/decode-lens.ts";
import { tokenName } from "../../state/attention-names.ts";
import { courseOf, guessesOf, isWhole, type Trace, type Whose } from "../../state/lens-picture.ts";
import type { Apart, LensCell, LensName, Measure, Shown } from "../../state/lens-store.ts";
import { number, probability, shortName } from "../../state/words.ts";
import { type Parts, plain, token, word } from "../shared/sentence.ts";

export const MEASURES: readonly { value: Measure; text: string; unit: string }[] = [
  { value: "probability", text: "probability", unit: "probability of the written token" },
  { value: "entropy", text: "entropy", unit: "nats: how undecided the stream is" },
  { value: "kl", text: "KL to the answer", unit: "nats from the final answer" },
  { value: "agreement", text: "agreement", unit: "the written token is the final answer's" },
];

export const LENSES: Readonly<Record<LensName, string>> = { logit: "logit lens", tuned: "tuned lens" };

export const APART: readonly { value: Apart; text: string; unit: string }[] = [
  { value: "kl", text: "KL", unit: "nats, KL(other || this)" },
  { value: "change", text: "probability", unit: "probability of this one’s token, less the other’s" },
];

/** Which of two models is shown. */
export const SHOWN: readonly { value: Shown; text: string }[] = [
  { value: "this", text: "this" },
  { value: "other", text: "other" },
  { value: "difference", text: "difference" },
];

/** What is to be said of the lens, and which models are compared. */
export function notesOf({ snapshot, other }: LensAnswer): string {
  const versus = other ? [`this: ${shortName(snapshot.model?.name ?? "")}, other: ${shortName(other.name)}`] : [];
  return [...versus, ...snapshot.notes].join(" ");
}

export function apartUnit(apart: Apart): string {
  return APART.find((a) => a.value === apart)?.unit ?? "";
}

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
export function cellText(
  answer: LensAnswer,
  cell: LensCell,
  measure: Measure,
  value: number,
  shown: Shown = "this",
): Parts {
  const read = tokenName(answer.tokens, cell.position);
  const where = [word(`${streamName(answer, cell.stream)} at `), token(read), word(` (${cell.position}): `)];
  if (!guessesOf(answer, cell).length) return [...where, word("not read yet")];
  if (shown === "difference" && answer.other) return [...where, ...bothText(answer, cell)];
  const much = measureText(measure, value);
  return [
    ...where,
    ...listText(answer, cell, shown === "other" ? "other" : "this", LISTED),
    ...(much ? [word(`; ${much}`)] : []),
  ];
}

function listText(answer: LensAnswer, cell: LensCell, whose: Whose, count: number): Parts {
  return guessesOf(answer, cell, whose)
    .slice(0, count)
    .flatMap(({ text, prob }, i) => [
      ...(i ? [word(", ")] : []),
      token(guessName(text)),
      word(` ${probability(prob)}`),
    ]);
}

/** What both models say in a cell, and how far that is apart. */
function bothText(answer: LensAnswer, cell: LensCell): Parts {
  const at = cell.stream * answer.known.length + cell.position;
  const { kl, change } = answer.other ?? {};
  const [first] = guessesOf(answer, cell);
  return [
    word("this "),
    ...listText(answer, cell, "this", 2),
    word("; other "),
    ...listText(answer, cell, "other", 2),
    word(`; KL(other || this) ${number(kl?.[at])} nats, probability of `),
    token(guessName(first?.text ?? "")),
    word(` ${number(change?.[at], true)} against the other`),
  ];
}

/** What is written into a cell of the grid. */
export function cellWord(answer: LensAnswer, cell: LensCell, shown: Shown): string | null {
  const of = (whose: Whose) => guessesOf(answer, cell, whose)[0];
  if (shown !== "difference") return of(shown)?.text ?? null;
  const [one, two] = [of("this"), of("other")];
  if (!one || !two) return null;
  return one.id === two.id ? one.text : `${guessName(one.text)} ≠ ${guessName(two.text)}`;
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
export function whoseText(answer: LensAnswer, pinned: LensCell | null, position: number, whose: Whose): Parts {
  const read = tokenName(answer.tokens, position);
  const own = whose === "other" ? "The other model's answer at " : "The model's own answer at ";
  const who = pinned
    ? `Pinned: ${streamName(answer, pinned.stream)}${whose === "other" ? " of the other" : ""} at `
    : own;
  return [word(who), token(read), word(` (${position})`)];
}

/** A new picture in a sentence or two, for screen readers. */
export function announcement(answer: LensAnswer): string {
  const { streams } = answer.snapshot;
  const last = answer.known.length - 1;
  const [guess] = guessesOf(answer, { stream: streams.length - 1, position: last });
  const says = guess ? ` The model's own answer is ${guessName(guess.text)}, probability ${number(guess.prob)}.` : "";
  if (!isWhole(answer)) return `The last position was read.${says}`;
  const name = answer.snapshot.lens === "tuned" ? "Tuned lens" : "Lens";
  return `${name} of ${streams.length} streams over ${answer.known.length} tokens.${says}`;
}
