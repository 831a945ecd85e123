/** Words inside the cells of a drawn matrix: clipped to the cell, readable on whatever ink it has. */
import type { Inks, Rgb } from "./inks.ts";
import { firstStrong, marked } from "./token-text.ts";
import { type Extent, rowScale, type Viewport } from "./viewport.ts";

/** CSS pixels a cell is wide at least where words are written into it. */
export const READABLE = 26;
/** CSS pixels between a word and the edge of its cell. */
const EDGE = 3;
const LARGE = 11;
const SMALL = 10;
/** What text on a ground has to reach (WCAG AA). */
const CONTRAST = 4.5;

export interface Words {
  /** Text of a cell; null for none. */
  readonly text: (row: number, column: number) => string | null;
  /** How much ink is under it, from -1 to 1. */
  readonly strength: (row: number, column: number) => number;
}

/** Draws in CSS pixels from the left top of the cells; nothing where cells are too narrow. */
export function drawWords(
  context: CanvasRenderingContext2D,
  { text, strength }: Words,
  view: Viewport,
  extent: Extent,
  inks: Inks,
): void {
  const high = rowScale(view, extent);
  if (view.scale < READABLE || high < SMALL + 1) return;
  context.font = `${high < LARGE + 4 ? SMALL : LARGE}px ${context.canvas.dataset.font ?? "monospace"}`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  const room = view.scale - 2 * EDGE;
  const fitted = new Map<string, string>();
  const colours = new Map<number, string>();
  const bottom = Math.min(extent.rows, Math.ceil(view.y + extent.height / high));
  const end = Math.min(extent.columns, Math.ceil(view.x + extent.width / view.scale));
  for (let row = Math.max(0, Math.floor(view.y)); row < bottom; row++) {
    for (let column = Math.max(0, Math.floor(view.x)); column < end; column++) {
      const whole = text(row, column);
      if (whole === null) continue;
      let shown = fitted.get(whole);
      if (shown === undefined) {
        shown = cutTo(marked(whole), room, (part) => context.measureText(part).width);
        fitted.set(whole, shown);
      }
      const ink = Math.round(255 * Math.max(-1, Math.min(1, strength(row, column) || 0)));
      let colour = colours.get(ink);
      if (colour === undefined) {
        colour = readableOn(inks, ink / 255);
        colours.set(ink, colour);
      }
      context.fillStyle = colour;
      context.direction = firstStrong(shown);
      context.fillText(shown, (column + 0.5 - view.x) * view.scale, (row + 0.5 - view.y) * high + 0.5);
    }
  }
}

/** As much of the text as there is room for, by whole characters (an emoji with its joiners is one). */
export function cutTo(text: string, room: number, width: (part: string) => number): string {
  if (width(text) <= room) return text;
  const all = [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map((s) => s.segment);
  let [low, most] = [0, all.length - 1];
  while (low < most) {
    const middle = Math.ceil((low + most) / 2);
    if (width(`${all.slice(0, middle).join("")}…`) <= room) low = middle;
    else most = middle - 1;
  }
  return `${all.slice(0, low).join("")}…`;
}

/** The page's own text colours where they can be read on that much ink, else black or white. */
export function readableOn(inks: Inks, strength: number): string {
  const paper = rgbOf(inks.paper, [255, 255, 255]);
  const ground = mix(paper, strength < 0 ? inks.against : inks.one, Math.abs(strength));
  const contrasts = [inks.ink, inks.paper, "#000000", "#ffffff"].map((colour) => {
    return { colour, value: contrast(rgbOf(colour, ground, ground), ground) };
  });
  const good = contrasts.find(({ value }) => value >= CONTRAST);
  return (good ?? contrasts.reduce((a, b) => (b.value > a.value ? b : a))).colour;
}

function mix(under: Rgb, over: Rgb, part: number): Rgb {
  const at = (i: 0 | 1 | 2) => under[i] + (over[i] - under[i]) * part;
  return [at(0), at(1), at(2)];
}

/** A colour as a style sheet gives it ("rgb(…)", "color(srgb …)", "#rrggbb"), laid over `ground` where it is not opaque. */
export function rgbOf(colour: string, otherwise: Rgb, ground: Rgb = [255, 255, 255]): Rgb {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour)?.[1];
  if (hex) return [0, 2, 4].map((i) => Number.parseInt(hex.slice(i, i + 2), 16)) as unknown as Rgb;
  const times = /^color\(srgb\s/.test(colour) ? 255 : /^rgba?\(/.test(colour) ? 1 : 0;
  const parts = colour.replace(/^[a-z]+\((srgb)?/, "").match(/[\d.]+(e-?\d+)?/g);
  const [r, g, b, alpha = 1] = (parts ?? []).map(Number);
  if (!times || r === undefined || g === undefined || b === undefined) return otherwise;
  return mix(ground, [r * times, g * times, b * times], alpha);
}

/** Ratio of luminances, 1 to 21 (WCAG 2). */
export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

function luminance(rgb: Rgb): number {
  const [r = 0, g = 0, b = 0] = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
