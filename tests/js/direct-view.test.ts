import { describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import {
  directTrait,
  idOf,
  inventDirect,
  inventHead,
  inventNeurons,
  replyDirect,
  TEXT,
} from "../../js/gallery/direct.ts";
import { IDLE } from "../../js/gallery/fake-model.ts";
import { readHead } from "../../js/src/protocol/decode-direct.ts";
import type { DirectRequest } from "../../js/src/protocol/generated.ts";
import { asks, pinned, show } from "./direct-fakes.ts";
import { press, settle, type } from "./mounting.ts";

type View = ReturnType<typeof show>;

/** Row of the list of all parts: components come first, 26 of the 12 layers. */
const MLP_10 = pinned(22);
const drawn = async (v: View) => {
  await vi.waitFor(() => expect(v.el.querySelector(".xw-shares-sum")).not.toBeNull());
  await vi.waitFor(() => expect(v.find(".xw-heat-note").textContent).not.toBe(""));
};
const signed = (value: number) => (value < 0 ? `−${(-value).toPrecision(3)}` : `+${value.toPrecision(3)}`);

function point(v: View, kind: string, bar: number): void {
  const { left, top, height } = (v.all(".xw-shares-bar")[bar] as HTMLElement).getBoundingClientRect();
  const at = { clientX: left + 1, clientY: top + height / 2, bubbles: true };
  v.chart.dispatchEvent(kind === "click" ? new MouseEvent(kind, at) : new PointerEvent(kind, at));
}

describe("the question", () => {
  test("written out, with the number it is about", async () => {
    const v = show();
    expect(v.question).toBe("Who wrote the logit of Paris?");
    const logit = v.answer.snapshot.logit;
    expect(v.find(".xw-measure").textContent).toBe(`logit${signed(logit)}`);
    expect(v.says("The capital of France is → Paris")).toBe(true);
    expect(v.says("5 tokens · 26 parts")).toBe(true);
    expect(asks(v.model)).toEqual([]);
  });
  test("a click on a next token explains that one", async () => {
    const v = show();
    v.candidate("Rome").click();
    expect(asks(v.model)).toMatchObject([{ action: "look", target: { kind: "token", id: idOf(" Rome") } }]);
    expect(asks(v.model)[0]).not.toHaveProperty("other");
    await expect.poll(() => v.question).toBe("Who wrote the logit of Rome?");
    expect(v.candidate("Rome").getAttribute("aria-selected")).toBe("true");
  });
  test("c or a click with Shift compares; the target on the screen is kept; not that one takes it back", async () => {
    const v = show();
    press(v.candidate("Rome"), "c");
    expect(asks(v.model)).toMatchObject([
      { target: { kind: "token", id: idOf(" Paris") }, other: { kind: "token", id: idOf(" Rome") } },
    ]);
    await expect.poll(() => v.question).toBe("Who wrote the logit of Paris less that of Rome?");
    expect(v.find(".xw-measure").textContent).toMatch(/^logit difference[+−]/);
    v.candidate("a").dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    await expect.poll(() => v.question).toBe("Who wrote the logit of Paris less that of a?");
    v.button("not that one").click();
    expect(asks(v.model).at(-1)).toMatchObject({ other: null });
    await expect.poll(() => v.question).toBe("Who wrote the logit of Paris?");
  });
  test("to explain what was the contrast drops the contrast", async () => {
    const v = show({ other: " Rome" });
    v.candidate("Rome").click();
    expect(asks(v.model)).toMatchObject([{ target: { id: idOf(" Rome") }, other: null }]);
    await expect.poll(() => v.question).toBe("Who wrote the logit of Rome?");
  });
  test("a token that is typed", async () => {
    const v = show();
    const field = v.find<HTMLInputElement>("input[aria-label='another token to explain']");
    type(field, " Lyon");
    press(field, "Enter");
    expect(asks(v.model)).toMatchObject([{ target: { kind: "text", text: " Lyon" } }]);
    await expect.poll(() => v.question).toBe("Who wrote the logit of Lyon?");
  });
  test("e edits, in a shadow root too; the last picture is dimmed until the next is there", async () => {
    const v = show({}, {}, { shadow: true, hold: ["look"] });
    await drawn(v);
    press(v.find(".xw"), "e");
    await expect.poll(() => v.find("textarea").checkVisibility()).toBe(true);
    const area = v.find<HTMLTextAreaElement>("textarea");
    type(area, "The capital of Spain is");
    press(area, "Enter");
    const [ask] = asks(v.model, "look");
    expect(ask).toMatchObject({ input: { kind: "text", text: "The capital of Spain is" } });
    await expect.poll(() => v.chart.hasAttribute("data-dim")).toBe(true);
    replyDirect(v.model, {}, ask as DirectRequest);
    await expect.poll(() => v.chart.hasAttribute("data-dim")).toBe(false);
    expect(v.says("The capital of Spain is → Paris")).toBe(true);
    press(area, "Escape");
    await expect.poll(() => area.checkVisibility()).toBe(false);
  });
  test("cancel stops it; the question is the one of the picture again", async () => {
    const v = show({}, {}, { hold: ["look"] });
    v.candidate("Rome").click();
    await expect.poll(() => v.candidate("Rome").dataset.is).toBe("target");
    v.button("cancel").click();
    await expect.poll(() => v.candidate("Paris").dataset.is).toBe("target");
    expect(v.question).toBe("Who wrote the logit of Paris?");
    expect(v.chart.hasAttribute("data-dim")).toBe(false);
  });
});

describe("the chart", () => {
  test("a bar under the pointer says its name, value and share", async () => {
    const v = show();
    await drawn(v);
    expect(v.said).toBe("Point at a bar to read it, click it to pin it.");
    point(v, "pointermove", 22);
    const { values, snapshot } = v.answer;
    const share = Math.round((100 * (values[22] ?? 0)) / snapshot.logit);
    await expect
      .poll(() => v.said)
      .toMatch(
        new RegExp(
          `^MLP of layer 10: \\${signed(values[22] ?? 0)}, for Paris: ${share} % of the logit; up to here \\d`,
        ),
      );
    point(v, "pointerleave", 22);
    await expect.poll(() => v.said).toBe("Point at a bar to read it, click it to pin it.");
  });
  test("by keys: down from the top, Enter pins and asks, Escape clears", async () => {
    const v = show();
    await drawn(v);
    v.keys(v.chart, "ArrowDown", "ArrowDown", "ArrowDown");
    await expect.poll(() => v.said).toMatch(/^attention of layer 11: /);
    const status = () => v.all("[role=status]").map((s) => s.textContent);
    expect(status()).toContain(v.said);
    v.keys(v.chart, "ArrowUp", "Enter");
    expect(v.model.get("display").row).toBe(24);
    await expect.poll(() => asks(v.model, "neurons")).toMatchObject([{ layer: 11 }]);
    v.keys(v.chart, "Escape");
    expect(v.model.get("display").row).toBeNull();
    await expect.poll(() => v.said).toBe("Point at a bar to read it, click it to pin it.");
  });
  test("kinds are told apart by their filling, and the key says how", async () => {
    const v = show({ mixers: [0, 1] });
    await drawn(v);
    expect(v.find(".xw-direct-keys").textContent).toBe("attentionmixerMLP");
    expect(v.all(".xw-shares-bar.xw-shares-striped").length).toBe(2);
    expect(show().find(".xw-direct-keys").textContent).toBe("attentionMLP");
  });
  test("the line that proves it", async () => {
    const v = show({ fields: { softcap: 30 } });
    const { logit } = v.answer.snapshot;
    const text = logit.toPrecision(3);
    expect(v.find(".xw-direct-proof").textContent).toContain(
      `The parts sum to ${text}; the logit is ${text} (a difference of 1.20e−7 of the largest logit).`,
    );
    expect(v.find(".xw-direct-proof").textContent).toContain("soft cap");
    expect(v.find(".xw-measure").textContent).toContain("logit before the soft cap");
  });
  test("nothing below moves while one points", async () => {
    const v = show({ other: " Rome" });
    await drawn(v);
    const top = () => v.canvas.getBoundingClientRect().top;
    const before = top();
    for (const bar of [9, 21, 22]) {
      point(v, "pointermove", bar);
      await expect.poll(() => v.said).toMatch(/rather than Rome/);
      expect(top()).toBe(before);
    }
  });
  test.each([320, 860])("80 layers fit at %s px", async (width) => {
    const v = show({ layers: 80, heads: 64 }, {}, { width });
    await drawn(v);
    expect(v.chart.getBoundingClientRect().height).toBeLessThan(800);
    expect(v.find(".xw").scrollWidth).toBeLessThanOrEqual(width);
  });
});

describe("heads", () => {
  test("a cell by keys: said with its layer's attention; Enter pins it, and its bar in the chart", async () => {
    const v = show();
    await drawn(v);
    v.keys(v.canvas, "ArrowDown", "ArrowDown", "ArrowRight");
    await expect
      .poll(() => v.headSaid)
      .toMatch(/^head 10\.1: [+−][\d.]+, (for|against) Paris.*; all attention of layer 10: [+−][\d.]+\.$/);
    v.keys(v.canvas, "Enter");
    expect(v.model.get("display").row).toBe(26 + 10 * 6 + 1);
    await expect.poll(() => v.el.querySelector(".xw-shares-pinned")).not.toBeNull();
    expect(v.said).toMatch(/^attention of layer 10: /);
    await expect.poll(() => asks(v.model)).toMatchObject([{ action: "head", layer: 10, head: 1 }]);
    v.button("let go").click();
    await expect.poll(() => v.all("button").some((b) => b.textContent === "let go" && b.checkVisibility())).toBe(false);
  });
  test("the pinned one's attention as code on the clipboard", async () => {
    const v = show({}, pinned(26 + 9 * 6 + 2));
    const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
    v.button("copy code for its attention").click();
    await expect.poll(() => v.says("copied")).toBe(true);
    expect(write).toHaveBeenCalledExactlyOnceWith(
      'import xai_widgets as xw\n\nlm = xw.load()\nxw.Attention(lm, "The capital of France is").weights(layer=9, head=2)',
    );
    write.mockRestore();
  });
  test("layers that can't be split are hatched, and the reason is said", async () => {
    const v = show({ whole: [3, 7] });
    await drawn(v);
    expect(v.says("Layers 3, 7 can't be split over heads: two outputs are mixed.")).toBe(true);
    expect(v.find(".xw-heat-note").textContent).toContain("hatched: no such head");
    v.keys(v.canvas, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown");
    await expect.poll(() => v.headSaid).toBe("head 7.0: layer 7 can't be split over heads: two outputs are mixed.");
    v.keys(v.canvas, "Enter");
    await settle();
    expect(asks(v.model)).toEqual([]);
  });
  test("a model of mixers alone has no map of heads, and says so", async () => {
    const v = show({ layers: 2, mixers: [0, 1] });
    expect(v.headSaid).toBe("There are no heads here that attention can be split over.");
    expect(v.el.querySelector(".xw-heat-canvas")).toBeNull();
  });
});

const HEAD_9_2 = pinned(26 + 9 * 6 + 2);

describe("where a pinned head looks", () => {
  test("asked for at once: the text inked by what comes from each token, which sums to the head's share", async () => {
    const v = show({}, HEAD_9_2);
    await expect.poll(() => v.sources?.checkVisibility()).toBe(true);
    await expect.poll(() => v.units.length).toBe(5);
    const share = v.answer.heads[9 * 6 + 2] ?? 0;
    const { row, buffers } = inventHead(5, 9, 2, share);
    const { shares, weights } = readHead(row, 5, buffers);
    if (!shares) throw new Error("no shares");
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(share, 5);
    const top = [...shares.keys()].sort((a, b) => Math.abs(shares[b] ?? 0) - Math.abs(shares[a] ?? 0))[0] ?? 0;
    expect(v.sourceSaid).toContain(`Head 9.2 adds ${signed(share)}. Most comes from ${TEXT[top]?.trim()}`);
    v.units[top]?.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    const weight = (weights[top] ?? 0).toPrecision(3);
    await expect
      .poll(() => v.sourceSaid)
      .toContain(
        `${TEXT[top]?.trim()} at ${top}: weight ${weight}; from there come ${signed(shares[top] ?? 0)} of the`,
      );
    expect(v.units[4]?.getAttribute("aria-selected")).toBe("true");
  });
  test("ink may be the weight instead", async () => {
    const v = show({}, HEAD_9_2);
    await expect.poll(() => v.units.length).toBe(5);
    expect(v.sources?.textContent).toContain("logits from one position");
    const weight = v.all("[role=radio]").find((b) => b.textContent === "weight");
    weight?.click();
    await expect.poll(() => v.sources?.textContent).toContain("attention weight");
    expect(v.sources?.textContent).not.toContain("logits from one position");
  });
  test("its whole map by keys; one cell in words", async () => {
    const v = show({}, HEAD_9_2);
    await expect.poll(() => v.all(".xw-heat-canvas").length).toBe(2);
    v.keys(v.all(".xw-heat-canvas")[1] as HTMLElement, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight");
    await expect.poll(() => v.sourceSaid).toMatch(/^of at 2 looks at capital at 1: weight 0\.\d+\.$/);
  });
  test("a head that is no sum of its weighted values: its weights, and why", async () => {
    const v = show({}, HEAD_9_2, { hold: ["head"] });
    await expect.poll(() => asks(v.model, "head").length).toBe(1);
    const { row, buffers } = inventHead(5, 9, 2, 1);
    const head = { ...row, shares: null, reason: "a gate stands between", pattern: null, longest: 4 };
    v.model.say({ type: "result", v: 1, id: asks(v.model)[0]?.id ?? "", revision: 0, head } as never, buffers);
    await expect.poll(() => v.sourceSaid).toContain("can't be told: a gate stands between. It looks most at ");
    expect(v.says("The whole map is shown up to 4 tokens; this text has 5.")).toBe(true);
    expect(v.sources?.textContent).toContain("attention weight");
    expect(v.all("[role=radio]").length).toBe(0);
  });
  test("a refusal is said there, and can be tried again; a saved page without it says so", async () => {
    const v = show({}, HEAD_9_2, { hold: ["head"] });
    await expect.poll(() => asks(v.model, "head").length).toBe(1);
    const error = { code: "x", problem: "No attention here.", given: "", accepted: "", hint: "" };
    v.model.say({ type: "error", v: 1, id: asks(v.model)[0]?.id ?? "", revision: 0, error });
    await expect.poll(() => v.sources?.textContent).toContain("No attention here.");
    v.button("try again").click();
    await expect.poll(() => asks(v.model, "head").length).toBe(2);
    const saved = show({}, { ...HEAD_9_2, status: { ...IDLE, state: "static" } });
    await expect.poll(() => saved.sources?.textContent).toContain("This page was saved without this detail.");
  });
  test("tokens are text there too", async () => {
    const v = show({ tokens: ["<b>", " bold", "עיר", "\n"], layers: 4 }, pinned(10 + 2 * 6 + 1));
    await expect.poll(() => v.units.length).toBe(4);
    expect(v.units.map((unit) => unit.textContent)).toEqual(["<b>", " bold", "עיר", "\n"]);
    expect(v.el.querySelector("b:not(.xw-model)")).toBeNull();
  });
});

describe("two models", () => {
  test("long names of models stay inside a narrow view", async () => {
    const v = show({ versus: true }, {}, { width: 320 });
    await drawn(v);
    const last = v.all(".xw-direct-versions .xw-row").at(-1);
    if (last) last.textContent = "a-model-whose-name-no-line-can-hold less a-model-whose-name-no-line-can-hold-either";
    expect(last?.getBoundingClientRect().right).toBeLessThanOrEqual(v.find(".xw").getBoundingClientRect().right);
  });
  test("the difference first: what is the same in both is zero, and said to be", async () => {
    const v = show({ versus: true });
    await drawn(v);
    expect(v.question).toBe("Who makes the difference in the logit of Paris?");
    expect(v.find(".xw-measure").textContent).toMatch(/^logit, tiny-12x6 less tiny-tuned[+−]/);
    expect(v.says("Probability of Paris: 0.42 in tiny-12x6, 0.21 in tiny-tuned.")).toBe(true);
    // Names of models would run into the heading beside it.
    expect(v.all(".xw-shares-title").map((t) => t.textContent)).toEqual([
      "layer",
      "difference of shares",
      "sum so far",
    ]);
    v.keys(v.chart, "Home", "ArrowUp", "ArrowUp", "ArrowUp");
    await expect.poll(() => v.said).toMatch(/^attention of layer 1: 0, the same in both; [+−][\d.]+ in tiny-12x6, /);
    v.keys(v.chart, "End", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown");
    await expect
      .poll(() => v.said)
      .toMatch(/^MLP of layer 10: [+−][\d.]+, (more|less) for Paris.* in tiny-tuned; up to/);
    v.keys(v.chart, "End");
    await expect.poll(() => v.said).toMatch(/^norm scale: [+−]/);
    expect(v.find(".xw-direct-proof").textContent).toContain("in tiny-tuned it divides by 1.02 times as much");
    expect(v.find(".xw-direct-proof").textContent).toMatch(
      /^The differences sum to .* in tiny-12x6 and .* in tiny-tuned/,
    );
  });
  test("either alone, inked alike; the pin stays; the head is asked of the one that is shown", async () => {
    const v = show({ versus: true }, pinned(27 + 9 * 6 + 2));
    await expect.poll(() => asks(v.model, "head").map((a) => a.version)).toEqual([undefined, 1]);
    await expect.poll(() => v.all(".xw-direct-source").filter((b) => b.checkVisibility()).length).toBe(2);
    const legend = () => v.find(".xw-foot .xw-legend").textContent;
    v.version("tiny-12x6").click();
    await expect.poll(() => v.question).toBe("Who wrote the logit of Paris?");
    const own = legend();
    expect(v.all(".xw-direct-source").filter((b) => b.checkVisibility()).length).toBe(1);
    v.version("tiny-tuned").click();
    await expect.poll(() => v.sources?.textContent).toContain("in tiny-tuned");
    expect(legend()).toBe(own);
    expect(v.model.get("display").row).toBe(26 + 9 * 6 + 2);
    expect(asks(v.model, "head").length).toBe(2);
  });
  test("neurons are those of the model that is shown", async () => {
    const v = show({ versus: true }, MLP_10);
    await expect.poll(() => asks(v.model, "neurons").map((a) => a.version)).toEqual([undefined]);
    v.version("tiny-tuned").click();
    await expect.poll(() => asks(v.model, "neurons").map((a) => a.version)).toEqual([undefined, 1]);
    expect(v.says("Neurons of the MLP of layer 10 in tiny-tuned")).toBe(true);
  });
});

describe("neurons", () => {
  test("a click on an MLP asks for its neurons: index, activation, share and words", async () => {
    const v = show();
    await drawn(v);
    point(v, "click", 22);
    await expect.poll(() => asks(v.model)).toMatchObject([{ action: "neurons", layer: 10 }]);
    await expect.poll(() => v.neurons.length).toBe(8);
    const rows = inventNeurons(10);
    for (const [i, { index, activation, share }] of rows.entries()) {
      const cells = [...(v.neurons[i]?.children ?? [])].map((cell) => cell.textContent ?? "");
      expect(cells[0]).toBe(String(index));
      expect(cells[1]?.endsWith("↺")).toBe(activation < 0);
      expect(cells[2]).toBe(signed(share));
    }
    point(v, "click", 22);
    await expect.poll(() => v.neurons.length).toBe(0);
  });
  test("below zero the words turn round, which is said", async () => {
    const v = show({}, MLP_10);
    await expect.poll(() => v.neurons.length).toBe(8);
    const at = inventNeurons(10).findIndex(({ activation }) => activation < 0);
    const up = inventNeurons(10).findIndex(({ activation }) => activation > 0);
    expect(Math.min(at, up)).toBeGreaterThanOrEqual(0);
    const words = (row: number, cell: number) =>
      [...(v.neurons[row]?.children[cell]?.querySelectorAll("bdi") ?? [])].map((b) => b.textContent);
    const clean = (texts: readonly string[] = []) => texts.map((text) => text.trim() || "↵");
    expect(words(at, 3)).toEqual(clean(inventNeurons(10)[at]?.bottom));
    expect(words(at, 4)).toEqual(clean(inventNeurons(10)[at]?.top));
    expect(words(up, 3)).toEqual(clean(inventNeurons(10)[up]?.top));
    expect(v.says("Where a neuron is below zero its words turn round")).toBe(true);
  });
  test("an MLP that can't be split is not asked about", async () => {
    const v = show({ closed: [10] }, MLP_10);
    await settle();
    expect(v.says("This MLP can't be split over neurons: it has experts.")).toBe(true);
    expect(asks(v.model)).toEqual([]);
  });
  test("cancel gives them up and lets go of the pin", async () => {
    const v = show({}, MLP_10, { hold: ["neurons"] });
    await expect.poll(() => asks(v.model).length).toBe(1);
    v.button("cancel").click();
    const id = asks(v.model)[0]?.id;
    await expect.poll(() => v.model.sent).toContainEqual({ type: "cancel", v: 1, id });
    expect(v.model.get("display").row).toBeNull();
    await settle();
    expect(asks(v.model).length).toBe(1);
  });
  test("a refusal is said where they would be, and can be tried again", async () => {
    const v = show({}, MLP_10, { hold: ["neurons"] });
    await expect.poll(() => asks(v.model).length).toBe(1);
    const error = { code: "x", problem: "Out of memory.", given: "", accepted: "", hint: "close other notebooks" };
    v.model.say({ type: "error", v: 1, id: asks(v.model)[0]?.id ?? "", revision: 0, error });
    await expect.poll(() => v.find("section[aria-label=neurons] [role=alert]").textContent).toContain("Out of memory.");
    v.button("try again").click();
    await expect.poll(() => asks(v.model, "neurons").length).toBe(2);
  });
  test("another target: the pin stays, its neurons are asked for anew", async () => {
    const v = show({}, MLP_10);
    await expect.poll(() => v.neurons.length).toBe(8);
    v.candidate("Rome").click();
    await expect.poll(() => asks(v.model, "neurons").map((a) => a.revision)).toEqual([0, 1]);
    await expect.poll(() => v.neurons.length).toBe(8);
  });
  test("one that belongs to no number of neurons says so", async () => {
    const v = show({}, MLP_10, { hold: ["neurons"] });
    await expect.poll(() => asks(v.model).length).toBe(1);
    v.model.say({ type: "result", v: 1, id: asks(v.model)[0]?.id ?? "", revision: 0, neurons: [] } as never);
    await expect.poll(() => v.says("None of its neurons has a share.")).toBe(true);
  });
});

describe("tokens are text", () => {
  test("markup, right to left, emoji and line ends, wherever they are shown", async () => {
    const tokens = ["<b>", " bold", "\n", "  ", "עיר", " הבירה", "👩‍🚀", "\t", " is"];
    const v = show({ tokens, target: "<script>alert(1)</script>", other: "\n", layers: 4 }, pinned(6));
    await drawn(v);
    await expect.poll(() => v.neurons.length).toBe(8);
    expect(v.question).toBe("Who wrote the logit of <script>alert(1)</script> less that of ↵?");
    expect(v.said).toMatch(/^MLP of layer 2: .* <script>alert\(1\)<\/script> rather than ↵/);
    expect(v.find(".xw-direct-text").textContent).toBe(tokens.join(""));
    expect(v.el.querySelector("script, b:not(.xw-model)")).toBeNull();
  });
  test("a long text is shown from its end", () => {
    const v = show({ tokens: Array.from({ length: 500 }, (_, i) => ` w${i}`) });
    const text = v.find(".xw-direct-text").textContent ?? "";
    expect(text.startsWith("… ")).toBe(true);
    expect(text.endsWith(" w498 w499")).toBe(true);
    expect(v.all(".xw-direct-text > span").length).toBe(120);
  });
});

describe("what is wrong is said, and the picture stays", () => {
  test("an error of the kernel", async () => {
    const error = { code: "target", problem: "Two tokens.", given: "", accepted: "", hint: "use one" };
    const v = show({}, { status: { ...IDLE, state: "error", error } });
    await drawn(v);
    expect(v.find("[role=alert]").textContent).toContain("Two tokens.");
    // Beside the picture, where the next question is chosen.
    expect(v.find("[role=alert]").getBoundingClientRect().bottom).toBeLessThan(v.canvas.getBoundingClientRect().top);
    expect(v.chart.checkVisibility()).toBe(true);
  });
  test("an error before there is any picture", () => {
    const error = { code: "empty", problem: "The text is empty.", given: "", accepted: "", hint: "type something" };
    const explanation = { snapshot: null, buffers: [] };
    const v = show({}, { explanation, status: { ...IDLE, state: "error", error } });
    expect(v.find("[role=alert]").checkVisibility()).toBe(true);
    expect(v.says("Next token")).toBe(false);
  });
  test("a kernel that is gone", async () => {
    const v = show();
    await drawn(v);
    v.model.dead = true;
    v.candidate("Rome").click();
    await expect.poll(() => v.find("[role=alert]").textContent).toContain("The kernel is gone.");
    expect(v.question).toBe("Who wrote the logit of Paris?");
    expect(v.candidate("Paris").dataset.is).toBe("target");
    expect(v.chart.checkVisibility()).toBe(true);
  });
  test("a page saved without the neurons of what is pinned", async () => {
    const v = show({}, { ...MLP_10, status: { ...IDLE, state: "static" } });
    await expect.poll(() => v.says("This page was saved without this detail.")).toBe(true);
    expect(asks(v.model).length).toBe(1);
    expect(v.chart.checkVisibility()).toBe(true);
  });
  test("before the first answer", () => {
    const explanation = { snapshot: null, buffers: [] };
    const v = show({}, { explanation, status: { ...IDLE, state: "running" } });
    expect(v.says("splitting the logit")).toBe(true);
    expect(v.el.querySelector("[role=application]")).toBeNull();
    v.model.set("explanation", directTrait(inventDirect()));
    return expect.poll(() => v.question).toBe("Who wrote the logit of Paris?");
  });
  test("ids can't be edited here, and the word says why", async () => {
    const v = show({ fields: { input: { kind: "ids" } } });
    const edit = v.all("button").find((b) => b.textContent?.startsWith("edit")) as HTMLButtonElement;
    expect(edit.disabled).toBe(true);
    press(v.find(".xw"), "e");
    v.find(".xw-direct-prompt").dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    await settle();
    expect(v.all("textarea").some((t) => t.checkVisibility())).toBe(false);
  });
});

describe("for those who can't see it", () => {
  test("a table of the strongest parts and heads, and a sentence when a picture comes", async () => {
    const v = show({ layers: 2, heads: 2 });
    await drawn(v);
    const table = v.all("table").find((t) => t.querySelector("caption"));
    expect(table?.querySelector("caption")?.textContent).toBe(
      "The 6 strongest of 6 parts of the logit, then the 4 strongest heads",
    );
    expect(table?.querySelectorAll("tbody tr").length).toBe(10);
    const { values } = v.answer;
    const most = Math.max(...Array.from(values, Math.abs));
    expect(table?.querySelector("tbody td")?.textContent?.slice(1)).toBe(most.toPrecision(3));
    const region = v.all("[role=status]").map((r) => r.textContent);
    expect(region).toContainEqual(
      expect.stringMatching(/^Who wrote the logit of Paris\? The logit is [−\d.]+\. Strongest: /),
    );
  });
  test("Tab goes through what can be done, in reading order", async () => {
    const v = show({}, MLP_10);
    await drawn(v);
    v.find<HTMLElement>(".xw-edit").focus();
    const seen: string[] = [];
    for (let i = 0; i < 8; i++) {
      await userEvent.tab();
      const at = document.activeElement;
      seen.push(
        at?.getAttribute("aria-roledescription") ??
          at?.getAttribute("aria-label") ??
          at?.getAttribute("role") ??
          at?.textContent ??
          "",
      );
    }
    expect(seen.slice(0, 2)).toEqual(["copy as code", "bar chart"]);
    expect(seen.indexOf("matrix")).toBeGreaterThan(1);
    expect(seen.indexOf("option")).toBeGreaterThan(seen.indexOf("matrix"));
  });
  test("two views of one widget share the pin; nothing listens after the end", async () => {
    const v = show();
    const { default: view } = await import("../../js/src/views/direct_logit_attribution.ts");
    const el = document.createElement("div");
    v.el.after(el);
    const end = new AbortController();
    view.render({ model: v.model, el, signal: end.signal });
    await drawn(v);
    v.keys(v.chart, "End", "Enter");
    await expect.poll(() => el.querySelector(".xw-direct-said")?.textContent).toMatch(/^bias: /);
    end.abort();
    expect(el.children.length).toBe(0);
    expect(v.model.listening).toBeGreaterThan(0);
    v.end();
    expect(v.model.listening).toBe(0);
    replyDirect(v.model, {}, { action: "neurons", id: "x", revision: 0, layer: 1 } as DirectRequest);
    expect(v.el.children.length).toBe(0);
  });
  test("dark: bars in the dark theme's hues", async () => {
    const v = show();
    await drawn(v);
    v.find(".xw").dataset.theme = "dark";
    const bar = v.all(".xw-shares-solid:not(.xw-shares-against)").at(-1) as HTMLElement;
    await expect.poll(() => getComputedStyle(bar).fill).toBe("rgb(86, 180, 233)");
  });
});
