import { describe, expect, test } from "vitest";
import { IDLE } from "../../js/gallery/fake-model.ts";
import { firstAsked, inventPatching, sentence } from "../../js/gallery/patching.ts";
import { press, settle, type } from "./mounting.ts";
import { asks, type MountedPatching, pinned, show } from "./patching-fakes.ts";

const REFUSED = {
  code: "target",
  problem: "Both prompts say ' Paris' next, so there is no difference to follow.",
  given: "target ' Paris' and contrast ' Paris'",
  accepted: "two different continuations",
  hint: "follow another target or contrast, or change a prompt until it says something else next",
};
const failed = { explanation: firstAsked(), status: { ...IDLE, state: "error" as const, error: REFUSED } };
const noised = (fields = {}) => inventPatching({ against: "noise", subject: [2, 3], ...fields });
const ablated = (fields = {}) => inventPatching({ against: "ablation", part: "mlp_out", ...fields });
const subject = (v: MountedPatching) => v.find<HTMLInputElement>('input[aria-label="subject"]');
const token = (v: MountedPatching, at: number) => v.find<HTMLButtonElement>(`button[data-at="${at}"]`);
const legend = (v: MountedPatching) => v.find(".xw-legend").textContent ?? "";

describe("a first look that fails", () => {
  test("leaves both prompts to be edited under the sentence that says why", async () => {
    const v = show(inventPatching(), failed);
    await expect.poll(() => v.field("clean").checkVisibility()).toBe(true);
    expect(v.field("corrupted").value).toBe(sentence("France").join(""));
    expect(v.find("[role=alert]").textContent).toContain("Both prompts say ' Paris' next");
    expect(v.find("[role=alert]").textContent).toContain("change a prompt until it says something else");
    type(v.field("corrupted"), sentence("Italy").join(""));
    press(v.field("corrupted"), "Enter");
    expect(asks(v.model, "look")).toMatchObject([
      {
        against: "prompt",
        clean: { text: sentence("France").join("") },
        corrupted: { text: sentence("Italy").join("") },
        direction: "denoise",
        part: "resid",
      },
    ]);
    await expect.poll(() => v.canvas.checkVisibility()).toBe(true);
    expect(v.all("[role=alert]").some((a) => a.checkVisibility())).toBe(false);
  });
  test("can be mended by following something else, of any length", async () => {
    const v = show(inventPatching(), failed, { hold: ["look"] });
    await expect.poll(() => v.says("What is followed")).toBe(true);
    const field = v.find<HTMLInputElement>('input[aria-label="another token to explain"]');
    field.value = " New York";
    press(field, "Enter");
    expect(asks(v.model, "look").at(-1)).toMatchObject({ target: { kind: "text", text: " New York" } });
    const fields = () => v.all('input[aria-label="another token to explain"]').filter((i) => i.checkVisibility());
    await expect.poll(() => fields().length).toBe(0);
  });
  test("editors that were closed stay closed, until there is another error", async () => {
    const v = show(inventPatching(), failed);
    await expect.poll(() => v.field("clean").checkVisibility()).toBe(true);
    v.button("done").click();
    await expect.poll(() => v.field("clean").checkVisibility()).toBe(false);
    await settle();
    expect(v.field("clean").checkVisibility()).toBe(false);
  });
});

describe("a noised subject", () => {
  test("the question, the number and the prompt once, with the subject marked", () => {
    const v = show(noised());
    expect(v.question).toBe("Which clean states bring back Paris?");
    expect(v.find(".xw-measure").textContent).toBe("probability of “Paris”: 0.450 clean, 0.0200 noised");
    expect(v.all(".xw-pair").map((p) => p.children.length)).toEqual(sentence("France").map(() => 1));
    expect(v.all(".xw-pair[data-differ]").map((p) => p.textContent)).toEqual([" from", " France"]);
    expect(
      v.says(
        "Noise of 3.00 standard deviations of the embeddings on the marked tokens; numbers are means over 10 draws.",
      ),
    ).toBe(true);
    expect(legend(v)).toContain("0 as without patch, 1 as in the clean pass");
    expect(v.says("Causal tracing")).toBe(true);
  });
  test("a cell has its standard error, and a window is said", () => {
    const v = show(noised({ part: "mlp_out" }), pinned(2, 3));
    expect(v.line).toMatch(/^MLP 2 at France \(3\): .* of the difference \(± 0\.0\d+\), the number becomes 0\.\d+$/);
    expect(v.exactness).toContain("A cell stands for 10 layers around its own, put back together.");
  });
  test("tokens are chosen by clicks and keys; the last one stays", async () => {
    const v = show(noised(), {}, { hold: ["look"] });
    token(v, 4).click();
    expect(asks(v.model, "look").at(-1)).toMatchObject({
      against: "noise",
      noise: { positions: [2, 3, 4], samples: 10 },
    });
    await expect.poll(() => token(v, 4).getAttribute("aria-pressed")).toBe("true");
    const { length } = asks(v.model, "look");
    const alone = show(noised({ subject: [3] }), {}, { hold: ["look"] });
    token(alone, 3).click();
    expect(asks(alone.model, "look")).toEqual([]);
    expect(length).toBe(1);
  });
  test("a subject that is typed", () => {
    const v = show(noised(), {}, { hold: ["look"] });
    subject(v).value = "Paul";
    press(subject(v), "Enter");
    const [ask] = asks(v.model, "look");
    expect(ask?.noise).toEqual({ subject: "Paul", scale: 3, samples: 10, seed: 0, together: null });
  });
  test("is chosen first where none is known, and nothing runs until then", async () => {
    const v = show(inventPatching());
    v.choose("what the prompt is held against", "noise");
    await expect.poll(() => subject(v).checkVisibility()).toBe(true);
    expect(v.says("Type it and press Enter, or click its tokens in the prompt.")).toBe(true);
    expect(asks(v.model)).toEqual([]);
    token(v, 3).click();
    await expect.poll(() => v.question).toBe("Which clean states bring back Paris?");
    expect(asks(v.model, "look")).toMatchObject([{ against: "noise", noise: { positions: [3] } }]);
    expect(asks(v.model, "look")[0]?.corrupted).toBeUndefined();
  });
  test("the other prompt is not forgotten", async () => {
    const v = show(inventPatching());
    v.choose("what the prompt is held against", "ablation");
    await expect.poll(() => v.question).toMatch(/need\?$/);
    v.choose("what the prompt is held against", "prompt");
    await expect.poll(() => v.question).toMatch(/^Which clean states bring back Paris rather than Rome/);
    expect(asks(v.model, "look").at(-1)).toMatchObject({
      against: "prompt",
      corrupted: { text: sentence("Italy").join("") },
    });
  });
  test("where there is no other prompt yet it is written first, from the clean one", async () => {
    const v = show(noised());
    v.choose("what the prompt is held against", "prompt");
    await expect.poll(() => v.field("corrupted").checkVisibility()).toBe(true);
    expect(asks(v.model)).toEqual([]);
    expect(v.field("corrupted").value).toBe(sentence("France").join(""));
    type(v.field("corrupted"), sentence("Italy").join(""));
    press(v.field("corrupted"), "Enter");
    await expect.poll(() => v.question).toMatch(/rather than Rome/);
  });
});

describe("parts that are ablated", () => {
  test("what is lost, in the number's own unit; no direction, one list", () => {
    const v = show(ablated({ ablation: { kind: "zero" } }), pinned(1, 3));
    expect(v.question).toBe("Which MLP outputs does Paris need?");
    expect(v.find(".xw-measure").textContent).toBe("log-probability of “Paris”: −0.800");
    expect(v.find('select[aria-label="direction"]').checkVisibility()).toBe(false);
    expect(legend(v)).toContain("what the log-probability loses without the part");
    expect(v.says("Zeros take the place of a part.")).toBe(true);
    const share = v.invented.share(1, 3);
    expect(v.line).toContain(`loses ${(5.6 * share).toFixed(2)}, the number becomes −`);
    expect(v.find('[aria-label="next tokens, corrupted"]').checkVisibility()).toBe(false);
    expect(v.find('[aria-label="next tokens, clean"]').checkVisibility()).toBe(true);
  });
  test("a cell: what is said next without it", async () => {
    const v = show(ablated(), pinned(1, 3));
    await expect
      .poll(() => v.outcome)
      .toMatch(/^Without this MLP output the number is −.* \(−0\.800 as it is\): it loses /);
    expect(asks(v.model, "cell").length).toBe(1);
  });
  test("what takes its place is chosen beside it", async () => {
    const v = show(ablated());
    expect(v.says("The mean over this prompt's own positions after the first takes the place of a part.")).toBe(true);
    v.choose("what takes the place of a part", "resample");
    await expect.poll(() => v.says("numbers are means over 10 orders.")).toBe(true);
    expect(asks(v.model, "look")).toMatchObject([
      { against: "ablation", ablation: { kind: "resample" }, part: "mlp_out" },
    ]);
  });
  test("before the first row the estimate gives the scale", () => {
    const v = show(ablated({ exact: [] }), { status: { ...IDLE, state: "running" as const } });
    expect(legend(v)).toMatch(/[1-9]/);
    expect(v.exactness).toContain("Every row is an estimate");
  });
});
