/** What the attention view says: questions, sentences under the pictures, texts for screen readers. Values only. */
import type { AttentionAnswer } from "../../protocol/decode-attention.ts";
import type { AttentionRequest } from "../../protocol/generated.ts";
import type { Found } from "../../state/attention-details.ts";
import { labelText } from "../../state/attention-heads.ts";
import { tokenName } from "../../state/attention-names.ts";
import type { HeadView } from "../../state/attention-picture.ts";
import type { Axis, Look } from "../../state/attention-store.ts";
import { number } from "../../state/words.ts";
import { type Parts, token, word } from "../shared/sentence.ts";

export const MEASURES: readonly { value: NonNullable<AttentionRequest["measure"]>; text: string; unit: string }[] = [
  { value: "weight", text: "attention weight", unit: "part of a row" },
  { value: "norm", text: "length of what is taken in", unit: "length of weight × value" },
  { value: "value_zeroing", text: "change without its value", unit: "change when the value is zero" },
];

/** `given`: what the kernel says its numbers are. */
export function measureUnit({ measure, hideFirst }: Look, given: string): string {
  const unit = given || (MEASURES.find((m) => m.value === measure)?.unit ?? "");
  return hideFirst && measure === "weight" ? `${unit} without the first token` : unit;
}

/** What correlations of the effect are with, by the name they have on the wire. */
const WITH: Record<string, string> = {
  looks: "how much looks away from the first token",
  takes: "length of what is taken in",
};

const ZEROING = "This is of the whole layer: the same for each of its heads.";

export function withText(name: string): string {
  return WITH[name] ?? name.replaceAll("_", " ");
}

/** What hiding the first token does to the picture. */
export function hiddenText({ hideFirst, measure }: Look, levels: number): string {
  if (measure === "value_zeroing" && !hideFirst) return ZEROING;
  if (!hideFirst) return "";
  const rest = measure === "weight" ? "; the rest of each row is divided by what it leaves" : "";
  const coarse =
    levels > 1
      ? ` Zoomed out, the first column of cells goes with it${measure === "weight" ? ", and a cell shows at least what is reached" : ""}.`
      : "";
  return `The first token is hidden${rest}.${coarse}${measure === "value_zeroing" ? ` ${ZEROING}` : ""}`;
}

/** What a cell that stands for several shows. */
export function pooledText({ pool, hideFirst, measure }: Look): string {
  const name = pool === "max" ? "maximum" : "mean";
  return hideFirst && measure === "weight" ? `at least the ${name}` : name;
}

export function questionOf(name: string, otherName: string): Parts {
  if (!name) return [word("Where do the heads look? Choose one.")];
  const parts = [word("Where does head "), token(name)];
  if (otherName) parts.push(word(" look, and where head "), token(otherName));
  return [...parts, word(otherName ? "?" : " look?")];
}

/** Why two heads are beside each other without a difference, or what their difference compares. */
export function apartText(
  head: HeadView,
  other: HeadView,
  name: string,
  otherName: string,
  comparable: boolean,
): string {
  const size = (view: HeadView) => `${view.rows.toLocaleString("en")} × ${view.keys.toLocaleString("en")}`;
  if (!comparable)
    return `No difference is drawn: head ${name} has ${size(head)} positions, head ${otherName} ${size(other)}.`;
  const changed = head.seen.ids.filter((id, i) => id !== other.seen.ids[i]).length;
  const places = head.seen.ids.length.toLocaleString("en");
  return changed ? `The difference is taken place by place: ${changed} of ${places} have another token.` : "";
}

/** What the chosen head matters for: here, and on other texts where that was measured. */
export function effectText(
  name: string,
  candidate: string,
  here: number | undefined,
  elsewhere: number | undefined,
  prompts: number,
): Parts {
  if (here === undefined && elsewhere === undefined) return [];
  const others = `${prompts} other text${prompts === 1 ? "" : "s"}`;
  const far =
    elsewhere === undefined ? "" : `the first candidate moves by ${number(elsewhere)} nats on average of ${others}`;
  if (here === undefined) return [word(`Without head ${name} ${far}.`)];
  const verb = here >= 0 ? "loses" : "gains";
  return [
    word("Here the first candidate "),
    token(tokenText(candidate)),
    word(` ${verb} ${number(Math.abs(here))} nats without head ${name}`),
    word(far ? `; elsewhere ${far}.` : "."),
  ];
}

/** What grey cells are, where they are not on their way. */
export function greyText({ error, absent }: { error: unknown; absent: boolean }, gone: boolean): string | undefined {
  if (absent) return "was not saved";
  return error || gone ? "can't be had" : undefined;
}

const quotedAt = (name: string, at: number) => [token(name), word(` (${at})`)];

/** One weight: who looks at whom, how much. */
export function cellText(view: HeadView, row: number, column: number, value: number | null): Parts {
  const much = value === null ? "" : `: ${number(value)}`;
  const rest = column >= view.keys;
  if (rest) return [...quotedAt(tokenName(view.looks, row), row), word(` gives to no token${much}`)];
  return [
    ...quotedAt(tokenName(view.looks, row), row),
    word(" looks at "),
    ...quotedAt(tokenName(view.seen, column), column),
    word(much),
  ];
}

/** The strongest of a line, in a sentence. */
export function lineText(view: HeadView, axis: Axis, focus: readonly number[], values: ArrayLike<number>): Parts {
  const at = focus[0] ?? 0;
  const [from, to] = axis === "query" ? [view.looks, view.seen] : [view.seen, view.looks];
  const positions = axis === "query" ? view.keys : view.rows;
  const who =
    focus.length > 1
      ? [word(`${focus.length} pinned tokens, on average,`)]
      : axis === "key" && at >= view.keys
        ? [word("what no token gets")]
        : quotedAt(tokenName(from, at), at);
  const order = Array.from({ length: Math.min(positions, values.length) }, (_, i) => i)
    .filter((i) => (values[i] ?? 0) > 0)
    .sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0))
    .slice(0, 3);
  const verb = axis === "query" ? " looks at " : " is looked at by ";
  const list = order.flatMap((i, n) => [
    ...(n ? [word(", ")] : []),
    token(tokenName(to, i)),
    word(` ${number(values[i])}`),
  ]);
  const rest =
    axis === "query" && values.length > positions ? [word(`; no token gets ${number(values[positions])}`)] : [];
  return [
    ...who,
    word(focus.length > 1 ? verb.replace("looks", "look").replace("is", "are") : verb),
    ...(list.length ? list : [word("nothing")]),
    ...rest,
  ];
}

/** What turning something off did. */
export function offText(what: string, { before, after, kl }: Found): Parts {
  const [first] = before;
  const parts = [];
  const same = first && after.find((c) => c.id === first.id);
  if (first && same) {
    const loss = Math.log(first.prob) - Math.log(same.prob);
    const verb = loss >= 0 ? "loses" : "gains";
    parts.push(
      word(`${what} the first candidate `),
      token(tokenText(first.text)),
      word(` ${verb} ${number(Math.abs(loss))} nats`),
    );
  } else if (first) {
    parts.push(
      word(`${what} the first candidate `),
      token(tokenText(first.text)),
      word(` is no longer among the first ${after.length}`),
    );
  } else parts.push(word(what));
  if (kl !== null) parts.push(word(`; the whole distribution moves by ${number(kl)} nats (KL).`));
  return parts;
}

export function tokenText(text: string): string {
  return text.trim() || JSON.stringify(text).slice(1, -1).replaceAll(" ", "␣");
}

/** How attention and effect go together over heads, in a word. */
export function agreementText(value: number): string {
  const size = Math.abs(value);
  const word_ = size < 0.2 ? "hardly" : size < 0.5 ? "weakly" : size < 0.8 ? "partly" : "closely";
  return `${word_}${value < 0 && size >= 0.2 ? ", the other way round" : ""}`;
}

/** A new picture in a sentence or two, for screen readers. */
export function announcement(answer: AttentionAnswer, head: HeadView | null, name: string): string {
  if (!head) return `Attention of ${answer.heads} heads over ${answer.queries.ids.length} tokens. Choose a head.`;
  return `Head ${name}: ${labelText(answer, head.head)}`;
}
