import { afterEach, describe, expect, test, vi } from "vitest";
import { choice } from "../../js/src/kit/choice.ts";
import { legend } from "../../js/src/kit/legend.ts";
import { liveRegion } from "../../js/src/kit/live-region.ts";
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
import { place, press } from "./mounting.ts";

const get = <T extends HTMLElement>(root: HTMLElement, selector: string): T => {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`nothing matches ${selector}`);
  return found;
};

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
