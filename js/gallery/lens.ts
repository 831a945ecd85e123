/** An invented model's lens: what each stream would say next, and a kernel that answers all that is asked about it. */
import type {
  ArrayHeader,
  CandidateRow,
  LensPacked,
  LensRequest,
  LensResult,
  LensSnapshot,
  Packed,
  TokenColumns,
} from "../src/protocol/generated.ts";
import type { FakeModel } from "./fake-model.ts";
import { packed } from "./fixtures.ts";

const TEXT = [
  "The", " capital", " of", " France", " is", " Paris", ",", " and", " the", " capital", " of", " Italy", " is",
  " Rome", ".", "\n", "The", " capital", " of", " Spain", " is",
]; // biome-ignore format: a sentence
const GUESSES = [
  " capital", " city", " of", " the", " France", " is", " Paris", ",", " and", " Rome", ".", "\n", " a", " Italy", " Madrid",
  " located", " known", " Lyon", "<script>alert(1)</script>", " עיר", "👩‍🚀", "  ", "\t", " Spain", " largest", " in", " first",
  " now", " not", "The", " Hauptstadtregion", " its", "", " Europe",
]; // biome-ignore format: a list of words
const FIRST_ID = 1000;

export const textOf = (id: number) => GUESSES[id - FIRST_ID] ?? "?";
export const idOf = (text: string) => FIRST_ID + Math.max(0, GUESSES.indexOf(text));

export function prompt(count: number): string[] {
  return Array.from({ length: count }, (_, i) => TEXT[i % TEXT.length] ?? "x");
}

export interface LensSpec {
  tokens?: string[];
  layers?: number;
  k?: number;
  /** How many positions, from the last, were read. */
  read?: number;
  fields?: Partial<LensSnapshot>;
  /** Another model beside it that swaps its first two tokens in all streams from this one on. */
  other?: number;
}

export interface InventedLens {
  packed: LensPacked;
  /** Ids by probability, most first, of a stream at a position. */
  ranking(stream: number, position: number): { id: number; prob: number }[];
  /** The same of the other model. */
  rankingOf(whose: "this" | "other", stream: number, position: number): { id: number; prob: number }[];
}

const noise = (...seed: number[]) => {
  let x = 0.5;
  for (const s of seed) x = (Math.sin(x * 91.7 + s * 12.9898) * 43758.5453) % 1;
  return Math.abs(x);
};

/** What the model itself would say: the next word of the text, or a capital. */
function answerAt(tokens: readonly string[], position: number): string {
  const next = tokens[position + 1];
  if (next !== undefined && GUESSES.includes(next)) return next;
  const before = tokens.slice(0, position + 1).join("");
  return /Spain is$/.test(before)
    ? " Madrid"
    : /Italy is$/.test(before)
      ? " Rome"
      : /France is$/.test(before)
        ? " Paris"
        : " the";
}

export function inventLens(spec: LensSpec = {}): InventedLens {
  const { tokens = prompt(16), layers = 12, k = 5 } = spec;
  const n = tokens.length;
  const streams = ["embedding", ...Array.from({ length: layers }, (_, i) => `layer ${i}`)];
  const rankings = new Map<string, { id: number; prob: number }[]>();
  function ranking(stream: number, position: number) {
    const key = `${stream} ${position}`;
    const old = rankings.get(key);
    if (old) return old;
    const depth = stream / layers;
    const answer = answerAt(tokens, position);
    const made = GUESSES.map((text, i) => {
      // Early streams repeat what they read, middle ones guess wildly, late ones know.
      const echo = text === tokens[position] ? 4 * (1 - depth) ** 2 : 0;
      const known = text === answer ? 9 * Math.max(0, depth - 0.35 - 0.2 * noise(position, 3)) : 0;
      const logit = echo + known + 2.4 * noise(position, i, Math.floor(stream / 3)) * (1 - depth * 0.5);
      return { id: FIRST_ID + i, prob: Math.exp(logit) };
    });
    const sum = made.reduce((all, { prob }) => all + prob, 0);
    const found = made.map(({ id, prob }) => ({ id, prob: prob / sum })).sort((a, b) => b.prob - a.prob);
    rankings.set(key, found);
    return found;
  }

  function rankingOf(whose: "this" | "other", stream: number, position: number) {
    const own = ranking(stream, position);
    const [one, two, ...rest] = own;
    if (whose === "this" || stream < (spec.other ?? Infinity) || !one || !two) return own;
    return [{ id: two.id, prob: one.prob }, { id: one.id, prob: two.prob }, ...rest];
  }

  const buffers: DataView[] = [];
  const put = (
    dtype: ArrayHeader["dtype"],
    array: Float32Array | Int32Array | Uint8Array,
    shape: number[],
  ): ArrayHeader => {
    buffers.push(new DataView(array.buffer));
    return { dtype, shape, buffer: buffers.length - 1 };
  };
  const of = packed({ tokens });
  const columns = of.snapshot?.tokens as TokenColumns;
  const moved = (header: ArrayHeader) => {
    buffers.push(of.buffers[header.buffer] as DataView);
    return { ...header, buffer: buffers.length - 1 };
  };
  const read = spec.read ?? n;
  const known = Uint8Array.from({ length: n }, (_, i) => Number(i >= n - read));
  function cells(whose: "this" | "other") {
    const top = new Int32Array(streams.length * n * k).fill(-1);
    const prob = new Float32Array(streams.length * n * k).fill(-1);
    for (let s = 0; s < streams.length; s++)
      for (let p = n - read; p < n; p++)
        for (let i = 0; i < k; i++) {
          const at = (s * n + p) * k + i;
          top[at] = rankingOf(whose, s, p)[i]?.id ?? -1;
          prob[at] = rankingOf(whose, s, p)[i]?.prob ?? 0;
        }
    return { top: put("int32", top, [streams.length, n, k]), prob: put("float32", prob, [streams.length, n, k]) };
  }
  function other(): LensSnapshot["other"] {
    const kl = new Float32Array(streams.length * n).fill(Number.NaN);
    const change = new Float32Array(streams.length * n).fill(Number.NaN);
    for (let s = 0; s < streams.length; s++)
      for (let p = n - read; p < n; p++) {
        const [ours, theirs] = [ranking(s, p), rankingOf("other", s, p)];
        const prob = (id: number | undefined) => ours.find((o) => o.id === id)?.prob ?? 1;
        kl[s * n + p] = theirs.reduce((sum, t) => sum + t.prob * Math.log(t.prob / prob(t.id)), 0);
        const first = ours[0];
        change[s * n + p] = (first?.prob ?? 0) - (theirs.find((t) => t.id === first?.id)?.prob ?? 0);
      }
    const size = [streams.length, n];
    return {
      name: "invented/tuned-12x4",
      ...cells("other"),
      kl: put("float32", kl, size),
      change: put("float32", change, size),
    };
  }
  const snapshot: LensSnapshot = {
    v: 1,
    revision: 0,
    kind: "lens",
    input: { kind: "text", text: tokens.join("") },
    text: tokens.join(""),
    tokens: {
      ...columns,
      id: moved(columns.id),
      start: moved(columns.start),
      end: moved(columns.end),
      unit: moved(columns.unit),
      turn: moved(columns.turn),
    },
    streams,
    k,
    ...cells("this"),
    known: put("uint8", known, [n]),
    vocabulary: put(
      "int32",
      Int32Array.from(GUESSES, (_, i) => FIRST_ID + i),
      [GUESSES.length],
    ),
    texts: GUESSES,
    lens: "logit",
    lenses: ["logit"],
    lens_words: "",
    notes: [],
    other: spec.other === undefined ? null : other(),
    prompt: "cat -> cat\nhello -> hello\n?",
    model: { name: "invented/tiny-12x4", fingerprint: "9f3c21aa77d0e1b2", device: "cpu", dtype: "float32" },
    candidates: [],
    seconds: 0.31,
    created: "2026-01-01T00:00:00Z",
    code: 'xw.LogitLens(lm, "The capital of France is")',
    ...spec.fields,
  };
  return { packed: { snapshot, buffers }, ranking, rankingOf };
}

/** The answer of an invented kernel: the fields of the result and its array. */
export function lensAnswer(
  { packed: { snapshot }, rankingOf }: InventedLens,
  ask: LensRequest,
): [Partial<LensResult>, Float32Array | null] {
  const s = snapshot as LensSnapshot;
  const [streams, n] = [s.streams.length, s.tokens.text.length];
  const index = ask.index ?? 0;
  const ranking = (stream: number, position: number) => rankingOf(ask.whose ?? "this", stream, position);
  const float = (shape: number[]): ArrayHeader => ({ dtype: "float32", shape, buffer: 0 });
  switch (ask.action) {
    case "follow": {
      const token = ask.token ?? idOf(ask.text ?? "");
      const places = s.streams.map((_, stream) => ranking(stream, index).findIndex(({ id }) => id === token));
      const probs = places.map((place, stream) => ranking(stream, index)[place]?.prob ?? 0);
      // As far down as in a real vocabulary.
      const ranks = places.map((place) => Math.round(place ** 2.6));
      return [{ array: float([2, streams]), token, text: textOf(token) }, Float32Array.from([...ranks, ...probs])];
    }
    case "cell": {
      const candidates: CandidateRow[] = ranking(ask.layer ?? 0, index)
        .slice(0, 10)
        .map(({ id, prob }) => ({ id, prob, text: textOf(id), logit: Math.log(prob) }));
      return [{ candidates }, null];
    }
    case "scope": {
      const rows = (stream: number): CandidateRow[] =>
        ranking(stream, index)
          .slice(0, 5)
          .map(({ id, prob }) => ({ id, prob, text: textOf(id), logit: Math.log(prob) }));
      const pieces = (ask.text ?? "").match(/\S+|\s+\S+/g) ?? [];
      const marks = pieces.map((piece) => piece.trim() === "?");
      const at = marks.includes(true) ? marks.lastIndexOf(true) : pieces.length - 1;
      const text = ` -> ${s.tokens.text[index]?.trim()}\n`;
      return [{ text, candidates: rows(ask.into ?? 0), before: rows(0), pieces, at }, null];
    }
    default: {
      const of = (stream: number, position: number) => {
        const own = ranking(stream, position);
        if (ask.measure === "entropy") return own.reduce((sum, { prob }) => sum - prob * Math.log(prob), 0);
        const last = ranking(streams - 1, position);
        if (ask.measure === "agreement") return Number(own[0]?.id === last[0]?.id);
        return last.reduce(
          (sum, { id, prob }) => sum + prob * Math.log(prob / (own.find((o) => o.id === id)?.prob ?? 1)),
          0,
        );
      };
      const out = Float32Array.from({ length: streams * n }, (_, i) => of(Math.floor(i / n), i % n));
      return [{ array: float([streams, n]) }, out];
    }
  }
}

export function replyLens(model: FakeModel, invented: InventedLens, ask: LensRequest): void {
  const { id, revision } = ask;
  if (model.get("status").state === "static") {
    model.say({ type: "no-kernel", id });
    return;
  }
  if (ask.action === "look") {
    const old = invented.packed.snapshot as LensSnapshot;
    const typed = (ask.input?.text ?? "").match(/\S+|\s+\S+/g) ?? ["?"];
    const next = inventLens({ tokens: ask.input ? typed : [...old.tokens.text] }).packed;
    const { lenses, lens_words } = old;
    const read = { lenses, lens_words, lens: ask.lens ?? old.lens, input: ask.input ?? old.input };
    const snapshot = next.snapshot && { ...next.snapshot, ...read, revision };
    model.set("explanation", lensTrait({ ...next, snapshot }));
    model.say({ type: "result", v: 1, id, revision });
    return;
  }
  const [fields, array] = lensAnswer(invented, ask);
  model.say({ type: "result", v: 1, id, revision, ...fields } as never, array ? [new DataView(array.buffer)] : []);
}

/** Let a fake host answer as this invented model would; `hold` keeps requests of these actions unanswered. */
export function serveLens(model: FakeModel, invented: InventedLens, hold: readonly string[] = []): void {
  model.answer = (message) => {
    if (message.type === "cancel" && message.id !== "probe") {
      queueMicrotask(() => model.say({ type: "cancelled", v: 1, id: message.id, revision: 0 }));
      return;
    }
    if (message.type !== "request") return;
    const ask = message as unknown as LensRequest;
    if (!hold.includes(ask.action)) queueMicrotask(() => replyLens(model, invented, ask));
  };
}

/** The trait under the type that all views share. */
export function lensTrait(lens: LensPacked): Packed {
  return lens as unknown as Packed;
}
