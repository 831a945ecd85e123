import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CANDIDATES, METHODS } from "../../js/gallery/fixtures.ts";
import { candidateList } from "../../js/src/kit/candidate-list.ts";
import { editor, PAUSE_MS } from "../../js/src/kit/editor.ts";
import { methodPicker } from "../../js/src/kit/method-picker.ts";
import { place, press, type } from "./mounting.ts";

const get = <T extends HTMLElement>(root: HTMLElement, selector: string): T => {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`nothing matches ${selector}`);
  return found;
};

describe("candidate list", () => {
  function show(fields = {}) {
    const { root, signal, end } = place();
    const props = {
      candidates: CANDIDATES,
      target: 100,
      contrast: null,
      format: (p: number) => p.toFixed(2),
      dim: false,
      reserve: 0,
      ...fields,
    };
    const callbacks = { explain: vi.fn(), contrast: vi.fn(), other: vi.fn() };
    const part = candidateList(root, props, callbacks, signal);
    const rows = () => [...root.querySelectorAll<HTMLElement>("[role=option]")];
    return {
      root,
      props,
      callbacks,
      rows,
      row: (i: number) => rows()[i] as HTMLElement,
      end,
      update: (next: object) => part.update({ ...props, ...next }),
    };
  }
  test("shows text and probability, spells out what can't be seen, marks target and contrast", () => {
    const { row } = show({ contrast: 101 });
    expect(row(0).textContent).toContain("Paris");
    expect(row(0).textContent).toContain("0.62");
    expect(row(8).firstElementChild?.textContent).toBe("↵");
    expect(row(0).getAttribute("aria-selected")).toBe("true");
    expect(row(1).getAttribute("aria-description")).toBe("compared with");
  });
  test("click explains; Shift and click, or vs, compares; again takes it back", () => {
    const { row, callbacks } = show({ contrast: 103 });
    row(1).click();
    expect(callbacks.explain).toHaveBeenCalledWith(101);
    row(2).dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    expect(callbacks.contrast).toHaveBeenLastCalledWith(102);
    get(row(1), ".xw-vs").click();
    expect(callbacks.contrast).toHaveBeenLastCalledWith(101);
    get(row(3), ".xw-vs").click();
    expect(callbacks.contrast).toHaveBeenLastCalledWith(null);
    expect(callbacks.explain).toHaveBeenCalledTimes(1);
  });
  test("the target is not compared with itself", () => {
    const { row, callbacks } = show();
    row(0).dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    expect(callbacks.contrast).not.toHaveBeenCalled();
  });
  test("by keyboard", () => {
    const { row, rows, callbacks } = show({ contrast: 104 });
    row(0).focus();
    press(row(0), "ArrowDown");
    expect(document.activeElement).toBe(row(1));
    press(row(1), "Enter");
    expect(callbacks.explain).toHaveBeenCalledWith(101);
    press(row(1), "c");
    expect(callbacks.contrast).toHaveBeenLastCalledWith(101);
    press(row(1), "End");
    expect(document.activeElement).toBe(row(9));
    press(row(9), "Escape");
    expect(callbacks.contrast).toHaveBeenLastCalledWith(null);
    expect(rows().filter((r) => r.tabIndex === 0)).toEqual([row(9)]);
  });
  test("a shorter list keeps its room, and rows keep their elements", () => {
    const { root, row, update } = show();
    const height = get(root, ".xw-cands").style.getPropertyValue("--rows");
    const first = row(0);
    update({ candidates: CANDIDATES.slice(0, 3) });
    expect(row(0)).toBe(first);
    expect(get(root, ".xw-cands").style.getPropertyValue("--rows")).toBe(height);
  });
  test("another token can be typed", () => {
    const { root, callbacks } = show();
    const input = get<HTMLInputElement>(root, "input");
    input.value = " Berlin";
    press(input, "Enter");
    expect(callbacks.other).toHaveBeenCalledWith(" Berlin", false);
    input.value = " Bonn";
    press(input, "Enter", { shiftKey: true });
    expect(callbacks.other).toHaveBeenLastCalledWith(" Bonn", true);
    press(input, "Enter");
    expect(callbacks.other).toHaveBeenCalledTimes(2);
  });
  test("nothing listens after the end", () => {
    const { row, callbacks, end } = show();
    end();
    row(1).click();
    press(row(1), "Enter");
    expect(callbacks.explain).not.toHaveBeenCalled();
  });
});

describe("editor", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const text = (value: string) => ({ kind: "text", text: value }) as const;
  function show(input: Parameters<typeof editor>[1]["input"] = text("The capital")) {
    const { root, signal, end } = place();
    const callbacks = { ask: vi.fn(), leave: vi.fn() };
    const part = editor(root, { open: false, input }, callbacks, signal);
    part.update({ open: true, input });
    const areas = () => [...root.querySelectorAll("textarea")];
    return { root, callbacks, areas, area: () => areas()[0] as HTMLTextAreaElement, end, part };
  }
  test("opens with the text, the cursor at its end", () => {
    const { area } = show();
    expect(document.activeElement).toBe(area());
    expect(area().value).toBe("The capital");
    expect(area().selectionStart).toBe(11);
  });
  test("each pause asks once", () => {
    const { area, callbacks } = show();
    type(area(), "The capital o");
    vi.advanceTimersByTime(PAUSE_MS - 1);
    type(area(), "The capital of");
    vi.advanceTimersByTime(PAUSE_MS - 1);
    expect(callbacks.ask).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callbacks.ask).toHaveBeenCalledExactlyOnceWith(text("The capital of"));
  });
  test("Enter asks now, and the pause after it does not ask again", () => {
    const { area, callbacks } = show();
    type(area(), "A");
    press(area(), "Enter");
    press(area(), "Enter", { ctrlKey: true });
    vi.advanceTimersByTime(10 * PAUSE_MS);
    expect(callbacks.ask).toHaveBeenCalledExactlyOnceWith(text("A"));
  });
  test("Shift+Enter is a line end", () => {
    const { area, callbacks } = show();
    const event = new KeyboardEvent("keydown", { key: "Enter", shiftKey: true, cancelable: true, bubbles: true });
    area().dispatchEvent(event);
    expect(event.defaultPrevented).toBe(false);
    expect(callbacks.ask).not.toHaveBeenCalled();
  });
  test("a host that listens on the field itself can't keep the line end away (JupyterLab does)", () => {
    const { area } = show();
    area().addEventListener("beforeinput", (event) => event.preventDefault());
    const event = new InputEvent("beforeinput", { inputType: "insertLineBreak", bubbles: true, cancelable: true });
    area().dispatchEvent(event);
    expect(event.defaultPrevented).toBe(false);
  });
  test("Escape leaves without asking", () => {
    const { area, callbacks } = show();
    type(area(), "gone");
    press(area(), "Escape");
    vi.advanceTimersByTime(10 * PAUSE_MS);
    expect(callbacks.leave).toHaveBeenCalled();
    expect(callbacks.ask).not.toHaveBeenCalled();
  });
  test("nothing is asked in the middle of composing a character", () => {
    const { area, callbacks } = show();
    area().dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
    type(area(), "に");
    press(area(), "Enter");
    vi.advanceTimersByTime(10 * PAUSE_MS);
    expect(callbacks.ask).not.toHaveBeenCalled();
    area().dispatchEvent(new CompositionEvent("compositionend", { bubbles: true }));
    vi.advanceTimersByTime(PAUSE_MS);
    expect(callbacks.ask).toHaveBeenCalledExactlyOnceWith(text("に"));
  });
  test("an answer to an older edit does not overwrite what is being typed", () => {
    const { area, callbacks, part } = show();
    type(area(), "newer");
    part.update({ open: true, input: text("older") });
    expect(area().value).toBe("newer");
    vi.advanceTimersByTime(PAUSE_MS);
    part.update({ open: true, input: text("newer") });
    expect(callbacks.ask).toHaveBeenCalledTimes(1);
    part.update({ open: true, input: text("from undo") });
    expect(area().value).toBe("from undo");
    expect(document.activeElement).toBe(area());
  });
  test("a chat has a field for each message", () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
    ];
    const { areas, callbacks } = show({ kind: "chat", messages });
    expect(areas().map((a) => a.getAttribute("aria-label"))).toEqual(["system message", "user message"]);
    type(areas()[1] as HTMLTextAreaElement, "Hello");
    vi.advanceTimersByTime(PAUSE_MS);
    expect(callbacks.ask).toHaveBeenCalledWith({
      kind: "chat",
      messages: [messages[0], { role: "user", content: "Hello" }],
    });
  });
  test("no timer is left after the end", () => {
    const { area, callbacks, end } = show();
    type(area(), "x");
    end();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(10 * PAUSE_MS);
    expect(callbacks.ask).not.toHaveBeenCalled();
  });
});

describe("method picker", () => {
  function show(methods: typeof METHODS | null = METHODS) {
    const { root, signal, end } = place();
    root.className = "xw";
    const anchor = document.createElement("button");
    root.append(anchor);
    const callbacks = { choose: vi.fn(), close: vi.fn() };
    const props = { open: false, anchor, methods, current: METHODS[0] ?? null, empty: "" };
    const part = methodPicker(root, props, callbacks, signal);
    part.update({ ...props, open: true });
    const items = () => [...root.querySelectorAll<HTMLElement>("[role=option]")];
    const item = (name: string) => get(root, `[data-name=${name}]`);
    return { root, callbacks, items, item, part, props, end };
  }
  test("lists methods by family with cost, and why one can't be used", () => {
    const { root, items, item } = show();
    expect([...root.querySelectorAll("[role=listbox] [role=group]")].map((g) => g.getAttribute("aria-label"))).toEqual([
      "perturbation",
      "gradient",
      "attention",
    ]);
    expect(items().length).toBe(5);
    expect(item("shapley_sampling").textContent).toContain("about 12 s");
    expect(item("attention_weights").getAttribute("aria-disabled")).toBe("true");
    expect(item("attention_weights").textContent).toContain("load it with eager attention");
  });
  test("focus starts at the method in use; arrows and Enter choose", () => {
    const { item, callbacks } = show();
    expect(document.activeElement).toBe(item("leave_one_out"));
    press(item("leave_one_out"), "ArrowDown");
    expect(document.activeElement).toBe(item("shapley_sampling"));
    press(item("shapley_sampling"), "Enter");
    expect(callbacks.choose).toHaveBeenCalledWith("shapley_sampling", {});
    expect(callbacks.close).toHaveBeenCalled();
  });
  test("a method that can't be used is not chosen", () => {
    const { item, callbacks } = show();
    item("attention_weights").click();
    expect(callbacks.choose).not.toHaveBeenCalled();
  });
  test("parameters of the method in use can be changed", () => {
    const { root, part, props, callbacks } = show();
    part.update({ ...props, open: true, current: METHODS[3] ?? null });
    const steps = get<HTMLInputElement>(root, "[name=n_steps]");
    expect(steps.value).toBe("32");
    steps.value = "64";
    get<HTMLSelectElement>(root, "[name=baseline]").value = "pad";
    get(root, "form button").click();
    expect(callbacks.choose).toHaveBeenCalledWith("integrated_gradients", { n_steps: 64, baseline: "pad" });
  });
  test("Escape and a click elsewhere close it", () => {
    const { item, callbacks } = show();
    press(item("leave_one_out"), "Escape");
    expect(callbacks.close).toHaveBeenCalledTimes(1);
    document.body.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, composed: true }));
    expect(callbacks.close).toHaveBeenCalledTimes(2);
  });
  test("while the kernel is asked it says so, then the list takes the focus", () => {
    const { root, part, props, item } = show(null);
    expect(root.textContent).toContain("asking the kernel");
    part.update({ ...props, open: true, methods: METHODS });
    expect(document.activeElement).toBe(item("leave_one_out"));
  });
  test("closed, it listens to nothing on the page", () => {
    const { part, props, callbacks } = show();
    part.update({ ...props, open: false });
    document.body.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, composed: true }));
    expect(callbacks.close).not.toHaveBeenCalled();
  });
});
