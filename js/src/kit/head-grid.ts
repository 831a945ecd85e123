/** All heads at once, each as a small picture of where it looks: a grid one can walk through, lines made as they are seen. */
import { focused, h, on, setAttribute } from "./shared/dom.ts";
import { followInks, type Inks, inked, pixel } from "./shared/inks.ts";

export interface HeadThumb {
  /** Place in `values`. */
  readonly index: number;
  readonly title: string;
  /** A few letters under the picture. */
  readonly label: string;
  readonly dim?: boolean | undefined;
  /** A signed number drawn as a bar, as a part of the largest there is. */
  readonly mark?: number | undefined;
  /** Why there is no picture. */
  readonly missing?: string | undefined;
  /** Cells it has, where it does not fill its square: the rest is not drawn. */
  readonly rows?: number | undefined;
  readonly columns?: number | undefined;
}

export interface HeadGroup {
  readonly title: string;
  readonly heads: readonly HeadThumb[];
  /** So many that follow each other are not parted by the end of a line. */
  readonly together?: number | undefined;
}

export interface HeadGridProps {
  /** In the order they are shown. */
  readonly groups: readonly HeadGroup[];
  readonly cells: number;
  /** 255 * sqrt(weight) [head, cells, cells]. */
  readonly values: Uint8Array;
  /** CSS pixels of a picture at least. */
  readonly size: number;
  /** At most: pictures grow so that `abreast` of them fill a line, or several lines of the same number. */
  readonly largest?: number | undefined;
  readonly abreast?: number | undefined;
  /** Another word when the heads are in another order: then their first line is seen. */
  readonly sorted?: string | undefined;
  readonly chosen: number | null;
  readonly compare?: number | null | undefined;
  readonly causal: boolean;
  readonly label?: string | undefined;
  /** What a screen reader says for a head. */
  readonly describe: (index: number) => string;
}

export interface HeadGridCallbacks {
  choose(index: number, how: { shift: boolean }): void;
  hover(index: number | null): void;
}

interface Line {
  readonly title: string;
  readonly heads: readonly HeadThumb[];
  /** Heads in the lines before. */
  readonly start: number;
}

const GAP = 6;
const LABEL = 16;
const MARK = 6;
/** Padding that keeps focus rings from being cut off, as in the style sheet. */
const RING = 3;
/** CSS pixels at most. */
const TALL = 400;
const MISSING = "not here yet";

export function headGrid(root: HTMLElement, props: HeadGridProps, callbacks: HeadGridCallbacks, signal: AbortSignal) {
  const inner = h("div", { class: "xw-heads-inner", role: "presentation" });
  const grid = h("div", { class: "xw-heads", role: "grid" }, inner);
  // Its size does not follow from the lines, which are laid out by it.
  const probe = h("div");
  root.append(h("div", {}, probe, grid));

  let now = props;
  let inks: Inks | null = null;
  let width = 0;
  let lines: Line[] = [];
  let order: HeadThumb[] = [];
  let at = 0;
  let frame = 0;
  const mounted = new Map<number, HTMLElement>();
  const scratch = new OffscreenCanvas(1, 1);

  /** CSS pixels of a picture, and how many of them a line has. */
  let size = props.size;
  let most = 1;

  const titleWidth = () => (width < 420 ? 58 : 84);
  const lineHeight = () => size + LABEL + MARK + GAP;
  const lineOf = (flat: number) => lines.findLastIndex((line) => line.start <= flat);
  const cellOf = (flat: number) => inner.querySelector<HTMLElement>(`[data-at="${flat}"]`);
  const why = (head: HeadThumb) =>
    head.missing ?? ((head.index + 1) * now.cells ** 2 > now.values.length ? MISSING : undefined);

  /** As many to a line as fit, but lines of a layer all as long; then as large as that leaves room for. */
  function measure(): void {
    const room = width - titleWidth() + GAP;
    const fit = Math.max(1, Math.floor(room / (now.size + GAP)));
    const abreast = Math.max(1, now.abreast ?? fit);
    most = Math.ceil(abreast / Math.ceil(abreast / fit));
    size = Math.max(now.size, Math.min(now.largest ?? now.size, Math.floor(room / most) - GAP));
    most = Math.max(1, Math.floor(room / (size + GAP)));
  }

  /** Break groups into lines as wide as the grid. */
  function layout(): void {
    const had = focused(grid);
    const refocus = had !== null && grid.contains(had);
    for (const element of mounted.values()) element.remove();
    mounted.clear();
    measure();
    lines = [];
    order = now.groups.flatMap((group) => group.heads);
    let start = 0;
    for (const { title, heads, together = 1 } of now.groups) {
      const fit = Math.max(together, most - (most % together));
      // Lines of one layer are as long as each other, where that needs no more lines.
      const step = fit < heads.length && now.abreast ? Math.ceil(heads.length / Math.ceil(heads.length / fit)) : fit;
      const long = step % together ? fit : step;
      for (let i = 0; i < heads.length; i += long) {
        const goesOn = now.groups.length > 1 ? `↳ ${title}` : "";
        lines.push({ title: i === 0 ? title : goesOn, heads: heads.slice(i, i + long), start: start + i });
      }
      start += heads.length;
    }
    at = Math.max(0, Math.min(at, order.length - 1));
    inner.style.height = `${lines.length * lineHeight()}px`;
    // Half a line shows that there is more.
    const seen = Math.max(1, Math.floor(TALL / lineHeight() - 0.5)) + 0.5;
    grid.style.maxHeight = lines.length > seen + 0.5 ? `${RING + seen * lineHeight()}px` : "none";
    setAttribute(grid, "aria-rowcount", lines.length);
    mount();
    if (refocus) cellOf(at)?.focus({ preventScroll: true });
  }

  /** Have the lines that are seen, and the one with the tab stop. */
  function mount(): void {
    if (width === 0) return;
    const height = lineHeight();
    const from = Math.floor(grid.scrollTop / height) - 1;
    const to = Math.ceil((grid.scrollTop + grid.clientHeight) / height) + 1;
    const stop = lineOf(at);
    for (const [i, element] of mounted) {
      if ((i < from || i >= to) && i !== stop) {
        element.remove();
        mounted.delete(i);
      }
    }
    for (const [i, line] of lines.entries()) {
      if (((i >= from && i < to) || i === stop) && !mounted.has(i)) mounted.set(i, make(i, line));
    }
  }

  function make(index: number, line: Line): HTMLElement {
    const element = h("div", { class: "xw-heads-line", role: "row", "aria-rowindex": index + 1 });
    element.style.top = `${index * lineHeight()}px`;
    const title = h("bdi", { class: "xw-heads-title", role: "rowheader", title: line.title }, line.title);
    title.style.width = `${titleWidth() - GAP}px`;
    title.style.maxHeight = `${size + LABEL}px`;
    const canvas = h("canvas", { "aria-hidden": "true" });
    canvas.style.left = `${titleWidth()}px`;
    element.append(title, canvas);
    for (const [k, head] of line.heads.entries()) {
      const flat = line.start + k;
      const reason = why(head);
      const cell = h(
        "div",
        {
          class: "xw-head",
          role: "gridcell",
          tabindex: flat === at ? 0 : -1,
          title: reason ? `${head.title}: ${reason}` : head.title,
          "data-at": flat,
          "data-missing": reason !== undefined,
          "data-dim": head.dim,
          "aria-disabled": reason === undefined ? null : "true",
          "aria-label": reason ? `${head.title}: ${reason}` : now.describe(head.index),
        },
        h("span", { class: "xw-head-box", "aria-hidden": "true" }),
        h("bdi", { class: "xw-head-label" }, head.label),
      );
      cell.style.left = `${titleWidth() + k * (size + GAP)}px`;
      cell.style.width = `${size}px`;
      (cell.firstElementChild as HTMLElement).style.height = `${size}px`;
      (cell.firstElementChild as HTMLElement).style.marginBottom = `${MARK}px`;
      element.append(cell);
    }
    inner.append(element);
    paint(line, canvas);
    mark(line, element);
    return element;
  }

  function mark(line: Line, element: HTMLElement): void {
    for (const cell of element.querySelectorAll<HTMLElement>("[data-at]")) {
      const index = line.heads[Number(cell.dataset.at) - line.start]?.index;
      const is = index === now.chosen ? "chosen" : index === now.compare ? "compare" : null;
      setAttribute(cell, "data-is", is);
      setAttribute(cell, "aria-selected", String(is === "chosen"));
      setAttribute(cell, "aria-description", is === "compare" ? "compared with" : null);
    }
  }

  function paint(line: Line, canvas: HTMLCanvasElement): void {
    const context = canvas.getContext("2d");
    if (!context || !inks) return;
    const ratio = devicePixelRatio;
    const { cells, values } = now;
    const place = (size + GAP) * ratio;
    canvas.width = Math.ceil(line.heads.length * place - GAP * ratio);
    canvas.height = Math.ceil((size + MARK) * ratio);
    canvas.style.width = `${canvas.width / ratio}px`;
    canvas.style.height = `${canvas.height / ratio}px`;
    scratch.width = cells;
    scratch.height = cells;
    const small = scratch.getContext("2d");
    const image = new ImageData(cells, cells);
    const out = new Uint32Array(image.data.buffer);
    const table = Uint32Array.from({ length: 256 }, (_, alpha) => pixel(inks?.one ?? [0, 0, 0], alpha));
    const top = order.reduce((most, head) => Math.max(most, Math.abs(head.mark ?? 0)), 0);
    for (const [k, head] of line.heads.entries()) {
      const x = Math.round(k * place);
      if (why(head) === undefined && small) {
        const first = head.index * cells * cells;
        for (let i = 0; i < out.length; i++) {
          const above = now.causal && i % cells > Math.floor(i / cells);
          out[i] = above ? 0 : (table[values[first + i] ?? 0] ?? 0);
        }
        small.putImageData(image, 0, 0);
        context.globalAlpha = head.dim ? 0.35 : 1;
        // Fewer pixels than cells: average, for leaving out every second row would hide what is there.
        const { rows = cells, columns = cells } = head;
        context.imageSmoothingEnabled = size * ratio < Math.max(rows, columns);
        context.drawImage(scratch, 0, 0, columns, rows, x, 0, Math.round(size * ratio), Math.round(size * ratio));
        context.globalAlpha = 1;
      }
      if (head.mark === undefined || top === 0) continue;
      const middle = x + (size * ratio) / 2;
      const long = ((Math.abs(head.mark) / top) * size * ratio) / 2;
      context.fillStyle = inked(head.mark < 0 ? inks.against : inks.one, 1);
      context.fillRect(head.mark < 0 ? middle - long : middle, (size + 2) * ratio, long, 3 * ratio);
      context.fillStyle = inks.soft;
      context.fillRect(Math.round(middle), (size + 1) * ratio, Math.max(1, Math.round(ratio)), 5 * ratio);
    }
  }

  /** Give a head the tab stop and have it seen. */
  function reveal(flat: number): void {
    cellOf(at)?.setAttribute("tabindex", "-1");
    at = Math.max(0, Math.min(order.length - 1, flat));
    const height = lineHeight();
    const top = lineOf(at) * height;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + height > grid.scrollTop + grid.clientHeight) grid.scrollTop = top + height - grid.clientHeight;
    mount();
    cellOf(at)?.setAttribute("tabindex", "0");
  }

  function go(flat: number): void {
    reveal(flat);
    cellOf(at)?.focus({ preventScroll: true });
  }

  /** The head in the line above or below, in the same place or the last before it. */
  function upOrDown(by: number): number {
    const here = lineOf(at);
    const line = lines[here + by];
    const k = at - (lines[here]?.start ?? 0);
    return line ? line.start + Math.min(k, line.heads.length - 1) : at;
  }

  function headAt(event: Event): number {
    const cell = (event.target as Element).closest<HTMLElement>("[data-at]");
    return cell ? Number(cell.dataset.at) : -1;
  }

  function choose(flat: number, shift: boolean): void {
    const head = order[flat];
    if (head && why(head) === undefined) callbacks.choose(head.index, { shift });
  }

  on(
    grid,
    "click",
    (event) => {
      const flat = headAt(event);
      if (flat < 0) return;
      go(flat);
      choose(flat, event.shiftKey);
    },
    signal,
  );
  on(grid, "pointerover", (event) => callbacks.hover(order[headAt(event)]?.index ?? null), signal);
  on(grid, "pointerleave", () => callbacks.hover(null), signal);
  on(
    grid,
    "focusin",
    (event) => {
      const flat = headAt(event);
      if (flat < 0) return;
      if (flat !== at) cellOf(at)?.setAttribute("tabindex", "-1");
      at = flat;
      cellOf(at)?.setAttribute("tabindex", "0");
      callbacks.hover(order[at]?.index ?? null);
    },
    signal,
  );
  on(grid, "focusout", () => callbacks.hover(null), signal);
  on(
    grid,
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || headAt(event) < 0) return;
      const moves: Record<string, () => number> = {
        ArrowLeft: () => at - 1,
        ArrowRight: () => at + 1,
        ArrowUp: () => upOrDown(-1),
        ArrowDown: () => upOrDown(1),
        Home: () => 0,
        End: () => order.length - 1,
      };
      const move = moves[event.key];
      if (move) go(move());
      else if (event.key === "Enter" || event.key === " ") choose(at, event.shiftKey);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );
  on(
    grid,
    "scroll",
    () => {
      if (frame === 0) {
        frame = requestAnimationFrame(() => {
          frame = 0;
          mount();
        });
      }
    },
    signal,
  );

  function repaint(): void {
    for (const [i, element] of mounted) {
      const line = lines[i];
      const canvas = element.querySelector("canvas");
      if (line && canvas) paint(line, canvas);
    }
  }

  followInks(
    probe,
    (next) => {
      inks = next;
      repaint();
    },
    signal,
  );
  const sized = new ResizeObserver(() => {
    const next = Math.max(0, grid.clientWidth - RING);
    if (next === width) return;
    const first = width === 0;
    width = next;
    layout();
    if (first && now.chosen !== null) reveal(at);
  });
  sized.observe(probe);
  signal.addEventListener(
    "abort",
    () => {
      sized.disconnect();
      cancelAnimationFrame(frame);
    },
    { once: true },
  );

  const update = (next: HeadGridProps) => {
    const before = now;
    now = next;
    setAttribute(grid, "aria-label", next.label ?? "heads");
    const first = order.length === 0;
    const chosen = first || next.chosen !== before.chosen;
    const stop = order[at]?.index;
    const all = next.groups.flatMap((group) => group.heads);
    const place = all.findIndex((head) => head.index === (chosen ? next.chosen : stop));
    const sizes = ["size", "largest", "abreast", "cells", "groups"] as const;
    if (first || sizes.some((key) => next[key] !== before[key])) {
      if (place >= 0) at = place;
      order = all;
      layout();
      if (next.sorted !== before.sorted) grid.scrollTop = 0;
    } else if (next.values !== before.values) {
      // A head that was missing may be here now.
      layout();
    } else {
      if (next.causal !== before.causal) repaint();
      for (const [i, element] of mounted) {
        const line = lines[i];
        if (line) mark(line, element);
      }
    }
    // A head that was chosen elsewhere comes into view; the focus stays where it is.
    if (chosen && !first && place >= 0 && width > 0) reveal(place);
  };
  update(props);
  return { update };
}
