/** An invented model's shares of a logit, and a kernel that answers all that is asked about them. */

import { decodeDirect } from "../src/protocol/decode-direct.ts";
import type {
  ArrayHeader,
  CandidateRow,
  DirectPacked,
  DirectRequest,
  DirectSnapshot,
  DirectVersion,
  HeadRow,
  NeuronRow,
  Packed,
  TargetSpec,
  TokenColumns,
} from "../src/protocol/generated.ts";
import type { FakeModel } from "./fake-model.ts";
import { packed } from "./fixtures.ts";

export const WORDS = [
  " Paris", " Rome", " a", " the", " located", " known", "<script>alert(1)</script>", " עיר", "👩‍🚀", "\n", " Lyon", " Madrid",
]; // biome-ignore format: a list of words
const FIRST_ID = 1000;
/** Of the other model's last norm. */
const SCALE = 1.02;
export const TEXT = ["The", " capital", " of", " France", " is"];

export const idOf = (text: string) => FIRST_ID + Math.max(0, WORDS.indexOf(text));

export interface DirectSpec {
  tokens?: string[];
  layers?: number;
  heads?: number;
  target?: string;
  other?: string | null;
  /** What stands in place of attention at some layers. */
  mixers?: readonly number[];
  /** Layers whose attention can't be split over heads. */
  whole?: readonly number[];
  /** Layers whose MLP can't be split over neurons. */
  closed?: readonly number[];
  /** Compared with another model, whose later layers say something else. */
  versus?: boolean;
  fields?: Partial<DirectSnapshot>;
}

const noise = (...seed: number[]) => {
  let x = 0.5;
  for (const s of seed) x = (Math.sin(x * 91.7 + s * 12.9898) * 43758.5453) % 1;
  return Math.abs(x);
};

/** Between -1 and 1, mostly near 0, more of it in late layers. */
const swing = (depth: number, ...seed: number[]) => (2 * noise(...seed) - 1) ** 3 * (0.25 + depth ** 3);

export function candidate(text: string): CandidateRow {
  const at = Math.max(0, WORDS.indexOf(text));
  return { id: FIRST_ID + at, text, prob: 0.42 * 0.55 ** at, logit: 14.2 - 0.6 * at };
}

export function inventDirect(spec: DirectSpec = {}): DirectPacked {
  const { tokens = TEXT, layers = 12, heads = 6, target = " Paris", other = null } = spec;
  const { mixers = [], whole = [], closed = [] } = spec;
  const seed = idOf(target) + (other ? 3 * idOf(other) : 0);
  const components = ["embedding"];
  const kinds = ["embedding"];
  const places = [-1];
  const values = [swing(0.2, seed, 1)];
  const shares = new Float32Array(layers * heads).fill(Number.NaN);
  const share = (layer: number, head: number) =>
    3 * swing(layer / layers, seed, layer, head, 7) + (head === 2 && layer === layers - 3 ? 1.6 : 0);
  for (let layer = 0; layer < layers; layer++) {
    const depth = layer / layers;
    const mixes = mixers.includes(layer);
    let sum = 0.4 * swing(depth, seed, layer, 5);
    for (let head = 0; head < heads && !mixes; head++) {
      sum += share(layer, head);
      if (!whole.includes(layer)) shares[layer * heads + head] = share(layer, head);
    }
    components.push(mixes ? `mixer ${layer}` : `attn ${layer}`, `mlp ${layer}`);
    kinds.push(mixes ? "mixer" : "attn", "mlp");
    places.push(layer, layer);
    values.push(sum, 4 * swing(depth, seed, layer, 11) + (layer === layers - 2 ? 3.1 : 0.1));
  }
  components.push("bias");
  kinds.push("bias");
  places.push(-1);
  values.push(0.12);
  const buffers: DataView[] = [];
  const put = (array: Float32Array, shape: number[]): ArrayHeader => {
    buffers.push(new DataView(array.buffer));
    return { dtype: "float32", shape, buffer: buffers.length - 1 };
  };
  const of = packed({ tokens });
  const columns = of.snapshot?.tokens as TokenColumns;
  const moved = (header: ArrayHeader) => {
    buffers.push(of.buffers[header.buffer] as DataView);
    return { ...header, buffer: buffers.length - 1 };
  };
  const single = Float32Array.from(values);
  const text = tokens.join("");
  const more = other === null ? "" : `, contrast=${JSON.stringify(other)}`;
  /** The first half of the layers is the same. */
  const inventVersion = (): DirectVersion => {
    const own = single.map((value, i) =>
      (places[i] ?? -1) * 2 < layers ? value / SCALE : value * (0.4 + 0.9 * noise(i, 17)),
    );
    const byHead = shares.map((value, i) =>
      i * 2 < layers * heads ? value / SCALE : value * (0.4 + 0.9 * noise(i, 19)),
    );
    const logit = own.reduce((sum, value) => sum + value, 0);
    const apart = single.map((value, i) => Math.fround(value - (own[i] ?? 0) * SCALE));
    // What was written alike is so to the bit, as the kernel reads both at one scale.
    for (const i of apart.keys()) if (places[i] !== undefined && (places[i] ?? -1) * 2 < layers) apart[i] = 0;
    const left = single.reduce((sum, value) => sum + value, 0) - logit - apart.reduce((sum, value) => sum + value, 0);
    const difference = {
      components: [...components, "norm scale"],
      kinds: [...kinds, "scale"],
      layers: [...places, -1],
      values: put(Float32Array.from([...apart, left]), [single.length + 1]),
      heads: put(
        shares.map((value, i) => (i * 2 < layers * heads ? 0 * value : value - (byHead[i] ?? 0) * SCALE)),
        [layers, heads],
      ),
    };
    return {
      name: "invented/tiny-tuned",
      values: put(own, [own.length]),
      heads: put(byHead, [layers, heads]),
      unsplit: [],
      logit,
      scale: SCALE,
      difference,
      softcap: null,
      gap: 1e-7,
      target: { ...candidate(target), prob: 0.21 },
      other: other === null ? null : candidate(other),
      model: { name: "invented/tiny-tuned", fingerprint: "77aa21c39f3c21aa", device: "cpu", dtype: "float32" },
    };
  };
  const snapshot: DirectSnapshot = {
    v: 1,
    revision: 0,
    kind: "direct",
    input: { kind: "text", text },
    text,
    tokens: {
      ...columns,
      id: moved(columns.id),
      start: moved(columns.start),
      end: moved(columns.end),
      unit: moved(columns.unit),
      turn: moved(columns.turn),
    },
    components,
    kinds,
    layers: places,
    values: put(single, [single.length]),
    heads: put(shares, [layers, heads]),
    gaps: whole.length
      ? [`Layer${whole.length > 1 ? "s" : ""} ${whole.join(", ")} can't be split over heads: two outputs are mixed.`]
      : [],
    unsplit: Array.from({ length: layers }, (_, layer) => ({
      layer,
      heads: whole.includes(layer) ? "two outputs are mixed" : "",
      neurons: closed.includes(layer) ? "it has experts" : "",
    })).filter(({ heads, neurons }) => heads || neurons),
    mlps: Array.from({ length: layers }, (_, layer) => layer).filter((layer) => !closed.includes(layer)),
    logit: single.reduce((sum, value) => sum + value, 0),
    softcap: null,
    gap: 1.2e-7,
    target: candidate(target),
    other: other === null ? null : candidate(other),
    name: spec.versus ? "invented/tiny-12x6" : "",
    versus: spec.versus ? inventVersion() : null,
    candidates: WORDS.slice(0, 10).map(candidate),
    model: { name: "invented/tiny-12x6", fingerprint: "9f3c21aa77d0e1b2", device: "cpu", dtype: "float32" },
    seconds: 0.12,
    created: "2026-01-01T00:00:00Z",
    code: `import xai_widgets as xw\n\nlm = xw.load()\nxw.DirectLogitAttribution(lm, ${JSON.stringify(text)}, target=${JSON.stringify(target)}${more})`,
    ...spec.fields,
  };
  return { snapshot, buffers };
}

export function inventNeurons(layer: number, count = 8): NeuronRow[] {
  return Array.from({ length: count }, (_, i) => {
    const activation = (noise(layer, i, 3) < 0.35 ? -1 : 1) * (0.2 + 4 * noise(layer, i, 4));
    const words = (from: number) =>
      Array.from({ length: 5 }, (_, n) => WORDS[(layer + from + 5 * i + n) % WORDS.length] ?? "");
    const share = ((i % 3 === 2 ? -1 : 1) * 0.9) / (i + 1);
    return { index: 37 * (i + 1) + layer, activation, share, top: words(0), bottom: words(6) };
  });
}

/** Where a head looks: near by, and at one token far off that much comes from. Its buffers come beside it. */
export function inventHead(
  tokens: number,
  layer: number,
  head: number,
  share: number,
): { row: HeadRow; buffers: DataView[] } {
  const buffers: DataView[] = [];
  const put = (array: Float32Array, shape: number[]): ArrayHeader => {
    buffers.push(new DataView(array.buffer));
    return { dtype: "float32", shape, buffer: buffers.length - 1 };
  };
  const pattern = new Float32Array(tokens * tokens);
  for (let row = 0; row < tokens; row++) {
    const ink = Array.from({ length: row + 1 }, (_, k) => Math.exp(4 * noise(layer, head, row, k)));
    const sum = ink.reduce((a, b) => a + b, 0);
    for (const [k, value] of ink.entries()) pattern[row * tokens + k] = value / sum;
  }
  const weights = pattern.slice((tokens - 1) * tokens);
  const raw = weights.map((w, k) => w * (2.4 * noise(layer, head, k, 5) - 0.4));
  const shares = raw.map((value) => (value * share) / raw.reduce((a, b) => a + b, 0));
  const row: HeadRow = {
    share,
    weights: put(weights, [tokens]),
    shares: put(shares, [tokens]),
    reason: "",
    pattern: put(pattern, [tokens, tokens]),
    longest: 256,
  };
  return { row, buffers };
}

const chosen = (spec: TargetSpec | null | undefined, before: string | null): string | null => {
  if (spec === undefined) return before;
  if (spec === null) return null;
  return spec.kind === "token" ? (WORDS[(spec.id ?? 0) - FIRST_ID] ?? " Paris") : (spec.text ?? " Paris");
};

export function replyDirect(model: FakeModel, spec: DirectSpec, ask: DirectRequest): void {
  const { id, revision } = ask;
  if (model.get("status").state === "static") {
    model.say({ type: "no-kernel", id });
    return;
  }
  if (ask.action === "neurons") {
    model.say({ type: "result", v: 1, id, revision, neurons: inventNeurons(ask.layer ?? 0) } as never);
    return;
  }
  const before = (model.get("explanation") as unknown as DirectPacked).snapshot;
  if (ask.action === "head") {
    const count = before?.tokens.text.length ?? 0;
    const { layer = 0, head = 0, version = 0 } = ask;
    const answer = decodeDirect(model.get("explanation") as unknown as DirectPacked);
    const of = version ? answer?.versus : answer;
    const share = of?.heads[layer * of.headShape[1] + head] ?? 0;
    const { row, buffers } = inventHead(count, layer + 31 * version, head, share);
    model.say({ type: "result", v: 1, id, revision, head: row } as never, buffers);
    return;
  }
  const next = inventDirect({
    ...spec,
    tokens: ask.input ? ((ask.input.text ?? "").match(/\S+|\s+\S+/g) ?? ["?"]) : (before?.tokens.text ?? TEXT),
    target: chosen(ask.target, before?.target.text ?? " Paris") ?? " Paris",
    other: chosen(ask.other, before?.other?.text ?? null),
  });
  const snapshot = next.snapshot && { ...next.snapshot, revision };
  model.set("explanation", directTrait({ ...next, snapshot }));
  model.say({ type: "result", v: 1, id, revision });
}

/** Let a fake host answer as this invented model would; `hold` keeps requests of these actions unanswered. */
export function serveDirect(model: FakeModel, spec: DirectSpec, hold: readonly string[] = []): void {
  model.answer = (message) => {
    if (message.type === "cancel" && message.id !== "probe") {
      queueMicrotask(() => model.say({ type: "cancelled", v: 1, id: message.id, revision: 0 }));
      return;
    }
    if (message.type !== "request") return;
    const ask = message as unknown as DirectRequest;
    if (!hold.includes(ask.action)) queueMicrotask(() => replyDirect(model, spec, ask));
  };
}

/** The trait under the type that all views share. */
export function directTrait(direct: DirectPacked): Packed {
  return direct as unknown as Packed;
}
