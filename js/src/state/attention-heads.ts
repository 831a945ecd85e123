/** Heads in groups, sorted and filtered, with what they are called and why. Values only. */
import type { AttentionAnswer } from "../protocol/decode-attention.ts";
import type { PatternInfo } from "../protocol/generated.ts";
import { headName, headPlace, mapName } from "./attention-picture.ts";
import { number } from "./words.ts";

export type Order = "layer" | "label" | "effect";

export interface HeadEntry {
  readonly index: number;
  readonly title: string;
  /** The first word of its label: there is no room for more. */
  readonly label: string;
  /** What the first candidate loses without it, as a part of the largest loss. */
  readonly mark?: number;
}

export interface HeadGroup {
  readonly title: string;
  readonly heads: readonly HeadEntry[];
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

/** `only`: a label to keep, "" for all. `effects`: by head, where they were measured. */
export function groupsOf(
  answer: AttentionAnswer,
  order: Order,
  only: string,
  effects: ArrayLike<number> | null,
): HeadGroup[] {
  const { maps, labels } = answer.snapshot;
  let top = 0;
  for (let i = 0; effects && i < effects.length; i++) top = Math.max(top, Math.abs(effects[i] ?? 0));
  const entry = (index: number): HeadEntry => ({
    index,
    title: headName(answer, index),
    label: labelTitle(answer, labels[index] ?? "").split(" ")[0] ?? "",
    ...(effects && top ? { mark: (effects[index] ?? 0) / top } : {}),
  });
  const kept = Array.from({ length: answer.heads }, (_, i) => i).filter((i) => !only || labels[i] === only);
  const group = (title: string, some: readonly number[]): HeadGroup => ({ title, heads: some.map(entry) });
  const groups =
    order === "layer"
      ? maps.map((map) => {
          const mine = kept.filter((i) => i >= map.first_head && i < map.first_head + map.n_heads);
          return group(mapName(answer, map), mine);
        })
      : order === "label"
        ? [...labelsOf(answer), { name: "", title: "no label", count: 0 }].map(({ name, title }) => {
            const mine = kept.filter((i) => labels[i] === name);
            return group(title, mine);
          })
        : [
            group(
              "largest effect first",
              effects ? kept.sort((a, b) => Math.abs(effects[b] ?? 0) - Math.abs(effects[a] ?? 0)) : kept,
            ),
          ];
  return groups.filter((g) => g.heads.length > 0);
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
  const effect = effects ? `effect ${number(effects[head], true)} nats` : "";
  const parts = [`${mapName(answer, place.of)}, head ${place.head}`, label || "no label", effect];
  return parts.filter(Boolean).join(", ");
}
