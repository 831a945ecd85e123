// Written from xai_widgets/protocol/schema.py by typescript.py. Change it there.

export const PROTOCOL_VERSION = 1;

/**
 * An array in the buffer of that index: C order, little-endian. Axes are named where it is used.
 */
export interface ArrayHeader {
  dtype: "float32" | "int32" | "uint8";
  shape: number[];
  buffer: number;
}

/**
 * One chat message.
 */
export interface Message {
  role: string;
  content: string;
}

/**
 * What was typed: a text, or chat messages, or ids (then not editable).
 */
export interface Input {
  kind: "text" | "chat" | "ids";
  text?: string;
  messages?: Message[];
}

/**
 * A choice of target or contrast: a vocabulary entry, a text, the n-th generated token, or several tokens in order.
 */
export interface TargetSpec {
  kind: "token" | "text" | "generated" | "tokens";
  id?: number;
  text?: string;
  index?: number;
  parts?: (number | string)[];
}

/**
 * All tokens, by column.
 *
 * `unit` is the entry of the position axis each belongs to, `turn` the chat message (0 in plain text); spans are -1
 * where there is none.
 */
export interface TokenColumns {
  text: string[];
  raw: string[];
  kind: string[];
  role: string[];
  part: string[];
  id: ArrayHeader;
  start: ArrayHeader;
  end: ArrayHeader;
  unit: ArrayHeader;
  turn: ArrayHeader;
}

/**
 * One entry of the target axis.
 */
export interface TargetRow {
  text: string;
  id: number;
  contrast: string;
  value: number | null;
  baseline_value: number | null;
}

/**
 * A possible next token, or one that was generated (with the probability it had).
 */
export interface CandidateRow {
  id: number;
  text: string;
  prob: number;
  logit: number;
}

/**
 * How exact the scores are; null is unknown.
 */
export interface QualityInfo {
  exact: boolean | null;
  relative_gap: number | null;
  n_samples: number | null;
  standard_error: ArrayHeader | null;
}

/**
 * One parameter of a method, for the picker.
 */
export interface ParamInfo {
  name: string;
  kind: "int" | "float" | "bool" | "choice" | "text";
  value: unknown;
  choices: string[];
  doc: string;
}

/**
 * One method: for the header and the picker. Cost texts are null until measured.
 */
export interface MethodInfo {
  name: string;
  title: string;
  family: string;
  summary: string;
  reference: string;
  params: ParamInfo[];
  available: boolean;
  reason: string;
  seconds: number | null;
  cost: string;
}

/**
 * The model, for header and footer.
 */
export interface ModelInfo {
  name: string;
  fingerprint: string;
  device: string;
  dtype: string;
}

/**
 * Everything a view needs to draw one answer. With its buffers it is the trait `explanation`, and a saved page.
 */
export interface Snapshot {
  v: number;
  revision: number;
  input: Input;
  text: string;
  tokens: TokenColumns;
  unit_kind: string;
  unit_labels: string[];
  axes: string[];
  scores: ArrayHeader | null;
  labels: Record<string, string[]>;
  rows: TargetRow[];
  quantity: string;
  each: boolean;
  unit: string;
  signed: boolean;
  baseline: string | null;
  quality: QualityInfo;
  method: MethodInfo | null;
  model: ModelInfo | null;
  candidates: CandidateRow[];
  generated: CandidateRow[];
  target: TargetSpec | null;
  contrast: TargetSpec | null;
  n_prompt: number;
  seconds: number | null;
  seed: number | null;
  created: string;
  code: string;
}

/**
 * The trait `explanation`: a snapshot (null before the first answer) and the buffers its headers count.
 */
export interface Packed {
  snapshot: Snapshot | null;
  buffers: DataView[];
}

/**
 * Pinned entries only, by axis; hovering stays in the browser. `source` says which view set it.
 */
export interface Selection {
  pos: number[];
  target: number[];
  source: string;
}

/**
 * How to show, not what.
 */
export interface Display {
  row: number | null;
  link_id: string | null;
}

/**
 * A refusal: a stable code, what went wrong, what was given, what is accepted, what to do.
 */
export interface ErrorInfo {
  code: string;
  problem: string;
  given: string;
  accepted: string;
  hint: string;
}

/**
 * What the kernel is doing for this widget. `asks`: too long to start without a yes.
 */
export interface Status {
  state: "idle" | "running" | "asks" | "error" | "cancelled" | "static";
  error: ErrorInfo | null;
  cost: string;
  seconds: number | null;
}

/**
 * Browser to kernel: ask something. `view` tells whose it is.
 *
 * explain: fields left out keep the value of the last answer; `generated` gives the ids of tokens that were written before
 * (undo needs them); `confirmed` says yes to a long run.
 * generate: write `max_new_tokens` tokens after the input. methods: list methods with their cost for this question.
 */
export interface Request {
  type: "request";
  v: number;
  id: string;
  revision: number;
  view: string;
  action: "explain" | "generate" | "methods";
  input?: Input;
  target?: TargetSpec | null;
  contrast?: TargetSpec | null;
  quantity?: string;
  method?: string;
  params?: Record<string, unknown>;
  unit?: string;
  generated?: number[];
  max_new_tokens?: number;
  confirmed?: boolean;
}

/**
 * Browser to kernel: stop that request.
 */
export interface Cancel {
  type: "cancel";
  v: number;
  id: string;
}

/**
 * Browser to kernel: rows of the target axis that were too large to push. Answered by `result`.
 */
export interface Fetch {
  type: "fetch";
  v: number;
  id: string;
  view: string;
  revision: number;
  row: number;
}

/**
 * Kernel to browser: accepted (done 0 of 0), how far, and partial answers as they come.
 *
 * `candidates` come first; `scores` (target x pos over the same units as the final ones) with `known` (uint8 a
 * position) follow, as an estimate first where the method has one. `tokens` and `unit_labels` come with the first part
 * when the input changed.
 */
export interface Progress {
  type: "progress";
  v: number;
  id: string;
  revision: number;
  done: number;
  total: number;
  note: string;
  candidates?: CandidateRow[];
  snapshot?: Snapshot;
  scores?: ArrayHeader;
  known?: ArrayHeader;
  estimate?: boolean;
}

/**
 * Kernel to browser: that request is done; a new explanation is in the trait (`revision` says which).
 */
export interface Result {
  type: "result";
  v: number;
  id: string;
  revision: number;
  methods?: MethodInfo[];
  scores?: ArrayHeader;
}

/**
 * Kernel to browser: that request was refused or broke.
 */
export interface Failure {
  type: "error";
  v: number;
  id: string;
  revision: number;
  error: ErrorInfo;
}

/**
 * Kernel to browser: that request was cancelled, or replaced by a newer one.
 */
export interface Cancelled {
  type: "cancelled";
  v: number;
  id: string;
  revision: number;
}

/**
 * A saved page to its own view: nobody is there to compute.
 */
export interface NoKernel {
  type: "no-kernel";
  id: string;
}

export type ToKernel = Request | Cancel | Fetch;

export type ToBrowser = Progress | Result | Failure | Cancelled | NoKernel;

/** Synced state of every widget. */
export interface Traits {
  explanation: Packed;
  selection: Selection;
  display: Display;
  status: Status;
  protocol_version: number;
  uid: string;
}
