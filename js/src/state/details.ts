/** Exact values of one unit, and the strongest of all, in words: for the tooltip, screen readers and the table. */
import type { Scene } from "./scene.ts";
import { exactNumber, number, percent } from "./words.ts";

export interface Details {
  readonly title: string;
  readonly lines: readonly { readonly label: string; readonly value: string }[];
}

export function detailsOf(scene: Scene, index: number): Details | null {
  const unit = scene.units[index];
  const { answer, values } = scene;
  if (!unit || !answer) return null;
  const lines: { label: string; value: string }[] = [];
  const add = (label: string, value: string) => lines.push({ label, value });
  const value = unit.entry < 0 ? undefined : values?.[unit.entry];
  if (value !== undefined && values) {
    const exact = !answer.known || Boolean(answer.known[unit.entry]);
    const waiting = !exact && !scene.estimate;
    add(
      exact && !(answer.estimate && !answer.known) ? "score" : waiting ? "score" : "estimate",
      waiting ? "not yet known" : exactNumber(value),
    );
    const error = scene.errors?.[unit.entry];
    if (error !== undefined && !Number.isNaN(error)) add("standard error", `± ${exactNumber(error)}`);
    const total = values.reduce((sum, v) => sum + (Number.isFinite(v) ? Math.abs(v) : 0), 0);
    if (total > 0 && Number.isFinite(value) && !waiting) add("share of the total", percent(Math.abs(value) / total));
    const old = scene.changes?.old[unit.entry];
    if (scene.changes?.fresh[unit.entry]) add("before", "not there");
    else if (old !== undefined && !Number.isNaN(old)) add("before", exactNumber(old));
  }
  const written = unit.generated >= 0 ? answer.snapshot.generated[unit.generated] : undefined;
  if (written) add("probability", exactNumber(written.prob));
  const [first] = unit.pieces;
  if (unit.pieces.length === 1 && first) {
    if (first.raw) add("vocabulary", first.raw);
    if (first.id >= 0) add("id", String(first.id));
    add("position", String(first.index));
  } else if (first) {
    add("tokens", String(unit.pieces.length));
    add("positions", `${first.index} to ${unit.pieces.at(-1)?.index ?? first.index}`);
  }
  return { title: named(unit.label, first?.raw ?? ""), lines };
}

/** One line for a screen reader. */
export function spoken(scene: Scene, index: number): string {
  const details = detailsOf(scene, index);
  if (!details) return "";
  const unit = scene.units[index];
  const kept = details.lines.filter(({ label }) => !["vocabulary", "id", "position", "positions"].includes(label));
  const written = unit && unit.generated >= 0 ? ", written by the model" : "";
  return [details.title + written, ...kept.map(({ label, value }) => `${label} ${value}`)].join(", ");
}

const TABLE_ROWS = 30;

/** The strongest entries, most first: text, score, position. */
export function strongest(scene: Scene, count: number = TABLE_ROWS): string[][] {
  const { values } = scene;
  if (!values) return [];
  const size = (entry: number) => {
    const value = Math.abs(values[entry] ?? Number.NaN);
    return Number.isNaN(value) ? -1 : value;
  };
  return scene.units
    .filter((unit) => unit.entry >= 0)
    .sort((a, b) => size(b.entry) - size(a.entry))
    .slice(0, count)
    .map((unit) => [
      named(unit.label, unit.pieces[0]?.raw ?? ""),
      number(values[unit.entry], scene.answer?.snapshot.signed),
      String(unit.pieces[0]?.index ?? ""),
    ]);
}

function named(label: string, raw: string): string {
  return label.trim() || raw || (label === "" ? "(empty)" : JSON.stringify(label).slice(1, -1).replaceAll(" ", "␣"));
}
