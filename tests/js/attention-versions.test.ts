import { describe, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { type Invented, invent, type Spec, words } from "../../js/gallery/attention.ts";
import { DecodeError } from "../../js/src/protocol/arrays.ts";
import { type AttentionAnswer, decodeAttention, sidesOf } from "../../js/src/protocol/decode-attention.ts";
import type { AttentionPacked } from "../../js/src/protocol/generated.ts";
import { groupsOf } from "../../js/src/state/attention-heads.ts";
import { headName, versionName } from "../../js/src/state/attention-names.ts";
import { headView } from "../../js/src/state/attention-picture.ts";
import { comparedWith, counterpart, differences, linkOf } from "../../js/src/state/attention-versions.ts";
import { asks, cancels, type MountedAttention, setup, show } from "./attention-fakes.ts";

const MODELS: Spec = { versions: ["org/base", "org/tuned"] };
const SECOND = ["The", " old", " dog", ...words(24).slice(2)];
const LONGER: Spec = { versions: ["The cat sat", "The old dog sat"], other: SECOND };
const NOTHING = { here: null, elsewhere: null };
const chosen = (row: number) => ({ display: { row, link_id: null } });
const pinned = (...pos: number[]) => ({ selection: { pos, target: [], source: "python" } });

function decoded({ packed }: Invented): AttentionAnswer {
  const answer = decodeAttention(packed);
  if (!answer) throw new Error("no answer");
  return answer;
}

const of = (spec: Spec) => decoded(invent(spec));

async function ready(v: MountedAttention): Promise<MountedAttention> {
  await expect.poll(() => v.all("[data-at]").length).toBeGreaterThan(0);
  await userEvent.hover(v.find(".xw-model"));
  return v;
}

const matrices = (v: MountedAttention) => v.all(".xw-heat-canvas").filter((c) => c.checkVisibility());
const named = (v: MountedAttention) => matrices(v).map((c) => c.getAttribute("aria-label")?.replace(/:.*/, ""));
const strips = (v: MountedAttention) => v.all(".xw-att-strip").filter((s) => s.checkVisibility());

describe("on the wire", () => {
  test("a file from before there were versions has one, without a name", () => {
    const { packed } = invent();
    const { versions, other, ...old } = packed.snapshot ?? ({} as never);
    const maps = old.maps.map(({ version, ...map }) => map);
    const answer = decodeAttention({ ...packed, snapshot: { ...old, maps } } as unknown as AttentionPacked);
    expect(answer?.snapshot.versions).toEqual([""]);
    expect(answer?.snapshot.maps.every((m) => m.version === 0)).toBe(true);
    expect(answer && headName(answer, 9)).toBe("2.1");
    expect(answer && [counterpart(answer, 9), versionName(answer, 0)]).toEqual([null, ""]);
  });
  test("a map of a version that is not named is refused", () => {
    const { packed } = invent(MODELS);
    const snapshot = packed.snapshot && { ...packed.snapshot, versions: ["org/base"] };
    expect(() => decodeAttention({ ...packed, snapshot })).toThrow(DecodeError);
  });
  test("the second text's tokens name the positions of the second version's maps", () => {
    const answer = of(LONGER);
    const [first, second] = [0, 6].map((i) => sidesOf(answer, answer.snapshot.maps[i] as never));
    expect([first?.looks.ids.length, second?.seen.tokens.text.slice(0, 3)]).toEqual([24, ["The", " old", " dog"]]);
  });
});

describe("whose a head is", () => {
  test("counterparts share stack, layer and place, both ways; a chosen second head goes first", () => {
    const answer = of(MODELS);
    expect([counterpart(answer, 5), counterpart(answer, 29)]).toEqual([29, 5]);
    expect(comparedWith(answer, 5, { other: null, alone: false })).toBe(29);
    expect(comparedWith(answer, 5, { other: 7, alone: false })).toBe(7);
    expect(comparedWith(answer, 5, { other: null, alone: true })).toBeNull();
    expect(comparedWith(answer, null, { other: 7, alone: false })).toBeNull();
  });
  test("names: the end of a model's, a piece of a text that tells them apart, a number where nothing does", () => {
    const name = (versions: [string, string], other?: string[]) => {
      const answer = of({ layers: 1, heads: 1, versions, ...(other ? { other } : {}) });
      return [versionName(answer, 0), versionName(answer, 1)];
    };
    expect(name(["org/base", "org/tuned"])).toEqual(["base", "tuned"]);
    expect(name(["a/model", "b/model"])).toEqual(["model (1)", "model (2)"]);
    expect(name(["The cat", "The dog"], words(24))).toEqual(["The cat", "The dog"]);
    expect(name(["Once upon a time a cat", "Once upon a time a dog"], words(24))).toEqual(["…cat", "…dog"]);
    expect(headName(of(MODELS), 29)).toBe("1.1 · tuned");
  });
  test("the overview goes layer by layer, first one's heads, then the other's", () => {
    const titles = groupsOf(of({ ...MODELS, layers: 2 }), "layer", "", NOTHING).map((g) => g.title);
    expect(titles).toEqual(["layer 0 · base", "layer 0 · tuned", "layer 1 · base", "layer 1 · tuned"]);
  });
  test("encoder, decoder and cross layers are named", () => {
    const titles = groupsOf(of({ decoder: ["a", "b"], layers: 1 }), "layer", "", NOTHING).map((g) => g.title);
    expect(titles).toEqual(["encoder layer 0", "decoder layer 0", "cross layer 0"]);
  });
});

describe("how far both differ", () => {
  test("the mean of the difference between the largest weights of the squares, largest first", () => {
    const answer = of({ ...MODELS, tokens: words(4), layers: 3, heads: 2 });
    const all = differences(answer);
    expect(all.length).toBe(6);
    const { cells, cell } = answer.snapshot;
    expect([cells, cell]).toEqual([4, 1]);
    for (const { heads, mean } of all) {
      let sum = 0;
      for (let i = 0; i < 16; i++) {
        const [a = 0, b = 0] = heads.map((head) => ((answer.most[head * 16 + i] ?? 0) / 255) ** 2);
        sum += Math.abs(a - b);
      }
      expect(mean).toBeCloseTo(sum / 16, 12);
    }
    const means = all.map(({ mean }) => mean ?? -1);
    expect(means).toEqual([...means].sort((a, b) => b - a));
    expect(means[0]).toBeGreaterThan(means.at(-1) ?? 1);
  });
  test("sorted by it, a head and its counterpart follow each other and stay in one line", () => {
    const answer = of(MODELS);
    const [group] = groupsOf(answer, "difference", "", NOTHING);
    expect(group?.together).toBe(2);
    const order = group?.heads.map((h) => h.index) ?? [];
    expect(order.length).toBe(48);
    for (let i = 0; i < order.length; i += 2) expect(counterpart(answer, order[i] ?? -1)).toBe(order[i + 1]);
    expect(order.slice(0, 2)).toEqual(differences(answer)[0]?.heads);
  });
  test("texts of different lengths have none", () => {
    expect(differences(of(LONGER)).every(({ mean }) => mean === null)).toBe(true);
  });
  test("effects are of the first version: heads of the second have no bar", () => {
    const answer = of(MODELS);
    const here = Float32Array.from({ length: 24 }, (_, i) => i - 10);
    const heads = groupsOf(answer, "layer", "", { here, elsewhere: null }).flatMap((g) => g.heads);
    expect(heads.filter((h) => h.mark !== undefined).map((h) => h.index)).toEqual(
      Array.from({ length: 24 }, (_, i) => i),
    );
    const ranked = groupsOf(answer, "effect", "", { here, elsewhere: null })[0]?.heads;
    expect([ranked?.length, ranked?.[0]?.index]).toEqual([24, 23]);
  });
});

describe("positions of two texts", () => {
  function link(spec: Spec, first: number, second: number) {
    const { store } = setup(invent(spec));
    const now = store.answer.value as AttentionAnswer;
    const [a, b] = [first, second].map((head) => headView(now, head, store.look.value));
    if (!a || !b) throw new Error("no head");
    return linkOf(a, b);
  }
  test("of the same length go place by place", () => {
    const { there, back } = link({ ...LONGER, other: SECOND.slice(0, 24) }, 0, 24);
    expect([there.query(5), back.key(23)]).toEqual([5, 23]);
  });
  test("of other lengths by what is the same in both; what is only in one is nowhere", () => {
    const { there, back } = link(LONGER, 0, 24);
    expect([0, 2, 9].map(there.query)).toEqual([0, 3, 10]);
    expect(there.query(1)).toBeNull();
    expect([back.query(1), back.query(3)]).toEqual([null, 2]);
  });
  test("what no token gets stays what no token gets", () => {
    const { there, back } = link({ ...LONGER, sinks: true }, 0, 24);
    expect([there.key(24), back.key(25)]).toEqual([25, 24]);
  });
});

test("what is asked for the counterpart is waited for, but not once the head is alone", () => {
  const s = setup(invent(MODELS), chosen(1));
  s.store.need({ action: "line", map: 6, head: 1, measure: "weight", axis: "query", index: 2 }, "v");
  s.store.see({ pool: "mean" });
  expect(cancels(s.model)).toEqual([]);
  s.store.see({ alone: true });
  expect(cancels(s.model)).toEqual([asks(s.model)[0]?.id]);
});

describe("on the screen", () => {
  test("a chosen head is beside its counterpart at once, with the difference; both are asked for", async () => {
    const v = await ready(show(invent(MODELS)));
    expect(v.find(".xw-model").textContent).toBe("base and tuned");
    await userEvent.click(v.find("[aria-label^='layer 0 · base, head 1']"));
    await expect.poll(() => v.question).toBe("Where does head 0.1 · base look, and where head 0.1 · tuned?");
    await expect
      .poll(() => named(v))
      .toEqual([
        "attention of head 0.1 · base",
        "attention of head 0.1 · tuned",
        "attention of head 0.1 · base less head 0.1 · tuned",
      ]);
    expect([...new Set(asks(v.model, "tile").map((a) => a.map))]).toEqual([0, 6]);
    expect(v.find("[data-is=compare]").getAttribute("aria-label")).toMatch(/^layer 0 · tuned, head 1/);
    expect(v.find(".xw-legend").textContent).toContain("more in the first");
  });
  test("alone, and beside each other again", async () => {
    const v = await ready(show(invent(MODELS), chosen(1)));
    const beside = v.button("beside 0.1 · tuned");
    expect(beside.getAttribute("aria-pressed")).toBe("true");
    beside.click();
    await expect.poll(() => matrices(v).length).toBe(1);
    expect(v.question).toBe("Where does head 0.1 · base look?");
    v.button("beside 0.1 · tuned").click();
    await expect.poll(() => matrices(v).length).toBe(3);
    v.button("not that one").click();
    await expect.poll(() => matrices(v).length).toBe(1);
  });
  test("any two heads still with Shift", async () => {
    const v = await ready(show(invent(MODELS), chosen(1)));
    v.find("[aria-label^='layer 0 · base, head 3']").dispatchEvent(
      new MouseEvent("click", { bubbles: true, shiftKey: true }),
    );
    await expect.poll(() => v.question).toBe("Where does head 0.1 · base look, and where head 0.3 · base?");
  });
  test("by difference is an order where there is one", async () => {
    const options = (v: MountedAttention) =>
      v.all("select[aria-label='order of the heads'] option").map((o) => (o as HTMLOptionElement).value);
    expect(options(await ready(show(invent(MODELS))))).toEqual(["layer", "label", "difference"]);
    expect(options(await ready(show(invent())))).toEqual(["layer", "label"]);
    expect(options(await ready(show(invent(LONGER))))).toEqual(["layer", "label"]);
  });
  test("texts of other lengths: beside each other, no difference and why, each strip its own text", async () => {
    const v = await ready(show(invent(LONGER), { ...chosen(0), ...pinned(2) }));
    await expect.poll(() => matrices(v).length).toBe(2);
    expect(v.says("No difference is drawn: head 0.0 · The cat sat has 24 × 24 positions,")).toBe(true);
    expect(strips(v).length).toBe(2);
    const pins = () => strips(v).map((s) => s.querySelector("[data-pin]")?.textContent);
    await expect.poll(pins).toEqual([" sat", " sat"]);
    expect(strips(v)[1]?.innerText).toContain("The old dog sat");
    expect(asks(v.model, "line").map((a) => [a.map, a.index])).toEqual([
      [0, 2],
      [6, 3],
    ]);
    // A token of the second text pins what it is in the first.
    strips(v)[1]?.querySelector<HTMLElement>("[role=option]:nth-child(11)")?.click();
    await expect.poll(() => v.model.get("selection").pos).toEqual([2, 9]);
    expect(v.find(".xw-info").textContent).toMatch(/^24 and 25 tokens · 48 heads/);
  });
  test("texts of the same length: a difference, and how many places have another token", async () => {
    const other = ["The", " dog", ...words(24).slice(2)];
    const v = await ready(show(invent({ ...LONGER, other }), chosen(0)));
    await expect.poll(() => matrices(v).length).toBe(3);
    expect(v.says("The difference is taken place by place: 1 of 24 have another token.")).toBe(true);
    const models = await ready(show(invent(MODELS), chosen(0)));
    await expect.poll(() => matrices(models).length).toBe(3);
    expect(models.says("place by place")).toBe(false);
  });
  test("a head of the encoder with nothing above the diagonal hidden, one of the decoder with", async () => {
    const two = { tokens: words(6), decoder: [" die", " Katze", " saß"], layers: 1 };
    const v = await ready(show(invent(two), chosen(1)));
    const sizes = () =>
      matrices(v)[0]
        ?.getAttribute("aria-label")
        ?.replace(/^.*columns, /, "");
    await expect.poll(sizes).toBe("6 rows, 6 columns");
    expect(v.question).toBe("Where does head encoder 0.1 look?");
    expect(strips(v)[0]?.innerText).toContain("The cat sat");
    const canvas = matrices(v)[0] as HTMLElement;
    canvas.focus();
    for (const key of ["ArrowDown", "ArrowRight", "ArrowRight"])
      canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
    await expect.poll(() => v.line).toMatch(/^The \(0\) looks at sat \(2\)/);
    await userEvent.click(v.find("[aria-label^='cross layer 0, head 0']"));
    await expect.poll(sizes).toBe("3 rows, 6 columns");
    expect(v.find(".xw-info").textContent).toMatch(/^6 tokens in, 3 out · 12 heads/);
  });
});
