/** Two invented prompts that are patched: what each cell brings over, its estimate, and a kernel that answers about them. */
import type {
  AblationSpec,
  ArrayHeader,
  CandidateRow,
  NoiseSpec,
  Packed,
  PatchingAsked,
  PatchingPacked,
  PatchingRequest,
  PatchingSnapshot,
  TokenColumns,
} from "../src/protocol/generated.ts";
import type { FakeModel } from "./fake-model.ts";
import { packed } from "./fixtures.ts";

const CLEAN = ["Paul", " comes", " from", " France", ".", " The", " capital", " of", " his", " country", " is"];
export const ANSWERS = [
  " Paris", " Rome", " the", " called", " a", " located", " Lyon", " Milan", " not", " in", " now", " France", " Italy",
]; // biome-ignore format: a list of words
const FIRST_ID = 500;
const BASE = -3.1;
const SOURCE = 4.4;
const ROWS = { resid: "into layer", attn_out: "attention", mlp_out: "MLP", head: "layer" };

export const answerId = (text: string) => FIRST_ID + Math.max(0, ANSWERS.indexOf(text));

export function sentence(country: string): string[] {
  return CLEAN.map((word) => (word === " France" ? ` ${country}` : word));
}

export interface PatchingSpec {
  clean?: readonly string[];
  corrupted?: readonly string[];
  layers?: number;
  direction?: "denoise" | "noise";
  /** What is exchanged; of heads there are `heads`. Layers that `lack` have no such part. */
  part?: PatchingSnapshot["part"];
  heads?: number;
  lack?: readonly number[];
  /** Layers that were run; all unless told. */
  exact?: readonly number[];
  target?: string;
  other?: string | null;
  /** How far the estimate is off. */
  off?: number;
  /** What the clean prompt is held against; of noise the corrupted prompt is the clean one. */
  against?: PatchingSnapshot["against"];
  subject?: readonly number[];
  ablation?: AblationSpec;
  fields?: Partial<PatchingSnapshot>;
}

export interface InventedPatching {
  readonly spec: PatchingSpec;
  readonly packed: PatchingPacked;
  readonly pairs: readonly number[];
  /** Share of the difference that a cell brings over. */
  share(layer: number, column: number): number;
}

const noise = (...seed: number[]) => {
  let x = 0.5;
  for (const s of seed) x = (Math.sin(x * 91.7 + s * 12.9898) * 43758.5453) % 1;
  return Math.abs(x);
};

/** Counterparts as Python gives them for texts that differ in one run. */
function aligned(base: readonly string[], source: readonly string[]): number[] {
  if (base.length === source.length) return base.map((_, i) => i);
  let start = 0;
  while (start < base.length && base[start] === source[start]) start++;
  let end = 0;
  while (end < Math.min(base.length, source.length) - start && base.at(-1 - end) === source.at(-1 - end)) end++;
  return base.map((_, i) => (i < start ? i : i >= base.length - end ? i + source.length - base.length : -1));
}

/** Next tokens where `share` of the difference is brought over: at 0 what the corrupted prompt says, at 1 the clean one. */
export function says(share: number): CandidateRow[] {
  return all(share).slice(0, 10);
}

function all(share: number): CandidateRow[] {
  const logits = ANSWERS.map((text, i) => {
    const own = text === " Paris" ? 3 * share : text === " Rome" ? 3 * (1 - share) : 1.6 * noise(i, 5) - 0.3;
    return { id: FIRST_ID + i, text, prob: Math.exp(own), logit: 12 + own };
  });
  const sum = logits.reduce((so, { prob }) => so + prob, 0);
  return logits.map((row) => ({ ...row, prob: row.prob / sum })).sort((a, b) => b.prob - a.prob);
}

export function inventPatching(spec: PatchingSpec = {}): InventedPatching {
  const {
    against = "prompt",
    clean = sentence("France"),
    corrupted = against === "prompt" ? sentence("Italy") : clean,
    subject = [3],
    layers = 12,
    direction = "denoise",
    part = "resid",
    heads = 4,
  } = spec;
  const ablates = against === "ablation";
  const denoise = direction === "denoise" && !ablates;
  const [base, source] = denoise ? [corrupted, clean] : [clean, corrupted];
  const n = base.length;
  const pairs = aligned(base, source);
  const differs = base.findIndex((text, i) => pairs[i] !== -1 && text !== source[pairs[i] ?? -1]);
  const where = differs < 0 ? Math.min(subject.at(-1) ?? 3, n - 1) : differs;
  const width = part === "head" ? heads : n;
  const stream = (layer: number, position: number) => {
    const depth = layer / Math.max(1, layers - 1);
    const late = 1 / (1 + Math.exp(-(depth - 0.62) * 18));
    const rest = 0.12 * (noise(layer, position) - 0.6);
    if (position === where) return 1 - late + rest * depth;
    if (position === n - 1) return late + rest * (1 - depth);
    return position > where ? rest + 0.3 * Math.exp(-((depth - 0.55) ** 2) * 40) * noise(position, 9) : rest * 0.2;
  };
  /** What one layer's part writes: attention late to the end, MLPs early where the prompts differ, heads a few of them. */
  const written = (layer: number, column: number) => {
    const depth = layer / Math.max(1, layers - 1);
    const bump = (at: number, sharp: number) => Math.exp(-((depth - at) ** 2) * sharp) * noise(layer, column, 4);
    const rest = 0.04 * (noise(layer, column) - 0.5);
    if (part === "head") return noise(layer, column, 8) > 0.8 ? bump(0.65, 30) - 0.3 * bump(0.9, 200) + rest : rest;
    if (column === (part === "attn_out" ? n - 1 : where)) return bump(part === "attn_out" ? 0.62 : 0.15, 25) + rest;
    return rest;
  };
  const share = part === "resid" ? stream : written;
  const off = spec.off ?? 0.12;
  const estimated = (layer: number, position: number) =>
    share(layer, position) * (1 - off) + off * 2 * (noise(layer, position, 2) - 0.5);
  const [lowest, highest] = { prompt: [BASE, SOURCE], noise: [0.02, 0.45], ablation: [-6.4, -0.8] }[against] as [
    number,
    number,
  ];
  const [low, high] = denoise ? [lowest, highest] : [highest, lowest];
  // Without a part the number falls by as much as the part would bring over.
  const value = (of: number) => low + of * (high - low);
  const several = against === "noise" || spec.ablation?.kind === "resample";
  const noised: NoiseSpec | null =
    against === "noise"
      ? { subject: null, positions: [...subject], scale: 3, samples: 10, seed: 0, together: null }
      : null;
  const ablation: AblationSpec | null = ablates
    ? { texts: [], samples: 10, seed: 0, template: false, ...(spec.ablation ?? { kind: "mean" }) }
    : null;

  const buffers: DataView[] = [];
  const put = (dtype: ArrayHeader["dtype"], array: Float32Array | Int32Array | Uint8Array, shape: number[]) => {
    buffers.push(new DataView(array.buffer));
    return { dtype, shape, buffer: buffers.length - 1 };
  };
  const columns = (tokens: readonly string[]): TokenColumns => {
    const of = packed({ tokens: [...tokens] });
    const given = of.snapshot?.tokens as TokenColumns;
    const ids = Int32Array.from(tokens, (text) =>
      [...text].reduce((sum, c) => (sum * 31 + (c.codePointAt(0) ?? 0)) | 0, 7),
    );
    const moved = (header: ArrayHeader) => {
      buffers.push(of.buffers[header.buffer] as DataView);
      return { ...header, buffer: buffers.length - 1 };
    };
    return {
      ...given,
      id: put("int32", ids, [tokens.length]),
      start: moved(given.start),
      end: moved(given.end),
      unit: moved(given.unit),
      turn: moved(given.turn),
    };
  };
  const exact = Uint8Array.from({ length: layers }, (_, i) => Number(!spec.exact || spec.exact.includes(i)));
  const cells = (of: (layer: number, position: number) => number) =>
    Float32Array.from({ length: layers * width }, (_, i) => {
      const [layer, column] = [Math.floor(i / width), i % width];
      const alone = part !== "head" && pairs[column] === -1;
      return alone || spec.lack?.includes(layer) ? Number.NaN : value(of(layer, column));
    });
  const candidate = (text: string): CandidateRow =>
    all(1).find((c) => c.text === text) ?? { id: 7, text, prob: 0, logit: 0 };
  const [own, other] = denoise ? [0, 1] : [1, 0];
  const compared = spec.other === undefined ? (against === "prompt" ? " Rome" : null) : spec.other;
  const some = exact.some((row) => row === 1);
  const snapshot: PatchingSnapshot = {
    v: 1,
    revision: 0,
    kind: "patching",
    clean: { kind: "text", text: clean.join("") },
    against,
    corrupted: against === "prompt" ? { kind: "text", text: corrupted.join("") } : null,
    noise: noised,
    ablation,
    together: against === "noise" && (part === "attn_out" || part === "mlp_out") ? 10 : 1,
    direction,
    part,
    columns: part === "head" ? Array.from({ length: heads }, (_, i) => `head ${i}`) : [],
    base: columns(base),
    source: columns(source),
    pairs: put("int32", Int32Array.from(pairs), [n]),
    rows: Array.from({ length: layers }, (_, i) => `${ROWS[part]} ${i}`),
    values: put(
      "float32",
      cells((l, p) => (exact[l] ? share(l, p) : Number.NaN)),
      [layers, width],
    ),
    exact: put("uint8", exact, [layers]),
    estimate: put("float32", cells(estimated), [layers, width]),
    agreement: some ? 0.97 : null,
    error:
      several && exact.every((row) => row === 1)
        ? put(
            "float32",
            cells((l, p) => share(l, p)).map((v) => (Number.isNaN(v) ? v : 0.02 + 0.01 * Math.abs(v))),
            [layers, width],
          )
        : null,
    quantity: { prompt: "logit", noise: "prob", ablation: "log_prob" }[against] as PatchingSnapshot["quantity"],
    target: candidate(spec.target ?? " Paris"),
    target_ids: [candidate(spec.target ?? " Paris").id],
    other: compared === null ? null : candidate(compared),
    other_ids: compared === null ? [] : [candidate(compared).id],
    base_value: low,
    source_value: ablates ? null : high,
    base_candidates: says(own),
    source_candidates: ablates ? [] : says(other),
    model: { name: "invented/tiny-12x4", fingerprint: "9f3c21aa77d0e1b2", device: "cpu", dtype: "float32" },
    seconds: 4.1,
    created: "2026-01-01T00:00:00Z",
    code: `xw.Patching(lm, ${JSON.stringify(clean.join(""))}, ${JSON.stringify(corrupted.join(""))})`,
    ...spec.fields,
  };
  return { spec, packed: { snapshot, buffers }, pairs, share };
}

const words = (text: string | undefined) => text?.match(/\s*\S+/g) ?? [];

/** What a fake host answers to one request. */
export function replyPatching(model: FakeModel, invented: InventedPatching, ask: PatchingRequest): InventedPatching {
  const { id, revision } = ask;
  const old = invented.packed.snapshot as PatchingSnapshot;
  if (model.get("status").state === "static") {
    model.say({ type: "no-kernel", id });
    return invented;
  }
  if (ask.action === "cell") {
    const share = invented.share(ask.layer ?? 0, ask.index ?? 0);
    const denoise = old.direction === "denoise" && old.against !== "ablation";
    const [before, after] = [says(denoise ? 0 : 1), says(denoise ? share : 1 - share)];
    const value = old.base_value + share * ((old.source_value ?? -6.4) - old.base_value);
    model.say({ type: "result", v: 1, id, revision, before, after, value } as never);
    return invented;
  }
  const textOf = (spec: PatchingRequest["target"], usual: string) =>
    spec?.text ?? ANSWERS[(spec?.id ?? answerId(usual)) - FIRST_ID] ?? usual;
  const against = ask.against ?? old.against;
  const spec: PatchingSpec = {
    ...invented.spec,
    clean: words(ask.clean?.text ?? old.clean.text),
    corrupted:
      against === "prompt"
        ? words(ask.corrupted?.text ?? old.corrupted?.text)
        : words(ask.clean?.text ?? old.clean.text),
    against,
    subject: ask.noise?.positions ?? old.noise?.positions ?? [3],
    ...(ask.ablation ? { ablation: ask.ablation } : {}),
    direction: ask.direction ?? old.direction,
    part: ask.part ?? old.part,
    target: ask.target === undefined ? old.target.text : textOf(ask.target, " Paris"),
    other: ask.other === undefined ? (old.other?.text ?? null) : textOf(ask.other, " Rome"),
  };
  if (against !== old.against && ask.other === undefined) delete spec.other;
  const alike = against === "prompt" && spec.clean?.join("") === spec.corrupted?.join("");
  if (spec.target === spec.other || alike) {
    const name = JSON.stringify(spec.target);
    const error = {
      code: "target",
      problem: `Both prompts say ${name} next, so there is no difference to follow.`,
      given: `target ${name} and contrast ${name}`,
      accepted: "two different tokens",
      hint: "follow another target or contrast, or change a prompt until it says something else next",
    };
    model.say({ type: "error", v: 1, id, revision, error });
    return invented;
  }
  const next = inventPatching(spec);
  const snapshot = next.packed.snapshot && { ...next.packed.snapshot, revision };
  model.set("explanation", patchingTrait({ ...next.packed, snapshot }));
  model.say({ type: "result", v: 1, id, revision });
  return next;
}

/** Let a fake host answer as this invented model would; `hold` keeps requests of these actions unanswered. */
export function servePatching(model: FakeModel, invented: InventedPatching, hold: readonly string[] = []): void {
  let now = invented;
  model.answer = (message) => {
    if (message.type === "cancel" && message.id !== "probe") {
      queueMicrotask(() => model.say({ type: "cancelled", v: 1, id: message.id, revision: 0 }));
      return;
    }
    if (message.type !== "request") return;
    const ask = message as unknown as PatchingRequest;
    if (hold.includes(ask.action)) return;
    queueMicrotask(() => {
      now = replyPatching(model, now, ask);
    });
  };
}

/** What is on the screen before the first picture, and where there never is one. */
export function firstAsked(asked: Partial<PatchingAsked> = {}): Packed {
  const first: PatchingAsked = {
    against: "prompt",
    clean: { kind: "text", text: sentence("France").join("") },
    corrupted: { kind: "text", text: sentence("France").join("") },
    noise: null,
    ablation: null,
    direction: "denoise",
    part: "resid",
    ...asked,
  };
  return patchingTrait({ snapshot: null, buffers: [], asked: first });
}

/** The trait under the type that all views share. */
export function patchingTrait(patching: PatchingPacked): Packed {
  return patching as unknown as Packed;
}
