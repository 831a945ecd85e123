/** Token text into elements: always as text, with marks for what can't be seen, the true characters kept for copying. */
import { h } from "./dom.ts";

export interface StripPiece {
  readonly text: string;
  readonly raw: string;
  readonly id: number;
  readonly kind: string;
}

export interface StripUnit {
  readonly pieces: readonly StripPiece[];
  readonly label: string;
  readonly role: string;
  readonly part: string;
  readonly turn: number;
  readonly entry: number;
  readonly generated: number;
}

/**
 * Spaces that would be invisible (two or more, or alone), tabs, line ends, and characters without a shape. Joiners are
 * marked only where they stand alone: inside a word or an emoji they shape their neighbours.
 */
const MARKED =
  /^ +$| {2,}|\t|\r?\n|^[\u200c\u200d]+$|[\u00a0\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff]/g;

/** Put a unit's text into its element. */
export function fill(element: HTMLElement, unit: StripUnit): void {
  const only = unit.pieces.length === 1 ? unit.pieces[0] : undefined;
  if (only && isChip(only)) {
    element.append(chipText(only));
    return;
  }
  for (const piece of unit.pieces) {
    if (isChip(piece)) element.append(h("span", { class: `xw-chip xw-${chipOf(piece)}` }, chipText(piece)));
    else appendMarked(element, piece.text);
  }
}

/** What a unit looks like as a whole: a chip of its own, text of the chat template, or (empty) plain text. */
export function chipClass(unit: StripUnit): "special" | "byte" | "template" | "" {
  const only = unit.pieces.length === 1 ? unit.pieces[0] : undefined;
  const chip = only ? chipOf(only) : "";
  return chip || (unit.role === "special" ? "template" : "");
}

/**
 * Whether a unit begins with the one space between it and the text before: at the end of a line that space may vanish, as it
 * does in any text. Other spaces are kept as they are.
 */
export function ledBySpace(unit: StripUnit, before: StripUnit | undefined): boolean {
  return before?.turn === unit.turn && /^ \S(.*\S)?$/s.test(unit.label) && /\S$/.test(before.label);
}

function isChip(piece: StripPiece): boolean {
  return chipOf(piece) !== "";
}

function chipOf(piece: StripPiece): "special" | "byte" | "" {
  if (piece.kind === "special" || piece.kind === "pad" || piece.kind === "unknown") return "special";
  return piece.text === "" ? "byte" : "";
}

function chipText(piece: StripPiece): Node {
  if (chipOf(piece) === "special") return document.createTextNode(piece.text.trim() || piece.raw || "special");
  const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece.raw)?.[1];
  // Drawn by the style sheet, so that copying the text gives the text.
  return h("span", { class: "xw-mark", "data-mark": hex?.toUpperCase() ?? "⋯" });
}

function appendMarked(element: HTMLElement, text: string): void {
  let from = 0;
  for (const match of text.matchAll(MARKED)) {
    if (match.index > from) element.append(text.slice(from, match.index));
    const found = match[0];
    const isSpace = found.startsWith(" ");
    element.append(h("span", { class: isSpace ? "xw-mark xw-space" : "xw-mark", "data-mark": markOf(found) }, found));
    from = match.index + found.length;
  }
  if (from < text.length) element.append(from ? text.slice(from) : text);
}

/** A token alone, as text only (for a canvas): its one leading space dropped, what can't be seen as the strip marks it. */
export function marked(text: string): string {
  if (text === "") return "⋯";
  return text.replace(/^ (?=\S)/, "").replace(MARKED, markOf);
}

function markOf(found: string): string {
  if (found.includes("\n")) return "↵";
  if (found === "\t") return "⇥";
  if (found.startsWith(" ")) return "·".repeat(found.length);
  return found === "\u00a0" ? "⍽" : "▯";
}

const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const LETTER = /\p{L}/u;

/** Direction of the first letter that has one. */
export function firstStrong(text: string): "ltr" | "rtl" {
  const first = LETTER.exec(text)?.[0];
  return first !== undefined && RTL.test(first) ? "rtl" : "ltr";
}

/** Whether letters of the text join or stack, so that a gap between tokens would break their shape. */
export function joins(text: string): boolean {
  return /\p{Script=Arabic}|\p{Script=Syriac}|\p{Script=Nko}|\p{Script=Mongolian}|\p{Script=Devanagari}|\p{Script=Bengali}|\p{Script=Tamil}|\p{Script=Telugu}|\p{Script=Khmer}|\p{Script=Myanmar}/u.test(
    text,
  );
}
