import { describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { circuitTrait, inventCircuit, replyCircuit } from "../../js/gallery/circuit.ts";
import { busiest } from "../../js/gallery/circuit-states.ts";
import { IDLE } from "../../js/gallery/fake-model.ts";
import { asks, type MountedCircuit, revised, row, show } from "./circuit-fakes.ts";
import { press, settle, type } from "./mounting.ts";

const RUNNING = { status: { ...IDLE, state: "running" as const } };
const STATIC = { status: { ...IDLE, state: "static" as const } };
const file = () => inventCircuit({ file: { features: 138 }, edges: 600, size: 600 });
const count = (kept: Uint8Array) => kept.reduce((a, b) => a + b, 0);
const hub = () => {
  const invented = inventCircuit();
  return { invented, node: busiest(invented), pin: row(busiest(invented)) };
};
const edgeAt = (v: MountedCircuit, i = 0) => Number(v.rows[i]?.dataset.edge);

describe("the thinnest path", () => {
  test("what the circuit keeps in one sentence, both prompts, the graph: nothing is asked for it", async () => {
    const v = await show().painted();
    const { snapshot } = v.invented.packed;
    const kept = count(v.invented.kept(60));
    const share = snapshot?.faithfulness?.toFixed(2);
    expect(v.question).toBe(
      `Circuit of ${kept} of 12,345 edges keeps ${share} of the difference between Paris and Rome`,
    );
    expect(v.find(".xw-measure").textContent).toBe("logit of “Paris” less “Rome”: +4.40 clean, −3.10 corrupted");
    expect(v.find(".xw-circ-prompts").innerText).toMatch(/clean\s*Paul comes from France.*→ Paris/);
    expect(v.all(".xw-circ-differ").map((t) => t.textContent)).toEqual([" France", " Italy"]);
    const rest = snapshot?.completeness?.toFixed(2);
    expect(v.standing).toBe(
      `Of the 60 strongest edges ${kept} are on a way from the input to the logits. The rest without it keeps ${rest} (a complete circuit leaves 0).`,
    );
    expect(v.find(".xw-legend").textContent).toContain("against, dashed");
    expect(asks(v.model)).toEqual([]);
  });
  test("readers who can't see it get its edges as a table, and hear what it is", async () => {
    const v = show();
    const table = v.find(".xw-hidden > table");
    expect(table.querySelector("caption")?.textContent).toMatch(/^Circuit of \d+ edges between \d+ nodes/);
    expect([...table.querySelectorAll("thead th")].map((th) => th.textContent)).toEqual([
      "from",
      "to",
      "read as",
      "estimated loss",
      "real loss",
    ]);
    expect(table.querySelectorAll("tbody tr").length).toBe(count(v.invented.kept(60)));
    expect(v.find("[aria-live=polite]").textContent).toMatch(/^Circuit of \d+ of 12,345 edges keeps 0\.\d\d of/);
  });
  test("without a token to compare with, the logit; without a check, that it was not run", () => {
    const one = show(inventCircuit({ fields: { other: null } }));
    expect(one.question).toMatch(/of what the clean prompt adds to the logit of Paris$/);
    const none = show(inventCircuit({ curve: false }));
    expect(none.question).toMatch(/; how much it keeps of the difference between Paris and Rome was not run yet$/);
    expect(none.standing).toMatch(/How much it keeps was not run\.$/);
    expect(none.says("What circuits of other sizes keep was not run yet.")).toBe(true);
    const soon = show(inventCircuit({ curve: false }), RUNNING);
    expect(soon.standing).toMatch(/How much it keeps is being run\.$/);
  });
  test("no way from the input to the logits is said, and takes the place of the graph", () => {
    const v = show(inventCircuit({ size: 2 }));
    expect(v.question).toMatch(/^Circuit of 0 of 12,345 edges keeps nothing of/);
    expect(v.standing).toBe(
      "No circuit of this size: none of the 2 strongest edges is on a way from the input to the logits. Take more edges.",
    );
    expect(v.graph.checkVisibility()).toBe(false);
    expect(v.slider.checkVisibility()).toBe(true);
  });
  test("prompts of other lengths: what is never cut, and that more edges are no help", () => {
    const corrupted = ["Paul", " comes", " from", " the", " south", " of", " Italy", "."];
    const some = show(inventCircuit({ corrupted }));
    const clean = some.invented.packed.snapshot?.base.text.length;
    const lengths = `The prompts have ${clean} and 8 tokens: where one has no counterpart nothing is cut.`;
    expect(some.standing).toMatch(/\(a complete circuit leaves 0\)\. The prompts have/);
    expect(some.standing.endsWith(lengths)).toBe(true);
    const none = show(inventCircuit({ corrupted, size: 2 }));
    expect(none.standing.endsWith(` Make both prompts equally long. ${lengths}`)).toBe(true);
  });
  test("a part of a character is no strange letter", () => {
    const v = show(inventCircuit({ corrupted: ["Paul", ""] }));
    expect(v.all(".xw-circ-text").at(-1)?.textContent).toBe("Paul⋯");
  });
  test("no edges at all are said too", () => {
    const v = show(inventCircuit({ edges: 0 }));
    expect(v.standing).toBe("There are no edges.");
  });
  test("ACDC says how it chose; the slider is about strength", async () => {
    const v = show(inventCircuit({ method: "acdc", size: 30, curve: false }));
    expect(v.standing).toMatch(/^Chosen by ACDC: \d+ edges/);
  });
});

describe("a node", () => {
  test("under the pointer: its edges in numbers", async () => {
    const v = await show().painted();
    v.keys("End");
    expect(v.spoken).toMatch(/^logits; edges in \d+, together [+−]\d/);
    expect(v.tip).toMatch(/^logits/);
    expect(v.find("[role=tooltip]").checkVisibility()).toBe(true);
  });
  test("by keyboard: arrows move, Enter pins and lists its edges, Escape lets go", async () => {
    const v = await show().painted();
    v.keys("ArrowDown", "ArrowDown", "Enter");
    const { kinds } = v.invented.packed.snapshot ?? {};
    const pinned = v.model.get("display").row ?? -1;
    expect(["head", "mlp"]).toContain(kinds?.[pinned]);
    await vi.waitFor(() => expect(v.list.checkVisibility()).toBe(true));
    v.keys("Escape");
    await vi.waitFor(() => expect(v.list.checkVisibility()).toBe(false));
    expect(v.model.get("display").row).toBeNull();
  });
  test("that is pinned lists what goes in and out, the strongest first, as what, and what it really loses", async () => {
    const { invented, node, pin } = hub();
    const v = show(invented, pin);
    const kept = invented.kept(60);
    const into = invented.edges.flatMap((e, i) => (kept[i] && e.target === node ? [i] : []));
    const out = invented.edges.flatMap((e, i) => (kept[i] && e.source === node ? [i] : []));
    expect(v.rows.map((r) => Number(r.dataset.edge))).toEqual([...into, ...out]);
    const cells = [...(v.rows[0]?.closest("tr")?.children ?? [])].map((c) => c.textContent);
    const first = invented.edges[into[0] ?? 0];
    expect(cells[1]).toBe(["", "query", "key", "value"][first?.path ?? 0]);
    expect(cells[2]).toMatch(/^[+−]/);
    expect(v.list.textContent).toMatch(/of its edges are not in this circuit/);
    const against = v.rows.filter((r) => r.closest("tr")?.hasAttribute("data-against"));
    expect(against.length).toBe([...into, ...out].filter((i) => (invented.edges[i]?.score ?? 0) < 0).length);
    v.button("let go").click();
    await vi.waitFor(() => expect(v.list.checkVisibility()).toBe(false));
  });
  test("reads query, key and value apart where it is pinned, and all do when told so", async () => {
    const v = await show().painted();
    const before = v.canvas.height;
    const button = v.button("query, key and value apart");
    expect(button.getAttribute("aria-pressed")).toBe("false");
    button.click();
    await vi.waitFor(() => expect(v.canvas.height).toBeGreaterThan(before));
    expect(button.getAttribute("aria-pressed")).toBe("true");
  });
});

describe("an edge", () => {
  test("of the list is run at a click: what it really loses beside the estimate, next tokens before and after", async () => {
    const { invented, pin } = hub();
    const v = await show(invented, pin).painted();
    const top = v.rows[0]?.getBoundingClientRect().top;
    v.rows[0]?.click();
    await vi.waitFor(() => expect(v.card.checkVisibility()).toBe(true));
    expect(v.rows[0]?.getBoundingClientRect().top).toBe(top); // what was clicked stays under the pointer
    const edge = edgeAt(v);
    await vi.waitFor(() => expect(v.all(".xw-circ-card .xw-both tbody tr").length).toBeGreaterThan(3));
    expect(asks(v.model).map(({ action, edge }) => [action, edge])).toEqual([["edge", edge]]);
    expect(v.model.get("display").row).toBe(invented.nodes.length + edge);
    expect(v.card.textContent).toMatch(/this edge alone takes [+−][\d.]+ from the number\. The estimate said [+−]/);
    expect(v.card.querySelector("thead")?.textContent).toBe("next tokenbeforeafter");
    // Its node's list stays, with the row marked.
    expect(v.list.checkVisibility()).toBe(true);
    expect(v.rows[0]?.getAttribute("aria-pressed")).toBe("true");
    v.rows[0]?.click();
    await vi.waitFor(() => expect(v.card.checkVisibility()).toBe(false));
    expect(v.list.checkVisibility()).toBe(true);
  });
  test("that was not run says so while it runs, and when it was refused, with a way to try again", async () => {
    const invented = inventCircuit();
    const weak = invented.edges.findIndex((e) => Number.isNaN(e.exact));
    const v = show(invented, row(invented.nodes.length + weak), { hold: ["edge"] });
    await vi.waitFor(() =>
      expect(v.card.textContent).toMatch(/an estimated [+−][\d.]+ from the number\. It is being run\./),
    );
    expect(v.card.textContent).toMatch(/It is not in the circuit of this size\./);
    const { id = "", revision = 0 } = asks(v.model, "edge")[0] ?? {};
    const error = { code: "memory", problem: "No memory.", given: "", accepted: "", hint: "free some" };
    v.model.say({ type: "error", v: 1, id, revision, error });
    await vi.waitFor(() => expect(v.says("No memory.")).toBe(true));
    expect(v.card.textContent).toMatch(/It was not run\./);
    v.button("try again").click();
    await vi.waitFor(() => expect(asks(v.model, "edge").length).toBe(2));
  });
  test("another one gives the one before up", async () => {
    const { invented, pin } = hub();
    const v = show(invented, pin, { hold: ["edge"] });
    v.rows[0]?.click();
    await vi.waitFor(() => expect(asks(v.model, "edge").length).toBe(1));
    v.rows[1]?.click();
    await vi.waitFor(() => expect(asks(v.model, "edge").length).toBe(2));
    expect(v.model.sent).toContainEqual({ type: "cancel", v: 1, id: asks(v.model, "edge")[0]?.id });
  });
  test("is not asked about while another picture is under way", async () => {
    const invented = inventCircuit();
    const v = show(invented, { ...row(invented.nodes.length + 3), ...RUNNING });
    await settle();
    expect(asks(v.model)).toEqual([]);
    v.model.set("status", IDLE);
    await vi.waitFor(() => expect(asks(v.model, "edge").length).toBe(1));
  });
});

describe("the size", () => {
  test("shows at once which edges would be in, then what the kernel keeps and what that does", async () => {
    const v = show(inventCircuit(), {}, { hold: ["keep"] });
    v.resize(150);
    await vi.waitFor(() => expect(v.standing).toMatch(/Chosen by strength alone so far; it is being checked\.$/));
    const kept = count(v.invented.kept(150));
    expect(v.question).toMatch(
      new RegExp(`^Circuit of ${kept} of 12,345 edges; how much it keeps of .* is being run$`),
    );
    expect(v.find(".xw-exactness").textContent).toBe("by strength alone");
    await vi.waitFor(() => expect(asks(v.model, "keep").map((m) => m.size)).toEqual([150]));
    expect(v.button("cancel").checkVisibility()).toBe(true);
    const [request] = asks(v.model, "keep");
    if (request) replyCircuit(v.model, v.invented, request);
    await vi.waitFor(() =>
      expect(v.question).toMatch(new RegExp(`^Circuit of ${kept} of 12,345 edges keeps \\d\\.\\d\\d`)),
    );
    expect(v.standing).toMatch(/The rest without it keeps/);
    const alone = v.find('[aria-label="the circuit alone"]');
    expect(alone.checkVisibility()).toBe(true);
    expect(alone.querySelector("thead")?.textContent).toBe("next tokenwhole modelcircuit alone");
  });
  test("goes by keys on the slider, and by a point of the curve", async () => {
    const v = show();
    v.slider.focus();
    await userEvent.keyboard("{ArrowRight}{ArrowRight}");
    await vi.waitFor(() => expect(v.sizeField.value).not.toBe("60"));
    const size = Number(v.sizeField.value);
    expect(size).toBeGreaterThan(61);
    await vi.waitFor(() => expect(asks(v.model, "keep").map((m) => m.size)).toEqual([size]));
    const chart = v.find("[aria-roledescription='line chart']");
    chart.focus();
    press(chart, "Home");
    press(chart, "Enter");
    await vi.waitFor(() => expect(v.sizeField.value).toBe("1"));
    expect(v.standing).toMatch(/^No circuit of this size: the strongest edge is not on a way/);
  });
  test("of the curve was run: its numbers are there at once", async () => {
    const v = show(inventCircuit(), {}, { hold: ["keep"] });
    v.resize(100);
    await vi.waitFor(() => expect(v.question).toMatch(/keeps 0\.\d\d of the difference/));
    expect(v.find(".xw-exactness").textContent).toBe("");
  });
  test("that is being checked is given up with cancel", async () => {
    const v = show(inventCircuit(), {}, { hold: ["keep"] });
    v.resize(150);
    await vi.waitFor(() => expect(asks(v.model, "keep").length).toBe(1));
    v.button("cancel").click();
    await vi.waitFor(() => expect(v.sizeField.value).toBe("60"));
  });
});

describe("other questions", () => {
  test("method, steps and threshold", async () => {
    const v = show(inventCircuit(), {}, { hold: ["look"] });
    expect(v.find('input[aria-label="steps of integrated gradients"]').checkVisibility()).toBe(true);
    v.choose("method", "acdc");
    await vi.waitFor(() => expect(v.find('input[aria-label="threshold of ACDC"]').checkVisibility()).toBe(true));
    expect(v.find('input[aria-label="steps of integrated gradients"]').checkVisibility()).toBe(false);
    const threshold = v.find<HTMLInputElement>('input[aria-label="threshold of ACDC"]');
    threshold.value = "0.05";
    press(threshold, "Enter");
    expect(asks(v.model, "look").map(({ method, threshold }) => [method, threshold])).toEqual([
      ["acdc", undefined],
      ["acdc", 0.05],
    ]);
    await vi.waitFor(() => expect(v.find(".xw-circ-graph").hasAttribute("data-dim")).toBe(true));
  });
  test("prompts are edited side by side; `e` opens, Escape leaves; a refusal keeps the picture", async () => {
    const v = await show().painted();
    press(v.find(".xw"), "e");
    await settle();
    const fields = v.all("textarea") as HTMLTextAreaElement[];
    expect(v.all("[role=group] textarea").length).toBe(2);
    type(fields[1] as HTMLTextAreaElement, fields[0]?.value ?? "");
    press(fields[1] as HTMLElement, "Enter");
    await vi.waitFor(() =>
      expect(v.says("Both prompts are the same, so there is no difference to explain.")).toBe(true),
    );
    expect(v.graph.checkVisibility()).toBe(true);
    press(fields[1] as HTMLElement, "Escape");
    await settle();
    expect(v.all("textarea").filter((f) => f.checkVisibility())).toEqual([]);
  });
  test("the number is chosen where next tokens are listed; its two tokens change places", async () => {
    const v = show(inventCircuit(), {}, { hold: ["look"] });
    const rows = v.all('[aria-label="next tokens, corrupted"] [role=option]');
    rows.find((r) => r.firstElementChild?.textContent === "Rome")?.click();
    const { target, other } = v.invented.packed.snapshot ?? {};
    expect(asks(v.model, "look").at(-1)).toMatchObject({
      target: { kind: "token", id: other?.id },
      other: { kind: "token", id: target?.id },
    });
  });
  test("a look that is under way shows how far it is, and is cancelled", async () => {
    const v = show(inventCircuit(), {}, { hold: ["look"] });
    v.choose("method", "eap");
    v.model.progress(v.model.asked, { done: 3, total: 12 });
    await vi.waitFor(() => expect(v.says("3 of 12")).toBe(true));
    v.button("cancel").click();
    await vi.waitFor(() => expect(v.find(".xw-circ-graph").hasAttribute("data-dim")).toBe(false));
  });
});

describe("a graph from a file", () => {
  test("has no prompt to edit and no method; nothing is ever asked", async () => {
    const invented = file();
    const v = await show(invented, { ...STATIC, ...row(invented.nodes.length + 20) }).painted();
    expect(v.question).toMatch(/^Circuit of \d+ of 600 edges behind Paris$/);
    expect(v.all("button").some((b) => b.textContent?.startsWith("edit") && b.checkVisibility())).toBe(false);
    expect(v.find('select[aria-label="method"]').checkVisibility()).toBe(false);
    expect(v.card.textContent).toMatch(
      /Its weight is [+−]?[\d.]+\. What it really carries was not run: a file has no model\./,
    );
    const before = v.question;
    v.resize(50);
    await vi.waitFor(() => expect(v.question).not.toBe(before));
    expect(v.model.sent).toEqual([]);
  });
  test("labels are text, whatever is in them and wherever they run from", async () => {
    const invented = file();
    const hostile = invented.nodes.findIndex((n) => n.label.includes("<script>"));
    const v = await show(invented, row(hostile)).painted();
    expect(v.list.textContent).toContain("Edges of <script>alert(1)</script> at “");
    expect(v.el.querySelector("script")).toBeNull();
    const rtl = show(invented, row(invented.nodes.findIndex((n) => n.label === "עיר בירה")));
    expect(rtl.list.textContent).toContain("עיר בירה");
    expect(rtl.all(".xw-circ-edge bdi").length).toBe(rtl.rows.length);
  });
});

describe("without a kernel", () => {
  test("a saved page keeps edges and curve; a size and an edge say what they need", async () => {
    const invented = inventCircuit();
    const weak = invented.edges.findIndex((e) => Number.isNaN(e.exact));
    const v = show(invented, { ...STATIC, ...row(invented.nodes.length + weak) });
    await vi.waitFor(() => expect(v.card.textContent).toMatch(/Running it needs the kernel\./));
    expect(v.all("circle").length).toBeGreaterThan(8);
    v.resize(150);
    await vi.waitFor(() => expect(v.standing).toMatch(/Chosen by strength alone: checking it needs the kernel\.$/));
    expect(v.says("This page was saved without this detail.")).toBe(true);
    expect(v.rows).toEqual([]);
  });
  test("a kernel that is gone leaves the last picture", async () => {
    const v = await show(inventCircuit(), {}, { hold: ["look"] }).painted();
    v.model.dead = true;
    v.choose("method", "eap");
    await vi.waitFor(() => expect(v.says("The kernel is gone.")).toBe(true));
    expect(v.graph.checkVisibility()).toBe(true);
  });
  test("what can't be read is said", async () => {
    const v = show();
    v.model.set("explanation", revised(v.invented, { names: [] }));
    await vi.waitFor(() => expect(v.says("What arrived can't be read.")).toBe(true));
  });
  test("before the first answer it says that it is looking", async () => {
    const v = show(inventCircuit(), { explanation: { snapshot: null, buffers: [] }, ...RUNNING });
    expect(v.says("looking for the circuit")).toBe(true);
    v.model.set("explanation", circuitTrait(v.invented.packed));
    await vi.waitFor(() => expect(v.says("looking for the circuit")).toBe(false));
    await v.painted();
  });
});

describe("the place it is in", () => {
  test.each([320, 860])("nothing is wider than %i px", async (width) => {
    for (const invented of [inventCircuit(), file()]) {
      const v = await show(invented, row(busiest(invented)), { width }).painted();
      const { left, right } = v.find(".xw").getBoundingClientRect();
      for (const element of v.all(".xw-left *, .xw-foot *")) {
        if (!element.checkVisibility() || element.closest(".xw-hidden, [role=tooltip], .xw-circ-scroll")) continue;
        const box = element.getBoundingClientRect();
        expect(box.left, element.className).toBeGreaterThanOrEqual(left - 0.5);
        expect(box.right, element.className).toBeLessThanOrEqual(right + 0.5);
      }
    }
  });
  test("dark: the graph is drawn in the page's colours", async () => {
    document.body.classList.add("dark");
    try {
      const v = await show().painted();
      expect(v.find(".xw").dataset.theme).toBe("dark");
      v.keys("End");
      expect(v.spoken).toMatch(/^logits/);
    } finally {
      document.body.classList.remove("dark");
    }
  });
  test("works in a shadow root", async () => {
    const v = show(inventCircuit(), {}, { shadow: true });
    expect(v.question).toMatch(/^Circuit of/);
    v.resize(150);
    await vi.waitFor(() => expect(v.question).toMatch(/keeps/));
    expect(document.body.contains(v.el)).toBe(false);
  });
  test("takes everything away when it ends", async () => {
    const v = await show().painted();
    v.end();
    expect(v.el.querySelector(".xw")).toBeNull();
    expect(v.model.listening).toBe(0);
  });
});
