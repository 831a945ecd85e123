/** Other parts than the residual stream: what is asked, what columns are, and what is said of them. */
import { describe, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { IDLE } from "../../js/gallery/fake-model.ts";
import { inventPatching, sentence } from "../../js/gallery/patching.ts";
import { number } from "../../js/src/state/words.ts";
import { asks, type MountedPatching, pinned, show } from "./patching-fakes.ts";

const longer = [...sentence("the")].flatMap((w) => (w === " the" ? [" the", " United", " Kingdom"] : [w]));
const heads = (fields = {}) => inventPatching({ part: "head", heads: 9, ...fields });
const at = (row: number) => ({ display: { row, link_id: null } });
const drawn = (v: MountedPatching) => expect.poll(() => v.find(".xw-heat-note").textContent).not.toBe("");
const chosen = (v: MountedPatching) => v.find<HTMLSelectElement>("select[aria-label='what is exchanged']");
const spoken = (v: MountedPatching) => v.find(".xw-heat [role=status]").textContent;
const table = (v: MountedPatching) =>
  v.all("table").find((t) => t.querySelector("caption")?.textContent?.includes("bring over most"));

describe("what is exchanged", () => {
  test("is chosen beside the direction, and asked for with all that is seen", async () => {
    const v = show(inventPatching({ direction: "noise" }));
    await drawn(v);
    expect([...chosen(v).options].map((o) => o.text)).toEqual([
      "residual stream",
      "attention",
      "MLP",
      "heads, at all positions",
    ]);
    expect(chosen(v).value).toBe("resid");
    await userEvent.selectOptions(chosen(v), "heads, at all positions");
    await expect.poll(() => v.question).toBe("Which corrupted head outputs take away Paris rather than Rome?");
    expect(asks(v.model, "look").at(-1)).toMatchObject({ part: "head", direction: "noise" });
    expect(v.says("12 layers × 4 heads")).toBe(true);
    await userEvent.selectOptions(chosen(v), "MLP");
    await expect.poll(() => v.question).toBe("Which corrupted MLP outputs take away Paris rather than Rome?");
    // The host splits what is asked at spaces.
    expect(v.says("12 layers × 10 positions")).toBe(true);
  });
  test("by keys alone", async () => {
    const v = show();
    v.find<HTMLSelectElement>("select[aria-label='direction']").focus();
    await userEvent.tab();
    await userEvent.keyboard("{ArrowDown}");
    await expect.poll(() => v.question).toBe("Which clean attention outputs bring back Paris rather than Rome?");
  });
  test("is what is shown again where the request was cancelled", async () => {
    const v = show(inventPatching(), {}, { hold: ["look"] });
    v.choose("what is exchanged", "mlp_out");
    await expect.poll(() => v.find(".xw-patch-grid").hasAttribute("data-dim")).toBe(true);
    expect(chosen(v).value).toBe("mlp_out");
    v.button("cancel").click();
    await expect.poll(() => chosen(v).value).toBe("resid");
  });
});

describe("attention and MLPs", () => {
  test("rows, cells, the pinned one and the table go by what is exchanged", async () => {
    const v = show(inventPatching({ part: "attn_out" }), pinned(7, 10));
    await drawn(v);
    const share = number(v.invented.share(7, 10));
    expect(v.line).toContain(`attention 7 at is (10): ${share} of the difference`);
    expect(v.find(".xw-patch-pin").textContent).toBe("Patched: attention 7 at is (10)");
    await expect.poll(() => v.outcome).toMatch(/^With the clean attention output put into the corrupted pass here /);
    expect(asks(v.model)).toMatchObject([{ action: "cell", layer: 7, index: 10 }]);
    expect(v.all(".xw-pair[data-pin]").map((p) => p.dataset.at)).toEqual(["10"]);
    expect(v.find("[title*='everything else stays']").title).toMatch(/^what a layer's attention adds at one position /);
    expect(table(v)?.querySelector("caption")?.textContent).toMatch(/^Attention outputs that bring over most/);
    const said = v.all("[role=status]").map((r) => r.textContent);
    expect(said).toContainEqual(
      expect.stringMatching(/^Patching of the attention of 12 layers over 11 positions\..* Strongest: attention \d/),
    );
    expect(v.canvas.getAttribute("aria-label")).toBe(
      "what patching attention outputs brings over, by layer and position, 12 rows, 11 columns",
    );
  });
  test("a layer without the part says so, in the grid and its sentence, and nothing is asked of it", async () => {
    const v = show(inventPatching({ part: "mlp_out", lack: [4] }), pinned(4, 3));
    await expect.poll(() => v.find(".xw-heat-note").textContent).toContain("hatched: no such part");
    expect(v.find(".xw-heat-note").textContent).not.toContain("counterpart");
    expect(v.line).toBe("MLP 4 at Italy (3): no such part in this layer, nothing can be put in here");
    expect(v.outcome).toBe("There is no such part in this layer, so nothing can be put in here.");
    expect(asks(v.model)).toEqual([]);
  });
  test("both kinds of gaps are told apart", async () => {
    const v = show(inventPatching({ part: "attn_out", lack: [4], corrupted: longer }), pinned(6, 4));
    await expect.poll(() => v.find(".xw-heat-note").textContent).toContain("hatched: no counterpart, or no such part");
    expect(v.line).toContain("attention 6 at United (4): no counterpart in the clean prompt");
  });
});

describe("heads", () => {
  test("columns are heads, by arrows and Enter: the cell is asked for, and no token is marked", async () => {
    const v = show(heads());
    await drawn(v);
    v.keys("ArrowDown", "ArrowDown", "ArrowRight");
    const share = number(v.invented.share(9 + 1, 1));
    await expect.poll(() => spoken(v)).toContain(`layer 10, head 1: ${share} of the difference, the number becomes`);
    expect(v.all(".xw-pair[data-hover]")).toEqual([]);
    v.keys("Enter");
    await expect.poll(() => v.outcome).toMatch(/^With the clean head output put into the corrupted pass at all pos/);
    expect(v.find(".xw-patch-pin").textContent).toBe("Patched: layer 10, head 1");
    expect(asks(v.model)).toMatchObject([{ action: "cell", layer: 10, index: 1 }]);
    expect(v.all(".xw-pair[data-pin]")).toEqual([]);
    expect(v.model.get("selection").pos).toEqual([]);
    v.keys("Enter");
    await expect.poll(() => v.find(".xw-patch-cell").checkVisibility()).toBe(false);
    v.keys(...Array(12).fill("ArrowRight"));
    await expect.poll(() => spoken(v)).toContain("layer 10, head 8: ");
  });
  test("a token under the pointer marks itself, and no column", async () => {
    const v = show(heads(), at(4 * 9 + 3));
    await drawn(v);
    const picture = () => v.canvas.toDataURL();
    const before = picture();
    v.all(".xw-pair")[6]?.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await expect.poll(() => v.all(".xw-pair[data-hover]").map((p) => p.dataset.at)).toEqual(["6"]);
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    expect(picture()).toBe(before);
    expect(v.line).toMatch(/^layer 4, head 3: /);
  });
  test("are patched where positions have counterparts: a token without one takes no column away", async () => {
    const v = show(heads({ corrupted: longer }), at(4 * 9 + 4));
    await drawn(v);
    expect(v.find(".xw-heat-note").textContent).not.toContain("hatched");
    expect(v.line).toMatch(/^layer 4, head 4: −?\d/);
    await expect.poll(() => v.outcome).toContain("pass at all positions with a counterpart the number is");
  });
  test("the table and the sentence for those who can't see it", async () => {
    const v = show(heads({ layers: 30 }));
    await drawn(v);
    const headings = [...(table(v)?.querySelectorAll("thead th") ?? [])].map((cell) => cell.textContent);
    expect(headings).toEqual(["layer", "head", "share of the difference", "known"]);
    const first = [...(table(v)?.querySelectorAll("tbody tr:first-child > *") ?? [])].map((cell) => cell.textContent);
    const [layer, head] = [first[0]?.replace("layer ", ""), first[1]].map(Number);
    expect(first[2]).toBe(number(v.invented.share(layer ?? -1, head ?? -1)));
    expect(v.all("[role=status]").map((r) => r.textContent)).toContainEqual(
      expect.stringContaining(`Patching of 9 heads in each of 30 layers. All rows are exact.`),
    );
    expect(v.says("30 layers × 9 heads")).toBe(true);
    expect(v.canvas.getAttribute("aria-label")).toBe(
      "what patching brings over, by layer and head, 30 rows, 9 columns",
    );
  });
  test("a pinned position is let go when heads come, and nothing is asked about it", async () => {
    const v = show(inventPatching(), pinned(4, 3));
    await expect.poll(() => v.all(".xw-both tbody tr").length).toBeGreaterThan(3);
    v.choose("what is exchanged", "head");
    await expect.poll(() => v.says("12 layers × 4 heads")).toBe(true);
    expect(v.find(".xw-patch-cell").checkVisibility()).toBe(false);
    expect(v.all(".xw-pair[data-pin]")).toEqual([]);
    expect(asks(v.model, "cell").filter((a) => a.revision > 0)).toEqual([]);
  });
  test("estimates come first here too", async () => {
    const v = show(heads({ exact: [2] }), { status: { ...IDLE, state: "running" } });
    await drawn(v);
    expect(v.exactness).toContain("Rows of 1 of 12 layers are exact");
    v.keys("ArrowDown");
    await expect.poll(() => spoken(v)).toMatch(/^layer 11, head 0: an estimate: /);
  });
});
