/** Invented CKA of two models of so many layers, and a kernel that can only do it again. */
import type { ArrayHeader, CKAPacked, CKASnapshot, Packed } from "../src/protocol/generated.ts";
import type { FakeModel } from "./fake-model.ts";

export interface CKASpec {
  rows?: number;
  columns?: number;
  one?: boolean;
  /** A stream of the rows that is the same at all samples. */
  constant?: number;
  /** Streams, counted from the embedding, that one sample decides. */
  loud?: readonly number[];
  fields?: Partial<CKASnapshot>;
}

const streams = (layers: number) => ["embedding", ...Array.from({ length: layers }, (_, i) => `layer ${i}`)];

export function inventCKA(spec: CKASpec = {}): CKAPacked {
  const { rows = 12, columns = spec.rows ?? 12, one = false, constant = -1 } = spec;
  const [down, across] = [streams(rows), streams(columns)];
  const debiased = new Float32Array(down.length * across.length);
  const plain = new Float32Array(debiased.length);
  for (let r = 0; r < down.length; r++) {
    for (let c = 0; c < across.length; c++) {
      const apart = Math.abs(r / down.length - c / across.length);
      const alike = Math.exp(-((3 * apart) ** 2)) * (one ? 1 : 0.95 - 0.4 * (r / down.length) ** 2) - (one ? 0 : 0.03);
      debiased[r * across.length + c] = r === constant ? Number.NaN : alike;
      plain[r * across.length + c] = r === constant ? Number.NaN : 0.6 + 0.4 * alike;
    }
  }
  const buffers: DataView[] = [];
  const put = (array: Float32Array, shape = [down.length, across.length]): ArrayHeader => {
    buffers.push(new DataView(array.buffer));
    return { dtype: "float32", shape, buffer: buffers.length - 1 };
  };
  const parts = (count: number) => Float32Array.from({ length: count }, (_, i) => (spec.loud?.includes(i) ? 0.9 : 0.1));
  const model = { name: "invented/tiny-12x6", fingerprint: "9f3c21aa77d0e1b2", device: "cpu", dtype: "float32" };
  const snapshot: CKASnapshot = {
    v: 1,
    revision: 0,
    kind: "cka",
    names: ["invented/tiny-12x6", one ? "invented/tiny-12x6" : "invented/tiny-tuned"],
    one,
    rows: down,
    columns: across,
    debiased: put(debiased),
    plain: put(plain),
    by_chance: 0.62,
    loudest: put(parts(down.length), [down.length]),
    loudest_columns: put(parts(across.length), [across.length]),
    n: 214,
    per: "position",
    n_texts: 4,
    texts: ["The capital of <b>France</b> is", "def add(a, b):"],
    first: false,
    widths: [576, 576],
    model,
    versus: one ? null : { ...model, fingerprint: "77aa21c39f3c21aa" },
    seconds: 0.8,
    created: "2026-01-01T00:00:00Z",
    code: 'import xai_widgets as xw\n\nlm = xw.load()\nxw.CKA(lm, ["The capital of France is"])',
    ...spec.fields,
  };
  return { snapshot, buffers };
}

/** Let a fake host compare again; `hold` leaves requests unanswered. */
export function serveCKA(model: FakeModel, spec: CKASpec, hold = false): void {
  model.answer = (message) => {
    if (message.type === "cancel" && message.id !== "probe") {
      queueMicrotask(() => model.say({ type: "cancelled", v: 1, id: message.id, revision: 0 }));
      return;
    }
    if (message.type !== "request" || hold) return;
    queueMicrotask(() => {
      const next = inventCKA(spec);
      model.set("explanation", ckaTrait({ ...next, snapshot: next.snapshot && { ...next.snapshot, revision: 1 } }));
      model.say({ type: "result", v: 1, id: message.id, revision: 1 });
    });
  };
}

/** The trait under the type that all views share. */
export function ckaTrait(cka: CKAPacked): Packed {
  return cka as unknown as Packed;
}
