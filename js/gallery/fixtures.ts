/** Invented answers of every kind, for the gallery and the tests. No number here means anything. */
import type { ArrayHeader, CandidateRow, MethodInfo, Packed, ParamInfo, Snapshot } from "../src/protocol/generated.ts";

export interface TokenSpec {
  text: string;
  raw?: string;
  id?: number;
  kind?: string;
  role?: string;
  part?: string;
  turn?: number;
}

export interface AnswerSpec extends Partial<Omit<Snapshot, "tokens" | "scores" | "quality">> {
  tokens: (string | TokenSpec)[];
  /** One row, or one for each target. */
  scores?: number[] | number[][] | null;
  error?: number[];
  /** Unit index of each token. */
  units?: number[];
  quality?: Partial<Omit<Snapshot["quality"], "standard_error">>;
}

export function param(
  name: string,
  kind: ParamInfo["kind"],
  value: unknown,
  choices: string[] = [],
  doc = "",
): ParamInfo {
  return { name, kind, value, choices, doc };
}

export const METHODS: MethodInfo[] = [
  method(
    "leave_one_out",
    "leave-one-out",
    "perturbation",
    "How much the number drops when a token is hidden.",
    [param("mode", "choice", "mask", ["mask", "delete", "replace"], "how a token is hidden")],
    "11 passes, 110 tokens, about 0.4 s",
  ),
  method(
    "shapley_sampling",
    "Shapley sampling",
    "perturbation",
    "The average effect of a token over random coalitions, with its standard error.",
    [param("n_samples", "int", 32)],
    "321 passes, 3,210 tokens, about 12 s",
  ),
  method(
    "gradient_norm",
    "gradient norm",
    "gradient",
    "How steeply the number reacts to a token's embedding. Has no sign.",
    [param("norm", "choice", "l2", ["l1", "l2"])],
    "1 pass, 10 tokens, about 0.1 s",
  ),
  method(
    "integrated_gradients",
    "integrated gradients",
    "gradient",
    "Gradients added up along the path from a baseline.",
    [param("n_steps", "int", 32), param("baseline", "choice", "zero", ["zero", "pad", "mean"])],
    "32 passes, 320 tokens, about 1 s",
  ),
  {
    ...method("attention_weights", "attention weights", "attention", "Where the heads look.", [], ""),
    available: false,
    reason: "This model does not give its attention weights; load it with eager attention.",
  },
];

export function method(
  name: string,
  title: string,
  family: string,
  summary: string,
  params: ParamInfo[],
  cost: string,
): MethodInfo {
  return { name, title, family, summary, reference: "", params, available: true, reason: "", seconds: null, cost };
}

export const CANDIDATES: CandidateRow[] = [
  [" Paris", 0.62, 17.2],
  [" Rome", 0.11, 15.5],
  [" the", 0.06, 14.9],
  [" located", 0.03, 14.2],
  [" a", 0.02, 13.8],
  [" one", 0.011, 13.2],
  [" Lyon", 0.009, 13],
  [" in", 0.006, 12.6],
  ["\n", 0.004, 12.2],
  [" known", 0.0004, 9.9],
].map(([text, prob, logit], i) => ({
  id: 100 + i,
  text: text as string,
  prob: prob as number,
  logit: logit as number,
}));

/** The trait `explanation` of an invented answer. */
export function packed(spec: AnswerSpec): Packed {
  const buffers: DataView[] = [];
  const put = (dtype: ArrayHeader["dtype"], values: ArrayLike<number>, shape: number[]): ArrayHeader => {
    const array =
      dtype === "float32"
        ? Float32Array.from(values)
        : dtype === "int32"
          ? Int32Array.from(values)
          : Uint8Array.from(values);
    buffers.push(new DataView(array.buffer));
    return { dtype, shape, buffer: buffers.length - 1 };
  };
  const { tokens: given, scores, error, units, quality, ...rest } = spec;
  const tokens = given.map((t): TokenSpec => (typeof t === "string" ? { text: t } : t));
  const n = tokens.length;
  const unit = units ?? tokens.map((_, i) => i);
  const width = n ? Math.max(...unit) + 1 : 0;
  const labels: string[] = Array(width).fill("");
  for (const [i, u] of unit.entries()) labels[u] += tokens[i]?.text ?? "";
  const two = Array.isArray(scores?.[0]);
  const flat = scores ? (scores as number[][]).flat() : null;
  const shape = two ? [scores?.length ?? 0, width] : [1, width];
  const text = tokens.map((t) => t.text).join("");
  const snapshot: Snapshot = {
    v: 1,
    revision: 0,
    input: {
      kind: "text",
      text: tokens
        .filter((t) => t.part !== "generated")
        .map((t) => t.text)
        .join(""),
    },
    text,
    tokens: {
      text: tokens.map((t) => t.text),
      raw: tokens.map((t) => t.raw ?? t.text.replaceAll(" ", "Ġ").replaceAll("\n", "Ċ")),
      kind: tokens.map((t) => t.kind ?? "text"),
      role: tokens.map((t) => t.role ?? (t.kind === "special" ? "special" : "text")),
      part: tokens.map((t) => t.part ?? "prompt"),
      id: put(
        "int32",
        tokens.map((t, i) => t.id ?? hash(t.text, i)),
        [n],
      ),
      start: put(
        "int32",
        tokens.map(() => 0),
        [n],
      ),
      end: put(
        "int32",
        tokens.map(() => 0),
        [n],
      ),
      unit: put("int32", unit, [n]),
      turn: put(
        "int32",
        tokens.map((t) => t.turn ?? 0),
        [n],
      ),
    },
    unit_kind: "token",
    unit_labels: labels,
    axes: ["target", "pos"],
    scores: flat ? put("float32", flat, shape) : null,
    labels: {},
    rows: [{ text: " Paris", id: 100, contrast: "", value: -1.23, baseline_value: null }],
    quantity: "log_prob",
    each: true,
    unit: "log_prob",
    signed: true,
    baseline: null,
    quality: {
      exact: true,
      relative_gap: null,
      n_samples: null,
      ...quality,
      standard_error: error ? put("float32", error, [1, width]) : null,
    },
    method: METHODS[0] ?? null,
    model: { name: "SmolLM2-135M-Instruct", fingerprint: "9f3c21aa77d0e1b2", device: "cpu", dtype: "float32" },
    candidates: CANDIDATES,
    generated: [],
    target: null,
    contrast: null,
    n_prompt: tokens.filter((t) => t.part !== "generated").length,
    seconds: 0.41,
    seed: 0,
    created: "2026-01-01T00:00:00Z",
    code: 'a = xw.explain(lm, "The capital of France is")\na',
    ...rest,
  };
  if (scores && !two && spec.axes?.length === 1 && snapshot.scores) snapshot.scores.shape = [width];
  return { snapshot, buffers };
}

function hash(text: string, salt: number): number {
  let value = text === "" ? 7 + salt : 7;
  for (const c of text) value = (value * 31 + (c.codePointAt(0) ?? 0)) % 49_000;
  return value;
}

const FRANCE = ["The", " capital", " of", " France", ",", " not", " Italy", ",", " is"];
const FRANCE_SCORES = [0.04, 0.71, 0.12, 1, -0.05, -0.62, -0.38, 0.02, 0.2];
const BOS: TokenSpec = { text: "", raw: "<s>", kind: "special" };

export const plain = packed({ tokens: [BOS, ...FRANCE], scores: [0.01, ...FRANCE_SCORES] });

export const contrastive = packed({
  tokens: [BOS, ...FRANCE],
  scores: [0, ...FRANCE_SCORES.map((s) => s * 2.1)],
  rows: [{ text: " Paris", id: 100, contrast: " Rome", value: 2.31, baseline_value: 0.1 }],
  quantity: "logit_diff",
  unit: "logit",
  target: { kind: "token", id: 100 },
  contrast: { kind: "token", id: 101 },
  method: METHODS[3] ?? null,
  quality: { exact: false, relative_gap: 0.004 },
});

export const unsigned = packed({
  tokens: [BOS, ...FRANCE],
  scores: [0.3, ...FRANCE_SCORES.map(Math.abs)],
  signed: false,
  unit: "logit / embedding",
  method: METHODS[2] ?? null,
});

export const sampled = packed({
  tokens: FRANCE,
  scores: FRANCE_SCORES,
  error: FRANCE_SCORES.map((s) => 0.02 + Math.abs(s) * 0.1),
  method: METHODS[1] ?? null,
  quality: { exact: false, n_samples: 32 },
});

export const generated = packed({
  tokens: [...FRANCE, { text: " Paris", part: "generated" }, { text: ",", part: "generated" }],
  scores: [...FRANCE_SCORES, 0.3, -0.1],
  target: { kind: "generated", index: 2 },
  rows: [{ text: " a", id: 104, contrast: "", value: -0.52, baseline_value: null }],
  generated: [" Paris", ",", " a", " city", " of", " light", ".", "\n"].map((text, i) => ({
    id: 300 + i,
    text,
    prob: 0.5,
    logit: 12,
  })),
  input: { kind: "text", text: FRANCE.join("") },
});

export const span = packed({
  tokens: FRANCE,
  scores: [
    FRANCE_SCORES,
    FRANCE_SCORES.map((s, i) => s * (i % 3 ? 0.4 : -0.6)),
    FRANCE_SCORES.map((s, i) => (i === 1 ? 1.5 : s * 0.1)),
  ],
  rows: [" Paris", ",", " the"].map((text, i) => ({
    text,
    id: 100 + i,
    contrast: "",
    value: -1.23 - i,
    baseline_value: null,
  })),
  target: { kind: "text", text: " Paris, the" },
});

export const words = packed({
  tokens: ["Un", "believ", "able", " view", "s", " from", " the", " tower", "."],
  units: [0, 0, 0, 1, 1, 2, 3, 4, 5],
  unit_kind: "word",
  scores: [1.2, 0.4, -0.1, 0.05, 0.8, -0.3],
  rows: [{ text: " The", id: 102, contrast: "", value: -2.01, baseline_value: null }],
});

export const rtl = packed({
  tokens: [
    "عاص",
    "مة",
    " فرنسا",
    " هي",
    " مدينة",
    " Paris",
    " 🗼",
    { text: "", raw: "<0x9F>", kind: "byte" },
    { text: "", raw: "<0x97>", kind: "byte" },
    " الجميلة",
    ".",
  ],
  scores: [0.3, 0.7, 1, -0.2, -0.6, 0.9, 0.1, 0.2, -0.1, 0.3, 0.02],
});

export const marks = packed({
  tokens: [
    "def",
    " f",
    "(x",
    "):",
    "\n",
    "    ",
    "return",
    " x",
    " ",
    " ",
    "#",
    "\t",
    "<b>",
    "bold</b>",
    "\n\n",
    { text: "👩‍🚀", kind: "byte", raw: "<0xF0>" },
    { text: "", kind: "byte", raw: "ŁĢ" },
    "\u200b",
    "<script>alert(1)</script>",
    { text: "", raw: "<pad>", kind: "pad" },
  ],
  scores: [0.2, 0.5, -0.3, 0.1, 0.4, 0.6, 1, 0.1, -0.4, Number.NaN, 0.2, 0.3, -0.9, 0.4, 0.1, 0.8, 0.3, 0.2, -0.5, 0],
});

export const chat = packed({
  tokens: [
    { text: "<|im_start|>", kind: "special", turn: 0 },
    { text: "system", role: "special", turn: 0 },
    { text: "\n", role: "special", turn: 0 },
    ...["You", " answer", " briefly", "."].map((text) => ({ text, role: "system", turn: 0 })),
    { text: "<|im_end|>", kind: "special", turn: 0 },
    { text: "\n", role: "special", turn: 0 },
    { text: "<|im_start|>", kind: "special", turn: 1 },
    { text: "user", role: "special", turn: 1 },
    { text: "\n", role: "special", turn: 1 },
    ...["What", " is", " the", " capital", " of", " France", "?"].map((text) => ({ text, role: "user", turn: 1 })),
    { text: "<|im_end|>", kind: "special", turn: 1 },
    { text: "\n", role: "special", turn: 1 },
    { text: "<|im_start|>", kind: "special", turn: 2 },
    { text: "assistant", role: "special", turn: 2 },
    { text: "\n", role: "special", turn: 2 },
    ...["The", " capital"].map((text) => ({ text, role: "assistant", part: "generated", turn: 2 })),
  ],
  scores: [
    0.1, 0.1, 0, 0.2, 0.4, 0.6, 0.1, 0.05, 0, 0.1, 0.2, 0, 0.3, 0.1, 0.05, 0.9, 0.1, 1, 0.4, 0.1, 0, 0.1, 0.3, 0.1, 0.2,
    0.5,
  ],
  input: {
    kind: "chat",
    messages: [
      { role: "system", content: "You answer briefly." },
      { role: "user", content: "What is the capital of France?" },
    ],
  },
  generated: ["The", " capital", " of", " France", " is", " Paris", "."].map((text, i) => ({
    id: 400 + i,
    text,
    prob: 0.4 + i / 20,
    logit: 10,
  })),
  target: { kind: "generated", index: 2 },
});

/** Numbers a person brought: no model, no method. */
export const shown = packed({
  tokens: FRANCE,
  scores: Array.from({ length: 6 }, (_, layer) => FRANCE_SCORES.map((s, i) => s * Math.sin(layer + i))),
  axes: ["layer", "pos"],
  labels: { layer: ["0", "1", "2", "3", "4", "5"] },
  rows: [],
  candidates: [],
  method: null,
  model: null,
  quantity: "",
  unit: "",
  code: "",
  seconds: null,
  quality: { exact: null },
  input: { kind: "ids" },
});

export const heads = packed({
  tokens: FRANCE,
  scores: Array.from({ length: 4 }, () => FRANCE_SCORES),
  axes: ["layer", "head", "pos"],
  rows: [],
  candidates: [],
  method: null,
  model: null,
  quantity: "",
  unit: "",
  code: "",
  input: { kind: "ids" },
});

const LOREM =
  "It was a bright cold day in the city, and the clocks that nobody had wound for years were all showing different hours. A woman with a red umbrella crossed the square without looking at any of them; she knew the time, as everyone there did, by the bells of the old church. ";

/** A text of `count` tokens with scores that rise and fall. */
export function long(count: number, fields: Partial<AnswerSpec> = {}) {
  const pieces = LOREM.match(/ ?[\w']+|[^\w\s]|\s$/g) ?? [];
  const tokens = Array.from({ length: count }, (_, i) => pieces[i % pieces.length] ?? " x");
  return packed({ tokens, scores: tokens.map((_, i) => Math.sin(i * 0.7) * Math.cos(i * 0.013) ** 9), ...fields });
}

/** The same prompt with its last words changed, a version later. */
export const edited = packed({
  tokens: [BOS, "The", " capital", " of", " Spain", ",", " not", " Italy", ",", " is", " of", " course"],
  scores: [0.01, 0.1, 0.5, 0.2, 1.1, -0.02, -0.3, -0.4, 0.05, 0.15, 0.2, 0.3],
  revision: 1,
});
