/** What heads, maps, versions and tokens are called. Values only. */
import type { AttentionAnswer } from "../protocol/decode-attention.ts";
import type { AttentionMap } from "../protocol/generated.ts";
import type { Side } from "../protocol/sides.ts";
import { shortName } from "./words.ts";

export interface Place {
  readonly map: number;
  readonly head: number;
  readonly of: AttentionMap;
}

/** Which map a head (counted over all) is in, and which of its heads it is. */
export function headPlace({ snapshot }: AttentionAnswer, head: number): Place | null {
  const map = snapshot.maps.findIndex((m) => head >= m.first_head && head < m.first_head + m.n_heads);
  const of = snapshot.maps[map];
  return of ? { map, head: head - of.first_head, of } : null;
}

/** A map in words: "layer 5", "encoder layer 2", "cross layer 3", with whose it is where there are two: "layer 5 · base". */
export function mapName(answer: AttentionAnswer, map: AttentionMap): string {
  return ofVersion(answer, map, `${stackName(answer, map)}layer ${map.layer}${call(map)}`);
}

/** "5.3": layer and head, with the stack where there are several, and whose it is where there are two. */
export function headName(answer: AttentionAnswer, head: number): string {
  const place = headPlace(answer, head);
  return place ? ofVersion(answer, place.of, headNumber(answer, head)) : "";
}

/** The same without whose it is. */
export function headNumber(answer: AttentionAnswer, head: number): string {
  const place = headPlace(answer, head);
  if (!place) return "";
  return `${stackName(answer, place.of)}${place.of.layer}${call(place.of)}.${place.head}`;
}

const call = ({ nth }: AttentionMap) => (nth ? ` (call ${nth + 1})` : "");

function stackName({ snapshot }: AttentionAnswer, { stack }: AttentionMap): string {
  return snapshot.maps.some((m) => m.stack !== stack) ? `${stack} ` : "";
}

function ofVersion(answer: AttentionAnswer, { version }: AttentionMap, text: string): string {
  const name = versionName(answer, version);
  return name ? `${text} · ${name}` : text;
}

/** Longest name of a model, and of a text, written out. */
const LONG = { model: 24, text: 16 };

/** What a version is called beside its heads: the last part of a model's name, a piece of a text; "" where there is one. */
export function versionName({ snapshot: { versions }, other }: AttentionAnswer, version: number): string {
  if (versions.length < 2) return "";
  const names = other ? pieces(versions) : versions.map((name) => cut(shortName(name.trim()), LONG.model));
  const name = names[version] ?? "";
  return names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${version + 1})`;
}

/** The beginnings of texts; where those are the same, from the word on where they differ. */
function pieces(texts: readonly string[]): string[] {
  const words = texts.map((text) => text.trim().split(/\s+/));
  const whole = words.map((w) => cut(w.join(" "), LONG.text));
  if (new Set(whole).size === whole.length) return whole;
  const [first = [], ...others] = words;
  let at = first.findIndex((word, i) => others.some((w) => w[i] !== word));
  if (at < 0) at = first.length;
  return words.map((w, i) => (at && w.length > at ? cut(`…${w.slice(at).join(" ")}`, LONG.text) : (whole[i] ?? "")));
}

function cut(text: string, most: number): string {
  const all = [...text];
  return all.length > most
    ? `${all
        .slice(0, most - 1)
        .join("")
        .trimEnd()}…`
    : text;
}

/** A token in a sentence or beside a row: its text with what can't be seen spelled out. */
export function tokenName({ tokens }: Side, i: number): string {
  const text = tokens.text[i];
  if (text === undefined) return "rest";
  if (text.trim()) return text.trim();
  if (text === "") return tokens.raw[i] || "(empty)";
  return [...text].map((c) => (c === "\n" ? "↵" : c === "\t" ? "⇥" : "␣")).join("");
}
