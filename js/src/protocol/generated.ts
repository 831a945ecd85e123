// Written from schema.py and wire/ of xai_widgets/protocol by typescript.py. Change it there.

export const PROTOCOL_VERSION = 1;

/**
 * An array in the buffer of that index: C order, little-endian. Axes are named where it is used.
 */
export interface ArrayHeader {
  dtype: "float32" | "float16" | "int32" | "uint8";
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
 * position: final) follow. `estimate`: the rest is an estimate, of each row or, where `sum` [pos] is given, of the sum
 * over rows alone. `tokens` and `unit_labels` come with the first part when the input changed.
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
  sum?: ArrayHeader;
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

/**
 * One call of attention: whose block, which of several in it, and its heads' place in arrays over all heads.
 *
 * `version` is an index into the snapshot's `versions`. `stack` is where the block stands: a `decoder` map looks from queries at
 * queries, an `encoder` map from keys at keys (where keys are null: from queries at queries), a `cross` map from queries at keys. `how`: how its weights are had.
 */
export interface AttentionMap {
  version: number;
  layer: number;
  nth: number;
  stack: "decoder" | "encoder" | "cross";
  first_head: number;
  n_heads: number;
  n_query: number;
  n_key: number;
  causal: boolean;
  how: string;
}

/**
 * Something a head may do, scored 0 to 1 for every head; from `threshold` on it is the head's label.
 */
export interface PatternInfo {
  name: string;
  title: string;
  doc: string;
  source: string;
  threshold: number;
}

/**
 * Everything the attention view needs before it asks for detail; with its buffers the trait `explanation`.
 *
 * `versions` names what is compared, in order: one, or two models or texts. `queries` are the positions of the text (of an
 * encoder-decoder: of the decoder), `keys` those of the encoder, else null; `other` those of the second version where its text is
 * another, else null.
 * `most` is the overview: for every head the largest weight in each of `cells` x `cells` squares of `cell` positions a side, uint8 of
 * 255 * sqrt(weight) [head, row, column]; `mean` the same of mean weights, null until fetched. `pattern_scores` [head,
 * pattern] float32, `labels` a pattern's name for each head or "". `sinks`: rows sum to less than 1, and every
 * map of `weight` has one column more than keys, the last: what no key gets. `missing` says in sentences which blocks have no
 * weights and why.
 */
export interface AttentionSnapshot {
  v: number;
  revision: number;
  kind: "attention";
  input: Input;
  text: string;
  versions: string[];
  queries: TokenColumns;
  keys: TokenColumns | null;
  other: TokenColumns | null;
  maps: AttentionMap[];
  missing: string[];
  cells: number;
  cell: number;
  most: ArrayHeader;
  mean: ArrayHeader | null;
  patterns: PatternInfo[];
  pattern_scores: ArrayHeader;
  labels: string[];
  sinks: boolean;
  model: ModelInfo | null;
  candidates: CandidateRow[];
  seconds: number | null;
  created: string;
  code: string;
}

/**
 * The trait `explanation` of an attention view.
 */
export interface AttentionPacked {
  snapshot: AttentionSnapshot | null;
  buffers: DataView[];
}

/**
 * Browser to kernel, from an attention view. `map` is an index into `maps`, `head` counts within that map.
 *
 * attend: a new overview of `input`. mean: the overview's means.
 * tile: weights of a square of `measure` at `level` (each cell 2**level positions a side; level 0 is exact), tile `row`, `column` of 256
 * cells a side, pooled by `pool`. line: one row (`axis` query) or column (`axis` key) at position `index`, exact float32.
 * pair: the dimensions of query and key behind one weight. off: what the model says next without a head (`head`), a whole layer
 * (`head` null) or one edge (`query`, `key`). effects: that for every head, on this text. elsewhere: on others, in the background.
 * flow: how much of each position reaches position `index` through all layers, by `method`.
 */
export interface AttentionRequest {
  type: "request";
  v: number;
  id: string;
  revision: number;
  view: string;
  action: "attend" | "mean" | "tile" | "line" | "pair" | "off" | "effects" | "elsewhere" | "flow";
  input?: Input;
  map?: number;
  head?: number | null;
  measure?: "weight" | "norm" | "value_zeroing";
  pool?: "max" | "mean";
  level?: number;
  row?: number;
  column?: number;
  axis?: "query" | "key";
  index?: number;
  query?: number;
  key?: number;
  method?: "rollout" | "flow";
}

/**
 * Kernel to browser: the end of an attention view's request, with what it asked for.
 *
 * array: mean uint8 [head, row, column] as `most`; tile float16 [row, column]; line float32 [position]; pair float32 [2,
 * d_head] (query, key; `scale` times their product, added up, is the logit before the softmax where `scale` is known); effects
 * float32 [head]: log-probability of the first candidate lost without that head, heads of the first version; elsewhere float32
 * [head]: the mean of its size over `prompts` other texts; flow float32 [layer + 1, position], the input first.
 * unit says what the numbers are in words. off: `before` and `after` (candidates of both, most probable first) and
 * `kl` in nats. effects: `agreement`, rank correlation over heads, here, of |effect| with how much the last position looks away from the
 * first token and with the length of what it takes in, by name.
 */
export interface AttentionResult {
  type: "result";
  v: number;
  id: string;
  revision: number;
  array?: ArrayHeader;
  unit?: string;
  scale?: number | null;
  before?: CandidateRow[];
  after?: CandidateRow[];
  kl?: number;
  agreement?: Record<string, number>;
  prompts?: number;
}

/**
 * Another model's lens over the same tokens. `top`, `prob`: as in the snapshot; their ids are in its `vocabulary` too.
 *
 * `kl` float32 [stream, pos]: KL(other's cell || this one's) in nats. `change` float32 [stream, pos]: the probability this model gives
 * to its own first token, less the other's of the same token. Both are no numbers where a position was not read yet.
 */
export interface LensOther {
  name: string;
  top: ArrayHeader;
  prob: ArrayHeader;
  kl: ArrayHeader;
  change: ArrayHeader;
}

/**
 * Everything the lens view needs before it asks for detail; with its buffers the trait `explanation`.
 *
 * `streams` names the residual streams in order: what enters the first block, then what leaves each; the last gives the model's own
 * answer. `top` int32 [stream, pos, k]: ids of the tokens that would come next if that stream left the last block, most probable first;
 * `prob` float32 of the same shape; both -1 where a position was not read yet (`known` uint8 [pos]; the last position comes first).
 * `vocabulary` and `texts` (the same length): the ids in `top`, and how they are written. `lens`: by which of `lenses` it was read;
 * `lens_words` says what that lens is, `notes` what is to be said of it. `prompt`: what a stream is read with unless another is typed.
 */
export interface LensSnapshot {
  v: number;
  revision: number;
  kind: "lens";
  input: Input;
  text: string;
  tokens: TokenColumns;
  streams: string[];
  k: number;
  top: ArrayHeader;
  prob: ArrayHeader;
  known: ArrayHeader;
  vocabulary: ArrayHeader;
  texts: string[];
  lens: "logit" | "tuned";
  lenses: ("logit" | "tuned")[];
  lens_words: string;
  notes: string[];
  other: LensOther | null;
  prompt: string;
  model: ModelInfo | null;
  candidates: CandidateRow[];
  seconds: number | null;
  created: string;
  code: string;
}

/**
 * The trait `explanation` of a lens view.
 */
export interface LensPacked {
  snapshot: LensSnapshot | null;
  buffers: DataView[];
}

/**
 * Browser to kernel, from a lens view.
 *
 * look: read `input` (or the same again), by `lens`. follow: rank and probability of `token` (or of `text`, its first token) in every stream at position
 * `index`. cell: the most probable tokens of stream `layer` at position `index`. measure: a number for every cell (entropy in nats; kl,
 * from the final answer to the cell's, in nats; agreement, 1 where the first token is the final answer's). These three of the other
 * model if `whose` says so. scope: put stream `layer` at `index` in the place of stream `into` at a placeholder of the prompt `text`, and
 * let the model write at most `tokens` on.
 */
export interface LensRequest {
  type: "request";
  v: number;
  id: string;
  revision: number;
  view: string;
  action: "look" | "follow" | "cell" | "measure" | "scope";
  input?: Input;
  index?: number;
  layer?: number;
  token?: number;
  text?: string;
  measure?: "entropy" | "kl" | "agreement";
  lens?: "logit" | "tuned";
  whose?: "this" | "other";
  into?: number;
  tokens?: number;
}

/**
 * Kernel to browser: the end of a lens view's request, with what it asked for.
 *
 * array: follow float32 [2, stream], rank (0 is the first) and probability; measure float32 [stream, pos]. token, text: what is
 * followed. candidates: of the cell, most probable first. scope: `text`, what was written; `candidates` and `before`, next tokens of the
 * prompt with the stream put in and as it is; `pieces`, the prompt's tokens; `at`, which of them was the placeholder.
 */
export interface LensResult {
  type: "result";
  v: number;
  id: string;
  revision: number;
  array?: ArrayHeader;
  token?: number;
  text?: string;
  candidates?: CandidateRow[];
  before?: CandidateRow[];
  pieces?: string[];
  at?: number;
}

/**
 * Noise on a subject.
 *
 * `subject` as it was typed (null: chosen by its tokens), `positions` of its tokens; `scale` in standard deviations of the embedding
 * table; `samples` draws from `seed`; `together` layers of attention or MLP restored together, null: as fits.
 *
 * In a request one of `subject` and `positions` is enough, and what is left out stays (or is as usual).
 */
export interface NoiseSpec {
  subject?: string | null;
  positions?: number[];
  scale?: number;
  samples?: number;
  seed?: number;
  together?: number | null;
}

/**
 * What a part is replaced by.
 *
 * `kind`: `zero`, `mean` or `resample`; over `texts` (none: the prompt's own positions). `template`: they have as
 * many tokens as the prompt, so that each position is taken by itself. In a request what is left out stays (or is as usual).
 */
export interface AblationSpec {
  kind: "zero" | "mean" | "resample";
  texts?: string[];
  samples?: number;
  seed?: number;
  template?: boolean;
}

/**
 * What was asked first, so that it can be seen and edited before there is a picture, also where there never is one.
 */
export interface PatchingAsked {
  against: "prompt" | "noise" | "ablation";
  clean: Input;
  corrupted: Input | null;
  noise: NoiseSpec | null;
  ablation: AblationSpec | null;
  direction: "denoise" | "noise";
  part: "resid" | "attn_out" | "mlp_out" | "head";
}

/**
 * Everything the patching view needs before it asks for detail; with its buffers the trait `explanation`.
 *
 * `clean` is the prompt as typed. `against` says what it is held against: another `prompt` (`corrupted`), `noise` on its subject, or an
 * `ablation`; the others of the three are null. `denoise` puts clean states into the corrupted prompt's pass, `noise` the
 * reverse: the pass that is patched is of `base`, states come from `source` (token columns). `pairs` int32 [pos of base]: the counterpart
 * in `source`, -1 where there is none. `part` is what is exchanged: `resid`, what enters a layer at a position; `attn_out`, `mlp_out`, what
 * its attention or MLP adds there; `head`, what one head adds, at all positions: then `columns` names the heads, otherwise it is
 * empty and columns are the positions of base. `rows` names the layers. `values` float32 [layer, column]: the number with
 * that cell patched, not a number where it was not run or can't be; `exact` uint8 [layer]: run, not estimated. `estimate` float32 of the
 * same shape: what attribution patching says of every cell. `agreement`: correlation of both over the rows that were run, null before.
 * The number is the logit of `target`, less that of `other` where there is one; `base_value` and `source_value` are the two
 * passes' own; without a second pass (an ablation) `source_value` is null, and what is shown is what the number loses: `base_value` less
 * the cell's. `quantity` says what the number is made of: `logit`, `log_prob` (natural) or `prob` of the whole continuation;
 * `target_ids`, `other_ids` are all its tokens, `target` and `other` have its text and the numbers of its first token.
 * Under noise numbers are means over draws, under `resample` over texts; `error` float32 like `values`: their standard error, null of
 * one draw or while rows are run. `together`: layers a cell stands for. `base_candidates`, `source_candidates`: next tokens of both passes.
 */
export interface PatchingSnapshot {
  v: number;
  revision: number;
  kind: "patching";
  against: "prompt" | "noise" | "ablation";
  clean: Input;
  corrupted: Input | null;
  noise: NoiseSpec | null;
  ablation: AblationSpec | null;
  together: number;
  direction: "denoise" | "noise";
  part: "resid" | "attn_out" | "mlp_out" | "head";
  columns: string[];
  base: TokenColumns;
  source: TokenColumns;
  pairs: ArrayHeader;
  rows: string[];
  values: ArrayHeader;
  exact: ArrayHeader;
  estimate: ArrayHeader;
  agreement: number | null;
  error: ArrayHeader | null;
  quantity: "logit" | "log_prob" | "prob";
  target: CandidateRow;
  target_ids: number[];
  other: CandidateRow | null;
  other_ids: number[];
  base_value: number;
  source_value: number | null;
  base_candidates: CandidateRow[];
  source_candidates: CandidateRow[];
  model: ModelInfo | null;
  seconds: number | null;
  created: string;
  code: string;
}

/**
 * The trait `explanation` of a patching view.
 */
export interface PatchingPacked {
  snapshot: PatchingSnapshot | null;
  buffers: DataView[];
  asked?: PatchingAsked;
}

/**
 * Browser to kernel, from a patching view.
 *
 * look: other prompts, something else to hold the clean one against (`against` with what goes with it), another direction, part or
 * number; what is left out stays (a target or `other` of null is chosen anew: what the clean and the corrupted prompt say next; without
 * another prompt no `other`; a quantity of null is the usual one). cell: what the base's pass says next with the cell of `layer` and column `index` patched.
 */
export interface PatchingRequest {
  type: "request";
  v: number;
  id: string;
  revision: number;
  view: string;
  action: "look" | "cell";
  against?: "prompt" | "noise" | "ablation";
  clean?: Input;
  corrupted?: Input;
  noise?: NoiseSpec;
  ablation?: AblationSpec;
  direction?: "denoise" | "noise";
  part?: "resid" | "attn_out" | "mlp_out" | "head";
  quantity?: "logit" | "log_prob" | "prob" | null;
  target?: TargetSpec | null;
  other?: TargetSpec | null;
  layer?: number;
  index?: number;
}

/**
 * Kernel to browser: the end of a patching view's request. cell: `before` and `after` (candidates of both), `value`: the number.
 */
export interface PatchingResult {
  type: "result";
  v: number;
  id: string;
  revision: number;
  before?: CandidateRow[];
  after?: CandidateRow[];
  value?: number;
}

/**
 * Why a layer can't be split over heads, and why not over neurons; "" where it can.
 */
export interface Unsplit {
  layer: number;
  heads: string;
  neurons: string;
}

/**
 * Part by part, how much more the first model writes than the second, both read at the first's scale of the last norm.
 *
 * `components` are those of the snapshot and one more, the last: what the second's own scale makes of its parts. `values` sum to
 * the difference of the two logits; `heads` are not a number where either model has none.
 */
export interface DirectDifference {
  components: string[];
  kinds: string[];
  layers: number[];
  values: ArrayHeader;
  heads: ArrayHeader;
}

/**
 * The same logit split in the model that is compared with: the fields of `DirectSnapshot` that are its own.
 *
 * `values` are of the same components; `heads` float32 [layer, head] may have another number of heads. `scale`: how many times as
 * much its last norm divides by as that of the first.
 */
export interface DirectVersion {
  name: string;
  values: ArrayHeader;
  heads: ArrayHeader;
  unsplit: Unsplit[];
  logit: number;
  softcap: number | null;
  gap: number;
  target: CandidateRow;
  other: CandidateRow | null;
  model: ModelInfo | null;
  scale: number;
  difference: DirectDifference;
}

/**
 * Everything the view of direct logit attribution needs before it asks for detail; with its buffers the trait `explanation`.
 *
 * What is split is `logit`: of `target` after the last token, less that of `other` where there is one (before a soft cap, where
 * `softcap` is a number). `components` are its parts in order, each with its kind (embedding, attn, mlp, mixer, bias) and layer (-1: none);
 * `values` float32 [component] sum to `logit` up to `gap` (a share of the largest logit). `heads` float32 [layer, head] is of
 * attention's components, not a number where there is none. `gaps`: sentences about layers that can't be split over heads;
 * `unsplit`: every layer that can't be split over heads or neurons, with the reasons. `mlps`: layers whose neurons can be asked for.
 * `versus`: the same of another model over the same text, which `name` is told from.
 */
export interface DirectSnapshot {
  v: number;
  revision: number;
  kind: "direct";
  input: Input;
  text: string;
  tokens: TokenColumns;
  components: string[];
  kinds: string[];
  layers: number[];
  values: ArrayHeader;
  heads: ArrayHeader;
  gaps: string[];
  unsplit: Unsplit[];
  mlps: number[];
  logit: number;
  softcap: number | null;
  gap: number;
  target: CandidateRow;
  other: CandidateRow | null;
  name: string;
  versus: DirectVersion | null;
  candidates: CandidateRow[];
  model: ModelInfo | null;
  seconds: number | null;
  created: string;
  code: string;
}

/**
 * The trait `explanation` of such a view.
 */
export interface DirectPacked {
  snapshot: DirectSnapshot | null;
  buffers: DataView[];
}

/**
 * A neuron of an MLP: how much it is on, its share of the logit, and words one unit of it speaks for and against.
 */
export interface NeuronRow {
  index: number;
  activation: number;
  share: number;
  top: string[];
  bottom: string[];
}

/**
 * Browser to kernel, from a view of direct logit attribution.
 *
 * look: another text, target or contrast; what is left out stays (a target of null is the most probable token, an `other` of null
 * none). neurons: the strongest of the MLP of `layer`. head: where `head` of `layer` looks from the last position. `version`: of
 * which model, 0 (left out) or 1 where two are compared.
 */
export interface DirectRequest {
  type: "request";
  v: number;
  id: string;
  revision: number;
  view: string;
  action: "look" | "neurons" | "head";
  input?: Input;
  target?: TargetSpec | null;
  other?: TargetSpec | null;
  layer?: number;
  head?: number;
  version?: number;
}

/**
 * Where a head looks from the last position, and what comes from there.
 *
 * `share`: of the logit. `weights` float32 [key]. `shares` float32 [key], which sum to it; None where they can't be had, for the
 * `reason`. `pattern` float16 [query, key], None above `longest` tokens. Keys beyond the text's tokens are the layer's own entries.
 */
export interface HeadRow {
  share: number;
  weights: ArrayHeader;
  shares: ArrayHeader | null;
  reason: string;
  pattern: ArrayHeader | null;
  longest: number;
}

/**
 * Kernel to browser: the end of such a request. neurons: largest share first, whatever its sign; head: with buffers.
 */
export interface DirectResult {
  type: "result";
  v: number;
  id: string;
  revision: number;
  neurons?: NeuronRow[];
  head?: HeadRow;
}

/**
 * Everything the circuit view needs before it asks for detail; with its buffers the trait `explanation`.
 *
 * Two prompts, `clean` and `corrupted` as typed (null: a graph opened from a file), read as `base` and `source` (token columns; source null
 * of a file), and the graph of who reads whom. `steps` are of `eap_ig`, `threshold` of `acdc`.
 * Nodes, in the order of the pass: `names`, `kinds` (embedding, head, mlp, logits; attn where a block's heads can't be told apart; of a file
 * also feature, error, token), `layers` int32 [node] (-1: before the first, n_layers: after the last), `index` int32 [node]
 * (head or feature, -1: none), `pos` int32 [node] (position, -1: all), `labels` (what a feature stands for, or "").
 * Edges, the strongest first: `sources`, `targets` int32 [edge], indices of nodes; `paths` uint8 [edge], by what the reader
 * takes it in: 0 its whole input, 1 query, 2 key, 3 value; `scores` float32 [edge], in the number's unit: what the number is
 * estimated to lose if this edge carried what it carries in the corrupted prompt (positive: it speaks for the answer; of a file the
 * weight). `n_edges`: how many there are with those too weak to be sent. `kept` uint8 [edge]: in the circuit, that is among the
 * `size` strongest and on a way from the input to the logits. `exact` float32 [edge]: what it really loses, not a number where it was not run.
 * `curve` float32 [point, 4]: edges asked for, edges kept, faithfulness, completeness. Faithfulness: number of the circuit alone, where
 * all other edges carry what they carry in the corrupted prompt, as a share of the way from the corrupted prompt's number (0) to the clean one's (1);
 * completeness: the same of the rest without the circuit (a complete circuit leaves 0). `faithfulness` and `completeness` are of what is kept,
 * null where it was not run.
 * The number is the logit of `target` less that of `other` where there is one; `base_value` is the clean prompt's, `source_value` what is
 * left of it with every edge cut: of prompts of one length the corrupted prompt's.
 */
export interface CircuitSnapshot {
  v: number;
  revision: number;
  kind: "circuit";
  title: string;
  clean: Input | null;
  corrupted: Input | null;
  base: TokenColumns;
  source: TokenColumns | null;
  method: "eap" | "eap_ig" | "acdc" | "file";
  steps: number;
  threshold: number;
  names: string[];
  kinds: string[];
  layers: ArrayHeader;
  index: ArrayHeader;
  pos: ArrayHeader;
  labels: string[];
  sources: ArrayHeader;
  targets: ArrayHeader;
  paths: ArrayHeader;
  scores: ArrayHeader;
  exact: ArrayHeader;
  kept: ArrayHeader;
  n_edges: number;
  size: number;
  faithfulness: number | null;
  completeness: number | null;
  curve: ArrayHeader;
  target: CandidateRow | null;
  other: CandidateRow | null;
  base_value: number | null;
  source_value: number | null;
  base_candidates: CandidateRow[];
  source_candidates: CandidateRow[];
  model: ModelInfo | null;
  seconds: number | null;
  created: string;
  code: string;
}

/**
 * The trait `explanation` of a circuit view.
 */
export interface CircuitPacked {
  snapshot: CircuitSnapshot | null;
  buffers: DataView[];
}

/**
 * Browser to kernel, from a circuit view.
 *
 * look: other prompts, method, number of steps (of eap_ig), threshold (of acdc) or number; what is left out stays (a target or `other`
 * of null is chosen anew). keep: the circuit of the `size` strongest edges, with the patched check. edge: what the base's pass says next
 * if the edge `edge` alone carries what it carries in the corrupted prompt (path patching).
 */
export interface CircuitRequest {
  type: "request";
  v: number;
  id: string;
  revision: number;
  view: string;
  action: "look" | "keep" | "edge";
  clean?: Input;
  corrupted?: Input;
  method?: "eap" | "eap_ig" | "acdc";
  steps?: number;
  threshold?: number;
  target?: TargetSpec | null;
  other?: TargetSpec | null;
  size?: number;
  edge?: number;
}

/**
 * Kernel to browser: the end of a circuit view's request, with what it asked for.
 *
 * keep: array uint8 [edge], what is kept; size, faithfulness, completeness; `before` (the whole model) and `after` (the circuit alone), next
 * tokens. edge: `before` and `after`, value: what the number loses.
 */
export interface CircuitResult {
  type: "result";
  v: number;
  id: string;
  revision: number;
  array?: ArrayHeader;
  size?: number;
  faithfulness?: number;
  completeness?: number;
  before?: CandidateRow[];
  after?: CandidateRow[];
  value?: number;
}

/**
 * A direction of the residual stream as `core.directions.Direction` writes it: what its kind needs, nothing else.
 */
export interface DirectionSpec {
  kind: "prompts" | "token" | "neuron" | "array";
  layer?: number;
  positive?: string[];
  negative?: string[];
  text?: string | number;
  index?: number;
  vector?: number[];
}

/**
 * One intervention as `core.interventions.Intervention` writes it; what is left out is its usual value.
 */
export interface InterventionSpec {
  what: "resid" | "attn_out" | "mlp_out" | "head" | "neuron";
  layer: number;
  how: "set" | "scale" | "add" | "swap";
  index?: number;
  value?: number | number[];
  direction?: DirectionSpec;
  source?: string | number[];
  at?: number[];
  start?: number;
  on?: boolean;
}

/**
 * What is known of one intervention on this text.
 *
 * `at`: positions of the prompt that it changes. `now` float32 [pos]: what the activation is without any intervention, its norm (of a
 * neuron its value). `width`: numbers of the activation at one position. `length`: norm of its direction as used, null without one.
 */
export interface SteerRow {
  at: number[];
  now: ArrayHeader;
  width: number;
  length: number | null;
}

/**
 * What can be changed: by layer, how many heads and neurons (0: none that can be told apart), and for each part that can't be changed in some layer the reasons ("" where it can).
 */
export interface SteerSites {
  n_layers: number;
  heads: number[];
  neurons: number[];
  lacks: Record<string, string[]>;
}

/**
 * Everything the steering view needs before it asks what the model writes; with its buffers the trait `explanation`.
 *
 * `interventions` are done in order; `rows` says of each what is known. `norms`: median over positions of the norm of the stream that
 * enters each layer, and of what leaves the last. `before`, `after`: next tokens without and with the interventions, `kl` in nats from
 * the first distribution to the second (null: without any that is on). `count`: tokens to be written. `code`, `json`: the same as a
 * cell, and as `xw.Steer.save` writes it.
 */
export interface SteerSnapshot {
  v: number;
  revision: number;
  kind: "steer";
  input: Input;
  tokens: TokenColumns;
  interventions: InterventionSpec[];
  rows: SteerRow[];
  sites: SteerSites;
  norms: number[];
  before: CandidateRow[];
  after: CandidateRow[];
  kl: number | null;
  count: number;
  model: ModelInfo | null;
  seconds: number | null;
  created: string;
  code: string;
  json: string;
}

/**
 * The trait `explanation` of a steering view.
 */
export interface SteerPacked {
  snapshot: SteerSnapshot | null;
  buffers: DataView[];
}

/**
 * Browser to kernel, from a steering view.
 *
 * look: another text, other interventions; what is left out stays. `settled`: false while a slider moves (such steps are one for undo).
 * write: what the model writes after the text, without and with the interventions of the picture; `count` tokens each.
 */
export interface SteerRequest {
  type: "request";
  v: number;
  id: string;
  revision: number;
  view: string;
  action: "look" | "write";
  input?: Input;
  interventions?: InterventionSpec[];
  settled?: boolean;
  count?: number;
}

/**
 * A token the model wrote.
 */
export interface WrittenToken {
  id: number;
  text: string;
}

/**
 * Kernel to browser: the end of such a request. write: both continuations.
 */
export interface SteerResult {
  type: "result";
  v: number;
  id: string;
  revision: number;
  written_before?: WrittenToken[];
  written_after?: WrittenToken[];
}

/**
 * Everything the view of CKA draws; with its buffers the trait `explanation`. It asks for no more.
 *
 * `rows` and `columns` name the residual streams of the two models, in order; `names` the models (`one`: they are one). `debiased` and
 * `plain` float32 [row, column]: not a number where a stream is the same at all samples. `by_chance`: about what `plain` is for
 * independent streams. `loudest` float32 [row] and `loudest_columns` float32 [column]: the part of a stream's variance that is one
 * sample's, the largest such. `n` samples, each a position or a whole text (`per`), of `n_texts` texts; `texts` are the first of them, cut.
 * `first`: first positions count too.
 */
export interface CKASnapshot {
  v: number;
  revision: number;
  kind: "cka";
  names: string[];
  one: boolean;
  rows: string[];
  columns: string[];
  debiased: ArrayHeader;
  plain: ArrayHeader;
  by_chance: number;
  loudest: ArrayHeader;
  loudest_columns: ArrayHeader;
  n: number;
  per: "position" | "text";
  n_texts: number;
  texts: string[];
  first: boolean;
  widths: number[];
  model: ModelInfo | null;
  versus: ModelInfo | null;
  seconds: number | null;
  created: string;
  code: string;
}

/**
 * The trait `explanation` of such a view.
 */
export interface CKAPacked {
  snapshot: CKASnapshot | null;
  buffers: DataView[];
}

/**
 * Browser to kernel, from a view of CKA: compare the same texts again.
 */
export interface CKARequest {
  type: "request";
  v: number;
  id: string;
  revision: number;
  view: string;
  action: "look";
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
