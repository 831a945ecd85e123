/** Two columns of the same or two texts: what looks at the left, what is looked at at the right, lines between by weight. */
import { focused, h, on, setAttribute, setText } from "./shared/dom.ts";
import { followInks, type Inks, inked } from "./shared/inks.ts";
import { fill } from "./shared/token-text.ts";

export type Side = "left" | "right";

export interface Place {
  readonly side: Side;
  readonly index: number;
}

export interface ArcsProps {
  /** Token texts, those that look and those looked at. */
  readonly left: readonly string[];
  readonly right: readonly string[];
  /** Weights of everything at the right for one at the left, null while not known. */
  readonly rows: (index: number) => Float32Array | null;
  /** Another object when `rows` gives other weights than before; unless told, another function does. */
  readonly source?: object | undefined;
  /** Weights below are not drawn. */
  readonly threshold: number;
  readonly pinned: readonly Place[];
  readonly hovered: Place | null;
  /** The weight at full ink. */
  readonly top: number;
  readonly label?: string | undefined;
  /** What a screen reader says for a token. */
  readonly describe: (side: Side, index: number) => string;
}

export interface ArcsCallbacks {
  hover(side: Side, index: number | null): void;
  pin(side: Side, index: number): void;
  /** A row that is seen and not known. */
  need(row: number): void;
  /** Escape. */
  clear?(): void;
}

/** Height of a token in CSS pixels. */
export const LINE = 20;
/** Lines drawn at most, the strongest. */
export const MOST = 2000;
/** Shades of lines. */
const INKS = 25;
/** Tokens kept beyond either edge. */
const SPARE = 8;

type Line = readonly [weight: number, left: number, right: number];

export function arcs(root: HTMLElement, props: ArcsProps, callbacks: ArcsCallbacks, signal: AbortSignal) {
  const column = (side: Side) =>
    h("div", { class: `xw-arcs-side xw-arcs-${side}`, role: "listbox", "data-side": side });
  const sides = { left: column("left"), right: column("right") };
  const canvas = h("canvas", { class: "xw-arcs-lines", "aria-hidden": "true" });
  const scroller = h("div", { class: "xw-arcs", role: "group" }, sides.left, canvas, sides.right);
  const note = h("p", { class: "xw-soft xw-arcs-note" });
  root.append(scroller, note);

  let now = props;
  let inks: Inks | null = null;
  let frame = 0;
  let asked = new Set<number>();
  const at = { left: 0, right: 0 };
  const mounted = { left: new Map<number, HTMLElement>(), right: new Map<number, HTMLElement>() };
  const both: readonly Side[] = ["left", "right"];

  function rebuild(side: Side): void {
    const had = focused(scroller);
    const refocus = had !== null && sides[side].contains(had);
    for (const element of mounted[side].values()) element.remove();
    mounted[side].clear();
    const count = now[side].length;
    at[side] = Math.max(0, Math.min(at[side], count - 1));
    sides[side].style.height = `${count * LINE}px`;
    if (refocus) focusOn(side, at[side]);
  }

  /** The first token seen, and the one after the last. */
  function seenOf(side: Side): [number, number] {
    const from = Math.floor(scroller.scrollTop / LINE);
    const to = Math.ceil((scroller.scrollTop + scroller.clientHeight) / LINE);
    return [from, Math.min(now[side].length, to)];
  }

  function mount(side: Side): void {
    const [from, to] = seenOf(side);
    const kept = (i: number) => (i >= from - SPARE && i < to + SPARE) || i === at[side];
    for (const [i, element] of mounted[side]) {
      if (kept(i)) continue;
      element.remove();
      mounted[side].delete(i);
    }
    const wanted = [at[side]];
    for (let i = Math.max(0, from - SPARE); i < to + SPARE; i++) wanted.push(i);
    const last = Math.max(to + SPARE, at[side] + 1);
    for (const i of wanted) {
      const text = now[side][i];
      if (text === undefined || mounted[side].has(i)) continue;
      const element = h("span", {
        class: "xw-arcs-token",
        role: "option",
        dir: "auto",
        tabindex: i === at[side] ? 0 : -1,
        "data-i": i,
        "aria-posinset": i + 1,
        "aria-setsize": now[side].length,
      });
      element.style.top = `${i * LINE}px`;
      // The one space between two words would only push every second name out of line.
      const piece = { text: text.replace(/^ (?=\S)/, ""), raw: "", id: 0, kind: "text" };
      fill(element, { pieces: [piece], label: text, role: "text", part: "", turn: 0, entry: i, generated: -1 });
      mounted[side].set(i, element);
      // In the order of the text, for screen readers.
      let after = i + 1;
      while (after < last && !mounted[side].has(after)) after++;
      sides[side].insertBefore(element, mounted[side].get(after) ?? null);
    }
  }

  /** What is looked at closely: all that is pinned and the one hovered. */
  function places(side: Side): readonly number[] {
    const all = now.hovered ? [...now.pinned, now.hovered] : now.pinned;
    return [...new Set(all.filter((place) => place.side === side).map((place) => place.index))];
  }

  function ink(): void {
    const from = { left: places("left"), right: places("right") };
    const rows = from.left.map((i) => now.rows(i));
    for (const side of both) {
      for (const [i, element] of mounted[side]) {
        let weight = 0;
        if (side === "right") for (const row of rows) weight = Math.max(weight, row?.[i] ?? 0);
        else if (from.right.length > 0) {
          const row = now.rows(i);
          for (const j of from.right) weight = Math.max(weight, row?.[j] ?? 0);
        }
        element.style.setProperty("--a", String(strength(weight)));
        const isPinned = now.pinned.some((place) => place.side === side && place.index === i);
        setAttribute(element, "data-pin", isPinned);
        setAttribute(element, "aria-selected", String(isPinned));
        setAttribute(element, "data-hover", now.hovered?.side === side && now.hovered.index === i);
      }
    }
  }

  function strength(weight: number): number {
    return now.top > 0 && weight > 0 ? Math.round(Math.min(1, weight / now.top) * 1000) / 1000 : 0;
  }

  /** Lines by strength, as [weight, from, to]: `INKS` shades, the first for nothing. */
  function lines(): Line[][] {
    const shades: Line[][] = Array.from({ length: INKS + 1 }, () => []);
    const add = (weight: number | undefined, i: number, j: number) => {
      if (!weight || weight < 0 || weight < now.threshold) return;
      shades[Math.ceil(Math.min(1, weight / (now.top || Number.POSITIVE_INFINITY)) * INKS)]?.push([weight, i, j]);
    };
    const left = places("left");
    const right = places("right");
    const [from, to] = seenOf("left");
    const all = left.length + right.length === 0;
    const seen = all ? Array.from({ length: Math.max(0, to - from) }, (_, k) => from + k) : left;
    for (const i of seen) {
      const row = now.rows(i);
      for (let j = 0; row && j < row.length; j++) add(row[j], i, j);
    }
    for (const j of right) for (let i = 0; i < now.left.length; i++) add(now.rows(i)?.[j], i, j);
    return shades;
  }

  function draw(): void {
    frame = 0;
    if (!scroller.clientHeight || !inks) return;
    for (const side of both) mount(side);
    ink();
    const shades = lines();
    const count = shades.reduce((sum, shade) => sum + shade.length, 0);
    const all = count.toLocaleString("en");
    setText(note, count > MOST ? `The strongest ${MOST.toLocaleString("en")} of ${all} lines.` : "");
    const context = canvas.getContext("2d");
    if (context) {
      const ratio = devicePixelRatio;
      const width = canvas.clientWidth;
      const height = Math.min(scroller.clientHeight, Math.max(now.left.length, now.right.length) * LINE);
      canvas.style.height = `${height}px`;
      const size = [Math.round(width * ratio), Math.round(height * ratio)] as const;
      if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      const y = (i: number) => (i + 0.5) * LINE - scroller.scrollTop;
      let room = MOST;
      for (let shade = INKS; shade > 0 && room > 0; shade--) {
        let drawn = shades[shade] ?? [];
        if (drawn.length > room) drawn = drawn.sort((a, b) => b[0] - a[0]).slice(0, room);
        room -= drawn.length;
        context.strokeStyle = inked(inks.one, shade / INKS);
        // Wider as well, so that strength isn't said by colour alone.
        context.lineWidth = 1 + shade / INKS;
        for (const [, i, j] of drawn) {
          context.beginPath();
          context.moveTo(0, y(i));
          context.lineTo(width, y(j));
          context.stroke();
        }
      }
    }
    ask();
  }

  function ask(): void {
    const [from, to] = seenOf("left");
    const wanted = new Set(places("left"));
    for (let i = from; i < to; i++) wanted.add(i);
    for (const i of wanted) {
      if (asked.has(i) || i >= now.left.length || now.rows(i) !== null) continue;
      asked.add(i);
      callbacks.need(i);
    }
  }

  function redraw(): void {
    if (frame === 0 && !signal.aborted) frame = requestAnimationFrame(draw);
  }

  function placeAt(event: Event): Place | null {
    const element = (event.target as Element).closest<HTMLElement>("[data-i]");
    const side = element?.closest<HTMLElement>("[data-side]")?.dataset.side as Side | undefined;
    return element && side ? { side, index: Number(element.dataset.i) } : null;
  }

  function focusOn(side: Side, index: number): void {
    mounted[side].get(at[side])?.setAttribute("tabindex", "-1");
    at[side] = Math.max(0, Math.min(now[side].length - 1, index));
    const top = at[side] * LINE;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + LINE > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = top + LINE - scroller.clientHeight;
    }
    mount(side);
    const element = mounted[side].get(at[side]);
    element?.setAttribute("tabindex", "0");
    element?.focus({ preventScroll: true });
  }

  let over: Place | null = null;
  function hover(place: Place | null): void {
    if (place === null && over === null) return;
    callbacks.hover(place?.side ?? over?.side ?? "left", place?.index ?? null);
    over = place;
  }

  on(
    scroller,
    "click",
    (event) => {
      const place = placeAt(event);
      if (!place) return;
      focusOn(place.side, place.index);
      callbacks.pin(place.side, place.index);
    },
    signal,
  );
  on(scroller, "pointerover", (event) => hover(placeAt(event)), signal);
  on(scroller, "pointerleave", () => hover(null), signal);
  on(
    scroller,
    "focusin",
    (event) => {
      const place = placeAt(event);
      if (!place) return;
      const element = mounted[place.side].get(place.index);
      element?.setAttribute("aria-label", now.describe(place.side, place.index));
      if (element?.matches(":focus-visible")) hover(place);
    },
    signal,
  );
  on(
    scroller,
    "focusout",
    (event) => {
      (event.target as Element).closest("[data-i]")?.removeAttribute("aria-label");
      hover(null);
    },
    signal,
  );
  on(
    scroller,
    "keydown",
    (event) => {
      const place = placeAt(event);
      if (!place || event.ctrlKey || event.metaKey || event.altKey) return;
      const { side, index } = place;
      const page = Math.max(1, Math.floor(scroller.clientHeight / LINE) - 1);
      const moves: Record<string, [Side, number]> = {
        ArrowUp: [side, index - 1],
        ArrowDown: [side, index + 1],
        PageUp: [side, index - page],
        PageDown: [side, index + page],
        ArrowLeft: ["left", side === "left" ? index : at.left],
        ArrowRight: ["right", side === "right" ? index : at.right],
        Home: [side, 0],
        End: [side, now[side].length - 1],
      };
      const move = moves[event.key];
      if (move) focusOn(...move);
      else if (event.key === "Enter" || event.key === " ") callbacks.pin(side, index);
      else if (event.key === "Escape") {
        hover(null);
        callbacks.clear?.();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );
  on(scroller, "scroll", redraw, signal, { passive: true });

  followInks(
    scroller,
    (next) => {
      inks = next;
      redraw();
    },
    signal,
  );
  const sized = new ResizeObserver(redraw);
  sized.observe(scroller);
  signal.addEventListener(
    "abort",
    () => {
      sized.disconnect();
      cancelAnimationFrame(frame);
    },
    { once: true },
  );

  const update = (next: ArcsProps) => {
    const before = now;
    now = next;
    const name = next.label ? `${next.label}, ` : "";
    setAttribute(sides.left, "aria-label", `${name}tokens that look`);
    setAttribute(sides.right, "aria-label", `${name}tokens that are looked at`);
    if ((next.source ?? next.rows) !== (before.source ?? before.rows)) asked = new Set();
    for (const side of both) if (next[side] !== before[side]) rebuild(side);
    redraw();
  };
  for (const side of both) rebuild(side);
  update(props);
  return { update };
}
