import { describe, expect, test } from "vitest";
import { inventDirect, inventHead } from "../../js/gallery/direct.ts";
import { DecodeError } from "../../js/src/protocol/arrays.ts";
import { VersionError } from "../../js/src/protocol/decode.ts";
import { decodeDirect, readHead } from "../../js/src/protocol/decode-direct.ts";
import { encodeDirect } from "../../js/src/protocol/encode.ts";
import type { DirectPacked, DirectSnapshot } from "../../js/src/protocol/generated.ts";
import * as picture from "../../js/src/state/direct-picture.ts";
import {
  announcement,
  attentionCode,
  componentText,
  headText,
  proofText,
  shareText,
} from "../../js/src/views/direct_logit_attribution/words.ts";
import { plain } from "../../js/src/views/shared/sentence.ts";
import { answerOf } from "./direct-fakes.ts";

const packed = inventDirect({ layers: 3, heads: 2, whole: [1] });
const s = packed.snapshot as DirectSnapshot;
const changed = (fields: Partial<DirectSnapshot>): DirectPacked => ({ ...packed, snapshot: { ...s, ...fields } });

/** The same parts with other values, of two layers with two heads. */
function withValues(values: number[], heads: number[], fields: Partial<DirectSnapshot> = {}): DirectPacked {
  const of = inventDirect({ layers: 2, heads: 2, ...(fields.other ? { other: " Rome" } : {}) });
  const snapshot = of.snapshot as DirectSnapshot;
  const buffers = [...of.buffers];
  buffers[snapshot.values.buffer] = new DataView(Float32Array.from(values).buffer);
  buffers[snapshot.heads.buffer] = new DataView(Float32Array.from(heads).buffer);
  return { snapshot: { ...snapshot, ...fields }, buffers };
}

/** embedding, attn 0, mlp 0, attn 1, mlp 1, bias */
const SIX = [0.5, 1, -2, 4, 0, 0.5];
const FOUR = [0.25, 0.75, 5, -1];

describe("the trait", () => {
  test("nothing before the first answer", () => {
    expect(decodeDirect({ snapshot: null, buffers: [] })).toBeNull();
    expect(decodeDirect(undefined)).toBeNull();
  });
  test("a value for each component, a row of heads for each layer, not a number where they can't be split", () => {
    const answer = answerOf(packed);
    expect(answer.values.length).toBe(8);
    expect(answer.headShape).toEqual([3, 2]);
    expect(Array.from(answer.heads, Number.isNaN)).toEqual([false, false, true, true, false, false]);
  });
  test.each<[string, Partial<DirectSnapshot>]>([
    ["a name without a value", { components: [...s.components, "more"] }],
    ["kinds of other parts", { kinds: s.kinds.slice(1) }],
    ["layers of other parts", { layers: s.layers.slice(1) }],
    ["no parts at all", { components: [], kinds: [], layers: [] }],
    ["values of another shape", { values: { ...s.values, shape: [2, 4] } }],
    ["heads without layers", { heads: { ...s.heads, shape: [6] } }],
    ["heads that are more than arrived", { heads: { ...s.heads, shape: [4, 2] } }],
    ["whole numbers instead of shares", { values: { ...s.values, dtype: "int32" } }],
    ["a token column that is short", { tokens: { ...s.tokens, kind: ["text"] } }],
  ])("%s is refused", (_, fields) => {
    expect(() => decodeDirect(changed(fields))).toThrow(DecodeError);
  });
  test("another version is said", () => {
    expect(() => decodeDirect(changed({ v: 2 }))).toThrow(VersionError);
  });
  test("a request says only what was chosen", () => {
    expect(encodeDirect({ action: "look", other: null }, { id: "a", revision: 2, view: "v" })).toEqual({
      type: "request",
      v: 1,
      id: "a",
      revision: 2,
      view: "v",
      action: "look",
      other: null,
    });
  });
});

describe("parts", () => {
  const answer = answerOf(withValues(SIX, FOUR));
  test("sums run from the embedding to the bias", () => {
    expect(picture.sumsOf(answer.values)).toEqual([0.5, 1.5, -0.5, 3.5, 3.5, 4]);
  });
  test("every part has a row of its own, and a row its part", () => {
    for (let row = 0; row < 10; row++) {
      const part = picture.partOfRow(answer, row);
      expect(part && picture.rowOfPart(answer, part)).toBe(row);
      expect(part && picture.partValue(answer, part)).toBe([...SIX, ...FOUR][row]);
    }
    for (const row of [null, -1, 10, 0.5]) expect(picture.partOfRow(answer, row)).toBeNull();
  });
  test("the strongest have the largest sizes; what is not a number is none of them", () => {
    expect(picture.strongest([1, -3, Number.NaN, 2, -1], 3)).toEqual([1, 3, 0]);
  });
  test("heads are drawn with the last layer on top, and are those of its attention", () => {
    expect([...picture.headGrid(answer)]).toEqual([5, -1, 0.25, 0.75]);
    expect(picture.attentionOf(answer, 1)).toBe(3);
    expect(picture.headsOf(answer, 0)).toEqual([1, 0]);
    const mixed = answerOf(inventDirect({ layers: 2, mixers: [1] }));
    expect(picture.attentionOf(mixed, 1)).toBeNull();
    expect(picture.headsOf(mixed, 1)).toEqual([]);
  });
});

describe("two models", () => {
  const packedTwo = inventDirect({ layers: 2, heads: 2, versus: true });
  test("this, other, and the first less the second with what the norm's scale makes", () => {
    const [own, other, apart] = (["this", "other", "difference"] as const).map((which) => answerOf(packedTwo, which));
    if (!own || !other || !apart) throw new Error("no answer");
    const { logit } = apart.snapshot;
    expect(logit).toBe(own.snapshot.logit - other.snapshot.logit);
    expect(apart.values.length).toBe(own.values.length + 1);
    expect(apart.values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(logit, 5);
    expect([...apart.values.subarray(0, 3)]).toEqual([0, 0, 0]);
    expect(apart.snapshot.components.at(-1)).toBe("norm scale");
    const [first, second] = apart.both ?? [];
    expect(first?.values).toEqual(own.values);
    // What is said of both is what the difference is of: the second at the first's scale.
    expect(second?.values[1]).toBe(own.values[1]);
    expect(other.values[1]).toBeCloseTo((own.values[1] ?? 0) / 1.02, 5);
    expect(answerOf(packed, "difference").which).toBe("this");
  });
  test("other numbers of heads: parts are compared, heads are not, and the reason is said", () => {
    const of = packedTwo.snapshot as DirectSnapshot;
    const versus = of.versus && { ...of.versus, heads: { ...of.versus.heads, shape: [4, 1] } };
    const buffers = [...packedTwo.buffers];
    buffers[of.versus?.difference.heads.buffer ?? 0] = new DataView(new Float32Array(4).fill(Number.NaN).buffer);
    const apart = answerOf({ snapshot: { ...of, versus }, buffers }, "difference");
    expect([...apart.heads].every(Number.isNaN)).toBe(true);
    expect([...apart.values].some(Number.isNaN)).toBe(false);
    expect(plain(headText(apart, 1, 0))).toBe(
      "head 1.0: the two models have other numbers of heads, so theirs have no counterparts.",
    );
  });
  test("values of another length are refused", () => {
    const of = packedTwo.snapshot as DirectSnapshot;
    const versus = of.versus && { ...of.versus, values: { ...of.versus.values, shape: [5] } };
    expect(() => decodeDirect({ ...packedTwo, snapshot: { ...of, versus } })).toThrow(DecodeError);
  });
});

describe("a head", () => {
  const { row, buffers } = inventHead(5, 1, 0, 2);
  test("weights and shares by position, and the map", () => {
    const found = readHead(row, 5, buffers);
    expect(found.weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    expect(found.shares?.reduce((a, b) => a + b, 0)).toBeCloseTo(2, 5);
    expect([...(found.pattern?.slice(20) ?? [])]).toEqual([...found.weights]);
  });
  test.each([
    ["fewer keys than positions", row, 6],
    ["shares of other keys", { ...row, shares: { ...row.weights, shape: [4] } }, 5],
    ["a map of other keys", { ...row, pattern: { ...row.weights, shape: [5, 1] } }, 5],
  ])("%s is refused", (_, given, positions) => {
    expect(() => readHead(given, positions, buffers)).toThrow(DecodeError);
  });
});

describe("what is said", () => {
  const four = answerOf(withValues(SIX, FOUR, { logit: 4, gap: 0 }));
  test("attention with its strongest heads, an MLP against the target", () => {
    expect(plain(componentText(four, picture.sumsOf(four.values), 3))).toBe(
      "attention of layer 1: +4.00, for Paris: 100 % of the logit; up to here 3.50. Strongest heads: 1.0 +5.00, 1.1 −1.00.",
    );
    expect(plain(componentText(four, picture.sumsOf(four.values), 2))).toBe(
      "MLP of layer 0: −2.00, against Paris: as much as 50 % of the logit, the other way; up to here −0.500.",
    );
    expect(plain(componentText(four, picture.sumsOf(four.values), 4))).toBe(
      "MLP of layer 1: 0, nothing either way; up to here 3.50.",
    );
  });
  test("a head beside the attention of its layer, and one that is not there", () => {
    expect(plain(headText(four, 1, 1))).toBe(
      "head 1.1: −1.00, against Paris: as much as 25 % of the logit, the other way; all attention of layer 1: +4.00.",
    );
    const gap = answerOf(inventDirect({ layers: 2, whole: [0] }));
    expect(plain(headText(gap, 0, 1))).toBe("head 0.1: layer 0 can't be split over heads: two outputs are mixed.");
  });
  test("a negative logit is made of what speaks against the target", () => {
    const answer = answerOf(withValues([-1, 0, -3, 0, 0, 0], FOUR, { logit: -4 }));
    expect(plain(componentText(answer, picture.sumsOf(answer.values), 2))).toContain(
      "−3.00, against Paris: 75 % of the logit;",
    );
  });
  test("a logit of about zero has no shares of it", () => {
    const answer = answerOf(withValues(SIX, FOUR, { logit: 1e-6 }));
    expect(shareText(answer, 4)).toBe("");
    expect(plain(componentText(answer, picture.sumsOf(answer.values), 3))).not.toContain("%");
    expect(shareText(answerOf(withValues(SIX, FOUR, { logit: 0 })), 4)).toBe("");
  });
  test("that the parts are all there is; a difference that rounding does not make; a soft cap", () => {
    const sums = picture.sumsOf(four.values);
    expect(proofText(four, sums)).toBe("The parts sum to 4.00; the logit is 4.00 (no difference in float32).");
    const off = answerOf(withValues(SIX, FOUR, { logit: 4.2, gap: 0.05 }));
    expect(proofText(off, sums)).toBe(
      "The parts sum to 4.00; the logit is 4.20 (a difference of 0.0500 of the largest logit). That is more than rounding explains: take these shares with care.",
    );
    const fine = answerOf(withValues(SIX, FOUR, { logit: 4, gap: 1e-7 }));
    expect(proofText(fine, sums)).toBe(
      "The parts sum to 4.00; the logit is 4.00 (a difference of 1.00e−7 of the largest logit).",
    );
    // 30 tanh(4 / 30) = 3.9766
    const capped = answerOf(withValues(SIX, FOUR, { logit: 4, gap: 0, softcap: 30 }));
    expect(proofText(capped, sums)).toMatch(/soft cap then makes 3\.98 of it \(30\.0 · tanh\(logit \/ 30\.0\)\)\.$/);
    const other = inventDirect({ other: " Rome" }).snapshot?.other ?? null;
    const two = answerOf(withValues(SIX, FOUR, { logit: 4, gap: 0, softcap: 30, other }));
    expect(proofText(two, sums)).toMatch(/Both logits are those before the model's soft cap at ±30\.0\.$/);
  });
  test("a new picture", () => {
    expect(announcement(four)).toBe(
      "Who wrote the logit of Paris? The logit is 4.00. Strongest: attention of layer 1 +4.00, MLP of layer 0 −2.00, attention of layer 0 +1.00.",
    );
  });
  test("code that opens a head's attention: quotes, line ends and emoji in Python's own writing", () => {
    const code = 'import xai_widgets as xw\n\nlm = xw.load()\nxw.DirectLogitAttribution(lm, "x")';
    const text = 'He said "no"\n\\ 👩‍🚀';
    const answer = answerOf(changed({ code, input: { kind: "text", text } }));
    expect(attentionCode(answer, 1, 0)).toBe(
      'import xai_widgets as xw\n\nlm = xw.load()\nxw.Attention(lm, "He said \\"no\\"\\n\\\\ 👩‍🚀").weights(layer=1, head=0)',
    );
    const chat = answerOf(changed({ code: "", input: { kind: "chat", messages: [{ role: "user", content: "Hi" }] } }));
    expect(attentionCode(chat, 0, 1)).toBe(
      'xw.Attention(lm, [{"role":"user","content":"Hi"}]).weights(layer=0, head=1)',
    );
    const ids = answerOf(changed({ code: "", input: { kind: "ids" } }));
    expect(attentionCode(ids, 0, 1)).toMatch(/^xw\.Attention\(lm, \[\d+(, \d+){4}\]\)/);
  });
});
