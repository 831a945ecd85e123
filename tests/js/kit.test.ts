import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CANDIDATES, METHODS } from "../../js/gallery/fixtures.ts";
import { candidateList } from "../../js/src/kit/candidate-list.ts";
import { choice } from "../../js/src/kit/choice.ts";
import { editor, PAUSE_MS } from "../../js/src/kit/editor.ts";
import { legend } from "../../js/src/kit/legend.ts";
import { liveRegion } from "../../js/src/kit/live-region.ts";
import { methodPicker } from "../../js/src/kit/method-picker.ts";
import { notice } from "../../js/src/kit/notice.ts";
import { progress } from "../../js/src/kit/progress.ts";
import { questionLine } from "../../js/src/kit/question-line.ts";
import { rowChooser } from "../../js/src/kit/row-chooser.ts";
import { copyText } from "../../js/src/kit/shared/clipboard.ts";
import { keepKeys } from "../../js/src/kit/shared/keys.ts";
import { followTheme, readTheme } from "../../js/src/kit/shared/theme.ts";
import { firstStrong } from "../../js/src/kit/shared/token-text.ts";
import { textTable } from "../../js/src/kit/text-table.ts";
import { tooltip } from "../../js/src/kit/tooltip.ts";
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

describe("progress", () => {
  const idle = { active: true, done: 3, total: 32, note: "hiding tokens", cancelling: false, cancellable: true };
  function show(fields = {}) {
    const { root, signal } = place();
    const [line, words] = [document.createElement("div"), document.createElement("div")];
    root.append(line, words);
    const cancel = vi.fn();
    const part = progress({ line, words }, { ...idle, ...fields }, { cancel }, signal);
    return { root, words, cancel, bar: () => get(root, "[role=progressbar]"), part };
  }
  test("says how far and can be cancelled", () => {
    const { words, bar, cancel } = show();
    expect(words.textContent).toContain("3 of 32");
    expect([bar().getAttribute("aria-valuenow"), bar().getAttribute("aria-valuemax")]).toEqual(["3", "32"]);
    get(words, "button").click();
    expect(cancel).toHaveBeenCalledTimes(1);
  });
  test("does not invent a count", () => {
    const { words, bar } = show({ done: 0, total: 0 });
    expect(words.textContent).toContain("computing");
    expect(bar().hasAttribute("aria-valuenow")).toBe(false);
  });
  test("while stopping it can't be cancelled twice", () => {
    const { words } = show({ cancelling: true });
    expect(words.textContent).toContain("stopping");
    expect(get<HTMLButtonElement>(words, "button").disabled).toBe(true);
  });
  test("is gone when nothing runs", () => {
    const { bar, words, part } = show();
    part.update({ ...idle, active: false });
    expect([bar().hidden, words.firstElementChild?.hasAttribute("hidden")]).toEqual([true, true]);
  });
});

test("a notice says problem, details and actions, code set apart, text as text", () => {
  const { root, signal } = place();
  const act = vi.fn();
  const part = notice(
    root,
    {
      notice: {
        kind: "error",
        problem: "<b>no</b>",
        details: [{ label: "What to do:", text: 'use contrast=" New" or `xw.load`' }],
        actions: [{ name: "run", label: "run" }],
      },
    },
    { act },
    signal,
  );
  const box = get(root, "[role=alert]");
  expect(box.textContent).toContain("<b>no</b>");
  expect([...box.querySelectorAll("code")].map((c) => c.textContent)).toEqual(['contrast=" New"', "xw.load"]);
  get(box, "button").click();
  expect(act).toHaveBeenCalledWith("run");
  part.update({ notice: null });
  expect(box.hidden).toBe(true);
});

describe("row chooser", () => {
  function show(labels: string[], row: number | null, sum = true) {
    const { root, signal } = place();
    const choose = vi.fn();
    rowChooser(root, { axis: "target", labels, sum, row }, { choose }, signal);
    return { root, choose };
  }
  test("few are words in a row, with the sum first, one stop for Tab", () => {
    const { root, choose } = show([" Paris", ","], null);
    const radios = [...root.querySelectorAll<HTMLElement>("[role=radio]")];
    expect(radios.map((r) => r.textContent)).toEqual(["sum", "Paris", ","]);
    expect(radios.map((r) => r.getAttribute("aria-checked"))).toEqual(["true", "false", "false"]);
    expect(radios.filter((r) => r.tabIndex === 0).length).toBe(1);
    radios[0]?.focus();
    press(radios[0] as Element, "ArrowRight");
    expect(choose).toHaveBeenCalledWith(0);
    radios[2]?.click();
    expect(choose).toHaveBeenLastCalledWith(1);
    radios[0]?.click();
    expect(choose).toHaveBeenLastCalledWith(null);
  });
  test("many are a list to pull down", () => {
    const { root, choose } = show(
      Array.from({ length: 40 }, (_, i) => `layer ${i}`),
      7,
      false,
    );
    const select = get<HTMLSelectElement>(root, "select");
    expect(select.value).toBe("7");
    select.value = "9";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    expect(choose).toHaveBeenCalledWith(9);
  });
});

test("a legend names both ends, the unit and the marks in use", () => {
  const { root, signal } = place();
  root.className = "xw";
  const props = {
    signed: true,
    hidden: false,
    low: "−1.00",
    high: "+1.00",
    unit: "logit",
    estimate: false,
    changes: false,
  };
  const part = legend(root, props, {}, signal);
  expect(root.innerText.replace(/\s+/g, " ")).toContain("against −1.00");
  expect(root.innerText).toContain("logit");
  expect(root.innerText).not.toContain("estimate");
  part.update({ ...props, signed: false, low: "0", estimate: true });
  expect(root.innerText).not.toContain("against");
  expect(root.innerText).toContain("estimate");
});

test("a tooltip is inside the window and above the page, its text is text", () => {
  const { root, signal, end } = place();
  root.className = "xw";
  const part = tooltip(root, { anchor: null, title: "", lines: [] }, {}, signal);
  part.update({
    anchor: new DOMRect(990, 790, 20, 15),
    title: "<i>x</i>",
    lines: [{ label: "score", value: "0.123" }],
  });
  const box = get(root, "[role=tooltip]");
  const at = box.getBoundingClientRect();
  expect(at.right).toBeLessThanOrEqual(window.innerWidth);
  expect(at.bottom).toBeLessThanOrEqual(window.innerHeight);
  expect(box.querySelector("i")).toBeNull();
  expect(box.textContent).toContain("0.123");
  part.update({ anchor: null, title: "", lines: [] });
  expect(box.checkVisibility()).toBe(false);
  end();
  expect(root.querySelector("[role=tooltip]")).toBeNull();
});

test("the question line sets tokens apart and offers to drop the contrast", () => {
  const { root, signal } = place();
  const clear = vi.fn();
  questionLine(
    root,
    {
      parts: [
        { text: "Why ", token: false },
        { text: " <b>", token: true },
        { text: "?", token: false },
      ],
      before: "",
      name: "logit",
      after: "+2.31",
      contrast: true,
      dim: false,
    },
    { clear },
    signal,
  );
  expect(get(root, "bdi").textContent).toBe("<b>");
  expect(root.querySelector("b")).toBeNull();
  get(root, "button").click();
  expect(clear).toHaveBeenCalled();
});

test("a choice tells what was chosen", () => {
  const { root, signal } = place();
  const choose = vi.fn();
  choice(
    root,
    {
      label: "per",
      name: "unit",
      value: "word",
      hidden: false,
      options: [
        { value: "token", text: "token" },
        { value: "word", text: "word" },
      ],
    },
    { choose },
    signal,
  );
  const select = get<HTMLSelectElement>(root, "select");
  expect([select.value, select.getAttribute("aria-label")]).toEqual(["word", "unit"]);
  select.value = "token";
  select.dispatchEvent(new Event("change"));
  expect(choose).toHaveBeenCalledWith("token");
});

test("the table and the live region say it to those who can't see it", () => {
  const { root, signal } = place();
  textTable(root, { caption: "strongest", headings: ["token", "score"], rows: [["<i>", "+1.00"]] }, {}, signal);
  const region = liveRegion(root, { text: "" }, {}, signal);
  region.update({ text: "computing" });
  expect(get(root, "table").querySelectorAll("th[scope=row]")[0]?.textContent).toBe("<i>");
  expect(get(root, "[role=status]").textContent).toBe("computing");
});

describe("theme", () => {
  afterEach(() => {
    document.body.removeAttribute("data-jp-theme-light");
    document.body.className = "";
    document.documentElement.style.colorScheme = "";
  });
  test("JupyterLab's word counts before a class, a class before the colour scheme", () => {
    const { root } = place();
    document.documentElement.style.colorScheme = "dark";
    expect(readTheme(root)).toBe("dark");
    document.body.className = "light light-theme";
    expect(readTheme(root)).toBe("light");
    document.body.setAttribute("data-jp-theme-light", "false");
    expect(readTheme(root)).toBe("dark");
  });
  test("is followed live, and not read before the element is on the page", async () => {
    const { root, signal, end } = place();
    const element = document.createElement("div");
    followTheme(element, signal);
    document.body.setAttribute("data-jp-theme-light", "false");
    expect(element.hasAttribute("data-theme")).toBe(false);
    root.append(element);
    await vi.waitFor(() => expect(element.getAttribute("data-theme")).toBe("dark"));
    document.body.setAttribute("data-jp-theme-light", "true");
    await vi.waitFor(() => expect(element.getAttribute("data-theme")).toBe("light"));
    end();
    document.body.setAttribute("data-jp-theme-light", "false");
    await new Promise((resolve) => requestAnimationFrame(resolve));
    expect(element.getAttribute("data-theme")).toBe("light");
  });
});

test("keys that are ours are kept from the notebook, the others are not", () => {
  const { root, signal, end } = place();
  const button = document.createElement("button");
  root.append(button, document.createElement("textarea"));
  keepKeys(root, signal);
  const kept = (target: Element, key: string, init = {}) => {
    press(target, key, init);
    return root.hasAttribute("data-lm-suppress-shortcuts");
  };
  expect(kept(button, "c")).toBe(true);
  expect(kept(button, "ArrowDown")).toBe(true);
  expect(kept(button, "s", { ctrlKey: true })).toBe(false);
  expect(kept(button, "x")).toBe(false);
  expect(kept(get(root, "textarea"), "x")).toBe(true);
  expect(kept(get(root, "textarea"), "s", { metaKey: true })).toBe(false);
  expect(kept(document.body, "c")).toBe(false);
  end();
  expect(kept(button, "c")).toBe(false);
});

test("copying falls back to the old way where the clipboard is closed", async () => {
  const { root } = place();
  const write = vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new Error("no"));
  const old = vi.spyOn(document, "execCommand").mockReturnValue(true);
  expect(await copyText("code", root)).toBe(true);
  old.mockReturnValue(false);
  expect(await copyText("code", root)).toBe(false);
  expect(root.querySelector("textarea")).toBeNull();
  write.mockRestore();
  old.mockRestore();
});

test("the direction of a text is that of its first letter", () => {
  expect([firstStrong("12 abc"), firstStrong("«עברית»"), firstStrong("العربية abc"), firstStrong("123")]).toEqual([
    "ltr",
    "rtl",
    "rtl",
    "ltr",
  ]);
});
