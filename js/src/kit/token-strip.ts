/** The input as text one can read: an element for each entry, ink by score, arrow keys, pins. */
import { type Scale, side, strength } from "./shared/colour-scale.ts";
import { focused, h, on, setAttribute } from "./shared/dom.ts";
import { mainRect } from "./shared/float.ts";
import { chipClass, fill, firstStrong, joins, ledBySpace, type StripUnit } from "./shared/token-text.ts";

export interface StripProps {
  readonly units: readonly StripUnit[];
  /** By entry of the position axis; null before there are any. */
  readonly values: ArrayLike<number> | null;
  readonly scale: Scale;
  /** 1 where the value is exact; null where all are. */
  readonly known: ArrayLike<number> | null;
  /** What is not known yet is an estimate (hatched) rather than nothing. */
  readonly estimate: boolean;
  readonly fresh: ArrayLike<number> | null;
  readonly old: ArrayLike<number> | null;
  readonly hovered: readonly number[];
  readonly pinned: readonly number[];
  readonly brushed: readonly number[];
  /** The generated token that is explained, or -1. */
  readonly target: number;
  readonly dim: boolean;
  readonly label: string;
  /** What a screen reader says for a unit. */
  readonly describe: (unit: number) => string;
}

export interface StripCallbacks {
  /** Index among `units`, or null. */
  hover(unit: number | null, element: HTMLElement | null): void;
  pin(unit: number): void;
  brush(from: number, to: number): void;
  clear(): void;
  contrast(unit: number): void;
  /** A generated token is asked about. */
  explain(unit: number): void;
}

/** Units put on the page at once; more follow when the end comes near. */
export const CHUNK = 600;

/** Props that decide how units are drawn; compared by identity. */
const INK = [
  "values",
  "scale",
  "known",
  "estimate",
  "fresh",
  "old",
  "target",
  "dim",
] as const satisfies readonly (keyof StripProps)[];

export function tokenStrip(root: HTMLElement, props: StripProps, callbacks: StripCallbacks, signal: AbortSignal) {
  const strip = h("div", {
    class: "xw-strip",
    role: "listbox",
    "aria-multiselectable": "true",
    "aria-orientation": "horizontal",
    tabindex: -1,
  });
  const more = h("span", { class: "xw-more", "aria-hidden": "true", hidden: true });
  root.append(strip);
  let now = props;
  let elements: HTMLElement[] = [];
  let at = 0;
  let anchor = 0;
  /** Where the next unit goes: the strip, or the block of its chat turn. */
  let holder: HTMLElement = strip;
  let turn = -1;
  let marked = new Set<number>();

  const watcher = new IntersectionObserver(
    (seen) => {
      if (seen.some((entry) => entry.isIntersecting)) grow(elements.length + CHUNK);
    },
    { root: strip, rootMargin: "400px" },
  );
  signal.addEventListener("abort", () => watcher.disconnect(), { once: true });

  function rebuild(): void {
    const had = focused(strip);
    const refocus = had !== null && strip.contains(had);
    const { units } = now;
    const text = units
      .slice(0, CHUNK)
      .map((u) => u.label)
      .join("");
    strip.replaceChildren();
    strip.dir = firstStrong(text);
    setAttribute(strip, "data-joins", joins(text));
    setAttribute(
      strip,
      "data-chat",
      units.some((u) => u.role !== "text" && u.role !== "special"),
    );
    elements = [];
    marked = new Set();
    holder = strip;
    turn = -1;
    at = Math.min(at, Math.max(0, units.length - 1));
    watcher.disconnect();
    grow(Math.max(CHUNK, refocus ? at + 1 : 0));
    if (refocus) elements[at]?.focus();
  }

  function grow(count: number): void {
    const { units } = now;
    const chat = strip.hasAttribute("data-chat");
    const from = elements.length;
    const to = Math.min(units.length, count);
    more.remove();
    for (let i = from; i < to; i++) {
      const unit = units[i];
      if (!unit) continue;
      if (chat && unit.turn !== turn) openTurn(unit, i);
      if (unit.part === "generated" && units[i - 1]?.part === "prompt") {
        holder.append(
          h("span", { class: "xw-border", title: "written by the model from here", "aria-hidden": "true" }),
        );
      }
      const element = h("span", { role: "option", tabindex: i === at ? 0 : -1, "aria-selected": "false" });
      element.dataset.u = String(i);
      setAttribute(element, "data-led", ledBySpace(unit, units[i - 1]));
      fill(element, unit);
      elements.push(element);
      holder.append(element);
    }
    paint(from, to, null);
    mark();
    if (to < units.length) {
      more.hidden = false;
      more.textContent = `${(units.length - to).toLocaleString("en")} more`;
      strip.append(more);
      watcher.observe(more);
    } else watcher.disconnect();
  }

  function openTurn(unit: StripUnit, index: number): void {
    turn = unit.turn;
    let role = unit.role;
    for (let j = index; role === "special" && now.units[j]?.turn === turn; j++) role = now.units[j]?.role ?? role;
    const name = role === "special" ? templateRole(now.units.slice(index), turn) : role;
    holder = h("span", { class: "xw-turn", role: "group", "aria-label": name, "data-role": name });
    holder.append(h("span", { class: "xw-role", "aria-hidden": "true" }, name));
    strip.append(holder);
  }

  /** Ink for units [from, to); with `before`, only where something differs from those props. */
  function paint(from: number, to: number, before: StripProps | null): void {
    for (let i = from; i < to; i++) {
      const unit = now.units[i];
      const element = elements[i];
      if (!unit || !element) continue;
      const look = lookOf(now, unit);
      if (before && look === lookOf(before, unit)) continue;
      const [name, ink, old] = look.split("|") as [string, string, string];
      element.className = name;
      element.style.setProperty("--a", ink);
      if (old) element.style.setProperty("--o", old);
    }
    setAttribute(strip, "data-dim", now.dim);
  }

  function mark(): void {
    const next = new Set([...now.hovered, ...now.pinned, ...now.brushed]);
    const kinds = [
      ["data-pin", new Set(now.pinned)],
      ["data-hover", new Set(now.hovered)],
      ["data-brush", new Set(now.brushed)],
    ] as const;
    if (next.size === 0 && marked.size === 0) return;
    for (const [i, unit] of now.units.entries()) {
      const element = elements[i];
      if (!element) break;
      if (unit.entry < 0 || !(next.has(unit.entry) || marked.has(unit.entry))) continue;
      for (const [name, set] of kinds) setAttribute(element, name, set.has(unit.entry));
      setAttribute(element, "aria-selected", String(kinds[0][1].has(unit.entry)));
    }
    marked = next;
  }

  function unitAt(event: Event): number {
    const element = (event.target as Element).closest<HTMLElement>("[data-u]");
    return element ? Number(element.dataset.u) : -1;
  }

  function go(index: number): void {
    const to = Math.max(0, Math.min(now.units.length - 1, index));
    if (to >= elements.length) grow(to + 1);
    elements[at]?.setAttribute("tabindex", "-1");
    at = to;
    elements[at]?.setAttribute("tabindex", "0");
    elements[at]?.focus();
  }

  /** The unit nearest above or below, by where they stand on the screen. */
  function line(by: -1 | 1): number {
    const from = elements[at];
    const here = from && mainRect(from);
    if (!here) return at;
    let best = at;
    let distance = Number.POSITIVE_INFINITY;
    let row: number | null = null;
    for (let i = at + by; i >= 0 && i < elements.length; i += by) {
      const element = elements[i];
      const rect = element && mainRect(element);
      if (!rect || (by > 0 ? rect.top < here.top + here.height / 2 : rect.top > here.top - here.height / 2)) continue;
      if (row === null) row = rect.top;
      if (Math.abs(rect.top - row) > here.height / 2) break;
      const away = Math.abs(rect.left - here.left);
      if (away < distance) {
        distance = away;
        best = i;
      }
    }
    return best;
  }

  function press(index: number, shift: boolean): void {
    const unit = now.units[index];
    if (!unit) return;
    if (unit.generated >= 0 && !shift) callbacks.explain(index);
    else if (shift) callbacks.brush(Math.min(anchor, index), Math.max(anchor, index));
    else {
      anchor = index;
      if (unit.entry >= 0) callbacks.pin(index);
    }
  }

  on(
    strip,
    "click",
    (event) => {
      const index = unitAt(event);
      if (index < 0 || String(strip.ownerDocument.getSelection() ?? "") !== "") return;
      go(index);
      press(index, event.shiftKey);
    },
    signal,
  );
  on(
    strip,
    "pointerover",
    (event) => {
      const index = unitAt(event);
      callbacks.hover(index < 0 ? null : index, elements[index] ?? null);
    },
    signal,
  );
  on(strip, "pointerleave", () => callbacks.hover(null, null), signal);
  on(
    strip,
    "focusin",
    (event) => {
      const index = unitAt(event);
      if (index < 0) return;
      if (index !== at) elements[at]?.setAttribute("tabindex", "-1");
      at = index;
      elements[at]?.setAttribute("aria-label", now.describe(index));
      if (elements[at]?.matches(":focus-visible")) callbacks.hover(index, elements[index] ?? null);
    },
    signal,
  );
  on(
    strip,
    "focusout",
    (event) => {
      (event.target as Element).closest("[data-u]")?.removeAttribute("aria-label");
      callbacks.hover(null, null);
    },
    signal,
  );
  on(
    strip,
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || unitAt(event) < 0) return;
      at = unitAt(event);
      const rtl = strip.dir === "rtl";
      const steps: Record<string, () => number> = {
        ArrowRight: () => at + (rtl ? -1 : 1),
        ArrowLeft: () => at + (rtl ? 1 : -1),
        ArrowDown: () => line(1),
        ArrowUp: () => line(-1),
        Home: () => 0,
        End: () => now.units.length - 1,
      };
      const step = steps[event.key];
      if (step) {
        const from = at;
        go(step());
        if (event.shiftKey) callbacks.brush(Math.min(anchor, at), Math.max(anchor, at));
        else if (from !== at) anchor = at;
      } else if (event.key === "Enter" || event.key === " ") press(at, event.shiftKey);
      else if (event.key === "Escape") callbacks.clear();
      else if (event.key === "c") callbacks.contrast(at);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );

  const update = (next: StripProps) => {
    const before = now;
    now = next;
    setAttribute(strip, "aria-label", next.label);
    if (next.units !== before.units) {
      rebuild();
      return;
    }
    if (INK.some((key) => next[key] !== before[key])) paint(0, elements.length, before);
    mark();
  };
  rebuild();
  update(props);
  return { update };
}

/** Whose turn a template opens when nothing is written in it yet: the role it names. */
function templateRole(units: readonly StripUnit[], turn: number): string {
  const end = units.findIndex((u) => u.turn !== turn);
  const text = units.slice(0, end < 0 ? undefined : end).map((u) => u.label);
  return /system|user|assistant|model|tool/.exec(text.join(""))?.[0] ?? "template";
}

/** Changes below this part of the scale are not marked; the tooltip still gives the value before. */
const SMALL = 0.02;

/** Class, ink and ink before of a unit, as one text that can be compared. */
function lookOf(props: StripProps, unit: StripUnit): string {
  const { values, scale, known, estimate, fresh, old, target } = props;
  let name = "xw-t";
  const chip = chipClass(unit);
  if (chip) name += chip === "template" ? " xw-template" : ` xw-chip xw-${chip}`;
  if (unit.generated >= 0) name += unit.generated === target ? " xw-gen xw-target" : " xw-gen";
  const value = unit.entry < 0 || !values ? undefined : values[unit.entry];
  if (value === undefined) return `${name}|0|`;
  const exact = !known || Boolean(known[unit.entry]);
  let ink = strength(value, scale);
  const which = side(value, scale);
  if (which === "nan") name += " xw-nan";
  else if (which === "against") name += " xw-neg";
  if (!exact || (estimate && !known)) {
    if (estimate) name += " xw-est";
    else ink = 0;
  }
  if (fresh?.[unit.entry]) name += " xw-new";
  const was = old?.[unit.entry];
  if (was === undefined || Number.isNaN(was) || Math.abs(was - value) <= SMALL * scale.top) return `${name}|${ink}|`;
  const before = strength(was, scale);
  return `${name} xw-had|${ink}|${side(was, scale) === "against" ? 1 - before : before}`;
}
