/** An invented text whose activations are changed: each change moves a little from its first answer to its second. */
import type {
  ArrayHeader,
  CandidateRow,
  InterventionSpec,
  Packed,
  SteerPacked,
  SteerRequest,
  SteerSnapshot,
  TokenColumns,
  WrittenToken,
} from "../src/protocol/generated.ts";
import type { FakeModel } from "./fake-model.ts";
import { packed } from "./fixtures.ts";

export const PROMPT = ["The", " capital", " of", " France", " is"];
const ANSWERS = [" Paris", " Rome", " the", " London", " called"];
const FIRST_ID = 500;
const LAYERS = 6;
const WRITES = [" Paris", ".", "\n", "It", " is", " a", " city"];
const WRITES_AFTER = [" Rome", ".", "\n", "It", " is", " old"];

export interface SteerSpec {
  tokens?: readonly string[];
  interventions?: readonly InterventionSpec[];
  fields?: Partial<SteerSnapshot>;
}

/** How far the answer has moved: what is scaled away from 1, pushed or swapped, by as much. */
function moved(interventions: readonly InterventionSpec[]): number {
  const each = interventions
    .filter(({ on }) => on !== false)
    .map(({ how, value }) => {
      if (how === "swap") return 1;
      const size = typeof value === "number" ? value : 1;
      return how === "scale" ? Math.abs(1 - size) : Math.abs(size) / 10;
    });
  return Math.min(1, each.reduce((sum, x) => sum + x, 0) / 2);
}

function says(share: number): CandidateRow[] {
  const probs = [0.8 - 0.75 * share, 0.02 + 0.75 * share, 0.1, 0.05, 0.03];
  return ANSWERS.map((text, i) => ({ id: FIRST_ID + i, text, prob: probs[i] ?? 0, logit: 10 + (probs[i] ?? 0) })).sort(
    (a, b) => b.prob - a.prob,
  );
}

export function inventSteer(spec: SteerSpec = {}): SteerPacked {
  const { tokens = PROMPT, interventions = [] } = spec;
  const n = tokens.length;
  const buffers: DataView[] = [];
  const put = (array: Float32Array, shape: number[]): ArrayHeader => {
    buffers.push(new DataView(array.buffer));
    return { dtype: "float32", shape, buffer: buffers.length - 1 };
  };
  const of = packed({ tokens: [...tokens] });
  const given = of.snapshot?.tokens as TokenColumns;
  const own = (header: ArrayHeader) => {
    buffers.push(of.buffers[header.buffer] as DataView);
    return { ...header, buffer: buffers.length - 1 };
  };
  const columns: TokenColumns = {
    ...given,
    id: own(given.id),
    start: own(given.start),
    end: own(given.end),
    unit: own(given.unit),
    turn: own(given.turn),
  };
  const share = moved(interventions);
  const isOn = interventions.some(({ on }) => on !== false);
  const snapshot: SteerSnapshot = {
    v: 1,
    revision: 0,
    kind: "steer",
    input: { kind: "text", text: tokens.join("") },
    tokens: columns,
    interventions: [...interventions],
    rows: interventions.map(({ what, at, start = 0, direction }) => ({
      at: at ? at.map((p) => (p < 0 ? p + n : p)) : Array.from({ length: n - start }, (_, i) => start + i),
      now: put(
        Float32Array.from({ length: n }, (_, i) => (what === "neuron" ? 0.5 - 0.2 * i : 8 + i)),
        [n],
      ),
      width: what === "neuron" ? 1 : 16,
      length: direction ? 2 : null,
    })),
    sites: {
      n_layers: LAYERS,
      heads: [4, 4, 4, 4, 0, 4],
      neurons: Array<number>(LAYERS).fill(64),
      lacks: { head: ["", "", "", "", "it has no attention", ""] },
    },
    norms: Array.from({ length: LAYERS + 1 }, (_, i) => 10 + 2 * i),
    before: says(0),
    after: says(share),
    kl: isOn ? share * 1.5 : null,
    count: 12,
    model: { name: "test/tiny", fingerprint: "0123456789", device: "cpu", dtype: "float32" },
    seconds: 0.02,
    created: "",
    code: `xw.Steer(lm, [${interventions.length}])`,
    json: JSON.stringify({ interventions }),
    ...spec.fields,
  };
  return { snapshot, buffers };
}

/** The trait under the type that all views share. */
export function steerTrait(steer: SteerPacked): Packed {
  return steer as unknown as Packed;
}

const words = (texts: readonly string[]): WrittenToken[] =>
  texts.map((text) => ({ id: [...text].reduce((sum, c) => sum * 31 + (c.codePointAt(0) ?? 0), 7), text }));

/** Answer one request as the kernel would; what is seen after it. */
export function replySteer(model: FakeModel, now: SteerPacked, ask: SteerRequest): SteerPacked {
  const { id, revision } = ask;
  if (ask.action === "look") {
    const tokens = ask.input?.text
      ? (ask.input.text.match(/ ?[^ ]+/g) ?? PROMPT)
      : (now.snapshot?.tokens.text ?? PROMPT);
    const next = inventSteer({
      tokens,
      interventions: ask.interventions ?? now.snapshot?.interventions ?? [],
      fields: { revision },
    });
    model.set("explanation", steerTrait(next));
    model.say({ type: "result", v: 1, id, revision } as never);
    return next;
  }
  const changed = (now.snapshot?.kl ?? 0) > 0.7;
  const message = {
    written_before: words(WRITES),
    written_after: words(changed ? WRITES_AFTER : WRITES),
  };
  model.say({ type: "result", v: 1, id, revision, ...message } as never);
  return now;
}

/** A host that answers at once, but for the actions on hold. */
export function serveSteer(model: FakeModel, first: SteerPacked, hold: readonly string[] = []): void {
  let now = first;
  model.answer = (message) => {
    if (message.type === "cancel" && message.id !== "probe") {
      queueMicrotask(() => model.say({ type: "cancelled", v: 1, id: message.id, revision: 0 }));
      return;
    }
    if (message.type !== "request") return;
    const ask = message as unknown as SteerRequest;
    if (hold.includes(ask.action)) return;
    queueMicrotask(() => {
      now = replySteer(model, now, ask);
    });
  };
}
