/** Interventions as they are put together by hand: each step gives one that makes sense again. Values only. */
import type { DirectionSpec, InterventionSpec, SteerSites } from "../protocol/generated.ts";

export type What = InterventionSpec["what"];
export type How = InterventionSpec["how"];
export type Where = "all" | "from" | "at";
export type DirectionKind = DirectionSpec["kind"];

/** What new interventions are made of: the model's parts, and texts that make sense here. */
export interface Ground {
  readonly sites: SteerSites;
  /** Tokens of the prompt. */
  readonly count: number;
  readonly text: string;
  /** A token that may be steered towards. */
  readonly token: string;
}

const INDEXED: readonly What[] = ["head", "neuron"];
/** Two texts whose difference says something: to begin with. */
const PROMPTS = { positive: ["I love it"], negative: ["I hate it"] };

/** How many heads or neurons there are; null: the part is one. */
export function indices({ heads, neurons }: SteerSites, what: What, layer: number): number | null {
  if (what === "head") return heads[layer] ?? 0;
  return what === "neuron" ? (neurons[layer] ?? 0) : null;
}

/** Layers are counted from 0; the stream has one more, which leaves the last. */
export const lastLayer = ({ n_layers }: SteerSites, what: What) => (what === "resid" ? n_layers : n_layers - 1);

/** Why a part of a layer can't be changed; "" where it can. */
export const lacking = ({ lacks }: SteerSites, what: What, layer: number) => lacks[what]?.[layer] ?? "";

/** Parts that can be changed in some layer. */
export function whats(sites: SteerSites): What[] {
  const all: What[] = ["resid", "attn_out", "mlp_out", "head", "neuron"];
  return all.filter((what) => !sites.lacks[what]?.every((reason) => reason !== ""));
}

export function whereOf({ at, start }: InterventionSpec): Where {
  if (at) return "at";
  return start === undefined ? "all" : "from";
}

/** The position from which on, counted from 0. */
export const startOf = ({ start = 0 }: InterventionSpec, count: number) => (start < 0 ? start + count : start);

/** Chosen positions, counted from 0. */
export const chosenOf = ({ at = [] }: InterventionSpec, count: number) => at.map((p) => (p < 0 ? p + count : p));

/** Switches off the middle layer's MLP at the last token. */
export function fresh({ sites }: Ground): InterventionSpec {
  const layer = Math.floor(sites.n_layers / 2);
  const what = (["mlp_out", "attn_out"] as const).find((w) => !lacking(sites, w, layer)) ?? "resid";
  return { what, layer, how: "scale", value: what === "resid" ? 1 : 0, at: [-1] };
}

/** Pushes the stream of a later layer towards a token at the last position. */
export function towards({ sites, token }: Ground, value: number): InterventionSpec {
  const layer = Math.floor((sites.n_layers * 2) / 3);
  return { what: "resid", layer, how: "add", value, direction: { kind: "token", text: token }, at: [-1] };
}

/** Without the fields that the others leave no place for. */
function tidy(one: InterventionSpec, ground: Ground): InterventionSpec {
  const { what, how, on } = one;
  const layer = Math.max(0, Math.min(one.layer, lastLayer(ground.sites, what)));
  const kept: InterventionSpec = { what, layer, how };
  if (INDEXED.includes(what)) {
    const most = (indices(ground.sites, what, layer) ?? 1) - 1;
    kept.index = Math.max(0, Math.min(one.index ?? 0, most));
  }
  if (how === "swap") kept.source = one.source ?? ground.text;
  else if (how !== "set" && typeof one.value !== "number") kept.value = how === "scale" ? 1 : 0;
  else if (Array.isArray(one.value) && what !== one.what) kept.value = 0;
  else kept.value = one.value ?? 0;
  if (how === "add" && what !== "neuron") kept.direction = one.direction ?? { kind: "token", text: ground.token };
  if (one.at) kept.at = one.at;
  else if (one.start !== undefined) kept.start = one.start;
  if (on === false) kept.on = false;
  return kept;
}

export function withWhat(one: InterventionSpec, what: What, ground: Ground): InterventionSpec {
  // Of a head there is no direction of the stream to add, and of another part numbers mean something else.
  const how = what === "head" && one.how === "add" ? "scale" : one.how;
  const keeps = typeof one.value === "number" && how === one.how && (how === "scale" || what === one.what);
  return tidy(
    { ...one, what, how, value: keeps && one.value !== undefined ? one.value : how === "scale" ? 1 : 0 },
    ground,
  );
}

export function withHow(one: InterventionSpec, how: How, ground: Ground): InterventionSpec {
  if (how === one.how) return one;
  const { value: _, direction: __, source: ___, ...rest } = one;
  return tidy({ ...rest, how, ...(how === "swap" ? {} : { value: how === "scale" ? 1 : 0 }) }, ground);
}

export const withLayer = (one: InterventionSpec, layer: number, ground: Ground) => tidy({ ...one, layer }, ground);
export const withIndex = (one: InterventionSpec, index: number, ground: Ground) => tidy({ ...one, index }, ground);

export function withWhere(one: InterventionSpec, where: Where): InterventionSpec {
  const { at, start, ...rest } = one;
  if (where === "at") return { ...rest, at: at ?? [start ?? -1] };
  return where === "from" ? { ...rest, start: start ?? at?.[0] ?? 0 } : rest;
}

/** A token clicked: taken in or left out, or the one from which on. The last one chosen stays. */
export function withToken(one: InterventionSpec, position: number, count: number): InterventionSpec {
  if (one.start !== undefined) return { ...one, start: position };
  const now = chosenOf(one, count);
  const next = now.includes(position) ? now.filter((p) => p !== position) : [...now, position].sort((a, b) => a - b);
  return next.length ? { ...one, at: next } : one;
}

export function withKind(one: InterventionSpec, kind: DirectionKind, { sites, token }: Ground): InterventionSpec {
  const layer = Math.min(one.layer, sites.n_layers - 1);
  const made: Record<DirectionKind, DirectionSpec> = {
    token: { kind: "token", text: token },
    prompts: { kind: "prompts", layer: one.layer, ...PROMPTS },
    neuron: { kind: "neuron", layer, index: 0 },
    array: one.direction ?? { kind: "token", text: token },
  };
  // Another direction has another length: its old share of it says nothing.
  return kind === one.direction?.kind ? one : { ...one, direction: made[kind], value: 0 };
}

/** Kinds that can be chosen; numbers of one's own come from Python. */
export function kinds({ sites }: Ground, { direction }: InterventionSpec): DirectionKind[] {
  const neurons = sites.neurons.some((n) => n > 0) ? (["neuron"] as const) : [];
  return ["token", "prompts", ...neurons, ...(direction?.kind === "array" ? (["array"] as const) : [])];
}

/** Equal, whatever the order of fields: both languages write these. */
export const same = (a: unknown, b: unknown) => written(a) === written(b);

function written(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
