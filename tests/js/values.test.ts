import { describe, expect, test } from "vitest";
import {
  contrastive,
  edited,
  heads,
  long,
  METHODS,
  packed,
  param,
  plain,
  sampled,
  shown,
  span,
  words as wordUnits,
} from "../../js/gallery/fixtures.ts";
import { scaleOf, side, strength } from "../../js/src/kit/shared/colour-scale.ts";
import { type Answer, decodePacked } from "../../js/src/protocol/decode.ts";
import type { MethodInfo } from "../../js/src/protocol/generated.ts";
import { align } from "../../js/src/state/diff.ts";
import { canRedo, canUndo, current, EMPTY, push, replace, step } from "../../js/src/state/history.ts";
import { changesOf, errorsOf, rowsOf, rowValue, shownRow, units, valuesOf } from "../../js/src/state/picture.ts";
import { entries, withClause } from "../../js/src/state/selection.ts";
import * as words from "../../js/src/state/words.ts";

const read = (p: Parameters<typeof decodePacked>[0]): Answer => {
  const answer = decodePacked(p);
  if (!answer) throw new Error("empty");
  return answer;
};

describe("the colour scale", () => {
  test("is symmetric about zero when signed", () => {
    const scale = scaleOf([0.5, -2, 1], true);
    expect([strength(2, scale), strength(-2, scale), strength(-1, scale), strength(0, scale)]).toEqual([1, 1, 0.5, 0]);
    expect([side(1, scale), side(-1, scale), side(0, scale)]).toEqual(["for", "against", "none"]);
  });
  test("has one side when unsigned", () => {
    expect(side(-1, scaleOf([1], false))).toBe("for");
  });
  test("marks what is not a number and does not let it set the scale", () => {
    const scale = scaleOf([Number.NaN, Number.POSITIVE_INFINITY, 4], true);
    expect(scale.top).toBe(4);
    expect(side(Number.NaN, scale)).toBe("nan");
    expect(strength(Number.NaN, scale)).toBe(0);
    expect(strength(Number.POSITIVE_INFINITY, scale)).toBe(1);
  });
  test("is set by exact values once there are any", () => {
    expect(scaleOf([1, 100], true, [1, 0]).top).toBe(1);
    expect(scaleOf([1, 100], true, [0, 0]).top).toBe(100);
  });
  test("has no ink when everything is zero", () => {
    expect(strength(0, scaleOf([0, 0], true))).toBe(0);
  });
});

describe("the edit script", () => {
  test.each<[number[], number[], number[]]>([
    [
      [1, 2, 3],
      [1, 2, 3],
      [0, 1, 2],
    ],
    [
      [1, 2, 3],
      [1, 9, 3],
      [0, -1, 2],
    ],
    [
      [1, 2, 3],
      [1, 3],
      [0, 2],
    ],
    [[], [5], [-1]],
    [
      [1, 2, 3, 4, 5],
      [1, 4, 2, 3, 5],
      [0, -1, 1, 2, 4],
    ],
    [
      [7, 7, 7],
      [7, 7],
      [0, 1],
    ],
  ])("from %j to %j", (before, after, map) => {
    expect([...align(before, after)]).toEqual(map);
  });
  test("stays bounded on long texts that share nothing", () => {
    const a = Array.from({ length: 9000 }, (_, i) => i);
    const b = Array.from({ length: 9000 }, (_, i) => i + 10_000);
    b[4500] = 4500;
    expect(align(a, b)[4500]).toBe(4500);
  });
});

describe("versions", () => {
  const [a, b, c] = [read(plain), read(edited), read(span)];
  test("undo and redo walk, a new version drops what was undone", () => {
    let h = push(push(EMPTY, a), b);
    expect([canUndo(h), canRedo(h)]).toEqual([true, false]);
    h = step(h, -1);
    expect(current(h)).toBe(a);
    expect(canRedo(h)).toBe(true);
    h = push(h, c);
    expect(h.entries).toEqual([a, c]);
    expect(step(h, 1)).toBe(h);
  });
  test("the same version computed again takes its place", () => {
    expect(replace(push(EMPTY, a), b).entries).toEqual([b]);
  });
  test("old ones go when there are too many or too large", () => {
    let h = EMPTY;
    for (let i = 0; i < 100; i++) h = push(h, a);
    expect(h.entries.length).toBe(40);
    const large = { ...a, scores: new Float32Array(10_000_000) };
    h = push(push(push(EMPTY, large), large), b);
    expect(h.entries).toEqual([large, b]);
  });
});

describe("the picture", () => {
  test("groups tokens into units, and keeps bytes and specials as pieces", () => {
    const u = units(read(wordUnits));
    expect(u.map((x) => x.label)).toEqual(["Unbelievable", " views", " from", " the", " tower", "."]);
    expect(u[0]?.pieces.length).toBe(3);
  });
  test("repeated tokens stay apart", () => {
    const u = units(read(packed({ tokens: ["a", "a", "a"], scores: [1, 2, 3] })));
    expect(u.map((x) => x.entry)).toEqual([0, 1, 2]);
  });
  test("rows: one target needs no choice, several offer the sum, layers do not", () => {
    expect(rowsOf(read(plain))).toBeNull();
    expect(rowsOf(read(span))).toEqual({ axis: "target", labels: [" Paris", ",", " the"], sum: true });
    expect(rowsOf(read(shown))).toMatchObject({ axis: "layer", sum: false });
    expect(rowsOf(read(heads))).toBe("cannot");
  });
  test("the row that is shown exists", () => {
    const rows = { axis: "layer", labels: ["0", "1"], sum: false };
    expect([shownRow(rows, null), shownRow(rows, 1), shownRow(rows, 9), shownRow(null, 3)]).toEqual([0, 1, 0, null]);
    expect(shownRow({ ...rows, sum: true }, null)).toBeNull();
  });
  test("the sum over rows is exact, and not a number where a part is not", () => {
    const answer = read(
      packed({
        tokens: ["a", "b"],
        scores: [
          [1, Number.NaN],
          [0.5, 2],
        ],
      }),
    );
    expect([...(valuesOf(answer, answer.scores, null, null) ?? [])]).toEqual([1.5, Number.NaN]);
    expect([...(valuesOf(answer, answer.scores, 1, null) ?? [])]).toEqual([0.5, 2]);
  });
  test("rows that were not pushed are those that were fetched", () => {
    const answer = read(packed({ tokens: ["a", "b"], scores: [1, 2], axes: ["pos"], rows: span.snapshot?.rows ?? [] }));
    expect(rowsOf(answer)).toMatchObject({ axis: "target", sum: true });
    expect(valuesOf(answer, answer.scores, 2, new Map())).toBeNull();
    const row = Float32Array.from([7, 8]);
    expect(valuesOf(answer, answer.scores, 2, new Map([[2, row]]))).toBe(row);
    expect([...(valuesOf(answer, answer.scores, null, new Map()) ?? [])]).toEqual([1, 2]);
  });
  test("standard errors of a sum add up in squares", () => {
    const answer = { ...read(packed({ tokens: ["a"], scores: [[1], [1]] })), standardError: Float32Array.from([3, 4]) };
    expect(errorsOf(answer, null)?.[0]).toBe(5);
    expect(errorsOf(answer, 1)?.[0]).toBe(4);
  });
  test("the number of a sum is known only if all parts are", () => {
    expect(rowValue(read(span), null)).toBeCloseTo(-6.69);
    const rows = (span.snapshot?.rows ?? []).map((r, i) => (i ? r : { ...r, value: null }));
    expect(rowValue(read(packed({ tokens: ["a"], scores: [[1], [2], [3]], rows })), null)).toBeNull();
  });
});

describe("changes against the version before", () => {
  test("mark new tokens and carry old values along the edit", () => {
    const [before, now] = [read(plain), read(edited)];
    const changes = changesOf(before, now, null);
    expect([...(changes?.fresh ?? [])]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1]);
    expect(changes?.old[2]).toBeCloseTo(0.71);
    expect(changes?.old[4]).toBeNaN();
  });
  test("are not drawn between numbers of different kinds", () => {
    expect(changesOf(read(plain), read(contrastive), null)).toBeNull();
    const other = { ...read(edited), snapshot: { ...read(edited).snapshot, quantity: "logit" } };
    expect(changesOf(read(plain), other, null)).toBeNull();
    expect(changesOf(null, read(plain), null)).toBeNull();
  });
});

describe("words", () => {
  test.each([
    [2.306, true, "+2.31"],
    [-1.2345, false, "−1.23"],
    [0, false, "0"],
    [0.00012, false, "1.20e−4"],
    [123_456, false, "1.23e5"],
    [0.0456, false, "0.0456"],
    [1234, false, "1234"],
    [Number.NaN, false, "–"],
    [-0.5, true, "−0.500"],
  ])("%f is written %s", (value, signed, text) => {
    expect(words.number(value, signed)).toBe(text);
  });
  test("exact numbers are the shortest that name the same float32", () => {
    expect([0.71, -1e-7, 1 / 3, 16_777_216, Number.NaN].map((v) => words.exactNumber(Math.fround(v)))).toEqual([
      "0.71",
      "−1e−7",
      "0.33333334",
      "16777216",
      "not a number",
    ]);
  });
  test("a number that is not known is not zero", () => {
    expect(words.number(null)).toBe("–");
  });
  test("the question is a sentence", () => {
    const text = (p: typeof plain, row: number | null = null) => {
      const answer = read(p);
      const q = words.question(answer, row, rowValue(answer, row));
      return q && [q.parts.map((x) => x.text).join(""), [q.before, q.name, q.after].filter(Boolean).join(" ")];
    };
    expect(text(plain)).toEqual(["Why  Paris?", "log-probability −1.23"]);
    expect(text(contrastive)).toEqual(["Why  Paris rather than  Rome?", "logit difference +2.31"]);
    expect(text(span)).toEqual(["Why  Paris, the?", "sum of log-probability −6.69"]);
    expect(text(span, 1)).toEqual(["Why ,?", "log-probability −2.23"]);
    expect(text(shown)).toBeNull();
    const brought = { tokens: ["a"], method: null, quantity: "", scores: [[1], [2]] };
    const row = (value: number | null) => ({ text: "loss", id: -1, contrast: "", value, baseline_value: null });
    expect(text(packed({ ...brought, rows: [row(null), row(null)] }))).toBeNull();
    expect(text(packed({ ...brought, rows: [row(2), row(3)] }), 1)).toEqual(["Why loss?", "+3.00"]);
    const entropy = packed({
      tokens: ["a"],
      scores: [1],
      quantity: "entropy",
      rows: [{ text: " Paris", id: 1, contrast: "", value: 2.5, baseline_value: null }],
    });
    expect(text(entropy)).toEqual(["What makes the next token uncertain?", "entropy 2.50 nats"]);
  });
  test("a method is named with what says something about it; all of it on demand", () => {
    const params = [
      param("n_steps", "int", 32),
      param("rule", "choice", "gauss", ["gauss", "left"]),
      param("smooth", "int", 0),
      param("noise", "float", 0.1),
      param("replacement", "text", ""),
      param("antithetic", "bool", false),
    ];
    const method = { ...(METHODS[0] as MethodInfo), title: "Paths", params };
    expect(words.methodText(method)).toBe("Paths, 32 steps");
    expect(words.methodText(method, true)).toBe("Paths, 32 steps, rule gauss, smooth 0, noise 0.1");
    const changed: Record<string, unknown> = { rule: "left", smooth: 8, antithetic: true };
    const other = { ...method, params: params.map((p) => ({ ...p, value: changed[p.name] ?? p.value })) };
    expect(words.methodText(other)).toBe("Paths, 32 steps, rule left, smooth 8, noise 0.1, antithetic");
  });
  test.each([
    ["HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct"],
    ["/models/tiny/", "tiny"],
    ["C:\\models\\tiny", "tiny"],
    ["tiny llama", "tiny llama"],
    ["", ""],
  ])("the name of %s is short", (name, short) => {
    expect(words.shortName(name)).toBe(short);
  });
  test("exactness says what is known, and that it is not known", () => {
    const quality = (fields: object) => words.exactness(read(packed({ tokens: ["a"], scores: [1], quality: fields })));
    expect(quality({ exact: true })).toBe("exact");
    expect(quality({ exact: false, relative_gap: 0.0042 })).toBe("gap 0.42 %");
    expect(quality({ exact: false })).toBe("estimate");
    expect(quality({ exact: null })).toBe("exactness not known");
    expect(words.exactness(read(packed({ tokens: ["a"], scores: null })))).toBe("");
    expect(words.exactness(read(sampled))).toBe("± standard error, 32 draws");
    expect(words.exactness(read(shown))).toBe("");
    expect(words.exactness({ ...read(plain), known: Uint8Array.from([1, 1, 0]), estimate: true })).toBe(
      "2 of 10 exact",
    );
    const none = { ...read(plain), known: new Uint8Array(3), estimate: true };
    expect(words.exactness(none)).toBe("estimate");
    expect(words.exactness(none, false)).toBe("0 of 10 exact");
  });
});

describe("selections", () => {
  test("hovering of one source leaves pins and other hovering alone", () => {
    const pin = { source: "a", kind: "pin", axis: "pos", entries: [3, 1] } as const;
    let all = withClause([], pin);
    all = withClause(all, { source: "a", kind: "hover", axis: "pos", entries: [5] });
    all = withClause(all, { source: "b", kind: "hover", axis: "pos", entries: [6] });
    expect(entries(all, "pin", "pos")).toEqual([1, 3]);
    expect(entries(all, "hover", "pos")).toEqual([5, 6]);
    all = withClause(all, { source: "a", kind: "hover", axis: "pos", entries: [] });
    expect(entries(all, "hover", "pos")).toEqual([6]);
    all = withClause(all, { source: "b", kind: "pin", axis: "pos", entries: [] });
    expect(entries(all, "pin", "pos")).toEqual([]);
  });
});

test("a long text decodes whole", () => {
  expect(units(read(long(10_000))).length).toBe(10_000);
});
