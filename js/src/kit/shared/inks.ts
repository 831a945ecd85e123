/** The view's colours for a canvas: read from the style sheet's variables, and again when the page changes its theme. */

export type Rgb = readonly [number, number, number];

export interface Inks {
  readonly paper: string;
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly focus: string;
  /** The one blue; also "for" where values have signs. */
  readonly one: Rgb;
  readonly against: Rgb;
}

/** What an element on the page would be drawn with. The browser resolves mixtures and the system's own colours. */
export function readInks(element: HTMLElement): Inks {
  const style = getComputedStyle(element);
  const resolved = (name: string) => {
    element.style.color = `var(--${name})`;
    return style.color;
  };
  const triplet = (name: string): Rgb => {
    const [r = 0, g = 0, b = 0] = style.getPropertyValue(`--${name}`).split(",").map(Number);
    return [r, g, b];
  };
  const inks = {
    paper: resolved("paper"),
    ink: resolved("ink"),
    soft: resolved("soft"),
    line: resolved("line"),
    focus: resolved("focus"),
    one: triplet("one"),
    against: triplet("against"),
  };
  element.style.color = "";
  return inks;
}

/** Call `changed` with the colours once the element is on the page, and whenever they or the size of a pixel are others. */
export function followInks(element: HTMLElement, changed: (inks: Inks) => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  let before = "";
  const read = () => {
    if (!element.isConnected) return;
    const view = element.closest(".xw");
    if (view) attributes.observe(view, options);
    const inks = readInks(element);
    const text = JSON.stringify([inks, devicePixelRatio]);
    if (text === before) return;
    before = text;
    changed(inks);
  };
  const options = { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-theme"] };
  const attributes = new MutationObserver(read);
  attributes.observe(element.ownerDocument.body, options);
  attributes.observe(element.ownerDocument.documentElement, options);
  // The first size arrives when the element is attached, before it is painted.
  const attached = new ResizeObserver(read);
  attached.observe(element);
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", read, { signal });
  }
  element.ownerDocument.defaultView?.addEventListener("resize", read, { signal });
  signal.addEventListener("abort", () => {
    attributes.disconnect();
    attached.disconnect();
  });
}

/** `rgb` at a strength from 0 (nothing) to 1. */
export function inked([r, g, b]: Rgb, strength: number): string {
  return `rgba(${r}, ${g}, ${b}, ${strength})`;
}

/** Red, green, blue and alpha as one number of an ImageData seen as Uint32Array (little-endian, as every browser is). */
export function pixel([r, g, b]: Rgb, alpha: number): number {
  return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
}
