/** Heads in groups, sorted and filtered, with what they are called and why. Values only. */
import type { AttentionAnswer } from "../protocol/decode-attention.ts";
import type { PatternInfo } from "../protocol/generated.ts";
import { headName, headNumber, headPlace, mapName } from "./attention-names.ts";
import { differences, mapsByPlace } from "./attention-versions.ts";
import { number } from "./words.ts";

export type Order = "layer" | "label" | "effect" | "elsewhere" | "difference";

export interface HeadEntry {
  readonly index: number;
  readonly title: string;
  /** The first word of its label: there is no room for more. */
  readonly label: string;
  /** Squares of the overview it has, where it does not fill them. */
  readonly rows: number;
  readonly columns: number;
  /** What the first candidate loses without it, as a part of the largest loss; none where it was not measured. */
  readonly mark?: number;
}

/** What was measured of every head of the first version: here, and the mean size on other texts. */
export interface Measured {
  readonly here: ArrayLike<number> | null;
  readonly elsewhere: ArrayLike<number> | null;
}

export interface HeadGroup {
  readonly title: string;
  readonly heads: readonly HeadEntry[];
  /** So many that follow each other stay in one line. */
  readonly together?: number;
}

/** A label that is a pattern's name, as words. */
export function labelTitle({ snapshot }: AttentionAnswer, label: string): string {
  return snapshot.patterns.find((p) => p.name === label)?.title ?? label;
}

/** Labels that some head has, with their number of heads, in the order of the patterns. */
export function labelsOf({ snapshot }: AttentionAnswer): { name: string; title: string; count: number }[] {
  return snapshot.patterns
    .map(({ name, title }) => ({ name, title, count: snapshot.labels.filter((l) => l === name).length }))
    .filter(({ count }) => count > 0);
}

/** `only`: a label to keep, "" for all. */
export function groupsOf(answer: AttentionAnswer, order: Order, only: string, measured: Measured): HeadGroup[] {
  const { labels, cell, cells } = answer.snapshot;
  const squares = (positions = 0) => Math.min(cells, Math.ceil(positions / cell));
  const effects = marksOf(order, measured);
  const top = largest(effects);
  const word = (index: number) => labelTitle(answer, labels[index] ?? "").split(" ")[0] ?? "";
  const entry = (index: number): HeadEntry => ({
    index,
    rows: squares(headPlace(answer, index)?.of.n_query),
    columns: squares(headPlace(answer, index)?.of.n_key),
    title: headName(answer, index),
    label: order === "layer" ? word(index) : [headNumber(answer, index), word(index)].filter(Boolean).join(" "),
    ...(effects && top && index < effects.length ? { mark: (effects[index] ?? 0) / top } : {}),
  });
  const isKept = (index: number) => !only || labels[index] === only;
  const kept = Array.from({ length: answer.heads }, (_, i) => i).filter(isKept);
  const group = (title: string, some: readonly number[], together = 1): HeadGroup => ({
    title,
    heads: some.map(entry),
    ...(together > 1 ? { together } : {}),
  });
  const groups = () => {
    switch (order) {
      case "layer":
        return mapsByPlace(answer)
          .flat()
          .map((map) => {
            const mine = kept.filter((i) => i >= map.first_head && i < map.first_head + map.n_heads);
            return group(mapName(answer, map), mine);
          });
      case "label":
        return [...labelsOf(answer), { name: "", title: "no label" }].map(({ name, title }) => {
          const mine = kept.filter((i) => (labels[i] ?? "") === name);
          return group(title, mine);
        });
      case "difference": {
        // A pair stays together where either of it has the label.
        const pairs = differences(answer).filter(({ heads, mean }) => mean !== null && heads.some(isKept));
        const all = pairs.flatMap(({ heads }) => heads);
        return [group("largest difference first", all, 2)];
      }
      default: {
        const size = (i: number) => Math.abs(effects?.[i] ?? -1);
        const those = effects ? kept.filter((i) => i < effects.length) : kept;
        const title = order === "effect" ? "largest effect first" : "largest elsewhere first";
        return [group(title, effects ? those.sort((a, b) => size(b) - size(a)) : those)];
      }
    }
  };
  return groups().filter((g) => g.heads.length > 0);
}

/** What the bars under the heads show. */
export function marksOf(order: Order, { here, elsewhere }: Measured): ArrayLike<number> | null {
  return order === "elsewhere" ? elsewhere : here;
}

export function largest(values: ArrayLike<number> | null): number {
  let top = 0;
  for (let i = 0; values && i < values.length; i++) top = Math.max(top, Math.abs(values[i] || 0));
  return top;
}

/** How much a head does what a pattern says. */
export function scoreOf({ snapshot, patterns }: AttentionAnswer, head: number, pattern: PatternInfo): number {
  return patterns[head * snapshot.patterns.length + snapshot.patterns.indexOf(pattern)] ?? 0;
}

/** What a pattern is and where it comes from. */
export function definition({ doc, source }: PatternInfo): string {
  return `${doc.replace(/\.$/, "")}. ${source}`.trim();
}

/** A head's label with its score, its definition and source; else what it comes nearest to. */
export function labelText(answer: AttentionAnswer, head: number): string {
  const { patterns, labels } = answer.snapshot;
  const named = patterns.find((p) => p.name === labels[head]);
  if (named) {
    const score = number(scoreOf(answer, head, named));
    return `${named.title}, ${score} of 1 (a label from ${number(named.threshold)}): ${definition(named)}`;
  }
  // Not a number where the text gives a pattern no chance.
  let near: PatternInfo | null = null;
  for (const p of patterns) if (scoreOf(answer, head, p) > (near ? scoreOf(answer, head, near) : -1)) near = p;
  if (!near) return "";
  return `no label; nearest: ${near.title}, ${number(scoreOf(answer, head, near))} of 1 (a label from ${number(near.threshold)})`;
}

/** What a screen reader says of a head. */
export function headText(answer: AttentionAnswer, head: number, effects: ArrayLike<number> | null): string {
  const place = headPlace(answer, head);
  if (!place) return "";
  const label = labelTitle(answer, answer.snapshot.labels[head] ?? "");
  const effect = effects && head < effects.length ? `effect ${number(effects[head], true)} nats` : "";
  const parts = [`${mapName(answer, place.of)}, head ${place.head}`, label || "no label", effect];
  return parts.filter(Boolean).join(", ");
}
