import { describe, expect, test, vi } from "vitest";
import { type HeadGridCallbacks, type HeadGridProps, type HeadThumb, headGrid } from "../../js/src/kit/head-grid.ts";
import { place, press } from "./mounting.ts";
import "../../js/src/kit/kit.css";

const CELLS = 8;
const SIZE = 40;

/** Every head looks at its own position only; `strong` says how much. */
function diagonal(heads: number, strong: (head: number) => number): Uint8Array {
  const values = new Uint8Array(heads * CELLS * CELLS);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < CELLS; i++) values[head * CELLS * CELLS + i * CELLS + i] = strong(head);
  }
  return values;
}

function groups(layers: number, heads: number, more: (index: number) => Partial<HeadThumb> = () => ({})) {
  return Array.from({ length: layers }, (_, layer) => ({
    title: `layer ${layer}`,
    heads: Array.from({ length: heads }, (_, head) => {
      const index = layer * heads + head;
      return { index, title: `head ${layer}.${head}`, label: `l${index}`, ...more(index) };
    }),
  }));
}

function show(fields: Partial<HeadGridProps> = {}, width = 860) {
  const { root, signal } = place();
  root.className = "xw";
  root.style.width = `${width}px`;
  const all = fields.groups ?? groups(2, 3);
  const count = all.reduce((sum, group) => sum + group.heads.length, 0);
  const props: HeadGridProps = {
    groups: all,
    cells: CELLS,
    values: diagonal(count, () => 255),
    size: SIZE,
    chosen: null,
    causal: true,
    describe: (index) => `head number ${index}`,
    ...fields,
  };
  const callbacks = { choose: vi.fn<HeadGridCallbacks["choose"]>(), hover: vi.fn<HeadGridCallbacks["hover"]>() };
  const part = headGrid(root, props, callbacks, signal);
  const cells = () => [...root.querySelectorAll<HTMLElement>("[role=gridcell]")];
  const cell = (flat: number) => {
    const found = root.querySelector<HTMLElement>(`[data-at="${flat}"]`);
    if (!found) throw new Error(`no head ${flat}`);
    return found;
  };
  /** Colour in the picture of a head, in CSS pixels from its left top, with how opaque it is. */
  const colour = (flat: number, x: number, y: number) => {
    const at = cell(flat);
    const canvas = at.parentElement?.querySelector("canvas") as HTMLCanvasElement;
    const left = at.offsetLeft - canvas.offsetLeft + x;
    const ratio = canvas.width / canvas.getBoundingClientRect().width;
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    return [...context.getImageData(Math.round(left * ratio), Math.round(y * ratio), 1, 1).data];
  };
  return {
    root,
    props,
    callbacks,
    cells,
    cell,
    colour,
    grid: root.querySelector("[role=grid]") as HTMLElement,
    update: (next: Partial<HeadGridProps>) => part.update({ ...props, ...next }),
  };
}

const ready = (grid: ReturnType<typeof show>) => vi.waitFor(() => expect(grid.cells().length).toBeGreaterThan(0));

describe("what is drawn", () => {
  test("ink where a head looks, nothing at zero, each head its own picture", async () => {
    const grid = show({ values: diagonal(6, (head) => head * 51) });
    await ready(grid);
    expect(grid.colour(5, 2.5, 2.5)).toEqual([0, 114, 178, 255]);
    expect(grid.colour(5, 37.5, 37.5)).toEqual([0, 114, 178, 255]);
    expect(grid.colour(5, 2.5, 37.5)[3]).toBe(0);
    expect(grid.colour(0, 2.5, 2.5)[3]).toBe(0);
    expect(grid.colour(2, 2.5, 2.5)[3]).toBe(102);
  });
  test("the values drawn are those of the head, not of its place", async () => {
    const sorted = [{ title: "sorted", heads: groups(1, 3)[0]?.heads.toReversed() ?? [] }];
    const grid = show({ groups: sorted, values: diagonal(3, (head) => head * 100) });
    await ready(grid);
    expect(grid.colour(0, 2.5, 2.5)[3]).toBe(200);
    expect(grid.colour(2, 2.5, 2.5)[3]).toBe(0);
  });
  test("above the diagonal of a causal head is paper, of another it is not", async () => {
    const values = new Uint8Array(6 * CELLS * CELLS).fill(255);
    const grid = show({ values });
    await ready(grid);
    expect(grid.colour(0, 37, 2)[3]).toBe(0);
    grid.update({ values, causal: false });
    expect(grid.colour(0, 37, 2)[3]).toBe(255);
  });
  test("dimmed heads have less ink; the dark page has its own blue", async () => {
    const grid = show({ groups: groups(2, 3, (index) => ({ dim: index === 1 })) });
    await ready(grid);
    expect(grid.colour(1, 2.5, 2.5)[3]).toBeLessThan(100);
    grid.root.dataset.theme = "dark";
    await vi.waitFor(() => expect(grid.colour(0, 2.5, 2.5)).toEqual([86, 180, 233, 255]));
  });
  test("what turning it off does is a bar to the right or, in the other hue, to the left", async () => {
    const grid = show({ groups: groups(1, 2, (index) => ({ mark: index === 0 ? 2 : -1 })) });
    await ready(grid);
    expect(grid.colour(0, SIZE - 2, SIZE + 3)).toEqual([0, 114, 178, 255]);
    expect(grid.colour(0, 4, SIZE + 3)[3]).toBe(0);
    expect(grid.colour(1, SIZE / 2 - 4, SIZE + 3)).toEqual([213, 94, 0, 255]);
    expect(grid.colour(1, SIZE / 2 - 14, SIZE + 3)[3]).toBe(0);
    expect(grid.colour(1, SIZE - 4, SIZE + 3)[3]).toBe(0);
  });
  test("a map that is missing is a dashed box with its reason, and can't be chosen", async () => {
    const grid = show({
      groups: groups(2, 3, (index) => (index === 4 ? { missing: "linear attention has no weights" } : {})),
      values: diagonal(5, () => 255),
    });
    await ready(grid);
    expect(grid.cell(4).title).toBe("head 1.1: linear attention has no weights");
    expect(getComputedStyle(grid.cell(4).firstElementChild as Element).borderTopStyle).toBe("dashed");
    expect(grid.cell(5).getAttribute("aria-label")).toBe("head 1.2: not here yet");
    grid.cell(4).click();
    grid.cell(5).click();
    expect(grid.callbacks.choose).not.toHaveBeenCalled();
    grid.update({ values: diagonal(6, () => 255), groups: grid.props.groups });
    grid.cell(5).click();
    expect(grid.callbacks.choose).toHaveBeenCalledWith(5, { shift: false });
  });
  test("markup in a label or a title stays text", async () => {
    const bad = "<img src=x>";
    const grid = show({ groups: [{ title: bad, heads: [{ index: 0, title: bad, label: bad }] }] });
    await ready(grid);
    expect(grid.root.querySelector("img")).toBeNull();
    expect(grid.cell(0).textContent).toBe(bad);
  });
});

describe("walking and choosing", () => {
  test("arrows walk over heads and lines, Enter chooses, with Shift it compares", async () => {
    const grid = show();
    await ready(grid);
    expect(grid.cells().filter((cell) => cell.tabIndex === 0).length).toBe(1);
    grid.cell(0).focus();
    for (const key of ["ArrowRight", "ArrowDown", "ArrowRight", "ArrowLeft"]) {
      press(document.activeElement as Element, key);
    }
    expect(document.activeElement).toBe(grid.cell(4));
    expect(grid.callbacks.hover.mock.lastCall).toEqual([4]);
    press(grid.cell(4), "Enter");
    press(grid.cell(4), "Enter", { shiftKey: true });
    expect(grid.callbacks.choose.mock.calls).toEqual([
      [4, { shift: false }],
      [4, { shift: true }],
    ]);
    press(grid.cell(4), "Home");
    expect(document.activeElement).toBe(grid.cell(0));
    press(grid.cell(0), "End");
    expect(document.activeElement).toBe(grid.cell(5));
  });
  test("a click chooses, with Shift it compares; hovering is said and unsaid", async () => {
    const grid = show();
    await ready(grid);
    grid.cell(2).click();
    grid.cell(3).dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    expect(grid.callbacks.choose.mock.calls).toEqual([
      [2, { shift: false }],
      [3, { shift: true }],
    ]);
    grid.cell(1).dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    expect(grid.callbacks.hover.mock.lastCall).toEqual([1]);
    grid.grid.dispatchEvent(new PointerEvent("pointerleave"));
    expect(grid.callbacks.hover.mock.lastCall).toEqual([null]);
  });
  test("the chosen and the compared head are told by role and by words", async () => {
    const grid = show({ chosen: 1, compare: 4 });
    await ready(grid);
    expect(grid.cells().map((cell) => cell.getAttribute("aria-selected"))).toEqual([
      "false",
      "true",
      "false",
      "false",
      "false",
      "false",
    ]);
    expect(grid.cell(4).getAttribute("aria-description")).toBe("compared with");
    expect(grid.cell(1).getAttribute("aria-label")).toBe("head number 1");
    expect(grid.cell(1).tabIndex).toBe(0);
    grid.update({ chosen: 2, compare: null });
    expect(grid.cell(2).getAttribute("aria-selected")).toBe("true");
    expect(grid.cell(1).getAttribute("aria-selected")).toBe("false");
    expect(grid.cell(4).hasAttribute("aria-description")).toBe(false);
  });
  test("sorted otherwise, the focus stays with the head", async () => {
    const grid = show();
    await ready(grid);
    grid.cell(1).focus();
    press(grid.cell(1), "ArrowRight");
    grid.update({
      groups: [
        {
          title: "sorted",
          heads: groups(2, 3)
            .flatMap((g) => g.heads)
            .toReversed(),
        },
      ],
    });
    expect(document.activeElement?.getAttribute("aria-label")).toBe("head number 2");
  });
});

describe("many heads, little room", () => {
  test("80 layers of 64 heads: lines exist where they are seen, and one can walk to the last", async () => {
    const grid = show({ groups: groups(80, 64), cells: 4, values: new Uint8Array(80 * 64 * 16) });
    await ready(grid);
    expect(grid.cells().length).toBeLessThan(64 * 14);
    grid.cell(0).focus();
    press(grid.cell(0), "End");
    expect(document.activeElement?.getAttribute("aria-label")).toBe(`head number ${80 * 64 - 1}`);
    const box = (document.activeElement as Element).getBoundingClientRect();
    const seen = grid.grid.getBoundingClientRect();
    expect(box.bottom).toBeLessThanOrEqual(seen.bottom + 1);
    expect(grid.cells().length).toBeLessThan(64 * 14);
  });
  const widths = (grid: ReturnType<typeof show>) => new Set(grid.cells().map((cell) => cell.offsetWidth));
  const perLine = (grid: ReturnType<typeof show>) =>
    [...grid.grid.querySelectorAll("[role=row]")].map((row) => row.querySelectorAll("[role=gridcell]").length);
  test.each([
    [4, 64, [4, 4]],
    [12, 56, [12, 12]],
    [16, 40, [16, 16]],
    [32, 40, [16, 16, 16, 16]],
    [20, 64, [10, 10, 10, 10]],
  ])("%i heads a layer: pictures of %i pixels, lines all as long", async (heads, size, long) => {
    const all = groups(2, heads);
    const grid = show({ groups: all, size: 38, largest: 64, abreast: heads, values: diagonal(2 * heads, () => 255) });
    await ready(grid);
    const [width = 0, ...others] = widths(grid);
    expect(others).toEqual([]);
    expect(Math.abs(width - size)).toBeLessThanOrEqual(2);
    expect(perLine(grid)).toEqual(long);
    expect(grid.grid.scrollWidth).toBeLessThanOrEqual(grid.grid.clientWidth);
    const box = grid.cell(heads - 1).getBoundingClientRect();
    expect(grid.colour(0, width - 3, width - 3)).toEqual([0, 114, 178, 255]);
    expect(box.right).toBeLessThanOrEqual(grid.grid.getBoundingClientRect().right);
  });
  test("a layer that goes on in the next line says whose line it is", async () => {
    const grid = show({ groups: groups(2, 64), size: 38, abreast: 64, values: diagonal(128, () => 255) });
    await ready(grid);
    const titles = [...grid.grid.querySelectorAll("[role=rowheader]")].map((t) => t.textContent);
    expect(titles.slice(0, 5)).toEqual(["layer 0", "↳ layer 0", "↳ layer 0", "↳ layer 0", "layer 1"]);
  });
  test("heads that belong together are never parted by the end of a line", async () => {
    const [one] = groups(1, 30);
    const grid = show({ groups: [{ title: "pairs", heads: one?.heads ?? [], together: 2 }], size: 38 }, 520);
    await ready(grid);
    expect(perLine(grid).length).toBeGreaterThan(1);
    for (const count of perLine(grid)) expect(count % 2).toBe(0);
  });
  test("a head that is chosen elsewhere comes into view, the focus stays where it is", async () => {
    const grid = show({ groups: groups(60, 9), values: diagonal(540, () => 255) });
    await ready(grid);
    const seen = (flat: number) => {
      const [box, all] = [grid.cell(flat).getBoundingClientRect(), grid.grid.getBoundingClientRect()];
      return box.top >= all.top - 1 && box.bottom <= all.bottom + 1;
    };
    grid.update({ chosen: 400 });
    expect(seen(400)).toBe(true);
    expect(grid.cell(400).tabIndex).toBe(0);
    expect(document.activeElement).toBe(document.body);
    grid.update({ chosen: 400, values: diagonal(540, () => 100) });
    const { scrollTop } = grid.grid;
    expect(scrollTop).toBeGreaterThan(0);
    // What was chosen and is out of sight stays so until something else is chosen.
    grid.grid.scrollTop = 0;
    grid.update({ chosen: 400, compare: 3 });
    expect(grid.grid.scrollTop).toBe(0);
  });
  test("a head that was chosen before there was a picture is in view with the first", async () => {
    const grid = show({ groups: groups(60, 9), values: diagonal(540, () => 255), chosen: 300 });
    await ready(grid);
    await vi.waitFor(() => expect(grid.grid.scrollTop).toBeGreaterThan(0));
    expect(grid.cell(300).getBoundingClientRect().bottom).toBeLessThanOrEqual(
      grid.grid.getBoundingClientRect().bottom + 1,
    );
  });
  test("another order begins at its beginning", async () => {
    const grid = show({ groups: groups(60, 9), values: diagonal(540, () => 255), chosen: 300, sorted: "layer" });
    await ready(grid);
    await vi.waitFor(() => expect(grid.grid.scrollTop).toBeGreaterThan(0));
    const [all] = groups(1, 540);
    grid.update({ groups: [{ title: "sorted", heads: all?.heads ?? [] }], chosen: 300, sorted: "effect" });
    expect(grid.grid.scrollTop).toBe(0);
  });
  test("a head with less positions than there are squares fills its picture", async () => {
    const small = groups(1, 2, () => ({ rows: 2, columns: 4 }));
    const values = new Uint8Array(2 * CELLS * CELLS);
    // The last square it has.
    values[CELLS + 3] = 255;
    const grid = show({ groups: small, values, causal: false });
    await ready(grid);
    expect(grid.colour(0, SIZE - 3, SIZE - 3)).toEqual([0, 114, 178, 255]);
    expect(grid.colour(0, SIZE - 3, 3)[3]).toBe(0);
    expect(grid.colour(0, 3, SIZE - 3)[3]).toBe(0);
  });
  test("lines scrolled out of sight go, lines that come are made, the focus stays", async () => {
    const grid = show({ groups: groups(60, 9), values: diagonal(540, () => 255) });
    await ready(grid);
    grid.cell(3).focus();
    grid.grid.scrollTop = 1500;
    await vi.waitFor(() => expect(() => grid.cell(26 * 9)).not.toThrow());
    expect(() => grid.cell(9 * 9)).toThrow();
    expect(document.activeElement).toBe(grid.cell(3));
    expect(grid.colour(26 * 9, 2.5, 2.5)[3]).toBe(255);
  });
  test("at 320 pixels heads go on in the next line and nothing sticks out", async () => {
    const grid = show({ groups: groups(2, 9) }, 320);
    await ready(grid);
    expect(grid.grid.scrollWidth).toBeLessThanOrEqual(grid.grid.clientWidth);
    expect(grid.cell(8).parentElement).not.toBe(grid.cell(0).parentElement);
    expect(grid.grid.querySelectorAll("[role=row]").length).toBe(4);
    grid.cell(0).focus();
    press(grid.cell(0), "ArrowDown");
    expect(document.activeElement?.getAttribute("aria-label")).toBe("head number 5");
  });
});
