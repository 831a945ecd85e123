import { describe, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { FakeModel, IDLE } from "../../js/gallery/fake-model.ts";
import { inventSteer, replySteer, steerTrait } from "../../js/gallery/steer.ts";
import { savedModel } from "../../js/src/page/model.ts";
import type { InterventionSpec, SteerRequest } from "../../js/src/protocol/generated.ts";
import view from "../../js/src/views/steer.ts";
import { place } from "./mounting.ts";
import { asks, MountedSteer, show } from "./steer-fakes.ts";

const HEAD: InterventionSpec = { what: "head", layer: 1, index: 2, how: "scale", value: 1 };
const PUSH: InterventionSpec = {
  what: "resid",
  layer: 3,
  how: "add",
  value: 4,
  direction: { kind: "token", text: " Rome" },
  at: [-1],
};

const base64 = (view: DataView) => btoa(String.fromCharCode(...new Uint8Array(view.buffer)));

describe("with nothing set", () => {
  test("what can be done is said, and an example does it", async () => {
    const v = show();
    expect(v.says("Take hold of any activation")).toBe(true);
    expect(v.outcome).toBe("Next: Paris. Nothing is changed.");
    v.button("switch off the MLP of layer 3").click();
    await v.drawn();
    expect(v.asked).toEqual([{ what: "mlp_out", layer: 3, how: "scale", value: 0, at: [-1] }]);
    expect(v.rows).toHaveLength(1);
    expect(v.says("Take hold of any activation")).toBe(false);
    await expect.poll(() => v.outcome).toMatch(/^Paris .*KL/);
  });
  test("a push towards a token that might have come begins at zero", async () => {
    const v = show();
    v.button("push the stream towards “London”").click();
    await v.drawn();
    expect(v.asked).toMatchObject([{ how: "add", value: 0, direction: { kind: "token", text: " London" } }]);
    await expect.poll(() => v.slider().disabled).toBe(false);
  });
});

describe("a slider", () => {
  test("from -2 to 2 with 0 and 1 marked; what comes next follows while it moves, one look at a time", async () => {
    const v = show({ interventions: [HEAD] }, {}, { hold: ["look"] });
    const slider = v.slider();
    expect([slider.min, slider.max]).toEqual(["-2", "2"]);
    expect(v.all(".xw-amount-ticks > span").map((t) => t.textContent)).toEqual(["0", "1"]);
    v.slide(0.8, false);
    v.slide(0.5, false);
    v.slide(0.2, false);
    expect(asks(v.model, "look").map((m) => [m.interventions?.[0]?.value, m.settled])).toEqual([[0.8, false]]);
    const [first] = asks(v.model, "look");
    replySteer(v.model, inventSteer({ interventions: [HEAD] }), first as SteerRequest);
    await v.drawn();
    expect(asks(v.model, "look").map((m) => m.interventions?.[0]?.value)).toEqual([0.8, 0.2]);
    expect(v.slider().value).toBe("0.2");
    v.slide(0, true);
    await v.drawn();
    const last = asks(v.model, "look").at(-1);
    expect([last?.interventions?.[0]?.value, last?.settled]).toEqual([0, undefined]);
    expect(v.says("switched off")).toBe(true);
  });
  test("the last picture stays, dimmed, while the next is on its way", async () => {
    const v = show({ interventions: [HEAD] }, {}, { hold: ["look"] });
    const before = v.outcome;
    v.slide(0, true);
    await v.drawn();
    expect(v.find(".xw-steer-outcome").hasAttribute("data-dim")).toBe(true);
    expect(v.outcome).toBe(before);
    replySteer(v.model, inventSteer({ interventions: [HEAD] }), asks(v.model, "look").at(-1) as SteerRequest);
    await v.drawn();
    expect(v.find(".xw-steer-outcome").hasAttribute("data-dim")).toBe(false);
    expect(v.outcome).not.toBe(before);
  });
  test("a number typed may lie beyond its ends; what is none is marked and not asked for", async () => {
    const v = show({ interventions: [HEAD] });
    const field = v.find<HTMLInputElement>(".xw-amount-field");
    v.fill(field, "−7,5");
    await v.drawn();
    expect(v.asked[0]?.value).toBe(-7.5);
    const count = asks(v.model, "look").length;
    v.fill(field, "much");
    expect(field.getAttribute("aria-invalid")).toBe("true");
    expect(asks(v.model, "look")).toHaveLength(count);
  });
  test("a coefficient is in norms of the stream at that layer, and says so", async () => {
    const v = show({ interventions: [PUSH] });
    // The norm at layer 3 is 16, the direction's 2: a whole norm is 8 times the direction.
    expect(v.find<HTMLInputElement>(".xw-amount-field").value).toBe("0.5");
    expect(v.find(".xw-amount-number").textContent).toContain("stream norms");
    expect(v.find(".xw-steer-means").textContent).toContain("the stream's norm at layer 3 is 16.0");
    v.slide(-1, true);
    await v.drawn();
    expect(v.asked[0]?.value).toBe(-8);
  });
  test("by keyboard", async () => {
    const v = show({ interventions: [HEAD] });
    v.slider().focus();
    await userEvent.keyboard("{ArrowLeft}");
    await v.drawn();
    expect(v.asked[0]?.value).toBeCloseTo(0.99);
    expect(v.slider().getAttribute("aria-valuetext")).toBe("0.990 ×");
  });
});

describe("a row", () => {
  test("its part, layer and number are chosen, and stay what makes sense", async () => {
    const v = show({ interventions: [PUSH] });
    v.choose("which part", "head");
    await v.drawn();
    expect(v.asked).toEqual([{ what: "head", layer: 3, index: 0, how: "scale", value: 1, at: [-1] }]);
    expect([...v.control<HTMLSelectElement>("what is done").options].map((o) => o.value)).not.toContain("add");
    v.fill(v.control("index"), "3");
    v.fill(v.control("layer"), "5");
    await v.drawn();
    expect(v.asked[0]).toMatchObject({ layer: 5, index: 3 });
    const count = asks(v.model, "look").length;
    v.fill(v.control("layer"), "6");
    expect(v.control("layer").getAttribute("aria-invalid")).toBe("true");
    expect(asks(v.model, "look")).toHaveLength(count);
  });
  test("tokens are chosen by clicking them, the last one stays", async () => {
    const v = show({ interventions: [PUSH] });
    const tokens = () => v.rows[0]?.querySelectorAll<HTMLElement>(".xw-pick") ?? [];
    expect([...tokens()].map((t) => t.getAttribute("aria-pressed"))).toEqual([
      "false",
      "false",
      "false",
      "false",
      "true",
    ]);
    tokens()[3]?.click();
    await v.drawn();
    expect(v.asked[0]?.at).toEqual([3, 4]);
    tokens()[4]?.click();
    await v.drawn();
    tokens()[3]?.click();
    await v.drawn();
    expect(v.asked[0]?.at).toEqual([3]);
    v.choose("where", "from");
    await v.drawn();
    expect(v.asked[0]).toMatchObject({ start: 3 });
    expect(v.asked[0]).not.toHaveProperty("at");
    tokens()[1]?.focus();
    await userEvent.keyboard("{ArrowRight}{Enter}");
    await v.drawn();
    expect(v.asked[0]?.start).toBe(2);
    v.choose("where", "all");
    await v.drawn();
    expect(v.asked[0]).not.toHaveProperty("start");
    expect(v.find(".xw-token-picker").hidden).toBe(true);
  });
  test("swapped with another text, which begins as this one", async () => {
    const v = show({ interventions: [PUSH] });
    v.choose("what is done", "swap");
    await v.drawn();
    expect(v.asked[0]).toEqual({ what: "resid", layer: 3, how: "swap", source: "The capital of France is", at: [-1] });
    const field = [...(v.rows[0]?.querySelectorAll<HTMLInputElement>(".xw-steer-text") ?? [])].find((f) =>
      f.checkVisibility(),
    );
    v.fill(field as HTMLInputElement, "The capital of Italy is");
    await v.drawn();
    expect(v.asked[0]?.source).toBe("The capital of Italy is");
    expect(v.slider().checkVisibility()).toBe(false);
  });
  test("a direction by token, by two texts, by a neuron", async () => {
    const v = show({ interventions: [PUSH] });
    v.choose("which direction", "prompts");
    await v.drawn();
    expect(v.asked[0]?.direction).toMatchObject({ kind: "prompts", layer: 3 });
    expect(v.asked[0]?.value).toBe(0);
    v.choose("which direction", "neuron");
    await v.drawn();
    v.fill(v.control("neuron of the direction"), "63");
    await v.drawn();
    expect(v.asked[0]?.direction).toEqual({ kind: "neuron", layer: 3, index: 63 });
  });
  test("switched off and on, removed", async () => {
    const v = show({ interventions: [HEAD, PUSH] });
    v.control<HTMLInputElement>("intervention 1 on").click();
    await v.drawn();
    expect(v.asked[0]?.on).toBe(false);
    expect(v.rows[0]?.hasAttribute("data-off")).toBe(true);
    v.control<HTMLInputElement>("intervention 1 on").click();
    await v.drawn();
    expect(v.asked[0]).not.toHaveProperty("on");
    v.rows[0]?.querySelector<HTMLElement>(".xw-steer-remove")?.click();
    await v.drawn();
    expect(v.asked).toEqual([PUSH]);
    expect(v.rows).toHaveLength(1);
    expect(v.find<HTMLSelectElement>(".xw-steer-row select").value).toBe("resid");
  });
  test("what a layer lacks is said", async () => {
    const v = show({ interventions: [{ ...HEAD, layer: 4 }] });
    expect(v.find(".xw-steer-means").textContent).toContain("it has no attention");
  });
  test("numbers from Python stay as they are", () => {
    const v = show({ interventions: [{ what: "resid", layer: 1, how: "set", value: [1, 2, 3] }] });
    expect(v.find(".xw-steer-means").textContent).toBe("3 given numbers");
    expect(v.slider().checkVisibility()).toBe(false);
  });
});

describe("undo and redo", () => {
  test("step through whole moves, by button and by key", async () => {
    const v = show({ interventions: [HEAD] });
    v.slide(0.7, false);
    await v.drawn();
    v.slide(0.4, false);
    await v.drawn();
    v.slide(0, true);
    await v.drawn();
    v.button("undo").click();
    await v.drawn();
    expect(v.asked).toEqual([HEAD]);
    expect(v.slider().value).toBe("1");
    expect(v.button("undo").disabled).toBe(true);
    v.find(".xw-amount-slider").focus();
    await userEvent.keyboard("{Control>}{Shift>}z{/Shift}{/Control}");
    await v.drawn();
    expect(v.asked[0]?.value).toBe(0);
    await userEvent.keyboard("{Control>}z{/Control}");
    await v.drawn();
    expect(v.asked).toEqual([HEAD]);
  });
  test("what Python does is a step, too", async () => {
    const v = show({ interventions: [HEAD] });
    v.model.set("explanation", steerTrait(inventSteer({ interventions: [PUSH], fields: { revision: 1 } })));
    await v.drawn();
    expect(v.control<HTMLSelectElement>("which part").value).toBe("resid");
    v.button("undo").click();
    await v.drawn();
    expect(v.asked).toEqual([HEAD]);
  });
});

describe("what the model writes", () => {
  test("both sides by themselves where it is short, with what differs marked", async () => {
    const v = show({ interventions: [{ ...HEAD, value: -1 }] });
    await expect.poll(() => v.written(0)).toBe("is Paris.↵\nIt is a city");
    expect(v.written(1)).toBe("is Rome.↵\nIt is old");
    expect(v.all("mark").map((m) => m.textContent)).toEqual([" Paris", " a", " city", " Rome", " old"]);
    expect(asks(v.model, "write")).toHaveLength(1);
  });
  test("what was written stays where it is while the next is being written", async () => {
    const v = show({ interventions: [HEAD] }, {}, { hold: ["write"] });
    const note = v.find(".xw-steer-note");
    await expect.poll(() => note.textContent).toBe("writing");
    const high = v.find(".xw-steer-writing > .xw-controls").getBoundingClientRect().height;
    note.hidden = true;
    expect(v.find(".xw-steer-writing > .xw-controls").getBoundingClientRect().height).toBe(high);
    expect(note.parentElement?.matches(".xw-controls")).toBe(true);
  });
  test("not while a slider moves; asked for again when it is let go", async () => {
    const v = show({ interventions: [HEAD] });
    await expect.poll(() => v.written(0)).not.toBe("");
    v.slide(0, false);
    await v.drawn();
    expect(asks(v.model, "write")).toHaveLength(1);
    v.slide(0, true);
    await expect.poll(() => asks(v.model, "write").length).toBe(2);
  });
  test("longer texts are asked for by a button", async () => {
    const v = show({ interventions: [HEAD] });
    await expect.poll(() => v.written(0)).not.toBe("");
    const select = v.find<HTMLSelectElement>('select[aria-label="how many tokens are written"]');
    select.value = "60";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await v.drawn();
    expect(asks(v.model, "write")).toHaveLength(1);
    v.button("write").click();
    await expect.poll(() => asks(v.model, "write").at(-1)?.count).toBe(60);
  });
});

describe("around it", () => {
  test("a refusal stands under the last picture, and the rows stay as they were put", async () => {
    const v = show({ interventions: [HEAD] }, {}, { hold: ["look"] });
    v.choose("what is done", "set");
    await v.drawn();
    const error = {
      code: "value_refused",
      problem: "value can't be used.",
      given: "1",
      accepted: "2",
      hint: "smaller",
    };
    const { id, revision } = asks(v.model, "look").at(-1) as SteerRequest;
    v.model.say({ type: "error", v: 1, id, revision, error });
    await v.drawn();
    expect(v.find("[role=alert]").textContent).toContain("value can't be used.");
    expect(v.outcome).toContain("Paris");
    expect(v.control<HTMLSelectElement>("what is done").value).toBe("set");
    v.button("undo").click();
    await v.drawn();
    expect(v.asked).toEqual([HEAD]);
  });
  test("a kernel that is gone is said; the picture stays", async () => {
    const v = show({ interventions: [HEAD] });
    await expect.poll(() => v.written(0)).not.toBe("");
    v.model.dead = true;
    v.slide(0, true);
    await v.drawn();
    expect(v.find("[role=alert]").textContent).toContain("The kernel is gone.");
    expect(v.outcome).toContain("Paris");
  });
  test("a saved page has both texts; asked for more it says that there is no kernel", async () => {
    const saved = inventSteer({ interventions: [{ ...HEAD, value: -1 }] });
    const { snapshot, buffers } = saved;
    const words = (text: string) => [{ id: 1, text }];
    const written = { written_before: words(" Paris"), written_after: words(" Rome") };
    const { root, signal } = place();
    const model = savedModel({
      ...new FakeModel().state,
      explanation: { snapshot: snapshot as never, buffers: buffers.map((b) => base64(b)) },
      status: { ...IDLE, state: "static" },
      answers: [{ ask: { action: "write", count: 12 }, result: written, buffers: [] }],
    });
    view.initialize({ model, signal });
    view.render({ model, el: root, signal });
    const v = new MountedSteer(model as never, root, () => {});
    await expect.poll(() => v.written(1)).toBe("is Rome");
    v.slide(0, true);
    await expect.poll(() => v.says("This is a saved page")).toBe(true);
    expect(v.outcome).toContain("Rome");
  });
  test("the prompt is edited in place, and changed tokens are underlined", async () => {
    const v = show({ interventions: [PUSH] });
    expect(v.all(".xw-steer-prompt [data-changed]").map((t) => t.textContent)).toEqual([" is"]);
    v.button("edit").click();
    await v.drawn();
    const area = v.find<HTMLTextAreaElement>("textarea");
    await userEvent.fill(area, "The capital of Italy is");
    await userEvent.keyboard("{Enter}");
    await expect.poll(() => v.find(".xw-steer-prompt-text").textContent).toBe("The capital of Italy is");
    expect(asks(v.model, "look").at(-1)).toMatchObject({ interventions: [PUSH], input: { kind: "text" } });
  });
  test("token texts are never markup", async () => {
    const v = show({ tokens: ["<b>x</b>", " شكرا", " <img src=x>"], interventions: [PUSH] });
    await v.drawn();
    expect(v.el.querySelector(".xw b:not(.xw-model), img")).toBeNull();
  });
  test("screen readers get the outcome, a name for each row and the tokens as a table", async () => {
    const v = show({ interventions: [{ ...HEAD, value: -1 }] });
    await v.drawn();
    expect(v.find("[aria-live]").textContent).toMatch(/^Paris becomes Rome\. KL/);
    expect(v.rows[0]?.getAttribute("aria-label")).toBe("head 2 of layer 1, scale by −1.00");
    expect(v.find("table.xw-hidden caption").textContent).toContain("head 2 of layer 1");
  });
  test("it fits 320 px, in a shadow root, light and dark", async () => {
    for (const theme of ["light", "dark"]) {
      document.body.dataset.jpThemeLight = String(theme === "light");
      const v = show({ interventions: [HEAD, PUSH] }, {}, { width: 320, shadow: true });
      await v.drawn();
      const root = v.find(".xw");
      expect(root.scrollWidth).toBeLessThanOrEqual(root.clientWidth);
      for (const row of v.rows) expect(row.scrollWidth).toBeLessThanOrEqual(row.clientWidth);
    }
    delete document.body.dataset.jpThemeLight;
  });
  test("no answer yet", () => {
    const v = show({}, { explanation: { snapshot: null, buffers: [] }, status: { ...IDLE, state: "running" } });
    expect(v.says("reading the text")).toBe(true);
    expect(v.el.querySelector(".xw-steer-row")).toBeNull();
    expect(new FakeModel().sent).toEqual([]);
  });
});
