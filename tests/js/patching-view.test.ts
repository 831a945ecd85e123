import { describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { IDLE } from "../../js/gallery/fake-model.ts";
import {
  answerId,
  firstAsked,
  inventPatching,
  patchingTrait,
  replyPatching,
  sentence,
} from "../../js/gallery/patching.ts";
import { number } from "../../js/src/state/words.ts";
import { press, settle, type } from "./mounting.ts";
import { asks, type MountedPatching, pinned, revised, show } from "./patching-fakes.ts";

const RUNNING = { status: { ...IDLE, state: "running" as const } };
const longer = [...sentence("the")].flatMap((w) => (w === " the" ? [" the", " United", " Kingdom"] : [w]));
const drawn = (v: MountedPatching) => vi.waitFor(() => expect(v.find(".xw-heat-note").textContent).not.toBe(""));

/** Middle of a cell of the grid on the screen. */
function middle(v: MountedPatching, row: number, column: number, rows = 12, columns = 11) {
  const box = v.canvas.getBoundingClientRect();
  const [left, top] = [84, 64];
  return {
    clientX: box.left + left + ((box.width - left - 1) / columns) * (column + 0.5),
    clientY: box.top + top + ((box.height - top - 1) / rows) * (row + 0.5),
  };
}

function point(v: MountedPatching, kind: string, row: number, column: number): void {
  const at = { bubbles: true, cancelable: true, pointerId: 1, button: 0, ...middle(v, row, column) };
  if (kind === "click") {
    for (const name of ["pointerdown", "pointerup"]) v.canvas.dispatchEvent(new PointerEvent(name, at));
  } else v.canvas.dispatchEvent(new PointerEvent(kind, at));
}

/** Pixels around the middle of a cell, as [r, g, b] each. */
function pixels(v: MountedPatching, row: number, column: number): number[][] {
  const box = v.canvas.getBoundingClientRect();
  const { clientX, clientY } = middle(v, row, column);
  const [x, y] = [clientX - box.left - 12, clientY - box.top - 5].map((at) => Math.round(at * devicePixelRatio));
  const data = v.canvas.getContext("2d")?.getImageData(x ?? 0, y ?? 0, 24, 10).data ?? [];
  return Array.from({ length: data.length / 4 }, (_, i) => [...data.slice(4 * i, 4 * i + 3)]);
}
const colours = (v: MountedPatching, row: number, column: number) =>
  new Set(pixels(v, row, column).map((p) => p.join()));

describe("the thinnest path", () => {
  test("the question with its number, both prompts, the grid: nothing is asked for it", async () => {
    const v = show();
    expect(v.question).toBe("Which clean states bring back Paris rather than Rome?");
    expect(v.find(".xw-measure").textContent).toBe("logit of “Paris” less “Rome”: +4.40 clean, −3.10 corrupted");
    expect(v.says("12 layers × 11 positions")).toBe(true);
    await drawn(v);
    expect(asks(v.model)).toEqual([]);
    expect(v.find(".xw-legend").textContent).toContain("−1.00");
    expect(v.find(".xw-legend").textContent).toContain("0 as without patch, 1 as in the clean prompt");
  });
  test("a cell under the pointer says what it brings over; the last layer is on top", async () => {
    const v = show();
    await drawn(v);
    point(v, "pointermove", 11, 3);
    await expect
      .poll(() => v.line)
      .toBe(`into layer 0 at Italy (3): ${number(v.invented.share(0, 3))} of the difference, the number becomes +4.40`);
    point(v, "pointermove", 0, 10);
    await expect.poll(() => v.line).toMatch(/^into layer 11 at is \(10\): /);
    point(v, "pointerleave", 0, 10);
    await expect.poll(() => v.line).toMatch(/^Point at a cell/);
  });
  test("a click asks for the cell, and its next tokens stand side by side; a second click lets go", async () => {
    const v = show();
    await drawn(v);
    point(v, "click", 9, 3);
    await expect.poll(() => v.all(".xw-both tbody tr").length).toBeGreaterThan(3);
    expect(asks(v.model)).toMatchObject([{ action: "cell", layer: 2, index: 3 }]);
    const share = v.invented.share(2, 3);
    expect(v.outcome).toContain(
      `the number is ${number(-3.1 + 7.5 * share, true)} (−3.10 without the patch, +4.40 in the clean prompt)`,
    );
    expect(v.outcome).toContain(`${number(share)} of the difference.`);
    const row = (token: string) =>
      v
        .all(".xw-both tbody tr")
        .find((r) => r.querySelector("th")?.textContent === token)
        ?.querySelectorAll("td");
    expect(row("Rome")?.[0]?.textContent).toMatch(/^0\.4/);
    expect(row("Paris")?.[1]?.textContent).toMatch(/^0\.4/);
    expect(v.model.get("display").row).toBe(2);
    point(v, "click", 9, 3);
    await expect.poll(() => v.find(".xw-patch-cell").checkVisibility()).toBe(false);
  });
  test("colours have signs: what drives away is not what brings over", async () => {
    const v = show(inventPatching({ off: 0.3 }));
    await drawn(v);
    const [r, , b] = pixels(v, 11, 3)[60] ?? [];
    expect((b ?? 0) - (r ?? 0)).toBeGreaterThan(60);
    v.choose("what is shown", "difference");
    await expect.poll(() => v.find(".xw-legend").textContent).toContain("estimate too low");
    await vi.waitFor(() => {
      const [red = 0, , blue = 0] = pixels(v, 11, 3)[60] ?? [];
      expect(red - blue).toBeGreaterThan(60);
    });
  });
});

describe("both prompts", () => {
  test("token under token, what differs marked, what each says next at the end", () => {
    const v = show();
    expect(v.pairs.slice(2, 5)).toEqual([" from/ from", " France/ Italy", "./."]);
    expect(v.all(".xw-pair[data-differ]").map((p) => p.title)).toEqual(["the prompts differ here"]);
    expect(v.find(".xw-pair-next").textContent).toMatch(/Paris 0\.45.*Rome 0\.45/);
    expect(v.find(".xw-pair-names").textContent).toBe("clean · states from herecorrupted · patched");
  });
  test("a token without a counterpart says so, in the lines, the grid and its sentence", async () => {
    const v = show(inventPatching({ corrupted: longer }), pinned(4, 4));
    expect(v.pairs.slice(3, 7)).toEqual(["none/ the", "none/ United", "none/ Kingdom", " France/none"]);
    expect(v.says("4 tokens have no counterpart: nothing is put in there.")).toBe(true);
    await expect.poll(() => v.find(".xw-heat-note").textContent).toContain("hatched: no counterpart");
    expect(v.line).toBe("into layer 4 at United (4): no counterpart in the clean prompt, nothing can be put in here");
    expect(v.outcome).toBe("There is no counterpart in the clean prompt, so nothing can be put in here.");
    expect(asks(v.model)).toEqual([]);
  });
  test("a pointed token marks its column, a pinned cell its token", async () => {
    const v = show(inventPatching(), pinned(4, 3));
    expect(v.all(".xw-pair[data-pin]").map((p) => p.dataset.at)).toEqual(["3"]);
    v.all(".xw-pair")[6]?.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await expect.poll(() => v.all(".xw-pair[data-hover]").map((p) => p.dataset.at)).toEqual(["6"]);
    v.find(".xw-pairs").dispatchEvent(new PointerEvent("pointerleave"));
    await expect.poll(() => v.all(".xw-pair[data-hover]").length).toBe(0);
  });
  test("are edited side by side; what was typed in one stays when the other asks", async () => {
    const v = show(inventPatching(), {}, { hold: ["look"], shadow: true });
    press(v.find(".xw"), "e");
    await expect.poll(() => v.field("clean").checkVisibility()).toBe(true);
    expect(v.field("corrupted").checkVisibility()).toBe(true);
    type(v.field("clean"), "Paul comes from Spain");
    press(v.field("clean"), "Enter");
    type(v.field("corrupted"), "Paul comes from Greece");
    press(v.field("corrupted"), "Enter");
    expect(asks(v.model, "look").at(-1)).toMatchObject({
      clean: { kind: "text", text: "Paul comes from Spain" },
      corrupted: { kind: "text", text: "Paul comes from Greece" },
    });
    await expect.poll(() => v.find(".xw-patch-grid").hasAttribute("data-dim")).toBe(true);
    press(v.field("corrupted"), "Escape");
    await expect.poll(() => v.all("textarea").some((t) => t.checkVisibility())).toBe(false);
  });
  test("that say the same are refused under the last good picture, with what to do", async () => {
    const v = show();
    await drawn(v);
    v.button("edit").click();
    await expect.poll(() => v.field("corrupted").checkVisibility()).toBe(true);
    type(v.field("corrupted"), sentence("France").join(""));
    press(v.field("corrupted"), "Enter");
    await expect.poll(() => v.find("[role=alert]").textContent).toContain("so there is no difference to follow");
    expect(v.find("[role=alert]").textContent).toContain("change a prompt until it says something else next");
    expect(v.canvas.checkVisibility()).toBe(true);
    expect(v.pairs).toContain(" France/ Italy");
    v.button("done").click();
    await expect.poll(() => v.all("[role=alert]").some((a) => a.checkVisibility())).toBe(false);
  });
  test("given as ids can't be edited here, and the word says why", async () => {
    const ids = { kind: "ids" } as const;
    const v = show(inventPatching({ fields: { clean: ids, corrupted: ids } }));
    const edit = v.all("button").find((b) => b.textContent?.startsWith("edit")) as HTMLButtonElement;
    expect(edit.disabled).toBe(true);
    expect(edit.title).toContain("token ids");
    press(v.find(".xw"), "e");
    await settle();
    expect(v.all("textarea").some((t) => t.checkVisibility())).toBe(false);
  });
});

describe("the number and the direction", () => {
  test("a token of either list is followed, another compared with", () => {
    const v = show(inventPatching(), {}, { hold: ["look"] });
    v.candidateOf("corrupted", "Italy").click();
    expect(asks(v.model).at(-1)?.target).toEqual({ kind: "token", id: answerId(" Italy") });
    v.candidateOf("clean", "not").querySelector<HTMLElement>(".xw-vs")?.click();
    expect(asks(v.model).at(-1)).toMatchObject({
      target: { kind: "token", id: answerId(" Italy") },
      other: { kind: "token", id: answerId(" not") },
    });
  });
  test("by keys alone: Enter follows, c compares", async () => {
    const v = show(inventPatching(), {}, { hold: ["look"] });
    const rome = v.candidateOf("corrupted", "Rome");
    rome.focus();
    press(rome, "ArrowDown");
    press(v.candidateOf("corrupted", "a"), "c");
    expect(asks(v.model).at(-1)?.other).toEqual({ kind: "token", id: answerId(" a") });
    press(v.candidateOf("corrupted", "a"), "Enter");
    expect(asks(v.model).at(-1)?.target).toEqual({ kind: "token", id: answerId(" a") });
  });
  test("the compared one, when it is followed, changes places with the other", async () => {
    const v = show();
    v.candidateOf("corrupted", "Rome").click();
    await expect.poll(() => v.question).toBe("Which clean states bring back Rome rather than Paris?");
    v.button("as the prompts say").click();
    await expect.poll(() => v.question).toBe("Which clean states bring back Paris rather than Rome?");
    expect(asks(v.model).at(-1)).toMatchObject({ target: null, other: null });
    expect(v.all("button").some((b) => b.textContent === "as the prompts say" && b.checkVisibility())).toBe(false);
  });
  test("a token that is typed", () => {
    const v = show(inventPatching(), {}, { hold: ["look"] });
    const field = v.find<HTMLInputElement>('[aria-label="next tokens, clean"] input');
    field.value = " Lyon";
    press(field, "Enter");
    expect(asks(v.model).at(-1)?.target).toEqual({ kind: "text", text: " Lyon" });
  });
  test("the other direction patches the other prompt", async () => {
    const v = show();
    await drawn(v);
    await userEvent.selectOptions(v.find("select[aria-label='direction']"), "noise");
    await expect.poll(() => v.question).toBe("Which corrupted states take away Paris rather than Rome?");
    expect(asks(v.model).at(-1)).toMatchObject({ action: "look", direction: "noise" });
    expect(v.find(".xw-measure").textContent).toContain("+4.40 clean, −3.10 corrupted");
    expect(v.find(".xw-legend").textContent).toContain("1 as in the corrupted prompt");
    expect(v.find(".xw-pair-names").textContent).toBe("clean · patchedcorrupted · states from here");
  });
});

describe("estimates first, exact rows after them", () => {
  test("all estimates: striped, and said to be estimates; no choice of what is shown yet", async () => {
    const v = show(inventPatching({ exact: [] }), RUNNING);
    await drawn(v);
    expect(v.exactness).toBe("Every row is an estimate (attribution patching) so far; exact rows take their place.");
    expect(colours(v, 11, 3).size).toBeGreaterThan(2);
    expect(v.find(".xw-key-est").parentElement?.checkVisibility()).toBe(true);
    expect(v.find("select[aria-label='what is shown']").checkVisibility()).toBe(false);
    point(v, "pointermove", 11, 3);
    await expect.poll(() => v.line).toMatch(/^into layer 0 at Italy \(3\): an estimate: 0\.\d+ of the difference/);
  });
  test("rows that were run are plain ink, and the others still striped", async () => {
    const v = show(inventPatching({ exact: [0, 1, 2, 3] }), RUNNING);
    await drawn(v);
    expect(v.exactness).toBe(
      "Rows of 4 of 12 layers are exact, the others estimates. The estimate agrees with the exact numbers so far: r = 0.970.",
    );
    expect(colours(v, 10, 3).size).toBe(1);
    expect(colours(v, 7, 3).size).toBeGreaterThan(2);
    point(v, "pointermove", 11, 3);
    await expect.poll(() => v.line).toMatch(/^into layer 0 at Italy \(3\): \d\.\d+ of the difference/);
  });
  test("when all are exact: plain, how far the estimate agrees, and a choice of what is shown", async () => {
    const v = show(inventPatching({ exact: [0] }), RUNNING);
    v.model.set("explanation", patchingTrait(inventPatching().packed));
    v.model.set("status", IDLE);
    await expect
      .poll(() => v.exactness)
      .toBe("All rows are exact. The estimate agrees with the exact numbers: r = 0.970.");
    await drawn(v);
    await vi.waitFor(() => expect(colours(v, 10, 3).size).toBe(1));
    await userEvent.selectOptions(v.find("select[aria-label='what is shown']"), "estimate");
    point(v, "pointermove", 11, 3);
    await expect.poll(() => v.line).toMatch(/: estimate 0\.\d+, exact \d\.\d+, difference −0\.\d+$/);
    expect(asks(v.model)).toEqual([]);
  });
  test("an estimate that does not agree is not said to", () => {
    expect(show(inventPatching({ fields: { agreement: 0.31 } })).exactness).toContain("does not agree");
    expect(show(inventPatching({ fields: { agreement: 0.7 } })).exactness).toContain("agrees in part");
    expect(show(inventPatching({ fields: { agreement: null } })).exactness).toBe("All rows are exact.");
  });
  test("a cell that is pinned meanwhile is asked for when all rows are exact", async () => {
    const v = show(inventPatching({ exact: [4] }), { ...pinned(4, 3), ...RUNNING });
    expect(v.outcome).toBe("What the model says next is asked for once all rows are exact.");
    expect(asks(v.model)).toEqual([]);
    v.model.set("explanation", patchingTrait(inventPatching().packed));
    await expect.poll(() => v.all(".xw-both tbody tr").length).toBeGreaterThan(3);
    expect(asks(v.model)).toMatchObject([{ action: "cell", layer: 4, index: 3 }]);
  });
  test("cancelled half-way: the rows stay, nothing is asked of them, and a word runs them all", async () => {
    const v = show(inventPatching(), pinned(4, 3), { hold: ["look", "cell"] });
    await drawn(v);
    v.choose("direction", "noise");
    const [look] = asks(v.model, "look");
    v.model.progress(look as never, { done: 3, total: 12 });
    await expect.poll(() => v.says("3 of 12")).toBe(true);
    v.model.set("explanation", revised(inventPatching({ direction: "noise", exact: [0, 1] }), { revision: 1 }));
    await expect.poll(() => v.find(".xw-patch-grid").hasAttribute("data-dim")).toBe(false);
    v.button("cancel").click();
    await expect.poll(() => v.outcome).toBe("Run all rows to see what the model says next.");
    expect(asks(v.model, "cell").filter((a) => a.revision === 1)).toEqual([]);
    v.button("run all rows").click();
    expect(asks(v.model, "look").at(-1)).toMatchObject({ direction: "noise", revision: 2 });
  });
  test("of two cells the one let go is given up", async () => {
    const v = show(inventPatching(), pinned(4, 3), { hold: ["cell"] });
    await settle();
    const [first] = asks(v.model, "cell");
    v.model.set("selection", { pos: [5], target: [], source: "python" });
    await expect.poll(() => v.model.sent).toContainEqual({ type: "cancel", v: 1, id: first?.id });
    expect(asks(v.model, "cell").at(-1)).toMatchObject({ layer: 4, index: 5 });
    expect(v.outcome).toBe("running this cell");
  });
});

describe("with the keyboard alone", () => {
  test("arrows move the cursor and say the cell, Enter pins, Escape lets go of everything", async () => {
    const v = show();
    await drawn(v);
    v.keys("ArrowDown", "ArrowDown", "ArrowRight");
    await expect.poll(() => v.find(".xw-heat [role=status]").textContent).toMatch(/^into layer 10 at comes \(1\): /);
    v.keys("Enter");
    await expect.poll(() => v.find(".xw-patch-pin").textContent).toBe("Patched: into layer 10 at comes (1)");
    v.keys("Escape");
    await expect.poll(() => v.find(".xw-patch-cell").checkVisibility()).toBe(false);
  });
});

describe("text is text", () => {
  test("markup, right-to-left words, emoji, line ends and tabs, in both lines and the sentences", async () => {
    const clean = ["<b>", " bold", "\n\nx", "  ", "עיר", " הבירה", "👩‍🚀", "\t", " is"];
    const corrupted = ["<script>alert(1)</script>", ...clean.slice(1, 4), "כפר", ...clean.slice(5)];
    const v = show(inventPatching({ clean, corrupted, layers: 8 }), pinned(3, 0));
    await drawn(v);
    expect(v.pairs[0]).toBe("<b>/<script>alert(1)</script>");
    expect(v.pairs[4]).toBe("עיר/כפר");
    expect(v.pairs[6]).toBe("👩‍🚀/👩‍🚀");
    expect(v.pairs[2]).toMatch(/^↵+x\/↵+x$/);
    expect(v.line).toMatch(/^into layer 3 at <script>alert\(1\)<\/script> \(0\): /);
    expect(v.el.querySelector("script, i:not([aria-hidden]), b:not(.xw-model)")).toBeNull();
    const heights = v.all(".xw-pair").map((pair) => pair.getBoundingClientRect().height);
    expect(new Set(heights.map(Math.round)).size).toBe(1);
  });
  test("dark: paper is dark", async () => {
    const v = show();
    v.find(".xw").dataset.theme = "dark";
    await vi.waitFor(() => expect(pixels(v, 0, 0)[60]?.[0] ?? 255).toBeLessThan(60));
  });
  test("a narrow place holds all of it", async () => {
    const v = show(inventPatching({ layers: 30 }), pinned(12, 3), { width: 320 });
    await drawn(v);
    const { right } = v.find(".xw").getBoundingClientRect();
    for (const part of v.all(".xw-pairs, .xw-both, .xw-cand, .xw-heat-canvas, .xw-controls > *"))
      expect(part.getBoundingClientRect().right, part.className).toBeLessThanOrEqual(right);
  });
});

describe("what is wrong is said, and the picture stays", () => {
  test("a kernel that is gone", async () => {
    const v = show();
    await drawn(v);
    v.model.dead = true;
    v.candidateOf("clean", "a").click();
    await expect.poll(() => v.find("[role=alert]").textContent).toContain("The kernel is gone.");
    expect(v.canvas.checkVisibility()).toBe(true);
  });
  test("a page saved without single cells", async () => {
    const v = show(inventPatching(), { status: { ...IDLE, state: "static" } });
    await drawn(v);
    expect(asks(v.model)).toEqual([]);
    point(v, "click", 9, 3);
    await expect.poll(() => v.says("This page was saved without this detail.")).toBe(true);
  });
  test("a cell that is refused, and tried again on request", async () => {
    const v = show(inventPatching(), pinned(4, 3), { hold: ["cell"] });
    await settle();
    const error = { code: "model", problem: "The model changed.", given: "", accepted: "", hint: "run again" };
    v.model.say({ type: "error", v: 1, id: asks(v.model)[0]?.id ?? "", revision: 0, error });
    await expect.poll(() => v.find("[role=alert]").textContent).toContain("The model changed.");
    expect(v.outcome).toBe("What the model says next is not known here.");
    expect(asks(v.model, "cell").length).toBe(1);
  });
  test("before the first answer: what is done, and nothing else", () => {
    const v = show(inventPatching(), { explanation: firstAsked(), ...RUNNING });
    expect(v.says("running both prompts")).toBe(true);
    expect(v.says("What each prompt says next")).toBe(false);
  });
});

describe("for those who can't see it", () => {
  test("a table of the strongest cells, and a sentence when a picture comes", async () => {
    const v = show();
    await drawn(v);
    const table = v.all("table").find((t) => t.querySelector("caption")?.textContent?.startsWith("Cells that"));
    const first = [...(table?.querySelectorAll("tbody tr:first-child > *") ?? [])].map((cell) => cell.textContent);
    const shares = Array.from({ length: 12 }, (_, layer) => v.invented.share(layer, 3));
    const best = shares.indexOf(Math.max(...shares));
    expect(first).toEqual([`into layer ${best}`, "Italy", "3", number(shares[best]), "exact"]);
    await expect
      .poll(() => v.all("[role=status]").map((r) => r.textContent))
      .toContainEqual(
        expect.stringMatching(
          /^Patching of 12 layers over 11 positions\. All rows are exact\..* Strongest: into layer \d at Italy/,
        ),
      );
  });
  test("rows that come in are said once", async () => {
    const v = show(inventPatching({ exact: [] }), RUNNING);
    const region = () => v.all("[role=status][aria-live]").map((r) => r.textContent);
    expect(region()).toContain("The estimate is there; exact rows take its place.");
    v.model.set("explanation", patchingTrait(inventPatching({ exact: [1, 2] }).packed));
    await expect.poll(() => v.exactness).toMatch(/^Rows of 2 of 12/);
    expect(region()).toContain("The estimate is there; exact rows take its place.");
  });
  test("nothing listens after the end", () => {
    const v = show();
    expect(v.model.listening).toBeGreaterThan(0);
    v.end();
    expect(v.model.listening).toBe(0);
    replyPatching(v.model, v.invented, { action: "cell", id: "x", revision: 0 } as never);
    expect(v.el.children.length).toBe(0);
  });
});
