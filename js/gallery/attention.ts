/** An invented model's attention: heads with patterns one can name, and a kernel that answers tiles, lines and all else. */
import type {
  ArrayHeader,
  AttentionMap,
  AttentionPacked,
  AttentionRequest,
  AttentionResult,
  AttentionSnapshot,
  CandidateRow,
  Packed,
  PatternInfo,
  TokenColumns,
} from "../src/protocol/generated.ts";
import type { FakeModel } from "./fake-model.ts";
import { CANDIDATES, packed } from "./fixtures.ts";

export const PATTERNS: PatternInfo[] = [
  pattern("previous_token", "previous token", "how much a token looks at the one before it, on average", 0.5),
  pattern("induction", "induction", "how much a repeated token looks at what followed it before", 0.4),
  pattern("first_token", "first-token sink", "how much goes to the first token", 0.5),
  pattern("local", "local", "how much stays within four tokens", 0.6),
  pattern("broad", "broad", "entropy of a row over that of an even one", 0.7),
];

function pattern(name: string, title: string, doc: string, threshold: number): PatternInfo {
  return { name, title, doc: `${doc}.`, source: "Invented for the gallery.", threshold };
}

const KINDS = ["previous_token", "induction", "first_token", "local", "broad", "", "first_token"];
const TEXT =
  "The cat sat on the mat . The dog sat on the log , and the cat saw the dog on the log . The cat sat on the".split(
    " ",
  );

export function words(count: number): string[] {
  return Array.from({ length: count }, (_, i) => (i ? " " : "") + (TEXT[i % TEXT.length] ?? "x"));
}

export interface Spec {
  tokens?: string[];
  layers?: number;
  heads?: number;
  sinks?: boolean;
  causal?: boolean;
  /** A decoder of these tokens that looks at an encoder of `tokens`. */
  decoder?: string[];
  /** Names of two models that read `tokens`, or of two texts: then `other` are the second's. */
  versions?: [string, string];
  other?: string[];
  missing?: string[];
  fields?: Partial<AttentionSnapshot>;
}

/** An invented model: its trait, and weights by map, head, query and key. */
export interface Invented {
  packed: AttentionPacked;
  weight(map: number, head: number, query: number, key: number): number;
}

const noise = (...seed: number[]) => {
  let x = 0.5;
  for (const s of seed) x = (Math.sin(x * 91.7 + s * 12.9898) * 43758.5453) % 1;
  return Math.abs(x);
};

export function invent(spec: Spec = {}): Invented {
  const { tokens = words(24), layers = 6, heads = 4, sinks = false, causal = true, decoder, missing = [] } = spec;
  const { versions, other } = spec;
  const buffers: DataView[] = [];
  const put = (dtype: ArrayHeader["dtype"], array: Float32Array | Uint8Array, shape: number[]): ArrayHeader => {
    buffers.push(new DataView(array.buffer));
    return { dtype, shape, buffer: buffers.length - 1 };
  };
  const columns = (texts: string[]): TokenColumns => {
    const of = packed({ tokens: texts });
    const all = of.snapshot?.tokens;
    if (!all) throw new Error("no tokens");
    const moved = (header: ArrayHeader) => {
      buffers.push(of.buffers[header.buffer] as DataView);
      return { ...header, buffer: buffers.length - 1 };
    };
    return {
      ...all,
      id: moved(all.id),
      start: moved(all.start),
      end: moved(all.end),
      unit: moved(all.unit),
      turn: moved(all.turn),
    };
  };
  const n = tokens.length;
  const maps: AttentionMap[] = [];
  let total = 0;
  let version = 0;
  const map = (layer: number, stack: AttentionMap["stack"], query: number, key: number, looks: boolean) => {
    const how = "softmax of hooked queries and keys";
    maps.push({
      version,
      layer,
      nth: 0,
      stack,
      first_head: total,
      n_heads: heads,
      n_query: query,
      n_key: key,
      causal: looks,
      how,
    });
    total += heads;
  };
  const m = decoder?.length ?? n;
  for (; version < (versions ? 2 : 1); version++) {
    const [own, its] = version && other ? (decoder ? [n, other.length] : [other.length, 0]) : [n, m];
    for (let layer = 0; layer < layers; layer++) {
      if (!decoder) map(layer, causal ? "decoder" : "encoder", own, own, causal);
      else {
        map(layer, "encoder", own, own, false);
        map(layer, "decoder", its, its, true);
        map(layer, "cross", its, own, false);
      }
    }
  }
  const ids = (texts: string[]) => texts.map((t) => t.trim());
  const rows = new Map<string, Float32Array>();
  const each = maps.length / (versions ? 2 : 1);
  /** What a head does; in a second version some do something else. */
  const kindOf = (of: AttentionMap, head: number): string => {
    const first = maps[maps.indexOf(of) % each]?.first_head ?? 0;
    const place = first + head + of.layer + (of.version && head === 1 ? of.layer : 0);
    return KINDS[place % KINDS.length] ?? "";
  };

  function row(at: number, head: number, query: number): Float32Array {
    const key = `${at} ${head} ${query}`;
    const kept = rows.get(key);
    if (kept) return kept;
    const of = maps[at] as AttentionMap;
    const kind = kindOf(of, head);
    const out = new Float32Array(of.n_key + (sinks ? 1 : 0));
    const own = decoder && of.stack === "decoder" ? decoder : tokens;
    const texts = ids(of.version && other && (!decoder || of.stack === "decoder") ? other : own);
    const end = of.causal ? query + 1 : of.n_key;
    let sum = 0;
    for (let k = 0; k < end; k++) {
      let w = 0.02 + 0.05 * noise(of.layer, head, query, k) + (of.version && k === 2 ? 0.1 * (of.layer + 1) : 0);
      if (kind === "previous_token" && k === query - 1) w += 6;
      if (kind === "induction" && k > 0 && texts[k - 1] === texts[query] && k <= query) w += 5;
      if (kind === "first_token" && k === 0) w += 0.4 * end;
      if (kind === "local") w += Math.exp(-((query - k) ** 2) / 6);
      if (kind === "" && k % 7 === head) w += 0.6;
      out[k] = w;
      sum += w;
    }
    const rest = sinks ? 0.2 + 0.5 * noise(of.layer, head, query) : 0;
    for (let k = 0; k < end; k++) out[k] = ((out[k] ?? 0) / sum) * (1 - rest);
    if (sinks) out[of.n_key] = rest;
    if (rows.size > 20_000) rows.clear();
    rows.set(key, out);
    return out;
  }
  const weight = (at: number, head: number, query: number, key: number) => row(at, head, query)[key] ?? 0;

  const longest = Math.max(n, m, other?.length ?? 0);
  const cell = Math.max(1, Math.ceil(longest / 32));
  const cells = Math.ceil(longest / cell);
  const most = new Uint8Array(total * cells * cells);
  const scores = new Float32Array(total * PATTERNS.length);
  const labels: string[] = [];
  for (const [at, of] of maps.entries()) {
    for (let head = 0; head < heads; head++) {
      const index = of.first_head + head;
      // A long text is sampled: this is a drawing, not a measurement.
      const step = Math.max(1, Math.floor(of.n_query / 256));
      for (let q = 0; q < of.n_query; q += step) {
        const values = row(at, head, q);
        for (let k = 0; k < of.n_key; k++) {
          const to = index * cells * cells + Math.floor(q / cell) * cells + Math.floor(k / cell);
          most[to] = Math.max(most[to] ?? 0, Math.round(255 * Math.sqrt(values[k] ?? 0)));
        }
      }
      const kind = kindOf(of, head);
      labels.push(kind);
      for (const [p, one] of PATTERNS.entries())
        scores[index * PATTERNS.length + p] = one.name === kind ? 0.7 + 0.25 * noise(index, p) : 0.3 * noise(index, p);
    }
  }
  const shown = decoder ?? tokens;
  const snapshot: AttentionSnapshot = {
    v: 1,
    revision: 0,
    kind: "attention",
    input: { kind: "text", text: tokens.join("") },
    text: shown.join(""),
    versions: versions ?? ["invented/tiny-6x4"],
    queries: columns(shown),
    keys: decoder ? columns(tokens) : null,
    other: other ? columns(other) : null,
    maps,
    missing,
    cells,
    cell,
    most: put("uint8", most, [total, cells, cells]),
    mean: null,
    patterns: PATTERNS,
    pattern_scores: put("float32", scores, [total, PATTERNS.length]),
    labels,
    sinks,
    model: { name: "invented/tiny-6x4", fingerprint: "9f3c21aa77d0e1b2", device: "cpu", dtype: "float32" },
    candidates: CANDIDATES,
    seconds: 0.12,
    created: "2026-01-01T00:00:00Z",
    code: 'xw.Attention(lm, "The cat sat on the mat.")',
    ...spec.fields,
  };
  return { packed: { snapshot, buffers }, weight };
}

/** float16 bits of a number between 0 and 65,504, rounded to nearest. */
export function half(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size < 2 ** -24) return sign;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const steps = Math.round(size / 2 ** (exponent - 10));
  if (exponent === -14 && steps < 1024) return sign | steps;
  return sign | (((exponent + 15) << 10) + (steps - 1024));
}

/** The answer of an invented kernel: the fields of the result and its array. */
export function answerOf(
  { packed: { snapshot }, weight }: Invented,
  ask: AttentionRequest,
): [Partial<AttentionResult>, Float32Array | Uint8Array | Uint16Array | null] {
  const s = snapshot as AttentionSnapshot;
  const of = s.maps[ask.map ?? 0] as AttentionMap;
  const [map, head] = [ask.map ?? 0, ask.head ?? 0];
  const columns = of.n_key + (s.sinks && ask.measure === "weight" ? 1 : 0);
  const times = ask.measure === "norm" ? 3 : ask.measure === "value_zeroing" ? 0.5 : 1;
  const at = (q: number, k: number) => times * weight(map, head, q, k);
  const array = (dtype: ArrayHeader["dtype"], shape: number[]) => ({ dtype, shape, buffer: 0 });
  switch (ask.action) {
    case "tile": {
      const side = 2 ** (ask.level ?? 0);
      const [top, left] = [256 * side * (ask.row ?? 0), 256 * side * (ask.column ?? 0)];
      const height = Math.min(256, Math.ceil(of.n_query / side) - 256 * (ask.row ?? 0));
      const width = Math.min(256, Math.ceil(columns / side) - 256 * (ask.column ?? 0));
      const sum = new Float32Array(height * width);
      const count = new Float32Array(height * width);
      const mean = ask.pool === "mean";
      for (let q = top; q < Math.min(of.n_query, top + height * side); q++)
        for (let k = left; k < Math.min(columns, left + width * side); k++) {
          const to = Math.floor((q - top) / side) * width + Math.floor((k - left) / side);
          sum[to] = mean ? (sum[to] ?? 0) + at(q, k) : Math.max(sum[to] ?? 0, at(q, k));
          count[to] = (count[to] ?? 0) + 1;
        }
      const out = Uint16Array.from(sum, (v, i) => half(mean ? v / (count[i] || 1) : v));
      return [{ array: array("float16", [height, width]) }, out];
    }
    case "line": {
      const index = ask.index ?? 0;
      const length = ask.axis === "query" ? columns : of.n_query;
      const out = Float32Array.from({ length }, (_, i) => (ask.axis === "query" ? at(index, i) : at(i, index)));
      return [{ array: array("float32", [length]) }, out];
    }
    case "mean": {
      const most = s.most.shape.reduce((a, b) => a * b, 1);
      return [{ array: array("uint8", s.most.shape) }, Uint8Array.from({ length: most }, (_, i) => (i * 7) % 90)];
    }
    case "pair": {
      const size = 16;
      const out = Float32Array.from({ length: 2 * size }, (_, i) => 4 * (noise(map, head, i) - 0.4));
      return [{ array: array("float32", [2, size]), scale: 0.25 }, out];
    }
    case "off": {
      const after = CANDIDATES.map((c, i) => ({ ...c, prob: c.prob * (i ? 1.2 : 0.66) }));
      return [{ before: CANDIDATES, after: sorted(after), kl: 0.031 }, null];
    }
    case "effects": {
      const total = firstHeads(s);
      const out = Float32Array.from(
        { length: total },
        (_, i) => (noise(i) - 0.3) * (s.labels[i] === "induction" ? 1.2 : 0.2),
      );
      return [{ array: array("float32", [total]), agreement: { looks: 0.31, takes: 0.62 } }, out];
    }
    case "elsewhere": {
      const total = firstHeads(s);
      const out = Float32Array.from({ length: total }, (_, i) => 0.02 + 0.3 * noise(i, 7) ** 3);
      return [{ array: array("float32", [total]), prompts: 4 }, out];
    }
    default: {
      const index = ask.index ?? 0;
      const layers = new Set(s.maps.map((m) => m.layer)).size;
      const n = s.queries.text.length;
      const out = Float32Array.from({ length: (layers + 1) * n }, (_, i) => {
        const [layer, position] = [Math.floor(i / n), i % n];
        if (s.missing.length && layer === 2) return Number.NaN;
        if (position > index) return 0;
        return layer === layers ? Number(position === index) : noise(layer, position) / (1 + layers - layer);
      });
      return [{ array: array("float32", [layers + 1, n]) }, out];
    }
  }
}

function firstHeads({ maps }: AttentionSnapshot): number {
  return maps.reduce((sum, map) => sum + (map.version ? 0 : map.n_heads), 0);
}

function sorted(rows: CandidateRow[]): CandidateRow[] {
  return [...rows].sort((a, b) => b.prob - a.prob);
}

/** Let a fake host answer as this invented model would; `hold` keeps requests of these actions unanswered. */
export function serve(model: FakeModel, invented: Invented, hold: readonly string[] = []): void {
  model.answer = (message) => {
    if (message.type === "cancel" && message.id !== "probe") {
      queueMicrotask(() => model.say({ type: "cancelled", v: 1, id: message.id, revision: 0 }));
      return;
    }
    if (message.type !== "request") return;
    const ask = message as unknown as AttentionRequest;
    if (hold.includes(ask.action)) return;
    queueMicrotask(() => reply(model, invented, ask));
  };
}

export function reply(model: FakeModel, invented: Invented, ask: AttentionRequest): void {
  const { id, revision } = ask;
  if (model.get("status").state === "static") {
    model.say({ type: "no-kernel", id });
    return;
  }
  if (ask.action === "attend") {
    const next = invent({ tokens: (ask.input?.text ?? "").match(/\S+|\s+\S+/g) ?? ["?"] }).packed;
    model.set(
      "explanation",
      trait({
        ...next,
        snapshot: next.snapshot && { ...next.snapshot, revision, input: ask.input ?? { kind: "text" } },
      }),
    );
    model.say({ type: "result", v: 1, id, revision });
    return;
  }
  const [fields, array] = answerOf(invented, ask);
  const buffers = array ? [new DataView(array.buffer)] : [];
  model.say({ type: "result", v: 1, id, revision, ...fields } as never, buffers);
}

/** The trait under the type that all views share. */
export function trait(packed: AttentionPacked): Packed {
  return packed as unknown as Packed;
}
